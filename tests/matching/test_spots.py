"""Spots are invariant: of parts that are moved, enlarged, turned, mirrored or inverted."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageFont

from imgurer_kernel.matching._numba import spots as kernels
from imgurer_kernel.matching.spots import (
    MAX_SPOTS,
    TESTS,
    Spots,
    find_spots,
    half_sizes,
    mirrored,
    negative,
)
from tests.support.copies import picture


def thumbnail(image):
    return np.asarray(image.convert("L").resize((240, 180), Image.Resampling.BOX))


def drawing():
    """A few shapes, each with corners of its own."""
    image = Image.new("L", (240, 180), 40)
    draw = ImageDraw.Draw(image)
    draw.rectangle((40, 40, 110, 90), fill=200)
    draw.polygon([(130, 120), (200, 70), (190, 150)], fill=120)
    draw.ellipse((60, 100, 110, 150), fill=250)
    return np.asarray(image)


def used(spots):
    """Hashes and points of the spots of one picture."""
    n = int(spots.count[0])
    return spots.hashes[0, :n], spots.points[0, :n]


def bits(one, other):
    return np.bitwise_count(one[:, None] ^ other[None]).sum(axis=2)


def test_golden_spots_of_a_drawing():
    found = find_spots(drawing())
    hashes, points = used(found)
    assert int(found.count[0]) == 60
    near = np.abs(points[:, :2] * 240 - (40, 40)).sum(axis=1) < 5
    assert near.sum() >= 2  # the corner of the rectangle, on several levels
    first = np.argmin(np.abs(points[:, :2] * 240 - (40.5, 40.5)).sum(axis=1))
    # It is brightest to the lower right.
    assert points[first, 3] == pytest.approx(np.pi / 4, abs=0.02)
    assert bits(hashes[[first]], np.array([GOLDEN], np.uint64)).item() <= 4


GOLDEN = (13898372850281144512, 218159659888934912)


def smooth(values, weights):
    """Filter both ways, the edges being repeated."""
    reach = len(weights) // 2
    for axis in (0, 1):
        padded = np.pad(values, [(reach, reach) if k == axis else (0, 0) for k in (0, 1)], "edge")
        length = values.shape[axis]
        shifted = [padded.take(range(k, k + length), axis) for k in range(2 * reach + 1)]
        values = sum(weight * each for weight, each in zip(weights, shifted, strict=True))
    return values


@pytest.mark.long
def test_corners_and_grays_agree_with_plain_sums():
    gray = thumbnail(picture(3)).astype(np.float32)
    gx, gy = np.zeros((2, *gray.shape))
    gx[:, 1:-1], gy[1:-1] = gray[:, 2:] - gray[:, :-2], gray[2:] - gray[:-2]
    xx, yy, xy = (smooth(each, (1, 2, 2, 2, 1)) for each in (gx * gx, gy * gy, gx * gy))
    measure, soft, other = np.zeros((3, *gray.shape), np.float32)
    kernels._corners(gray, measure)
    expected = (xx * yy - xy * xy) / (xx + yy + 1)
    inner = (slice(5, -5), slice(5, -5))
    assert measure[inner] == pytest.approx(expected[inner], rel=0.02, abs=50)
    kernels._blur(gray, other, soft)
    triangle = np.convolve(np.full(5, 0.2), np.full(5, 0.2))
    assert soft[inner] == pytest.approx(smooth(gray, triangle)[inner], abs=0.01)


def test_a_level_is_reduced_as_pillow_does():
    gray = thumbnail(picture(4)).astype(np.float32)
    small = np.empty((143, 190), np.float32)
    kernels._reduce(gray, small)
    image = Image.fromarray(gray).resize((190, 143), Image.Resampling.BILINEAR)
    assert small == pytest.approx(np.asarray(image), abs=0.5)


def test_hashes_compare_the_grays_around_a_spot():
    gray = thumbnail(picture(5)).astype(np.float32)
    soft, other = np.zeros((2, *gray.shape), np.float32)
    kernels._blur(gray, other, soft)
    for x, y in ((50, 60), (120, 90), (21, 21)):
        out = np.zeros(2, np.uint64)
        angle = kernels._describe(gray, soft, x, y, TESTS, out)
        dy, dx = np.mgrid[-15:16, -15:16]
        disc = np.hypot(dx, dy) <= 15
        around = gray[y - 15 : y + 16, x - 15 : x + 16] * disc
        assert angle == pytest.approx(
            np.arctan2((dy * around).sum(), (dx * around).sum()), abs=1e-3
        )
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        one, two = (np.array([x, y]) + ends @ turn.T for ends in (TESTS[:, :2], TESTS[:, 2:]))
        one, two = (
            soft[tuple(np.trunc(np.clip(at + 0.5, 0, (239, 179))).astype(int).T[::-1])]
            for at in (one, two)
        )
        expected = np.packbits(one < two, bitorder="little").view("<u8")
        assert np.bitwise_count(expected ^ out).sum() <= 2  # places halfway between two pixels


def matched(spots, image, moved, radius=10):
    """Share of spots that have a near one where the picture was moved to."""
    hashes, points = used(spots)
    others, places = used(find_spots(image))
    near = bits(hashes, others) <= radius
    near &= np.abs(moved(points[:, None, :2]) - places[None, :, :2]).max(axis=2) < 0.02
    return near.any(axis=1).mean()


@pytest.mark.parametrize("seed", range(3))
def test_edits_leave_most_spots(seed):
    gray = thumbnail(picture(seed + 20))
    spots = find_spots(gray)

    assert matched(spots, gray, lambda p: p) == 1
    assert matched(spots, (gray * 0.6 + 30).astype(np.uint8), lambda p: p) > 0.8
    turned = np.ascontiguousarray(np.rot90(gray))
    assert matched(spots, turned, lambda p: np.stack((p[..., 1], 1 - p[..., 0]), -1)) > 0.6
    part = np.ascontiguousarray(gray[:, 60:])
    moved = matched(spots, part, lambda p: (p - (60 / 240, 0)) * 240 / 180)
    assert moved > 0.3
    flipped = Spots(spots.count, spots.size, mirrored(spots.hashes[0])[None], *rest(spots))
    image = np.ascontiguousarray(gray[:, ::-1])
    assert matched(flipped, image, lambda p: np.stack((1 - p[..., 0], p[..., 1]), -1)) > 0.7
    inverted = Spots(spots.count, spots.size, negative(spots.hashes[0])[None], *rest(spots))
    assert matched(inverted, 255 - gray, lambda p: p) > 0.7


def rest(spots):
    return spots.place, spots.level, spots.direction


def lettered(gray, seed):
    """Three lines of large letters above and below, white with black edges, on two thirds of it."""
    image, rng = Image.fromarray(gray), np.random.default_rng(seed)
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(size=30)
    for y in (0, 24, 46, 118, 136, 154):
        text = "".join(chr(letter) for letter in rng.integers(65, 91, 12))
        draw.text((120, y), text, "white", font, "ma", stroke_width=2, stroke_fill="black")
    return np.asarray(image)


@pytest.mark.parametrize("seed", range(3, 6))
def test_letters_leave_spots_to_the_picture_beneath(seed):
    photo = thumbnail(picture(2)) // 2 + 60
    hashes, _ = used(find_spots(lettered(photo, seed)))
    apart = bits(hashes, used(find_spots(photo))[0]).min(axis=1)
    assert (apart <= 20).sum() >= 4


def test_letters_have_the_spots_that_nothing_else_needs():
    page = np.full((180, 240), 255, np.uint8)
    assert find_spots(lettered(page, 1)).count[0] > 50


@given(st.lists(st.tuples(st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1)), max_size=20))
def test_permutations_undo_themselves_and_keep_distances(words):
    hashes = np.array(words, np.uint64).reshape(-1, 2)
    for moved in (mirrored, negative):
        assert (moved(moved(hashes)) == hashes).all()
        assert (bits(moved(hashes), moved(hashes)) == bits(hashes, hashes)).all()


@settings(max_examples=30)
@given(st.integers(1, 300), st.integers(1, 300), st.integers(0, 9))
def test_pictures_of_any_size_have_spots_or_none(width, height, seed):
    random = np.random.default_rng(seed)
    gray = random.integers(0, 256, (height, width), np.uint8)
    found = find_spots(gray)
    n = int(found.count[0])
    assert n == 0 or min(width, height) >= kernels._LEAST_SIDE
    assert n <= MAX_SPOTS
    assert not found.hashes[0, n:].any()
    places = found.points[0, :n, :2]
    assert (places <= 2 * half_sizes(found)[0] + 1e-4).all()
    again = find_spots(gray)
    assert all(
        (getattr(found, name) == getattr(again, name)).all()
        for name in ("count", "hashes", "place", "level", "direction")
    )


def test_flat_pictures_have_none():
    for level in (0, 128, 255):
        assert find_spots(np.full((200, 240), level, np.uint8)).count[0] == 0


def test_rows_are_taken_and_put():
    one, other = find_spots(drawing()), find_spots(255 - drawing())
    both = Spots.empty(3)
    both.put(np.array([2]), one)
    both.put(np.array([0]), other)
    assert both.count[1] == 0
    for row, each in ((2, one), (0, other)):
        taken = both.take(np.array([row]))
        assert (taken.hashes == each.hashes).all()
        assert (taken.points == each.points).all()
