"""The kernels of local agreement against numpy, and on pictures with known edits."""

import threading
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFilter

from imgurer_kernel.matching import local_agreement as local
from imgurer_kernel.matching._numba import blocks, planes, regions, sharpness, tones
from imgurer_kernel.matching._numba.cells import judge_colours
from tests.support.pictures import scene


def plane(seed=3, side=128):
    return np.asarray(Image.fromarray(scene(seed)).convert("L").resize((side, side)), np.float32)


def blurred(image, sigma):
    picture = Image.fromarray(image.astype(np.uint8)).filter(ImageFilter.GaussianBlur(sigma))
    return np.asarray(picture, np.float32)


def test_each_feature_has_a_number_of_its_own():
    names = list(vars(local))
    features = names[names.index("SHARE") : names.index("FEATURES")]
    assert sorted(getattr(local, name) for name in features) == list(range(local.FEATURES))


def test_ring_spectra_are_those_of_numpy():
    one, other = plane(3, 96), plane(4, 96)
    found = np.empty((2, sharpness.RINGS))
    sharpness.ring_spectra(one, other, *found)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * (np.arange(64) + 0.5) / 64)
    for image, rings in zip((one, other), found, strict=True):
        tile = image[16:80, 16:80]
        power = np.abs(np.fft.fft2((tile - tile.mean()) * window[:, None] * window)) ** 2
        frequency = np.hypot(np.fft.fftfreq(64)[:, None], np.fft.fftfreq(64))
        ring = (24 * frequency + 1e-12).astype(int)
        expected = [power[ring == k].sum() / 64**2 for k in range(sharpness.RINGS)]
        assert rings == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize("sigma", [0.8, 1.2, 2])
def test_the_blur_between_two_pictures_is_found(sigma):
    sharp = plane()
    soft = blurred(sharp, sigma)
    assert sharpness.blur_needed(sharp, soft) == (pytest.approx(sigma, abs=0.35), 0)
    assert sharpness.blur_needed(soft, sharp) == (0, pytest.approx(sigma, abs=0.35))
    assert max(sharpness.blur_needed(sharp, sharp)) <= 0.1


def sobel(image):
    padded = np.pad(image, 1, "edge")
    smooth = [np.apply_along_axis(np.convolve, a, padded, [1, 2, 1], "same") for a in (0, 1)]
    across = (smooth[0][1:-1, 2:] - smooth[0][1:-1, :-2]) / 8
    down = (smooth[1][2:, 1:-1] - smooth[1][:-2, 1:-1]) / 8
    # At the rim the kernel repeats the gradient beside it.
    across[:, 0], across[:, -1] = across[:, 1], across[:, -2]
    down[:, 0], down[:, -1] = down[:, 1], down[:, -2]
    return across, down


def test_blocks_correlate_as_in_numpy():
    one, other = plane(3), blurred(plane(3), 1)
    other[:40, :40] = plane(9)[:40, :40]
    found = np.empty((6, 8, 8), np.float32)
    blocks.match(one, other, np.ones_like(one), 1, 1.0, found)
    (ax, ay), (bx, by) = sobel(one), sobel(other)
    still = (np.abs(found[blocks.ACROSS]) < 0.4) & (np.abs(found[blocks.DOWN]) < 0.4)
    assert still.sum() > 30
    for row, column in np.argwhere(still):
        part = slice(16 * row, 16 * row + 16), slice(16 * column, 16 * column + 16)
        energies = [np.mean(x[part] ** 2 + y[part] ** 2) for x, y in ((ax, ay), (bx, by))]
        product = np.mean(ax[part] * bx[part] + ay[part] * by[part])
        expected = product / (np.sqrt(energies[0] * energies[1]) + 1)
        assert found[blocks.BEST, row, column] == pytest.approx(expected, abs=5e-3)
        assert found[blocks.ENERGY, row, column] == pytest.approx(energies[0], rel=1e-2)


@settings(max_examples=12, deadline=None)
@given(st.floats(-1.8, 1.8), st.floats(-1.8, 1.8), st.floats(-1.2, 1.2))
def test_smooth_shifts_are_found_and_undone(across, down, bend):
    one = planes.blurred(plane(5), 0.7, 0.7)
    fit = np.zeros((6, 2), np.float32)
    fit[0], fit[4, 0], fit[3, 1] = (across, down), bend, bend
    moved = planes.bent(one, fit)
    found, fitted = np.empty((6, 8, 8), np.float32), np.empty((6, 2), np.float32)
    blocks.refine_and_match(one, moved, np.ones_like(one), 1.0, fitted, found)
    inner = found[blocks.BEST, 1:-1, 1:-1]
    assert np.quantile(inner, 0.1) > 0.8
    assert np.abs(found[1:3, 1:-1, 1:-1]).max() < 0.8


def test_lab_of_known_colours():
    colours = np.array([[255, 255, 255], [0, 0, 0], [255, 0, 0], [0, 0, 255]], np.float64)
    expected = [[100, 0, 0], [0, 0, 0], [53.24, 80.09, 67.2], [32.3, 79.19, -107.86]]
    assert tones.lab(colours) == pytest.approx(np.array(expected), abs=0.3)


@given(st.integers(0, 1000), st.booleans())
def test_a_curve_rises_whatever_the_values(seed, coarse):
    random = np.random.default_rng(seed)
    x, y = random.uniform(0, 255, (2, 200))
    x = np.rint(x / 40) * 40 if coarse else x
    made = tones.curve(x, y)
    assert (np.diff(made[np.argsort(x, kind="stable")]) >= -1e-9).all()


def cells(seed=0, n=300):
    return np.random.default_rng(seed).uniform(20, 235, (n, 3))


def test_light_tone_and_hue_are_found_where_they_were_changed():
    one, out = cells(), np.empty(4)
    assert tones.left_by_light(one, np.minimum(one * 1.3, 255)).max() < 6
    gray = np.repeat(tones.grays(one)[:, None], 3, axis=1)
    assert tones.left_by_light(one, gray).max() < 1e-6
    assert np.median(tones.left_by_light(one, np.ascontiguousarray(one[:, [2, 0, 1]]))) > 20
    y = tones.grays(one)[:, None]
    toned = 0.7 * y + 30 + 0.8 * (one - y)
    assert tones.left_by_tone(one, toned, True, out).max() < 12
    assert (
        np.median(tones.left_by_hue(one, np.ascontiguousarray(one[:, [1, 2, 0]]), out)) > 8
        or out[0] > 60
    )
    tones.left_by_hue(one, one, out)
    assert out[0] < 1
    assert out[2] == 0


def test_what_is_cut_off_at_white_does_not_tell_the_light_of_a_photograph():
    one, out = cells(n=600), np.empty(4)
    one = 0.8 * tones.grays(one)[:, None] + 0.2 * one
    brighter = np.clip(2 * one - 40, 0, 255)
    assert tones.left_by_tone(one, brighter, True, out).mean() < 6
    assert out[0] == pytest.approx(2, abs=0.2)
    assert tones.left_by_tone(one, brighter, False, out).mean() > 10
    assert out[0] < 1


def test_a_brighter_photograph_has_no_other_colours():
    one, out = cells(n=600), np.zeros(local.FEATURES)
    out[local.AGREE] = local.RICH
    judge_colours(one, np.minimum(1.35 * one, 255), out)
    assert out[local.TONE_SHARE] <= 0.01
    judge_colours(one, np.ascontiguousarray(one[:, [2, 0, 1]]), out)
    assert out[local.TONE_SHARE] > 0.5


def test_sepia_is_tinted_and_a_red_thing_on_gray_is_not():
    light = np.linspace(20, 240, 300)[:, None]
    assert tones.tinted(light * np.array([1, 0.85, 0.65])) < 3.5
    assert tones.tinted(np.repeat(light, 3, axis=1)) < 1
    thing = np.repeat(light, 3, axis=1)
    thing[:120] *= np.array([1, 0.3, 0.3])
    assert tones.tinted(thing) > 50


@given(st.integers(0, 500))
def test_the_largest_regions_are_those_of_a_flood(seed):
    bad = np.random.default_rng(seed).random((9, 11)) < 0.3
    big, out = np.zeros_like(bad), np.zeros(local.FEATURES)
    count = regions.largest_regions(bad, big, out)
    left, found = {tuple(p) for p in np.argwhere(bad).tolist()}, []
    while left:
        region, edge = set(), [left.pop()]
        while edge:
            y, x = edge.pop()
            region.add((y, x))
            around = {(y + i, x + j) for i in (-1, 0, 1) for j in (-1, 0, 1)} & left
            left -= around
            edge += around
        found.append(region)
    sizes = sorted((len(region) for region in found), reverse=True)[:3]
    assert count == big.sum() == sum(size for size in sizes if size >= 3)
    assert not (big & ~bad).any()
    if count:
        y, x = np.argwhere(big).mean(axis=0) + 0.5
        assert (out[local.WHERE_X] * 11, out[local.WHERE_Y] * 9) == pytest.approx((x, y))


def test_the_map_of_blocks_shows_where_a_picture_is_covered():
    one = np.asarray(Image.fromarray(scene(3)).resize((240, 180)))
    other = one.copy()
    other[100:170, 130:230] = np.asarray(Image.fromarray(scene(9)).resize((100, 70)))
    whole = np.array([[0, 0, 64, 64]] * 2)
    found = local.block_map(one, other, np.array([1.0, 0, 0, 0, 1, 0]), whole)
    bad = found.regions
    assert found.correlation.shape == found.disagrees.shape == bad.shape
    assert (bad <= found.disagrees).all()
    assert found.box.tolist() == [-1, -1, 1, 1]
    down, across = bad.shape
    inside = bad[int(0.6 * down) : int(0.9 * down), int(0.6 * across) : int(0.9 * across)]
    assert inside.mean() > 0.7
    assert bad[: down // 2].mean() < 0.05


def test_strips_that_disagree_may_have_a_sky():
    from imgurer_kernel.matching._numba.regions import cut_strips

    texture, bad = np.ones((2, 12, 14), bool)
    bad[:, :4] = True
    bad[:, 4:] = False
    texture[:, 1:3] = bad[:, 1:3] = False  # nothing there to see
    bad[11] = texture[11]
    best = np.where(bad, 0.1, 0.9).astype(np.float32)
    out = np.zeros(local.FEATURES)
    cut_strips(best, texture, bad, out)
    cuts = out[local.CUT_LEFT : local.CUT_BOTTOM + 1]
    assert cuts == pytest.approx((4 / 14, 0, 0, 1 / 12))
    assert (out[local.INNER_AGREE], out[local.INNER_BAD]) == (110, 0)
    # A block here and there is no strip.
    bad[:] = False
    bad[::5, 0] = True
    cut_strips(best, texture, bad, out)
    assert out[local.CUT] == 0


def test_maps_that_leave_nothing_common_measure_nothing():
    one = scene(3, 64, 48)
    away = np.array([[1.0, 0, 5, 0, 1, 0]])
    whole = np.tile(np.array([0, 0, 64, 64]), (1, 2, 1))
    assert not local.measure_agreement([one], [one], away, whole).any()
    assert local.measure_agreement([], [], np.zeros((0, 6)), whole[:0]).shape == (
        0,
        local.FEATURES,
    )


def test_waiting_for_the_compiler_reports_progress_and_can_be_stopped(monkeypatch):
    release = threading.Event()

    @cache
    def slow():
        release.wait(20)

    monkeypatch.setattr(local, "_kernel", slow)
    told = []

    def progress(*stage):
        told.append(stage)
        raise InterruptedError

    try:
        with pytest.raises(InterruptedError):
            local.load(progress)
    finally:
        release.set()
    assert told == [("compiling, once", 0, 0)]
