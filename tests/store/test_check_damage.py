"""A check finds damage of every kind, and repairs it where that needs no guess."""

import io
import shutil
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image

from imgurer_kernel.errors import BlobDamaged, BlobMissing, CatalogDamaged
from imgurer_kernel.fingerprint import decode
from imgurer_kernel.store.blobs import BlobStore
from imgurer_kernel.store.catalog import integrity
from imgurer_kernel.store.maintenance import check
from imgurer_kernel.store.maintenance.findings import CheckState
from tests.support.disks import other_disk
from tests.support.forms import rounds
from tests.support.pictures import encode, jpeg, solid
from tests.support.stores import open_store

pytestmark = pytest.mark.opens_catalogs


def fill(wb):
    for seed, width in enumerate((320, 320, 160)):
        wb.upload(f"{seed}.jpg", jpeg(seed, width=width, height=240))
    wb.upload("flat.png", encode(solid(), "PNG"))
    wb.accounts.create("ann", "a long password")
    assert wb.check(progress=False).empty


def of(wb, area, image_id=1):
    [path] = (wb.settings.root / area).rglob(wb.images([image_id])["digest"].item())
    return path


def cut_catalog(wb):
    path = wb.catalog.path
    wb.close()
    with path.open("rb+") as file:
        file.truncate(path.stat().st_size - 1024)


def overwrite_block(wb):
    """Overwrite a block that is not needed to open the file."""
    path = wb.catalog.path
    wb.close()
    whole = path.read_bytes()
    for start in range(len(whole) - (1 << 18), 3 * 4096, -(1 << 18)):
        path.write_bytes(whole[: start + 9] + b"bit rot" + whole[start + 16 :])
        try:
            wb.statistics()
        except CatalogDamaged:
            continue
        return


def statement(query):
    def damage(wb):
        wb.close()
        with wb.catalog.transaction() as connection:
            connection.execute(query)

    return damage


def overwrite_thumbnail(wb):
    of(wb, "thumbs").write_bytes(b"no picture at all")


def swap_thumbnail(wb):
    shutil.copy(of(wb, "thumbs", 2), of(wb, "thumbs", 1))


def turn_one_bit_of_a_thumbnail(wb):
    data = bytearray(of(wb, "thumbs").read_bytes())
    data[len(data) // 2] ^= 1
    of(wb, "thumbs").write_bytes(data)


def foreign_thumbnail(wb):
    """By another program: a picture, and none that was stored here."""
    of(wb, "thumbs").write_bytes(jpeg(9, width=100, height=270))


def stray_file(wb):
    (wb.settings.root / "blobs" / "notes.txt").write_text("mine")


def stray_folder(wb):
    folder = wb.settings.root / "blobs" / "my pictures"
    folder.mkdir()
    (folder / "x.jpg").write_bytes(b"mine")


def misplaced_original(wb):
    path = of(wb, "blobs")
    shutil.copy(path, path.parent.parent / path.name)


def folder_in_place(wb):
    path = of(wb, "blobs")
    path.rename(path.with_name("kept"))
    path.mkdir()
    (path / "x").write_bytes(b"mine")
    path.with_name("kept").rename(wb.settings.root / "kept.jpg")


def orphan_thumbnail(wb):
    wb.blobs.put_thumbnail("ab" * 32, wb.thumbnail(1))


# Alone in the short form: what cannot be found or repaired while there is other damage.
ALONE = [
    (cut_catalog, "damaged catalog"),
    (overwrite_block, "damaged catalog"),
    (overwrite_thumbnail, "damaged thumbnail"),
    (statement("DELETE FROM generation"), "no counters"),
]
TOGETHER = [
    (swap_thumbnail, "damaged thumbnail"),
    (turn_one_bit_of_a_thumbnail, "damaged thumbnail"),
    (foreign_thumbnail, "damaged thumbnail"),
    (stray_file, "stray file"),
    (stray_folder, "stray file"),
    (misplaced_original, "stray file"),
    (orphan_thumbnail, "orphan thumbnail"),
    (statement("UPDATE generation SET next_image_id = 2"), "wrong counter"),
    (statement("UPDATE generation SET next_file_id = 1"), "wrong counter"),
    (statement("UPDATE generation SET generation = 0"), "wrong counter"),
    (statement("DELETE FROM verification WHERE image_id = 2"), "incomplete fingerprint"),
    (statement("DELETE FROM pixels"), "incomplete fingerprint"),
    (statement("INSERT INTO pixels VALUES (77, 'x')"), "row of no image"),
    (statement("INSERT INTO removals VALUES (2, 1)"), "wrong removal"),
    (statement("UPDATE images SET active = false WHERE image_id = 3"), "wrong activity"),
    (statement("UPDATE images SET bytes = 5 WHERE image_id = 3"), "wrong size"),
]


def is_found_and_mended(wb, damages, problems):
    facts = ["image_id", "digest", "dhash", "bytes"]
    images, names = wb.images()[facts], wb.files()["filename"].tolist()
    for damage in damages:
        damage(wb)
    found = wb.check(progress=False)
    assert set(found["problem"]) == set(problems)
    assert not found["repaired"].any()
    repaired = wb.check(repair=True, progress=False)
    assert set(problems) <= set(repaired["problem"])
    assert repaired["repaired"].all(), repaired["detail"].tolist()
    assert wb.check(progress=False).empty
    assert wb.images()[facts].equals(images)
    assert wb.files()["filename"].tolist() == names
    assert wb.accounts.get("ann").role == "member"
    assert wb.upload("new.jpg", jpeg(5))["status"].item() == "added"
    assert len(wb.similar(1)) >= 1
    for path in wb.settings.root.joinpath("lost-and-found").rglob("*"):
        assert path.is_dir() or path.stat().st_size


@pytest.mark.parametrize(
    ("damage", "problem"),
    [*ALONE, *(pytest.param(*each, marks=pytest.mark.long) for each in TOGETHER)],
)
def test_damage_is_found_and_mended(new_store, monkeypatch, damage, problem):
    monkeypatch.setattr(check, "SETTLED", 0.0)
    is_found_and_mended(new_store(fill), [damage], [problem])


def test_damage_of_many_kinds_is_found_and_mended_at_once(new_store, monkeypatch):
    monkeypatch.setattr(check, "SETTLED", 0.0)
    damages, problems = zip(*TOGETHER, strict=True)
    is_found_and_mended(new_store(fill), damages, problems)


def test_a_counter_is_wrong_until_it_is_beyond_all_numbers_in_use(new_store):
    wb = new_store(fill)
    with wb.catalog.transaction() as connection:
        for counter, (number,) in {
            "image": connection.execute("SELECT max(image_id) FROM images").fetchone(),
            "file": connection.execute("SELECT max(file_id) FROM files").fetchone(),
        }.items():
            for next_number, wrong in ((number, 1), (number + 1, 0)):
                connection.execute(f"UPDATE generation SET next_{counter}_id = {next_number}")
                assert len(integrity._counters(connection)) == wrong


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ("DELETE FROM files WHERE file_id = 2", "image of nobody"),
        ("UPDATE files SET image_id = 99 WHERE file_id = 2", "file of no image"),
        ("UPDATE files SET user_name = 'who' WHERE file_id = 2", "file of no user"),
    ],
)
def test_problems_whose_repair_needs_a_guess_are_listed(new_store, query, problem):
    wb = new_store(fill)
    statement(query)(wb)
    found = wb.check(repair=True, progress=False)
    assert not found.set_index("problem").loc[problem, "repaired"]


def test_a_folder_in_the_place_of_an_original_goes_and_the_original_comes_back(new_store, tmp_path):
    (tmp_path / "a.jpg").write_bytes(jpeg(4))
    wb = new_store()
    wb.ingest(tmp_path / "a.jpg", progress=False)
    folder_in_place(wb)
    assert set(wb.check(progress=False)["problem"]) == {"missing original", "stray file"}
    found = wb.check(repair=True, progress=False)
    assert found["repaired"].all()
    assert wb.check(progress=False).empty
    [kept] = (wb.settings.root / "lost-and-found").rglob("x")
    assert kept.read_bytes() == b"mine"
    assert str(kept.parent) in found.set_index("problem").loc["stray file", "detail"]


@pytest.mark.parametrize("area", ["blobs", "thumbs"])
def test_links_that_lead_nowhere_or_in_circles_are_stray_files(new_store, monkeypatch, area):
    monkeypatch.setattr(check, "SETTLED", 0.0)
    wb = new_store(fill)
    folder = of(wb, area).parent
    (folder / "nowhere").symlink_to("gone")
    for name in ("loop", ".hidden"):
        (folder / name).symlink_to(name)
    for name in ("one", "two"):  # each leads to both of them again
        (wb.settings.root / area / name).symlink_to(".")
    assert wb.check(progress=False)["problem"].tolist() == ["stray file"] * 5
    assert wb.check(repair=True, progress=False)["repaired"].all()
    assert wb.check(progress=False).empty
    assert len(wb.images()) == 4


def test_a_link_to_itself_in_the_place_of_an_original_is_a_missing_one(new_store):
    wb = new_store(fill)
    path = of(wb, "blobs")
    path.unlink()
    path.symlink_to(path.name)
    assert set(wb.check(progress=False)["problem"]) == {"missing original", "stray file"}


def test_a_wrong_size_of_a_picture_in_the_catalog_is_found(new_store):
    wb = new_store(fill)
    statement("UPDATE images SET width = 32, height = 999 WHERE image_id = 1")(wb)
    [found] = wb.check(progress=False).itertuples()
    assert found.problem == "damaged thumbnail"
    assert "or the catalog has a wrong size" in found.detail


def test_nothing_in_lost_and_found_is_overwritten(new_store):
    wb = new_store(fill)
    for _ in range(3):
        stray_file(wb)
        assert wb.check(repair=True, progress=False)["repaired"].all()
    folder = wb.settings.root / "lost-and-found" / "blobs"
    assert sorted(path.name for path in folder.iterdir()) == [
        "notes.txt", "notes.txt.1", "notes.txt.2",
    ]  # fmt: skip


def test_a_flat_animation_without_a_digest_of_all_frames_lacks_nothing(new_store):
    """Not all frames are decoded of one that has too many, or an image for other programs."""
    wb = new_store(fill)
    still, *frames = [Image.new("L", (99, 99), level) for level in (10, 20, 30)]
    data = io.BytesIO()
    still.save(data, "PNG", save_all=True, default_image=True, append_images=frames)
    wb.upload("flat.png", data.getvalue())
    assert wb.images()["frames"].max() > 1
    assert wb.check(progress=False).empty


def test_a_block_that_a_full_disk_broke_off_is_no_damage(new_store):
    """Nothing refers to it; the next write goes over it."""
    wb = new_store(fill)
    wb.close()
    with wb.catalog.path.open("ab") as file:
        file.write(b"begun" * 1000)
    assert wb.check(progress=False).empty
    wb.upload("next.jpg", jpeg(9))
    wb.close()
    assert wb.check(progress=False).empty


def test_a_file_that_grows_beside_its_log_is_not_cut_off(new_store):
    """While another process writes, the open file may have more blocks than its header counts."""
    wb = new_store(fill)
    other = open_store(wb.settings.root)
    for seed in range(20, rounds(23, 40)):
        other.upload(f"{seed}.jpg", jpeg(seed, width=64, height=48))
        assert wb.check(progress=False, sample=1).empty


def test_only_thumbnails_without_a_stamp_are_decoded(new_store, monkeypatch):
    """A stamp proves all bytes of one; decoding each would take longer than reading the disk."""
    wb = new_store(fill)
    foreign_thumbnail(wb)
    real, decoded = decode.read, []
    monkeypatch.setattr(
        decode,
        "read",
        lambda data, *args, **more: (decoded.append(data), real(data, *args, **more))[1],
    )
    assert wb.check(progress=False)["problem"].tolist() == ["damaged thumbnail"]
    assert decoded == [of(wb, "thumbs").read_bytes()]


def test_a_file_of_no_image_keeps_no_cluster_from_being_shown(new_store):
    wb = new_store(fill)
    before = wb.clusters(progress=False)
    wb.upload("again.jpg", jpeg(1, width=320, height=240))
    statement("DELETE FROM images WHERE image_id = 2")(wb)
    pd.testing.assert_frame_equal(wb.clusters(progress=False), before)


def test_samples_read_all_originals_one_after_another(new_store, monkeypatch):
    wb = new_store(fill)
    seen = []
    real = BlobStore.verify
    monkeypatch.setattr(BlobStore, "verify", lambda self, it: (seen.append(it), real(self, it))[1])
    for number in range(1, 5):
        assert wb.check(sample=25, progress=False).empty
        assert len(seen) == number
    assert set(seen) == set(wb.images()["digest"])
    wb.check(sample=25, progress=False)
    assert seen[4] == seen[0]


def test_an_interrupted_check_goes_on_where_it_was(new_store, monkeypatch):
    monkeypatch.setattr("imgurer_kernel.store.maintenance.originals_check.BATCH", 1)
    wb = new_store(fill, workers=1)
    digests = sorted(wb.images()["digest"])
    overwritten = list((wb.settings.root / "thumbs").rglob(digests[0]))
    overwritten[0].write_bytes(b"x")
    seen = []
    real = BlobStore.verify
    monkeypatch.setattr(BlobStore, "verify", lambda self, it: (seen.append(it), real(self, it))[1])

    def stop(done, _):
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        wb.check(progress=stop)
    assert CheckState.load(wb.settings.root).after in digests[:2]
    wb.upload("new.jpg", jpeg(6))
    new = wb.images()["digest"].iloc[-1]
    seen.clear()
    found = wb.check(resume=True, progress=False)
    assert found["problem"].tolist() == ["damaged thumbnail"]
    assert digests[0] not in seen
    assert {new, *digests[2:]} <= set(seen)
    seen.clear()
    assert len(wb.check(resume=True, progress=False)) == 1
    assert len(seen) == 5, "what has ended is begun anew"


def test_blobs_on_another_disk(tmp_path):
    """A folder of the store is a link to a larger disk: ingest, the trash, links, repair."""
    with other_disk(tmp_path) as disk:
        root = tmp_path / "store"
        root.mkdir()
        for area in ("blobs", "thumbs"):
            (disk / area).mkdir()
            (root / area).symlink_to(disk / area)
        with open_store(root) as wb:
            row = wb.upload("a.jpg", jpeg(1)).iloc[0]
            assert row["status"] == "added"
            (disk / "b.jpg").write_bytes(jpeg(2))
            assert (
                wb.ingest(disk / "b.jpg", store="link", progress=False)["status"].item() == "added"
            )
            assert wb.files()["kept"].tolist() == ["upload", "link"]
            stray_file(wb)
            assert wb.check(repair=True, progress=False)["repaired"].all()
            assert wb.forget(1)
            assert Path(root / "trash" / "blobs").is_dir()
            wb.trash.restore(1)
            assert wb.check(progress=False).empty
            with wb.original(1) as file:
                assert file.read() == jpeg(1)
            assert not [path for path in disk.rglob(".*") if path.is_file()]


def rot(path):
    data = path.read_bytes()
    path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))


def test_bit_rot_in_the_trash_is_found_and_is_not_restored_in_silence(new_store):
    wb = new_store(fill)
    digest, other = wb.images([1, 2])["digest"]
    for image_id in (1, 2):
        wb.forget(image_id=image_id)
    assert wb.check(progress=False).empty
    [lies] = (wb.settings.root / "trash" / "blobs").rglob(digest)
    rot(lies)
    [gone] = (wb.settings.root / "trash" / "blobs").rglob(other)
    gone.unlink()
    found = wb.check(progress=False)
    assert found.set_index("problem")["digest"].to_dict() == {
        "damaged original in the trash": digest
    }
    with pytest.raises(BlobDamaged, match="in the trash is damaged"):
        wb.trash.restore(1)
    with pytest.raises(BlobMissing):
        wb.trash.restore(2)
    # It is known as forgotten still; nothing half of it is back.
    assert {1, 2} <= set(wb.trash.list()["file_id"])
    assert not {1, 2} & set(wb.images()["image_id"])


def test_an_ingested_original_is_not_replaced_by_a_damaged_one_in_the_trash(new_store):
    wb = new_store(fill)
    digest = wb.images([1])["digest"].item()
    with wb.original(1) as file:
        data = file.read()
    wb.forget(image_id=1)
    [lies] = (wb.settings.root / "trash" / "blobs").rglob(digest)
    rot(lies)
    wb.upload("again.jpg", data)
    wb.trash.restore(1)
    image_id = int(wb.images().set_index("digest").loc[digest, "image_id"])
    with wb.original(image_id) as file:
        assert file.read() == data
    assert {"again.jpg", "0.jpg"} <= set(wb.files()["filename"])


def test_undo_says_so_when_the_bytes_in_the_trash_have_rotted(new_store):
    wb = new_store(fill)
    wb.decide((1, 2), "same")
    plan = pd.DataFrame([{"file_id": 2, "keeper_id": 1, "act": "forget"}])
    done = wb.apply(plan, progress=False)
    assert done["status"].tolist() == ["done"], done["why"].tolist()
    [lies] = (wb.settings.root / "trash" / "blobs").rglob(wb.trash.list()["digest"].item())
    rot(lies)
    back = wb.undo(progress=False)
    assert back["status"].tolist() == ["refused"]
    assert "is damaged" in back["why"].item()
