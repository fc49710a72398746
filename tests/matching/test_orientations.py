"""Which orientations mirror a picture."""

import numpy as np

from imgurer_kernel.matching.affine import maps_between_boxes
from imgurer_kernel.matching.labels import Appearance, Difference, label


def test_a_map_with_a_negative_determinant_is_flipped_and_no_other():
    whole = np.array([[0, 0, 64, 64]])
    grays = np.arange(81, dtype=np.uint8).reshape(9, 9)
    one = Appearance(width=400, height=400, grays=grays)
    for orientation in range(8):
        [transform] = maps_between_boxes(np.array([orientation]), whole, whole).reshape(1, 6)
        mirrors = transform[0] * transform[4] - transform[1] * transform[3] < 0
        found = label(one, one, orientation, Difference(tuple(transform), gain=1, residual=0))
        assert (found == "flipped") == mirrors
        assert mirrors or (found == "rotated") == (orientation > 0)
