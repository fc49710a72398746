"""Affine maps: from boxes and orientations, composed, inverted, and taken apart."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgurer_kernel.fingerprint.hashes.dhash import ORIENTATIONS, orientations
from imgurer_kernel.matching import affine

WHOLE = np.array([[-1.0, -1.0, 1.0, 1.0]])
UPRIGHT = np.array([0])

number = st.floats(-0.3, 0.3)
maps = st.tuples(*(st.floats(0.5, 1.5), number, number, number, st.floats(0.5, 1.5), number))


def apply(transform, u, v):
    a, b, c, d, e, f = transform
    return a * u + b * v + c, d * u + e * v + f


def test_boxes_are_laid_on_each_other():
    first, second = np.array([[-0.5, -1, 0.5, 1.0]]), np.array([[-1, 0, 1, 1.0]])
    [found] = affine.maps_between_boxes(UPRIGHT, first, second)
    for point, expected in {(-0.5, -1): (-1, 0), (0.5, 1): (1, 1), (0, 0): (0, 0.5)}.items():
        assert apply(found, *point) == pytest.approx(expected)


@pytest.mark.parametrize("index", range(8), ids=ORIENTATIONS)
def test_an_orientation_moves_pixels_as_dhash_does(index):
    """Where a map puts each pixel of a picture is where the oriented picture has it."""
    grays = np.arange(81, dtype=np.uint8).reshape(9, 9)
    oriented = orientations(grays)[index]
    [found] = affine.maps_between_boxes(np.array([index]), WHOLE, WHOLE)
    for x, y in itertools.product(range(9), repeat=2):
        u, v = apply(found, (2 * x + 1) / 9 - 1, (2 * y + 1) / 9 - 1)
        column, row = round(((u + 1) * 9 - 1) / 2), round(((v + 1) * 9 - 1) / 2)
        assert oriented[row, column] == grays[y, x]


def test_every_orientation_is_undone_by_another():
    index = np.arange(8)
    boxes = np.repeat(WHOLE, 8, axis=0)
    there = affine.maps_between_boxes(index, boxes, boxes)
    back = affine.maps_between_boxes(affine.INVERSE_ORIENTATION, boxes, boxes)
    assert affine.compose(there, back) == pytest.approx(np.tile([1, 0, 0, 0, 1, 0], (8, 1)))


def test_maps_have_no_negative_zeros():
    boxes = np.repeat(WHOLE, 8, axis=0)
    found = affine.maps_between_boxes(np.arange(8), boxes, boxes)
    assert not np.signbit(found[found == 0]).any()
    assert not np.signbit(affine.inverse((-1, 0, 0, 0, 1, 0))).any(where=[0, 1, 1, 1, 0, 1])


@given(maps, maps)
def test_maps_compose_and_invert(inner, outer):
    one, other = np.array([inner]), np.array([outer])
    both = affine.compose(one, other)
    assert affine.compose(both, affine.invert(other)) == pytest.approx(one, abs=1e-9)
    assert affine.compose(affine.invert(one), both) == pytest.approx(other, abs=1e-9)
    assert affine.inverse(inner).tolist() == affine.invert(one)[0].tolist()


def test_composing_does_the_inner_map_first():
    shift, stretch = np.array([[1, 0, 0.5, 0, 1, 0.0]]), np.array([[2, 0, 0, 0, 1, 0.0]])
    assert affine.compose(shift, stretch).tolist() == [[2, 0, 1, 0, 1, 0]]


@given(maps, st.integers(0, 7))
def test_an_orientation_is_recognized_and_removed(rest, index):
    oriented = affine.maps_between_boxes(np.array([index]), WHOLE, WHOLE)
    whole = affine.compose(oriented, np.array([rest]))
    assert affine.nearest_orientation(whole).tolist() == [index]
    found = affine.remove_orientation(tuple(whole[0].tolist()), index)
    assert found == pytest.approx(rest, abs=1e-9)
