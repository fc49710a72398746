"""The event log: one line for each event, whatever its values, and no secrets."""

import json
import logging
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgurer_kernel.common import event_log
from imgurer_kernel.common.event_log import JsonLines, close_log, note, open_log, path_of


@pytest.fixture(autouse=True)
def closed():
    yield
    close_log()


def lines(root):
    return [json.loads(line) for line in path_of(root).read_text().splitlines()]


def test_events_are_lines_of_json_that_the_owner_reads_only(tmp_path):
    assert open_log(tmp_path, process="server", by="ada")
    note("login", user="ben", address="192.0.2.1", nothing=None)
    note("upload", bytes=7)
    first, second = lines(tmp_path)
    assert first.pop("at").endswith("+00:00")
    assert first == {
        "event": "login",
        "process": "server",
        "by": "ada",
        "user": "ben",
        "address": "192.0.2.1",
    }
    assert second["bytes"] == 7
    assert stat.S_IMODE(path_of(tmp_path).stat().st_mode) == 0o600
    assert stat.S_IMODE(path_of(tmp_path).parent.stat().st_mode) == 0o700


@given(st.text(max_size=40))
def test_no_text_can_look_like_another_line(text):
    record = logging.makeLogRecord({"msg": "login-failed", "facts": {"user": text}})
    line = JsonLines("server").format(record)
    assert line.isascii()
    assert line.isprintable()
    assert json.loads(line)["user"].encode("utf-16", "surrogatepass") == text.encode(
        "utf-16", "surrogatepass"
    )


def test_long_texts_are_cut(tmp_path):
    open_log(tmp_path, process="server")
    note("login-failed", user="x" * 100_000)
    assert path_of(tmp_path).stat().st_size < 1000


def test_without_a_log_nothing_is_written_and_nothing_fails(tmp_path, capfd):
    note("login", user="ben")
    (tmp_path / "file").write_text("")
    assert not open_log(tmp_path / "file", process="server")
    note("login", user="ben")
    assert capfd.readouterr() == ("", "")


def test_the_file_is_turned_over_and_others_follow(tmp_path, monkeypatch):
    monkeypatch.setattr(event_log, "MOST_BYTES", 2000)
    open_log(tmp_path, process="server", turns=True)
    for number in range(200):
        note("page", number=number)
    files = sorted(path.name for path in path_of(tmp_path).parent.iterdir())
    assert files == ["events.jsonl", *(f"events.jsonl.{each}" for each in range(1, 6))]
    assert all(path.stat().st_size <= 2000 for path in path_of(tmp_path).parent.iterdir())
    assert lines(tmp_path)[-1]["number"] == 199


def test_an_appending_process_follows_a_rotated_file(tmp_path):
    open_log(tmp_path, process="page", by="ben")
    note("upload", name="a.jpg")
    path = path_of(tmp_path)
    path.rename(path.with_suffix(".old"))
    note("upload", name="b.jpg")
    assert [line["name"] for line in lines(tmp_path)] == ["b.jpg"]


def test_errors_of_the_package_are_in_it_with_their_traceback(tmp_path):
    open_log(tmp_path, process="server")
    try:
        int("of\nwhatever")
    except ValueError:
        logging.getLogger("imgurer_kernel.ui.jobs").exception("a job failed: %s", "x\ny")
    (line,) = lines(tmp_path)
    assert line["event"] == "error"
    assert line["message"] == "a job failed: x\ny"
    assert "ValueError" in line["traceback"]


def test_the_end_of_a_traceback_that_is_a_text_is_kept(tmp_path):
    open_log(tmp_path, process="server")
    frames = "\n".join(f"  File {number}" for number in range(1000))
    logging.getLogger("imgurer_kernel.apps").error("not opened:\n%s\nValueError: why", frames)
    (line,) = lines(tmp_path)
    assert line["message"] == "not opened:"
    assert line["traceback"].endswith("ValueError: why")


@pytest.mark.parametrize(("process", "times"), [("server", 1), ("command", 1), ("page", 0)])
def test_errors_reach_the_terminal_too_but_for_those_of_a_page(tmp_path, process, times):
    program = (
        "import logging, sys\nfrom pathlib import Path\n"
        "from imgurer_kernel.common.event_log import close_log, note, open_log\n"
        "for _ in range(2):\n    open_log(Path(sys.argv[1]), process=sys.argv[2])\n"
        "log = logging.getLogger('imgurer_kernel.apps')\n"
        "note('login', user='ben')\nlog.error('the cellar is wet')\nlog.info('all is well')\n"
        "close_log()\nlog.error('afterwards')\n"
    )
    command = [sys.executable, "-c", program, str(tmp_path), process]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stderr.splitlines() == ["the cellar is wet"] * times + ["afterwards"]
    assert [line["event"] for line in lines(tmp_path)] == ["login", "error"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_full_disk_stops_the_log_only(tmp_path, capfd):
    path_of(tmp_path).parent.mkdir()
    path_of(tmp_path).symlink_to("/dev/full")
    open_log(tmp_path, process="page")
    note("login", user="ben")
    close_log()
    assert capfd.readouterr() == ("", "")


def test_a_page_logs_few_errors_and_all_events(tmp_path, monkeypatch):
    """A visitor can make it fail at each message, and would push all else out of the log."""
    clock = [0.0]
    monkeypatch.setattr(event_log.time, "monotonic", lambda: clock[0])
    open_log(tmp_path, process="page", by="ben")
    for number in range(500):
        logging.getLogger("imgurer_kernel.ui.jobs").error("failed: %d", number)
        logging.getLogger("elsewhere").error("failed: %d", number)
        note("upload", number=number)
    found = lines(tmp_path)
    assert sum(line["event"] == "upload" for line in found) == 500
    assert sum("failed" in line.get("message", "") for line in found) == event_log._BURST
    clock[0] += event_log._SECONDS_EACH
    for number in (500, 501):
        logging.getLogger("elsewhere").error("failed: %d", number)
    (last,) = lines(tmp_path)[len(found) :]
    assert last["message"] == "failed: 500"
    assert last["left_out"] == 2 * 500 - event_log._BURST


def test_errors_of_other_packages_are_one_short_line_of_a_page(tmp_path, capfd):
    """A library's logger that writes to standard error writes to the log instead."""
    terminal = logging.getLogger("a-library")
    terminal.propagate = False
    terminal.addHandler(logging.StreamHandler(sys.__stderr__))
    open_log(tmp_path, process="page", libraries=[terminal])
    for logger in (terminal, logging.getLogger("another")):
        logger.warning("no such widget")
        try:
            int("x" * 10_000 + "\nERROR: a line")
        except ValueError:
            logger.exception("a message failed\n%s", "y" * 10_000)
    found = lines(tmp_path)
    assert [line["logger"] for line in found] == ["a-library", "another"]
    for line in found:
        assert line["message"].startswith("a message failed\ny")
        assert line["error"].startswith("ValueError: ")
        assert len(json.dumps(line)) < 1500
    close_log()
    assert capfd.readouterr() == ("", "")
    terminal.error("afterwards")
    assert len(lines(tmp_path)) == 2


def test_what_happens_with_each_page_is_no_error(tmp_path):
    library = logging.getLogger("ipykernel.comm")
    open_log(tmp_path, process="page")
    library.error("No such comm target registered: %s", "jupyter.widget.control")
    library.error("No such comm target registered: %s", "another")
    close_log()
    [line] = path_of(tmp_path).read_text().splitlines()
    assert "another" in line


def test_other_packages_are_not_logged_by_other_processes(tmp_path):
    open_log(tmp_path, process="server")
    logging.getLogger("another").error("a message failed")
    assert not path_of(tmp_path).read_text()
