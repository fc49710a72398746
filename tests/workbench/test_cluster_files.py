"""Clusters by file in a real store: filters, references, and changes on disk."""

import os
import shutil
from pathlib import Path

import platformdirs
import pytest

from imgurer_kernel import Settings, Workbench, find_duplicates
from imgurer_kernel.errors import QueryError, SourceError
from imgurer_kernel.report.frames import CLUSTER_FILES, CLUSTERS
from imgurer_kernel.store.ingest.worker import IngestWorker
from imgurer_kernel.workbench import find
from imgurer_kernel.workbench.clusters import file_selection
from tests.support.forms import pairs
from tests.support.pictures import encode, jpeg, resized, scene


@pytest.fixture
def places(tmp_path):
    """Two folders: in each the same large picture, in b a copy of it and a small one."""
    a, b = tmp_path / "a", tmp_path / "b"
    for folder in (a, b):
        folder.mkdir()
        (folder / "IMG_1.jpg").write_bytes(jpeg(0))
    (b / "IMG_1 (1).jpg").write_bytes(jpeg(0))
    (b / "small.jpg").write_bytes(encode(resized(scene(0), 320, 240)))
    (b / "stranger.jpg").write_bytes(jpeg(5))
    return a, b


@pytest.fixture
def wb(tmp_path, places):
    with Workbench(Settings(root=tmp_path / "store", store="reference")) as wb:
        wb.ingest(places, progress=False)
        yield wb


def names(frame, root):
    return [str(Path(path).relative_to(root)) for path in frame["path"]]


def clusters(wb, **options):
    return wb.clusters(progress=False, **options)


@pytest.mark.long
def test_every_file_of_a_cluster_has_a_row(wb, tmp_path):
    frame = clusters(wb)
    assert list(frame.columns) == CLUSTER_FILES
    assert sorted(names(frame, tmp_path)) == [
        "a/IMG_1.jpg", "b/IMG_1 (1).jpg", "b/IMG_1.jpg", "b/small.jpg",
    ]  # fmt: skip
    assert sorted(frame["label"]) == ["identical", "identical", "medoid", "resized"]
    assert names(frame[frame["is_keeper"]], tmp_path) == ["a/IMG_1.jpg"]
    extra = frame[~frame["is_keeper"]]
    assert frame["frees_disk"].sum() == extra["bytes"].sum()
    assert frame["frees_store"].sum() == 0
    assert frame.attrs["stale_files"] == 0
    by_image = clusters(wb, by="image")
    assert list(by_image.columns) == CLUSTERS
    assert len(by_image) == 2


def test_copies_alone_are_a_cluster_flat_ones_too(tmp_path):
    from PIL import Image

    folder = tmp_path / "in"
    folder.mkdir()
    for name in ("white.png", "white 2.png"):
        Image.new("RGB", (40, 30), "white").save(folder / name)
    for name in ("x.jpg", "y.jpg"):
        (folder / name).write_bytes(jpeg(1))
    with Workbench(Settings(root=tmp_path / "store")) as wb:
        wb.ingest(folder, progress=False)
        frame = clusters(wb)
    assert frame.groupby("cluster_id").size().tolist() == [2, 2]
    assert frame["label"].tolist() == ["medoid", "identical"] * 2
    assert frame["frees_store"].sum() == 0, "the store has the bytes once, and keeps them"
    assert frame["frees_disk"].sum() == 0, "the files were copied: theirs is no business of ours"


def test_hard_links_are_shown_and_free_nothing(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "a.jpg").write_bytes(jpeg(1))
    os.link(folder / "a.jpg", folder / "b.jpg")
    with Workbench(Settings(root=tmp_path / "store", store="reference")) as wb:
        wb.ingest(folder, progress=False)
        frame = clusters(wb)
    assert len(frame) == 2
    assert frame["frees_disk"].sum() == 0


@pytest.mark.long
def test_a_name_outside_keeps_the_bytes_on_disk(wb, tmp_path, places):
    extra = clusters(wb).query("filename == 'small.jpg'")
    assert extra["frees_disk"].sum() > 0
    os.link(places[1] / "small.jpg", tmp_path / "elsewhere.jpg")
    assert clusters(wb).query("filename == 'small.jpg'")["frees_disk"].sum() == 0


def test_a_linked_file_is_not_free_while_the_store_has_it(tmp_path, places):
    with Workbench(Settings(root=tmp_path / "linked", store="link")) as wb:
        wb.ingest(places, progress=False)
        frame = clusters(wb).set_index("filename")
    assert frame.loc["small.jpg", "frees_disk"] == frame.loc["small.jpg", "bytes"]


@pytest.mark.long
def test_only_what_is_below_the_folders_takes_part(wb, places, tmp_path):
    a, b = places
    assert clusters(wb, folders=a).empty
    assert sorted(names(clusters(wb, folders=[b]), b)) == [
        "IMG_1 (1).jpg",
        "IMG_1.jpg",
        "small.jpg",
    ]
    assert len(clusters(wb, folders=[a, b])) == 4
    assert clusters(wb, folders=tmp_path / "nowhere").empty
    assert clusters(wb, folders=f"{b}/").equals(clusters(wb, folders=b))
    assert clusters(wb, folders=str(b.with_name("bb"))).empty


@pytest.mark.long
def test_between_wants_files_of_two_folders(wb, places):
    a, b = places
    (b / "stranger 2.jpg").write_bytes(jpeg(5))
    wb.ingest(b, progress=False)
    assert clusters(wb)["cluster_id"].nunique() == 2
    frame = clusters(wb, folders=[a, b], between=True)
    assert frame["cluster_id"].unique().tolist() == [0]
    assert len(frame) == 4
    assert len(clusters(wb, folders=[a, b], between=True, by="image")) == 2
    # A file of the inner folder is of that one alone.
    assert clusters(wb, folders=[b.parent, b], between=True)["filename"].nunique() == 3
    with pytest.raises(QueryError, match="two folders"):
        clusters(wb, folders=[a], between=True)


def test_files_of_a_reference_folder_are_never_offered(wb, places):
    a, b = places
    frame = clusters(wb, reference=b)
    assert frame.loc[frame["is_reference"], "path"].str.startswith(f"{b}/").all()
    assert frame.loc[frame["is_reference"], "frees_disk"].sum() == 0
    assert frame["is_reference"].sum() == 3
    kept = frame[frame["is_keeper"]]
    assert kept["path"].tolist() == [str(b / "IMG_1.jpg")]
    assert frame.loc[frame["path"] == str(a / "IMG_1.jpg"), "frees_disk"].sum() > 0


@pytest.mark.long
def test_names_and_sizes_that_are_left_out(wb):
    assert set(clusters(wb, exclude="small.*")["filename"]) == {"IMG_1.jpg", "IMG_1 (1).jpg"}
    assert clusters(wb, exclude=["b"]).empty
    assert set(clusters(wb, min_size=len(jpeg(0)))["filename"]) == {"IMG_1.jpg", "IMG_1 (1).jpg"}
    assert clusters(wb, verify=False, exclude="IMG*").empty


@pytest.mark.parametrize(
    "options",
    [{"min_size": -1}, {"min_size": True}, {"states": ["gone"]}, {"states": []}, {"by": "user"},
     {"folders": 3}, {"folders": [None]}, {"between": True}],
)  # fmt: skip
def test_what_is_of_no_use_is_refused(wb, options):
    with pytest.raises(QueryError):
        clusters(wb, **options)


def replace_bytes(path):
    path.write_bytes(jpeg(8))


def touch(path):
    os.utime(path, ns=(1, 1))


def swap_inode(path):
    facts = path.stat()
    other = path.with_name("other")
    shutil.copyfile(path, other)
    os.utime(other, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    other.rename(path)


CHANGES = (Path.unlink, replace_bytes, touch, swap_inode)


@pytest.mark.parametrize(("change", "verify"), pairs(CHANGES, [True, False]))
def test_what_is_not_on_disk_as_it_was_is_left_out(wb, places, change, verify):
    a, b = places
    change(a / "IMG_1.jpg")
    frame = clusters(wb, verify=verify)
    assert len(frame) == 3
    assert frame.attrs["stale_files"] == 1
    assert frame.loc[frame["is_keeper"], "path"].tolist() == [str(b / "IMG_1.jpg")]
    assert wb.files()["state"].eq("present").all(), "a look is no scan: nothing is written"
    change(b / "IMG_1.jpg")
    change(b / "IMG_1 (1).jpg")
    frame = clusters(wb, verify=verify)
    assert frame.empty, "the last file that is left is never offered"
    assert frame.attrs["stale_files"] == 3
    assert clusters(wb, verify=verify, by="image").empty


@pytest.mark.long
def test_a_file_that_is_copied_may_be_gone(tmp_path, places):
    with Workbench(Settings(root=tmp_path / "copies")) as wb:
        wb.ingest(places, progress=False)
        shutil.rmtree(places[0])
        assert len(clusters(wb)) == 4


@pytest.mark.long
def test_each_file_is_looked_at_once(wb, monkeypatch):
    looked = []
    before = file_selection._look
    monkeypatch.setattr(
        file_selection, "_look", lambda key, *rest: looked.append(key) or before(key, *rest)
    )
    clusters(wb)
    assert len(looked) == len(set(looked)) == 4, "and the stranger not at all"


# Without thinking of a store -------------------------------------------------------------------


def test_tests_leave_the_cache_of_the_user_alone():
    assert not find.cache_folder().is_relative_to(platformdirs.user_cache_path("imgurer"))


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("IMGURER_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "cache"


@pytest.fixture
def examined(monkeypatch):
    """Names of the files whose bytes are read."""
    found = []
    before = IngestWorker.examine

    def counted(self, file):
        found.append(file.path.name)
        return before(self, file)

    monkeypatch.setattr(IngestWorker, "examine", counted)
    return found


@pytest.mark.long
def test_a_second_look_reads_only_what_is_new(cache, places, examined):
    first = find_duplicates(*places, progress=False)
    assert len(examined) == 5
    assert len(first) == 4
    examined.clear()
    assert find_duplicates(*places, progress=False).equals(first)
    assert examined == []
    (places[0] / "new.jpg").write_bytes(jpeg(5))
    assert len(find_duplicates(*places, progress=False)) == 6
    assert examined == ["new.jpg"]


def test_nothing_is_written_into_the_folders(cache, places, tmp_path):
    def everything():
        return {
            path: (path.stat().st_mtime_ns, path.stat().st_size)
            for folder in places
            for path in [folder, *folder.rglob("*")]
        }

    before = everything()
    find_duplicates(*places, progress=False)
    assert everything() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b", "cache"]


@pytest.mark.long
def test_other_folders_in_the_cache_do_not_show(cache, places):
    a, b = places
    find_duplicates(a, b, progress=False)
    assert find_duplicates(a, progress=False).empty
    assert len(find_duplicates(b, progress=False)) == 3


@pytest.mark.long
def test_options_reach_the_clusters(cache, places):
    a, b = places
    frame = find_duplicates(b, reference=a, exclude="small*", progress=False)
    assert frame.loc[frame["is_reference"], "path"].tolist() == [str(a / "IMG_1.jpg")]
    assert len(frame) == 3
    assert len(find_duplicates(b, reference=a, between=True, progress=False)) == 4
    assert find_duplicates(a, b, min_size=10**9, progress=False).empty
    (a / "notes.jpg").write_text("no picture")
    assert find_duplicates(a, progress=False).attrs["rejected"] == 1


def test_no_folder_and_a_folder_that_is_none(cache, tmp_path):
    with pytest.raises(QueryError, match="no folder"):
        find_duplicates()
    with pytest.raises(SourceError, match="nowhere"):
        find_duplicates(tmp_path / "nowhere", progress=False)


@pytest.mark.long
def test_a_folder_that_is_left_out_is_so_for_every_question(wb, cache, places, tmp_path):
    a, b = places
    assert set(names(clusters(wb, exclude=str(b / "IMG*")), tmp_path)) == {
        "a/IMG_1.jpg",
        "b/small.jpg",
    }
    assert clusters(wb, exclude=str(b)).empty, "a folder by its whole path"
    assert clusters(wb, folders=b, exclude="b").equals(clusters(wb, folders=b)), "named, so wanted"
    found = find_duplicates(b, exclude="b", progress=False)
    assert sorted(names(found, b)) == ["IMG_1 (1).jpg", "IMG_1.jpg", "small.jpg"]
    assert len(find_duplicates(a, b, exclude=str(b / "IMG*"), progress=False)) == 2
    # The inner one of two folders was named too.
    exclude = ["b", "store"]
    assert find_duplicates(tmp_path, exclude=exclude, progress=False).empty
    assert len(find_duplicates(tmp_path, b, exclude=exclude, progress=False)) == 4
    assert len(clusters(wb, folders=[tmp_path, b], exclude="b")) == 4


@pytest.mark.long
def test_between_a_folder_and_one_inside_of_it(cache, places):
    _, b = places
    frame = find_duplicates(b.parent, b, between=True, progress=False)
    assert sorted(names(frame, b.parent)) == [
        "a/IMG_1.jpg", "b/IMG_1 (1).jpg", "b/IMG_1.jpg", "b/small.jpg",
    ]  # fmt: skip
