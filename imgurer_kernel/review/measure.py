"""Measure originals of clusters once, and compare the measures within each cluster."""

import json
from collections.abc import Iterable, Mapping

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

SAME_PLACE = frozenset({"medoid", "same pixels", "identical", "re-encoded", "resized", "edited"})
"""Labels of pictures that show the same content in the same place as the medoid."""

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
# Levels between neighbouring pixels of the picture before, 1 in smooth photographs and 0 in
# drawings; share of its pixels that another has.
_TEXTURED, _AS_DETAILED = 0.6, 0.9
# At equal size: reduced to half and enlarged again, or blurred by a pixel, photographs have 0.56 to
# 0.84 times their steepness; compared with a sharpened copy they have 0.78 or more, and 0.65 with
# an excessively sharpened one. Captions and bars have steep edges in some blocks, and leave the
# texture of most blocks unchanged.
_SOFTER, _SOFTER_CAMERA, SMOOTHER, _SAME_SIZE = 0.78, 0.65, 0.93, 0.02


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
        chunk = missing[start : start + _MEASURED_TOGETHER]
        found = zip(chunk, in_order(lambda digest: _measured(store, digest), chunk), strict=True)
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
    shows no more than that one, nor does one that repeats each pixel. A file of equal size with
    much flatter edges was reduced before, or blurred.

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
    repeated = np.array([1 if it is None else it.repeats for it in facts])
    # Few lines, or a drawing on a grid, are no measure of repeated pixels; strong compression has
    # a grid of its own.
    repeated[(texture * repeated < _TEXTURED) | (quality < HEAVY_QUALITY)] = 1
    usable = view["label"].isin(SAME_PLACE).to_numpy(bool) & ~np.isnan(steep)
    of_camera = view["camera"].notna().to_numpy(bool)
    for rows in by_cluster(view, usable):
        if (
            side[rows].max() <= _LARGER * side[rows].min()
            and repeated[rows].max() == 1
            and steep[rows].min() >= _SOFTER * steep[rows].max()
        ):
            continue
        for row in rows:
            # A camera's file is more likely to be blurred than enlarged.
            margin = _FLATTER_CAMERA if of_camera[row] else _FLATTER
            softer = _SOFTER_CAMERA if of_camera[row] else _SOFTER
            alike = np.abs(side[rows] / side[row] - 1) < _SAME_SIZE
            shares = steep[row] / steep[rows[alike]]
            smooth = texture[row] < SMOOTHER * texture[rows[alike]]
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
            detail = pixels[row] / repeated[row] ** 2
            others = pixels[rows[pixels[rows] < pixels[row]]]
            if repeated[row] > 1 and (others > _AS_DETAILED * detail).any():
                true[row] = min(true[row], detail)
    return true


def by_cluster(view: pd.DataFrame, usable: BoolMask) -> list[Int64s]:
    """Yield the usable rows of each cluster with two or more of them."""
    # Skip other clusters early: there may be a hundred thousand without any measure.
    rows = np.flatnonzero(usable)
    numbers = view["cluster_id"].to_numpy()[rows]
    order = np.argsort(numbers, kind="stable")
    begins = np.flatnonzero(np.diff(numbers[order])) + 1
    return [part for part in np.split(rows[order], begins) if len(part) > 1]
