"""Backup and restore: export, delete, import, and everything is as before; also from a folder."""

import shutil
import tarfile

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgurer_kernel.apps.cli.parser import main
from imgurer_kernel.errors import SourceError
from imgurer_kernel.store.maintenance.archive_export import (
    export_store,
    plain_cell,
    quoted_cell,
)
from imgurer_kernel.store.maintenance.archive_import import import_store
from tests.store.test_recover import facts, fill
from tests.support.forms import thinned
from tests.support.pictures import jpeg
from tests.support.stores import open_store

pytestmark = pytest.mark.opens_catalogs


def wipe(wb):
    wb.close()
    shutil.rmtree(wb.settings.root)


def fill_more(wb):
    """With an act that was done, and a file that is referred to."""
    fill(wb)
    folder = wb.settings.root.parent / f"referred to by {wb.settings.root.name}"
    folder.mkdir()
    (folder / "kept.jpg").write_bytes(jpeg(40, width=320, height=240))
    (folder / "gone.jpg").write_bytes(jpeg(40, width=320, height=240))
    wb.ingest(folder, store="reference", progress=False)
    ids = wb.files().set_index("filename")["file_id"]
    plan = [{"file_id": ids["gone.jpg"], "act": "trash", "keeper_id": ids["kept.jpg"]}]
    done = wb.apply(pd.DataFrame(plan), progress=False)
    assert done["status"].tolist() == ["done"], done


@pytest.mark.parametrize("name", thinned(["backup.tar", "backup"], 2))
def test_export_wipe_import(new_store, tmp_path, name):
    wb = new_store()
    fill_more(wb)  # on a folder of its own, whose files it moves
    before = facts(wb)
    export_store(wb.store, tmp_path / name, progress=False, backup=True)
    wipe(wb)
    with open_store(wb.settings.root) as again:
        found = import_store(again.store, tmp_path / name, progress=False)
        assert set(found["status"]) == {"added"}
        assert facts(again) == before
        assert again.check(progress=False).empty
        assert set(again.undo(batch=again.journal()["batch"].iloc[0])["status"]) == {"undone"}
        again.trash.restore(user="ann")
        assert "gone.jpg" in again.files(user="ann")["filename"].tolist()
        with again.original(int(again.images()["image_id"].iloc[-1])) as file:
            assert file.read(2) == b"\xff\xd8"


def test_the_drill_by_commands(new_store, tmp_path, capsys):
    wb = new_store(fill)
    before = facts(wb)
    root, out = str(wb.settings.root), str(tmp_path / "backup.tar")
    wb.close()
    assert main(["--root", root, "export", "--backup", "--out", out]) == 0
    assert (tmp_path / "backup.tar").stat().st_mode & 0o077 == 0
    wipe(wb)
    assert main(["--root", root, "import", out]) == 0
    assert main(["--root", root, "check"]) == 0
    assert facts(wb) == before


def test_foreign_files_in_the_folder_are_kept(new_store, tmp_path):
    wb = new_store()
    fill(wb)
    goal = tmp_path / "pictures"
    theirs = [f"catalog/{name}/only.jpg" for name in ("2019", "20190101T000000.000000", "x")]
    for name in theirs:
        (goal / name).parent.mkdir(parents=True)
        (goal / name).write_bytes(b"the only copy")
    (goal / "catalog" / "20180101T000000.000000").symlink_to(tmp_path)
    for _ in range(2):
        export_store(wb.store, goal, progress=False, backup=True)
    assert [(goal / name).read_bytes() for name in theirs] == [b"the only copy"] * 3
    assert len(list((goal / "catalog").glob("*/manifest.json"))) == 1


def test_a_foreign_table_is_not_overwritten(new_store, tmp_path):
    wb = new_store()
    fill(wb)
    goal = tmp_path / "bank"
    goal.mkdir()
    (goal / "holdings.csv").write_text("fund,shares\nx,1\n")
    with pytest.raises(SourceError, match="not a table of an export"):
        export_store(wb.store, goal, progress=False, backup=True)
    assert (goal / "holdings.csv").read_text() == "fund,shares\nx,1\n"
    assert [path.name for path in goal.iterdir()] == ["holdings.csv"]


def test_a_folder_gets_what_is_new(new_store, tmp_path):
    wb = new_store(fill)
    out = tmp_path / "backup"
    assert export_store(wb.store, out, progress=False, backup=True) == 4
    times = {path: path.stat().st_mtime_ns for path in (out / "originals").rglob("?" * 64)}
    assert len(times) == 4
    wb.upload("new.jpg", jpeg(50, width=320, height=240))
    wb.decide((2, 3), "different")
    assert export_store(wb.store, out, progress=False, backup=True) == 5
    after = {path: path.stat().st_mtime_ns for path in (out / "originals").rglob("?" * 64)}
    assert len(after) == 5
    assert {path: after[path] for path in times} == times
    assert len(list((out / "catalog").iterdir())) == 1
    before = facts(wb)
    wipe(wb)
    with open_store(wb.settings.root) as again:
        import_store(again.store, out, progress=False)
        assert facts(again) == before


def test_into_a_store_with_pictures_accounts_and_decisions_are_added(new_store, tmp_path):
    wb, other = new_store(fill), new_store()
    export_store(wb.store, tmp_path / "backup.tar", progress=False, backup=True)
    other.upload("own.jpg", jpeg(60, width=320, height=240))
    for _ in range(2):
        import_store(other.store, tmp_path / "backup.tar", progress=False)
        assert other.accounts.get("ann").role == "admin"
        assert set(other.files(user="ann")["filename"]) == {"mine.jpg", "copy.jpg"}
        with other.catalog.transaction() as connection:
            assert connection.execute("SELECT count(*) FROM decisions").fetchone() == (1,)
        assert other.check(progress=False).empty


def test_paths_that_are_not_there_are_not_looked_for(new_store, tmp_path):
    wb = new_store()
    fill_more(wb)
    export_store(wb.store, tmp_path / "backup.tar", progress=False, backup=True)
    wipe(wb)
    shutil.rmtree(wb.settings.root.parent / f"referred to by {wb.settings.root.name}")
    with open_store(wb.settings.root) as again:
        import_store(again.store, tmp_path / "backup.tar", progress=False)
        kept = again.files().set_index("filename").loc["kept.jpg"]
        assert (kept["kept"], kept["state"]) == ("copy", "present")
        assert again.check(progress=False).empty


def test_a_changed_original_or_catalog_is_reported(new_store, tmp_path):
    wb = new_store(fill)
    out = tmp_path / "backup"
    export_store(wb.store, out, progress=False, backup=True)
    wipe(wb)
    victim = next((out / "originals").rglob("?" * 64))
    victim.write_bytes(b"other bytes")
    with open_store(wb.settings.root) as again:
        found = import_store(again.store, out, progress=False)
        assert (found["status"] == "rejected").sum() == 1
        assert len(again.images()) == 3
        assert again.check(progress=False).empty
    wipe(wb)
    next((out / "catalog").rglob("users.parquet")).write_bytes(b"other accounts")
    with open_store(wb.settings.root) as again, pytest.raises(SourceError, match="not whole"):
        import_store(again.store, out, progress=False)


@pytest.mark.parametrize("name", ["backup.tar", "backup"])
def test_missing_originals_are_reported(new_store, tmp_path, name):
    wb = new_store(fill)
    export_store(wb.store, tmp_path / name, progress=False, backup=True)
    digests = set(wb.images()["digest"])
    wipe(wb)
    if name.endswith(".tar"):
        with tarfile.open(tmp_path / name) as given, tarfile.open(tmp_path / "x.tar", "w") as less:
            for entry in given:
                if not entry.name.startswith("originals/"):
                    less.addfile(entry, given.extractfile(entry))
        (tmp_path / "x.tar").replace(tmp_path / name)
    else:
        shutil.rmtree(tmp_path / name / "originals")
    with open_store(wb.settings.root) as again:
        found = import_store(again.store, tmp_path / name, progress=False)
        told = found[found["status"] == "rejected"]
        assert set(told["reason"]) == {f"the archive has no original {it}" for it in digests}
        assert again.images().empty


def test_originals_forgotten_since_are_not_restored(new_store, tmp_path):
    wb = new_store(fill)
    export_store(wb.store, tmp_path / "backup", progress=False, backup=True)
    first, second = wb.files()["file_id"].tolist()[:2]
    digests = wb.images().set_index("image_id")["digest"]
    image_of = wb.files().set_index("file_id")["image_id"]
    wb.forget(file_id=first)
    wb.trash.empty("0s")
    wb.forget(file_id=second)
    export_store(wb.store, tmp_path / "backup", progress=False, backup=True)
    before = facts(wb)
    wipe(wb)
    with open_store(wb.settings.root) as again:
        import_store(again.store, tmp_path / "backup", progress=False)
        assert facts(again) == before
        assert set(again.store.blobs.digests()) == set(again.images()["digest"])
        assert digests[image_of[first]] not in set(again.store.blobs.trash.digests(0))
        again.trash.restore(second)
        with again.original(int(image_of[second])) as file:
            assert file.read(2) == b"\xff\xd8"


def test_a_time_without_utc_is_refused(new_store, tmp_path):
    wb = new_store(fill)
    export_store(wb.store, tmp_path / "x", progress=False)
    table = pd.read_csv(tmp_path / "x" / "holdings.csv", dtype="str")
    table.assign(brought_at="0001-01-01T00:00:00+14:00").to_csv(
        tmp_path / "x" / "holdings.csv", index=False
    )
    with pytest.raises(SourceError, match="not a time in UTC"):
        import_store(wb.store, tmp_path / "x", progress=False)


def test_formulas_are_quoted_and_come_back(new_store, tmp_path):
    names = ["=1+1.jpg", "+2.jpg", "-3.jpg", "@x.jpg", "'=4.jpg", "'plain.jpg", "plain.jpg"]
    wb, other = new_store(), new_store()
    for seed, name in enumerate(names):
        wb.upload(name, jpeg(seed, width=64, height=48))
    export_store(wb.store, tmp_path / "store.tar", progress=False)
    with tarfile.open(tmp_path / "store.tar") as tar:
        text = tar.extractfile("holdings.csv").read().decode()
    for cell in text.replace("\n", ",").split(","):
        assert cell.strip('"')[:1] not in set("=+-@\t\r")
    import_store(other.store, tmp_path / "store.tar", progress=False)
    assert other.files()["filename"].tolist() == wb.files()["filename"].tolist()


@given(st.text(st.sampled_from("'=+-@\t\ra"), max_size=6))
def test_quoting_is_reversible_and_safe(text):
    assert plain_cell(quoted_cell(text)) == text
    assert quoted_cell(text)[:1] not in set("=+-@\t\r") - {""}
