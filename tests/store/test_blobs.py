import errno
import hashlib
import io
import json
import os
import random
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imgurer_kernel.errors import (
    BlobDamaged,
    BlobMissing,
    InvalidDigest,
    SourceError,
    StorageDenied,
    StorageError,
    StorageFull,
)
from imgurer_kernel.store.blobs import BlobStore
from tests.support.disks import mounted, remount
from tests.support.forms import rounds

BYTES = b"the bytes of a picture"
DIGEST = hashlib.sha256(BYTES).hexdigest()
JPEG = b"\xff\xd8 a thumbnail \xff\xd9"

needs_links = pytest.mark.skipif(os.name == "nt", reason="file identity")
needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")


@pytest.fixture
def store(tmp_path):
    return BlobStore(tmp_path / "store")


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "picture.jpg"
    path.write_bytes(BYTES)
    return path


def files(store, area=""):
    """All files in a part of the store, relative to it."""
    root = store.root / area
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


def place(area, digest=DIGEST):
    return f"{area}/{digest[:2]}/{digest[2:4]}/{digest}"


# Storing ------------------------------------------------------------------------------------


def test_layout(store):
    assert store.put(BYTES) == DIGEST
    store.put_thumbnail(DIGEST, JPEG)
    assert files(store) == [place("blobs"), place("thumbs")]
    assert store.path(DIGEST) == store.root / place("blobs")
    assert store.path(DIGEST).read_bytes() == BYTES


@pytest.mark.parametrize(
    "given_as",
    [
        lambda path: BYTES,
        lambda path: bytearray(BYTES),
        lambda path: memoryview(BYTES),
        lambda path: path,
        str,
        lambda path: io.BytesIO(BYTES),
        lambda path: io.BytesIO(b"skipped" + BYTES),
    ],
)
@pytest.mark.parametrize("mode", ["copy", "link", "reference"])
def test_every_kind_of_source_is_stored_alike(store, source, given_as, mode):
    given_source = given_as(source)
    if isinstance(given_source, io.BytesIO) and given_source.getvalue() != BYTES:
        given_source.seek(len(b"skipped"))
    assert store.put(given_source, digest=DIGEST, mode=mode) == DIGEST
    assert store.exists(DIGEST)
    with store.open(DIGEST) as blob:
        assert blob.read() == BYTES
    store.verify(DIGEST)
    assert files(store, "tmp") == []


@settings(max_examples=rounds(8, 80), deadline=None)
@given(contents=st.lists(st.binary(max_size=300)))
def test_stored_bytes_are_read_back(tmp_path_factory, contents):
    store = BlobStore(tmp_path_factory.mktemp("blobs"))
    expected = {store.put(content): content for content in contents}
    assert list(store.digests()) == sorted(expected)
    for digest, content in expected.items():
        assert hashlib.sha256(content).hexdigest() == digest
        with store.open(digest) as blob:
            assert blob.read() == content


class Long(io.RawIOBase):
    """A hundred megabytes of zeros that are made when they are read."""

    def __init__(self):
        self.left = 100 << 20
        self.largest = 0

    def read(self, size=-1):
        self.largest = max(self.largest, size if size >= 0 else self.left)
        piece = bytes(min(self.left, size if size >= 0 else self.left))
        self.left -= len(piece)
        return piece


def test_a_large_file_is_not_read_into_memory_as_a_whole(store):
    source = Long()
    digest = store.put(source)
    assert source.largest <= 1 << 20
    assert store.path(digest).stat().st_size == 100 << 20
    store.verify(digest)


def test_the_same_bytes_again_change_nothing(store, source):
    store.put(BYTES)
    before = store.path(DIGEST).stat()
    for again in (BYTES, source):
        for mode in ("copy", "link", "reference"):
            assert store.put(again, mode=mode) == DIGEST
    after = store.path(DIGEST).stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)
    assert files(store) == [place("blobs")]


@pytest.mark.parametrize("mode", ["copy", "link", "reference"])
def test_other_bytes_than_promised_are_not_stored(store, source, mode):
    wrong = "0" * 64
    with pytest.raises(BlobDamaged, match=f"picture.jpg has the digest {DIGEST}, not {wrong}"):
        store.put(source, digest=wrong, mode=mode)
    with pytest.raises(BlobDamaged, match="these bytes"):
        store.put(BYTES, digest=wrong, mode=mode)
    assert files(store) == []


@pytest.mark.parametrize("mode", ["copy", "link"])
def test_storing_again_mends_what_is_damaged(store, source, mode):
    store.put(BYTES)
    store.path(DIGEST).write_bytes(b"x" * len(BYTES))
    with pytest.raises(BlobDamaged, match="ingest the picture again"):
        store.verify(DIGEST)
    store.put(source, mode=mode)
    store.verify(DIGEST)
    assert files(store, "tmp") == []


def test_a_trusted_digest_stores_mends_and_replaces_as_any_other(store, source):
    digest = store.put(source, mode="reference")
    data = source.read_bytes()
    assert store.put(data, digest, trusted=True) == digest
    source.unlink()
    store.verify(digest)
    store.path(digest).write_bytes(b"damaged")
    store.put(data, digest, trusted=True)
    store.verify(digest)
    assert not list((store.root / "tmp").iterdir())
    with pytest.raises(InvalidDigest):
        store.put(data, "../x", trusted=True)


def test_many_threads_store_the_same(store):
    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(store.put, [BYTES] * 64)) == {DIGEST}
    assert files(store) == [place("blobs")]


# Digests ------------------------------------------------------------------------------------

NO_DIGESTS = [
    *("", "abc", DIGEST.upper(), DIGEST + "\n", DIGEST + "0", " " + DIGEST[1:], "g" * 64),
    *("/etc/passwd", "../" * 21 + "x", "\u0660" * 64, None, 7, DIGEST.encode()),
]


@pytest.mark.parametrize("digest", NO_DIGESTS)
def test_one_gate_for_all_digests(store, digest):
    calls = [
        *(store.path, store.exists, store.open, store.verify, store.delete, store.restore),
        store.thumbnail,
        lambda it: store.put_thumbnail(it, JPEG),
    ]
    for call in calls:
        with pytest.raises(InvalidDigest, match="64 lower-case hex digits"):
            call(digest)
    if digest is not None:
        with pytest.raises(InvalidDigest):
            store.put(BYTES, digest=digest)
    assert not store.root.exists()


def test_hidden_strays_are_left_alone_while_they_may_be_in_use(store, monkeypatch):
    """They exist for a moment while a file is moved from another disk."""
    name = f"blobs/.{'a' * 64}.part"
    path = store.root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"half")
    for age, expected in ((59, []), (60, [name]), (61, [name])):
        monkeypatch.setattr(store._backend, "age", lambda _, age=age: age)
        assert list(store.strays(60)) == expected


def test_what_is_not_there_has_no_age(store):
    assert store.age(DIGEST) == 0


def test_digests_are_listed_in_order_without_strays(store, tmp_path):
    contents = [str(number).encode() for number in range(50)]
    expected = sorted(store.put(content) for content in contents[:40])
    for number, content in enumerate(contents[35:]):
        path = tmp_path / f"{number}.jpg"
        path.write_bytes(content)
        store.put(path, mode="reference")
    expected = sorted({*expected, *(hashlib.sha256(each).hexdigest() for each in contents)})
    (store.root / "blobs" / "notes.txt").touch()
    first = store.root / "blobs" / expected[0][:2]
    (first / "notes.txt").touch()
    (first / expected[0][2:4] / "Thumbs.db").touch()
    (first / expected[0][2:4] / ("f" * 64)).touch()  # in a bucket that is not its own
    assert list(store.digests()) == expected


def test_an_empty_store(store):
    assert list(store.digests()) == []
    assert not store.exists(DIGEST)
    assert store.sweep() == 0
    assert store.trash.digests() == set()
    assert store.delete(DIGEST) is False
    for call in (store.open, store.path, store.verify):
        with pytest.raises(BlobMissing, match=rf"{DIGEST}; ingest the picture again"):
            call(DIGEST)


# Links --------------------------------------------------------------------------------------


@needs_links
def test_a_link_shares_the_file(store, source):
    store.put(source, mode="link")
    assert store.path(DIGEST).samefile(source)
    source.unlink()
    store.verify(DIGEST)


@needs_links
def test_a_link_to_where_a_symbolic_link_leads(store, source, tmp_path):
    pointer = tmp_path / "pointer.jpg"
    pointer.symlink_to(source)
    store.put(pointer, mode="link")
    assert not store.path(DIGEST).is_symlink()
    assert store.path(DIGEST).samefile(source)


@needs_links
def test_a_file_that_is_written_to_after_it_was_linked(store, source):
    store.put(source, mode="link")
    with source.open("r+b") as file:
        file.write(b"THE")
    with pytest.raises(BlobDamaged, match="only linked, has been changed"):
        store.verify(DIGEST)


@pytest.mark.parametrize("reason", [errno.EXDEV, errno.EPERM, errno.EMLINK, errno.ENOTSUP])
def test_a_copy_where_no_link_can_be_made(store, source, monkeypatch, reason):
    def refuse(*_, **__):
        raise OSError(reason, os.strerror(reason))

    monkeypatch.setattr(os, "link", refuse)
    store.put(source, mode="link")
    assert not store.path(DIGEST).samefile(source)
    store.verify(DIGEST)


def test_a_copy_from_another_disk(store, tmp_path):
    with mounted(tmp_path / "other") as other:
        (other / "picture.jpg").write_bytes(BYTES)
        store.put(other / "picture.jpg", mode="link")
    store.verify(DIGEST)


# References ---------------------------------------------------------------------------------


def test_a_reference_leaves_the_file_in_its_place(store, source):
    store.put(source, mode="reference")
    assert files(store) == [place("references")]
    assert store.path(DIGEST) == source
    facts = source.stat()
    assert json.loads((store.root / place("references")).read_bytes()) == {
        "path": str(source),
        "bytes": facts.st_size,
        "modified_ns": facts.st_mtime_ns,
        "inode": facts.st_ino,
    }


def test_a_reference_by_a_relative_path(store, source, monkeypatch):
    monkeypatch.chdir(source.parent)
    store.put(source.name, mode="reference")
    monkeypatch.chdir("/")
    store.verify(DIGEST)


@pytest.mark.skipif(os.name == "nt", reason="names there are Unicode")
def test_a_reference_to_a_name_that_is_not_unicode(store, source):
    odd = source.with_name(os.fsdecode(b"\xff\n.jpg"))
    source.rename(odd)
    store.put(odd, mode="reference")
    assert store.path(DIGEST) == odd
    store.verify(DIGEST)


def test_a_reference_to_a_file_that_is_gone(store, source):
    store.put(source, mode="reference")
    source.unlink()
    assert not store.exists(DIGEST)
    for call in (store.open, store.path, store.verify):
        with pytest.raises(BlobMissing, match=rf"{source}.*put it back"):
            call(DIGEST)


def test_a_reference_to_a_file_that_has_changed(store, source):
    store.put(source, mode="reference")
    source.write_bytes(BYTES + b"!")
    assert not store.exists(DIGEST)
    for call in (store.open, store.path, store.verify):
        with pytest.raises(BlobDamaged, match=rf"{source}.*has been changed"):
            call(DIGEST)
    # Put back with its own time it is the same again; with other bytes, reading it through tells.
    source.write_bytes(BYTES)
    store.put(source, mode="reference")
    facts = source.stat()
    source.write_bytes(b"x" * len(BYTES))
    os.utime(source, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    with pytest.raises(BlobDamaged, match="is damaged"):
        store.verify(DIGEST)


@pytest.mark.parametrize(
    "note", [b"", b"{}", b"[]", b"null", b"\xff", b'{"path": 1, "bytes": "x"}']
)
def test_a_damaged_reference(store, source, note):
    store.put(source, mode="reference")
    (store.root / place("references")).write_bytes(note)
    with pytest.raises(BlobDamaged, match=r"reference .* is damaged; ingest"):
        store.open(DIGEST)
    store.put(source, mode="reference")
    store.verify(DIGEST)


@pytest.mark.parametrize("mode", ["copy", "link"])
def test_a_copy_takes_the_place_of_a_reference(store, source, mode):
    store.put(source, mode="reference")
    store.put(source, mode=mode)
    assert files(store) == [place("blobs"), *([place("links")] if mode == "link" else [])]


# Thumbnails ---------------------------------------------------------------------------------


def test_the_path_of_a_note_is_returned_whatever_is_there(store, source):
    assert store.noted_path(DIGEST) is None
    store.put(source, mode="reference")
    source.unlink()
    assert store.noted_path(DIGEST) == str(source)
    (store.root / place("references")).write_bytes(b"no note")
    with pytest.raises(BlobDamaged):
        store.noted_path(DIGEST)
    source.write_bytes(BYTES)
    store.put(source, mode="copy")
    assert store.noted_path(DIGEST) is None


def test_thumbnails(store):
    with pytest.raises(BlobMissing, match=rf"{DIGEST} is missing; imgurer check --repair"):
        store.thumbnail(DIGEST)
    store.put_thumbnail(DIGEST, JPEG)
    assert store.thumbnail(DIGEST) == JPEG
    other = JPEG.replace(b"a", b"another")
    store.put_thumbnail(DIGEST, other)
    assert store.thumbnail(DIGEST) == other
    path = store.root / place("thumbs")
    for cut in (other[:-1], b""):
        path.write_bytes(cut)
        with pytest.raises(BlobMissing, match="imgurer check --repair"):
            store.thumbnail(DIGEST)
    assert list(store.digests()) == []


# Trash --------------------------------------------------------------------------------------


def test_deleted_blobs_can_be_restored(store, source):
    store.put(source)
    store.put_thumbnail(DIGEST, JPEG)
    before = files(store)
    assert store.delete(DIGEST) is True
    assert not store.exists(DIGEST)
    assert list(store.digests()) == []
    assert files(store) == [f"trash/{each}" for each in before]
    assert store.delete(DIGEST) is False
    store.restore(DIGEST)
    assert files(store) == before
    store.verify(DIGEST)
    with pytest.raises(BlobMissing, match=r"is not in .*trash"):
        store.restore(DIGEST)


def test_deleting_a_reference_leaves_the_file_alone(store, source):
    store.put(source, mode="reference")
    assert store.delete(DIGEST) is True
    assert source.read_bytes() == BYTES
    assert not store.exists(DIGEST)
    store.restore(DIGEST)
    store.verify(DIGEST)


def test_deleted_stored_and_deleted_again(store):
    for _ in range(2):
        store.put(BYTES)
        store.delete(DIGEST)
    assert files(store) == [f"trash/{place('blobs')}"]


def test_emptying_the_trash(store):
    store.put(BYTES)
    store.put_thumbnail(DIGEST, JPEG)
    kept = store.put(b"other bytes")
    store.delete(DIGEST)
    assert store.trash.digests(older_than=3600) == set()
    assert store.trash.digests() == {DIGEST}
    store.trash.erase(DIGEST)
    assert files(store, "trash") == []
    store.verify(kept)


def test_sweeping_up_after_a_crash(store):
    store.put(BYTES)
    leftover = store.root / "tmp" / "17-abandoned"
    leftover.write_bytes(b"half a pic")
    assert store.sweep() == 0, "it may still be written to"
    time.sleep(0.02)
    assert store.sweep(older_than=0.01) == 1
    assert files(store) == [place("blobs")]


# Another backend ----------------------------------------------------------------------------


class Memory:
    """A backend as one of object storage would be: no files, no folders, no links."""

    def __init__(self, folder):
        self.objects, self.folder = {}, folder

    def location(self, name):
        return f"memory:{name}"

    def exists(self, name):
        return name in self.objects

    def open(self, name):
        if name not in self.objects:
            raise BlobMissing(name)
        return io.BytesIO(self.objects[name])

    def path(self, name):
        path = self.folder / name.replace("/", "-")
        path.write_bytes(self.objects[name])
        return path

    @contextmanager
    def create(self, area):
        yield Draft(self.objects)

    @contextmanager
    def link(self, source, area):
        yield None

    def move(self, name, new_name):
        if name not in self.objects:
            return False
        self.objects[new_name] = self.objects.pop(name)
        return True

    def remove(self, name):
        self.objects.pop(name, None)

    def names(self, folder):
        return iter(sorted(name for name in self.objects if name.startswith(f"{folder}/")))

    def age(self, name):
        return 0.0

    def strays(self, area, expected):
        return (name for name in self.names(area) if not expected(name))

    def set_aside(self, name, area):
        self.move(name, f"{area}/{name}")
        return f"{area}/{name}"

    def discard_drafts(self, seconds):
        return 0


class Draft(io.BytesIO):
    def __init__(self, objects):
        super().__init__()
        self.objects = objects

    def publish(self, name, *, durable=True):
        self.objects[name] = self.getvalue()


def test_a_backend_without_files_serves_as_well(tmp_path, source):
    backend = Memory(tmp_path)
    store = BlobStore(tmp_path / "store", backend)
    other = store.put(source, mode="link")
    assert (other, list(backend.objects)) == (DIGEST, [place("blobs")])
    store.put_thumbnail(DIGEST, JPEG)
    assert store.thumbnail(DIGEST) == JPEG
    assert store.path(DIGEST).read_bytes() == BYTES
    second = tmp_path / "second.jpg"
    second.write_bytes(b"other bytes")
    digest = store.put(second, mode="reference")
    assert list(store.digests()) == sorted([DIGEST, digest])
    assert store.path(digest) == second
    store.put(second)
    assert place("references", digest) not in backend.objects
    backend.objects[place("blobs")] = b"bit rot"
    with pytest.raises(BlobDamaged, match="is damaged"):
        store.verify(DIGEST)
    store.put(BYTES)
    store.verify(DIGEST)
    assert store.delete(DIGEST)
    with pytest.raises(BlobMissing, match=f"memory:{place('blobs')}; ingest the picture again"):
        store.open(DIGEST)
    store.restore(DIGEST)
    assert store.delete(DIGEST)
    assert (store.trash.digests(), store.sweep()) == ({DIGEST}, 0)
    store.trash.erase(DIGEST)
    assert list(store.digests()) == [digest]
    assert not (tmp_path / "store").exists()


# Faults -------------------------------------------------------------------------------------


def test_a_full_disk(tmp_path):
    with mounted(tmp_path / "tiny", "1m") as disk:
        store = BlobStore(disk)
        small = store.put(b"small")
        for attempt in (os.urandom(2 << 20), io.BytesIO(os.urandom(2 << 20))):
            with pytest.raises(StorageFull, match=rf"{disk}.*make space"):
                store.put(attempt)
            assert files(store) == [place("blobs", small)]
        with pytest.raises(StorageFull):
            store.put_thumbnail(DIGEST, os.urandom(2 << 20))
        assert files(store) == [place("blobs", small)]
        store.verify(small)


def test_a_read_only_disk(tmp_path, source):
    with mounted(tmp_path / "tiny") as disk:
        store = BlobStore(disk)
        store.put(b"earlier")
        remount(disk, "ro")
        for mode in ("copy", "link", "reference"):
            with pytest.raises(StorageDenied, match=rf"{disk}.*make the store's folder writable"):
                store.put(source, mode=mode)
        with pytest.raises(StorageDenied):
            store.put_thumbnail(DIGEST, JPEG)
        with pytest.raises(StorageDenied):
            store.delete(hashlib.sha256(b"earlier").hexdigest())
        store.verify(hashlib.sha256(b"earlier").hexdigest())


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (errno.ENOSPC, StorageFull),
        (errno.EDQUOT, StorageFull),
        (errno.EACCES, StorageDenied),
        (errno.EROFS, StorageDenied),
        (errno.EIO, StorageError),
    ],
)
def test_a_disk_that_fails_at_the_last_moment(store, source, monkeypatch, number, expected):
    """Files that cannot be synced get no final name."""

    def fail(_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", fail)
    for mode in ("copy", "reference"):
        with pytest.raises(expected, match=os.strerror(number)) as caught:
            store.put(source, mode=mode)
        assert type(caught.value) is expected
        assert isinstance(caught.value.__cause__, OSError)
        assert files(store) == []


@pytest.mark.parametrize("area", ["blobs", "tmp"])
def test_a_file_where_a_folder_should_be(store, source, area):
    store.root.mkdir()
    (store.root / area).touch()
    for mode in ("copy", "link"):
        with pytest.raises(StorageDenied, match="stands where the store needs its own"):
            store.put(source, mode=mode)
    assert [name for name in files(store) if not name.startswith("links")] == [area]


def test_a_source_that_cannot_be_read(store, tmp_path):
    for mode in ("copy", "link", "reference"):
        with pytest.raises(SourceError, match=r"none\.jpg cannot be read: No such file"):
            store.put(tmp_path / "none.jpg", mode=mode)
        with pytest.raises(SourceError, match="cannot be read"):
            store.put(tmp_path, mode=mode)

    class Broken(io.BytesIO):
        def read(self, size=-1):
            raise OSError(errno.EIO, "Input/output error")

    with pytest.raises(SourceError, match="this file cannot be read: Input/output error"):
        store.put(Broken())
    assert files(store) == []


def write_for_ever(store, ready):
    """In a process of its own: store large files, one after the other."""
    rng = random.Random(1)
    while True:
        content = rng.randbytes(2 << 20)
        os.write(ready, b".")
        store.put(content)


@needs_fork
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_kill_9_leaves_nothing_half_written_under_a_final_name(store):
    rng = random.Random(2)
    for _ in range(10):
        reading, ready = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                write_for_ever(store, ready)
            finally:
                os._exit(1)
        for _ in range(rng.randint(1, 3)):
            os.read(reading, 1)
        time.sleep(rng.random() * 0.04)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        os.close(reading)
        os.close(ready)
        for digest in store.digests():
            store.verify(digest)
    time.sleep(0.02)
    store.sweep(older_than=0.01)
    assert files(store, "tmp") == []
    assert len(list(store.digests())) > 1


def test_a_store_says_where_it_is(store):
    assert repr(store) == f"BlobStore({str(store.root)!r})"
