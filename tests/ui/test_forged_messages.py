"""Forged messages of a member's page, to every widget: ids of others, and values of any type."""

import contextlib
import itertools
import logging
import math

import ipywidgets
import pytest
from ipywidgets.widgets.widget import _instances
from traitlets import TraitError

from imgurer_kernel.ui.dashboard import TABS, Dashboard
from tests.support.forms import rounds
from tests.support.pictures import encode, jpeg, resized, scene

ME = "ben"
OTHERS = ("root", "ann")

VALUES = (
    *(None, True, -1, 0, 1, 1.5, math.nan, math.inf, 2**31, 2**53 + 1, 2**63, -(2**70)),
    *("", "1", "\0", "x" * (1 << 20), [], [None], [[1]], [2**70], {}, {"a": 1}),
)
KINDS = (
    *("ask", "cancel", "chosen", "chunk", "clear", "cleared", "compare", "go", "look", "match"),
    *("more", "navigated", "open", "outline", "page", "pictures", "ping", "points", "queue"),
    *("received", "return", "stop", "submit", "wanted", "no such kind", None, 7, [], {}),
)
FIELDS = (
    *("action", "at", "cluster_id", "corners", "file_id", "file_ids", "files", "hash", "how"),
    *("image_id", "key", "name", "navigation", "number", "open", "points", "sequence", "size"),
    *("step", "value", "verdict"),
)
ACTS = (
    *("again", "close", "compare", "compare_selected", "confirm", "decide", "dismiss", "keep"),
    *("keep_selected", "look", "next", "preview", "previous", "remove", "remove_others", "save"),
    *("returned", "set", "undo", "no such act"),
)


def fill(wb):
    """A member and two others, who have copies of one picture, in folders and uploaded."""
    for name in (*OTHERS, ME):
        wb.accounts.create(name, "correct horse", "admin" if name == "root" else "member")
        folder = wb.settings.root.parent / "pictures" / name
        folder.mkdir(parents=True)
        (folder / "kept.jpg").write_bytes(encode(scene(1, 160, 120), quality=95))
        (folder / "small.jpg").write_bytes(encode(resized(scene(1, 160, 120), 80, 60)))
        (folder / f"{name}.jpg").write_bytes(jpeg(10 + len(name) + ord(name[0]), 160, 120))
        wb.ingest(folder, user=name, store="reference", progress=False)
        wb.upload(f"{name} too.jpg", jpeg(5, 160, 120), user=name)
    wb.queue(progress=False)


@pytest.fixture
def wb(new_place):
    return new_place(fill, store="reference")


@pytest.fixture
def widgets(wb):
    """All widgets of a member's dashboard, each tab of which was opened."""
    known = set(_instances)
    dashboard = Dashboard(wb, user=ME)
    for tab in TABS:
        dashboard.follow_link(f"#{tab}")
    dashboard.search_for(1)
    return [each for name, each in list(_instances.items()) if name not in known]


def belongings(wb):
    """All that is not the member's: rows of files, accounts, and files on disk."""
    files = wb.files()
    rows = files[files["user"] != ME].sort_values("file_id").to_csv(index=False)
    accounts = wb.accounts.list()[["name", "role", "enabled"]].to_csv()
    folder = wb.settings.root.parent / "pictures"
    disk = {
        path: path.read_bytes()
        for name in OTHERS
        for path in sorted((folder / name).rglob("*"))
        if path.is_file()
    }
    assert len(disk) == 3 * len(OTHERS)
    return rows, accounts, disk


def send(widget, message, buffers=()):
    """Have a widget receive a message as `ipywidgets` does, which would hide an error."""
    for callback in widget._msg_callbacks.callbacks:
        callback(widget, message, list(buffers))


def is_ours(widget):
    return type(widget).__module__.startswith("imgurer_kernel")


def forge(widgets, contents):
    """Have a page change the traits of all widgets, as far as they take it."""
    for widget in widgets:
        for name in contents.keys() & set(widget.keys):
            with contextlib.suppress(TraitError):
                widget.set_state({name: contents[name]})


def test_messages_of_any_type_are_errors_of_nothing(widgets, caplog):
    """An id of a list, a number of a million digits, no object at all."""
    caplog.set_level(logging.ERROR)
    names = set()
    for widget in filter(is_ours, widgets):
        name = type(widget).__name__
        # The jobs of further progress lines, galleries and downloads are of the same kinds.
        if name in names or not widget._msg_callbacks.callbacks:
            continue
        names.add(name)
        for message in VALUES:
            send(widget, message)
        for kind in KINDS:
            send(widget, {"kind": kind})
            for value in VALUES:
                send(widget, {"kind": kind} | dict.fromkeys(FIELDS, value), [b"x"])
    assert {"UploadControl", "Gallery", "Viewer", "Compare", "SearchHistory"} <= names
    for value in VALUES:
        forge(widgets, dict.fromkeys(("selected", "position", "page", "ranges", "shown"), value))
    assert [record for record in caplog.records if record.exc_info] == []


def test_acts_of_any_type_are_errors_of_nothing(widgets, caplog):
    caplog.set_level(logging.ERROR)
    (board,) = (each for each in widgets if type(each).__name__ == "ReviewBoard")
    for value in VALUES[:: rounds(7, 1)]:
        for act in (*ACTS, value):
            if act not in ["again", "preview"]:  # they have no ids, and take long
                send(board, {"kind": "act"} | dict.fromkeys(FIELDS, value) | {"act": act})
        for act in ("keep_selected", "compare_selected", "remove"):
            send(board, {"kind": "act", "act": act, "file_ids": [value]})
    assert [record for record in caplog.records if record.exc_info] == []


def press_all(widgets):
    """Press all buttons, also hidden and disabled ones, and Enter in all fields."""
    for widget in widgets:
        if isinstance(widget, ipywidgets.Button):
            widget._handle_button_msg(None, {"event": "click"}, [])
        if isinstance(widget, ipywidgets.Text):
            widget._handle_string_msg(None, {"event": "submit"}, [])


def test_a_member_acts_on_nothing_of_others_whatever_a_page_sends(wb, widgets, caplog):
    """All ids that there are, all buttons, and forged contents of widgets."""
    caplog.set_level(logging.ERROR)
    before = belongings(wb)
    files = wb.files()
    ids = sorted({*files["file_id"], *files["image_id"]})
    actions = [[name, name] for name in ("disable", "admin", "member", "enable", "password")]
    contents = {
        "rows": [{"name": name, "actions": actions} for name in (*OTHERS, ME)],
        "_content": {"clusters": [], "tiles": [{"image_id": each} for each in ids]},
        "selected": ids[0],
        "disabled": False,
        "value": str(wb.settings.root.parent / "pictures" / "root"),
    }
    forge(widgets, contents)
    by_type = {type(each).__name__: each for each in widgets}
    for name, action in itertools.product((*OTHERS, ME), actions):
        send(by_type["AccountTable"], {"name": name, "action": action[0]})
    board = by_type["ReviewBoard"]
    send(board, {"kind": "act", "act": "remove", "file_ids": ids})
    send(board, {"kind": "act", "act": "preview"})
    for each, act in itertools.product(ids[:: rounds(2, 1)], ("keep", "remove_others", "confirm")):
        send(board, {"kind": "act", "act": act} | dict.fromkeys(FIELDS, each))
    press_all(widgets)
    assert belongings(wb) == before
    assert wb.accounts.get(ME).role == "member"
    assert set(wb.journal()["owner"]) == {ME}, "some act on the member's own files was possible"
    assert [record for record in caplog.records if record.exc_info] == []
