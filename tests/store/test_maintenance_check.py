"""Maintenance: what is swept and when, and that running work is not a finding."""

import time
from types import SimpleNamespace

import duckdb
import pytest

from imgurer_kernel import Settings, Workbench
from imgurer_kernel.errors import SourceError
from imgurer_kernel.store.blobs import BlobStore
from imgurer_kernel.store.catalog.integrity import read_through
from imgurer_kernel.store.ingest.intake import Intake
from imgurer_kernel.store.maintenance import check
from tests.support.pictures import jpeg


@pytest.mark.parametrize("repair", [False, True])
@pytest.mark.parametrize("days", [0, 3])
def test_repair_sweeps_what_crashes_have_left(tmp_path, monkeypatch, repair, days):
    with Workbench(Settings(root=tmp_path)) as wb:
        wb.upload("a.jpg", jpeg(1))
        left = tmp_path / "tmp" / "left"
        left.parent.mkdir(exist_ok=True)
        left.write_bytes(b"half a picture")
        later = SimpleNamespace(time=lambda: time.time() + days * 86_400)
        monkeypatch.setattr("imgurer_kernel.store.blobs.backends.posix.time", later)
        assert wb.check(repair=repair, progress=False).empty
        assert left.exists() is not (repair and days > 1)


@pytest.mark.parametrize("repair", [False, True])
def test_an_original_being_ingested_is_not_an_orphan(tmp_path, monkeypatch, repair):
    """An original is stored before its row is entered, and a batch is entered at once."""
    with Workbench(Settings(root=tmp_path)) as wb, Workbench(Settings(root=tmp_path)) as other:
        real = Intake.commit

        def commit(intake, arrivals, retry):
            assert other.check(repair=repair, progress=False).empty
            return real(intake, arrivals, retry)

        monkeypatch.setattr(Intake, "commit", commit)
        row = wb.upload("a.jpg", jpeg(1)).iloc[0]
        assert row["status"] == "added"
        assert wb.files()["filename"].tolist() == ["a.jpg"]
        assert wb.forget(int(row["image_id"]))


@pytest.mark.long
@pytest.mark.parametrize("repair", [False, True])
def test_an_original_added_during_a_check_is_not_an_orphan(tmp_path, monkeypatch, repair):
    """Even if it takes longer than usual: it has a row after the blobs were listed."""
    monkeypatch.setattr(check, "SETTLED", 0.0)
    with Workbench(Settings(root=tmp_path)) as wb, Workbench(Settings(root=tmp_path)) as other:
        wb.upload("a.jpg", jpeg(1))
        real = BlobStore.digests
        monkeypatch.setattr(
            BlobStore,
            "digests",
            lambda blobs: (other.upload("b.jpg", jpeg(2)), real(blobs))[1],
        )
        assert wb.check(repair=repair, progress=False).empty
        assert wb.files()["filename"].tolist() == ["a.jpg", "b.jpg"]


def test_an_orphan_added_by_another_process_is_not_added_twice(tmp_path, monkeypatch):
    monkeypatch.setattr(check, "SETTLED", 0.0)
    with Workbench(Settings(root=tmp_path)) as wb, Workbench(Settings(root=tmp_path)) as other:
        wb.statistics()  # a store, before there is an original of nobody
        wb.blobs.put(jpeg(2))
        real = wb.store.decoders.fingerprint

        def slow(data, **options):
            other.upload("b.jpg", jpeg(2))
            return real(data, **options)

        monkeypatch.setattr(wb.store.decoders, "fingerprint", slow)
        assert wb.check(repair=True, progress=False).empty
        assert wb.files()["filename"].tolist() == ["b.jpg"]


@pytest.mark.parametrize("lost", ["blobs", "thumbs"])
@pytest.mark.parametrize("repair", [False, True])
def test_an_image_forgotten_during_a_check_is_not_missing(tmp_path, monkeypatch, lost, repair):
    (tmp_path / "a.jpg").write_bytes(jpeg(1))
    settings = Settings(root=tmp_path / "store")
    with Workbench(settings) as wb, Workbench(settings) as other:
        wb.ingest(tmp_path / "a.jpg", progress=False)
        name = {"blobs": "verify", "thumbs": "read_thumbnail"}[lost]
        real = getattr(BlobStore, name)

        def late(blobs, digest):
            other.forget(1)
            return real(blobs, digest)

        monkeypatch.setattr(BlobStore, name, late)
        assert wb.check(repair=repair, progress=False).empty
        assert wb.images().empty
        assert list(wb.blobs.digests()) == []


def test_one_picture_over_a_limit_does_not_end_the_repair(tmp_path):
    with Workbench(Settings(root=tmp_path)) as wb:
        for seed, width in enumerate((640, 200, 210)):
            wb.upload(f"{seed}.jpg", jpeg(seed, width=width, height=150))
        for thumbnail in (tmp_path / "thumbs").rglob("?" * 64):
            thumbnail.unlink()
    with Workbench(Settings(root=tmp_path, max_pixels=50_000)) as wb:
        found = wb.check(repair=True, progress=False).set_index("image_id")
        assert found["repaired"].to_dict() == {1: False, 2: True, 3: True}
        assert "not drawn again" in found.loc[1, "detail"]
        assert wb.check(progress=False)["image_id"].tolist() == [1]


def test_a_source_that_cannot_be_read_does_not_end_the_repair(tmp_path, monkeypatch):
    (tmp_path / "a.jpg").write_bytes(jpeg(1))
    with Workbench(Settings(root=tmp_path / "store")) as wb:
        wb.ingest(tmp_path / "a.jpg", progress=False)
        wb.blobs.path(wb.images()["digest"].iloc[0]).unlink()

        def refuse(*_, **__):
            raise SourceError("Input/output error")

        monkeypatch.setattr(BlobStore, "put", refuse)
        assert wb.check(repair=True, progress=False)["repaired"].tolist() == [False]


def test_a_catalog_without_tables_has_no_rows_to_read():
    with duckdb.connect() as connection:
        assert read_through(connection, []) == 0
        connection.execute("CREATE TABLE one AS SELECT 1; CREATE TABLE two AS SELECT range(3)")
        assert read_through(connection, ["one", "two"]) == 2
