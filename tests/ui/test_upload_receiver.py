import errno
import hashlib
import os
import tempfile
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgurer_kernel.errors import ImageTooLarge, StorageDenied, StorageFull, UploadBroken
from imgurer_kernel.ui.widgets.upload.receiver import UploadReceiver, shown_name


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "arrivals"


@pytest.fixture
def reception(folder):
    reception = UploadReceiver(folder, max_bytes=100, chunk_bytes=10, ahead=3)
    yield reception
    reception.close()


def parts(folder):
    return sorted(folder.glob("*")) if folder.exists() else []


def pieces(data, chunk=10):
    return dict(enumerate(data[at : at + chunk] for at in range(0, max(1, len(data)), chunk)))


def send(reception, key, data, order=None, name="a.jpg"):
    """Send the chunks of a file, and return the last answer."""
    chunks = pieces(data)
    for sequence in order or chunks:
        answer = reception.chunk(
            key, name=name, size=len(data), sequence=sequence, data=chunks[sequence]
        )
    return answer


@pytest.mark.parametrize("size", [0, 1, 9, 10, 11, 100])
def test_bytes_arrive_as_they_were_sent(reception, folder, size):
    data = bytes(range(size))
    upload = send(reception, "k", data).upload
    assert upload.path.read_bytes() == data
    assert upload.digest == hashlib.sha256(data).hexdigest()
    assert (upload.name, upload.bytes) == ("a.jpg", size)
    assert parts(folder) == [upload.path]
    assert len(reception) == 0


@given(st.permutations(range(4)), st.lists(st.integers(0, 3), max_size=6))
def test_the_order_of_chunks_does_not_matter_nor_do_repetitions(order, repeated):
    data = bytes(range(35))
    with tempfile.TemporaryDirectory() as folder:
        reception = UploadReceiver(Path(folder), max_bytes=100, chunk_bytes=10)
        uploads = []
        for sequence in [*repeated, *order, *repeated]:
            answer = send(reception, "k", data, [sequence])
            if answer.upload:
                uploads.append(answer.upload)
                assert answer.upload.path.read_bytes() == data
                assert answer.upload.digest == hashlib.sha256(data).hexdigest()
        assert len(uploads) == 1
        assert len(reception) == 0
        assert parts(Path(folder)) == [uploads[0].path]


def test_progress_counts_what_is_there_in_one_piece(reception):
    data = bytes(35)
    seen = [send(reception, "k", data, [sequence]).bytes for sequence in (1, 0, 3, 2)]
    assert seen == [0, 20, 20, 35]


def test_files_may_arrive_interleaved(reception):
    for sequence in (0, 1):
        one = send(reception, "a", b"a" * 20, [sequence], "same.jpg")
        other = send(reception, "b", b"b" * 20, [sequence], "same.jpg")
    assert one.upload.path.read_bytes() == b"a" * 20
    assert other.upload.path.read_bytes() == b"b" * 20


@pytest.mark.parametrize(
    ("size", "sequence", "length"),
    [
        (35, 1, 9),
        (35, 1, 11),
        (35, 1, 0),
        (35, 3, 10),
        (35, 4, 0),
        (35, -1, 10),
        (36, 1, 10),
        (-1, 0, 0),
        (95, 5, 10),
    ],
    ids=["short", "long", "empty", "last long", "beyond", "negative", "other size", "no size",
         "too far ahead"],
)  # fmt: skip
def test_a_chunk_that_cannot_be_gives_the_file_up(reception, folder, size, sequence, length):
    whole = 95 if size == 95 else 35
    send(reception, "k", bytes(whole), [0])
    with pytest.raises(UploadBroken, match="try again"):
        reception.chunk("k", name="a", size=size, sequence=sequence, data=bytes(length))
    assert parts(folder) == []
    assert send(reception, "k", bytes(whole)).upload is None
    assert parts(folder) == []


@pytest.mark.parametrize(("sequence", "length"), [(1, 0), (0, 1), (-1, 0)])
def test_an_empty_file_is_one_empty_chunk(reception, folder, sequence, length):
    with pytest.raises(UploadBroken):
        reception.chunk("k", name="a", size=0, sequence=sequence, data=bytes(length))
    assert parts(folder) == []


def test_a_large_file_is_refused_before_anything_is_written(reception, folder):
    with pytest.raises(ImageTooLarge, match="101 bytes; the limit is 100 bytes"):
        send(reception, "k", bytes(101), [0])
    assert not folder.exists()


def test_cancel_removes_what_arrived_and_what_comes_late(reception, folder):
    send(reception, "k", bytes(15), [0])
    assert len(parts(folder)) == 1
    reception.cancel("k")
    reception.cancel("k")
    assert parts(folder) == []
    send(reception, "k", bytes(15), [1])
    assert parts(folder) == []


def test_a_cancel_may_overtake_the_file(reception, folder):
    reception.cancel("k")
    assert send(reception, "k", bytes(15)).upload is None
    assert parts(folder) == []


def test_close_removes_everything(reception, folder):
    for key in "abc":
        send(reception, key, bytes(15), [0])
    reception.close()
    assert parts(folder) == []
    assert len(reception) == 0


def test_what_stays_silent_expires(folder):
    now = [0.0]
    reception = UploadReceiver(folder, max_bytes=100, chunk_bytes=10, clock=lambda: now[0])
    send(reception, "silent", bytes(20), [0])
    send(reception, "busy", bytes(30), [0])
    now[0] = 50.0
    send(reception, "busy", bytes(30), [1])
    now[0] = 61.0
    assert reception.expire(60) == ["silent"]
    assert len(parts(folder)) == 1
    assert send(reception, "busy", bytes(30), [2]).upload.bytes == 30


def test_what_a_killed_kernel_left_behind_is_swept(reception, folder):
    folder.mkdir()
    old, fresh, other = (
        folder / name for name in ("upload-a.part", "upload-b.part", "somebody.part")
    )
    for path in (old, fresh, other):
        path.write_bytes(b"x")
    yesterday = time.time() - 90_000
    os.utime(old, (yesterday, yesterday))
    os.utime(other, (yesterday, yesterday))
    send(reception, "k", b"x")
    assert not old.exists()
    assert fresh.exists()
    assert other.exists()


def test_a_sweep_survives_another_kernel_that_removes_its_files(reception, folder, monkeypatch):
    folder.mkdir()
    monkeypatch.setattr(type(folder), "glob", lambda path, pattern: [path / "upload-gone.part"])
    assert send(reception, "k", b"x").upload.bytes == 1


class Full:
    """A file on a disk that takes no more."""

    def __init__(self, file, number, at):
        self.file, self.number, self.at = file, number, at

    def write(self, data):
        if self.at == "write":
            raise OSError(self.number, os.strerror(self.number))
        self.file.write(data)

    def close(self):
        self.file.close()
        raise OSError(self.number, os.strerror(self.number))


@pytest.mark.parametrize("at", ["write", "close"])
@pytest.mark.parametrize(
    ("number", "error"),
    [
        (errno.ENOSPC, StorageFull),
        (errno.EDQUOT, StorageFull),
        (errno.EROFS, StorageDenied),
        (errno.EIO, StorageDenied),
    ],
)
def test_a_disk_that_takes_no_more_is_reported_and_left_clean(reception, folder, number, error, at):
    send(reception, "k", bytes(15), [0])
    part = reception._parts["k"]
    part.file = Full(part.file, number, at)
    with pytest.raises(error, match=str(folder)):
        send(reception, "k", bytes(15), [1])
    assert parts(folder) == []
    assert len(reception) == 0


def test_a_folder_that_is_a_file_is_reported(tmp_path):
    path = tmp_path / "file"
    path.write_text("x")
    with pytest.raises(StorageDenied, match=str(path)):
        send(UploadReceiver(path, max_bytes=100), "k", b"x")


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("a.jpg", "a.jpg"),
        ("../../etc/passwd", "passwd"),
        ("C:\\photos\\a.jpg", "a.jpg"),
        ("", "unnamed"),
        (".", "unnamed"),
        ("..", "unnamed"),
        ("dir/", "unnamed"),
        ("a\x00b\nc.jpg", "a b c.jpg"),
        ("<img src=x onerror=alert(1)>.png", "<img src=x onerror=alert(1)>.png"),
        ("exe.\u202egpj.exe", "exe. gpj.exe"),
        ("\ud800.jpg", "?.jpg"),
        ("🏖️ 👨‍👩‍👧.jpg", "🏖️ 👨‍👩‍👧.jpg"),
        ("x" * 255, "x" * 255),
    ],
)
def test_a_name_is_fit_to_be_shown(name, shown):
    assert shown_name(name) == shown


@given(st.text())
def test_a_shown_name_is_one_line_without_a_path(name):
    shown = shown_name(name)
    assert shown
    assert shown not in {".", ".."}
    assert not set(shown) & set("/\\\n\r\x00\x7f")
    assert shown.encode("utf-8")
    assert shown_name(shown) == shown


def test_chunks_out_of_order_take_no_more_memory_than_a_bound(reception):
    """The chunks of each file were limited, but not the number of files."""
    held = 0
    for number in range(50):
        try:
            for sequence in (1, 2, 3):
                reception.chunk(
                    f"k{number}", name="a.jpg", size=100, sequence=sequence, data=b"x" * 10
                )
        except UploadBroken:
            pass
        else:
            held += 3
    assert 3 <= held <= 12
    assert send(reception, "in order", bytes(35)).upload, "what is in order needs no memory"
    for number in range(50):
        reception.cancel(f"k{number}")
    assert send(reception, "again", bytes(35), order=[3, 2, 1, 0]).upload


def test_files_that_only_begin_are_bounded(folder):
    with pytest.raises(UploadBroken, match="arriving already"):  # noqa: PT012 - which one is free
        reception = UploadReceiver(folder, max_bytes=100, chunk_bytes=10)
        for number in range(300):
            reception.chunk(f"k{number}", name="a.jpg", size=100, sequence=0, data=b"x" * 10)
    reception.close()


def test_keys_and_names_of_any_length_are_not_kept(reception):
    with pytest.raises(UploadBroken, match="100000 characters"):
        reception.chunk("k" * 100_000, name="a.jpg", size=0, sequence=0, data=b"")
    upload = send(reception, "k", b"x", name="n" * 100_000 + ".jpeg").upload
    assert len(upload.name) == 255
    assert upload.name.endswith("n.jpeg")
    assert len(shown_name("n" * 100_000)) == 255
    assert len(shown_name("." * 100_000)) <= 255
