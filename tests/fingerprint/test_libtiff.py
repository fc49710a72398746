"""Messages of libtiff about a damaged file are in the log, and nowhere else."""

import logging
import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
from PIL import features

from imgurer_kernel.errors import ImageRejected
from imgurer_kernel.fingerprint import fingerprint
from imgurer_kernel.fingerprint.codecs import libtiff
from tests.support.pictures import encode, scene
from tests.support.processes import python

pytestmark = pytest.mark.skipif(
    not (os.path.exists("/proc/self/maps") and features.check("libtiff")),  # noqa: PTH110
    reason="no libtiff whose words could be diverted",
)

KINDS = ("tiff_lzw", "tiff_adobe_deflate", "jpeg")


def damaged(compression):
    """A TIFF whose compressed data were written over."""
    data = bytearray(encode(scene(3, 120, 90), "TIFF", compression=compression))
    for place in range(400, min(len(data), 5000), 7):
        data[place] ^= 0xA5
    return bytes(data)


def decode(data):
    with suppress(ImageRejected):
        fingerprint(data)


@pytest.mark.parametrize("kind", KINDS)
def test_words_about_a_damaged_file_are_logged_and_not_printed(kind, caplog, capfd):
    caplog.set_level(logging.WARNING, "imgurer_kernel.decode")
    decode(damaged(kind))
    assert capfd.readouterr() == ("", "")
    assert [record.name for record in caplog.records[:1]] == ["imgurer_kernel.decode"]
    assert caplog.messages[0].startswith("libtiff: ")
    assert "%" not in caplog.messages[0], "numbers are in the words"


def test_words_of_pillow_are_not_printed():
    """In a process without handlers, as that of a command; pytest adds one."""
    program = """if True:
        import struct
        from imgurer_kernel.errors import ImageRejected
        from imgurer_kernel.fingerprint import fingerprint
        # Width, height, bits, compression, photometric, offset, samples per pixel, rows, bytes.
        tags = {256: 9, 257: 9, 258: 8, 259: 1, 262: 1, 273: 200, 277: 65535, 278: 9, 279: 81}
        entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
        data = b"II*\\0" + struct.pack("<IH", 8, len(tags)) + entries + bytes(400)
        try:
            fingerprint(data)
        except ImageRejected:
            print("rejected")
        """
    process = python("-c", program)
    assert process.communicate(timeout=120) == ("rejected\n", "")


def test_threads_that_decode_at_once(caplog, capfd):
    caplog.set_level(logging.WARNING, "imgurer_kernel.decode")
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(decode, [damaged(kind) for kind in KINDS] * 5))
    assert capfd.readouterr().err == ""
    assert len(caplog.records) >= 15


def test_nothing_is_printed_without_a_log_handler(tmp_path):
    (tmp_path / "damaged.tif").write_bytes(damaged("tiff_lzw"))
    program = (
        "import sys\n"
        "from imgurer_kernel.fingerprint import fingerprint\n"
        "try: fingerprint(open(sys.argv[1], 'rb').read())\n"
        "except Exception as error: print(type(error).__name__)\n"
    )
    with python("-c", program, tmp_path / "damaged.tif") as child:
        assert child.communicate(timeout=60) == ("ImageDamaged\n", "")


def test_where_there_is_no_such_library_nothing_is_done(monkeypatch):
    libtiff.redirect_messages.cache_clear()
    monkeypatch.setattr(libtiff, "_loaded", lambda: None)
    assert not libtiff.redirect_messages()
    libtiff.redirect_messages.cache_clear()
    monkeypatch.undo()
    assert libtiff.redirect_messages()
    assert fingerprint(encode(scene(3, 120, 90), "TIFF")).format == "TIFF"
