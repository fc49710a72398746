"""The relation of two pictures does not depend on which of them comes first.

Pairs are near the limits of rules: covered by a third, cut to half, turned far, mixed with another.
"""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image, ImageChops, ImageDraw, ImageEnhance

from imgurer_kernel.workbench.search.evidence import evidence_of
from tests.matching.test_labels import query
from tests.support.copies import cropped, picture, recoded
from tests.support.forms import rounds, thinned


def covered(image, share):
    image = image.copy()
    width, height = (round(side * share**0.5) for side in image.size)
    ImageDraw.Draw(image).ellipse((20, 15, 20 + width, 15 + height), fill="gold", outline="black")
    return image


def turned_hues(image, by):
    hue, *rest = image.convert("HSV").split()
    return Image.merge("HSV", (hue.point(lambda h: (h + by) % 256), *rest)).convert("RGB")


NEAR_LIMITS = {
    "covered": lambda p, k: covered(p, 0.3 + 0.05 * k),
    "cut at a side": lambda p, k: cropped(p, 0.3 + 0.06 * k, 0, 0, 0),
    "a part": lambda p, k: cropped(p, 0.16 + 0.02 * k, 0.16, 0.16, 0.16),
    "turned": lambda p, k: p.rotate(11 + 3 * k, Image.Resampling.BICUBIC),
    "mixed": lambda p, k: Image.blend(p, picture(50 + k), 0.35 + 0.08 * k),
    "hues": lambda p, k: turned_hues(p, 12 + 12 * k),
    "moved": lambda p, k: ImageChops.offset(p, 4 + 4 * k, 0),
    "compressed": lambda p, k: recoded(ImageEnhance.Contrast(p).enhance(0.93), 4 + 2 * k),
}


@pytest.mark.parametrize("kind", thinned(NEAR_LIMITS, 2))
def test_the_verdict_is_that_of_the_pictures(kind):
    for k in range(rounds(1, 9)):
        whole = picture(k)
        one, other = query(whole), query(NEAR_LIMITS[kind](whole, k % 5))
        found, back = evidence_of(one, other), evidence_of(other, one)
        turned = replace(back.reversed(), first=0, second=1)
        assert (turned.label, turned.detail) == (found.label, found.detail)
        assert (turned.score, turned.distance) == (found.score, found.distance)
        assert turned.transform == pytest.approx(found.transform, abs=1e-9)
        assert turned.orientation == found.orientation
        assert np.isclose(turned.overlap, found.overlap, atol=0.02)
