"""Why two images are held to be the same: numbers, and one word for people."""

import math
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from imgurer_kernel.common.types import Float64s, UInt8s
from imgurer_kernel.fingerprint.hashes.dhash import ORIENTATIONS
from imgurer_kernel.matching.candidates import INVERSE
from imgurer_kernel.matching.difference import Closeup
from imgurer_kernel.matching.verify import compose, invert, starts

Label = Literal[
    "exact",
    "re-encoded",
    "resized",
    "cropped",
    "rotated",
    "flipped",
    "bordered",
    "edited",
    "same layout",
    "different",
]
"""What became of one picture that the other came about, the most telling of several changes:

exact
    the same bytes, or, of flat pictures, the same pixels.
re-encoded
    the same size, and nothing but traces of compression or noise; or the colours alone were
    changed, which grays do not show.
resized
    another size, otherwise re-encoded.
edited
    brighter, darker, sharper, with more or less contrast, or something was written on it.
cropped, bordered
    one shows less than the other, or has uniform borders around it.
rotated
    by quarter turns, or by at least half a degree.
flipped
    mirrored, whether turned or not.
same layout
    the same form or screen with other content: not a duplicate.
different
    no duplicate.
"""

# Measured on copies of photographs: what re-encoding and resizing stay below, and edits do not.
_DEGREES = 0.5  # a turn
_MARGIN = 0.012  # how far a side moves, halves of the picture being 1
_BORDER = 0.07  # how well content boxes must meet, found as they are to the nearest of 64 pixels
_DRAWN = 8.0  # gray levels by which the worst block differs
_GAIN = 0.07  # logarithm of the ratio of contrasts
_TONE = 6.0  # mean difference of the 9x9 grays

_REFLECTED = frozenset({1, 3, 4, 6})


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """One edge between two images.

    Attributes
    ----------
    first, second
        Image ids.
    distance
        Hamming distance of the two dHashes that were near, 0..128.
    orientation
        What must be done to the first picture to bring it upright beside the second, one of
        `imgurer_kernel.fingerprint.hashes.dhash.ORIENTATIONS`.
    score
        Agreement of the aligned pictures, -1..1; the same from 0.79.
    correlation, overlap
        Of all gradients together, and the share of the first picture that lies in the second.
    transform
        a, b, c, d, e, f: the point (u, v) of the first picture is (a u + b v + c, d u + e v + f)
        in the second; both pictures reach from -1 to 1 in both directions.
    label
        See `Label`.
    """

    first: int
    second: int
    distance: int
    orientation: str
    score: float
    correlation: float
    overlap: float
    transform: tuple[float, ...]
    label: Label

    def turned_round(self) -> "Evidence":
        """The same, of the second picture and the first."""
        a, b, _, d, e, _ = self.transform
        back = invert(np.array([self.transform], float))[0]
        # What both show is as large in the other picture as the map makes it.
        overlap = min(1.0, self.overlap * abs(a * e - b * d))
        return replace(
            self,
            first=self.second,
            second=self.first,
            orientation=ORIENTATIONS[INVERSE[ORIENTATIONS.index(self.orientation)]],
            overlap=overlap,
            transform=tuple(back.tolist()),
        )

    @property
    def duplicate(self) -> bool:
        """False for strangers, and for pictures that share their layout only."""
        return self.label not in {"same layout", "different"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Appearance:
    """What a label depends on, of one image.

    Attributes
    ----------
    width, height
        Pixels of the upright picture.
    grays
        uint8 (9, 9).
    content
        Left, top, right, bottom of what lies within its borders, in 1/64 of the sides.
    plain_sides
        Of left, top, right and bottom, whether the outermost line is of one gray.
    """

    width: int
    height: int
    grays: UInt8s
    content: tuple[int, int, int, int] = (0, 0, 64, 64)
    plain_sides: tuple[bool, bool, bool, bool] = (False, False, False, False)


def label(one: Appearance, other: Appearance, orientation: int, found: Closeup) -> Label:
    """The word for what lies between two pictures that are the same.

    Parameters
    ----------
    one, other
        The two images.
    orientation
        0..7, how the first was oriented.
    found
        How the first lies on the second, and what differs there.

    Examples
    --------
    >>> grays = np.zeros((9, 9), np.uint8)
    >>> small = Appearance(width=60, height=40, grays=grays)
    >>> large = Appearance(width=600, height=400, grays=grays)
    >>> label(small, large, 0, Closeup((1, 0, 0, 0, 1, 0), gain=1, residual=0))
    'resized'
    >>> label(small, large, 1, Closeup((-1, 0, 0, 0, 1, 0), gain=1, residual=0))
    'flipped'
    >>> label(small, large, 0, Closeup((1.1, 0, 0, 0, 1.1, 0), gain=1, residual=0))
    'cropped'
    """
    if orientation in _REFLECTED:
        return "flipped"
    rest = _without_turn(found.transform, orientation)
    width, height = one.width, one.height
    if orientation >= 4:
        width, height = height, width
    if orientation or abs(_angle(rest, (width, height), (other.width, other.height))) >= _DEGREES:
        return "rotated"
    frame = _frame(rest)
    if np.abs(frame - (-1, -1, 1, 1)).max() > _MARGIN:
        return "bordered" if _framed(one, other, rest) else "cropped"
    tone = np.abs(one.grays.astype(float) - other.grays.astype(float)).mean()
    toned = tone > _TONE or abs(math.log(max(found.gain, 1e-3))) > _GAIN
    if toned or found.residual > _DRAWN:
        return "edited"
    return "resized" if (width, height) != (other.width, other.height) else "re-encoded"


def _framed(one: Appearance, other: Appearance, rest: Float64s) -> bool:
    """Whether what one shows beyond the other is a border."""
    contents = _box(one.content), _box(other.content)
    if one.content != other.content:
        meet = np.abs(_frame(rest, contents[0]) - contents[1]).max() <= 2 * _BORDER
        if meet:
            return True
    # A border too thin for its box to be found: where the one lies inside of the other, the
    # other's outermost lines are plain.
    inward = _frame(rest) * (-1, -1, 1, 1)
    beyond, within = inward < 1 - _MARGIN, inward > 1 + _MARGIN
    sides, gaps = (other.plain_sides, beyond) if beyond.any() else (one.plain_sides, within)
    return bool(beyond.any() != within.any() and np.asarray(sides)[gaps].all())


def turn_of(
    transform: tuple[float, ...], orientation: int, size: tuple[int, int], other: tuple[int, int]
) -> tuple[float, float, float]:
    """What a map does beyond an orientation: degrees clockwise, scale across and scale down.

    Parameters
    ----------
    transform
        From the first picture to the second.
    orientation
        0..7.
    size, other
        Width and height of the first picture, once it is oriented, and of the second.

    Examples
    --------
    >>> turn_of((0.5, 0, 0, 0, 0.5, 0), 0, (100, 80), (200, 160))
    (0.0, 1.0, 1.0)
    """
    rest = _without_turn(transform, orientation)
    a, b, _, d, e, _ = rest
    (width, height), (other_width, other_height) = size, other
    across = math.hypot(a * other_width, d * other_height) / width
    down = math.hypot(b * other_width, e * other_height) / height
    return _angle(rest, size, other), across, down


def _without_turn(transform: tuple[float, ...], orientation: int) -> Float64s:
    """The map from the oriented first picture to the second."""
    whole = np.array([[-1.0, -1.0, 1.0, 1.0]])
    turned = starts(np.array([orientation]), whole, whole)
    rest: Float64s = compose(invert(turned), np.array([transform], float))[0]
    return rest


def _angle(transform: Float64s, size: tuple[int, int], other_size: tuple[int, int]) -> float:
    """Degrees by which a map turns, in pixels rather than shares of the sides."""
    a, b, _, d, e, _ = transform
    width, height = size
    other_width, other_height = other_size
    across, down = a * other_width / width, e * other_height / height
    lean, tilt = b * other_width / height, d * other_height / width
    return math.degrees(math.atan2(tilt - lean, across + down))


def _frame(transform: Float64s, box: tuple[float, ...] = (-1, -1, 1, 1)) -> Float64s:
    """Where the sides of a box come to lie, slants apart."""
    a, _, c, _, e, f = transform
    left, top, right, bottom = box
    return np.array((a * left + c, e * top + f, a * right + c, e * bottom + f))


def _box(content: tuple[int, int, int, int]) -> tuple[float, ...]:
    return tuple(edge / 32 - 1 for edge in content)
