"""Read the originals of pages and compare them: these show single letters, thumbnails do not."""

import numpy as np

from imgurer_kernel.common.arrays import distinct
from imgurer_kernel.common.progress import Progress
from imgurer_kernel.common.threads import in_order
from imgurer_kernel.common.types import BoolMask, Float64s, Int64s, UInt8s
from imgurer_kernel.matching import local_agreement as local
from imgurer_kernel.matching.covers import covered_share, may_be_covered
from imgurer_kernel.matching.picture_loaders import LoadOriginals

# Pairs that are compared together, and originals that are kept for the next ones, 3 MB each.
_CHUNK, _KEPT = 16, 32


class OriginalPairs:
    """Reads originals and compares them, in threads.

    Parameters
    ----------
    image_ids
        int64 (n,): the images at positions 0..n-1.
    load
        Gives originals; None where there are none.
    progress
        Called after each few pairs; may raise to stop.
    """

    def __init__(
        self, image_ids: Int64s, load: LoadOriginals | None, progress: Progress | None = None
    ) -> None:
        self._ids = image_ids
        self._load = load
        self._progress = progress
        self._recent: dict[int, UInt8s | None] = {}

    def compare(
        self, first: Int64s, second: Int64s, maps: Float64s, content: Int64s
    ) -> tuple[Float64s, BoolMask]:
        """Measure where the originals of pairs agree.

        Parameters
        ----------
        first, second
            int64 (k,): positions of images.
        maps, content
            float64 (k, 6), int64 (k, 2, 4): as for `local_agreement.measure_agreement`.

        Returns
        -------
        float64 (k, `local_agreement.FEATURES`), and bool (k,): whether both originals could be
        read; zeros where not.
        """
        found = np.zeros((len(first), local.FEATURES))
        readable = np.zeros(len(first), np.bool_)
        if self._load is None:
            return found, readable
        # Pairs of one picture together, so that its original is read once.
        rows = np.lexsort((second, first))
        for k in range(0, len(rows), _CHUNK):
            part = rows[k : k + _CHUNK]
            found[part], readable[part] = self._measure(
                self._load, first[part], second[part], maps[part], content[part]
            )
            if self._progress is not None:
                self._progress("comparing originals", min(k + _CHUNK, len(rows)), len(rows))
        return found, readable

    def _measure(
        self, load: LoadOriginals, first: Int64s, second: Int64s, maps: Float64s, content: Int64s
    ) -> tuple[Float64s, BoolMask]:
        """Read the originals of some pairs and compare them, as `compare`."""
        found = np.zeros((len(first), local.FEATURES))
        pictures = self._read(load, distinct(first, second))
        rows, work = [], []
        for row, ends in enumerate(zip(first.tolist(), second.tolist(), strict=True)):
            one, other = (pictures[end] for end in ends)
            if one is not None and other is not None:
                rows.append(row)
                work.append((one, other, maps[row], content[row]))
        for row, measured in zip(rows, in_order(_measure, work), strict=True):
            found[row] = measured
        return found, np.isin(np.arange(len(first)), rows)

    def _read(self, load: LoadOriginals, positions: Int64s) -> dict[int, UInt8s | None]:
        """Read originals by position; the latest ones are kept, since pairs share pictures."""
        wanted = positions.tolist()
        missing = [k for k in wanted if k not in self._recent]
        if missing:
            self._recent.update(zip(missing, load(self._ids[missing]), strict=True))
        pictures = {k: self._recent.pop(k) for k in wanted}
        self._recent.update(pictures)  # at the end: these were used last
        for k in list(self._recent)[: max(0, len(self._recent) - _KEPT)]:
            del self._recent[k]
        return pictures


def _measure(pair: tuple[UInt8s, UInt8s, Float64s, Int64s]) -> Float64s:
    """Measure where two originals agree, float64 (`local_agreement.FEATURES`,)."""
    one, other, transform, content = pair
    where = transform[None], content[None]
    found = local.measure_agreement([one], [other], *where, most=local.MOST_OF_ORIGINALS)
    measured: Float64s = found[0]
    if may_be_covered(measured):
        measured[local.COVERED] = covered_share(one, other, transform, content)
    return measured
