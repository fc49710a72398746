"""On a full disk the data stay intact, and the error is one of this package."""

import contextlib
import os
import shutil

import numpy as np
import pytest

from imgurer_kernel import Settings, Workbench
from imgurer_kernel.errors import BlobMissing, StorageFull
from imgurer_kernel.store.blobs import BlobStore
from imgurer_kernel.store.derived import DerivedData
from tests.support.disks import mounted
from tests.support.pictures import jpeg
from tests.support.processes import python

LONG = np.arange(200_000)


def fill_bytes(disk):
    """Take all space; returns what has to go for there to be some again."""
    path = disk / "filler"
    with contextlib.suppress(OSError), path.open("wb", buffering=0) as file:
        while True:
            # Page by page: a larger write would leave what it does not fit in.
            file.write(bytes(4096))
    assert shutil.disk_usage(disk).free == 0
    return [path]


def fill_most(disk):
    """Leave space for the beginning of a file."""
    paths = fill_bytes(disk)
    os.truncate(paths[0], paths[0].stat().st_size - 100_000)
    return paths


def fill_names(disk, left=0):
    """Take all names (inodes) but some."""
    folder = disk / "names"
    folder.mkdir()
    paths = []
    with contextlib.suppress(OSError):
        while True:
            path = folder / str(len(paths))
            path.touch(exist_ok=False)
            paths.append(path)
    for path in paths[:left]:
        path.unlink()
    return paths[left:]


def free(paths):
    for path in paths:
        path.unlink()


@pytest.mark.parametrize("fill", [fill_bytes, fill_most, fill_names])
def test_derived_data_keep_the_version_before(tmp_path, fill):
    with mounted(tmp_path / "tiny", "4m,nr_inodes=64") as disk:
        data = DerivedData(disk / "derived" / "thing")
        data.save({"generation": 1}, {"long": LONG})
        taken = fill(disk)
        for _ in range(2):
            with pytest.raises(StorageFull, match=str(disk)):
                data.save({"generation": 2}, {"long": LONG[::-1], "short": np.arange(3)})
            found = DerivedData(data.folder).load()
            assert found.facts == {"generation": 1}
            assert np.array_equal(found.arrays["long"], LONG)
            assert [path.name for path in data.folder.iterdir()] == ["000000000000"]
        del found  # it is mapped, and keeps the disk busy
        free(taken)
        data.save({"generation": 2}, {"long": LONG[::-1]})
        assert data.load().facts == {"generation": 2}


def test_a_file_that_may_not_grow_leaves_the_version_before(tmp_path):
    """For systems without mounts: every write beyond a size is refused."""
    pytest.importorskip("resource", reason="limits of file sizes are of Unix")
    data = DerivedData(tmp_path / "derived")
    data.save({"generation": 1}, {"long": LONG})
    program = """if True:
        import resource, sys
        from pathlib import Path
        import numpy as np
        from imgurer_kernel.errors import StorageError
        from imgurer_kernel.store.derived import DerivedData
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, resource.RLIM_INFINITY))
        try:
            DerivedData(Path(sys.argv[1])).save({"generation": 2}, {"long": np.arange(200_000)})
        except StorageError as error:
            print(error)
        """
    process = python("-c", program, data.folder)
    said, complaint = process.communicate(timeout=120)
    assert process.returncode == 0, complaint
    assert str(tmp_path) in said
    assert data.load().facts == {"generation": 1}
    assert len(list(data.folder.iterdir())) == 1


def test_the_trash_of_a_full_disk_loses_nothing(tmp_path):
    """For each folder of the trash that cannot be made: nothing is lost, and a retry works."""
    failed = set()
    for left in range(16):
        with mounted(tmp_path / f"tiny {left}", "4m,nr_inodes=64") as disk:
            store = BlobStore(disk)
            digest = store.put(b"all the bytes")
            store.put_thumbnail(digest, b"\xff\xd8 picture \xff\xd9")
            taken = fill_names(disk, left)
            try:
                store.delete(digest)
            except StorageFull:
                failed.add(left)
                lies_in_trash = digest in store.trash.digests()
                assert store.holds(digest) or lies_in_trash
                free(taken)
                store.delete(digest)
            else:
                free(taken)
            assert not store.holds(digest)
            store.restore(digest)
            store.verify(digest)
            assert store.thumbnail(digest).endswith(b"\xff\xd9")
            assert store.trash.digests() == set()
    assert 0 in failed
    assert len(failed) > 3, "the steps are more than one"
    assert 15 not in failed


def test_forgetting_on_a_full_disk_can_be_done_again(tmp_path):
    with mounted(tmp_path / "tiny", "24m") as disk, Workbench(Settings(root=disk / "store")) as wb:
        wb.upload("a.jpg", jpeg(0))
        wb.upload("b.jpg", jpeg(1))
        wb.close()
        taken = fill_bytes(disk)
        with pytest.raises(StorageFull, match="make space on that disk"):
            wb.forget(1)
        free(taken)
        assert wb.images()["image_id"].tolist() == [1, 2]
        assert wb.check(progress=False).empty
        assert wb.forget(1)
        assert wb.images()["image_id"].tolist() == [2]
        assert wb.check(progress=False).empty
        with pytest.raises(BlobMissing):
            wb.blobs.open(wb.trash.list()["digest"].item())
        wb.trash.restore(1)
        assert len(wb.images()) == 2
        assert wb.check(progress=False).empty
        with wb.original(1) as file:
            assert file.read() == jpeg(0)
