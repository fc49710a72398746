"""Hard links and symbolic links are other names of a file, not copies of it."""

import os

import pytest

from imgurer_kernel.ui import ReviewPanel
from tests.support.pictures import jpeg


@pytest.fixture
def folder(tmp_path):
    """Three pictures: one with a hard link and a copy, one with a link to its copy, two names."""
    folder = tmp_path / "in"
    (folder / "albums").mkdir(parents=True)
    for name, seed in (("a.jpg", 1), ("copy.jpg", 1), ("c.jpg", 2), ("z.jpg", 2), ("d.jpg", 3)):
        (folder / name).write_bytes(jpeg(seed, 160, 120))
        os.utime(folder / name, (1_600_000_000,) * 2)
    os.link(folder / "a.jpg", folder / "b.jpg")
    (folder / "albums/best.jpg").symlink_to("../z.jpg")
    os.link(folder / "d.jpg", folder / "e.jpg")
    return folder


@pytest.fixture
def wb(folder, new_store):
    wb = new_store()  # no `new_place`: copies of hard links are links no more
    wb.ingest(folder, store="reference", progress=False)
    return wb


def names(frame):
    return sorted(frame["filename"])


def test_a_plan_has_no_other_name_of_what_is_kept(wb, folder):
    plan = wb.plan(progress=False)
    assert names(plan) == ["c.jpg", "copy.jpg"]
    preview = wb.preview(progress=False)
    assert preview.attrs["files"] == 2
    frame = wb.clusters(progress=False)
    assert preview.attrs["bytes"] == frame["frees_disk"].sum()
    done = wb.apply(plan, progress=False)
    assert set(done["status"]) == {"done"}
    assert wb.plan(progress=False).empty
    assert (folder / "albums/best.jpg").is_file(), "its file is the one kept"


def test_no_link_is_kept_for_a_file(wb):
    queue = wb.queue(progress=False)
    kept = queue.loc[queue["is_keeper"], "filename"]
    assert sorted(kept) == ["a.jpg", "d.jpg", "z.jpg"]
    frame = wb.clusters(progress=False)
    assert sorted(frame.loc[frame["is_keeper"], "filename"]) == sorted(kept)
    reasons = queue.set_index("filename")["keeper_reason"]
    assert reasons["best.jpg"] == "a link to a file; kept: a file itself"
    assert reasons["c.jpg"] == "a file without links; kept: what links lead to"


def test_a_report_says_which_are_other_names(wb):
    files = wb.report(progress=False).files
    assert names(files[files["is_other_name"]]) == ["b.jpg", "best.jpg", "e.jpg"]


def test_files_that_became_links_are_not_planned_again(wb, folder):
    linked = wb.apply(wb.plan(act="link", progress=False), progress=False)
    assert set(linked["status"]) == {"done"}
    wb.ingest(folder, store="reference", progress=False)
    assert wb.plan(progress=False).empty


def test_the_review_offers_no_other_name_to_be_removed(wb):
    content = ReviewPanel(wb).board._content
    fates = {
        file["name"]: (file["fate"], file["fate_text"])
        for cluster in content["clusters"]
        for file in cluster["files"]
    }
    assert fates == {
        "a.jpg": ("keep", "Keep"),
        "b.jpg": ("stay", "The same file, stays"),
        "copy.jpg": ("remove", "Remove"),
        "z.jpg": ("keep", "Keep"),
        "best.jpg": ("stay", "A link, stays"),
        "c.jpg": ("remove", "Remove"),
    }, "d.jpg and e.jpg are one file: there is nothing to decide"
