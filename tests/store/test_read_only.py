"""A store on a read-only disk can be read; writing raises an error with the reason."""

import os

import pytest

from imgurer_kernel.errors import ImgurerError, StorageDenied
from tests.support.disks import mounted, remount
from tests.support.pictures import jpeg
from tests.support.stores import open_store

pytestmark = pytest.mark.opens_catalogs


def test_a_read_only_store_is_viewed(tmp_path):
    with mounted(tmp_path / "disk", "64m") as disk:
        with open_store(disk / "store") as wb:
            for seed in range(3):
                wb.upload(f"{seed}.jpg", jpeg(seed, width=160, height=120))
            wb.upload("again.jpg", jpeg(0, width=160, height=120))
            expected = wb.files().to_csv(), wb.clusters(progress=False).to_csv()
        remount(disk, "ro")
        try:
            with open_store(disk / "store") as wb, open_store(disk / "store") as other:
                assert (wb.files().to_csv(), wb.clusters(progress=False).to_csv()) == expected
                assert len(other.images()) == 3
                assert len(wb.similar(1)) >= 1
                assert len(wb.similar(jpeg(1, width=160, height=120))) >= 1
                assert wb.thumbnail(1)[:2] == b"\xff\xd8"
                with wb.original(1) as file:
                    assert file.read() == jpeg(0, width=160, height=120)
                assert wb.journal().empty
                assert wb.trash.list().empty
                assert wb.check(progress=False).empty
                for write in (
                    lambda: wb.forget(1),
                    lambda: wb.upload("x.jpg", jpeg(9)),
                    lambda: wb.decide((1, 2), "same"),
                    lambda: wb.accounts.create("ann", "a long password"),
                ):
                    with pytest.raises(ImgurerError) as caught:
                        write()
                    assert isinstance(caught.value, StorageDenied), caught.value
                    assert "cannot be written" in str(caught.value) or "ead-only" in str(
                        caught.value
                    )
        finally:
            remount(disk, "rw")


def test_a_catalog_that_cannot_be_written_needs_no_lock(tmp_path, monkeypatch):
    """The same for systems without mounts: only the catalog is not writable."""
    with open_store(tmp_path) as wb:
        wb.upload("a.jpg", jpeg(1, width=160, height=120))
        expected = wb.files().to_csv()
    before = {path.name for path in tmp_path.iterdir()}
    for name in ("catalog.lock", "catalog.waiting"):
        path = tmp_path / name
        path.rename(tmp_path.parent / f"{tmp_path.name}-{name}")
    real = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK and real(path, mode))
    with open_store(tmp_path) as wb, open_store(tmp_path) as other:
        assert wb.files().to_csv() == other.files().to_csv() == expected
        assert len(wb.similar(1)) == 1
        assert wb.check(progress=False).empty
        for write in (
            lambda: wb.forget(1),
            lambda: wb.accounts.create("ann", "a long password"),
        ):
            with pytest.raises(StorageDenied, match="cannot be written"):
                write()
        assert wb.files().to_csv() == expected
    assert "catalog.lock" not in {path.name for path in tmp_path.iterdir()}
    assert before >= {path.name for path in tmp_path.iterdir()} - {"check.json", "derived"}
