import errno
import os

import pytest

from imgurer_kernel.common import atomic_files
from imgurer_kernel.common.atomic_files import (
    make_folders,
    mapped_os_errors,
    move,
    publish,
    scratch_file,
    storage_error,
    sync_folder,
)
from imgurer_kernel.errors import StorageDenied, StorageError, StorageFull
from tests.support.plain_disks import forbid_syncing_folders


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (errno.ENOSPC, StorageFull),
        (errno.EDQUOT, StorageFull),
        (errno.EFBIG, StorageFull),
        (errno.EACCES, StorageDenied),
        (errno.EPERM, StorageDenied),
        (errno.EROFS, StorageDenied),
        (errno.ENOTDIR, StorageDenied),
        (errno.EISDIR, StorageDenied),
        (errno.EEXIST, StorageDenied),
        (errno.ENOENT, StorageDenied),
        (errno.EIO, StorageError),
        (errno.ESTALE, StorageError),
    ],
)
def test_errors_of_the_system(tmp_path, number, expected):
    with pytest.raises(StorageError, match="; ") as caught, mapped_os_errors(tmp_path):
        raise OSError(number, os.strerror(number))
    assert type(caught.value) is expected
    assert str(tmp_path) in str(caught.value)
    assert os.strerror(number) in str(caught.value)
    assert caught.value.__cause__.errno == number


def test_the_name_in_the_message(tmp_path):
    one = storage_error(OSError(errno.EIO, "broken", "one"), tmp_path)
    assert str(one).startswith("one: broken")
    two = storage_error(OSError(errno.EIO, "broken", "one", None, "two"), tmp_path)
    assert str(two).startswith("two: broken")


def test_other_errors_pass(tmp_path):
    with pytest.raises(ZeroDivisionError), mapped_os_errors(tmp_path):
        _ = 1 / 0


def test_publishing(tmp_path):
    target = tmp_path / "a" / "b" / "name"
    for content in (b"one", b"two"):
        with scratch_file(tmp_path / "tmp") as (path, file):
            file.write(content)
            publish(file, path, target)
        assert target.read_bytes() == content
    assert list((tmp_path / "tmp").iterdir()) == []


def test_a_scratch_file_that_is_not_published_is_gone(tmp_path):
    with pytest.raises(ZeroDivisionError), scratch_file(tmp_path) as (_, file):
        file.write(bytes(1 // 0))
    assert list(tmp_path.iterdir()) == []
    with scratch_file(tmp_path) as (path, file):
        file.write(b"half")
        assert path.exists()
    assert list(tmp_path.iterdir()) == []


def test_which_files_and_folders_are_synced(tmp_path, monkeypatch):
    """Each folder that got a new entry, and the file before it is moved."""
    synced = []
    monkeypatch.setattr(atomic_files, "sync_folder", synced.append)
    make_folders(tmp_path / "a" / "b" / "c")
    assert set(synced) == {tmp_path, tmp_path / "a", tmp_path / "a" / "b"}
    synced.clear()
    (tmp_path / "file").touch()
    move(tmp_path / "file", tmp_path / "a" / "file")
    assert synced == [tmp_path / "a"]
    synced.clear()
    fsynced = []
    monkeypatch.setattr(os, "fsync", fsynced.append)
    for durable in (False, True):
        with scratch_file(tmp_path) as (path, file):
            publish(file, path, tmp_path / f"new {durable}" / "file", durable=durable)
        assert bool(synced) == bool(fsynced) == durable


def test_moving_what_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError):
        move(tmp_path / "nothing", tmp_path / "a" / "b")


@pytest.mark.parametrize("number", [errno.EINVAL, errno.ENOTSUP, errno.ENOSYS])
def test_a_disk_that_syncs_no_folders_is_written_all_the_same(tmp_path, monkeypatch, number):
    """Each ingest into a store on it was refused."""
    forbid_syncing_folders(monkeypatch, number)
    with scratch_file(tmp_path) as (path, file):
        publish(file, path, tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").is_file()


def test_a_folder_that_the_disk_fails_to_sync_is_an_error(tmp_path, monkeypatch):
    forbid_syncing_folders(monkeypatch, errno.EIO)
    with pytest.raises(OSError, match=os.strerror(errno.EIO)):
        sync_folder(tmp_path)
