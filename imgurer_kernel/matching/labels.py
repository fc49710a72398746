"""Label in one word what was done to one of two pictures that are the same."""

import math
from dataclasses import dataclass
from typing import Literal, cast

import numpy as np

from imgurer_kernel.common.threads import in_order
from imgurer_kernel.common.types import Float64s, Int64s, UInt8s
from imgurer_kernel.matching.affine import remove_orientation
from imgurer_kernel.matching.difference import (
    Difference,
    edge_grays,
    measure_difference,
    plain_sides,
)
from imgurer_kernel.matching.pair_table import Pairs
from imgurer_kernel.matching.relation import (
    DETAILS,
    RELATED,
    SHARPNESS,
    SMALL,
    Relation,
    was_edited,
)
from imgurer_kernel.matching.same_layout import background
from imgurer_kernel.matching.verify import PreparedPictures

Label = Literal[
    "exact",
    "same pixels",
    "re-encoded",
    "resized",
    "cropped",
    "rotated",
    "flipped",
    "bordered",
    "edited",
    "same layout",
    "another take",
    "colour variant",
    "part of",
    "same cover",
    "different",
]
"""What was done to one picture to make the other; of several changes the most significant one:

exact
    the same bytes.
same pixels
    other bytes that hold the same pixels, as in another container or with other metadata. Where the
    grays are equal the originals are compared, see `may_be_equal`; a PNG that was made of a JPEG is
    re-encoded.
re-encoded
    the same size, and nothing but traces of compression or noise; or the colours alone were
    changed, which grays do not show.
resized
    another size, otherwise re-encoded.
edited
    brighter, darker, sharper, with more or less contrast, something was written on it, or it is a
    negative.
cropped, bordered
    one shows less than the other, or has uniform borders around it.
rotated
    by quarter turns, or by at least half a degree.
flipped
    mirrored, whether turned or not.
same layout, another take, colour variant, part of, same cover
    related, and no duplicate: see `imgurer_kernel.matching.relation.Relation`.
different
    no duplicate.
"""

PairLabel = Label | Literal["unverified"]
"""The label of a candidate pair, which may not be verified to be the same."""

# Measured on copies of 32 photographs under 53 transforms: re-encoding and resizing stay below,
# edits do not. With these 9 in 10 light crops, 92 of 96 captions, logos and watermarks, and all
# turns by a degree get their label.
_MIN_DEGREES = 0.5  # a turn
_MIN_MARGIN = 0.012  # how far a side moves, halves of the picture being 1
_MIN_SCALE = 0.004  # least change of scale that is measurable with 64 pixels a side
_OF_PIXELS = 0.4  # factor of that margin where both have the same scale in pixels
_SHARP_FROM = 100  # pixels a side; the sharpness of smaller icons is not judged
# Gray levels by which the worst block differs, and how many more for each level of the median
# block. Photographs under continuous strengths: JPEG of quality 4 to 15, GIF of 32 colours and
# thumbnails of 32 pixels leave less in 99 of 100, writing and stickers more.
_MIN_RESIDUAL, _OF_NOISE, _MOST_NOISE = 6.0, 5.0, 3.0
_OF_SMALL = 1.4  # factor of that for icons of up to 100 pixels
_NAMED = 0.7  # factor of that where the block map found a region that disagrees
_COMPRESSED = 0.4  # levels of the median block, of a JPEG of quality 17; of 90 they are 0.1
_MIN_LOG_GAIN, _MIN_LOG_GAIN_OF_LINES = 0.07, 0.3  # logarithm of the ratio of contrasts
_PLAIN = 0.4  # share of one gray from which a picture is lines on a ground
_MIN_TONE = 6.0  # mean difference of the 9x9 grays

_REFLECTIONS = frozenset({1, 3, 4, 6})
"""The orientations that mirror a picture, whether they turn it or not."""

NOTHING_FOUND = np.zeros(DETAILS, np.uint8)
_SAME_GRAY = 10  # levels between a ground and the same ground, compressed again

_CHUNK = 64  # pairs that one thread measures at a time


@dataclass(frozen=True, slots=True, kw_only=True)
class Appearance:
    """The properties of one image that a label depends on.

    Attributes
    ----------
    width, height
        Pixels of the upright picture.
    grays
        uint8 (9, 9).
    plain_sides
        Of left, top, right and bottom, whether the outermost line is of one gray.
    edge_grays
        The medians of these lines.
    ground
        Share of the picture in the gray of its background, 0..1.
    """

    width: int
    height: int
    grays: UInt8s
    plain_sides: tuple[bool, bool, bool, bool] = (False, False, False, False)
    edge_grays: tuple[float, ...] = (0.0, 0.0, 0.0, 0.0)
    ground: float = 0.0


def appearance_of(
    width: int, height: int, grays: UInt8s, pictures: PreparedPictures, position: int
) -> Appearance:
    """Describe one of the prepared pictures; `grays` are its uint8 (9, 9)."""
    return Appearance(
        width=width,
        height=height,
        grays=grays,
        plain_sides=plain_sides(pictures.pictures[position]),
        edge_grays=edge_grays(pictures.pictures[position]),
        ground=float(background(pictures.pictures[position, None])[0]),
    )


def measure_pairs(
    pairs: Pairs, pictures: PreparedPictures, first: Int64s, second: Int64s
) -> list[Difference]:
    """Measure the difference between the two pictures of each pair.

    Parameters
    ----------
    pairs
        Pairs that are the same, with their maps and measures.
    pictures
        Where the pictures are, at the positions `first` and `second`, int64 (k,).
    """

    def work(k: int) -> list[Difference]:
        part = slice(k, k + _CHUNK)
        one, other = first[part], second[part]
        content = np.stack((pictures.content[one], pictures.content[other]), axis=1)
        grays = pictures.pictures[one], pictures.pictures[other]
        negative = pairs.negative[part]
        grays[0][negative] = 255 - grays[0][negative]
        return measure_difference(*grays, content, pairs.maps[part], pairs.measures[part, 0])

    if len(pairs) <= _CHUNK:
        return work(0)  # one part needs no threads
    chunks = in_order(work, range(0, len(pairs), _CHUNK))
    return [difference for chunk in chunks for difference in chunk]


def may_be_equal(label: str, first: UInt8s, second: UInt8s) -> bool:
    """Return whether a pair may have the same pixels, so that the originals must be compared.

    Parameters
    ----------
    label
        The label of the pair otherwise.
    first, second
        uint8 (64, 64): grays of both.
    """
    return label == "re-encoded" and bool((first == second).all())


def label_for(
    pairs: Pairs, row: int, one: Appearance, other: Appearance, difference: Difference
) -> PairLabel:
    """Choose the label of one of the pairs by its status and its measured difference."""
    relation = Relation(int(pairs.status[row]))
    if relation in RELATED:
        return cast("Label", relation.word)
    if relation != Relation.SAME:
        return "unverified"
    if pairs.negative[row]:
        return "edited"
    return label(one, other, int(pairs.orientation[row]), difference, pairs.details[row])


def label(
    one: Appearance,
    other: Appearance,
    orientation: int,
    difference: Difference,
    found: UInt8s = NOTHING_FOUND,
) -> Label:
    """Choose the word for what was done to one of two pictures that are the same.

    Parameters
    ----------
    one, other
        The two images.
    orientation
        0..7, how the first was oriented.
    difference
        The measured difference.
    found
        uint8 (4,): `imgurer_kernel.matching.relation.details` of the pair.

    Examples
    --------
    >>> grays = np.zeros((9, 9), np.uint8)
    >>> small = Appearance(width=60, height=40, grays=grays)
    >>> large = Appearance(width=600, height=400, grays=grays)
    >>> label(small, large, 0, Difference((1, 0, 0, 0, 1, 0), gain=1, residual=0))
    'resized'
    >>> label(small, large, 1, Difference((-1, 0, 0, 0, 1, 0), gain=1, residual=0))
    'flipped'
    >>> label(small, large, 0, Difference((1.1, 0, 0, 0, 1.1, 0), gain=1, residual=0))
    'cropped'
    """
    # From the most to the least significant change: a mirrored copy that was also cropped is
    # flipped.
    if orientation in _REFLECTIONS:
        return "flipped"
    rest = remove_orientation(difference.transform, orientation)
    width, height = one.width, one.height
    if orientation >= 4:
        width, height = height, width
    angle = _angle(rest, (width, height), (other.width, other.height))
    if orientation or abs(angle) >= _MIN_DEGREES:
        return "rotated"
    # Compression and size change the contrast of letters by a tenth, an edit the ground as well.
    plain = max(one.ground, other.ground) >= _PLAIN
    tone = np.abs(one.grays.astype(float) - other.grays.astype(float)).mean()
    gain = abs(math.log(max(difference.gain, 1e-3)))
    toned = tone > _MIN_TONE or gain > (_MIN_LOG_GAIN_OF_LINES if plain else _MIN_LOG_GAIN)
    frame = _map_box(rest)
    # Pictures with clipped tones are aligned less accurately.
    is_strong = tone > 2 * _MIN_TONE or gain > 2 * _MIN_LOG_GAIN
    margin = 2 * _MIN_MARGIN if is_strong else _MIN_MARGIN
    margin *= _OF_PIXELS if _keeps_pixels(rest, (width, height), (other.width, other.height)) else 1
    if np.abs(frame - (-1, -1, 1, 1)).max() > margin:
        borders = int(found[3])
        return "bordered" if _is_bordered(one, other, rest, borders, margin) else "cropped"
    # Compression and a small size leave residuals everywhere, writing in some places only.
    least = _MIN_RESIDUAL + _OF_NOISE * min(difference.noise, _MOST_NOISE)
    least *= _OF_SMALL if found[0] & SMALL else 1
    covered = difference.residual > (_NAMED * least if found[1] else least)
    compressed = difference.noise > _COMPRESSED
    if toned or covered or was_edited(found, compressed=compressed, plain=plain):
        return "edited"
    if (width, height) != (other.width, other.height):
        return "resized"
    blurred = found[0] & SHARPNESS and min(width, height) >= _SHARP_FROM
    return "edited" if blurred else "re-encoded"


def _keeps_pixels(rest: Float64s, size: tuple[int, int], other: tuple[int, int]) -> bool:
    """Return whether two pictures of nearly equal sizes have the same pixels, but for some lines.

    A few missing lines are a crop: nobody resizes a picture by half a hundredth.
    """
    scales = rest[0] * other[0] / size[0], rest[4] * other[1] / size[1]
    return size != other and max(abs(scale - 1) for scale in scales) < _MIN_SCALE


def _is_bordered(
    one: Appearance, other: Appearance, rest: Float64s, borders: int, margin: float
) -> bool:
    """Return whether most of what one picture shows beyond the other is a border.

    Parameters
    ----------
    borders
        As `imgurer_kernel.matching.border_depths.are_borders` has them.
    margin
        How far sides move, at least.
    """
    outward = _map_box(rest) * (-1, -1, 1, 1)  # 1 where a side lies on the side of the other
    beyond, within = outward < 1 - margin, outward > 1 + margin
    gaps = np.where(beyond, 1 - outward, np.where(within, 1 - 1 / np.maximum(outward, 0.5), 0))
    own_sides, other_sides = (
        borders >> np.arange(4) & 1 > 0 for borders in (borders, borders >> 4)
    )
    added = np.where(beyond, other_sides, own_sides)
    # If the picture's own ground continues beyond, it was cropped, and no border was added.
    for k in np.flatnonzero(beyond | within):
        inner, outer = (one, other) if beyond[k] else (other, one)
        goes_on = inner.plain_sides[k]
        added[k] &= not (goes_on and abs(inner.edge_grays[k] - outer.edge_grays[k]) < _SAME_GRAY)
    return bool(2 * gaps[added].sum() > gaps.sum())


def turn_of(
    transform: tuple[float, ...], orientation: int, size: tuple[int, int], other: tuple[int, int]
) -> tuple[float, float, float]:
    """Return what a map does beyond an orientation: degrees clockwise, scale across, scale down.

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
    rest = remove_orientation(transform, orientation)
    a, b, _, d, e, _ = rest
    (width, height), (other_width, other_height) = size, other
    across = math.hypot(a * other_width, d * other_height) / width
    down = math.hypot(b * other_width, e * other_height) / height
    return _angle(rest, size, other), across, down


def _angle(transform: Float64s, size: tuple[int, int], other_size: tuple[int, int]) -> float:
    """Return the degrees by which a map turns, in pixels rather than shares of the sides."""
    a, b, _, d, e, _ = transform
    width, height = size
    other_width, other_height = other_size
    across, down = a * other_width / width, e * other_height / height
    shear_x, shear_y = b * other_width / height, d * other_height / width
    # Of a turn without scale and shear these are cosine and sine; of others it is the nearest turn.
    return math.degrees(math.atan2(shear_y - shear_x, across + down))


def _map_box(transform: Float64s) -> Float64s:
    """Map the sides of a picture, float64 (4,); rotation and shear are ignored."""
    a, _, c, _, e, f = transform
    return np.array((c - a, f - e, c + a, f + e))
