"""A gallery of any frame: its pages, its groups, and a selection that is a frame."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgurer_kernel.errors import QueryError
from imgurer_kernel.ui.widgets.frame_gallery import joined
from imgurer_kernel.workbench.pictures.frame_rows import as_ids
from tests.support.pictures import jpeg
from tests.support.stores import break_thumbnail


def fill(wb):
    for seed in range(5):
        wb.upload(f"{seed}.jpg", jpeg(seed, 64, 48))


@pytest.fixture
def wb(new_store):
    return new_store(fill)


def tiles(gallery):
    return gallery.widget._content["tiles"]


def names(gallery):
    return [tile["name"] for tile in tiles(gallery)]


@pytest.mark.parametrize("kind", ["int64", "Int64", "float64", "str", "object"])
def test_rows_by_image_id_of_any_type_show_their_pictures(wb, kind):
    gallery = wb.gallery(pd.DataFrame({"image_id": pd.Series([3, 1, 3]).astype(kind)}))
    assert names(gallery) == ["2.jpg", "0.jpg", "2.jpg"]
    assert all(tile["length"] for tile in tiles(gallery))


def test_rows_by_file_id_and_by_path(wb, tmp_path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    (folder / "here.jpg").write_bytes(jpeg(8, 64, 48))
    (folder / "not ingested.jpg").write_bytes(jpeg(9, 64, 48))
    (folder / "broken.jpg").write_bytes(b"nothing")
    wb.ingest(folder / "here.jpg", progress=False)
    files = wb.files()
    gallery = wb.gallery(files[["file_id"]].iloc[::-1])
    assert names(gallery)[0] == "here.jpg"
    paths = [folder / name for name in ("here.jpg", "not ingested.jpg", "broken.jpg", "gone.jpg")]
    gallery = wb.gallery(pd.DataFrame({"path": [*map(str, paths), None, 7, ""]}))
    assert names(gallery)[:4] == [path.name for path in paths]
    assert [tile["image_id"] for tile in tiles(gallery)] == [6, *[-1] * 6]
    assert [tile["length"] > 0 for tile in tiles(gallery)] == [True, True, *[False] * 5]
    details = [tile["detail"] for tile in tiles(gallery)][1:]
    assert details == [
        "not in the store",
        *["cannot be read"] * 2,
        *["no path"] * 2,
        "cannot be read",
    ]


def test_rows_without_a_picture_are_placeholders(wb):
    break_thumbnail(wb, 2)
    wanted = [1, 2, 99, None, "x", -1, 1.5, [1], 2**70]
    gallery = wb.gallery(pd.DataFrame({"image_id": pd.Series(wanted, dtype=object)}))
    assert [tile["length"] > 0 for tile in tiles(gallery)] == [True, *[False] * 8]
    assert tiles(gallery)[2]["detail"] == "no image_id of this store"


@pytest.mark.parametrize(
    ("frame", "group", "says"),
    [
        (pd.DataFrame({"id": [1]}), None, "it has id; rename"),
        (pd.DataFrame(), None, "no columns"),
        (pd.DataFrame({"image_id": [1]}), "folder", "no column 'folder'"),
        (pd.DataFrame([[1, 2]], columns=["image_id", "image_id"]), None, "2 columns 'image_id'"),
        ([1, 2], None, "not of a list"),
    ],
)
def test_frames_that_cannot_be_shown_are_refused_with_a_remedy(wb, frame, group, says):
    with pytest.raises(QueryError, match=says):
        wb.gallery(frame, group=group)


def test_an_empty_frame_is_an_empty_gallery(wb):
    gallery = wb.gallery(wb.images().iloc[:0])
    assert tiles(gallery) == []
    assert gallery.selection.empty


def test_groups_stand_in_the_order_of_their_first_rows(wb):
    frame = pd.DataFrame({"image_id": [1, 2, 3, 4, 5], "kind": ["b", "a", None, "b", "a"]})
    gallery = wb.gallery(frame, group="kind")
    assert [(tile["heading"], tile["name"]) for tile in tiles(gallery)] == [
        ("b · 2", "0.jpg"),
        ("", "3.jpg"),
        ("a · 2", "1.jpg"),
        ("", "4.jpg"),
        ("no kind · 1", "2.jpg"),
    ]
    gallery.widget.ranges = [[0, 2]]
    assert gallery.selection.index.tolist() == [0, 3]
    wb.gallery(frame.assign(kind=[[1], [1], {}, "x", 3]), group="kind")  # what has no hash


def test_the_selection_is_the_frames_own_rows_and_is_observable(wb):
    frame = wb.images().set_index(pd.Index(list("vwxyz"), name="letter"))
    gallery, heard = wb.gallery(frame), []
    gallery.observe(lambda change: heard.append(change["new"]), "selection")
    gallery.widget.ranges = [[3, 5], [0, 1]]
    assert gallery.selection.equals(frame.iloc[[0, 3, 4]])
    assert heard[-1] is gallery.selection
    gallery.select(np.array([False, True, False, False, True]))
    assert gallery.selection.index.tolist() == ["w", "z"]
    gallery.select([])
    assert gallery.selection.empty
    assert gallery.selection.columns.equals(frame.columns)
    gallery.select(range(5))
    assert gallery.widget.ranges == [[0, 5]]


def test_a_hundred_thousand_rows_send_one_page(wb):
    frame = pd.DataFrame({"image_id": np.tile(np.arange(1, 6), 20_000)})
    asked, plain = [], wb.images
    wb.images = lambda ids: asked.append(len(ids)) or plain(ids)
    gallery = wb.gallery(frame)
    size = gallery.widget.page_size
    assert len(tiles(gallery)) == size
    assert asked == [5]
    gallery.widget._receive(None, {"kind": "page", "value": 2_000}, [])
    assert tiles(gallery)[0]["place"] == 2_000 * size
    for value in (-1, 10**9, "1", None):
        gallery.widget._receive(None, {"kind": "page", "value": value}, [])
    assert gallery.widget.page == 2_000
    gallery.widget.ranges = [[0, 100_000]]
    assert gallery.selection.equals(frame)


@given(st.lists(st.tuples(st.integers(-3, 20), st.integers(-3, 20))), st.integers(0, 15))
def test_ranges_are_the_places_they_hold(ranges, total):
    expected = {n for start, stop in ranges for n in range(max(0, start), min(total, stop))}
    result = joined(ranges, total)
    assert [n for start, stop in result for n in range(start, stop)] == sorted(expected)
    assert all(one[1] < other[0] for one, other in pairwise(result))


def test_ids_of_every_kind():
    given = [1, "2", 3.0, np.int64(4), np.float32(5), None, pd.NA, np.nan, "x", 1.5, -1, b"7"]
    assert as_ids(given).tolist() == [1, 2, 3, 4, 5, *[-1] * 7]
