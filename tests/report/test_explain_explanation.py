import io
import re
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from imgurer_kernel import Settings, Workbench
from imgurer_kernel.errors import StorageDenied, UnknownImage
from imgurer_kernel.fingerprint.hashes.dhash import ORIENTATIONS
from imgurer_kernel.report.evaluation.transforms import variant
from imgurer_kernel.report.explain.explanation import _TURNS, Side
from tests.matching.test_captions import ONE, OTHER, template, write
from tests.support.copies import picture
from tests.support.forms import thinned


def file(image, quality=92):
    data = io.BytesIO()
    image.save(data, "JPEG", quality=quality)
    return data.getvalue()


@pytest.fixture(scope="module")
def wb(tmp_path_factory):
    with Workbench(Settings(root=tmp_path_factory.mktemp("store"))) as workbench:
        workbench.upload("a holiday.jpg", file(picture(0)))
        workbench.upload("resized.jpg", file(picture(0).resize((1000, 750))))
        workbench.upload("stranger.jpg", file(picture(1)))
        workbench.upload("white.png", file(Image.new("RGB", (80, 60), "white")))
        yield workbench


def explained(wb, name, seed=0):
    return wb.explain(file(picture(seed)), file(variant(picture(seed), name, key="a", seed=2)))


def test_ids_are_explained(wb):
    found = wb.explain(1, 2)
    assert repr(found) == found.words
    assert found.words.startswith("The same picture: resized from 360 x 270 to 1000 x 750. ")
    assert found.duplicate
    assert [side.title for side in (found.first, found.second)] == ["a holiday.jpg", "resized.jpg"]
    assert max(found.second.pixels.shape) == 420  # more than a thumbnail, less than the original


@pytest.mark.parametrize(
    "case",
    thinned(
        [
            ("crop10", "cropped to 8"),
            ("jpeg50", "re-encoded"),
            ("rotate90", "rotated by 90 degrees counterclockwise"),
            ("rotate3", "rotated by "),
            ("letterbox", "bordered, by "),
            ("flip_sideways", "flipped left to right"),
            ("stretch", "stretched from 360 x 270 to "),
            ("gray", "turned gray"),
            ("darker", "edited (made darker"),
            ("caption", "covered at the "),
        ],
        2,
    ),
)
def test_edits_are_described(wb, case):
    name, step = case
    found = explained(wb, name)
    assert found.headline.startswith("The same picture: ")
    assert step in found.headline
    assert f"{found.evidence.distance} of 128 bits differ" in found.details
    assert f"{found.evidence.score:.0%}"[:-1] in found.details


def test_covered_areas_are_outlined(wb):
    whole, covered = picture(0), picture(0)
    other = picture(5).resize((110, 80))
    covered.paste(other, (230, 170))
    found = wb.explain(file(whole), file(covered))
    assert "covered at the lower right" in found.headline
    apart = found.overlay.apart
    height, width = apart.shape
    there = apart[int(0.66 * height) : int(0.9 * height), int(0.67 * width) : int(0.9 * width)]
    assert there.mean() > 0.8
    assert apart[: height // 2].mean() < 0.02
    captions = [text.get_text() for axis in found.figure().axes for text in axis.texts]
    assert "tones evened out; framed: nothing in common" in captions
    assert not wb.explain(1, 2).overlay.apart.any()
    assert not wb.explain(1, 3).overlay.apart.any()


def test_gray_and_colored_are_compared_without_colors(wb):
    gray, colored = file(picture(3).convert("L")), file(picture(3))
    assert "edited (given colours)" in wb.explain(gray, colored).headline
    assert "edited (turned gray)" in wb.explain(colored, gray).headline


def test_captions_that_differ_are_named_and_change_no_colours(wb, tmp_path):
    paths = []
    for k, texts in enumerate(((ONE, OTHER), (OTHER, ONE))):
        paths.append(tmp_path / f"meme-{k}.png")
        write(write(template(0), texts[0]), texts[1], y=310).save(paths[-1])
    headline = wb.explain(*paths).headline
    assert "edited (captions differ, " in headline
    assert "colours" not in headline


@pytest.mark.parametrize(("angle", "way"), [(-3, "clockwise"), (2, "counterclockwise")])
def test_small_turns_are_measured_and_have_a_direction(wb, angle, way):
    turned = picture(1).rotate(angle, Image.Resampling.BICUBIC)  # counter-clockwise
    headline = wb.explain(file(picture(1)), file(turned)).headline
    measured = re.search(rf"rotated by ([\d.]+) degrees {way}", headline)
    assert float(measured[1]) == pytest.approx(abs(angle), abs=0.2)


@pytest.mark.long
def test_originals_are_shown_upright(wb):
    data, exif = io.BytesIO(), Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise
    picture(2).rotate(90, expand=True).save(data, "JPEG", exif=exif, quality=95)
    found = wb.explain(file(picture(2), 95), data.getvalue())
    assert found.headline == "The same picture: re-encoded."
    one, other = (side.pixels.astype(int) for side in (found.first, found.second))
    assert one.shape == other.shape == (270, 360, 3)
    assert np.abs(one - other).mean() < 3


@pytest.mark.long
def test_the_reverse_direction_is_described_too(wb):
    whole, part = file(picture(2)), file(picture(2).crop((40, 0, 360, 270)))
    assert "cropped to 89 % of its area" in wb.explain(whole, part).headline
    assert "with more around it (the first shows 89 % of it)" in wb.explain(part, whole).headline


@pytest.mark.parametrize("name", sorted(_TURNS))
def test_words_of_an_orientation_do_what_they_say(name):
    image = np.arange(6).reshape(2, 3)
    done = image
    for words in _TURNS[name].split(" and "):
        done = {
            "flipped left to right": np.fliplr,
            "flipped upside down": np.flipud,
            "rotated by 90 degrees clockwise": lambda p: np.rot90(p, -1),
            "rotated by 90 degrees counterclockwise": np.rot90,
            "rotated by 180 degrees": lambda p: np.rot90(p, 2),
        }[words](done)
    # EXIF orientation k + 1 is what has to be undone; `orientations` does what undoes it.
    file_ = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = ORIENTATIONS.index(name) + 1
    Image.fromarray((image * 40).astype(np.uint8)).save(file_, "PNG", exif=exif)
    from PIL import ImageOps

    shown = np.asarray(ImageOps.exif_transpose(Image.open(file_))) // 40
    assert np.array_equal(done, shown)


def test_unrelated_pictures_get_no_label(wb):
    found = wb.explain(1, 3)
    assert not found.duplicate
    assert found.words.startswith("Not the same picture. ")
    assert "79 % would be needed" in found.words
    assert not any(word in found.words for word in ("cropped", "edited", "resized", "rotated"))


def test_flat_pictures_and_equal_bytes(wb):
    assert "nearly flat" in wb.explain(1, 4).words
    assert wb.explain(1, 1).words == "The same picture, exactly. No pixel differs."


def test_it_is_one_figure_with_its_words_as_the_alternative(wb, tmp_path):
    found = wb.explain(1, 2)
    data, facts = found._repr_jpeg_()
    assert data.startswith(b"\xff\xd8")
    assert facts["alt"] == found.words
    assert not hasattr(found, "_repr_html_")
    written = Image.open(found.save(tmp_path / "why.png"))
    assert written.format == "PNG"
    assert written.text["Description"] == found.words
    axes = [axis for axis in found.figure().axes if axis.images]
    assert [axis.get_title(loc="left") for axis in axes][2:4] == [
        "First laid on second",
        "What differs",
    ]
    with pytest.raises(StorageDenied):
        found.save(tmp_path / "nowhere" / "why.png")


@pytest.mark.parametrize(
    "names",
    thinned(
        [("$x^2$", "a\nb\x00.jpg"), ("<img src=x onerror=alert(1)>", "写真" * 90), ("", "\u202e")],
        3,
    ),
)
def test_any_name_can_be_shown(wb, names):
    found = wb.explain(1, 2)
    sides = [
        Side(**{**_fields(side), "name": name})
        for side, name in zip((found.first, found.second), names, strict=True)
    ]
    strange = replace(found, first=sides[0], second=sides[1])
    assert strange._repr_jpeg_()[0].startswith(b"\xff\xd8")
    for side in sides:
        assert len(side.title) <= 40
        assert side.title.isprintable() or "\ufffd" in side.title


def _fields(side):
    return {name: getattr(side, name) for name in Side.__dataclass_fields__}


def test_a_lost_original_is_shown_by_its_thumbnail(tmp_path):
    with Workbench(Settings(root=tmp_path)) as wb:
        wb.upload("a.jpg", file(picture(0).resize((800, 600))))
        wb.upload("b.jpg", file(picture(0)))
        wb.blobs.path(wb.images()["digest"].iloc[0]).unlink()
        found = wb.explain(1, 2)
        assert found.duplicate
        assert "the original cannot be read" in found.words
        assert max(found.first.pixels.shape) <= 270


def test_flat_pictures_of_equal_pixels_are_the_same(wb):
    one, other = (io.BytesIO(), io.BytesIO())
    for kind, data in (("PNG", one), ("BMP", other)):
        Image.new("RGB", (80, 60), "navy").save(data, kind)
    found = wb.explain(one.getvalue(), other.getvalue())
    assert found.duplicate
    assert "nearly flat" not in found.words


def test_unknown_images_are_refused(wb):
    with pytest.raises(UnknownImage):
        wb.explain(1, 99)
