"""First stage of the search: pairs of images whose hashes are near in some orientation and view.

Four searches, each exact:

- whole pictures in 8 orientations against whole pictures;
- whole pictures in 8 orientations against contents (pictures without their uniform borders);
- contents against contents, upright;
- windows of pictures, upright, against whole pictures: what a crop of 5 to 12 % looks like.

Not searched: a bordered picture against another bordered one that is turned.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from imgurer_kernel.dhash import dhash_many, orientations
from imgurer_kernel.index import matches
from imgurer_kernel.parallel import in_order
from imgurer_kernel.views import CONTENT, FIRST_WINDOW, WHOLE

Hashes = NDArray[np.uint64]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]

INVERSE = np.array([0, 1, 2, 3, 4, 7, 6, 5])
"""The orientation that undoes each orientation: turns undo each other, the rest themselves."""

# Other ways in which two images are near that are kept besides the nearest one.
_WAYS = 4

# Images whose hashes are asked for at once; their neighbours are all in memory together.
_BLOCK = 2048

# Of so many images with one and the same hash only a few take part in the search; the others are
# tied to those. A folder of blank pages would otherwise have more pairs than memory has room for.
_CROWD = 32
_SPEAKERS = 4


@dataclass(frozen=True, slots=True, eq=False)
class Fingerprints:
    """What the search needs of each image; all arrays have n rows.

    Attributes
    ----------
    whole, content
        uint64 (n, 2), row hash first: of the picture, and of it without its uniform borders.
    grays
        uint8 (n, 9, 9), of which `whole` is the hash.
    informative
        bool (n,): the others take no part.
    windows
        uint64 (n, 10, 2): hashes of the windows of `imgurer_kernel.views`; None to do without.
    """

    whole: Hashes
    content: Hashes
    grays: NDArray[np.uint8]
    informative: Mask
    windows: Hashes | None = None

    def __len__(self) -> int:
        return len(self.whole)


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

    first: Ints
    second: Ints
    distance: Ints
    orientation: Ints
    view: Ints
    other_view: Ints

    def __len__(self) -> int:
        return len(self.first)

    @classmethod
    def none(cls) -> "Candidates":
        """No rows."""
        return cls(*(np.empty(0, np.int64) for _ in fields(cls)))

    def take(self, rows: Ints | Mask | slice) -> "Candidates":
        """Some of the rows."""
        return Candidates(*(column[rows] for column in _columns(self)))

    def joined(self, other: "Candidates") -> "Candidates":
        """These rows, then others."""
        return Candidates(*map(np.concatenate, zip(_columns(self), _columns(other), strict=True)))

    def renamed(self, names: Ints) -> "Candidates":
        """With image k called ``names[k]``; order and direction are kept."""
        return replace(self, first=names[self.first], second=names[self.second])


def find(
    prints: Fingerprints,
    radius: int,
    *,
    window_radius: int = 16,
    fresh: Mask | None = None,
    tell: Callable[[int, int], None] | None = None,
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
    tell
        Called with (jobs done, jobs in all), every half second at least; may raise to stop.

    Returns
    -------
    At most four rows for each pair, the nearest first.
    """
    fresh = np.ones(len(prints), bool) if fresh is None else fresh
    leaders, ties = _crowds(prints)
    jobs = list(_searches(prints, leaders, fresh, radius, window_radius))
    parts = [ties]
    told = tell or _nobody
    for found in in_order(_run, jobs, lambda: told(len(parts) - 1, len(jobs))):
        parts.append(found)
        told(len(parts) - 1, len(jobs))
    return thinned(Candidates(*map(np.concatenate, zip(*map(_columns, parts), strict=True))))


Job = Callable[[], Candidates]


def _nobody(_done: int, _total: int) -> None:
    """Nobody is told."""


def _run(job: Job) -> Candidates:
    return thinned(job())


def _searches(
    prints: Fingerprints, leaders: Ints, fresh: Mask, radius: int, window_radius: int
) -> Iterator[Job]:
    """The four searches, cut into jobs."""
    bordered = leaders[(prints.content[leaders] != prints.whole[leaders]).any(axis=1)]
    new, old = leaders[fresh[leaders]], leaders[~fresh[leaders]]
    for images, others in ((new, leaders), (old, new)):
        framed = bordered if images is new else bordered[fresh[bordered]]
        for block in _blocks(images):
            later = others[others > block[0]]
            yield partial(_turned, prints, block, later, WHOLE, radius)
            yield partial(_turned, prints, block, framed, CONTENT, radius)
            if prints.windows is not None:
                yield partial(_windows, prints, block, others, window_radius)
        for block in _blocks(np.intersect1d(images, bordered)):
            yield partial(_contents, prints, block, framed[framed > block[0]], radius)


def _blocks(images: Ints) -> Iterator[Ints]:
    return (images[k : k + _BLOCK] for k in range(0, len(images), _BLOCK))


def _turned(prints: Fingerprints, block: Ints, among: Ints, view: int, radius: int) -> Candidates:
    hashes = prints.whole if view == WHOLE else prints.content
    oriented = orientations(prints.grays[block]).reshape(-1, 9, 9)
    query, hit, distance = _near(dhash_many(oriented), hashes[among], radius)
    orientation, query = np.divmod(query, len(block))
    # Quarter turns are not exact: of two whole pictures it is always the first that is turned.
    kept = (block[query] < among[hit]) | (view != WHOLE)
    query, hit, distance, orientation = (c[kept] for c in (query, hit, distance, orientation))
    return _rows(block[query], among[hit], distance, orientation, WHOLE, view)


def _contents(prints: Fingerprints, block: Ints, among: Ints, radius: int) -> Candidates:
    query, hit, distance = _near(prints.content[block], prints.content[among], radius)
    return _rows(block[query], among[hit], distance, 0, CONTENT, CONTENT)


def _windows(prints: Fingerprints, block: Ints, among: Ints, radius: int) -> Candidates:
    windows = np.empty((0, 1, 2), np.uint64) if prints.windows is None else prints.windows[block]
    query, hit, distance = _near(windows.reshape(-1, 2), prints.whole[among], radius)
    query, window = np.divmod(query, windows.shape[1])
    return _rows(block[query], among[hit], distance, 0, FIRST_WINDOW + window, WHOLE)


def _near(queries: Hashes, hashes: Hashes, radius: int) -> tuple[Ints, Ints, Ints]:
    chunks = [*matches(hashes, queries, radius), (np.empty(0, np.int64),) * 3]
    query, hit, distance = (np.concatenate(column) for column in zip(*chunks, strict=True))
    return query, hit, distance.astype(np.int64)


def _rows(
    one: Ints,
    other: Ints,
    distance: Ints,
    orientation: Ints | int,
    view: Ints | int,
    other_view: Ints | int,
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
        distance,
        np.where(swap, INVERSE[orientation], orientation),
        np.where(swap, other_view, view),
        np.where(swap, view, other_view),
    )
    return rows.take(one != other)


def _columns(rows: Candidates) -> tuple[Ints, ...]:
    return tuple(getattr(rows, field.name) for field in fields(rows))


def thinned(rows: Candidates) -> Candidates:
    """Sorted, each way once, and only the nearest few of each pair."""
    keys = ("first", "second", "distance", "view", "other_view", "orientation")
    rows = rows.take(np.lexsort([getattr(rows, key) for key in reversed(keys)]))
    new_pair = _differs(rows.first) | _differs(rows.second)
    changes = [_differs(getattr(rows, key)) for key in keys[2:]]
    rows = rows.take(new_pair | np.logical_or.reduce(changes))
    new_pair = _differs(rows.first) | _differs(rows.second)
    rank = np.arange(len(rows)) - np.flatnonzero(new_pair)[np.cumsum(new_pair) - 1]
    return rows.take(rank < _WAYS)


def _differs(column: Ints) -> Mask:
    """Where a value is not that of the row before."""
    different = np.ones(len(column), bool)
    different[1:] = column[1:] != column[:-1]
    return different


def _crowds(prints: Fingerprints) -> tuple[Ints, Candidates]:
    """Images that take part in the search, and rows that tie the others of a crowd to those."""
    images = np.flatnonzero(prints.informative)
    hashes = np.concatenate((prints.whole[images], prints.content[images]), axis=1)
    _, group, size = np.unique(hashes, axis=0, return_inverse=True, return_counts=True)
    order = np.argsort(group, kind="stable")
    starts = np.cumsum(size) - size
    rank = np.empty(len(images), np.int64)
    rank[order] = np.arange(len(images)) - np.repeat(starts, size)
    silent = (size[group] > _CROWD) & (rank >= _SPEAKERS)
    speakers = order[starts[group[silent]][:, None] + np.arange(_SPEAKERS)]
    tied = np.repeat(images[silent], _SPEAKERS), images[speakers].ravel()
    return images[~silent], _rows(*tied, np.zeros(len(tied[0]), np.int64), 0, WHOLE, WHOLE)
