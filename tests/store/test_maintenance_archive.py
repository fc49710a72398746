"""A store is exported to one file and imported again; other files are refused."""

import hashlib
import io
import tarfile

import pandas as pd
import pytest

from imgurer_kernel import Settings, Workbench
from imgurer_kernel.errors import BlobDamaged, BlobMissing, SourceError, StorageDenied
from imgurer_kernel.store.blobs import BlobStore
from imgurer_kernel.store.maintenance.archive_export import export_store
from imgurer_kernel.store.maintenance.archive_import import import_store
from tests.support.pictures import encode, jpeg, resized, scene
from tests.support.processes import python

FACTS = ["user", "digest", "filename", "source"]


def fill(wb):
    """Pictures of a folder, and of another user."""
    folder = wb.settings.root.parent / f"pictures of {wb.settings.root.name}"
    (folder / "other").mkdir(parents=True)
    (folder / "a.jpg").write_bytes(jpeg(0))
    (folder / "other" / "a.jpg").write_bytes(jpeg(0))
    (folder / 'small, "quoted"\n=1+1 é.jpg').write_bytes(encode(resized(scene(0), 320, 240)))
    (folder / "b.jpg").write_bytes(jpeg(1))
    wb.accounts.create("ada", "correct horse", role="member")
    wb.ingest(folder, progress=False)
    wb.ingest(folder / "b.jpg", user="ada", progress=False)
    wb.upload("b.jpg", jpeg(2), user="ada")


@pytest.fixture
def store(new_store):
    return new_store(fill)


@pytest.fixture
def second(new_store):
    return new_store()


def held(wb):
    """The files of each user, without ids."""
    frame = wb.holdings().merge(wb.images()[["image_id", "digest"]], on="image_id")
    return frame[FACTS].sort_values(FACTS, ignore_index=True)


def pack(path, members):
    with tarfile.open(path, "w") as tar:
        for name, data in members:
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    return path


def table(*rows):
    return pd.DataFrame(rows, columns=FACTS).to_csv(index=False).encode()


@pytest.mark.long
def test_a_store_is_carried_over_whole(store, second, tmp_path):
    second.accounts.create("ada", "another one", role="member")
    assert export_store(store.store, tmp_path / "store.tar", progress=False) == 4
    frame = import_store(second.store, tmp_path / "store.tar", progress=False)
    assert frame["status"].value_counts().to_dict() == {"added": 4, "duplicate": 2}
    pd.testing.assert_frame_equal(held(second), held(store))
    facts = ["digest", "dhash", "width", "height", "format", "bytes"]
    pd.testing.assert_frame_equal(
        second.images()[facts].sort_values("digest", ignore_index=True),
        store.images()[facts].sort_values("digest", ignore_index=True),
    )
    assert second.check(progress=False).empty
    for image_id in second.images()["image_id"].tolist():
        with second.original(image_id) as file:
            assert hashlib.sha256(file.read()).hexdigest() in set(store.images()["digest"])


def test_importing_twice_changes_nothing(store, second, tmp_path):
    export_store(store.store, tmp_path / "store.tar", progress=False)
    import_store(second.store, tmp_path / "store.tar", progress=False)
    before = second.holdings()
    frame = import_store(second.store, tmp_path / "store.tar", progress=False)
    assert set(frame["status"]) == {"duplicate"}
    pd.testing.assert_frame_equal(second.holdings(), before)


def test_a_user_who_is_not_here_gives_to_the_local_one(store, second, tmp_path):
    export_store(store.store, tmp_path / "store.tar", progress=False)
    import_store(second.store, tmp_path / "store.tar", progress=False)
    assert set(second.holdings()["user"]) == {"local"}
    assert len(second.images()) == 4


def test_no_password_leaves_the_store(store, tmp_path):
    export_store(store.store, tmp_path / "store.tar", progress=False)
    with tarfile.open(tmp_path / "store.tar") as tar:
        assert sorted({name.partition("/")[0] for name in tar.getnames()}) == [
            "holdings.csv",
            "originals",
        ]
    assert b"argon2" not in (tmp_path / "store.tar").read_bytes()


def test_the_same_store_gives_the_same_bytes(store, tmp_path):
    for name in ("one.tar", "two.tar"):
        export_store(store.store, tmp_path / name, progress=False)
    assert (tmp_path / "one.tar").read_bytes() == (tmp_path / "two.tar").read_bytes()


def test_an_empty_store(second, tmp_path):
    assert export_store(second.store, tmp_path / "empty.tar", progress=False) == 0
    frame = import_store(second.store, tmp_path / "empty.tar", progress=False)
    assert (len(frame), frame.columns[0]) == (0, "source")


@pytest.mark.parametrize(("harm", "error"), [("gone", BlobMissing), ("cut off", BlobDamaged)])
def test_an_archive_is_whole_or_not_there(store, tmp_path, harm, error):
    blob = store.blobs.path(store.images()["digest"].iloc[2])
    if harm == "gone":
        blob.unlink()
    else:
        data = blob.read_bytes()
        blob.chmod(0o644)
        blob.write_bytes(data[:100])
    before = sorted(path.name for path in tmp_path.iterdir())
    with pytest.raises(error):
        export_store(store.store, tmp_path / "store.tar", progress=False)
    assert sorted(path.name for path in tmp_path.iterdir()) == before


def test_a_place_that_is_not_there(store, tmp_path):
    with pytest.raises(StorageDenied, match="nowhere"):
        export_store(store.store, tmp_path / "nowhere" / "store.tar", progress=False)


def test_originals_that_are_missing_changed_or_no_pictures_are_rejected_alone(second, tmp_path):
    good, text = jpeg(3), b"no picture"
    digests = [hashlib.sha256(data).hexdigest() for data in (good, text)]
    path = pack(
        tmp_path / "odd.tar",
        [
            (
                "holdings.csv",
                table(
                    ["local", digests[0], "good.jpg", "/good.jpg"],
                    ["local", digests[1], "text.jpg", "/text.jpg"],
                    ["local", "0" * 64, "missing.jpg", "/missing.jpg"],
                    ["local", "1" * 64, "changed.jpg", "/changed.jpg"],
                ),
            ),
            (f"originals/{digests[0]}", good),
            (f"originals/{digests[1]}", text),
            (f"originals/{'1' * 64}", jpeg(4)),
        ],
    )
    frame = import_store(second.store, path, progress=False).set_index("source")
    assert frame["status"].to_dict() == {
        "/good.jpg": "added",
        "/text.jpg": "rejected",
        "/missing.jpg": "rejected",
        "/changed.jpg": "rejected",
    }
    assert "no original" in frame.loc["/missing.jpg", "reason"]
    assert "was changed" in frame.loc["/changed.jpg", "reason"]
    assert list(second.blobs.digests()) == [digests[0]]


def test_an_original_over_the_limit_is_rejected_unread(tmp_path):
    data = jpeg(3)
    digest = hashlib.sha256(data).hexdigest()
    path = pack(
        tmp_path / "big.tar",
        [
            ("holdings.csv", table(["local", digest, "big.jpg", "/big.jpg"])),
            (f"originals/{digest}", data),
        ],
    )
    with Workbench(Settings(root=tmp_path / "third", max_bytes=1000)) as wb:
        frame = import_store(wb.store, path, progress=False)
    assert frame["reason"].tolist() == ["over 1,000 bytes (max_bytes in the settings)"]


def hostile(name):
    digest = "ab" * 32
    return {
        "text": b"this is no tar file, but long enough to look at" * 50,
        "empty": b"",
        "other tar": [("readme.txt", b"hello")],
        "no columns": [("holdings.csv", b"a,b\n1,2\n")],
        "no table": [("holdings.csv", b"")],
        "not UTF-8": [("holdings.csv", b"user,digest,filename,source\n\xff,\xfe,x,y\n")],
        "ragged": [("holdings.csv", b"user,digest,filename,source\na\n1,2,3,4,5,6,7\n")],
        "climbing digest": [("holdings.csv", table(["a", "../../evil", "x.jpg", "/x"]))],
        "capital digest": [("holdings.csv", table(["a", digest.upper(), "x.jpg", "/x"]))],
    }[name]


@pytest.mark.parametrize(
    "name",
    ["text", "empty", "other tar", "no columns", "no table", "not UTF-8", "ragged",
     "climbing digest", "capital digest"],
)  # fmt: skip
def test_other_files_are_refused_as_archives(second, tmp_path, name):
    content = hostile(name)
    path = tmp_path / "odd.tar"
    path.write_bytes(content) if isinstance(content, bytes) else pack(path, content)
    with pytest.raises(SourceError, match="not an archive"):
        import_store(second.store, path, progress=False)
    assert second.images().empty


def test_a_missing_or_cut_off_file(store, second, tmp_path):
    with pytest.raises(SourceError, match=r"absent\.tar"):
        import_store(second.store, tmp_path / "absent.tar", progress=False)
    export_store(store.store, tmp_path / "store.tar", progress=False)
    data = (tmp_path / "store.tar").read_bytes()
    (tmp_path / "cut.tar").write_bytes(data[: len(data) // 2 + 77])
    with pytest.raises(SourceError, match=r"cut\.tar"):
        import_store(second.store, tmp_path / "cut.tar", progress=False)


def test_links_and_foreign_members_are_ignored(second, tmp_path):
    data = jpeg(5)
    digest = hashlib.sha256(data).hexdigest()
    path = tmp_path / "links.tar"
    with tarfile.open(path, "w") as tar:
        for name, kind in (("originals/link", tarfile.SYMTYPE), ("/etc/evil", tarfile.LNKTYPE)):
            entry = tarfile.TarInfo(name)
            entry.type = kind
            entry.linkname = "/etc/passwd"
            tar.addfile(entry)
        for name, content in (
            ("holdings.csv", table(["../root", digest, "../../x.jpg", "../../x.jpg"])),
            (f"originals/{digest}", data),
            ("../outside", b"x"),
        ):
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    frame = import_store(second.store, path, progress=False)
    assert frame["status"].tolist() == ["added"]
    assert second.holdings()[["user", "filename"]].to_numpy().tolist() == [["local", "../../x.jpg"]]
    assert not (tmp_path.parent / "outside").exists()


@pytest.mark.parametrize("again", [False, True])
def test_images_forgotten_during_an_export_are_left_out_with_their_rows(
    store, second, tmp_path, monkeypatch, again
):
    """By another process, between reading the catalog and reading the original."""
    victim = store.images()["digest"].iloc[0]
    image_id = int(store.images()["image_id"].iloc[0])
    with store.original(image_id) as file:
        data = file.read()
    real, forgotten = BlobStore.open, []

    def forget_first(blobs, digest):
        if digest == victim and not forgotten:
            forgotten.append(digest)
            with Workbench(store.settings) as other:
                other.forget(image_id)
                with pytest.raises(BlobMissing):
                    real(blobs, digest)
                if again:
                    other.upload("again.jpg", data)
                    raise BlobMissing(digest)
        return real(blobs, digest)

    with monkeypatch.context() as patch:
        patch.setattr(BlobStore, "open", forget_first)
        assert export_store(store.store, tmp_path / "live.tar", progress=False) == 3 + again
    frame = import_store(second.store, tmp_path / "live.tar", progress=False)
    assert not (frame["status"] == "rejected").any()
    assert (victim in set(second.images()["digest"])) is again
    assert len(second.images()) == 3 + again


FORGETTER = """
import sys
from imgurer_kernel import Settings, Workbench
with Workbench(Settings(root=sys.argv[1])) as wb:
    print("ready", flush=True)
    for _ in range(int(sys.argv[3])):
        row = wb.upload("come and go.jpg", open(sys.argv[2], "rb")).iloc[0]
        wb.forget(int(row["image_id"]))
"""


@pytest.mark.long  # short: `test_images_forgotten_during_an_export_are_left_out_with_their_rows`
def test_exports_beside_a_process_that_forgets(store, tmp_path):
    (tmp_path / "go.jpg").write_bytes(jpeg(7))
    process = python("-c", FORGETTER, store.settings.root, tmp_path / "go.jpg", 20)
    assert process.stdout.readline() == "ready\n"
    number = 0
    while process.poll() is None or not number:
        assert export_store(store.store, tmp_path / "live.tar", progress=False) in {4, 5}
        with tarfile.open(tmp_path / "live.tar") as tar:
            names = {name.rpartition("/")[2] for name in tar.getnames()} - {"holdings.csv"}
            table = pd.read_csv(tar.extractfile("holdings.csv"))
        assert set(table["digest"]) == names
        number += 1
    _, complaint = process.communicate(timeout=60)
    assert process.returncode == 0, complaint
