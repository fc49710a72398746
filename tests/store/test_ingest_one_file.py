"""A file that fails while it is decoded or examined is one row, and the batch continues."""

import io
import struct
import threading
import zlib

import pytest

from imgurer_kernel import Settings, Workbench
from imgurer_kernel.errors import ImageRejected
from imgurer_kernel.fingerprint import decode, decoder_process, extract
from imgurer_kernel.fingerprint.hashes import dhash
from tests.support.disagreeing import files, heif, oriented_by_xmp, patched
from tests.support.pictures import encode, jpeg, png, scene, solid

QUIET = {"progress": False}


@pytest.fixture(scope="module")
def disagreeing():
    return files()


@pytest.fixture
def wb(tmp_path):
    with Workbench(Settings(root=tmp_path / "store", workers=1)) as wb:
        yield wb


# ---- container and coded picture disagree


@pytest.mark.long
def test_disagreeing_files_end_no_ingest(wb, tmp_path, disagreeing):
    folder = tmp_path / "in"
    folder.mkdir()
    for number, data in enumerate(disagreeing.values()):
        (folder / f"{number:03}").write_bytes(data)
    (folder / "last.png").write_bytes(png(9, 120, 90))
    frame = wb.ingest(folder, **QUIET)
    assert len(frame) == len(disagreeing) + 1
    assert frame["status"].iloc[-1] == "added"
    rejected = frame[frame["status"] == "rejected"]
    assert (rejected["reason"].str.len() > 10).all()
    assert len(rejected) < len(frame)


def test_a_size_is_that_of_the_decoded_picture(disagreeing):
    accepted = 0
    for name, data in disagreeing.items():
        try:
            picture = decode.read(data, exact=True)
        except ImageRejected:
            continue
        accepted += 1
        view = picture.view()
        decoded = view._whole.size
        assert (picture.width, picture.height) == decoded, name
        assert view.grays(9).shape == (9, 9)
    assert accepted > len(disagreeing) / 4


def test_a_heif_with_an_aperture_beyond_its_edge():
    place = heif().index(b"clap") + 4
    found = extract.fingerprint(patched(heif(), place, ">8I", 400, 1, 300, 1, 0, 1, 0, 1))
    whole = extract.fingerprint(heif().replace(b"clap", b"free"))
    assert (found.width, found.height) == (whole.width, whole.height)
    assert found.dhash == whole.dhash


@pytest.mark.parametrize(("width", "height"), [(20, 10), (59, 79), (400, 300)])
def test_a_heif_of_another_size_than_declared_says_so(width, height):
    data = patched(heif(), heif().index(b"ispe") + 8, ">II", width, height)
    with pytest.raises(ImageRejected, match="another size than it declares"):
        extract.fingerprint(data)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("compression", [None, "tiff_lzw"])
def test_a_tiff_that_has_its_orientation_in_xmp(orientation, compression):
    found = extract.fingerprint(oriented_by_xmp(orientation, compression))
    assert (found.width, found.height) == ((79, 59) if orientation < 5 else (59, 79))


def test_pictures_larger_than_declared_are_limited(monkeypatch):
    from PIL import Image, ImageFile

    load = ImageFile.ImageFile.load

    def grow(self):
        load(self)
        larger = Image.new(self.mode, (400, 300))
        self.im, self._size = larger.im, larger.size

    data = encode(scene(1, 79, 59), "PNG")
    monkeypatch.setattr(ImageFile.ImageFile, "load", grow)
    assert decode.read(data).width == 400
    with pytest.raises(ImageRejected, match=r"400 x 300.*max_pixels"):
        decode.read(data, Settings(max_pixels=79 * 59))


# ---- whatever goes wrong, wherever


ERRORS = [
    ValueError("box can't exceed original image size"),
    ZeroDivisionError("division by zero"),
    IndexError("index out of range"),
    struct.error("unpack requires a buffer of 4 bytes"),
    RecursionError("maximum recursion depth exceeded"),
    OverflowError("int too large"),
    UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte"),
    zlib.error("Error -3 while decompressing data"),
    AssertionError(),
    MemoryError(),
    OSError("broken data stream"),
]
PLACES = [
    "imgurer_kernel.fingerprint.codecs.sniff.sniff",
    "imgurer_kernel.fingerprint.codecs.sniff.count_frames",
    "imgurer_kernel.fingerprint.codecs.png.damaged_chunk",
    "imgurer_kernel.fingerprint.codecs.exif.facts",
    "imgurer_kernel.fingerprint.codecs.pixels.fit",
    "imgurer_kernel.fingerprint.codecs.pixels.transparency_varies",
    "imgurer_kernel.fingerprint.codecs.pixels.reduced",
    "imgurer_kernel.fingerprint.codecs.pixels.upright",
    "imgurer_kernel.fingerprint.codecs.pixels.digest",
    "PIL.ImageFile.ImageFile.load",
    "PIL.Image.Image.resize",
    "PIL.Image.Image.save",
    "imgurer_kernel.fingerprint.borders.trim",
    "imgurer_kernel.fingerprint.extract.dhash",
    "imgurer_kernel.fingerprint.extract.informative",
    "imgurer_kernel.fingerprint.extract.near_ties",
]


def fail_once(monkeypatch, place, error):
    """Make a function fail the first time that it is called, in one thread only."""
    left, lock = [error], threading.Lock()
    module, _, name = place.rpartition(".")
    owner = pytest.importorskip(module) if module.startswith("imgurer") else pillow(module)
    real = getattr(owner, name)

    def failing(*args, **kwargs):
        with lock:
            if left:
                raise left.pop()
        return real(*args, **kwargs)

    monkeypatch.setattr(owner, name, failing)
    return left


def pillow(name):
    from PIL import Image, ImageFile

    return {"PIL.ImageFile.ImageFile": ImageFile.ImageFile, "PIL.Image.Image": Image.Image}[name]


@pytest.mark.parametrize("place", PLACES)
def test_any_failure_is_a_rejection(monkeypatch, place):
    # A picture as flat as this goes through every place.
    data = encode(solid(40, 40, 30), "PNG")
    for error in ERRORS:
        left = fail_once(monkeypatch, place, error)
        with pytest.raises(ImageRejected) as caught:
            extract.fingerprint(data)
        assert not left, f"{place} was not called"
        assert len(str(caught.value)) > 10
        monkeypatch.undo()
    assert not extract.fingerprint(data).informative


@pytest.mark.parametrize(
    "place", [PLACES[0], "PIL.Image.Image.resize", "imgurer_kernel.fingerprint.borders.trim"]
)
def test_any_failure_rejects_one_file_only(wb, tmp_path, monkeypatch, place):
    for seed in (1, 2):
        (tmp_path / f"{seed}.png").write_bytes(png(seed, 120, 90))
    left = fail_once(monkeypatch, place, ERRORS[0])
    frame = wb.ingest(tmp_path / "*.png", **QUIET)
    assert not left
    assert frame["status"].value_counts().to_dict() == {"rejected": 1, "added": 1}
    # Where there are no processes to decode in, uploads are decoded like files.
    monkeypatch.setattr(decoder_process, "AVAILABLE", False)
    left = fail_once(monkeypatch, place, ERRORS[0])
    [row] = wb.upload("3.png", png(3, 120, 90)).to_dict("records")
    assert not left
    assert row["status"] == "rejected"
    assert len(row["reason"]) > 10


def test_an_upload_that_cannot_be_read_is_a_row(wb):
    class Broken(io.BytesIO):
        def read(self, size=-1):
            raise OSError(5, "Input/output error")

    [row] = wb.upload("a.jpg", Broken()).to_dict("records")
    assert row["status"] == "rejected"
    assert "Input/output error" in row["reason"]


@pytest.mark.parametrize("error", [MemoryError(), OSError("no number"), OSError(5, "I/O error")])
def test_a_file_that_cannot_be_read_is_a_row(wb, tmp_path, monkeypatch, error):
    from pathlib import Path

    for seed in (1, 2):
        (tmp_path / f"{seed}.jpg").write_bytes(jpeg(seed, 120, 90))
    real = Path.open

    def failing(self, *mode, **how):
        if self.name == "1.jpg":
            raise error
        return real(self, *mode, **how)

    monkeypatch.setattr(Path, "open", failing)
    frame = wb.ingest(tmp_path / "*.jpg", **QUIET)
    assert frame["status"].tolist() == ["rejected", "added"]
    assert "None" not in frame["reason"].iloc[0]


def test_a_view_tells_reasons_too(monkeypatch):
    view = decode.read(png(3, 700, 500)).view()
    uses = [lambda: view.grays(64), view.jpeg, lambda: view.rgb((60, 60))]
    for use in uses:
        left = fail_once(monkeypatch, "PIL.Image.Image.resize", ValueError("<object at 0x7f00>"))
        with pytest.raises(ImageRejected) as caught:
            use()
        assert not left
        assert "0x7f" not in str(caught.value)
        monkeypatch.undo()
    assert dhash.informative(view.grays(9))
