"""First stage of the search: pairs of images whose hashes are near in some orientation and view.

Four searches, each exact:

- whole pictures in 8 orientations against whole pictures;
- whole pictures in 8 orientations against contents (pictures without their uniform borders);
- contents against contents, upright;
- windows of pictures, upright, against whole pictures: what a crop of 5 to 12 % looks like.

Not searched: a bordered picture against another bordered one that is turned.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, fields, replace
from functools import partial

import numpy as np

from imgurer_kernel.common.threads import in_order
from imgurer_kernel.common.types import BoolMask, Int64s, UInt8s, UInt64s
from imgurer_kernel.index.lookup import matches
from imgurer_kernel.matching.regions import CONTENT, FIRST_WINDOW, WHOLE

INVERSE = np.array([0, 1, 2, 3, 4, 7, 6, 5])
"""The orientation that undoes each orientation: turns undo each other, the rest themselves."""

# Other ways in which two images are near that are kept besides the nearest one.
_WAYS = 4

FRIENDS = 64
"""A pair is kept if it is among so many nearest ones of its first image with later images, or of
its second with earlier ones. A film of 20,000 frames would otherwise have more pairs than memory
has room for; settling follows friends' friends, so that it need not know them all."""

# Images whose hashes are asked for at once: many where few others are looked through, so that no
# job is over before it was worth handing out. And rows that are gathered until they are thinned.
_BLOCK = 2048
_LARGE_BLOCK = 32768
_FEW_OTHERS = 2048
_GATHERED = 2_000_000

# Of so many images with one and the same hash only a few take part in the search; the others are
# tied to those. A folder of blank pages would otherwise have more pairs than memory has room for.
_CROWD = 32
_SPEAKERS = 4


@dataclass(frozen=True, slots=True, eq=False)
class Fingerprints:
    """What the search needs of each image; all arrays have n rows.

    Attributes
    ----------
    turned
        uint64 (n, 8, 2): hashes of the picture in all orientations, see
        `imgurer_kernel.fingerprint.hashes.dhash.turned_hashes`.
    content
        uint64 (n, 2), row hash first: of the picture without its uniform borders.
    informative
        bool (n,): the others take no part.
    windows
        uint64 (n, 10, 2): hashes of the windows of `imgurer_kernel.matching.regions`; None to do
        without.
    """

    turned: UInt64s
    content: UInt64s
    informative: BoolMask
    windows: UInt64s | None = None

    def __len__(self) -> int:
        return len(self.turned)

    @property
    def whole(self) -> UInt64s:
        """Hashes of the pictures as they are, uint64 (n, 2)."""
        return self.turned[:, 0]

    def take(self, images: Int64s | BoolMask) -> "Fingerprints":
        """Some of the images."""
        windows = None if self.windows is None else self.windows[images]
        return Fingerprints(
            self.turned[images], self.content[images], self.informative[images], windows
        )


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """Ways in which images are near: one row each, sorted by (first, second, distance, ...).

    Attributes
    ----------
    first, second
        int64 (k,): positions of the two images, first < second.
    distance
        int64 (k,): Hamming distance, 0..128.
    orientation
        int64 (k,): how the first picture is oriented to look like the second.
    view, other_view
        int64 (k,): which view of the first and of the second picture were near.
    """

    first: Int64s
    second: Int64s
    distance: Int64s
    orientation: Int64s
    view: Int64s
    other_view: Int64s

    def __len__(self) -> int:
        return len(self.first)

    @classmethod
    def none(cls) -> "Candidates":
        """No rows."""
        return cls(*(np.empty(0, np.int64) for _ in fields(cls)))

    def take(self, rows: Int64s | BoolMask | slice) -> "Candidates":
        """Some of the rows."""
        return Candidates(*(column[rows] for column in _columns(self)))

    def joined(self, other: "Candidates") -> "Candidates":
        """These rows, then others."""
        return _joined((self, other))

    def renamed(self, names: Int64s) -> "Candidates":
        """With image k called ``names[k]``; order and direction are kept."""
        return replace(self, first=names[self.first], second=names[self.second])


def find(
    prints: Fingerprints,
    radius: int,
    *,
    window_radius: int = 16,
    fresh: BoolMask | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Candidates:
    """All pairs of informative images that are near in some orientation and view.

    Parameters
    ----------
    prints
        The images; positions in these arrays name them.
    radius
        Bits between two pictures or contents, 0..128.
    window_radius
        Bits between a window and a picture.
    fresh
        bool (n,): only pairs with at least one of these; default all.
    progress
        Called with (jobs done, jobs in all), every half second at least; may raise to stop.

    Returns
    -------
    At most four rows for each pair, the nearest first; of dense zones the pairs of `FRIENDS`.
    """
    fresh = np.ones(len(prints), bool) if fresh is None else fresh
    leaders, ties = _crowds(prints)
    jobs = list(_searches(prints, leaders, fresh, radius, window_radius))
    parts = [ties]
    told = progress or _nobody
    for found in in_order(_run, jobs, lambda: told(len(parts) - 1, len(jobs))):
        parts.append(found)
        told(len(parts) - 1, len(jobs))
    return thinned(_joined(parts))


Job = Callable[[], Iterator[Candidates]]


def _nobody(_done: int, _total: int) -> None:
    """Nobody is told."""


def _run(job: Job) -> Candidates:
    parts, size = [Candidates.none()], 0
    for part in job():
        parts.append(part)
        size += len(part)
        if size > _GATHERED:
            parts, size = [thinned(_joined(parts))], 0
    return thinned(_joined(parts))


def _joined(parts: Iterable[Candidates]) -> Candidates:
    return Candidates(*map(np.concatenate, zip(*map(_columns, parts), strict=True)))


def _searches(
    prints: Fingerprints, leaders: Int64s, fresh: BoolMask, radius: int, window_radius: int
) -> Iterator[Job]:
    """The four searches, cut into jobs."""
    bordered = leaders[(prints.content[leaders] != prints.whole[leaders]).any(axis=1)]
    new, old = leaders[fresh[leaders]], leaders[~fresh[leaders]]
    for images, others in ((new, leaders), (old, new)):
        framed = bordered if images is new else bordered[fresh[bordered]]
        size = _BLOCK if len(others) > _FEW_OTHERS else _LARGE_BLOCK
        for block in _blocks(images, size):
            later = others[others > block[0]]
            yield partial(_turned, prints, block, later, WHOLE, radius)
            yield partial(_turned, prints, block, framed, CONTENT, radius)
            if prints.windows is not None:
                yield partial(_windows, prints, block, others, window_radius)
        for block in _blocks(np.intersect1d(images, bordered), size):
            yield partial(_contents, prints, block, framed[framed > block[0]], radius)


def _blocks(images: Int64s, size: int) -> Iterator[Int64s]:
    return (images[k : k + size] for k in range(0, len(images), size))


def _turned(
    prints: Fingerprints, block: Int64s, among: Int64s, view: int, radius: int
) -> Iterator[Candidates]:
    hashes = prints.whole if view == WHOLE else prints.content
    turned = prints.turned[block]
    for queries, hits, bits in matches(hashes[among], turned.reshape(-1, 2), radius):
        query, orientation = np.divmod(queries, turned.shape[1])
        # Quarter turns are not exact: of two whole pictures it is always the first that is turned.
        kept = (block[query] < among[hits]) | (view != WHOLE)
        one, other = block[query[kept]], among[hits[kept]]
        yield _rows(one, other, bits[kept], orientation[kept], WHOLE, view)


def _contents(
    prints: Fingerprints, block: Int64s, among: Int64s, radius: int
) -> Iterator[Candidates]:
    for query, hit, bits in matches(prints.content[among], prints.content[block], radius):
        yield _rows(block[query], among[hit], bits, 0, CONTENT, CONTENT)


def _windows(
    prints: Fingerprints, block: Int64s, among: Int64s, radius: int
) -> Iterator[Candidates]:
    windows = np.empty((0, 1, 2), np.uint64) if prints.windows is None else prints.windows[block]
    for queries, hit, bits in matches(prints.whole[among], windows.reshape(-1, 2), radius):
        query, window = np.divmod(queries, windows.shape[1])
        yield _rows(block[query], among[hit], bits, 0, FIRST_WINDOW + window, WHOLE)


def _rows(
    one: Int64s,
    other: Int64s,
    distance: Int64s | UInt8s,
    orientation: Int64s | int,
    view: Int64s | int,
    other_view: Int64s | int,
) -> Candidates:
    """Hits as rows, the smaller position first; an image's own reflection is none."""
    orientation, view, other_view = (
        np.broadcast_to(np.asarray(column, np.int64), one.shape)
        for column in (orientation, view, other_view)
    )
    swap = one > other
    rows = Candidates(
        np.minimum(one, other),
        np.maximum(one, other),
        distance.astype(np.int64),
        np.where(swap, INVERSE[orientation], orientation),
        np.where(swap, other_view, view),
        np.where(swap, view, other_view),
    )
    return rows.take(one != other)


def _columns(rows: Candidates) -> tuple[Int64s, ...]:
    return tuple(getattr(rows, field.name) for field in fields(rows))


def thinned(rows: Candidates) -> Candidates:
    """Sorted, each way once, only the nearest few of each pair, and the pairs of `FRIENDS`.

    Joining candidates of parts of the images and thinning them again leaves the pairs of all.
    """
    if not len(rows):
        return rows
    pair = rows.first * (int(rows.second.max()) + 1) + rows.second
    way = ((rows.distance * 16 + rows.view) * 16 + rows.other_view) * 8 + rows.orientation
    order = np.lexsort((way, pair))
    pair, way = pair[order], way[order]
    once = np.flatnonzero(_differs(pair) | _differs(way))
    few = ranks_within(_differs(pair[once])) < _WAYS
    return _of_friends(rows.take(order[once[few]]))


def _of_friends(rows: Candidates) -> Candidates:
    """Rows of the pairs that are near for one of their images; those of a pair stay together."""
    begin = np.flatnonzero(_differs(rows.first) | _differs(rows.second))
    first, second, distance = (c[begin] for c in (rows.first, rows.second, rows.distance))
    if len(begin) <= FRIENDS or np.bincount(first).max() <= FRIENDS:
        return rows
    near = np.zeros(len(begin), bool)
    for one, other in ((first, second), (second, first)):
        crowded = np.bincount(one)[one] > FRIENDS
        near |= ~crowded
        some = np.flatnonzero(crowded)
        order = some[np.lexsort((other[some], distance[some], one[some]))]
        near[order] |= ranks_within(_differs(one[order])) < FRIENDS
    return rows.take(np.repeat(near, np.diff(begin, append=len(rows))))


def ranks_within(new: BoolMask) -> Int64s:
    """Which row of its group each row is, from 0; `new` tells where groups begin."""
    rows = np.arange(len(new))
    ranks: Int64s = rows - np.flatnonzero(new)[np.cumsum(new) - 1]
    return ranks


def _differs(column: Int64s) -> BoolMask:
    """Where a value is not that of the row before."""
    different = np.ones(len(column), bool)
    different[1:] = column[1:] != column[:-1]
    return different


def _crowds(prints: Fingerprints) -> tuple[Int64s, Candidates]:
    """Images that take part in the search, and rows that tie the others of a crowd to those."""
    everybody = np.flatnonzero(prints.informative)
    # Few images share even a row hash, and only those need to be looked at.
    _, group, size = np.unique(prints.whole[everybody, 0], return_inverse=True, return_counts=True)
    images = everybody[size[group] > _CROWD]
    hashes = np.concatenate((prints.whole[images], prints.content[images]), axis=1)
    _, group, size = np.unique(hashes, axis=0, return_inverse=True, return_counts=True)
    order = np.argsort(group, kind="stable")
    starts = np.cumsum(size) - size
    rank = np.empty(len(images), np.int64)
    rank[order] = np.arange(len(images)) - np.repeat(starts, size)
    silent = (size[group] > _CROWD) & (rank >= _SPEAKERS)
    speakers = order[starts[group[silent]][:, None] + np.arange(_SPEAKERS)]
    tied = np.repeat(images[silent], _SPEAKERS), images[speakers].ravel()
    leaders = np.setdiff1d(everybody, images[silent], assume_unique=True)
    return leaders, _rows(*tied, np.zeros(len(tied[0]), np.int64), 0, WHOLE, WHOLE)
