"""Compare the originals of pages whose thumbnails leave a doubt: these show single letters.

Where many pages share one layout every two of them are in doubt, and two originals take 30 ms. So
each page is compared with a few others only, those that are most like it in thumbnails: of a page
and its copies these are the copies.
"""

import numpy as np

from imgurer_kernel.common.arrays import distinct
from imgurer_kernel.common.progress import Progress
from imgurer_kernel.common.threads import in_order
from imgurer_kernel.common.types import BoolMask, Float64s, Int64s, UInt8s
from imgurer_kernel.matching import local_agreement as local
from imgurer_kernel.matching.covers import covered_share, may_be_covered
from imgurer_kernel.matching.picture_loaders import LoadOriginals

MAX_COMPARED = 16
"""Most pairs of one page whose originals are compared, unless the other page has fewer."""

COMPARED, UNREADABLE, LEFT_OUT = 0, 1, 2
"""What became of a pair: one of its originals cannot be read, or `MAX_COMPARED` left it out."""

# Pairs that are compared together, and originals that are kept for the next ones, 3 MB each.
_CHUNK, _KEPT = 16, 32


class OriginalPairs:
    """Reads originals and compares them, in threads.

    Parameters
    ----------
    image_ids
        int64 (n,): the images at positions 0..n-1.
    load
        Gives originals; None where there are none: all pairs are `UNREADABLE` then.
    progress
        Called after each few pairs; may raise to stop.
    """

    def __init__(
        self, image_ids: Int64s, load: LoadOriginals | None, progress: Progress | None = None
    ) -> None:
        self._ids = image_ids
        self._load = load
        self._progress = progress
        # By image: how much alike it is to each other one that it was asked with.
        self._likeness: dict[int, dict[int, float]] = {}
        self._recent: dict[int, UInt8s | None] = {}

    def compare(
        self, first: Int64s, second: Int64s, maps: Float64s, content: Int64s, likeness: Float64s
    ) -> tuple[Float64s, UInt8s]:
        """Measure where the originals of pairs agree.

        Parameters
        ----------
        first, second
            int64 (k,): positions of images.
        maps, content
            float64 (k, 6), int64 (k, 2, 4): as for `local_agreement.measure_agreement`.
        likeness
            float64 (k,): how much alike the pairs are by their thumbnails. The most similar pairs
            of each image are compared.

        Returns
        -------
        float64 (k, `local_agreement.FEATURES`), zeros where not compared, and uint8 (k,):
        `COMPARED`, `UNREADABLE` or `LEFT_OUT`.
        """
        found = np.zeros((len(first), local.FEATURES))
        states = np.full(len(first), UNREADABLE, np.uint8)
        load = self._load
        if load is None or not len(first):
            return found, states
        chosen = self._choose(first, second, likeness)
        states[~chosen] = LEFT_OUT
        rows = np.flatnonzero(chosen)
        # Pairs of one picture together, so that its original is read once.
        rows = rows[np.lexsort((second[rows], first[rows]))]
        for k in range(0, len(rows), _CHUNK):
            part = rows[k : k + _CHUNK]
            pictures = self._read(load, distinct(first[part], second[part]))
            readable = [
                row
                for row in part.tolist()
                if pictures[int(first[row])] is not None and pictures[int(second[row])] is not None
            ]
            ends = [(pictures[int(first[row])], pictures[int(second[row])]) for row in readable]
            work = [
                (one, other, maps[row], content[row])
                for row, (one, other) in zip(readable, ends, strict=True)
                if one is not None and other is not None
            ]
            for row, measured in zip(readable, in_order(_measure, work), strict=True):
                found[row], states[row] = measured, COMPARED
            if self._progress is not None:
                self._progress("comparing originals", min(k + _CHUNK, len(rows)), len(rows))
        return found, states

    def _choose(self, first: Int64s, second: Int64s, likeness: Float64s) -> BoolMask:
        """Mark the pairs that are among the most similar ones of one of their images, bool (k,).

        The limit holds for each image, so that no pair is left out because of other images, and a
        pair that is asked again, at another map, is counted once.
        """
        ends = list(zip(first.tolist(), second.tolist(), likeness.tolist(), strict=True))
        for one, other, alike in ends:
            for image, neighbor in ((one, other), (other, one)):
                known = self._likeness.setdefault(image, {})
                known[neighbor] = max(known.get(neighbor, alike), alike)

        def rank(image: int, neighbor: int, alike: float) -> int:
            known = self._likeness[image].items()
            return sum(value > alike and it != neighbor for it, value in known)

        return np.array(
            [
                min(rank(one, other, alike), rank(other, one, alike)) < MAX_COMPARED
                for one, other, alike in ends
            ],
            np.bool_,
        )

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
