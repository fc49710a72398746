"""A page can make its kernel move widgets, and nothing else."""

import json

import pytest
from jupyter_server.services.kernels.connection.base import (
    deserialize_msg_from_ws_v1,
    serialize_msg_to_ws_v1,
)

from tests.e2e.servers import serving
from tests.e2e.test_http import ask, channels, kernel_of, write_notebook

pytestmark = pytest.mark.e2e

# Every request of the protocol 5.4 but those that widgets need, on the channels that there are.
REFUSED = {
    "execute_request": {"silent": False, "store_history": False, "allow_stdin": False},
    "inspect_request": {"cursor_pos": 1, "detail_level": 0},
    "complete_request": {"cursor_pos": 1},
    "history_request": {"hist_access_type": "tail", "n": 5, "output": False, "raw": True},
    "is_complete_request": {},
    "connect_request": {},
    "debug_request": {"type": "request", "seq": 1, "command": "evaluate"},
    "create_subshell_request": {},
    "usage_request": {},
    "input_reply": {"value": "x"},
    "no_such_request": {},
}

# Contents of comm messages that no front end sends; ID is that of a widget.
MALFORMED = [
    {},
    [],
    7,
    "text",
    None,
    {"comm_id": "ID"},
    {"comm_id": "no such\nERROR: line", "target_name": "no such\nERROR: line", "data": {}},
    {"comm_id": None, "target_name": None},
    {"comm_id": [], "target_name": []},
    {"comm_id": {}, "target_name": {"a": 1}},
    {"comm_id": "x" * 100_000, "target_name": "x" * 100_000},
    {"comm_id": "new", "target_name": "jupyter.widget", "data": {}},
    {"comm_id": "new", "target_name": "jupyter.widget", "data": {"state": {"_model_name": "X"}}},
    {"comm_id": "new", "target_name": "jupyter.widget.control", "data": 7},
    *(
        {"comm_id": "ID", "data": data}
        for data in (
            None,
            [],
            {},
            {"method": None},
            {"method": "no such\nERROR: line"},
            {"method": "x" * 100_000},
            {"method": "update"},
            {"method": "update", "state": 7, "buffer_paths": []},
            {"method": "update", "state": {}, "buffer_paths": [["a"]]},
            {"method": "update", "state": {"a": 1}, "buffer_paths": 7},
            {"method": "update", "state": {"layout": "IPY_MODEL_none"}, "buffer_paths": []},
            {"method": "custom"},
        )
    ),
]


def sent(kind, content, number, channel="shell"):
    header = {"msg_id": number, "msg_type": kind, "username": "", "session": "x"}
    header |= {"date": "2026-01-01T00:00:00Z", "version": "5.4"}
    parts = [json.dumps(each).encode() for each in (header, {}, {}, content)]
    return serialize_msg_to_ws_v1(parts, channel)


def test_no_message_makes_a_kernel_run_code_or_tell_of_itself(team, cookies, tmp_path):
    cookie = cookies.of(cookies.begin("ben"))
    kernel = kernel_of(ask(team, "/", cookies=cookie))
    trace = tmp_path / "trace"
    code = f"open({str(trace)!r}, 'w').close()"
    with channels(team, kernel, cookies=cookie) as page:
        for kind, content in REFUSED.items():
            for channel in ("shell", "control", "stdin"):
                page.send(sent(kind, content | {"code": code}, f"{kind} {channel}", channel))
        page.send(sent("kernel_info_request", {}, "last"))
        answered = set()
        while "last" not in answered:
            _, parts = deserialize_msg_from_ws_v1(page.recv(timeout=60))
            parent = json.loads(parts[1])
            if json.loads(parts[0])["msg_type"].endswith("_reply") or b'"idle"' in parts[3]:
                answered.add(parent.get("msg_id"))
    assert not answered & {f"{kind} {at}" for kind in REFUSED for at in ("shell", "control")}
    assert not trace.exists()


@pytest.fixture(scope="module")
def number_page(tmp_path_factory):
    """A server of a page with one widget."""
    folder = tmp_path_factory.mktemp("number")
    cells = (
        "from ipywidgets import IntText\nfrom imgurer_kernel.ui.visitor import visitor",
        "visitor()",
        "IntText()",
    )
    notebook = write_notebook(folder / "dashboard.ipynb", *cells)
    with serving(folder / "store", notebook=notebook, preheat=0) as server:
        yield server


def test_an_error_of_a_kernel_is_told_without_details_and_the_page_goes_on(number_page):
    """The server failed to pass it on, and passed on nothing more."""
    server = number_page
    kernel = kernel_of(ask(server, "/"))
    with channels(server, kernel) as page:

        def answers_to(kind, content, number="1"):
            page.send(sent(kind, content, kind + number))
            found, reply = {}, kind.replace("_request", "_reply")
            while b'"idle"' not in found.get("status", b"") or reply not in {kind, *found}:
                _, parts = deserialize_msg_from_ws_v1(page.recv(timeout=60))
                if json.loads(parts[1]).get("msg_id") == kind + number:
                    found[json.loads(parts[0])["msg_type"]] = parts[3]
            return found

        models = answers_to("comm_info_request", {"target_name": "jupyter.widget"})
        state = {"layout": "IPY_MODEL_none"}
        data = {"method": "update", "state": state, "buffer_paths": []}
        errors = [
            answers_to("comm_msg", {"comm_id": comm_id, "data": data}, comm_id).get("error")
            for comm_id in json.loads(models["comm_info_reply"])["comms"]
        ]
        (error,) = filter(None, errors)
        assert json.loads(error)["ename"] == "ExecutionError"
        assert b"Traceback" not in error
        assert answers_to("kernel_info_request", {})
    assert not any("AttributeError" in line for line in server.lines)


def test_malformed_messages_are_few_lines_of_the_log_and_nothing_else(number_page):
    """Each was a traceback on the server's terminal, or on the page."""
    server = number_page
    kernel = kernel_of(ask(server, "/"))
    printed = len(server.lines)
    with channels(server, kernel) as page:

        def kinds_until(number):
            """Read until the reply to a message; returns the kinds of all messages, and it."""
            kinds = set()
            while True:
                _, parts = deserialize_msg_from_ws_v1(page.recv(timeout=60))
                kinds.add(json.loads(parts[0])["msg_type"])
                is_reply = json.loads(parts[0])["msg_type"].endswith("_reply")
                if is_reply and json.loads(parts[1]).get("msg_id") == number:
                    return kinds, json.loads(parts[3])

        page.send(sent("comm_info_request", {}, "widgets"))
        comm_id = next(iter(kinds_until("widgets")[1]["comms"]))
        kinds = set()
        for turn in range(3):
            for kind in ("comm_open", "comm_msg", "comm_close"):
                for content in MALFORMED:
                    if kind == "comm_close" and "ID" in str(content):
                        continue  # that would be allowed
                    text = json.dumps(content).replace("ID", comm_id)
                    page.send(sent(kind, json.loads(text), "x"))
            page.send(sent("kernel_info_request", {}, f"turn {turn}"))
            kinds |= kinds_until(f"turn {turn}")[0]
        header = json.dumps({"msg_id": "raw", "msg_type": "comm_msg"}).encode()
        for parts in ([b"", b"", b"x"], [b"{", b"[", b"{}"], [b"{}", b"{}", b"\xff"], [b"1"] * 3):
            page.send(serialize_msg_to_ws_v1([header, *parts], "shell"))
        page.send(sent("kernel_info_request", {}, "last"))
        kinds |= kinds_until("last")[0]
    assert "stream" not in kinds
    assert server.lines[printed:] == []
    log = (server.root / "log" / "events.jsonl").read_text().splitlines()
    errors = [line for line in log if json.loads(line)["event"] == "library-error"]
    assert 5 < len(errors) < 40
    assert max(map(len, errors)) < 2000
