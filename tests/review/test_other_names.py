"""Hard links and symbolic links are other names of a file, not copies of it."""

import os

import pytest

from imgurer_kernel.report.writers import read_csv
from imgurer_kernel.ui import ReviewPanel
from tests.support.forms import long_only
from tests.support.pictures import encode, jpeg, scene


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


@pytest.mark.long
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


@pytest.mark.parametrize(
    "where",
    [
        *("label = 'identical'", "filename IN ('b.jpg', 'best.jpg')"),
        *long_only("filename <> 'a.jpg'"),
    ],
)
def test_a_plan_of_some_files_has_no_other_name_of_what_is_kept(wb, where):
    """Whether the condition is true of the file that is kept is of no account."""
    plan = wb.plan(where=where, progress=False)
    assert names(plan) == ([] if "IN" in where else ["c.jpg", "copy.jpg"])
    assert wb.preview(where=where, progress=False).attrs["files"] == len(plan)


def test_selected_names_of_what_is_kept_stay(wb, folder):
    panel = ReviewPanel(wb)
    files = wb.queue(progress=False).set_index("filename")["file_id"]
    panel.model.remove_files([int(files[name]) for name in ("b.jpg", "best.jpg", "c.jpg")])
    journal = wb.journal()
    assert [*journal["state"]] == ["done"], "nothing was tried that would be refused"
    assert journal["path"].str.endswith("/c.jpg").all()
    assert (folder / "b.jpg").exists()


@pytest.mark.long
def test_no_link_is_kept_for_a_file(wb):
    queue = wb.queue(progress=False)
    kept = queue.loc[queue["is_keeper"], "filename"]
    assert sorted(kept) == ["a.jpg", "d.jpg", "z.jpg"]
    frame = wb.clusters(progress=False)
    assert sorted(frame.loc[frame["is_keeper"], "filename"]) == sorted(kept)
    reasons = queue.set_index("filename")["keeper_reason"]
    assert reasons["best.jpg"] == "a link to a file; kept: a file itself"
    assert reasons["c.jpg"] == "a file without links; kept: what links lead to"


@pytest.mark.long
def test_a_report_says_which_are_other_names(wb):
    files = wb.report(progress=False).files
    assert names(files[files["is_other_name"]]) == ["b.jpg", "best.jpg", "e.jpg"]


def links_of(frame):
    """What each link leads to, by names."""
    links = frame[frame["link_of"].fillna("") != ""]
    return {
        name: target.rpartition("/")[2]
        for name, target in zip(links["filename"], links["link_of"], strict=True)
    }


def test_a_frame_says_what_each_link_is_of(wb, folder):
    of = {"b.jpg": "a.jpg", "best.jpg": "z.jpg", "e.jpg": "d.jpg"}
    frame = wb.clusters(progress=False)
    assert links_of(frame) == of
    assert frame.loc[frame["link_of"].notna(), "frees_disk"].sum() == 0
    assert links_of(wb.queue(progress=False)) == of
    assert links_of(wb.report(progress=False).files) == of
    saved = read_csv(wb.report(progress=False).save(folder.parent / "files.csv"))
    assert links_of(saved) == of


def test_links_follow_the_keeper(wb):
    frame = wb.clusters(progress=False).set_index("filename")
    queue = wb.queue(pinned=[int(frame.loc["b.jpg", "file_id"])], progress=False)
    assert links_of(queue)["a.jpg"] == "b.jpg"
    assert "b.jpg" not in links_of(queue)
    plan = wb.plan(pinned=[int(frame.loc["b.jpg", "file_id"])], progress=False)
    assert names(plan) == ["c.jpg", "copy.jpg"]


def test_figures_count_copies_and_links_apart(wb, folder):
    report = wb.report(progress=False)
    assert (report.figure("extra copies"), report.figure("links")) == (2, 3)
    assert report.sizes["extra_copies"].sum() == 2
    page = report.save(folder.parent / "page.html").read_text("utf-8")
    assert "links, which free nothing" in page


@pytest.mark.parametrize("mode", ["reference", "link", "copy"])
def test_links_in_each_mode_and_through_chains(new_store, folder, mode):
    """Copies are files of the store: links that they were made of are of no account."""
    (folder / "far.jpg").symlink_to("albums/best.jpg")
    os.link(folder / "copy.jpg", folder / "w.jpg")
    wb = new_store()
    wb.ingest(folder, store=mode, progress=False)
    frame = wb.clusters(progress=False)
    gone = {"far.jpg": "z.jpg", "best.jpg": "z.jpg", "b.jpg": "a.jpg", "e.jpg": "d.jpg"}
    expected = {} if mode == "copy" else {**gone, "copy.jpg": "w.jpg"}
    assert links_of(frame) == expected
    if mode == "copy":
        assert frame["frees_disk"].sum() == 0
    wb.apply(wb.plan(progress=False), progress=False)
    for seed, files in ((1, "abc"), (2, "cz"), (3, "de")):
        left = [it for it in folder.rglob("*.jpg") if ".imgurer" not in str(it)]
        assert any(it.read_bytes() == jpeg(seed, 160, 120) for it in left if it.exists()), files


def test_a_link_out_of_the_folder_is_of_what_it_leads_to(new_store, tmp_path):
    outside, folder = tmp_path / "outside.jpg", tmp_path / "in"
    folder.mkdir()
    outside.write_bytes(jpeg(1))
    for name in ("one.jpg", "two.jpg"):
        (folder / name).symlink_to(outside)
    wb = new_store()
    wb.ingest(folder, store="reference", progress=False)
    frame = wb.clusters(progress=False)
    assert set(frame["link_of"]) == {str(outside.resolve())}
    assert wb.plan(progress=False).empty
    assert wb.report(progress=False).figure("extra copies") == 0


def test_another_name_of_a_reference_is_not_offered(new_store, tmp_path):
    """Its bytes stay whatever is kept: to remove the name would free nothing."""
    best, held, other = (tmp_path / "in" / name for name in ("best", "held", "other"))
    for each in (best, held, other):
        each.mkdir(parents=True)
    (best / "a.png").write_bytes(encode(scene(1, 320, 240), "PNG"))
    (held / "a.jpg").write_bytes(encode(scene(1, 320, 240), quality=50))
    os.link(held / "a.jpg", other / "b.jpg")
    (other / "c.jpg").write_bytes((held / "a.jpg").read_bytes())
    wb = new_store()
    wb.ingest(tmp_path / "in", store="reference", progress=False)
    plan = wb.plan(reference=held, progress=False)
    assert names(plan) == ["c.jpg"]
    frame = wb.clusters(reference=held, progress=False)
    assert links_of(frame) == {"b.jpg": "a.jpg"}
    # The same where a symbolic link in the reference folder leads to it.
    (held / "link.jpg").symlink_to(other / "c.jpg")
    wb.ingest(tmp_path / "in", store="reference", progress=False)
    assert wb.plan(reference=held, progress=False).empty


@pytest.mark.long
def test_files_that_became_links_are_not_planned_again(wb, folder):
    linked = wb.apply(wb.plan(act="link", progress=False), progress=False)
    assert set(linked["status"]) == {"done"}
    wb.ingest(folder, store="reference", progress=False)
    assert wb.plan(progress=False).empty


@pytest.mark.long
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
