"""A dry run looks at the disk as the act does: the refusals of one are those of the other."""

import errno
import os
import shutil
import sys
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pandas as pd
import pytest

from imgurer_kernel import Settings, Workbench
from imgurer_kernel.errors import ActRefused, StorageDenied
from imgurer_kernel.review.disk_check import ActDiskCheck
from tests.review.folders import LARGE, make_folder
from tests.support.disks import mounted, remount, snapshot
from tests.support.pictures import jpeg, png


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    """A folder in place and an upload in two sizes, by one store; refusals change nothing of it."""
    base = tmp_path_factory.mktemp("dry")
    folder = make_folder(base / "in")
    shutil.copytree(folder, base / "as it was")
    os.link(folder / "a.jpg", folder / "a-name.jpg")
    with Workbench(Settings(root=base / "store", store="reference", workers=1)) as wb:
        wb.ingest(folder, progress=False)
        wb.upload("up.jpg", jpeg(8, 320, 240))
        wb.upload("up.png", png(8, 320, 240))
        yield wb, folder


@pytest.fixture
def store(filled):
    """The same, with the folder as it was at first."""
    wb, folder = filled
    yield wb, folder
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(folder.parent / "as it was", folder)
    os.link(folder / "a.jpg", folder / "a-name.jpg")


def row(wb, name="a-copy.jpg", keeper="a.jpg", act="trash", **more):
    ids = wb.files(state="present").set_index("filename")["file_id"]
    return {"file_id": ids[name], "keeper_id": ids[keeper], "act": act, **more}


def said(wb, rows, **options):
    """Compare a dry run, a quick one and the act on rows of a plan; undo the act.

    A dry run changes nothing.
    """
    plan = pd.DataFrame(rows)
    folder, journal = wb.settings.root.parent / "in", len(wb.journal())
    options = {"batch": f"sitting-{journal}", "progress": False} | options
    before = snapshot(folder)
    looked = wb.apply(plan, dry_run=True, **options)
    assert snapshot(folder) == before
    assert len(wb.journal()) == journal
    quick = wb.apply(plan, dry_run="quick", **options)
    done = wb.apply(plan, **options)
    if "done" in set(done["status"]):
        wb.undo(batch=options["batch"], progress=False)
    return looked, quick, done


def edited(path):
    """Replace bytes but keep size and time: only reading detects it."""
    facts = path.stat()
    path.write_bytes(path.read_bytes()[:-9] + b"edited!!!")
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))


def in_its_place(path, make):
    path.unlink()
    make(path)


def moved_behind_a_link(folder):
    (folder / "sub").rename(folder / "elsewhere")
    (folder / "sub").symlink_to(folder / "elsewhere")


REFUSED = {
    "gone": (lambda it: (it / "sub/a-copy.jpg").unlink(), "No such file"),
    "its folder is gone": (lambda it: shutil.rmtree(it / "sub"), "No such file"),
    "changed": (lambda it: edited(it / "sub/a-copy.jpg"), "has been changed since"),
    "grown": (lambda it: (it / "sub/a-copy.jpg").write_bytes(LARGE + b"x"), "has been changed"),
    "a link": (lambda it: in_its_place(it / "sub/a-copy.jpg",
                                       lambda path: path.symlink_to(it / "a.jpg")), "a link"),
    "a pipe": (lambda it: in_its_place(it / "sub/a-copy.jpg", os.mkfifo), "not a regular file"),
    "a folder": (lambda it: in_its_place(it / "sub/a-copy.jpg", Path.mkdir), "not a regular file"),
    "behind a link": (moved_behind_a_link, "a link stands there"),
    "keeper gone": (lambda it: (it / "a.jpg").unlink(), "kept is not sound"),
    "keeper changed": (lambda it: edited(it / "a.jpg"), "kept is not sound"),
    "keeper is a link": (lambda it: in_its_place(it / "a.jpg",
                                                 lambda path: path.symlink_to("b.jpg")), "a link"),
    "one file by now": (lambda it: in_its_place(it / "sub/a-copy.jpg",
                                                lambda path: os.link(it / "a.jpg", path)),
                        "another name of the file that is kept"),
    "trash is a link": (lambda it: (it / ".imgurer-trash").symlink_to("sub"), "a link stands"),
    "trash is a file": (lambda it: (it / ".imgurer-trash").touch(), "or no folder"),
}  # fmt: skip


@pytest.mark.parametrize("kind", REFUSED)
def test_files_that_changed_since_the_plan(store, kind):
    wb, folder = store
    spoil, why = REFUSED[kind]
    plan = [row(wb)]
    spoil(folder)
    looked, quick, done = said(wb, plan)
    assert done["status"].tolist() == looked["status"].tolist() == ["refused"]
    assert why in done["why"].iloc[0]
    assert looked["why"].tolist() == done["why"].tolist()
    # Bytes that were changed behind the time of the file are what only reading finds.
    if kind not in {"changed", "keeper changed"}:
        assert quick["why"].tolist() == done["why"].tolist()


def test_something_lies_where_the_file_would_go(store):
    wb, folder = store
    place = folder / ".imgurer-trash/sunday/sub/a-copy.jpg"
    place.parent.mkdir(parents=True)
    place.write_bytes(b"somebody's")
    looked, quick, done = said(wb, [row(wb)], batch="sunday")
    assert "something is there already" in done["why"].iloc[0]
    assert looked["why"].tolist() == quick["why"].tolist() == done["why"].tolist()
    assert place.read_bytes() == b"somebody's"


PLANS = {
    "another name": (lambda wb: [row(wb, "a-name.jpg")], "another name of the file that is kept"),
    "another picture": (lambda wb: [row(wb, "b.jpg")], "not known to be the same picture"),
    "last copy": (lambda wb: [row(wb), row(wb, "a.jpg", "a-copy.jpg")], "would be removed itself"),
    "itself": (lambda wb: [row(wb, "a.jpg")], "it is the file that is kept itself"),
    "no such file": (lambda wb: [row(wb) | {"file_id": 99}], "there is no file 99"),
    "no such keeper": (lambda wb: [row(wb) | {"keeper_id": 99}], "not there any more"),
    "no act": (lambda wb: [row(wb, act="rm")], "is not an act"),
    "not in the store": (lambda wb: [row(wb, act="forget")], "it is on disk"),
    "not on disk": (lambda wb: [row(wb, "up.png", "up.jpg")], "choose forget"),
    "no exact copy": (lambda wb: [row(wb, "a-small.jpg", act="link")], "only exact copies"),
    "no goal": (lambda wb: [row(wb, act="move")], "no folder was named"),
}


@pytest.mark.parametrize("kind", PLANS)
def test_rows_that_a_plan_must_not_have(store, kind):
    wb, _ = store
    plan, why = PLANS[kind]
    looked, quick, done = said(wb, plan(wb))
    assert "refused" in set(done["status"])
    assert why in done["why"].dropna().iloc[0]
    assert looked["why"].tolist() == quick["why"].tolist() == done["why"].tolist()


@contextmanager
def spoiled_original(wb, how):
    """The store's own bytes of the picture that is kept, damaged or gone."""
    image = wb.files().set_index("filename").loc["up.jpg", "image_id"]
    [digest] = wb.images([image])["digest"]
    path = wb.store.blobs.own_path(digest)
    data, mode = path.read_bytes(), path.parent.stat().st_mode
    path.unlink()
    if how == "damaged":
        path.write_bytes(data[:-3] + b"xyz")
    yield
    path.unlink(missing_ok=True)
    path.write_bytes(data)
    path.parent.chmod(mode)


@pytest.mark.parametrize("how", ["damaged", "gone"])
def test_the_original_that_is_kept_in_the_store(store, how):
    wb, _ = store
    plan = [row(wb, "up.png", "up.jpg", act="forget")]
    with spoiled_original(wb, how):
        looked, quick, done = said(wb, plan)
    assert "the file that is kept is not sound" in done["why"].iloc[0]
    assert looked["why"].tolist() == done["why"].tolist()
    assert how == "damaged" or quick["why"].tolist() == done["why"].tolist()


def test_the_folder_to_move_to(store, tmp_path):
    wb, folder = store
    looked, quick, done = said(wb, [row(wb, act="move")], to=tmp_path / "away")
    assert "is not a folder; make it" in done["why"].iloc[0]
    assert looked["why"].tolist() == quick["why"].tolist() == done["why"].tolist()
    (tmp_path / "goal/sub").mkdir(parents=True)
    (tmp_path / "goal/sub/a-copy.jpg").touch()
    looked, _, done = said(wb, [row(wb, act="move")], to=tmp_path / "goal")
    assert "something is there already" in done["why"].iloc[0]
    assert looked["why"].tolist() == done["why"].tolist()
    looked, _, done = said(wb, [row(wb, act="move")], to=folder)
    assert looked["why"].tolist() == done["why"].tolist()


def test_without_send2trash(store, monkeypatch):
    wb, _ = store
    monkeypatch.setitem(sys.modules, "send2trash", None)
    looked, quick, done = said(wb, [row(wb, act="system-trash")])
    assert "pip install Send2Trash" in done["why"].iloc[0]
    assert looked["why"].tolist() == quick["why"].tolist() == done["why"].tolist()


@pytest.fixture
def on_a_small_disk(tmp_path):
    """A store whose folder is a disk of its own."""
    with mounted(tmp_path / "in", "2m") as folder:
        make_folder(folder / "pictures").rename(folder / "p")
        with Workbench(Settings(root=tmp_path / "store", store="reference", workers=1)) as wb:
            wb.ingest(folder, progress=False)
            yield wb, folder


def test_a_disk_that_is_read_only(on_a_small_disk):
    wb, folder = on_a_small_disk
    plan = [row(wb), row(wb, "a-small.jpg")]
    remount(folder, "ro")
    looked, quick, done = said(wb, plan)
    remount(folder, "rw")
    assert done["why"].str.contains("Read-only file system; make the folder writable").all()
    assert looked["why"].tolist() == quick["why"].tolist() == done["why"].tolist()


def test_a_store_on_a_disk_that_is_read_only(tmp_path):
    make_folder(tmp_path / "in")
    with mounted(tmp_path / "disk", "64m") as disk:
        settings = Settings(root=disk / "store", store="reference", workers=1)
        with Workbench(settings) as wb:
            wb.ingest(tmp_path / "in", progress=False)
        remount(disk, "ro")
        with Workbench(settings) as wb:
            plan, said = pd.DataFrame([row(wb)]), []
            for dry_run in (True, "quick", False):
                with pytest.raises(StorageDenied) as error:
                    wb.apply(plan, dry_run=dry_run, progress=False)
                said.append(str(error.value))
    assert "Read-only file system; make the store's folder writable" in said[0]
    assert said == [said[0]] * 3


def test_a_trash_folder_on_another_disk_or_without_room_for_a_folder(on_a_small_disk, tmp_path):
    wb, folder = on_a_small_disk
    plan = [row(wb)]
    with mounted(folder / ".imgurer-trash", "1m"):
        looked, quick, done = said(wb, plan)
        assert "it is on another file system" in done["why"].iloc[0]
        assert looked["why"].tolist() == quick["why"].tolist() == done["why"].tolist()
    (folder / ".imgurer-trash").rmdir()
    remount(folder, "nr_inodes=8")  # one is free: three folders and four files are there
    looked, quick, done = said(wb, plan)
    assert "No space left on device; make space on that disk" in done["why"].iloc[0]
    assert looked["why"].tolist() == quick["why"].tolist() == done["why"].tolist()
    # A disk without a free byte still takes what is only renamed.
    remount(folder, "nr_inodes=99")
    with pytest.raises(OSError, match="No space left"):
        (folder / "full").write_bytes(bytes(1 << 22))
    looked, quick, done = said(wb, plan)
    assert looked["status"].tolist() == quick["status"].tolist() == ["ready"]
    assert done["status"].tolist() == ["done"]


def test_a_disk_that_has_room_for_one_file_of_two(store, tmp_path):
    wb, _ = store
    plan = [row(wb, act="move"), row(wb, "a-small.jpg", act="move")]
    with mounted(tmp_path / "goal", f"{-(-len(LARGE) // 4096) * 4}k") as goal:
        looked, quick, done = said(wb, plan, to=goal)
        assert done["status"].tolist() == ["done", "refused"]
        assert "make space on that disk" in done["why"].iloc[1]
        assert looked["why"].tolist() == quick["why"].tolist() == done["why"].tolist()


def test_links_across_disks(tmp_path):
    make_folder(tmp_path / "in")
    with mounted(tmp_path / "in/other") as other:
        (other / "a-far.jpg").write_bytes(LARGE)
        with Workbench(Settings(root=tmp_path / "store", store="reference", workers=1)) as wb:
            wb.ingest(tmp_path / "in", progress=False)
            looked, quick, done = said(wb, [row(wb, "a-far.jpg", act="link")])
    assert "it is on another file system" in done["why"].iloc[0]
    assert looked["why"].tolist() == quick["why"].tolist() == done["why"].tolist()


def why_refused(check, act):
    try:
        with ExitStack() as stack:
            check.look(stack, act)
    except ActRefused as error:
        return str(error)
    return ""


@pytest.mark.skipif(not hasattr(os, "seteuid") or os.geteuid() != 0, reason="takes root")
def test_folders_without_write_permission_are_refused(store):
    """As another user, who may read all and write nothing, or not delete the files of others."""
    wb, folder = store
    plan = [row(wb), row(wb, "a-small.jpg")]
    acts = wb.acts_of(pd.DataFrame(plan))

    def whys():
        # All threads become that user, also the one that watches a catalog that is open.
        wb.catalog.release()
        os.seteuid(65534)
        try:
            check = ActDiskCheck(wb.store.blobs, quick=True)
            return [why_refused(check, act) for act in acts]
        finally:
            os.seteuid(0)

    opened = [path for path in (folder, *folder.parents) if path.stat().st_mode & 0o5 != 0o5]
    before = {path: path.stat().st_mode for path in opened}
    for path in opened:
        path.chmod(path.stat().st_mode | 0o055)
    try:
        assert all("Permission denied; make the folder" in why for why in whys())
        for path in (folder, folder / "sub"):
            path.chmod(0o1777)
        assert all("Operation not permitted" in why for why in whys())
        (folder / "sub").chmod(0o777)
        assert whys() == ["", ""]
    finally:
        for path, mode in before.items():
            path.chmod(mode)


def test_two_files_of_one_plan_for_one_place(tmp_path):
    """The folders were ingested one by one, and have files of one name."""
    for name in ("one", "two"):
        make_folder(tmp_path / "in" / name)
    goal = tmp_path / "goal"
    goal.mkdir()
    with Workbench(Settings(root=tmp_path / "store", store="reference", workers=1)) as wb:
        for name in ("one", "two"):
            wb.ingest(tmp_path / "in" / name, progress=False)
        ids = wb.files().set_index("path")["file_id"]
        kept = ids[str(tmp_path / "in/one/a.jpg")]
        gone = [ids[str(tmp_path / "in" / name / "sub/a-copy.jpg")] for name in ("one", "two")]
        plan = [{"file_id": each, "keeper_id": kept, "act": "move"} for each in gone]
        looked, quick, done = said(wb, plan, to=goal)
    assert done["status"].tolist() == ["done", "refused"]
    assert looked["why"].tolist() == quick["why"].tolist() == done["why"].tolist()


def test_faults_that_only_an_attempt_shows_are_refused_by_the_act(store, monkeypatch):
    wb, _ = store
    plan = [row(wb)]

    def refuse(*arguments, **options):
        raise OSError(errno.EDQUOT, os.strerror(errno.EDQUOT))

    monkeypatch.setattr("imgurer_kernel.review.moves.os.rename", refuse)
    looked, _, done = said(wb, plan)
    assert looked["status"].tolist() == ["ready"]
    assert "make space on that disk" in done["why"].iloc[0]
