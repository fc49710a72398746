"""Of equal pixels the file that carries more is kept: captions, faces, a video, more pictures."""

import io
import os
import random
import struct
import subprocess
import sys

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from imgurer_kernel.fingerprint.carried import count_attached, count_exif, count_written
from tests.support.forms import rounds, thinned
from tests.support.pictures import encode, scene

PICTURE = scene(4, 240, 180)
NOISE = random.Random(1).randbytes(3000)
VIDEO = b"\0\0\0\x18ftypmp42\0\0\0\0isommp42\0\0\x0b\xc0mdat" + NOISE
XMP = b"""<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF
 xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="">%s
</rdf:Description></rdf:RDF></x:xmpmeta>"""
CAPTION = XMP % (
    b"<dc:description><rdf:Alt><rdf:li xml:lang='x-default'>Sea, 1962</rdf:li></rdf:Alt>"
    b"</dc:description>"
)
FACE = XMP % b"<mwg-rs:RegionList><rdf:li><a mwg-rs:Name='Ann'/></rdf:li></mwg-rs:RegionList>"
EMPTY = XMP % b"<dc:subject><rdf:Bag/></dc:subject><mwg-rs:Name></mwg-rs:Name>"


def exif():
    made = Image.Exif()
    made[0x0110] = "camera"
    return made


def segment(marker, body):
    return bytes((0xFF, marker)) + struct.pack(">H", len(body) + 2) + body


def iptc(*entries):
    fields = b"".join(
        b"\x1c\x02" + bytes((number,)) + struct.pack(">H", len(text)) + text
        for number, text in entries
    )
    block = b"8BIM\x04\x04\0\0" + struct.pack(">I", len(fields)) + fields
    return segment(0xED, b"Photoshop 3.0\0" + block)


def png(**texts):
    info = PngInfo()
    for name, text in texts.items():
        info.add_text(name, text)
    file = io.BytesIO()
    Image.fromarray(PICTURE).save(file, "PNG", pnginfo=info)
    return file.getvalue()


JPEG = encode(PICTURE)
SMALLER = encode(PICTURE[::4, ::4])
WEBP = encode(PICTURE, "WEBP", lossless=True)
# What carries more, and the same pixels without it.
PAIRS = {
    "video of Google": (JPEG + VIDEO, JPEG),
    "video of Samsung": (JPEG + b"\0\0\x30\x0aMotionPhoto_Data" + VIDEO + b"SEFT", JPEG),
    "map of bright parts": (JPEG + SMALLER, JPEG),
    "caption in IPTC": (JPEG[:2] + iptc((120, b"Sea, 1962"), (25, b"sea")) + JPEG[2:], JPEG),
    "caption in XMP": (encode(PICTURE, xmp=CAPTION), JPEG),
    "faces": (encode(PICTURE, xmp=FACE), JPEG),
    "text in PNG": (png(Description="Sea, 1962"), png()),
    "EXIF in WebP": (encode(PICTURE, "WEBP", lossless=True, exif=exif()), WEBP),
    "EXIF in PNG": (encode(PICTURE, "PNG", exif=exif()), png()),
}


def count_carried(data):
    kind = Image.open(io.BytesIO(data)).format
    counts = (count_attached, count_written, count_exif)
    return sum(count(data, kind) for count in counts)


def test_what_a_file_carries_is_counted_in_each_format():
    for what, (more, plain) in PAIRS.items():
        assert count_carried(more) > count_carried(plain), what


@pytest.mark.parametrize("what", thinned(PAIRS, 3))
def test_a_copy_without_what_the_file_carries_is_not_kept(new_store, tmp_path, what):
    more, plain = PAIRS[what]
    # By all other rules the plain one would be kept: it is older, and first.
    for name, data, time in (("a.jpg", plain, 1_400_000_000), ("b.jpg", more, 1_500_000_000)):
        (tmp_path / name).write_bytes(data)
        os.utime(tmp_path / name, (time, time))
    wb = new_store()
    wb.ingest(tmp_path, store="reference", progress=False)
    queue = wb.queue(progress=False)
    assert queue.loc[queue["is_keeper"], "filename"].tolist() == ["b.jpg"]


def test_padding_and_empty_fields_are_not_counted():
    padded = JPEG + bytes(5000)
    assert count_attached(padded, "JPEG") == 0
    empty = JPEG[:2] + iptc((120, b""), (0, b"\0\2")) + JPEG[2:]
    assert count_written(empty, "JPEG") == 0
    assert count_written(encode(PICTURE, xmp=EMPTY), "JPEG") == 0
    assert count_written(JPEG, "JPEG") == count_exif(JPEG, "JPEG") == 0


@pytest.mark.parametrize("data", [more for more, _ in PAIRS.values()], ids=PAIRS)
def test_cut_and_spoiled_files_are_counted_without_an_error(data):
    chance = random.Random(2)
    for _ in range(rounds(60, 200)):
        spoiled = bytearray(data[: chance.randrange(len(data))])
        for _ in range(5 if spoiled else 0):
            spoiled[chance.randrange(len(spoiled))] = chance.randrange(256)
        for name in ("JPEG", "MPO", "PNG", "WEBP", "HEIF", "TIFF"):
            assert count_attached(bytes(spoiled), name) >= 0
            assert count_written(bytes(spoiled), name) >= 0
            assert count_exif(bytes(spoiled), name) >= 0


@pytest.mark.long
def test_files_that_repeat_a_tag_are_read_in_one_pass():
    """Otherwise each of these takes hours: one picture from a stranger would stop the review."""
    code = """
from imgurer_kernel.fingerprint.carried import count_attached, count_written, read_written
tags = "<dc:title>", "<dc:title ", "<dc:title><rdf:li ", "xmp:Rating ", "mwg-rs:Name>", "urn:", " "
for tag in tags:
    hostile = tag.encode() * (LENGTH // len(tag))
    for data in (hostile, b"<dc:title>" + hostile + b"</dc:title>"):
        for name in ("PNG", "HEIF"):
            count_attached(data, name), count_written(data, name), read_written(data, name)
"""
    code = code.replace("LENGTH", str(rounds(300_000, 1_000_000)))
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)
