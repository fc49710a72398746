"""Compare the originals of pages whose thumbnails leave a doubt: these show single letters.

Where many pages share one layout every two of them are in doubt, and two originals take 30 ms. So
each page is compared with a few others only, those that are most like it in thumbnails: of a page
and its copies these are the copies.
"""

from collections.abc import Callable

import numpy as np

from imgurer_kernel.common.arrays import distinct
from imgurer_kernel.common.progress import Progress
from imgurer_kernel.common.threads import in_order
from imgurer_kernel.common.types import BoolMask, Float64s, Int64s, UInt8s
from imgurer_kernel.matching import local_agreement as local
from imgurer_kernel.matching.covers import covered_share, may_be_covered
from imgurer_kernel.matching.picture_loaders import LoadOriginals

MAX_COMPARED = 6
"""Pages of its layout that one is compared with, those with fewer comparisons left aside. With 16
the same copies were found among 40 forms and 40 lists of letters, in 1.5 times the time."""

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
        # By image: how much alike it is to each other one, of pairs that are not known to be same.
        self._likeness: dict[int, dict[int, float]] = {}
        self._recent: dict[int, UInt8s | None] = {}

    def compare(
        self,
        first: Int64s,
        second: Int64s,
        maps: Float64s,
        content: Int64s,
        likeness: Float64s,
        is_other: Callable[[Float64s], bool],
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
        is_other
            Decides by measures, float64 (`local_agreement.FEATURES`,), whether two originals are
            different pages. Only those count against `MAX_COMPARED`.

        Returns
        -------
        float64 (k, `local_agreement.FEATURES`), zeros where not compared, and uint8 (k,):
        `COMPARED`, `UNREADABLE` or `LEFT_OUT`.
        """
        found = np.zeros((len(first), local.FEATURES))
        states = np.full(len(first), UNREADABLE, np.uint8)
        if self._load is None:
            return found, states
        left = np.arange(len(first))
        # Only other pages count: without the rest there is room for the next ones.
        while len(left):
            chosen = self._choose(first[left], second[left], likeness[left])
            rows, left = left[chosen], left[~chosen]
            if not len(rows):
                break
            # Pairs of one picture together, so that its original is read once.
            rows = rows[np.lexsort((second[rows], first[rows]))]
            for k in range(0, len(rows), _CHUNK):
                part = rows[k : k + _CHUNK]
                found[part], states[part] = self._measure(
                    self._load, first[part], second[part], maps[part], content[part]
                )
                if self._progress is not None:
                    self._progress("comparing originals", min(k + _CHUNK, len(rows)), len(rows))
            for row in rows.tolist():
                if states[row] == UNREADABLE or not is_other(found[row]):
                    self._drop(int(first[row]), int(second[row]))
        states[left] = LEFT_OUT
        return found, states

    def _measure(
        self, load: LoadOriginals, first: Int64s, second: Int64s, maps: Float64s, content: Int64s
    ) -> tuple[Float64s, UInt8s]:
        """Read the originals of some pairs and compare them; return measures and states."""
        found = np.zeros((len(first), local.FEATURES))
        states = np.full(len(first), UNREADABLE, np.uint8)
        pictures = self._read(load, distinct(first, second))
        rows, work = [], []
        for row, ends in enumerate(zip(first.tolist(), second.tolist(), strict=True)):
            one, other = (pictures[end] for end in ends)
            if one is not None and other is not None:
                rows.append(row)
                work.append((one, other, maps[row], content[row]))
        for row, measured in zip(rows, in_order(_measure, work), strict=True):
            found[row], states[row] = measured, COMPARED
        return found, states

    def _drop(self, one: int, other: int) -> None:
        """Do not count a pair against the limits of its images."""
        self._likeness[one].pop(other, None)
        self._likeness[other].pop(one, None)

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
