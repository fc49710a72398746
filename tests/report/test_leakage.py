import json
from itertools import combinations

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imgurer_kernel.errors import QueryError
from imgurer_kernel.report.leakage import FILES, leakage
from imgurer_kernel.report.writers import read_csv
from tests.support.forms import rounds


def frames(members, alone=()):
    """Clusters of `members` (lists of paths), and all files: theirs and those that are alone."""
    rows = [
        {"cluster_id": number, "path": path, "is_keeper": place == 0}
        for number, paths in enumerate(members)
        for place, path in enumerate(paths)
    ]
    clusters = pd.DataFrame(rows, columns=["cluster_id", "path", "is_keeper"])
    files = pd.DataFrame({"path": [*clusters["path"], *alone]}, dtype="str")
    return clusters, files


def found(members, alone=(), **options):
    return leakage(*frames(members, alone), "/d/train", "/d/test", **options)


MEMBERS = [
    ["/d/train/cat/1.png", "/d/test/cat/1.png", "/d/train/cat/1 copy.png"],  # a leak, twice
    ["/d/train/dog/2.png", "/d/train/cat/2.png"],  # two labels
    ["/d/test/dog/3.png", "/d/train/cat/3.png"],  # a leak under another label
    ["/d/test/cat/4.png", "/d/test/cat/4 copy.png"],  # a copy within test
    ["/d/train/dog/5.png", "/d/train/dog/5 copy.png"],  # a copy within train
    ["/elsewhere/6.png", "/d/train/dog/6.png"],  # no file of the data set
]
ALONE = ["/d/train/cat/7.png", "/d/test/dog/8.png", "/d/test/beside.png", "/elsewhere/9.png"]


def test_leaked_files_and_conflicting_labels():
    result = found(MEMBERS, ALONE)
    assert str(result).startswith("2 of 6 test pictures (33.3 %) have a twin in train. 2 pairs")
    assert {column: str(kind) for column, kind in result.files.dtypes.items()} == FILES
    by_path = result.files.set_index("path")
    assert by_path.loc["/d/test/cat/1.png", ["is_leak", "twin_path"]].tolist() == [
        *(True, "/d/train/cat/1 copy.png"),
    ]
    assert by_path.loc["/d/test/dog/3.png", "twin_class"] == "cat"
    assert by_path.loc["/d/test/cat/4 copy.png", "twin_path"] == "/d/test/cat/4.png"
    assert not by_path.loc["/d/test/cat/4 copy.png", "is_leak"]
    assert by_path.loc["/d/test/beside.png", "class_name"] == ""
    assert result.conflicts["path"].tolist() == ["/d/train/cat/2.png", "/d/train/cat/3.png"]
    assert result.conflicts["twin_split"].tolist() == ["train", "test"]


def test_dropped_files_and_reasons():
    drop = found(MEMBERS, ALONE).drop.set_index("path")["reason"].to_dict()
    assert drop == {
        "/d/train/cat/1 copy.png": "a copy of it is in test",
        "/d/train/cat/1.png": "a copy of it is in test",
        "/d/train/cat/2.png": "it bears two labels",
        "/d/train/dog/2.png": "it bears two labels",
        "/d/train/cat/3.png": "a copy of it is in test",
        "/d/test/cat/4 copy.png": "another copy of it is kept",
        "/d/train/dog/5 copy.png": "another copy of it is kept",
    }
    kept = set(found(MEMBERS, ALONE, conflicts="keep").keep["path"])
    assert "/d/train/dog/2.png" in kept
    assert "/d/train/cat/2.png" not in kept


def test_counts_by_class_before_and_after():
    by_class = found(MEMBERS, ALONE).by_class.set_index("class_name")
    assert by_class.loc["cat"].tolist() == [3, 1, pytest.approx(1 / 3, abs=1e-6), 5, 1, 3, 2]
    assert by_class.loc["dog"].tolist() == [2, 1, 0.5, 4, 2, 2, 2]
    assert by_class.loc["", "test"] == 1


def test_manifests_read_back(tmp_path):
    name = "/d/train/cat/=new\nline, \udcff東京.png"
    result = found([*MEMBERS, ["/d/test/cat/x.png", name]], ALONE)
    folder = result.save(tmp_path / "new" / "splits")
    keep, drop = (read_csv(folder / f"{each}.csv")["path"].tolist() for each in ("keep", "drop"))
    assert len(keep) + len(drop) == len(result.files)
    assert not set(keep) & set(drop)
    listed = json.loads((folder / "exclude.json").read_text("utf-8"))
    assert len(listed) == len(drop) == 8


def test_splits_that_cannot_be_are_refused():
    clusters, files = frames(MEMBERS)
    for train, test, words in (
        ("/d", "/d/test", "neither may hold"),
        ("/d/train", "/d/train", "neither may hold"),
        ("/d/train", "/d/nowhere", "ingest the folder first"),
    ):
        with pytest.raises(QueryError, match=words):
            leakage(clusters, files, train, test)
    with pytest.raises(QueryError, match="'drop' or 'keep'"):
        found(MEMBERS, conflicts="ask")


def test_a_data_set_without_copies_loses_nothing():
    result = found([], ["/d/train/a/1.png", "/d/test/a/2.png"])
    assert result.drop.empty
    assert result.exclusion == []
    assert result.conflicts.empty
    assert result.by_class[["test", "leaked"]].to_numpy().tolist() == [[1, 0]]
    assert "0 of 1" in result._repr_html_()


PLACES = st.tuples(st.sampled_from(["train", "test"]), st.sampled_from("ab"))


@pytest.mark.long
@settings(max_examples=rounds(8, 500))
@given(
    st.lists(st.lists(PLACES, min_size=2, max_size=5), max_size=4),
    st.sampled_from(["drop", "keep"]),
)
def test_after_dropping_nothing_leaks_and_every_picture_is_left_unless_its_label_is_unclear(
    drawn, conflicts
):
    members = [
        [f"/d/{split}/{label}/{k}-{n}.png" for n, (split, label) in enumerate(places)]
        for k, places in enumerate(drawn)
    ]
    clusters, files = frames(members, ["/d/train/a/x.png", "/d/test/a/y.png"])
    result = leakage(clusters, files, "/d/train", "/d/test", conflicts=conflicts)
    again = leakage(clusters, files.iloc[::-1], "/d/train", "/d/test", conflicts=conflicts)
    pd.testing.assert_frame_equal(result.files, again.files)
    keep = set(result.keep["path"])
    leaked = 0
    for paths, places in zip(members, drawn, strict=True):
        kept = [path for path in paths if path in keep]
        splits = {split for split, _ in places}
        leaked += sum(split == "test" for split, _ in places) if len(splits) > 1 else 0
        labels = {label for split, label in places if split == "train"}
        if "test" not in splits and len(labels) > 1 and conflicts == "drop":
            assert kept == []
        else:
            assert len(kept) == 1
            assert ("test" in splits) == kept[0].startswith("/d/test")
    assert result.files["is_leak"][result.files["split"] == "test"].sum() == leaked
    mixed = sum(one[1] != other[1] for places in drawn for one, other in combinations(places, 2))
    assert len(result.conflicts) == mixed
