"""Small motion is found where blocks moved together, and not in what is done to copies."""

import io

import numpy as np
import pytest
from PIL import Image, ImageDraw

from imgurer_kernel.matching import local_agreement as local
from imgurer_kernel.matching import local_motion
from imgurer_kernel.matching.local_motion import NO_MOTION, LocalMotion, measure_local_motion
from imgurer_kernel.matching.takes import may_show_motion, show_motion
from tests.support.motion import middle_of, warped, with_middle_moved
from tests.support.pictures import scene

ITSELF = np.array([1.0, 0, 0, 0, 1, 0])
WHOLE = np.array([[0, 0, 64, 64], [0, 0, 64, 64]])
HEIGHT, WIDTH = 202, 270


def as_jpeg(picture, quality):
    data = io.BytesIO()
    Image.fromarray(picture).save(data, "JPEG", quality=quality)
    return np.asarray(Image.open(data).convert("RGB"))


def measured(one, other):
    return measure_local_motion(one, other, ITSELF, WHOLE)


def is_another_take(one, other):
    return bool(show_motion([measured(one, other)])[0])


@pytest.fixture(scope="module", params=[3, 11])
def picture(request):
    fine = scene(request.param, 2 * WIDTH, 2 * HEIGHT)
    return np.asarray(Image.fromarray(fine).resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS))


@pytest.mark.parametrize(("across", "down"), [(0.9, 0.0), (0.0, -0.8), (0.7, 0.7)])
def test_a_part_that_moved_less_than_a_pixel_is_another_take(picture, across, down):
    later = as_jpeg(with_middle_moved(picture, across, down), 85)
    assert is_another_take(as_jpeg(picture, 85), later)


@pytest.mark.parametrize("quality", [95, 60, 30])
def test_copies_have_not_moved(picture, quality):
    copy = as_jpeg(picture, quality)
    assert not is_another_take(picture, copy)
    assert not is_another_take(copy, as_jpeg(picture, 50))


def test_smaller_copies_have_not_moved(picture):
    for resampling in (Image.Resampling.LANCZOS, Image.Resampling.NEAREST):
        small = Image.fromarray(picture).resize((230, 172), resampling)
        assert not is_another_take(picture, np.asarray(small))


def test_small_pictures_do_not_tell(picture):
    """Small copies that were drawn anew, with a grain of their own, have moved blocks."""
    small = Image.fromarray(picture).resize((200, 150), Image.Resampling.LANCZOS)
    later = with_middle_moved(np.asarray(small), 1.0, 0)
    assert measured(np.asarray(small), later) == measured(picture, later) == NO_MOTION


def test_light_and_shade_are_no_motion(picture):
    shade = (1 - 0.5 * middle_of(picture))[..., None]
    assert not is_another_take(picture, (picture * shade).astype(np.uint8))


def test_what_a_lens_does_is_no_motion(picture):
    y, x = np.mgrid[-1 : 1 : HEIGHT * 1j, -1 : 1 : WIDTH * 1j]
    grows = 0.012 * (x * x + y * y)
    barrel = warped(picture, grows * x * WIDTH / 2, grows * y * HEIGHT / 2)
    assert not is_another_take(picture, barrel)


def test_what_was_put_on_a_copy_is_no_motion(picture):
    stamped = Image.fromarray(picture)
    draw = ImageDraw.Draw(stamped)
    draw.ellipse((60, 40, 110, 90), fill=(255, 210, 50), outline=(90, 60, 0), width=3)
    draw.text((130, 150), "2019/08/14 12:33", fill=(255, 160, 40), font_size=14)
    assert not is_another_take(picture, np.asarray(stamped))


def test_motion_is_seen_from_both_sides_and_in_the_same_place(picture):
    later = with_middle_moved(picture, 1.0, 0)
    one, other = measured(picture, later), measured(later, picture)
    assert one.blocks > 4
    assert abs(one.blocks - other.blocks) <= 0.5 * one.blocks
    assert 0.03 < one.share < 0.6


def test_flat_pictures_and_those_without_a_common_part_show_nothing(picture):
    flat = np.full((HEIGHT, WIDTH, 3), 128, np.uint8)
    beside = np.array([1.0, 0, 3, 0, 1, 0])
    assert measured(flat, flat) == NO_MOTION
    assert measure_local_motion(picture, picture, beside, WHOLE) == NO_MOTION


def test_where_no_block_agrees_nothing_is_said_and_nothing_fails():
    one, other = (
        np.random.default_rng(k).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8) for k in (1, 2)
    )
    assert not is_another_take(one, other)
    terms = local_motion._polynomials(12, 16)
    assert not local_motion._fit_smooth(terms, np.ones((192, 2)), np.zeros(192)).any()


def test_the_peak_of_a_paraboloid_is_its_vertex():
    y, x = np.mgrid[-2:3, -2:3]
    for across, down in ((0.3, -0.7), (-1.2, 0.1), (0.0, 0.0)):
        table = (0.9 - 0.05 * ((x - across) ** 2 + (y - down) ** 2))[None]
        shifts, best = local_motion._peaks(table)
        assert shifts[0] == pytest.approx((across, down))
        assert best[0] == pytest.approx(0.9)
        assert local_motion._values_at(table, np.array([[across, down]])) == pytest.approx(0.9)
        assert local_motion._values_at(table, np.zeros((1, 2))) == pytest.approx(table[0, 2, 2])


def test_a_polynomial_follows_most_blocks_and_not_those_that_moved():
    terms = local_motion._polynomials(12, 16)
    coefficients = np.random.default_rng(5).normal(0, 0.3, (10, 2))
    shifts = terms @ coefficients
    moved = shifts.copy()
    moved[70:80] += 1.5
    fitted = local_motion._fit_smooth(terms, moved, np.ones(len(terms)))
    assert np.abs(fitted - shifts)[100:].max() < 0.1
    assert np.abs(fitted - moved)[70:80].max(axis=1).min() > 1


def test_a_block_counts_if_one_of_eight_neighbors_moved_alike():
    moved, shifts = np.zeros((4, 5), np.bool_), np.zeros((4, 5, 2))
    moved[0, 0] = moved[1, 1] = moved[3, 3] = moved[3, 4] = True
    shifts[0, 0], shifts[1, 1] = (0.5, 0), (0.6, 0.1)
    shifts[3, 3], shifts[3, 4] = (0.6, 0), (-0.6, 0)
    together = local_motion._beside_alike(moved, shifts)
    assert sorted(map(tuple, np.argwhere(together).tolist())) == [(0, 0), (1, 1)]


def test_few_blocks_are_not_enough():
    motions = [LocalMotion(4, 0.035), LocalMotion(3, 0.5), LocalMotion(9, 0.034), NO_MOTION]
    assert show_motion(motions).tolist() == [True, False, False, False]
    assert show_motion([]).tolist() == []


def test_drawings_parts_negatives_and_what_agrees_wholly_or_is_turned_are_not_asked():
    features, maps = np.zeros((10, local.FEATURES)), np.tile(ITSELF, (10, 1))
    features[:, local.SHARE], features[:, local.SLIGHT_STRAY], features[:, local.Q25] = 1, 0.1, 0.9
    features[:, local.TEXTURE] = 100
    features[1, local.SLIGHT_STRAY] = 0.04
    features[2, local.Q25] = 0.97
    features[3, local.SHARE] = 0.6
    features[4, local.NEGATIVE] = 1
    features[5, local.CAPTIONS] = 1
    maps[6, [1, 3]] = 0.1, -0.1
    maps[7, 0] = 1.3
    features[8, local.TEXTURE] = 80
    maps[9] = -1.0, 0, 0, 0, 0.95, 0
    assert may_show_motion(features, maps).tolist() == [True] + 8 * [False] + [True]
