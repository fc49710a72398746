"""Find captions in pictures, and compare two pictures beside the captions of both.

Two memes of one template have captions of their own, as large as a half of the picture, so that
little of it agrees, and each lacks what the other has. Where all that disagrees lies under captions
and all else agrees, they are one picture. Captions are lines of white letters with black outlines,
which are readable on any ground; nothing else that people photograph has these: of 1,324
photographs 7 have such a line, of 320 screens, scans and textures none. Writing on a dark ground
has no outline: titles of slides and of book covers are content.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from imgurer_kernel.common.types import BoolMask, Float64s, Int64s, UInt8s
from imgurer_kernel.matching import local_agreement as local
from imgurer_kernel.matching.local_agreement import block_map

_ALIKE = 0.2  # of the height, by which heights and places of letters in a line differ; at least:
_LEAST_ALIKE = 2  # pixels
_GAP = 2.0  # heights between two words
_LETTER = 0.6  # width to height of a capital, to count the letters that touch
_LEAST_LETTERS = 3
_OUTLINED, _OUTLINED_SHARE = 2, 0.3  # letters in one line of a picture
_NEXT_LINE = 1.7  # heights between the middles of two lines
_PADDING = 0.3  # of the height, for the outline
_AGREES = 0.7  # correlation of blocks
_LEAST_AGREE, _MOST_BAD, _LEAST_Q25, _EXPLAINED = 20, 0.03, 0.85, 0.9
# What pairs have at least where captions may be all that differs: letters among the blocks that
# disagree, of which there are some, and both pictures whole.
_LETTERS, _BAD, _WHOLE, _CROSS = 0.7, 0.03, 0.6, 0.1


@dataclass(frozen=True, slots=True)
class BesideCaptions:
    """How two aligned pictures compare in the blocks without captions of either.

    Attributes
    ----------
    agree
        Blocks with texture that agree.
    bad
        Share of those with texture that disagree.
    q25
        Lower quartile of their correlations.
    explained
        Of all blocks that disagree, the share under captions; 0 where none disagrees.
    """

    agree: int
    bad: float
    q25: float
    explained: float


NO_CAPTIONS = BesideCaptions(0, 1, 0, 0)
"""Of pictures without captions, and of those that have nothing in common."""


def find_captions(picture: UInt8s) -> Float64s:
    """Find lines of white letters with black outlines.

    A picture has captions if one line has outlines for sure; then letters on a dark ground and
    short words beside a line count, too.

    Parameters
    ----------
    picture
        uint8 (height, width, 3): a thumbnail.

    Returns
    -------
    float64 (k, 4): left, top, right, bottom of each line, in -1..1 of the picture's sides.
    """
    from imgurer_kernel.matching._numba.letters import find_letters  # compiles: only when needed

    letters = find_letters(np.ascontiguousarray(picture))
    lines, rest = _lines(letters)
    if not any(_is_outlined(letters[line]) for line in lines):
        return np.zeros((0, 4))
    lines += _short_words(letters, lines, rest)
    boxes = np.zeros((len(lines), 4))
    for k, line in enumerate(lines):
        line_letters = letters[line]
        padding = _PADDING * float(np.median(line_letters[:, 3] - line_letters[:, 1]))
        boxes[k, :2] = line_letters[:, :2].min(axis=0) - padding
        boxes[k, 2:] = line_letters[:, 2:4].max(axis=0) + padding
    size = np.array(picture.shape[1::-1], np.float64)
    scaled: Float64s = boxes / np.tile(size, 2) * 2 - 1
    return scaled


def compare_beside(
    first: UInt8s,
    second: UInt8s,
    transform: Float64s,
    content: Int64s,
    captions: tuple[Float64s, Float64s],
) -> BesideCaptions:
    """Compare two aligned pictures block by block, beside the captions of both.

    Parameters
    ----------
    first, second
        uint8 (height, width, 3): thumbnails.
    transform
        float64 (6,): from the first to the second.
    content
        int64 (2, 4): what lies within the borders of both, in 1/64 of the sides.
    captions
        Those of the first and of the second, as `find_captions` returns them.

    Returns
    -------
    `NO_CAPTIONS` where neither has any.
    """
    if not any(len(boxes) for boxes in captions):
        return NO_CAPTIONS
    blocks = block_map(first, second, transform, content)
    if not blocks.correlation.size:
        return NO_CAPTIONS
    covered = _covered(blocks.box, blocks.correlation.shape, transform, captions)
    free = blocks.texture & ~covered
    if not free.any():
        return NO_CAPTIONS
    correlation = blocks.correlation[free]
    disagree = int(blocks.disagrees.sum())
    return BesideCaptions(
        agree=int((correlation > _AGREES).sum()),
        bad=float(blocks.disagrees[free].mean()),
        q25=float(np.quantile(correlation, 0.25)),
        explained=float(blocks.disagrees[covered].sum() / max(disagree, 1)),
    )


def _covered(
    box: Float64s,
    shape: tuple[int, ...],
    transform: Float64s,
    captions: tuple[Float64s, Float64s],
) -> BoolMask:
    """Mark the blocks that touch a caption of either picture, bool (down, across)."""
    down, across = shape
    wide, high = (box[2] - box[0]) / across, (box[3] - box[1]) / down
    u = box[0] + (np.arange(across) + 0.5) * wide
    v = box[1] + (np.arange(down)[:, None] + 0.5) * high
    a, b, c, d, e, f = transform
    places = (u, v), (a * u + b * v + c, d * u + e * v + f)
    # Of turned pictures the sides of a block change places.
    sizes = (wide, high), (abs(a) * wide + abs(b) * high, abs(d) * wide + abs(e) * high)
    covered = np.zeros((down, across), np.bool_)
    for boxes, (x, y), (width, height) in zip(captions, places, sizes, strict=True):
        for left, top, right, bottom in boxes:
            beside = (x > left - width / 2) & (x < right + width / 2)
            covered |= beside & (y > top - height / 2) & (y < bottom + height / 2)
    return covered


def _lines(letters: Int64s) -> tuple[list[list[int]], list[int]]:
    """Group letters of one height on one base into lines, from left to right; return the rest."""
    high = letters[:, 3] - letters[:, 1]
    left = np.ones(len(letters), np.bool_)
    lines = []
    # The highest first: a smaller mark at the height of a line does not begin one.
    for k in np.argsort(-high, kind="stable").tolist():
        if not left[k]:
            continue
        row = np.flatnonzero(left & _in_line(letters, k)).tolist()
        for words in _words(row, letters, int(high[k])):
            if len(words) > 1 and _count(letters[words]) >= _LEAST_LETTERS:
                lines.append(words)
                left[words] = False
    return lines, np.flatnonzero(left).tolist()


def _in_line(letters: Int64s, one: int) -> BoolMask:
    """Mark the letters with about the same top and bottom as one of them, bool (n,)."""
    top, bottom = letters[:, 1], letters[:, 3]
    most = max(_LEAST_ALIKE, _ALIKE * float(bottom[one] - top[one]))
    shifts = np.abs(top - top[one]), np.abs(bottom - bottom[one])
    alike: BoolMask = (np.maximum(*shifts) <= most) & (np.abs(shifts[0] - shifts[1]) <= most)
    return alike


def _words(row: Sequence[int], letters: Int64s, high: int) -> list[list[int]]:
    """Split letters at one height where nothing follows for long."""
    found: list[list[int]] = []
    end = -np.inf
    for k in sorted(row, key=lambda k: (int(letters[k, 0]), k)):
        if letters[k, 0] - end > _GAP * high:
            found.append([])
        found[-1].append(k)
        end = max(letters[found[-1], 2])
    return found


def _count(line: Int64s) -> int:
    """Count the letters of a line; some are one region with their neighbors."""
    high = float(np.median(line[:, 3] - line[:, 1]))
    return int(np.maximum(np.rint((line[:, 2] - line[:, 0]) / (_LETTER * high)), 1).sum())


def _is_outlined(line: Int64s) -> bool:
    outlined = int(line[:, 4].sum())
    return outlined >= max(_OUTLINED, _OUTLINED_SHARE * len(line))


def _short_words(
    letters: Int64s, lines: Sequence[Sequence[int]], rest: Sequence[int]
) -> list[list[int]]:
    """Return the letters left beside, above or below a line that are as high as its letters."""
    high = letters[:, 3] - letters[:, 1]
    middle = (letters[:, 3] + letters[:, 1]) / 2
    found = []
    for k in rest:
        for line in lines:
            usual = float(np.median(high[line]))
            alike = abs(high[k] - usual) <= max(_LEAST_ALIKE, _ALIKE * usual)
            if alike and abs(middle[k] - np.median(middle[line])) <= _NEXT_LINE * usual:
                found.append([k])
                break
    return found


def may_have_captions(features: Float64s) -> BoolMask:
    """Mark the pairs that `differ_by_captions` may mark, before captions are looked for.

    Parameters
    ----------
    features
        float64 (n, `local_agreement.FEATURES`).

    Returns
    -------
    bool (n,).
    """

    def of(k: int) -> Float64s:
        return features[:, k]

    found: BoolMask = (of(local.LETTERS) >= _LETTERS) & (of(local.BAD) >= _BAD)
    found &= (of(local.SHARE) >= _WHOLE) & (of(local.CROSS) >= _CROSS)
    return found & (of(local.AGREE) >= _LEAST_AGREE)


def differ_by_captions(found: Sequence[BesideCaptions]) -> BoolMask:
    """Mark pairs that agree everywhere but under captions, bool (n,).

    Of 43 pairs of memes of one template that other rules miss, 30 have at most 0.03 of the other
    blocks that disagree, and a lower quartile of 0.86 and more; of 1,200 pairs of two templates
    none has a block that agrees.
    """
    rows = [(each.agree, each.bad, each.q25, each.explained) for each in found]
    agree, bad, q25, explained = np.array(rows, np.float64).reshape(-1, 4).T
    alike: BoolMask = (agree >= _LEAST_AGREE) & (bad <= _MOST_BAD)
    return alike & (q25 >= _LEAST_Q25) & (explained >= _EXPLAINED)
