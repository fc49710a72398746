"""Find which copies have text or marks that others of their cluster lack."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from imgurer_kernel.common.types import BoolMask, Float64s
from imgurer_kernel.fingerprint.original import BLOCKS, OriginalFacts
from imgurer_kernel.review.labels import of_images
from imgurer_kernel.review.measure import HEAVY_QUALITY, SAME_PLACE, SMOOTHER, by_cluster

# Watermarks of 1 to 6 % opacity and captions have 3 to 22 levels a pixel more in their 20 steepest
# blocks than the same picture without; recompression, resizing and sharpening below 1.
_WRITTEN = 1.5
# A copy that was reduced and enlarged again, or blurred, is softer. Up to 4.6 levels of its deficit
# are not explained by the sharpening of most other blocks; captions add 5.2 and more.
_SOFT_COPY, _WRITTEN_BESIDE_SOFT, _SHARPENED = 0.9, 5.0, 0.9
_BLOCKS_OF_WRITING = 20
_TEXTURED = 2.0  # levels a pixel; smoother blocks give no measure of sharpness
# Brightened sample pictures have 3 to 20 % more of their pixels near white than the original.
_MORE_CLIPPED = 0.01
# Text adds more edges than it covers; two sizes of one screenshot differ by a ratio of 1.9 to 1.
_ONE_SIDED = 2.5
_AS_LARGE = 0.9
_FLAT, _LETTERS = 0.8, 12.0  # levels a pixel
_SEVERAL = 2
# What was put over a part of a picture has other edges than the picture around it: text more, and
# what hides the part fewer. On 84 photographs with discs, bars, boxes, emojis and large pixels, the
# original was taken for written on in 32 % of the pairs without this rule, in 4 % with it; captions
# were found in 92 and in 87 %. Watermarks all over a picture leave nothing to compare with.
_AROUND, _BESIDE, _NEAR, _FEWEST_AROUND, _ALL_OVER = 3, 1, 4, 5, 0.4


def marked(view: pd.DataFrame, measured: Mapping[str, OriginalFacts]) -> BoolMask:
    """Return which files have text or marks that others of their cluster lack, bool (n,).

    Text adds edges in places where the same picture without it has none. For each block the excess
    steepness over the least of the cluster is compared, beyond a general difference in sharpness.

    Parameters
    ----------
    view
        cluster_id, image_id, digest, label, width, height.
    """
    found = np.zeros(len(view), np.bool_)
    if not measured:
        return found
    comparable = pd.Series(of_images(view)).isin(SAME_PLACE).to_numpy(bool)
    digests = view["digest"].to_numpy(object)
    pixels = view["width"].to_numpy(np.float64) * view["height"].to_numpy(np.float64)
    # Heavy compression removes texture everywhere; the texture of others would pass for text.
    seen = np.array([_is_comparable(measured.get(digest)) for digest in digests], np.bool_)
    for members in by_cluster(view, comparable & seen):
        part = members.tolist()
        facts = {digests[row]: measured[digests[row]] for row in part}
        if len(facts) < 2:
            continue
        sizes = dict(zip(digests[members], pixels[members], strict=True))
        size = np.array([sizes[digest] for digest in facts])
        written = dict(zip(facts, _is_written(list(facts.values()), size), strict=True))
        found[part] = [written[digests[row]] for row in part]
    return found


def _is_comparable(facts: OriginalFacts | None) -> bool:
    if facts is None or not facts.relief:
        return False
    return facts.worst_quality is None or facts.worst_quality >= HEAVY_QUALITY


def _is_written(facts: Sequence[OriginalFacts], pixels: Float64s) -> list[bool]:
    """Return which pictures have edges that others lack; `pixels` are their sizes."""
    reliefs = np.frombuffer(b"".join(each.relief for each in facts), np.uint8)
    steep = reliefs.reshape(len(facts), -1) / 4
    # Shortcut: most copies have the same edges everywhere.
    if _largest(steep.max(axis=0) - steep.min(axis=0)) <= _WRITTEN:
        return [False] * len(facts)
    clipped = np.array([each.clipped for each in facts])
    edges = np.array([each.steepness or np.nan for each in facts])
    texture = np.array([each.texture for each in facts])
    quality = np.array([each.worst_quality or np.nan for each in facts])
    answers = []
    for number, own in enumerate(steep):
        # Clipping at white or black and reducing both remove edges, so a picture is compared only
        # with others that are not clipped much more and are as large or larger.
        others = (np.arange(len(steep)) != number) & (clipped < clipped[number] + _MORE_CLIPPED)
        others &= pixels > _AS_LARGE * pixels[number]
        # How strongly WebP, AVIF and HEIF are compressed is not known; where they are smoother, the
        # texture that they lack would pass for text.
        others &= ~(np.isnan(quality) & (texture < SMOOTHER * texture[number]))
        if not others.any():
            answers.append(False)
            continue
        soft = (edges < _SOFT_COPY * edges[number]) & (texture < SMOOTHER * texture[number])
        soft &= ~(quality < quality[number])
        only_soft = bool(soft[others].all())
        if not only_soft:
            others &= ~soft
        # One of several others may be poor: an edge counts as added if all but one lack it.
        rank = 1 if others.sum() > _SEVERAL else 0
        other = np.sort(steep[others], axis=0)[rank]
        added = _excess(own, other) if _largest(own - other) > _WRITTEN else 0.0
        written = added > _WRITTEN and added > _ONE_SIDED * _excess(other, own)
        if written and only_soft:
            written = _excess(own, other, _SHARPENED) > _WRITTEN_BESIDE_SOFT
        written = written and not _hides_less(own, other)
        answers.append(bool(written))
    return answers


def _largest(excess: Float64s) -> float:
    return float(np.partition(excess, -_BLOCKS_OF_WRITING)[-_BLOCKS_OF_WRITING:].mean())


def _excess(one: Float64s, other: Float64s, share: float = 0.5) -> float:
    """Measure how much steeper one relief is than another at its largest excess over sharpness.

    Sharpness is estimated by the gain that this share of all textured blocks has at most.
    """
    # An opaque bar removes all edges below it: only text is steeper than any picture.
    one = np.where((other > _FLAT) | (one > _LETTERS), one, other)
    least = np.minimum(one, other)
    textured = least > _TEXTURED
    # A sharper picture is steeper by one factor in all textured blocks.
    gain = float(np.quantile(one[textured] / least[textured], share)) if textured.any() else 1.0
    return _largest(one - max(gain, 1.0) * least)


def _hides_less(own: Float64s, other: Float64s) -> bool:
    """Return whether the edges that only `own` has are those of the picture around them.

    Then `other` hides a part of the picture: a disc, a bar, large pixels.
    """
    own, other = own.reshape(BLOCKS, BLOCKS), other.reshape(BLOCKS, BLOCKS)
    excess = own - other
    change = np.abs(excess)
    least = max(_WRITTEN, float(np.sort(change, axis=None)[-_BLOCKS_OF_WRITING]) / 2)
    part = excess > least
    rows, columns = np.nonzero(part)
    if not len(rows) or (np.ptp(rows) + 1) * (np.ptp(columns) + 1) > _ALL_OVER * part.size:
        return False
    around = _grown(part, _AROUND) & ~_grown(part, _BESIDE) & (change < max(_WRITTEN, least / 2))
    rows_around, columns_around = np.nonzero(around)
    if len(rows_around) < _FEWEST_AROUND:
        return False
    away = np.maximum(
        np.abs(rows[:, None] - rows_around), np.abs(columns[:, None] - columns_around)
    )
    usual = np.minimum(own, other)[around]
    expected = np.array([np.median(usual[near <= max(_NEAR, near.min())]) for near in away])

    def deviation(steep: Float64s) -> float:
        return float(np.abs(np.log2((steep[part] + 1) / (expected + 1))).sum())

    return deviation(own) <= deviation(other)


def _grown(part: BoolMask, blocks: int) -> BoolMask:
    """Mark the blocks within a distance of a marked one, diagonally too."""
    wide = np.pad(part, blocks)
    steps = range(2 * blocks + 1)
    high, across = part.shape
    rows = np.logical_or.reduce([wide[k : k + high] for k in steps])
    found: BoolMask = np.logical_or.reduce([rows[:, k : k + across] for k in steps])
    return found
