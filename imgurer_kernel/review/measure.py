"""Measure originals of clusters once, and compare the measures within each cluster."""

import json
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd

from imgurer_kernel.common.progress import Progress
from imgurer_kernel.common.threads import in_order
from imgurer_kernel.common.types import BoolMask, Float64s, Int64s
from imgurer_kernel.errors import ImageRejected, StorageError
from imgurer_kernel.fingerprint.original import VERSION, OriginalFacts, measure_original
from imgurer_kernel.store.catalog import Connection, original_facts
from imgurer_kernel.store.store import Store

HEAVY_QUALITY = 52.0
"""JPEG quality below which compression blocks are visible."""

CAMERA_FORMATS = ("HEIF", "DNG")
"""Formats that cameras write and programs rarely convert to."""

_SAME_PLACE = frozenset({"medoid", "same pixels", "identical", "re-encoded", "resized", "edited"})
"""Labels of pictures that show the same content in the same place as the medoid."""

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
_MEASURED_TOGETHER = 32

# An edge that is flatter by the root of the ratio of sizes, or more. Measured on 18 photographs as
# JPEG of quality 40 to 90: compared with its half-size copy, a picture has 0.9 times its steepness;
# one enlarged 1.5 times has 0.75, twice 0.64, four times 0.45.
_FLATTER, _FLATTER_CAMERA = 0.97, 0.8
_LARGER = 1.2
# After enlarging twice or more, any filter leaves edges steeper than this over the scale: 1.08 and
# more on drawn scenes, 1.2 with a cubic filter.
_SOFT, _TWICE = 1.02, 1.8
_SAVED_AGAIN = 3.0
# At equal size: reduced to half and enlarged again, or blurred by a pixel, photographs have 0.56 to
# 0.84 times their steepness; compared with a sharpened copy they have 0.78 or more, and 0.65 with
# an excessively sharpened one. Captions and bars have steep edges in some blocks, and leave the
# texture of most blocks unchanged.
_SOFTER, _SOFTER_CAMERA, _SMOOTHER, _SAME_SIZE = 0.78, 0.65, 0.93, 0.02


def measure(
    store: Store, digests: Iterable[str], progress: Progress | None = None
) -> dict[str, OriginalFacts]:
    """Measure originals that were not measured yet, and store the results.

    Originals that cannot be read get no facts, and are tried again next time.
    """
    digests = sorted(set(digests))
    known = recall(store, digests)
    missing = [digest for digest in digests if digest not in known]
    for start in range(0, len(missing), _MEASURED_TOGETHER):
        if progress is not None:
            progress("measuring", start, len(missing))
        some = missing[start : start + _MEASURED_TOGETHER]
        found = zip(some, in_order(lambda digest: _measured(store, digest), some), strict=True)
        fresh = {digest: facts for digest, facts in found if facts is not None}
        remembered = {digest: json.dumps(each.as_dict()) for digest, each in fresh.items()}
        store.catalog.run(original_facts.remember, VERSION, remembered)
        known |= fresh
    return known


def _measured(store: Store, digest: str) -> OriginalFacts | None:
    """Measure one original; None if it cannot be read now."""
    try:
        with store.blobs.open(digest) as blob:
            return measure_original(blob.read(), store.settings)
    except ImageRejected:
        return OriginalFacts()  # it will not be decodable later either
    except (StorageError, OSError):
        return None


def recall(store: Store, digests: Iterable[str]) -> dict[str, OriginalFacts]:
    """Read stored measures of originals, by digest."""
    return store.catalog.run(recalled, digests)


def recalled(connection: Connection, digests: Iterable[str]) -> dict[str, OriginalFacts]:
    """Read stored measures within a transaction."""
    found = original_facts.recall(connection, VERSION, digests)
    return {digest: OriginalFacts.from_dict(json.loads(facts)) for digest, facts in found.items()}


def true_pixels(view: pd.DataFrame, measured: Mapping[str, OriginalFacts]) -> Float64s:
    """Estimate the pixels of real detail of files, (n,): fewer than they have if enlarged.

    A file that is larger than another picture of its cluster, with edges flatter in proportion,
    shows no more than that one. A file of equal size with much flatter edges was reduced before, or
    blurred.

    Parameters
    ----------
    view
        cluster_id, digest, label, width, height, camera.
    """
    pixels = view["width"].to_numpy(np.float64) * view["height"].to_numpy(np.float64)
    true: Float64s = pixels.copy()
    if not measured:
        return true
    facts = [measured.get(digest) for digest in view["digest"].tolist()]
    steep = np.array(
        [np.nan if it is None or it.steepness is None else it.steepness for it in facts]
    )
    side = np.sqrt([0 if it is None else it.measured_pixels for it in facts])
    texture = np.array([0 if it is None else it.texture for it in facts])
    quality = np.array([np.nan if it is None or it.quality is None else it.quality for it in facts])
    usable = view["label"].isin(_SAME_PLACE).to_numpy(bool) & ~np.isnan(steep)
    of_camera = view["camera"].notna().to_numpy(bool)
    for rows in _by_cluster(view, usable):
        if (
            side[rows].max() <= _LARGER * side[rows].min()
            and steep[rows].min() >= _SOFTER * steep[rows].max()
        ):
            continue
        for row in rows:
            # A camera's file is more likely to be blurred than enlarged.
            margin = _FLATTER_CAMERA if of_camera[row] else _FLATTER
            softer = _SOFTER_CAMERA if of_camera[row] else _SOFTER
            alike = np.abs(side[rows] / side[row] - 1) < _SAME_SIZE
            shares = steep[row] / steep[rows[alike]]
            smooth = texture[row] < _SMOOTHER * texture[rows[alike]]
            smooth &= ~(quality[row] < quality[rows[alike]])  # stronger compression smooths, too
            share = float(np.min(shares, where=smooth, initial=1.0))
            if share < softer:
                true[row] *= share**2
            smaller = rows[side[rows] * _LARGER < side[row]]
            scale, ratio = side[row] / side[smaller], steep[row] / steep[smaller]
            flat = ratio < margin / np.sqrt(scale)
            # Edges flatter than a filter makes them belong to an original that is not sharp; if it
            # is compressed more strongly, it was saved once again.
            soft = (scale > _TWICE) & (ratio < _SOFT / scale)
            flat &= ~soft | (quality[row] < quality[smaller] - _SAVED_AGAIN)
            if flat.any():
                true[row] = min(true[row], float(pixels[smaller[flat]].max()))
    return true


def _by_cluster(view: pd.DataFrame, usable: BoolMask) -> list[Int64s]:
    """Yield the usable rows of each cluster with two or more of them."""
    # Skip other clusters early: there may be a hundred thousand without any measure.
    rows = np.flatnonzero(usable)
    numbers = view["cluster_id"].to_numpy()[rows]
    order = np.argsort(numbers, kind="stable")
    begins = np.flatnonzero(np.diff(numbers[order])) + 1
    return [part for part in np.split(rows[order], begins) if len(part) > 1]


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
    comparable = _shows_same_place(view)
    digests = view["digest"].to_numpy(object)
    pixels = view["width"].to_numpy(np.float64) * view["height"].to_numpy(np.float64)
    # Heavy compression removes texture everywhere; the texture of others would pass for text.
    seen = np.array([_is_comparable(measured.get(digest)) for digest in digests], np.bool_)
    for some in _by_cluster(view, comparable & seen):
        part = some.tolist()
        facts = {digests[row]: measured[digests[row]] for row in part}
        if len(facts) < 2:
            continue
        sizes = dict(zip(digests[some], pixels[some], strict=True))
        size = np.array([sizes[digest] for digest in facts])
        written = dict(zip(facts, _is_written(list(facts.values()), size), strict=True))
        found[part] = [written[digests[row]] for row in part]
    return found


def _shows_same_place(view: pd.DataFrame) -> BoolMask:
    """Return which files show the same content in the same place as the medoid, by their labels."""
    of_image = view.loc[view["label"] != "identical", ["cluster_id", "image_id", "label"]]
    labels = of_image.drop_duplicates(["cluster_id", "image_id"])
    keys = ["cluster_id", "image_id"]
    own = view[keys].merge(labels, on=keys, how="left")["label"]
    # Clusters of exact copies alone have no other label.
    return own.fillna("identical").isin(_SAME_PLACE).to_numpy(bool)


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
        if not others.any():
            answers.append(False)
            continue
        soft = (edges < _SOFT_COPY * edges[number]) & (texture < _SMOOTHER * texture[number])
        soft &= ~(quality < quality[number])
        only_soft = bool(soft[others].all())
        if not only_soft:
            others &= ~soft
        # One of several others may be poor: an edge counts as added if all but one lack it.
        rank = min(int(others.sum()) - 1, 1) if others.sum() > _SEVERAL else 0
        other = np.sort(steep[others], axis=0)[rank]
        added = _excess(own, other) if _largest(own - other) > _WRITTEN else 0.0
        written = added > _WRITTEN and added > _ONE_SIDED * _excess(other, own)
        if written and only_soft:
            written = _excess(own, other, _SHARPENED) > _WRITTEN_BESIDE_SOFT
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
