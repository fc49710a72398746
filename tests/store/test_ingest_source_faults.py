"""Anything unreadable below a root is one rejected row; the rest is ingested, in order."""

import errno
import os
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest

from imgurer_kernel import Settings, Workbench
from imgurer_kernel.common.records import SourceFile
from imgurer_kernel.errors import SourceError
from imgurer_kernel.store.ingest.sources import Unreadable, find_files
from tests.support.forms import pairs
from tests.support.pictures import jpeg

NUMBERS = [errno.EACCES, errno.EPERM, errno.EIO, errno.ENAMETOOLONG, errno.ESTALE, errno.ELOOP]
NUMBERS += [errno.ENOENT, errno.ENOTDIR, errno.ENOTCONN]
QUIET = {"progress": False}
NAMES = ["a.jpg", "z.jpg", "b/1.jpg", "b/2.jpg", "b/deep/3.jpg", "c/4.jpg"]


@pytest.fixture
def tree(tmp_path):
    root = tmp_path / "tree"
    for seed, name in enumerate(NAMES):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(jpeg(seed, 60, 50))
    return root


class Entry:
    """A folder entry whose type is unknown and cannot be determined."""

    def __init__(self, entry, error):
        self.name, self.path = entry.name, entry.path
        self._entry, self._error = entry, error

    def is_dir(self, *, follow_symlinks=True):
        raise self._error

    def is_symlink(self):
        raise self._error


class Listing:
    """A folder's entries; fails at the n-th, or has failing entries."""

    def __init__(self, listing, fail_at=None, failing=(), error=None):
        self._listing, self._left = listing, fail_at
        self._failing, self._error = failing, error

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._listing.close()

    def close(self):
        self._listing.close()

    def __iter__(self):
        return self

    def __next__(self):
        if self._left is not None:
            self._left -= 1
            if self._left < 0:
                raise self._error
        entry = next(self._listing)
        return Entry(entry, self._error) if entry.name in self._failing else entry


def refuse(monkeypatch, call, place, number):
    """Make one call of the system fail for one path."""
    error = OSError(number, os.strerror(number), str(place))
    list_folder, open_file = os.scandir, Path.open
    # What `call` is about, as the system is asked for it.
    asked = f"{place}{os.sep}." if call == "enter" else str(place)

    def scandir(path="."):
        if call == "scandir" and str(path) == asked:
            raise error
        listing = list_folder(path)
        if call == "next" and str(path) == asked:
            return Listing(listing, fail_at=1, error=error)
        if call == "entry" and str(path) == str(place.parent):
            return Listing(listing, failing={place.name}, error=error)
        return listing

    def failing(real):
        def look(path, **kwargs):
            if call in {"stat", "enter"} and not isinstance(path, int) and os.fspath(path) == asked:
                raise error
            return real(path, **kwargs)

        return look

    def opening(self, *args, **kwargs):
        if call == "open" and str(self) == asked:
            raise error
        return open_file(self, *args, **kwargs)

    monkeypatch.setattr(os, "scandir", scandir)
    monkeypatch.setattr(os, "stat", failing(os.stat))
    monkeypatch.setattr(os, "lstat", failing(os.lstat))
    monkeypatch.setattr(Path, "open", opening)


def relative(tree, items):
    return [str(item.path.relative_to(tree)) for item in items]


@pytest.mark.parametrize("number", NUMBERS, ids=errno.errorcode.get)
@pytest.mark.parametrize("call", ["scandir", "next", "enter"])
def test_a_folder_that_fails_is_one_row_at_the_end(tree, monkeypatch, call, number):
    refuse(monkeypatch, call, tree / "b", number)
    found = list(find_files(tree))
    assert relative(tree, found) == ["a.jpg", "z.jpg", "c/4.jpg", "b"]
    assert all(isinstance(item, SourceFile) for item in found[:-1])
    assert isinstance(found[-1], Unreadable)
    told = "permission" if number in {errno.EACCES, errno.EPERM} else os.strerror(number)
    assert told in found[-1].reason


@pytest.mark.parametrize("number", NUMBERS, ids=errno.errorcode.get)
def test_a_file_of_unknown_type_is_examined(tree, monkeypatch, number):
    refuse(monkeypatch, "entry", tree / "b" / "1.jpg", number)
    found = list(find_files(tree))
    assert relative(tree, found) == NAMES
    assert all(isinstance(item, SourceFile) for item in found)


@pytest.mark.parametrize("number", NUMBERS, ids=errno.errorcode.get)
def test_a_folder_of_unknown_type_is_one_row(tree, monkeypatch, number):
    refuse(monkeypatch, "entry", tree / "b" / "deep", number)
    found = {str(item.path.relative_to(tree)): item for item in find_files(tree)}
    assert found.keys() == {*NAMES, "b/deep"} - {"b/deep/3.jpg"}
    assert isinstance(found["b/deep"], Unreadable)
    assert "folder" in found["b/deep"].reason


@pytest.mark.parametrize(("call", "number"), pairs(["open", "stat"], NUMBERS))
def test_a_file_that_fails_is_one_row_in_its_place(tree, tmp_path, monkeypatch, call, number):
    with Workbench(Settings(root=tmp_path / "store", workers=1)) as wb:
        refuse(monkeypatch, call, tree / "b" / "1.jpg", number)
        frame = wb.ingest(tree, **QUIET)
    assert frame["source"].tolist() == [str(tree / name) for name in NAMES]
    assert frame["status"].tolist() == ["added", "added", "rejected", "added", "added", "added"]
    assert len(frame["reason"].iloc[2]) > 5


@pytest.mark.parametrize(
    ("store", "number"),
    pairs(["copy", "link", "reference"], [errno.EIO, errno.ESTALE, errno.ENOENT, errno.ELOOP]),
)
def test_a_file_that_fails_when_it_is_stored(tree, tmp_path, monkeypatch, store, number):
    error = OSError(number, os.strerror(number), "x")
    reads = []
    link, open_file = os.link, Path.open

    def linking(source, target, **kwargs):
        if str(source).endswith("1.jpg"):
            raise error
        return link(source, target, **kwargs)

    def opening(self, *args, **kwargs):
        if self == tree / "b" / "1.jpg":
            reads.append(self)
            if len(reads) > 1:
                raise error
        return open_file(self, *args, **kwargs)

    with Workbench(Settings(root=tmp_path / "store", store=store, workers=1)) as wb:
        monkeypatch.setattr(os, "link", linking)
        monkeypatch.setattr(Path, "open", opening)
        frame = wb.ingest(tree, **QUIET)
    expected = "added" if store == "copy" else "rejected"
    assert frame["status"].tolist() == ["added", "added", expected, "added", "added", "added"]


def test_a_file_that_cannot_be_linked_is_copied_whatever_the_reason(tree, tmp_path, monkeypatch):
    def linking(source, target, **kwargs):
        raise OSError(errno.ESTALE, os.strerror(errno.ESTALE), str(source))

    with Workbench(Settings(root=tmp_path / "store", store="link", workers=1)) as wb:
        monkeypatch.setattr(os, "link", linking)
        assert set(wb.ingest(tree, **QUIET)["status"]) == {"added"}


def test_a_path_that_is_too_long_is_one_row(tree, tmp_path):
    # However long the path of the tree is, no folder is so deep that only its files are too long.
    top = tree / "b" / ("t" * (299 - len(str(tree / "b"))))
    top.mkdir()
    part, depth = "d" * 200, 0
    try:
        here = os.open(top, os.O_RDONLY)
        while len(str(tree)) + depth * 201 < 4400:
            os.mkdir(part, dir_fd=here)
            inner = os.open(part, os.O_RDONLY, dir_fd=here)
            os.close(here)
            here, depth = inner, depth + 1
            os.close(os.open("f.jpg", os.O_CREAT | os.O_WRONLY, dir_fd=here))
        os.close(here)
    except OSError as error:
        pytest.skip(f"no such path can be made here: {error}")
    found = list(find_files(tree))
    lost = [item for item in found if isinstance(item, Unreadable)]
    assert len(lost) == 1
    assert "too long" in lost[0].reason
    assert {tree / name for name in NAMES} <= {item.path for item in found}
    with Workbench(Settings(root=tmp_path / "store", workers=1)) as wb:
        frame = wb.ingest(tree, **QUIET)
    assert frame["status"].tolist().count("added") == len(NAMES)


def without_privileges(task):
    """Run a task in a child as the user nobody; return its exit status."""
    child = os.fork()
    if child == 0:
        status = 9
        try:
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)
            status = task()
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_a_folder_that_may_be_listed_but_not_entered():
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        pytest.skip("only root can become somebody else; the same is injected above")
    # Not below tmp_path, which is closed to others.
    with TemporaryDirectory() as folder:
        tree = Path(folder)
        for name in NAMES:
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            (tree / name).write_bytes(b"x")
        tree.chmod(0o755)
        (tree / "b").chmod(0o744)  # others may list it
        (tree / "c").chmod(0o711)  # others may enter it

        def task():
            found = list(find_files(tree))
            assert relative(tree, found) == ["a.jpg", "z.jpg", "b", "c"]
            assert "enter" in found[2].reason
            assert "list" in found[3].reason
            return 0

        assert without_privileges(task) == 0


def test_the_order_is_that_of_sorted_names_file_before_folder(tmp_path):
    random = np.random.default_rng(7)
    folders = [tmp_path]
    for number in range(120):
        parent = folders[random.integers(len(folders))]
        path = parent / f"{random.integers(1000)}{'-.A b'[number % 5]}{number}"
        if number % 3 == 0:
            path.mkdir()
            folders.append(path)
        elif number % 7 == 0:
            path.symlink_to(folders[random.integers(len(folders))])
        else:
            path.write_bytes(b"x")
    expected = []
    for folder, names, files in os.walk(tmp_path):
        names.sort()
        expected += [Path(folder, name) for name in sorted(files)]
    assert [item.path for item in find_files(tmp_path)] == expected


@pytest.mark.parametrize("number", [errno.EACCES, errno.EIO, errno.ENAMETOOLONG])
def test_a_root_that_fails_says_why(tree, monkeypatch, number):
    refuse(monkeypatch, "stat", tree / "b", number)
    with pytest.raises(SourceError, match=os.strerror(number)):
        find_files(tree / "b")
