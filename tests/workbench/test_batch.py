"""Several pictures at once: similar and lookup."""

import numpy as np
import pandas as pd
import pytest

from imgurer_kernel import Settings, Workbench
from imgurer_kernel.errors import QueryError, SourceError, UnknownImage
from imgurer_kernel.report.explain import explanations
from tests.support.forms import thinned
from tests.support.pictures import encode, resized, scene


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    wb = Workbench(Settings(root=tmp_path_factory.mktemp("batch")))
    picture = scene(11, 320, 240)
    wb.upload("a.jpg", encode(picture))
    wb.upload("a small.png", encode(resized(picture, 160, 120), "PNG"))
    wb.upload("b.jpg", encode(scene(12, 320, 240)))
    return wb


@pytest.mark.parametrize("kind", thinned([pd.Series, list, np.array, tuple, pd.Index], 5))
def test_similar_of_several_concatenates_the_answers(store, kind):
    found = store.similar(kind([1, 3, 2]), progress=False)
    for number, image_id in enumerate([1, 3, 2]):
        part = found[found["query"] == number].drop(columns="query").reset_index(drop=True)
        pd.testing.assert_frame_equal(part, store.similar(image_id), check_dtype=False)
    assert found.columns[0] == "query"


def test_similar_of_no_picture_is_an_empty_frame(store):
    found = store.similar([], progress=False)
    assert list(found.columns) == ["query", *store.similar(1).columns]
    assert found.empty


def test_the_one_that_cannot_be_asked_is_named(store):
    with pytest.raises(UnknownImage) as raised:
        store.similar([1, 99], progress=False)
    assert "number 1 of 2: 99" in raised.value.__notes__[0]


@pytest.mark.long
def test_progress_is_reported_and_may_stop_it(store):
    told = []
    store.similar([1, 2, 3], progress=lambda done, total: told.append((done, total)))
    assert told[-1] == (3, 3)

    def stop(done, _total):
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store.similar([1, 2, 3], progress=stop)


def test_what_is_here_is_told_from_what_is_new(store, tmp_path):
    folder = tmp_path / "new"
    (folder / "sub").mkdir(parents=True)
    (folder / "1 same bytes.jpg").write_bytes(encode(scene(12, 320, 240)))
    (folder / "2 smaller.jpg").write_bytes(encode(resized(scene(12, 320, 240), 200, 150)))
    (folder / "3 broken.jpg").write_bytes(b"no picture")
    (folder / "sub" / "4 new.jpg").write_bytes(encode(scene(13, 320, 240)))
    before = store.images()
    frame = store.lookup(folder, progress=False)
    assert frame["status"].tolist() == ["exact", "near duplicate", "rejected", "new"]
    assert frame["image_id"].tolist()[:2] == [3, 3]
    assert frame["reason"].iloc[2]
    assert frame["path"].tolist() == sorted(map(str, folder.rglob("*.jpg")))
    assert (frame["query"] == 0).all()
    assert store.images().equals(before)


def test_an_image_of_the_store_is_looked_up_among_the_others(store):
    frame = store.lookup([1, 3, encode(scene(12, 320, 240))], progress=False)
    assert frame["status"].tolist() == ["near duplicate", "new", "exact"]
    assert frame["image_id"].tolist()[0] == 2
    assert frame["query"].tolist() == [0, 1, 2]
    assert frame["path"].isna().all()


def test_a_path_that_is_not_there_is_one_row(store, tmp_path):
    frame = store.lookup([tmp_path / "nothing.jpg", 1], progress=False)
    assert frame["status"].tolist() == ["rejected", "near duplicate"]
    assert frame["path"].iloc[0] == str(tmp_path / "nothing.jpg")
    with pytest.raises(SourceError):
        store.similar(tmp_path / "nothing.jpg")


@pytest.mark.parametrize(
    "given",
    [
        range(1, 3),
        iter([1, 2]),
        (n for n in (1, 2)),
        pd.array([1, 2], dtype="Int64"),
        pd.Series([1.0, 2.0]),
        np.array([1, 2], np.uint8),
        pd.Series([1, 2], dtype="category"),
    ],
    ids=lambda given: type(given).__name__,
)
def test_whatever_holds_several_is_asked_one_by_one(store, given):
    found = store.similar(given, progress=False)
    assert found["query"].unique().tolist() == [0, 1]
    assert found.loc[found["distance"] == 0, "image_id"].isin([1, 2]).any()


@pytest.mark.parametrize("gap", [None, pd.NA, np.nan, 1.5, True])
def test_what_is_not_a_picture_within_several_is_named(store, gap):
    with pytest.raises(QueryError) as raised:
        store.similar(pd.Series([1, gap], dtype=object), progress=False)
    assert "number 1 of 2" in raised.value.__notes__[0]
    assert store.lookup([1, gap], progress=False)["status"].tolist()[1] == "rejected"


def test_related_takes_several_too(store):
    told = []
    found = store.related([1, 2], progress=lambda done, total: told.append((done, total)))
    assert told[-1] == (2, 2)
    for number in (0, 1):
        part = found[found["query"] == number].drop(columns="query").reset_index(drop=True)
        pd.testing.assert_frame_equal(part, store.related(number + 1), check_dtype=False)
    assert list(store.related([], progress=False)) == ["query", *store.related(1)]


def test_pairs_are_compared_one_by_one(store):
    told = []
    found = store.evidence([1, 1, 2], np.array([2, 3, 3]), lambda *at: told.append(at))
    assert told[-1] == (3, 3)
    for row, (one, other) in zip(found.to_dict("records"), [(1, 2), (1, 3), (2, 3)], strict=True):
        single = store.evidence(one, other)
        assert (row["duplicate"], row["label"], row["score"], row["distance"]) == (
            *(single.duplicate, single.label, single.score, single.distance),
        )
        assert row["map_a"] == single.transform[0]
    same = store.evidence(1, pd.Series([2, 3]), progress=False)
    assert same.equals(found.head(2))
    assert store.evidence([1, 2], 3, False)["query"].tolist() == [0, 1]
    empty = store.evidence([], 1, progress=False)
    assert empty.dtypes.equals(found.dtypes)


def test_pairs_that_cannot_be_compared_are_named(store):
    with pytest.raises(QueryError, match="2 pictures cannot be paired with 3"):
        store.evidence([1, 2], [1, 2, 3], progress=False)
    with pytest.raises(UnknownImage) as raised:
        store.explain([1, 2], [2, 99], progress=False)
    assert "number 1 of 2: 2, 99" in raised.value.__notes__[0]


def test_explanations_of_several_are_shown_and_saved_together(store, tmp_path, monkeypatch):
    monkeypatch.setattr(explanations, "SHOWN", 2)
    found = store.explain(1, [2, 3], 100, progress=False)
    assert [each.words for each in found] == [store.explain(1, k, 100).words for k in (2, 3)]
    shown = found._repr_html_()
    assert shown.count("<img") == 2
    assert [path.name for path in found.save(tmp_path / "why")] == ["001.png", "002.png"]
    many = type(found)(found[:1] * 3)._repr_html_()
    assert (many.count("<img"), many.count("<p>")) == (2, 1)
    assert repr(store.explain([], 1, progress=False)) == "no pairs"


def test_originals_and_thumbnails_of_several(store):
    for kind in (list, np.array, pd.Series):
        assert store.thumbnails(kind([2, 1])) == [store.thumbnail(2), store.thumbnail(1)]
    assert store.thumbnail([2, 1]) == [store.thumbnail(2), store.thumbnail(1)]
    told, read = [], []
    for file in store.original([1, 3], lambda *at: told.append(at)):
        read.append(file.read())
    assert read == [encode(scene(11, 320, 240)), encode(scene(12, 320, 240))]
    assert told[-1] == (2, 2)
    assert file.closed


def test_what_is_known_of_several_is_a_frame(store):
    for kind in (list, np.array, pd.Series, lambda ids: pd.Series(ids, dtype="float64")):
        assert store.images(kind([3, 1]))["image_id"].tolist() == [1, 3]
        assert store.files(image_id=kind([3, 1]))["image_id"].tolist() == [1, 3]
        assert store.holdings(image_id=kind([3, 1]))["image_id"].tolist() == [1, 3]
    assert store.files(image_id=[]).empty
    assert store.holdings(image_id=[]).empty
    assert store.files(image_id=2).equals(store.files(image_id=[2]))
    for ask in (store.images, lambda ids: store.files(image_id=ids)):
        with pytest.raises(QueryError, match="number 1 of 2 is nan, which is not a valid image_id"):
            ask(pd.Series([1, np.nan]))


def test_views_of_several_come_one_by_one(store):
    told = []
    views = store.browser_view(pd.Series([2, 1]), lambda *at: told.append(at))
    assert told in ([], [(0, 2)])  # nothing is read before it is wanted
    assert [view.data for view in views] == [store.browser_view(k).data for k in (2, 1)]
    assert told[-1] == (2, 2)


def test_several_are_uploaded_and_forgotten(new_store):
    wb, told = new_store(), []
    data = [encode(scene(seed, 80, 60)) for seed in range(3)]
    frame = wb.upload(["a.jpg", "b.jpg", "c.jpg"], data, progress=lambda *at: told.append(at))
    assert frame["status"].tolist() == ["added"] * 3
    assert told[-1] == (3, 3)
    with pytest.raises(QueryError, match="2 pictures cannot be paired with 1"):
        wb.upload(["a.jpg", "b.jpg"], data[:1])
    with pytest.raises(UnknownImage) as raised:
        wb.forget([1, 9, 2], progress=False)
    assert "number 1 of 3: 9" in raised.value.__notes__[0]
    assert wb.images()["image_id"].tolist() == [2, 3]
    assert wb.forget(file_id=frame["file_id"].iloc[1:2], progress=False) == [True]
    assert wb.forget(np.array([3]), progress=lambda *at: told.append(at)) == [True]
    assert told[-1] == (1, 1)
    assert len(wb.trash.restore()) == 3
