"""A damaged or lost catalog: the error, what is recovered, and that nothing is deleted."""

import os
import shutil

import numpy as np
import pytest

from imgurer_kernel import Settings, Workbench
from imgurer_kernel.apps.cli.parser import main
from imgurer_kernel.errors import CatalogDamaged, StoreMissing
from imgurer_kernel.store.catalog import Catalog, integrity, rebuilding, snapshots
from imgurer_kernel.store.maintenance.recover import is_damaged, recover_store
from tests.support.forms import thinned
from tests.support.pictures import jpeg
from tests.support.processes import python
from tests.support.stores import open_store

pytestmark = pytest.mark.opens_catalogs


@pytest.fixture(autouse=True)
def with_snapshots(monkeypatch):
    monkeypatch.setattr(Catalog, "takes_snapshots", True)


def fill(wb):
    folder = wb.settings.root.parent / f"pictures of {wb.settings.root.name}"
    folder.mkdir()
    for seed in range(3):
        (folder / f"{seed}.jpg").write_bytes(jpeg(seed, width=320, height=240))
    wb.accounts.create("ann", "a long password", "admin")
    wb.ingest(folder, progress=False)
    wb.upload("mine.jpg", jpeg(7, width=320, height=240), user="ann")
    wb.upload("copy.jpg", jpeg(0, width=320, height=240), user="ann")
    wb.upload("gone.jpg", jpeg(8, width=320, height=240), user="ann")
    wb.decide((1, 2), "different")
    wb.forget(int(wb.files()["image_id"].iloc[-1]), user="ann")


def fill_with_snapshots(wb):
    """`fill`, for stores that no other module copies: theirs have no snapshots."""
    fill(wb)


FILES = ["file_id", "image_id", "user", "path", "filename", "kept", "bytes", "state"]


def facts(wb):
    """All facts of a store that users can see."""
    with wb.catalog.transaction() as connection:
        decisions = connection.execute("FROM decisions ORDER BY ALL").fetchall()
        users = connection.execute(
            "SELECT name, role, password_hash, enabled FROM users ORDER BY ALL"
        ).fetchall()
    return (
        wb.files()[FILES].to_csv(),
        wb.images()[["image_id", "digest", "dhash", "width"]].to_csv(),
        wb.trash.list()[["file_id", "user", "filename", "digest"]].to_csv(),
        decisions,
        users,
        wb.journal().to_csv(),
        wb.clusters(progress=False)[["cluster_id", "file_id", "label"]].to_csv(),
    )


def overwrite(path, start=0, length=1 << 20):
    data = bytearray(path.read_bytes())
    part = data[start : start + length]
    data[start : start + length] = np.random.default_rng(1).bytes(len(part))
    path.write_bytes(data)


def lose(path):
    path.unlink()


def cut_to_nothing(path):
    path.write_bytes(b"")


def overwrite_all(path):
    overwrite(path, 0, path.stat().st_size)


def overwrite_headers(path):
    overwrite(path, 0, 3 * 4096)


@pytest.mark.parametrize(
    "damage", thinned([lose, cut_to_nothing, overwrite_all, overwrite_headers], 3)
)
def test_names_owners_and_decisions_come_back(new_store, capsys, damage):
    wb = new_store(fill_with_snapshots)
    settings, before = wb.settings, facts(wb)
    wb.close()
    damage(wb.catalog.path)
    damaged = wb.catalog.path.read_bytes() if wb.catalog.path.exists() else None
    with pytest.raises(CatalogDamaged, match="imgurer recover") as caught:
        Workbench(settings, create="anyway").statistics()
    assert str(wb.catalog.path) in str(caught.value)
    assert is_damaged(settings)
    assert main(["--root", str(settings.root), "recover"]) == 0
    said = capsys.readouterr().out
    assert "snapshot of" in said
    assert "4 images with names and owners" in said
    with open_store(settings.root) as wb:
        assert facts(wb) == before
        assert wb.check(progress=False).empty
        assert wb.accounts.get("ann").role == "admin"
        wb.trash.restore(user="ann")
        assert "gone.jpg" in wb.files()["filename"].tolist()
        # Of what was in the trash the fingerprint is computed anew when it is back.
        assert wb.check(repair=True, progress=False)["problem"].tolist() == ["stale fingerprint"]
        assert wb.check(progress=False).empty
    if damaged is not None:
        [kept] = (settings.root / rebuilding.DAMAGED).rglob("catalog.duckdb")
        assert kept.read_bytes() == damaged


def test_check_repair_recovers_too(new_store, capsys):
    wb = new_store(fill_with_snapshots)
    before = facts(wb)
    wb.close()
    lose(wb.catalog.path)
    assert main(["--root", str(wb.settings.root), "check"]) == 1
    assert "imgurer recover" in capsys.readouterr().err
    assert main(["--root", str(wb.settings.root), "check", "--repair"]) == 0
    assert facts(wb) == before


def test_images_after_the_snapshot_are_recovered_from_originals_and_notes(
    new_store, tmp_path, monkeypatch
):
    wb = new_store(fill_with_snapshots)
    wb.close()
    monkeypatch.setattr(Catalog, "takes_snapshots", False)
    (tmp_path / "later.jpg").write_bytes(jpeg(20, width=320, height=240))
    wb.ingest(tmp_path / "later.jpg", store="reference", progress=False)
    wb.upload("forgotten name.jpg", jpeg(21, width=320, height=240))
    wb.blobs.put(b"no picture")
    wb.close()
    lose(wb.catalog.path)
    found = recover_store(wb.settings, progress=False)
    assert (found.known, found.named, found.unnamed) == (4, 1, 1)
    assert len(found.rejected) == 1
    files = wb.files().set_index("filename")
    assert files.loc["later.jpg", "path"] == str(tmp_path / "later.jpg")
    assert files.loc["later.jpg", "kept"] == "reference"
    assert any(name.startswith("recovered-") for name in files.index)
    again = wb.ingest(tmp_path / "later.jpg", progress=False)
    assert again["status"].tolist() == ["unchanged"]


def test_without_a_snapshot_originals_are_ingested(new_store, monkeypatch):
    monkeypatch.setattr(Catalog, "takes_snapshots", False)
    wb = new_store(lambda wb: wb.upload("a.jpg", jpeg(1)))
    wb.close()
    overwrite_all(wb.catalog.path)
    found = recover_store(wb.settings, progress=False)
    assert (found.rebuilt.source, found.known, found.unnamed) == ("nothing", 0, 1)


def test_a_damaged_snapshot_is_passed_over(new_store):
    wb = new_store(fill_with_snapshots)
    wb.decide((1, 3), "different")
    wb.close()
    lose(wb.catalog.path)
    folders = sorted((wb.settings.root / "snapshots").iterdir())
    overwrite(folders[-1] / "users.parquet")
    found = recover_store(wb.settings, progress=False)
    assert found.rebuilt.source == "snapshot"
    assert f"{found.rebuilt.taken_at:%Y%m%dT%H%M%S.%f}" == folders[-2].name


WRITER = """
import os, sys
from imgurer_kernel import Settings, Workbench
from imgurer_kernel.store.catalog import Catalog
Catalog.takes_snapshots = False
wb = Workbench(Settings(root=sys.argv[1]))
wb.catalog._lease.idle = 1000.0
wb.upload("late.jpg", open(sys.argv[2], "rb"))
wb.decide((1, 3), "different")
os._exit(0)
"""


def test_a_damaged_log_does_not_hide_what_was_in_the_file(new_store, tmp_path):
    wb = new_store(fill_with_snapshots)
    before = wb.files()["filename"].tolist()
    wb.close()
    shutil.rmtree(wb.settings.root / "snapshots")
    (tmp_path / "late.jpg").write_bytes(jpeg(30, width=320, height=240))
    process = python("-c", WRITER, wb.settings.root, tmp_path / "late.jpg")
    assert process.communicate(timeout=300)[1] == ""
    log = wb.catalog.path.with_name("catalog.duckdb.wal")
    size = log.stat().st_size
    overwrite(log, size // 2, 64)
    damaged = log.read_bytes()
    with pytest.raises(CatalogDamaged, match=r"log of the last changes.*imgurer recover"):
        wb.statistics()
    found = recover_store(wb.settings, progress=False)
    assert found.rebuilt.source == "catalog without its log"
    assert wb.files()["filename"].tolist()[: len(before)] == before
    assert found.unnamed == 1
    assert found.rebuilt.kept.joinpath(log.name).read_bytes() == damaged
    assert wb.check(progress=False).empty


def test_a_sound_log_is_kept_when_another_part_is_damaged(new_store, tmp_path):
    wb = new_store(fill_with_snapshots)
    wb.close()
    (tmp_path / "late.jpg").write_bytes(jpeg(30, width=320, height=240))
    process = python("-c", WRITER, wb.settings.root, tmp_path / "late.jpg")
    assert process.communicate(timeout=300)[1] == ""
    found = recover_store(wb.settings, progress=False)
    assert (found.rebuilt.source, found.unnamed) == ("catalog", 0)
    assert wb.files()["filename"].tolist()[-1] == "late.jpg"


@pytest.mark.parametrize("step", ["_keep", "publish"])
def test_a_crash_during_recovery_is_repeated(new_store, monkeypatch, step):
    wb = new_store(fill_with_snapshots)
    before = facts(wb)
    wb.close()
    overwrite_headers(wb.catalog.path)

    def crash(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(rebuilding, step, crash)
        with pytest.raises(KeyboardInterrupt):
            recover_store(wb.settings, progress=False)
    assert is_damaged(wb.settings)
    recover_store(wb.settings, progress=False)
    assert facts(wb) == before


def test_where_no_store_is_none_is_made(tmp_path):
    with pytest.raises(StoreMissing):
        recover_store(Settings(root=tmp_path / "none"), progress=False)
    assert not (tmp_path / "none").exists()


# Snapshots ----------------------------------------------------------------------------------


def test_snapshots_are_few_private_and_only_of_changes(new_store, monkeypatch):
    wb = new_store(fill_with_snapshots)
    wb.close()
    folder = wb.settings.root / "snapshots"
    names = sorted(path.name for path in folder.iterdir())
    wb.files()
    wb.close()
    assert sorted(path.name for path in folder.iterdir()) == names
    for number in range(snapshots.KEPT + 2):
        wb.decide((1, 2), "same" if number % 2 else "different")
        wb.close()
    assert len(list(folder.iterdir())) == snapshots.KEPT
    for path in folder.rglob("*.parquet"):
        assert path.stat().st_mode & 0o077 == 0
    assert folder.stat().st_mode & 0o077 == 0


def test_a_failed_snapshot_stops_no_transaction(new_store, monkeypatch, caplog):
    wb = new_store(fill_with_snapshots)
    monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left")))
    wb.catalog._snapshots._seconds = wb.catalog._snapshots._taken = 0.0
    monkeypatch.setattr(snapshots, "PERIOD", -1.0)
    wb.decide((1, 2), "same")
    wb.close()
    assert "no snapshot of the catalog" in caplog.text
    assert not list((wb.settings.root / "snapshots").glob("new-*"))


def test_every_table_is_in_a_snapshot_or_has_a_reason_not_to_be(new_store):
    """Grays and labels are computed again, and a session that was ended must not live again."""
    names = set(new_store().catalog.run(integrity.table_names))
    assert names - set(snapshots.TABLES) == {
        *("pair_labels", "password_tries", "schema_version", "sessions", "verification"),
    }
    assert set(snapshots.TABLES) <= names


def test_the_last_change_before_closing_is_in_a_snapshot(new_store):
    wb = new_store(fill_with_snapshots)
    wb.close()
    for number in range(3):
        wb.upload(f"last {number}.jpg", jpeg(80 + number, width=96, height=72))
        wb.close()
        [newest, *_] = snapshots.newest(wb.settings.root)
        assert newest.rows["files"] == 6 + number
