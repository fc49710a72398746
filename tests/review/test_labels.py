"""The label of each file against the keeper, whichever file that is."""

import numpy as np
import pandas as pd
import pytest

from imgurer_kernel.matching.evidence import Evidence
from imgurer_kernel.review.labels import against_keepers, of_images
from tests.support.forms import rounds
from tests.support.pictures import encode, scene


def fill(wb):
    """A picture, a smaller and a cropped one, one in gray, and exact copies of two of them."""
    full = scene(3, 320, 240)
    files = {
        "full.jpg": encode(full),
        "copy of full.jpg": encode(full),
        "small.jpg": encode(scene(3, 160, 120)),
        "crop.jpg": encode(np.ascontiguousarray(full[:220, 20:])),
        "copy of crop.jpg": encode(np.ascontiguousarray(full[:220, 20:])),
        "bright.jpg": encode((full * 0.7 + 70).astype(np.uint8)),
    }
    for name, data in files.items():
        wb.upload(name, data)
        if name.startswith("copy"):
            wb.upload(name + "2", data)
    wb.clusters(progress=False)  # so that no test has to search


@pytest.fixture
def wb(new_store):
    return new_store(fill)


def expected(wb, row):
    """The label by `evidence` of a file against its keeper."""
    if row.file_id == row.keeper_id:
        return "kept"
    files = wb.files().set_index("file_id")["image_id"]
    if files[row.file_id] == files[row.keeper_id]:
        return "identical"
    return wb.evidence(int(row.image_id), int(files[row.keeper_id])).label


@pytest.mark.long
def test_labels_equal_those_of_evidence_for_any_keeper(wb):
    """Every third file is kept in turn, and each of them in the long form."""
    clusters = wb.clusters(progress=False)
    assert clusters["cluster_id"].nunique() == 1
    differ = 0
    for file_id in clusters["file_id"].tolist()[:: rounds(3, 1)]:
        queue = wb.queue(clusters, pinned=[file_id], progress=False)
        assert set(queue["keeper_id"]) == {file_id}
        assert queue["label"].tolist() == [expected(wb, row) for row in queue.itertuples()]
        assert queue["medoid_label"].tolist() == clusters["label"].tolist()
        differ += int((queue["label"] != queue["medoid_label"]).sum())
        plan = wb.plan(queue, pinned=[file_id], progress=False)
        assert plan["label"].tolist() == queue.loc[queue["label"] != "kept", "label"].tolist()
    assert differ > len(clusters) // rounds(3, 1)


@pytest.mark.long
def test_a_queue_of_a_queue_is_the_same(wb):
    queue = wb.queue(progress=False)
    assert wb.queue(queue, progress=False).equals(queue)
    other = queue.loc[queue["label"] != "kept", "file_id"].iloc[-1]
    pinned = wb.queue(queue, pinned=[other], progress=False)
    assert wb.queue(pinned, progress=False).equals(queue)
    assert wb.labelled(queue.assign(keeper_id=other), progress=False)["label"].equals(
        pinned["label"]
    )


@pytest.mark.long
def test_pairs_are_compared_once_and_only_where_asked(wb, monkeypatch):
    clusters = wb.clusters(progress=False)
    medoid = clusters.loc[clusters["is_medoid"], "file_id"].iloc[0]
    other = clusters.loc[clusters["label"] == "cropped", "file_id"].iloc[0]
    evidence = type(wb._search).evidence
    with monkeypatch.context() as patch:
        patch.setattr(type(wb._search), "evidence", None)
        kept = wb.queue(clusters, pinned=[medoid], progress=False)
        assert set(kept["label"]) - {"kept"} <= set(kept["medoid_label"])
        wb.queue(clusters, pinned=[other], measure=False, progress=False)
    asked = []

    def counted(self, one, two):
        asked.append(frozenset((one, two)))
        return evidence(self, one, two)

    monkeypatch.setattr(type(wb._search), "evidence", counted)
    first = wb.queue(clusters, pinned=[other], progress=False)
    assert len(asked) == len(set(asked)) == 2  # neither exact copies nor the medoid
    assert wb.queue(clusters, pinned=[other], progress=False).equals(first)
    assert wb.queue(clusters, pinned=[other], measure=False, progress=False)["label"].equals(
        first["label"]
    )
    assert len(asked) == 2


def test_two_copies_of_the_medoid_need_not_be_copies_of_each_other(wb, monkeypatch):
    clusters = wb.clusters(progress=False)
    other = clusters.loc[clusters["label"] == "cropped", "file_id"].iloc[0]
    found = Evidence(
        first=1, second=2, distance=40, orientation="upright", score=0.1, correlation=0.1,
        overlap=0.2, transform=(1, 0, 0, 0, 1, 0), label="part of",
    )  # fmt: skip
    monkeypatch.setattr(type(wb._search), "evidence", lambda *_: found)
    queue = wb.queue(clusters, pinned=[other], progress=False)
    assert "indirect" in set(queue["label"])
    assert "part of" not in set(queue["label"])


@pytest.mark.parametrize(("labels", "found"), [("same pixels",) * 2, ("near by dHash",) * 2])
def test_transitive_labels_need_no_comparison(labels, found):
    chosen = pd.DataFrame(
        {
            "cluster_id": 4,
            "file_id": [1, 2, 3],
            "image_id": [1, 2, 3],
            "digest": ["a", "b", "c"],
            "is_medoid": [True, False, False],
            "keeper_id": 2,
            "label": ["medoid", labels, labels],
        }
    )
    frame, missing = against_keepers(chosen, {})
    assert frame["label"].tolist() == [found, "kept", found]
    assert not missing


def test_no_clusters_have_no_labels():
    names = ["cluster_id", "file_id", "image_id", "digest", "is_medoid", "keeper_id", "label"]
    frame, missing = against_keepers(pd.DataFrame(columns=names), {})
    assert frame.empty
    assert "medoid_label" in frame
    assert not missing


def test_an_image_has_the_first_label_of_its_files_that_says_more_than_identical():
    labels = ["identical", "resized", "cropped", None, "identical", "identical", "edited"]
    images = [1, 1, 1, 2, 2, 3, 2]
    files = pd.DataFrame({"cluster_id": 0, "image_id": images, "label": labels})
    files.loc[6, "cluster_id"] = 1
    assert of_images(files).tolist() == [*["resized"] * 3, *["identical"] * 3, "edited"]
