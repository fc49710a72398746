import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgurer_kernel.ui.widgets.facts_view import FactsView
from imgurer_kernel.ui.widgets.gallery import Gallery
from imgurer_kernel.ui.widgets.tile_data import Tile, pack


def tile(image_id, thumbnail=b"jpeg", **more):
    name = f"{image_id}.jpg"
    return Tile(image_id=image_id, name=name, detail="", alt=name, thumbnail=thumbnail, **more)


@given(st.lists(st.binary(max_size=20), max_size=12), st.integers(0, 9))
def test_every_thumbnail_is_found_again_in_the_blob(thumbnails, start):
    items, blob = pack([tile(i, data) for i, data in enumerate(thumbnails)], start)
    for item, data in zip(items, thumbnails, strict=True):
        offset = item["offset"] - start
        assert blob[offset : offset + item["length"]] == data
    assert len(blob) == sum(map(len, thumbnails))


def test_a_tile_travels_without_its_bytes():
    (item,), _ = pack([tile(3, badge="4 bits", meaning="done", note="smaller")])
    assert item == {
        "image_id": 3,
        "name": "3.jpg",
        "detail": "",
        "alt": "3.jpg",
        "folder": "",
        "path": "",
        "badge": "4 bits",
        "meaning": "done",
        "note": "smaller",
        "offset": 0,
        "length": 4,
    }


def test_show_replaces_and_ends_the_wait():
    gallery = Gallery(busy=True)
    gallery.show([tile(1), tile(2)])
    assert (len(gallery), gallery.busy) == (2, False)
    gallery.show([tile(5)])
    assert len(gallery) == 1


@pytest.mark.parametrize(("after", "expected"), [([2, 3], 2), ([3], -1), ([], -1)])
def test_a_selection_stays_as_long_as_its_tile(after, expected):
    gallery = Gallery()
    gallery.show([tile(1), tile(2)])
    gallery.selected = 2
    gallery.show([tile(i) for i in after])
    assert gallery.selected == expected


def test_an_observer_of_the_selection_sees_the_new_tiles():
    gallery = Gallery()
    gallery.show([tile(1)])
    gallery.selected = 1
    seen = []
    gallery.observe(lambda change: seen.append((change["new"], len(gallery))), "selected")
    gallery.show([tile(2), tile(3)])
    assert seen == [(-1, 2)]


def test_the_divider_travels():
    gallery = Gallery()
    gallery.show([tile(1), tile(2)], divider=1, divider_label="not verified")
    assert gallery._content["divider"] == 1
    assert gallery._content["divider_label"] == "not verified"


def message(widget, content):
    widget._handle_custom_msg(content, [])


@pytest.mark.parametrize("kind", ["open", "look", "compare"])
def test_an_act_reaches_every_listener_once_and_only_for_what_is_shown(kind):
    board = Gallery()
    board.show([tile(1), tile(2)])
    first, second = [], []
    listen = {"open": board.on_open, "look": board.on_look, "compare": board.on_compare}[kind]
    listen(first.append)
    listen(second.append)
    for content in (
        {"kind": kind, "image_id": 2},
        {"kind": kind, "image_id": 9},
        {"kind": kind},
        {"kind": "close", "image_id": 1},
    ):
        message(board, content)
    assert (first, second) == ([2], [2])


def test_facts_are_shown_and_cleared():
    view = FactsView()
    empty = view._content
    view.show("a.jpg", b"jpeg", "a.jpg, 4 by 3", [("Pixels", "4 x 3")])
    assert view._content["facts"] == [["Pixels", "4 x 3"]]
    view.clear()
    assert view._content == empty


def test_two_galleries_share_nothing():
    one, other = Gallery(), Gallery()
    one.show([tile(1)])
    one.on_open(lambda image_id: pytest.fail("the other gallery's tile was opened"))
    other.show([tile(1)])
    message(other, {"kind": "open", "image_id": 1})
    assert len(Gallery()) == 0
