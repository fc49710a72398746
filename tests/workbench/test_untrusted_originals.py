"""No method decodes an untrusted original in this process."""

import pytest

from imgurer_kernel import Settings, Workbench
from imgurer_kernel.fingerprint import decode
from imgurer_kernel.fingerprint.decoder_process import AVAILABLE
from imgurer_kernel.store.maintenance import check
from imgurer_kernel.store.maintenance.archive_export import export_store
from imgurer_kernel.store.maintenance.archive_import import import_store
from tests.support.pictures import encode, scene

pytestmark = pytest.mark.skipif(not AVAILABLE, reason="there are decoder processes on Linux only")

ORIGINALS = [
    encode(scene(1, 480, 360), "TIFF"),
    encode(scene(1, 480, 360)),
    encode(scene(2, 64, 48)),
]


def fill(wb):
    for number, data in enumerate(ORIGINALS):
        wb.upload(f"{number}", data)


@pytest.fixture
def wb(new_store, monkeypatch):
    opened = new_store(fill)
    read = decode.read

    def watched(data, *arguments, **options):
        assert bytes(data) not in ORIGINALS, "an original was decoded here"
        return read(data, *arguments, **options)

    monkeypatch.setattr(decode, "read", watched)
    return opened


def test_looking_closer_and_comparing(wb):
    assert wb.browser_view(1).mime_type == "image/jpeg"
    assert wb.browser_view(2).data == ORIGINALS[1]
    assert wb.explain(1, 2).evidence.duplicate
    assert wb.similar(1, progress=False)["image_id"].tolist()[:2] == [1, 2]
    loader = wb._search._loader
    assert [each.shape for each in loader.originals(wb.images()["image_id"].to_numpy())]


def test_checking_and_repairing(wb, monkeypatch):
    monkeypatch.setattr(check, "SETTLED", -1.0)
    for path in (wb.settings.root / "thumbs").rglob("*"):
        if path.is_file():
            path.unlink()
    with wb.catalog.transaction() as connection:
        connection.execute("UPDATE images SET algorithm = 'older-0'")
    orphan = encode(scene(5, 64, 48))
    ORIGINALS.append(orphan)
    wb.blobs.put(orphan)
    found = wb.check(repair=True, progress=False)
    assert set(found["problem"]) == {"missing thumbnail", "stale fingerprint", "orphan original"}
    assert found["repaired"].all()


@pytest.mark.parametrize("backup", [False, True])
def test_an_archive(wb, tmp_path, backup):
    export_store(wb.store, tmp_path / "store.tar", progress=False, backup=backup)
    with Workbench(Settings(root=tmp_path / "other")) as other:
        import_store(other.store, tmp_path / "store.tar", progress=False)
        assert len(other.images()) == len(ORIGINALS[:3])
