"""The map of likeness as a widget: its selection, and its messages."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgurer_kernel.report.likeness_map import LikenessMap, within
from imgurer_kernel.ui.widgets.picture_map import MAX_PICTURES, corners_of
from tests.support.pictures import jpeg
from tests.support.stores import break_thumbnail

LEFT = [[0, 0], [0.5, 0], [0.5, 1], [0, 1]]


def fill(wb):
    for seed in range(5):
        wb.upload(f"{seed}.jpg", jpeg(seed, 64, 48))


@pytest.fixture
def wb(new_store):
    return new_store(fill)


@pytest.fixture
def shown(wb):
    """Five pictures on a map of their own, the last two beside each other at the right."""
    x = [0.0, 0.2, 0.4, 0.8, 1.0]
    frame = pd.DataFrame({"image_id": range(1, 6), "x": x, "y": 0.5, "filename": "n"})
    frame["cluster_id"] = pd.array([None, 0, 0, None, None], "Int64")
    return wb.map(LikenessMap(frame=frame, thumbnail=wb.thumbnail))


def say(shown, **message):
    shown.widget._receive(None, message, [])
    return shown.selection["image_id"].tolist()


def test_an_outline_selects_adds_and_takes_away(shown):
    assert say(shown, kind="outline", corners=LEFT, how="new") == [1, 2, 3]
    right = [[0.7, 0], [1.1, 0], [1.1, 1], [0.7, 1]]
    assert say(shown, kind="outline", corners=right, how="more") == [1, 2, 3, 4, 5]
    assert say(shown, kind="outline", corners=LEFT, how="less") == [4, 5]
    assert say(shown, kind="points", points=[0, 4], how="new") == [1, 5]
    assert say(shown, kind="points", points=[1], how="more") == [1, 2, 5]
    assert list(shown.widget._selected) == [1, 1, 0, 0, 1]
    assert say(shown, kind="points", points=[], how="new") == []


def test_the_selection_is_rows_of_the_maps_frame_and_observable(shown, wb):
    heard = []
    shown.observe(lambda change: heard.append(change["new"]), "selection")
    shown.select(pd.Series([5, 2, 99]))
    assert shown.selection.equals(shown.likeness.frame.iloc[[1, 4]])
    assert heard[-1] is shown.selection
    assert len(wb.gallery(shown.selection).widget._content["tiles"]) == 2


def test_two_panels_over_one_workbench_have_selections_of_their_own(shown, wb):
    other, gallery = wb.map(shown.likeness), wb.gallery(shown.likeness.frame)
    shown.select([1])
    other.select([2, 3])
    gallery.select([4])
    assert shown.selection["image_id"].tolist() == [1]
    assert other.selection["image_id"].tolist() == [2, 3]
    assert gallery.selection["image_id"].tolist() == [5]
    wb.forget(2)
    say(shown, kind="pictures", points=[1])
    other._tiles([1])
    assert gallery.selection["image_id"].tolist() == [5]


@pytest.mark.parametrize(
    "message",
    [
        {},
        {"kind": "outline", "corners": LEFT, "how": "all"},
        {"kind": "outline", "corners": LEFT[:2], "how": "new"},
        {"kind": "outline", "corners": [[0, float("nan")]] * 3, "how": "new"},
        {"kind": "outline", "corners": [[0, 0]] * 5000, "how": "new"},
        {"kind": "outline", "corners": "abc", "how": "new"},
        {"kind": "points", "points": [-1, 5, "1", True, None, 1.0], "how": "more"},
        {"kind": "points", "points": "all", "how": "more"},
    ],
)
def test_invalid_messages_select_nothing(shown, message):
    shown.select([2])
    assert say(shown, **message) == [2]


def test_pictures_are_sent_when_they_are_asked_for(shown, wb, monkeypatch):
    break_thumbnail(wb, 2)
    wb.forget(3)
    sent = []
    monkeypatch.setattr(shown.widget, "send", lambda *parts: sent.append(parts))
    say(shown, kind="pictures", points=[4, 1, 2, 0, 77])
    content, (blob,) = sent.pop()
    items = content["items"]
    assert [item["point"] for item in items] == [4, 1, 2, 0]
    assert [item["length"] > 0 for item in items] == [True, False, False, True]
    assert blob[items[0]["offset"] :][: items[0]["length"]] == wb.thumbnail(5)
    assert [item["name"] for item in items] == ["4.jpg", "1.jpg", "n", "0.jpg"]
    assert items[2]["detail"] == "no longer in the store"
    say(shown, kind="pictures", points=[0] * 500)
    assert len(sent.pop()[0]["items"]) == MAX_PICTURES


def test_a_map_travels_without_its_pictures(shown):
    content = shown.widget._content
    assert np.frombuffer(content["places"], "<f4").reshape(5, 2)[:, 0].tolist() == pytest.approx(
        shown.likeness.frame["x"].tolist()
    )
    assert list(content["marked"]) == [0, 1, 1, 0, 0]


def test_a_map_of_nothing_is_one_too(wb):
    frame = pd.DataFrame({"image_id": [], "x": [], "y": [], "filename": [], "cluster_id": []})
    shown = wb.map(LikenessMap(frame=frame, thumbnail=wb.thumbnail))
    assert say(shown, kind="outline", corners=LEFT, how="new") == []


number = st.integers(-4, 4).map(lambda n: n / 2)


@given(st.lists(st.tuples(number, number), min_size=3, max_size=7))
def test_points_within_an_outline_follow_the_even_odd_rule(corners):
    # Off the grid of the corners, where a place lies on no side of the outline.
    places = np.array([[x + 0.21, y + 0.17] for x in range(-3, 3) for y in range(-3, 3)])
    found = within(places, corners)
    for place, inside in zip(places, found, strict=True):
        angles = [np.arctan2(y - place[1], x - place[0]) for x, y in corners]
        turns = np.diff(np.array([*angles, angles[0]]))
        around = round(((turns + np.pi) % (2 * np.pi) - np.pi).sum() / (2 * np.pi))
        crossings = _crossings(place, corners)
        assert inside == (crossings % 2 == 1)
        if abs(around) % 2 == 1:
            assert inside


def _crossings(place, corners):
    """How often a line upwards from a place crosses an outline."""
    crossings = 0
    for (x0, y0), (x1, y1) in zip(corners, [*corners[1:], corners[0]], strict=True):
        if (x0 > place[0]) != (x1 > place[0]):
            at = y0 + (place[0] - x0) * (y1 - y0) / (x1 - x0)
            crossings += at > place[1]
    return crossings


@given(st.lists(st.tuples(st.floats(-9, 9), st.floats(-9, 9)), min_size=3, max_size=9))
def test_corners_come_through_as_they_are(corners):
    assert corners_of([list(each) for each in corners]) == corners
