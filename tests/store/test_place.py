"""A store is never made by accident: where one can be opened, and where it may be made."""

import os
import shutil

import pytest

from imgurer_kernel import Settings, Workbench
from imgurer_kernel.errors import SettingsError, StoreMissing, StoreRefused
from imgurer_kernel.store.place import is_store, nearest_store
from tests.support.disks import snapshot
from tests.support.pictures import jpeg
from tests.support.stores import open_store


def make_store(folder):
    with Workbench(Settings(root=folder)) as wb:
        wb.statistics()
    return folder


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """One store in a folder of photos, and another one in a folder of its own."""
    world = tmp_path_factory.mktemp("world")
    (world / "photos" / "2019").mkdir(parents=True)
    make_store(world / "photos" / "Pictures store")
    make_store(world / "work" / "data" / "store")
    (world / "work" / "notes.txt").write_text("mine")
    return world


@pytest.mark.parametrize(
    ("named", "meant"),
    [
        ("photos/Picture store", "photos/Pictures store"),
        ("photos/pictures STORE", "photos/Pictures store"),
        ("photo/pictuers store", "photos/Pictures store"),
        ("wrok/dta/stroe", "work/data/store"),
        ("photos", "photos/Pictures store"),
        ("work", "work/data/store"),
        ("work/data/store/blobs/ab", "work/data/store"),
        ("photos/2019", "photos/Pictures store"),
        ("work/data/something else", "work/data/store"),
        ("elsewhere/far/away", None),
    ],
)
def test_the_nearest_store_is_named_and_nothing_is_written(world, named, meant):
    before = snapshot(world)
    expected = meant and world / meant
    assert nearest_store(world / named) == expected
    with pytest.raises(StoreMissing, match="no store in") as raised:
        Workbench(Settings(root=world / named), create=False)
    assert (str(expected) in str(raised.value)) is (expected is not None)
    assert isinstance(raised.value, SettingsError)
    assert snapshot(world) == before


def test_a_store_that_is_there_is_opened(world):
    with Workbench(Settings(root=world / "work" / "data" / "store"), create=False) as wb:
        assert wb.images().empty


@pytest.mark.parametrize("inside", ["photo.jpg", "2019/photo.jpg", "notes"])
def test_no_store_is_made_among_foreign_files_unless_forced(tmp_path, inside):
    own = tmp_path / "mine" / inside
    own.parent.mkdir(parents=True)
    own.write_bytes(jpeg(0))
    before = snapshot(tmp_path)
    with pytest.raises(StoreRefused, match=inside.partition("/")[0]):
        Workbench(Settings(root=tmp_path / "mine"))
    assert snapshot(tmp_path) == before
    for create in ("anyway", True, False):  # the later ones find it there
        with Workbench(Settings(root=tmp_path / "mine"), create=create) as wb:
            assert wb.images().empty
    assert own.exists()


@pytest.mark.parametrize("left", [".DS_Store", "lost+found", "blobs", "catalog.waiting", "tmp"])
def test_files_of_systems_and_stores_do_not_count_as_foreign(tmp_path, left):
    (tmp_path / "store" / left).mkdir(parents=True)
    assert is_store(make_store(tmp_path / "store"))


def test_a_new_store_is_made_with_its_first_use_and_not_before(tmp_path):
    wb = Workbench(Settings(root=tmp_path / "deep" / "store"))
    assert not (tmp_path / "deep").exists()
    with pytest.raises(Exception, match="nowhere"):
        wb.ingest(tmp_path / "nowhere.jpg", progress=False)
    assert not (tmp_path / "deep").exists()
    wb.upload("a.jpg", jpeg(0))
    assert is_store(tmp_path / "deep" / "store")
    wb.close()


def test_a_store_that_disappears_is_not_made_again(tmp_path):
    root = make_store(tmp_path / "mount" / "store")
    with Workbench(Settings(root=root), create=False) as wb:
        assert wb.images().empty
        wb.close()
        shutil.rmtree(root)
        root.mkdir()  # the empty mount point of a disk that was pulled out
        with pytest.raises(StoreMissing):
            wb.images()
        assert list(root.iterdir()) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may list everything")
def test_a_folder_that_may_not_be_listed(tmp_path):
    (tmp_path / "closed").mkdir(mode=0)
    assert nearest_store(tmp_path / "closed" / "store") is None


@pytest.mark.skipif(os.name == "nt", reason="Windows has other permissions")
def test_a_new_store_is_closed_to_others(tmp_path):
    """Password hashes were readable to all users of the machine."""
    new, before = tmp_path / "some" / "new", tmp_path / "before"
    before.mkdir(mode=0o750)
    for root in (new, before):
        with open_store(root) as wb:
            wb.upload("a.jpg", jpeg(1, 32, 24))
    assert new.stat().st_mode & 0o777 == 0o700
    assert before.stat().st_mode & 0o777 == 0o750, "somebody chose this"
