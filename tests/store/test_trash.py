"""Forgotten files can be restored or deleted permanently, and a crash undoes neither."""

import itertools
import signal
from contextlib import nullcontext
from datetime import timedelta

import pytest

from imgurer_kernel import Settings, Workbench
from imgurer_kernel.errors import BlobMissing, NotAllowed, QueryError, UnknownFile
from imgurer_kernel.store.blobs.backends.posix import PosixBackend
from imgurer_kernel.store.catalog import Catalog
from imgurer_kernel.store.catalog.connection import now
from imgurer_kernel.store.maintenance import check as check_module
from tests.support.forms import rounds, thinned
from tests.support.pictures import encode, jpeg, solid
from tests.support.processes import python

ALL = timedelta(0)


def facts(wb):
    """All facts of files and images, and their bytes."""
    images = wb.images()
    originals = []
    for image_id in images["image_id"].tolist():
        with wb.original(image_id) as file:
            originals.append(file.read())
    return wb.files().to_dict("records"), images.to_dict("records"), originals


def same(found, expected):
    assert str(found) == str(expected)


def fill(wb):
    """Two users, a picture of both under two names, one of ann's alone, a flat one."""
    wb.accounts.create("ann", "a long password")
    folder = wb.settings.root.parent / f"pictures of {wb.settings.root.name}"
    (folder / "sub").mkdir(parents=True, exist_ok=True)
    for name, data in {"a.jpg": jpeg(0), "sub/a.jpg": jpeg(0), "b.jpg": jpeg(1)}.items():
        (folder / name).write_bytes(data)
    wb.ingest(folder, progress=False)
    wb.upload("mine.jpg", jpeg(0), "ann")
    wb.upload("own.jpg", jpeg(2), "ann")
    wb.upload("flat.png", encode(solid(9, 60, 40), "PNG"))


def fill_little(wb):
    """A picture of local's alone, and one of two users."""
    wb.accounts.create("ann", "a long password")
    wb.upload("a.jpg", jpeg(0))
    wb.upload("mine.jpg", jpeg(0), "ann")
    wb.upload("b.jpg", jpeg(1))


@pytest.fixture
def wb(new_store):
    return new_store(fill)


def ids(wb, filename):
    frame = wb.files()
    return frame.loc[frame["filename"] == filename, "file_id"].tolist()


def test_everything_comes_back_as_it_was(wb):
    before = facts(wb)
    similar = wb.similar(1)
    for image_id in wb.images()["image_id"].tolist():
        for user in set(wb.files(image_id=image_id)["user"]):
            wb.forget(image_id, user)
    assert wb.images().empty
    assert wb.files().empty
    assert wb.clusters(progress=False).empty
    assert len(wb.trash.list()) == len(before[0])
    restored = wb.trash.restore(wb.trash.list()["file_id"])
    assert len(restored) == len(before[0])
    same(facts(wb), before)
    assert wb.similar(1).equals(similar)
    assert wb.trash.list().empty
    assert wb.check(progress=False).empty


def test_one_file_of_several(wb):
    first, second = ids(wb, "a.jpg")
    assert not wb.forget(file_id=first)
    assert ids(wb, "a.jpg") == [second]
    assert not wb.forget(file_id=second)
    assert wb.trash.list("ann").empty
    assert wb.trash.list("local")["file_id"].tolist() == [second, first]
    assert wb.forget(user="ann", file_id=ids(wb, "mine.jpg")[0])
    assert len(wb.trash.restore(first)) == 1
    assert ids(wb, "a.jpg") == [first]
    assert set(wb.files(image_id=1)["file_id"]) == {first}


def test_restoring_is_idempotent_and_says_what_never_was(wb):
    [mine] = ids(wb, "b.jpg")
    wb.forget(file_id=mine)
    assert wb.trash.restore([mine])["filename"].tolist() == ["b.jpg"]
    state = facts(wb)
    assert wb.trash.restore([mine]).empty
    assert wb.trash.restore().empty
    same(facts(wb), state)
    for unknown in (mine + 1000, [mine, -1]):
        with pytest.raises(UnknownFile, match="in the trash"):
            wb.trash.restore(unknown)
    with pytest.raises(UnknownFile, match="no file"):
        wb.forget(file_id=mine + 1000)
    for neither in ({}, {"image_id": 1, "file_id": mine}):
        with pytest.raises(QueryError, match="either"):
            wb.forget(**neither)


def test_only_the_owner_or_an_admin_restores_and_only_admins_empty(wb):
    wb.accounts.create("bob", "a long password")
    [theirs] = ids(wb, "own.jpg")
    with pytest.raises(NotAllowed):
        wb.forget(file_id=theirs)
    wb.forget(file_id=theirs, user="ann")
    with pytest.raises(NotAllowed, match="ann"):
        wb.trash.restore(theirs, user="bob")
    with pytest.raises(NotAllowed, match="admin"):
        wb.trash.empty(ALL, user="ann")
    assert wb.trash.restore(user="bob").empty
    assert len(wb.trash.restore(user="ann")) == 1
    wb.forget(file_id=theirs, user="ann")
    assert wb.trash.restore(theirs)["user"].tolist() == ["ann"]


def test_a_file_ingested_again_meanwhile_is_not_restored_twice(wb):
    folder = wb.files().loc[0, "path"].rpartition("/")[0]
    wb.forget(image_id=1)
    wb.forget(image_id=1, user="ann")
    wb.ingest(folder, progress=False)
    wb.upload("mine.jpg", jpeg(0), "ann")
    again = facts(wb)
    wb.trash.restore(wb.trash.list()["file_id"])
    same(facts(wb), again)
    assert wb.trash.list().empty
    assert wb.check(progress=False).empty


def test_a_place_that_holds_another_picture_by_now_gets_its_earlier_one(wb, tmp_path):
    (tmp_path / "c.jpg").write_bytes(jpeg(3))
    [row] = wb.ingest(tmp_path / "c.jpg", progress=False).to_dict("records")
    wb.forget(row["image_id"])
    (tmp_path / "c.jpg").write_bytes(jpeg(4))
    wb.ingest(tmp_path / "c.jpg", progress=False)
    wb.trash.restore(int(row["file_id"]))
    states = wb.files(folder=tmp_path)[["image_id", "state"]].to_numpy().tolist()
    assert [row["image_id"], "changed"] in states
    assert sorted(state for _, state in states) == ["changed", "present"]
    assert wb.check(progress=False).empty


def test_only_what_is_older_goes_permanently(wb, monkeypatch):
    [old], [new] = ids(wb, "b.jpg"), ids(wb, "flat.png")
    month_ago = now() - timedelta(days=31)
    with monkeypatch.context() as patch:
        patch.setattr("imgurer_kernel.store.catalog.trash.now", lambda: month_ago)
        wb.forget(file_id=old)
    wb.forget(file_id=new)
    assert wb.trash.empty("32d").deleted == 0
    assert wb.trash.empty("30d").deleted == 1
    assert wb.trash.list()["file_id"].tolist() == [new]
    assert len(wb.blobs.trash.digests()) == 1
    with pytest.raises(UnknownFile):
        wb.trash.restore(old)
    assert len(wb.trash.restore(new)) == 1
    wb.forget(file_id=new)
    assert wb.trash.empty(ALL).deleted == 1
    assert wb.trash.empty(ALL).deleted == 0
    assert wb.blobs.trash.digests() == set()
    assert wb.check(progress=False).empty
    for wrong in (timedelta(seconds=-1), "30", "-1d", "d", 30, "1" * 99 + "d"):
        with pytest.raises(QueryError):
            wb.trash.empty(wrong)


def test_bytes_that_others_still_have_or_forgot_later_are_kept(wb, monkeypatch):
    wb.forget(image_id=1)
    assert wb.trash.empty(ALL).deleted == 2
    with wb.original(1) as file:
        assert file.read() == jpeg(0)
    month_ago = now() - timedelta(days=31)
    with monkeypatch.context() as patch:
        patch.setattr("imgurer_kernel.store.catalog.trash.now", lambda: month_ago)
        wb.forget(image_id=1, user="ann")
    image_id = int(wb.upload("b.jpg", jpeg(0))["image_id"].iloc[0])
    wb.forget(image_id)
    assert wb.trash.empty("30d").deleted == 1
    assert len(wb.trash.restore()) == 1
    assert wb.check(progress=False).empty


def test_the_trash_of_stores_that_had_no_rows_for_it_is_emptied_too(wb):
    digest = wb.blobs.put(b"forgotten by an earlier version")
    wb.blobs.delete(digest)
    assert wb.trash.empty("1d").deleted == 0
    assert wb.blobs.trash.digests() == {digest}
    assert wb.trash.empty(ALL).deleted == 0
    assert wb.blobs.trash.digests() == set()


def test_a_file_that_is_referred_to_stays_in_its_place(tmp_path):
    (tmp_path / "a.jpg").write_bytes(jpeg(0))
    with Workbench(Settings(root=tmp_path / "store", store="reference")) as wb:
        wb.ingest(tmp_path / "a.jpg", progress=False)
        before = facts(wb)
        wb.forget(1)
        wb.trash.restore()
        same(facts(wb), before)
        wb.forget(1)
        wb.trash.empty(ALL)
    assert (tmp_path / "a.jpg").read_bytes() == jpeg(0)


# Crashes ------------------------------------------------------------------------------------

COMMIT = "_check_before_commit"


class Crash(BaseException):
    """Simulates the end of the process."""


def crashing(monkeypatch, step):
    """Crash instead of the step-th time that the store moves or deletes bytes or commits.

    Returns the names of the steps so far, as they come.
    """
    steps = []

    def wrap(owner, name):
        real = getattr(owner, name)

        def crash_or_call(*args, **kwargs):
            steps.append(name)
            if len(steps) == step:
                raise Crash
            return real(*args, **kwargs)

        monkeypatch.setattr(owner, name, crash_or_call)

    wrap(PosixBackend, "move")
    wrap(PosixBackend, "remove")
    wrap(Catalog, COMMIT)
    return steps


def chosen(steps):
    """Where to crash: everywhere, or in the short form at a step of each name and at the last.

    Of several moves or removals that is the second one, when half of them is done.
    """
    runs = [list(run) for _, run in itertools.groupby(range(len(steps)), steps.__getitem__)]
    first = {steps[run[0]]: run for run in reversed(runs)}
    short = {run[1 if len(run) > 1 and name != COMMIT else 0] for name, run in first.items()}
    short.add(len(steps) - 1)
    return [number + 1 for number in rounds(sorted(short), range(len(steps)))]


def acts(wb):
    frame = wb.files()
    own = frame.loc[frame["filename"] == "b.jpg", "file_id"].iloc[0]
    return int(own)


@pytest.mark.parametrize("act", ["forget", "restore", "empty"])
def test_a_crash_at_any_step_neither_loses_nor_brings_back(new_store, monkeypatch, act):
    monkeypatch.setattr(check_module, "SETTLED", 0.0)
    left = [0]  # at first nowhere, which shows the steps
    while left:
        step = left.pop(0)
        wb = new_store(fill_little)
        own = acts(wb)
        before = facts(wb)
        if act != "forget":
            wb.forget(file_id=own)
        work = {
            "forget": lambda wb=wb, own=own: wb.forget(file_id=own),
            "restore": lambda wb=wb, own=own: wb.trash.restore(own),
            "empty": lambda wb=wb: wb.trash.empty(ALL),
        }[act]
        with monkeypatch.context() as patch:
            steps = crashing(patch, step)
            with pytest.raises(Crash) if step else nullcontext():
                work()
        left = left if step else chosen(steps)
        wb.close()
        present, trashed = own in set(wb.files()["file_id"]), own in set(wb.trash.list()["file_id"])
        if act == "empty":  # which may have crashed when that was done
            assert not present
        else:
            assert present + trashed == 1
        # Repairing changes nothing of whose is what, and brings nothing back.
        found = wb.check(repair=True, progress=False)
        assert set(found["problem"]) <= {"unfinished forget"}
        assert found["repaired"].all()
        assert wb.check(repair=True, progress=False).empty
        assert (own in set(wb.files()["file_id"])) is present
        assert len(wb.images()) == len(before[1]) - (not present)
        # And doing it again ends as it should have.
        if act == "empty":
            assert wb.trash.empty(ALL).deleted == trashed
            assert wb.blobs.trash.digests() == set()
        else:
            if not present:
                assert len(wb.trash.restore(own)) == 1
            same(facts(wb), before)
        assert wb.check(progress=False).empty
    assert step > 2


def test_a_file_partly_deleted_by_a_crash_cannot_be_restored(wb):
    own = acts(wb)
    wb.forget(file_id=own)
    wb.blobs.trash.erase(wb.trash.list()["digest"].iloc[0])
    with pytest.raises(BlobMissing, match="emptied"):
        wb.trash.restore(own)
    assert wb.trash.list()["file_id"].tolist() == [own]


KILLED = """
import os, signal, sys
from pathlib import Path
from imgurer_kernel import Settings, Workbench
from imgurer_kernel.store.blobs.backends.posix import PosixBackend
real = PosixBackend.move
def move(self, name, new_name):
    if sys.argv[2] == "before":
        os.kill(os.getpid(), signal.SIGKILL)
    real(self, name, new_name)
    os.kill(os.getpid(), signal.SIGKILL)
PosixBackend.move = move
wb = Workbench(Settings(root=sys.argv[1]))
wb.forget(int(sys.argv[3]))
"""


@pytest.mark.parametrize("when", thinned(["after", "before"], 2))
def test_a_kill_between_the_row_and_the_move_of_the_bytes(wb, monkeypatch, when):
    image_id = int(wb.files().set_index("file_id").loc[acts(wb), "image_id"])
    before = facts(wb)
    wb.close()
    process = python("-c", KILLED, wb.settings.root, when, image_id)
    process.communicate(timeout=120)
    assert process.returncode == -signal.SIGKILL
    # A moment later it may be on its way still; then it is what a crash has left.
    assert wb.check(repair=True, progress=False).empty
    monkeypatch.setattr(check_module, "SETTLED", 0.0)
    wb.check(repair=True, progress=False)
    assert image_id not in set(wb.images()["image_id"])
    assert not wb.blobs.holds(wb.trash.list()["digest"].iloc[0])
    wb.trash.restore()
    same(facts(wb), before)
    assert wb.check(progress=False).empty
