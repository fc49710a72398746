"""The list of duplicates, reports, queues and plans keep the same files of the same clusters."""

import os

import pytest
from PIL import Image

from imgurer_kernel import Settings, Workbench, find_duplicates
from imgurer_kernel.workbench.find import open_cache
from tests.support.pictures import encode, scene


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Colour and gray, and two equal files of which the later one by path and name is older."""
    monkeypatch.setenv("IMGURER_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "colour.png").write_bytes(encode(scene(1), "PNG"))
    # More bytes than in colour, and ingested first: only colour is a reason to keep the other one.
    gray = Image.fromarray(scene(1)).convert("L").convert("RGB")
    gray.save(folder / "a gray.png", compress_level=0)
    for name, time in (("b new.jpg", 2_000_000_000), ("c old (1).jpg", 1_000_000_000)):
        (folder / name).write_bytes(encode(scene(2)))
        os.utime(folder / name, (time, time))
    return folder


KEPT = {"colour.png", "c old (1).jpg"}


def kept(frame):
    return set(frame.loc[frame["is_keeper"], "filename"])


@pytest.mark.long
def test_find_keeps_what_reports_and_plans_keep_from_the_first_time_on(folder):
    first = find_duplicates(folder, progress=False)
    assert kept(first) == KEPT
    gone = first[~first["is_keeper"]]
    assert gone["frees_disk"].tolist() == gone["bytes"].tolist()
    assert first.loc[first["is_keeper"], "frees_disk"].sum() == 0
    with open_cache() as wb:
        assert kept(wb.report(folders=folder, measure=False, progress=False).files) == KEPT
        plan = wb.plan(progress=False)
        assert set(plan["file_id"]) == set(gone["file_id"])
    assert find_duplicates(folder, progress=False).equals(first)


@pytest.mark.long
def test_clusters_keep_by_the_policy_what_needs_no_measuring(folder, tmp_path):
    with Workbench(Settings(root=tmp_path / "store", store="reference")) as wb:
        wb.ingest(folder, progress=False)
        frame = wb.clusters(progress=False)
        assert kept(frame) == KEPT, "colour is known since the files were ingested"
        by_image = wb.clusters(by="image", progress=False)
        assert kept(by_image) == {"colour.png"}, "by the same rules; equal files are one image"
        assert kept(frame) == kept(wb.queue(frame, measure=False, progress=False))
        assert wb.unmeasured(frame) == 2, "nothing was measured without being asked for"
        assert kept(wb.clusters(measure=None, progress=False)) == KEPT
        assert kept(wb.clusters(progress=False)) == KEPT, "what was measured is known"
        assert kept(wb.last_clusters()) == KEPT
