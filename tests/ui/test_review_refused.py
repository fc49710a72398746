"""Partly refused acts: removed files are gone, and the rest stays undecided."""

import pandas as pd
import pytest

from imgurer_kernel import Settings, Workbench
from imgurer_kernel.ui import ReviewPanel
from imgurer_kernel.ui.models.review_steps import ActOutcome
from tests.review.folders import bytes_below
from tests.support.forms import pairs
from tests.support.pictures import encode, resized, scene


@pytest.fixture
def folder(tmp_path):
    """Two pictures, each with an exact copy and a smaller one."""
    for name in "ab":
        picture = scene(1 + (name == "b"), 320, 240)
        (tmp_path / "in" / name).mkdir(parents=True)
        for copy in (f"{name}.jpg", f"{name}/{name} again.jpg"):
            (tmp_path / "in" / copy).write_bytes(encode(picture, quality=95))
        (tmp_path / "in" / name / f"{name} small.jpg").write_bytes(
            encode(resized(picture, 160, 120))
        )
    return tmp_path / "in"


@pytest.fixture
def panel(tmp_path, folder):
    with Workbench(Settings(root=tmp_path / "store", store="reference", workers=1)) as wb:
        wb.ingest(folder, progress=False)
        yield ReviewPanel(wb)


def cluster_with(model, name):
    files = model.queue.files
    return int(files.loc[files["filename"] == name, "cluster_id"].iloc[0])


def spoil(folder):
    """A copy of one picture is another file by now."""
    (folder / "a/a small.jpg").write_bytes(b"edited")


@pytest.mark.parametrize(
    ("how", "when"),
    pairs(["everything", "one cluster"], ["after the preview", "before the preview"]),
)
def test_what_was_refused_stays_to_be_decided(panel, folder, how, when):
    model, before = panel.model, bytes_below(folder)
    refused, other = cluster_with(model, "a.jpg"), cluster_with(model, "b.jpg")
    total = panel.board.bars["everything"]
    if when == "before the preview":
        spoil(folder)
    if how == "everything":
        panel._act("preview", {})
        spoil(folder)
        panel._act("confirm", {})
    else:
        spoil(folder)
        panel._act("remove_others", {"cluster_id": refused})
        panel._act("remove_others", {"cluster_id": other})
    left = bytes_below(folder, trash=False)
    assert set(left) == {"a.jpg", "a/a small.jpg", "b.jpg"}
    # Only what went altogether is done; the other one stays open, and says why.
    assert set(model.done) == {other}
    assert model.failures[refused].startswith("1 of 2 files removed; ")
    assert "a small.jpg has been changed since it was ingested" in model.failures[refused]
    assert panel.board.done[str(refused)]["stays"]
    assert not panel.board.done[str(other)]["stays"]
    assert set(panel.decided["cluster_id"]) == {other}
    assert model.progress.done == 1
    assert panel.board.bars["everything"] != total
    # What went is not offered again.
    assert model.queue.members(refused)["filename"].tolist() == ["a.jpg", "a small.jpg"]
    assert model.queue.clusters.loc[refused, "goes"] == 1
    # It comes back into the cluster that it was of.
    model.undo()
    if how == "one cluster":
        model.undo()
    assert len(model.queue.members(refused)) == 3
    assert (model.done, model.failures, model.progress.done) == ({}, {}, 0)
    after = bytes_below(folder)
    assert after == before | {"a/a small.jpg": b"edited"}


@pytest.mark.long
def test_a_cluster_of_which_nothing_may_go_says_so_after_the_others_went(panel, folder):
    model = panel.model
    refused, other = cluster_with(model, "a.jpg"), cluster_with(model, "b.jpg")
    (folder / "a.jpg").unlink()
    model.show_preview()
    model.preview = None
    assert model.failures == {}, "nothing was tried"
    model.show_preview()
    model.confirm()
    assert set(model.done) == {other}
    assert "the file that is kept is not sound" in model.failures[refused]
    assert model.failures[refused].startswith("0 of 2 files removed; ")
    assert len(model.queue.members(refused)) == 3


def test_when_everything_is_refused_the_preview_says_why_and_confirms_nothing(panel, folder):
    model = panel.model
    (folder / "a.jpg").unlink()
    (folder / "b.jpg").unlink()
    model.show_preview()
    assert model.preview.plan.empty
    assert len(model.preview.refused) == 4
    model.confirm()
    assert len(model.failures) == 2
    assert model.done == {}


def test_a_refusal_counts_what_was_refused_and_tells_a_reason_once():
    result = pd.DataFrame(
        {"file_id": [1, 2, 3], "status": "refused", "why": ["x", "x", "y"], "entry_id": pd.NA}
    ).assign(bytes=1)
    out = ActOutcome.of(result, dict.fromkeys((1, 2, 3), 7), {})
    assert out.refused == {7: "0 of 3 files removed; x (1 more refused)"}
    out = ActOutcome.of(result.head(2), dict.fromkeys((1, 2), 7), {})
    assert out.refused == {7: "0 of 2 files removed; x"}
