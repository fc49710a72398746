"""Layout: forms with other content are distinguished, copies of one form are not."""

import io

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter

from imgurer_kernel.matching import same_layout
from imgurer_kernel.matching._numba import layouts, pyramid
from imgurer_kernel.matching._numba.warp import workspace
from imgurer_kernel.matching.alignment import warp
from tests.support.copies import picture

UNIT = np.array([[1.0, 0, 0, 0, 1, 0]])


def form(entries=(), size=(600, 800)):
    """A page with a grid of lines and, where it was filled in, words drawn as small strokes."""
    page = Image.new("L", size, 255)
    draw = ImageDraw.Draw(page)
    for y in range(60, 800, 60):
        draw.line((40, y, 560, y), 0, 2)
        draw.text((44, y - 50), f"Question number {y // 60}", 0, font_size=16)
    random = np.random.default_rng(entries)
    for y in range(60, 800, 60) if len(entries) else ():
        word = "".join(chr(97 + k) for k in random.integers(0, 26, 24))
        draw.text((44, y - 28), word, 0, font_size=24)
    return page


def fine(*pages):
    sized = [page.convert("L").resize((256, 256), Image.Resampling.BOX) for page in pages]
    return np.stack([np.asarray(page) for page in sized])


def unmatched(one, other):
    return float(same_layout.unmatched(fine(one), fine(other), UNIT)[0])


def jpeg(page, quality=50):
    file = io.BytesIO()
    page.save(file, "JPEG", quality=quality)
    return Image.open(file)


FILLED = form([1])
COPIES = {
    "itself": FILLED,
    "re-encoded": jpeg(FILLED),
    "smaller": FILLED.resize((300, 400)),
    "blurred": FILLED.filter(ImageFilter.GaussianBlur(1)),
    "darker": FILLED.point(lambda level: level * 0.8),
}


@pytest.mark.parametrize("case", COPIES)
def test_a_copy_lacks_nothing(case):
    assert unmatched(FILLED, COPIES[case]) < same_layout.DIFFERENT
    assert unmatched(COPIES[case], FILLED) < same_layout.DIFFERENT


def test_a_page_with_later_writing_is_still_a_copy():
    noted = FILLED.copy()
    ImageDraw.Draw(noted).text((300, 20), "paid on Friday", 0, font_size=30)
    assert unmatched(FILLED, noted) < same_layout.DIFFERENT
    assert unmatched(noted, FILLED) < same_layout.DIFFERENT


@pytest.mark.parametrize("seed", range(2, 7))
def test_another_content_is_not_a_copy(seed):
    assert unmatched(FILLED, form([seed])) >= same_layout.DIFFERENT


@pytest.mark.parametrize("contrast", [0.5, 0.15])
def test_writing_on_a_dim_screen_counts_as_much(contrast):
    dim = [page.point(lambda level: 90 - contrast * (255 - level)) for page in (FILLED, form([2]))]
    assert unmatched(*dim) >= same_layout.DIFFERENT
    assert unmatched(dim[0], jpeg(dim[0], 80)) < same_layout.DIFFERENT


def cloth(seed):
    """A garment on plain ground: one strong outline, and a weave that is nearly noise."""
    random = np.random.default_rng(3)
    weave = random.normal(0, 5, (256, 256))
    page = np.full((256, 256), 215.0)
    page[20:236, 60:196] = 120 + weave[20:236, 60:196]
    grain = np.random.default_rng(seed).normal(0, 2, (256, 256))
    grain[20:236, 60:196] *= 3
    return Image.fromarray((page + grain).clip(0, 255).astype(np.uint8))


def test_a_weave_is_not_writing():
    assert same_layout.background(fine(cloth(1)))[0] > same_layout.PLAIN
    assert unmatched(cloth(1), cloth(2)) < same_layout.DIFFERENT


def test_a_logo_on_bare_cloth_is_no_other_content():
    bare = Image.new("L", (256, 256), 30)
    ImageDraw.Draw(bare).line((0, 60, 256, 90), 160, 6)
    marked = bare.copy()
    draw = ImageDraw.Draw(marked)
    draw.ellipse((190, 68, 230, 100), 220)
    draw.text((196, 78), "LOGO", 20, font_size=11)
    assert same_layout.background(fine(bare))[0] > same_layout.PLAIN_FINE
    assert unmatched(bare, marked) < same_layout.DIFFERENT


def test_a_copy_that_lies_a_little_aside_is_aligned_first():
    moved = Image.new("L", FILLED.size, 255)
    moved.paste(FILLED, (4, 3))
    assert unmatched(FILLED, moved) < same_layout.DIFFERENT


def test_pairs_are_independent_of_their_neighbours():
    """Also if there are more than one thread measures at once."""
    pages = [form([seed]) for seed in range(3)] * 12
    one, other = fine(*pages), fine(*pages[1:], pages[0])
    n = len(pages)
    assert n > 2 * same_layout._CHUNK
    together = same_layout.unmatched(one, other, np.repeat(UNIT, n, axis=0))
    alone = [same_layout.unmatched(one[k][None], other[k][None], UNIT)[0] for k in range(3)]
    assert min(alone) > 0
    assert together == pytest.approx(alone * 12, abs=1e-6)
    maps = np.repeat(UNIT, n, axis=0)
    assert same_layout.unmatched(one[:0], other[:0], maps[:0]).shape == (0,)


def test_pages_have_a_background_and_pictures_have_none():
    small = np.asarray(FILLED.resize((64, 64), Image.Resampling.BOX))
    photo = np.asarray(picture(3).convert("L").resize((64, 64)))
    page, scene = same_layout.background(np.stack([small, photo]))
    assert page >= same_layout.PLAIN > scene
    assert same_layout.background(fine(FILLED))[0] >= same_layout.PLAIN_FINE
    assert same_layout.background(np.full((2, 4, 4), 9, np.uint8)).tolist() == [1, 1]


def test_only_single_pixels_are_blurred():
    """At the full side noise of single pixels is reduced; at half of it the mean has done that."""
    spike = np.zeros((same_layout.FINE, same_layout.FINE), np.uint8)
    spike[100, 100] = 255
    fine = np.empty(spike.shape, np.float32)
    pyramid.blur(spike, fine)
    assert fine[100, 100] > fine[100, 101] > fine[101, 101] > fine[100, 102] == 0
    assert fine.sum() == pytest.approx(255)
    for mirrored in (np.s_[:, ::-1], np.s_[::-1]):
        again = np.empty(spike.shape, np.float32)
        pyramid.blur(np.ascontiguousarray(spike[mirrored]), again)
        assert np.array_equal(again[mirrored], fine)
    half = np.empty((same_layout.FINE // 2,) * 2, np.float32)
    pyramid.reduce(spike, np.array([0, 0, 64, 64]), half)
    assert half[50, 50] > half[50, 51] == half[51, 51] == half[50, 52]


@pytest.mark.parametrize("side", [same_layout.FINE, same_layout.FINE // 2])
def test_levels_have_the_mean_0_and_the_deviation_1(side):
    pictures = np.random.default_rng(3).integers(60, 250, (3, same_layout.FINE, same_layout.FINE))
    pictures[2] = 130  # without a deviation to divide by
    reduced = pyramid.smooth if side == same_layout.FINE else pyramid.reduce
    for gray, deviation in zip(pictures.astype(np.uint8), [1, 1, 0], strict=True):
        level = np.empty((side, side), np.float32)
        reduced(gray, np.array([0, 0, 64, 64]), level)
        assert level.mean() == pytest.approx(0, abs=1e-4)
        assert level.std() == pytest.approx(deviation, abs=1e-3)


def rough(maps):
    """Maps that are a third of a pixel of 64 off, as those found at 64x64 may be."""
    return maps + np.array([0.002, 0, 0.01, 0, -0.002, 0.01])


def unmatched_in_numpy(one, other, transform):
    """The share of unmatched blocks by the steps of `unmatched`, written down plainly."""
    grays = [blurred_in_numpy(page.astype(np.float64)) for page in (one, other)]
    whole = np.array([[0, 0, 64, 64]])
    warped, _, _, inside = warp(grays[1][None].astype(np.float32), whole, transform[None])
    counted = inside[0, :-1, :-1] & inside[0, :-1, 1:] & inside[0, 1:, :-1]
    slopes = [
        np.stack((np.diff(gray, axis=1)[:-1], np.diff(gray, axis=0)[:, :-1])) * counted
        for gray in (grays[0], warped[0].astype(np.float64))
    ]
    products = [(slopes[i] * slopes[j]).sum(0) for i, j in ((0, 0), (1, 1), (0, 1))]
    blocks = [np.pad(p, ((0, 1), (0, 1))).reshape(16, 16, 16, 16).sum((1, 3)) for p in products]
    own, others, both = blocks
    top = max(own.max(), others.max())
    least = max(0.02 * top, min(32 * 256, 0.1 * top))
    unlike = both / np.sqrt(own * others + 1e-9) < 0.6
    shares = []
    for detail, other_detail in ((own, others), (others, own)):
        lacking = (unlike & (detail * 4 > other_detail) & (detail > least)).sum()
        share = lacking / max((detail > least).sum(), 1)
        shares.append(min(share, same_layout.DIFFERENT / 2) if lacking < 4 else share)
    return min(shares)


def blurred_in_numpy(gray):
    for axis in (0, 1):
        padded = np.pad(gray, [(1, 1) if a == axis else (0, 0) for a in range(2)], "edge")
        low, high = padded.take(range(256), axis), padded.take(range(2, 258), axis)
        gray = (low + 2 * gray + high) / 4
    return gray


@pytest.mark.parametrize("seed", range(1, 5))
def test_shares_without_refinement_equal_those_of_numpy(seed):
    pages = [FILLED, form([seed]), COPIES["smaller"], COPIES["blurred"]]
    for other in pages:
        for maps in (UNIT, rough(UNIT)):
            one, two = fine(FILLED)[0], fine(other)[0]
            blurred = np.empty((2, 256, 256), np.float32)
            pyramid.blur(one, blurred[0])
            pyramid.blur(two, blurred[1])
            sums = np.empty((3, 256), np.float32)
            found = layouts.unmatched_at(*blurred, maps[0], workspace(256), sums)
            assert found == pytest.approx(unmatched_in_numpy(one, two, maps[0]), abs=2e-3)


def test_rough_maps_are_refined_first_and_stay_as_they_are():
    one, maps = fine(FILLED), rough(UNIT)
    assert unmatched_in_numpy(one[0], one[0], maps[0]) >= same_layout.DIFFERENT
    assert same_layout.unmatched(one, one, maps)[0] < same_layout.DIFFERENT
    assert (maps == rough(UNIT)).all()
