"""Broken, odd and malicious files: each ends as a fingerprint or as a rejection with a reason.

All are decoded in a process of its own, which is killed where a file takes over 10 seconds of
processor time, and which must stay under 1.5 GB.
"""

import io
import json
import os
import re
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pillow_heif import from_pillow

from imgurer_kernel.fingerprint.hashes.dhash import hamming, parse_hex
from tests.support.forms import rounds
from tests.support.pictures import encode, flat_scans, jpeg, png, scene, solid

HERE = Path(__file__).parent
CORPUS = HERE.parents[2] / "shared" / "corpus"
MEMORY = 1_500_000  # KiB, as getrusage has it


def decode(paths):
    """The outcome of each file, by path."""
    worker = subprocess.run(
        [sys.executable, HERE.parent / "support" / "decoding_worker.py"],
        input="".join(f"{path}\n" for path in paths),
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(HERE.parents[1])},
    )
    lines = [json.loads(line) for line in worker.stdout.splitlines()]
    outcomes = dict(zip([line["path"] for line in lines[::2]], lines[1::2], strict=False))
    begun = [line["path"] for line in lines[::2]]
    assert worker.returncode == 0, f"{begun[-1:]} ended it: {worker.returncode} {worker.stderr}"
    assert list(outcomes) == [str(path) for path in paths]
    assert max(outcome["peak"] for outcome in outcomes.values()) < MEMORY
    for path, outcome in outcomes.items():
        if "rejected" in outcome:
            check_reason(path, outcome["reason"])
    return outcomes


def check_reason(path, reason):
    """Check that a reason suits users: no addresses, no paths, no terms of Python."""
    assert 10 < len(reason) < 300, (path, reason)
    told = re.search(r"0x[0-9a-f]{4}|[<>{}\[\]\\]|/\w+/|\.py\b|[A-Z]\w+Error|object at", reason)
    assert told is None, (path, reason)


def decode_all(folder, files):
    """Outcomes of files given as bytes by name."""
    paths = {}
    for number, (name, data) in enumerate(files.items()):
        paths[name] = folder / f"{number}.jpg"  # always the wrong extension but once
        paths[name].write_bytes(data)
    outcomes = decode(paths.values())
    return {name: outcomes[str(path)] for name, path in paths.items()}


# ---- the corpus


@pytest.mark.parametrize("folder", ["hostile", "formats"])
def test_corpus(folder):
    if not CORPUS.exists():
        pytest.skip(f"the corpus of odd files is not at {CORPUS}")
    paths = sorted(path for path in (CORPUS / folder).rglob("*") if path.is_file())
    outcomes = decode(paths)
    accepted = sum("dhash" in outcome for outcome in outcomes.values())
    assert accepted > len(paths) / 4, "most readable files of the corpus were rejected"


def test_which_files_of_the_corpus_open():
    if not CORPUS.exists():
        pytest.skip(f"the corpus of odd files is not at {CORPUS}")
    paths = [CORPUS / "formats" / "pillow_heif" / "RGB_8__29x100.heif"]
    paths += [CORPUS / "formats" / "avif_samples" / "kimono.mirror-horizontal.avif"]
    paths += sorted((CORPUS / "formats" / "libjpegturbo").glob("*.bmp"))
    paths += sorted((CORPUS / "formats" / "jxl_testdata").glob("*.jpg"))
    rejected = [path for path, outcome in decode(paths).items() if "rejected" in outcome]
    assert not rejected


# ---- cut off


def heic(pixels):
    file = io.BytesIO()
    from_pillow(Image.fromarray(pixels)).save(file, quality=70)
    return file.getvalue()


def whole_files():
    small, picture = Image.fromarray(scene(1, 256, 256)), scene(1, 320, 240)
    frames = [Image.fromarray(scene(seed, 100, 80)) for seed in (1, 2)]
    return {
        "JPEG": encode(picture),
        "progressive JPEG": encode(picture, progressive=True),
        "large progressive JPEG": jpeg(1, 2000, 1500, progressive=True),
        "large JPEG": jpeg(1, 2000, 1500),
        "PNG": encode(picture, "PNG"),
        "interlaced PNG": encode(Image.fromarray(picture).quantize(32), "PNG"),
        "GIF": encode(picture, "GIF"),
        "animated GIF": encode(frames[0], "GIF", save_all=True, append_images=frames[1:]),
        "WebP": encode(picture, "WEBP"),
        "lossless WebP": encode(picture, "WEBP", lossless=True, method=0),
        "TIFF": encode(picture, "TIFF"),
        "LZW TIFF": encode(picture, "TIFF", compression="tiff_lzw"),
        "JPEG TIFF": encode(picture, "TIFF", compression="jpeg"),
        "BMP": encode(picture, "BMP"),
        "PPM": encode(picture, "PPM"),
        "ICO": encode(small, "ICO"),
        "AVIF": encode(picture, "AVIF", speed=10),
        "HEIC": heic(picture),
        "JPEG 2000": encode(picture, "JPEG2000"),
    }


def test_a_file_that_is_cut_off_is_rejected_or_the_same_picture(tmp_path):
    files = {}
    for name, data in whole_files().items():
        size = len(data)
        places = {1, 2, 3, 4, 7, 8, 11, 12, 16, 20, 24, 33, 50, 100, 200, 400, 700, size - 1}
        places |= {
            size - 2,
            size - 3,
            size - 12,
            size - 40,
            *range(size // 12, size, size // rounds(6, 12)),
        }
        files[name, "whole"] = data
        files |= {
            (name, place): data[:place]
            for place in sorted(places)[:: rounds(2, 1)]
            if 0 < place < size
        }
    outcomes = decode_all(tmp_path, files)
    for (name, place), outcome in outcomes.items():
        whole = outcomes[name, "whole"]
        assert "dhash" in whole, name
        if "dhash" in outcome:
            off = hamming(parse_hex(outcome["dhash"]), parse_hex(whole["dhash"]))
            assert off <= 3, f"{name} cut at {place} is another picture: {off} bits"


def test_how_far_a_file_that_is_cut_off_got(tmp_path):
    picture = np.maximum(scene(2, 400, 400), 1)
    files = {kind: encode(picture, kind) for kind in ("JPEG", "PNG", "PPM", "BMP", "WEBP", "AVIF")}
    files = {kind: data[: len(data) * 6 // 10] for kind, data in files.items()}
    for kind, outcome in decode_all(tmp_path, files).items():
        assert outcome["rejected"] == "ImageDamaged"
        assert "cut off" in outcome["reason"], kind
        share = int(re.search(r"(\d+) %", outcome["reason"])[1])
        assert 35 <= share <= 80, (kind, outcome["reason"])


# ---- damaged


def test_files_with_changed_bytes_are_rejected_or_decoded(tmp_path):
    random = np.random.default_rng(3)
    files = {}
    for name, data in whole_files().items():
        for number in range(0, 12, rounds(3, 1)):
            broken = bytearray(data)
            reach = 64 if number < 4 else min(len(data), 1000) if number < 8 else len(data)
            for place in random.integers(0, reach, 1 + number % 4):
                broken[place] = random.integers(256)
            files[name, number] = bytes(broken)
    outcomes = decode_all(tmp_path, files)
    assert sum("rejected" in outcome for outcome in outcomes.values()) > len(files) / 5


def test_wrong_checksums(tmp_path):
    data = bytearray(png(4))
    place = data.index(b"IDAT") + 1000
    data[place] ^= 1
    outcome = decode_all(tmp_path, {"pixels": bytes(data)})["pixels"]
    assert outcome["rejected"] == "ImageDamaged"
    assert "checksum" in outcome["reason"]


def test_files_that_are_not_pictures(tmp_path):
    files = {
        "the file is empty": b"",
        "unknown kind": bytes(range(256)) * 9,
        "text file": b"Dear Sir or Madam,\n" * 30,
        "web page": b"<!DOCTYPE html><html><img src=x onerror=alert(1)></html>",
        "SVG drawing": b"<?xml version='1.0'?><svg xmlns='http://www.w3.org/2000/svg'/>",
        "PDF document": b"%PDF-1.7\n%\xe2\xe3\xcf\xd3",
        "ZIP archive": b"PK\x03\x04" + bytes(100),
        "a video": b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + bytes(100),
        "JPEG XL": b"\xff\x0a" + bytes(100),
        "Photoshop": b"8BPS\0\x01" + bytes(100),
        "nothing but zeros": bytes(1000),
        "as if it were text": png(1).replace(b"\r\n", b"\n"),
        "JPEG": b"\xff\xd8\xff\xe0",
    }
    for expected, outcome in decode_all(tmp_path, files).items():
        assert expected in outcome["reason"]


def test_random_bytes_behind_every_signature(tmp_path):
    random = np.random.default_rng(5)
    files = {}
    for name, data in whole_files().items():
        for length in (4, 12, 30):
            noise = random.integers(0, 256, 3000, dtype=np.uint8).tobytes()
            files[name, length] = data[:length] + noise
    decode_all(tmp_path, files)


# ---- bombs


def chunk(name, body):
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def make_png(width, height, pixels, *extra, colour=2, depth=8):
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    parts = [chunk(b"IHDR", header), *extra, chunk(b"IDAT", pixels), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def deflated_zeros(count):
    """A zlib stream of so many zeros, made of one block again and again."""
    block = bytes(1 << 20)
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = packer.compress(block) + packer.flush(zlib.Z_FULL_FLUSH)
    blocks, rest = divmod(count, len(block))
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    last = packer.compress(bytes(rest)) + packer.flush()
    check = 1
    for _ in range(blocks):
        check = zlib.adler32(block, check)
    check = zlib.adler32(bytes(rest), check)
    return b"\x78\xda" + packed * blocks + last + struct.pack(">I", check)


def gif(frames, width=2, height=2):
    frame = b"\x21\xf9\x04\0\0\0\0\0" + b"\x2c" + struct.pack("<HHHHB", 0, 0, 2, 2, 0)
    frame += b"\x02\x02\x44\x01\0"
    head = b"GIF89a" + struct.pack("<HHBBB", width, height, 0x80, 0, 0) + b"\0\0\0\xff\xff\xff"
    return head + frame * frames + b";"


def tiff_directory(entries, following=0):
    packed = b"".join(struct.pack("<HHII", *entry) for entry in entries)
    return struct.pack("<H", len(entries)) + packed + struct.pack("<I", following)


def tiff_pages(count, *, endless=False):
    """A chain of directories, each of which describes one black pixel."""
    parts, size = [b"II*\0" + struct.pack("<I", 8)], 2 + 12 * 8 + 4
    for page in range(count):
        here = 8 + page * size
        after = here + size if page < count - 1 else (8 if endless else 0)
        tags = [(256, 1), (257, 1), (258, 8), (259, 1), (262, 1), (273, 4), (278, 1), (279, 1)]
        parts.append(tiff_directory([(tag, 4, 1, value) for tag, value in tags], after))
    return b"".join(parts)


def exif_bomb(entries, size):
    """EXIF in which every entry claims the same many bytes."""
    table = tiff_directory([(tag % 65536, 7, size, 8) for tag in range(entries)])
    return b"II*\0" + struct.pack("<I", 8) + table + bytes(size)


def jpeg_with(segments):
    data = jpeg(6, 320, 240)
    packed = b"".join(
        b"\xff" + bytes([marker]) + struct.pack(">H", len(body) + 2) + body
        for marker, body in segments
    )
    return data[:2] + packed + data[2:]


def split_exif(exif, size=65_000):
    return [(0xE1, b"Exif\0\0" + exif[place : place + size]) for place in range(0, len(exif), size)]


def declared_bombs():
    bmp = b"BM" + struct.pack("<IHHI", 100, 0, 0, 54)
    bmp += struct.pack("<IiiHHIIiiII", 40, 60_000, 60_000, 1, 24, 0, 0, 0, 0, 0, 0)
    sof = b"\x08" + struct.pack(">HHB", 65_500, 65_500, 3) + b"\1\x11\0\2\x11\0\3\x11\0"
    big_jpeg = b"\xff\xd8\xff\xc0" + struct.pack(">H", len(sof) + 2) + sof
    big_jpeg += b"\xff\xda\0\x0c\3\1\0\2\0\3\0\0\x3f\0" + bytes(100) + b"\xff\xd9"
    webp = b"VP8X" + struct.pack("<I", 10) + b"\0\0\0\0" + b"\xff\x3f\0" + b"\xff\x3f\0"
    webp += b"VP8L" + struct.pack("<I", 8) + b"\x2f" + struct.pack("<I", 0x0FFFFFFF) + bytes(3)
    tags = [(256, 100_000), (257, 100_000), (258, 8), (259, 1), (262, 1), (273, 8), (279, 4)]
    tiff = b"II*\0\x08\0\0\0" + tiff_directory([(tag, 4, 1, value) for tag, value in tags])
    return {
        "PNG": make_png(60_000, 60_000, zlib.compress(bytes(99))),
        "GIF": gif(1, 65_535, 65_535),
        "BMP": bmp + bytes(46),
        "JPEG": big_jpeg,
        "WebP": b"RIFF" + struct.pack("<I", len(webp) + 4) + b"WEBP" + webp,
        "TIFF": tiff,
        "PPM": b"P6 100000 100000 255\n" + bytes(99),
    }


def test_bombs_by_declared_size(tmp_path):
    for name, outcome in decode_all(tmp_path, declared_bombs()).items():
        assert outcome["rejected"] == "ImageTooLarge", (name, outcome)
        assert outcome["peak"] < 400_000, name


def test_bombs_that_unpack_within_the_limits(tmp_path):
    side = rounds(5_000, 10_000)
    files = {
        "colours with alpha": make_png(side, side, deflated_zeros(side * (4 * side + 1)), colour=6),
    }
    for name, outcome in decode_all(tmp_path, files).items():
        assert outcome.get("informative") is False, (name, outcome)
        assert outcome["size"] == [side, side]


def test_bombs_in_metadata(tmp_path):
    laughs = b"".join(
        b'<!ENTITY l%d "%s">' % (level, b"&l%d;" % (level - 1) * 10) for level in range(1, 12)
    )
    xmp = b"http://ns.adobe.com/xap/1.0/\0<!DOCTYPE x [" + laughs + b"]><x>&l11;</x>"
    zeros = deflated_zeros(300 << 20)
    exif = exif_bomb(60_000, 900_000)
    files = {
        "text of PNG": make_png(9, 9, zlib.compress(bytes(252)), chunk(b"zTXt", b"a\0\0" + zeros)),
        "international text": make_png(
            9, 9, zlib.compress(bytes(252)), chunk(b"iTXt", b"a\0\1\0\0\0" + zeros)
        ),
        "profile": make_png(9, 9, zlib.compress(bytes(252)), chunk(b"iCCP", b"a\0\0" + zeros)),
        "many texts": make_png(
            9,
            9,
            zlib.compress(bytes(252)),
            *[chunk(b"zTXt", b"k%d\0\0" % n + zlib.compress(bytes(1_000_000))) for n in range(99)],
        ),
        "XMP": jpeg_with([(0xE1, xmp)]),
        "EXIF": jpeg_with(split_exif(exif_bomb(5000, 60_000))),
        "EXIF in parts": jpeg_with(split_exif(exif)),
        "EXIF of PNG": make_png(9, 9, zlib.compress(bytes(252)), chunk(b"eXIf", exif)),
        "EXIF of WebP": encode(scene(1, 64, 64), "WEBP", exif=exif),
        "TIFF": exif,
        "EXIF of AVIF": encode(scene(1, 64, 64), "AVIF", exif=b"Exif\0\0" + exif_bomb(2, 20)),
    }
    outcomes = decode_all(tmp_path, files)
    assert "texts" in outcomes["text of PNG"]["reason"]
    assert outcomes["XMP"]["informative"]
    for name in ("EXIF in parts", "TIFF"):
        assert "claims more" in outcomes[name]["reason"], outcomes[name]


def test_frames_without_end(tmp_path):
    blocks = b"GIF89a" + struct.pack("<HHBBB", 2, 2, 0, 0, 0)
    comment = (b"\xff" + b" " * 255) * 90_000
    apng = [chunk(b"acTL", struct.pack(">II", count, 0)) for count in (0, 1 << 31, 50_000)]
    pixels = zlib.compress(bytes(252))
    files = {
        "many": gif(9_999),
        "too many": gif(200_000),
        "many empty extensions": blocks + b"\x21\xfe\0" * 2_000_000 + gif(1)[13:],
        "many tiny blocks": blocks + b"\x21\xfe" + b"\1 " * 6_000_000 + b"\0" + gif(1)[13:],
        "long comment": blocks + b"\x21\xfe" + comment + b"\0" + gif(1)[13:],
        "pages": tiff_pages(9_999),
        "too many pages": tiff_pages(12_000),
        "pages in a circle": tiff_pages(50, endless=True),
        "APNG of none": make_png(9, 9, pixels, apng[0]),
        "APNG of billions": make_png(9, 9, pixels, apng[1]),
        "APNG of many": make_png(9, 9, pixels, apng[2]),
    }
    outcomes = decode_all(tmp_path, files)
    assert outcomes["many"]["frames"] == 9_999
    assert outcomes["pages"]["frames"] == 9_999
    assert outcomes["pages in a circle"]["frames"] == 50
    assert "scraps" in outcomes["many tiny blocks"]["reason"]
    for name in ("too many", "too many pages", "APNG of many"):
        assert "10,000 frames" in outcomes[name]["reason"], outcomes[name]


def test_slow_files_are_refused(tmp_path):
    sound = jpeg(0)
    files = {
        "written as text": b"P3 2000 2000 255\n" + b"#a\n" * 2_000_000,
        "limit for PPM": b"P5 5000 5000 254\n" + bytes(25_000_000),
        # What Pillow skips one byte at a time; a file of 30 MB took minutes.
        "JPEG has 2,000,0": sound[:2] + b"\xff" * 2_000_000 + sound[2:],
        "the JPEG has 2,000,00": sound[:2] + b"\xff\xd0" * 1_000_000 + sound[2:],
        "PPM has 300,00": b"P6 " + b"# x\n" * 500_000 + b"1 1 255\n000",
        "the PPM has 300,00": b"P6" + b" " * 2_000_000 + b"1 1 255\n000",
        "100,000 or more segments": sound[:2] + b"\xff\xfe\0\2" * 500_000 + sound[2:],
    }
    for words, outcome in decode_all(tmp_path, files).items():
        assert words in outcome["reason"]


def test_limits_of_libheif_are_not_reported_as_lack_of_memory(tmp_path):
    """libheif reports all of its limits as errors of memory, which would be retried forever."""
    good = heic(solid(90, 64, 48))
    items, places, brand = (good.index(name) for name in (b"iinf", b"iloc", b"ftyp"))
    many = struct.pack(">H", 30_000)
    brands = struct.pack(">I", 8 + 4 * 5000) + good[brand : brand + 12] + b"mif1" * 4997
    size = struct.unpack(">I", good[:4])[0]
    files = {
        "items": good[: items + 8] + many + good[items + 10 :],
        "places": good[: places + 10] + many + good[places + 12 :],
        "brands": brands + good[size:],
    }
    for name, outcome in decode_all(tmp_path, files).items():
        assert outcome["rejected"] == "ImageTooLarge", (name, outcome)
        assert "more parts or memory than its decoder accepts" in outcome["reason"]


def test_small_files_that_took_minutes_or_all_memory(tmp_path):
    icon = encode(solid(90, 16, 16), "ICO", sizes=[(16, 16)])
    bomb = make_png(13_000, 13_000, zlib.compress(bytes(9)), colour=6)
    precincts = encode(np.zeros((5000, 5000), np.uint8), "JPEG2000", no_jp2=True)
    coding = precincts.index(b"\xff\x52")
    levels = precincts[coding + 9]
    style = bytearray(precincts[coding : coding + 14]) + b"\x11" * (levels + 1)
    style[2:5] = struct.pack(">HB", len(style) - 2, 1)
    files = {
        "7,001 scans": flat_scans(8000, 8000, 7000),
        "segments": jpeg_with([(0xFE, b"")] * 200_000),
        "169,000,000 pixels": icon[:18] + struct.pack("<I", 22) + bomb,
        "limit for BMP": runs(14_100, 14_100),
        "code-blocks": precincts[:coding] + bytes(style) + precincts[coding + 14 :],
    }
    for words, outcome in decode_all(tmp_path, files).items():
        assert outcome["rejected"] == "ImageTooLarge", (words, outcome)
        assert words in outcome["reason"]
        assert outcome["peak"] < 400_000, words


def runs(width, height):
    """A bitmap of so many rows that have one pixel each."""
    data = b"\1\1\0\0" * 200_000
    head = struct.pack("<IHHI", 1078 + len(data), 0, 0, 1078)
    head += struct.pack("<IiiHHIIiiII", 40, width, height, 1, 8, 1, len(data), 0, 0, 256, 0)
    return b"BM" + head + bytes(1024) + data


# ---- odd, but pictures


def test_extreme_shapes(tmp_path):
    files, sizes = {}, [(1, 1), (30_000, 10), (10, 30_000), (1, 65_000), (65_000, 1), (3, 2)]
    for width, height in sizes:
        pixels = solid(100, width, height)
        pixels[: height // 2] = 200
        for kind in ("JPEG", "PNG", "BMP", "TIFF", "GIF", "PPM"):
            files[kind, width, height] = encode(pixels, kind)
    for (kind, width, height), outcome in decode_all(tmp_path, files).items():
        assert outcome.get("size") == [width, height], (kind, outcome)


def test_nonsense_in_exif_costs_nothing_but_facts(tmp_path):
    def exif_file(*entries, tail=b""):
        table = tiff_directory(entries)
        return b"II*\0" + struct.pack("<I", 8) + table + tail

    place = 8 + 2 + 12 + 4
    no_degrees = tiff_directory(
        [(1, 2, 2, ord("N")), (2, 5, 3, 200), (3, 2, 2, 69), (4, 5, 3, 200)]
    )
    files = {
        "orientation 9": exif_file((0x0112, 3, 1, 9)),
        "orientation 0": exif_file((0x0112, 3, 1, 0)),
        "orientation as text": exif_file((0x0112, 2, 4, 0x36363636)),
        "two orientations": exif_file((0x0112, 3, 2, 6 | 6 << 16)),
        "places over zero": exif_file((0x8825, 4, 1, place), tail=no_degrees + bytes(300)),
        "offsets beyond": exif_file((0x8769, 4, 1, 1 << 31), (0x8825, 4, 1, 0)),
        "itself as detail": exif_file((0x8769, 4, 1, 8)),
        "unknown kinds": exif_file((0x010F, 99, 1 << 31, 0), (0x0110, 2, 1 << 31, 0)),
        "cut off": exif_file((0x0112, 3, 1, 1))[:15],
        "no header": b"nonsense" * 20,
        "nothing": b"",
    }
    files = {name: jpeg_with([(0xE1, b"Exif\0\0" + exif)]) for name, exif in files.items()}
    files["none"] = jpeg(6, 320, 240)
    outcomes = decode_all(tmp_path, files)
    for name, outcome in outcomes.items():
        assert outcome.get("dhash") == outcomes["none"]["dhash"], (name, outcome)
        assert outcome["facts"] == [1, None, None], (name, outcome)
