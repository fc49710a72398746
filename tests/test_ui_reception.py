import errno
import hashlib
import os
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgurer_kernel.errors import ImageTooLarge, StorageDenied, StorageFull, UploadBroken
from imgurer_kernel.ui.reception import Reception, human_bytes, shown_name


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "arrivals"


@pytest.fixture
def reception(folder):
    reception = Reception(folder, max_bytes=100, chunk_bytes=10)
    yield reception
    reception.close()


def parts(folder):
    return sorted(folder.glob("*")) if folder.exists() else []


def send(reception, key, data, chunk=10):
    for number, offset in enumerate(range(0, len(data), chunk)):
        reception.chunk(key, number, offset, data[offset : offset + chunk])


@pytest.mark.parametrize("size", [0, 1, 9, 10, 11, 100])
def test_bytes_arrive_as_they_were_sent(reception, folder, size):
    data = bytes(range(size))
    reception.begin("k", "a.jpg", size)
    send(reception, "k", data)
    upload = reception.end("k")
    assert upload.path.read_bytes() == data
    assert upload.digest == hashlib.sha256(data).hexdigest()
    assert (upload.name, upload.bytes) == ("a.jpg", size)
    assert parts(folder) == [upload.path]
    assert len(reception) == 0


def test_files_may_arrive_interleaved(reception):
    reception.begin("a", "same.jpg", 20)
    reception.begin("b", "same.jpg", 20)
    for number in (0, 1):
        reception.chunk("a", number, 10 * number, b"a" * 10)
        assert reception.chunk("b", number, 10 * number, b"b" * 10) == (
            number + 1,
            10 * number + 10,
        )
    assert reception.end("a").path.read_bytes() == b"a" * 20
    assert reception.end("b").path.read_bytes() == b"b" * 20


@pytest.mark.parametrize(
    ("sequence", "offset", "length"),
    [(0, 0, 10), (2, 20, 10), (1, 0, 10), (0, 10, 10), (1, 10, 11), (1, 10, 0), (1, 10, 6)],
    ids=["repeated", "skipped", "wrong offset", "wrong number", "too long", "empty", "too many"],
)
def test_a_chunk_out_of_order_gives_the_file_up(reception, folder, sequence, offset, length):
    reception.begin("k", "a.jpg", 15)
    reception.chunk("k", 0, 0, b"x" * 10)
    with pytest.raises(UploadBroken):
        reception.chunk("k", sequence, offset, b"x" * length)
    assert parts(folder) == []
    with pytest.raises(UploadBroken, match="given up"):
        reception.chunk("k", 1, 10, b"x" * 5)


def test_a_short_file_is_not_taken(reception, folder):
    reception.begin("k", "a.jpg", 11)
    reception.chunk("k", 0, 0, b"x" * 10)
    with pytest.raises(UploadBroken, match="10 of 11"):
        reception.end("k")
    assert parts(folder) == []


def test_a_large_file_is_refused_before_anything_is_written(reception, folder):
    with pytest.raises(ImageTooLarge, match="101 bytes; the limit is 100 bytes"):
        reception.begin("k", "a.jpg", 101)
    assert not folder.exists()


@pytest.mark.parametrize("size", [-1])
def test_a_nonsensical_size_is_refused(reception, size):
    with pytest.raises(UploadBroken):
        reception.begin("k", "a.jpg", size)


def test_a_key_in_use_is_refused_and_its_file_goes_on(reception):
    reception.begin("k", "a.jpg", 5)
    with pytest.raises(UploadBroken):
        reception.begin("k", "b.jpg", 5)
    reception.chunk("k", 0, 0, b"12345")
    assert reception.end("k").name == "a.jpg"


def test_cancel_removes_what_arrived(reception, folder):
    reception.begin("k", "a.jpg", 15)
    reception.chunk("k", 0, 0, b"x" * 10)
    assert len(parts(folder)) == 1
    reception.cancel("k")
    reception.cancel("k")
    assert parts(folder) == []


def test_close_removes_everything(reception, folder):
    for key in "abc":
        reception.begin(key, "a.jpg", 15)
    reception.close()
    assert parts(folder) == []
    assert len(reception) == 0


def test_what_stays_silent_expires(folder):
    now = [0.0]
    reception = Reception(folder, max_bytes=100, chunk_bytes=10, clock=lambda: now[0])
    reception.begin("silent", "a.jpg", 20)
    reception.begin("busy", "b.jpg", 20)
    now[0] = 50.0
    reception.chunk("busy", 0, 0, b"x" * 10)
    now[0] = 61.0
    assert reception.expire(60) == ["silent"]
    assert len(parts(folder)) == 1
    assert reception.chunk("busy", 1, 10, b"x" * 10) == (2, 20)
    reception.close()


def test_what_a_killed_kernel_left_behind_is_swept(folder):
    folder.mkdir()
    old, fresh, other = (
        folder / name for name in ("upload-a.part", "upload-b.part", "somebody.part")
    )
    for path in (old, fresh, other):
        path.write_bytes(b"x")
    yesterday = time.time() - 90_000
    os.utime(old, (yesterday, yesterday))
    os.utime(other, (yesterday, yesterday))
    reception = Reception(folder, max_bytes=100)
    reception.begin("k", "a.jpg", 1)
    assert not old.exists()
    assert fresh.exists()
    assert other.exists()
    reception.close()


def test_a_sweep_survives_another_kernel_that_removes_its_files(folder, monkeypatch):
    folder.mkdir()
    monkeypatch.setattr(type(folder), "glob", lambda path, pattern: [path / "upload-gone.part"])
    reception = Reception(folder, max_bytes=100)
    reception.begin("k", "a.jpg", 1)
    reception.close()


@pytest.mark.parametrize(
    ("number", "error"),
    [
        (errno.ENOSPC, StorageFull),
        (errno.EDQUOT, StorageFull),
        (errno.EROFS, StorageDenied),
        (errno.EIO, StorageDenied),
    ],
)
def test_a_disk_that_takes_no_more_is_told_and_left_clean(reception, folder, number, error):
    reception.begin("k", "a.jpg", 15)
    part = reception._parts["k"]

    class Broken:
        def write(self, data):
            raise OSError(number, os.strerror(number))

        def close(self):
            part_file.close()
            raise OSError(number, os.strerror(number))

    part_file, part.file = part.file, Broken()
    with pytest.raises(error, match=str(folder)):
        reception.chunk("k", 0, 0, b"x" * 10)
    assert parts(folder) == []


def test_what_cannot_be_flushed_at_the_end_is_told_and_removed(reception, folder):
    reception.begin("k", "a.jpg", 1)
    reception.chunk("k", 0, 0, b"x")
    part = reception._parts["k"]
    real = part.file

    class Full:
        def close(self):
            real.close()
            raise OSError(errno.ENOSPC, "no space")

    part.file = Full()
    with pytest.raises(StorageFull):
        reception.end("k")
    assert parts(folder) == []


def test_a_folder_that_is_a_file_is_told(tmp_path):
    path = tmp_path / "file"
    path.write_text("x")
    with pytest.raises(StorageDenied, match=str(path)):
        Reception(path, max_bytes=100).begin("k", "a.jpg", 1)


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


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 bytes"),
        (1, "1 byte"),
        (999, "999 bytes"),
        (1000, "1.0 kB"),
        (99_949, "99.9 kB"),
        (99_951, "100 kB"),
        (999_499, "999 kB"),
        (999_500, "1.0 MB"),
        (30_000_000, "30.0 MB"),
        (5 * 10**12, "5000 GB"),
    ],
)
def test_a_size_for_people(size, text):
    assert human_bytes(size) == text
