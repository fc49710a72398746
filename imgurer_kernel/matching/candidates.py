"""First stage of the search: pairs of images whose hashes are near in some orientation and region.

Five searches, each exact:

- whole pictures in 8 orientations against whole pictures;
- whole pictures in 8 orientations against contents (pictures without their uniform borders);
- contents against contents, upright;
- windows of pictures, upright, against whole pictures: what crops of 5 to 12 % look like, cuts of
  about a fifth or a quarter off one side, and squares from the middle;
- negatives of whole pictures, upright, against whole pictures.

Not searched: a bordered picture against another bordered one that is turned. What hashes do not
find, `imgurer_kernel.matching.spots` may; its matches are rows of the same table.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from imgurer_kernel.common.arrays import group_starts
from imgurer_kernel.common.progress import Progress
from imgurer_kernel.common.threads import in_order
from imgurer_kernel.common.types import BoolMask, Float64s, Int64s, UInt8s, UInt64s
from imgurer_kernel.index.lookup import matches
from imgurer_kernel.matching.affine import INVERSE_ORIENTATION
from imgurer_kernel.matching.regions import CONTENT, FIRST_WINDOW, SPOT, WHOLE
from imgurer_kernel.matching.representatives import represent_duplicates

# Matches of one pair that are kept: where the nearest does not hold the next ones are tried.
_MAX_MATCHES = 4

MAX_NEIGHBORS = 64
"""A pair is kept if it is among so many nearest ones of its first image with later images, or of
its second with earlier ones. A film of 20,000 frames would otherwise have more pairs than fit into
memory; the search for clusters follows neighbors of neighbors and need not know them all."""

MAX_SPOT_NEIGHBORS = 16
"""The same of pairs that share spots, those with the most votes. Fewer, since in a folder of forms
or screens every two share the spots of what is printed on all of them."""

NEGATIVE_RADIUS = 16
"""Bits between a picture and a negative. Its hash is the complement but where neighbors are equal:
all negatives of 331 photos, reduced and recoded, lie within 16 bits, 98 % within 8."""

# Images that are searched for in one job: many where they are searched for among few, so that no
# job is over before it was worth handing out. And rows that are gathered before they are reduced.
_BLOCK = 2048
_LARGE_BLOCK = 32768
_FEW_OTHERS = 2048
_MAX_GATHERED = 2_000_000


@dataclass(frozen=True, slots=True, eq=False)
class ImageHashes:
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
        uint64 (n, 24, 2): hashes of `imgurer_kernel.matching.regions.WINDOWS`; None for none.
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

    def take(self, images: Int64s | BoolMask) -> "ImageHashes":
        """Return some of the images."""
        windows = None if self.windows is None else self.windows[images]
        return ImageHashes(
            self.turned[images], self.content[images], self.informative[images], windows
        )


# Columns of `Candidates` that are always there.
_NUMBERS = ("first", "second", "distance", "orientation", "region", "other_region")


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """Matches between the hashes of images: one row each, sorted by (first, second, distance, ...).

    Attributes
    ----------
    first, second
        int64 (k,): positions of the two images, first < second.
    distance
        int64 (k,): Hamming distance, 0..128.
    orientation
        int64 (k,): 0..7, how the first picture is oriented to look like the second.
    region, other_region
        int64 (k,): which region of the first and of the second picture were near. Of a match by
        spots `SPOT`, and the number of spots that agree on its map, 1..63.
    negative
        bool (k,): one is near the other's negative; None where none is.
    start
        float64 (k, 6): the map that a match by spots begins with, as
        `imgurer_kernel.matching.affine` stores maps; NaN where the regions give it, None where
        they do everywhere.
    """

    first: Int64s
    second: Int64s
    distance: Int64s
    orientation: Int64s
    region: Int64s
    other_region: Int64s
    negative: BoolMask | None = None
    start: Float64s | None = None

    def __len__(self) -> int:
        return len(self.first)

    @classmethod
    def none(cls) -> "Candidates":
        """Return no rows."""
        return cls(**{name: np.empty(0, np.int64) for name in _NUMBERS})

    @property
    def are_negative(self) -> BoolMask:
        """Which matches are with a negative, bool (k,)."""
        return np.zeros(len(self), np.bool_) if self.negative is None else self.negative

    def take(self, rows: Int64s | BoolMask | slice) -> "Candidates":
        """Return some of the rows."""
        return Candidates(
            **{name: getattr(self, name)[rows] for name in _NUMBERS},
            negative=None if self.negative is None else self.negative[rows],
            start=None if self.start is None else self.start[rows],
        )

    def joined(self, other: "Candidates") -> "Candidates":
        """Return these rows, then others."""
        return _concatenate((self, other))

    def with_ids(self, ids: Int64s) -> "Candidates":
        """Replace image k by ``ids[k]``; order and direction are kept."""
        return replace(self, first=ids[self.first], second=ids[self.second])


def find_candidates(
    hashes: ImageHashes,
    radius: int,
    *,
    window_radius: int = 16,
    fresh: BoolMask | None = None,
    progress: Progress | None = None,
) -> Candidates:
    """Find all pairs of informative images that are near in some orientation and region.

    Parameters
    ----------
    hashes
        The images; positions in these arrays name them.
    radius
        Bits between two pictures or contents, 0..128.
    window_radius
        Bits between a window and a picture.
    fresh
        bool (n,): only pairs with at least one of these; default all.
    progress
        Called with the number of jobs, every half second at least; may raise to stop.

    Returns
    -------
    At most four rows for each pair, the nearest first; of dense zones the pairs of `MAX_NEIGHBORS`.
    """
    fresh = np.ones(len(hashes), bool) if fresh is None else fresh
    searched, tied, representatives = represent_duplicates(
        hashes.whole, hashes.content, hashes.informative
    )
    distance = np.zeros(len(tied), np.int64)
    ties = _ordered_rows(tied, representatives, distance, 0, WHOLE, WHOLE)
    jobs = list(_search_jobs(hashes, searched, fresh, radius, window_radius))
    parts = [ties]

    def report() -> None:
        if progress is not None:
            progress("searching", len(parts) - 1, len(jobs))

    for result in in_order(_run, jobs, report):
        parts.append(result)
        report()
    return keep_nearest(_concatenate(parts))


Job = Callable[[], Iterator[Candidates]]


def _run(job: Job) -> Candidates:
    """Gather the rows of a job, reducing them now and then: a dense zone has too many to keep."""
    parts, size = [Candidates.none()], 0
    for part in job():
        parts.append(part)
        size += len(part)
        if size > _MAX_GATHERED:
            parts, size = [keep_nearest(_concatenate(parts))], 0
    return keep_nearest(_concatenate(parts))


def _concatenate(parts: Iterable[Candidates]) -> Candidates:
    parts = list(parts)
    negative = start = None
    if any(part.negative is not None for part in parts):
        negative = np.concatenate([part.are_negative for part in parts])
    if any(part.start is not None for part in parts):
        none = np.full(6, np.nan)
        start = np.concatenate(
            [np.tile(none, (len(p), 1)) if p.start is None else p.start for p in parts]
        )
    columns = {name: np.concatenate([getattr(part, name) for part in parts]) for name in _NUMBERS}
    return Candidates(**columns, negative=negative, start=start)


def _search_jobs(
    hashes: ImageHashes, searched: Int64s, fresh: BoolMask, radius: int, window_radius: int
) -> Iterator[Job]:
    """Cut the five searches into jobs."""
    # Where nothing is cut off the content is the whole picture, which the first search knows.
    bordered = searched[(hashes.content[searched] != hashes.whole[searched]).any(axis=1)]
    new, old = searched[fresh[searched]], searched[~fresh[searched]]
    # New images among all, then old ones among the new: pairs of two old ones are known.
    for images, others in ((new, searched), (old, new)):
        framed = bordered if images is new else bordered[fresh[bordered]]
        size = _BLOCK if len(others) > _FEW_OTHERS else _LARGE_BLOCK
        for block in _blocks(images, size):
            later = others[others > block[0]]
            yield partial(_search_turned, hashes, block, later, WHOLE, radius)
            yield partial(_search_turned, hashes, block, framed, CONTENT, radius)
            yield partial(_search_negatives, hashes, block, later, min(radius, NEGATIVE_RADIUS))
            if hashes.windows is not None:
                yield partial(_search_windows, hashes, block, others, window_radius)
        for block in _blocks(np.intersect1d(images, bordered), size):
            yield partial(_search_contents, hashes, block, framed[framed > block[0]], radius)


def _blocks(images: Int64s, size: int) -> Iterator[Int64s]:
    return (images[k : k + size] for k in range(0, len(images), size))


def _search_turned(
    hashes: ImageHashes, block: Int64s, among: Int64s, region: int, radius: int
) -> Iterator[Candidates]:
    """Search whole pictures or contents for those of a block in all orientations."""
    wanted = hashes.whole if region == WHOLE else hashes.content
    turned = hashes.turned[block]
    for queries, hits, bits in matches(wanted[among], turned.reshape(-1, 2), radius):
        query, orientation = np.divmod(queries, turned.shape[1])
        # Quarter turns are not exact: of two whole pictures it is always the first that is turned.
        kept = (block[query] < among[hits]) | (region != WHOLE)
        one, other = block[query[kept]], among[hits[kept]]
        yield _ordered_rows(one, other, bits[kept], orientation[kept], WHOLE, region)


def _search_negatives(
    hashes: ImageHashes, block: Int64s, among: Int64s, radius: int
) -> Iterator[Candidates]:
    whole = hashes.whole
    for query, hit, bits in matches(whole[among], ~whole[block], radius):
        # Complements are as far apart either way: each pair is found by its first image.
        kept = block[query] < among[hit]
        one, other = block[query[kept]], among[hit[kept]]
        rows = _ordered_rows(one, other, bits[kept], 0, WHOLE, WHOLE)
        yield replace(rows, negative=np.ones(len(rows), np.bool_))


def _search_contents(
    hashes: ImageHashes, block: Int64s, among: Int64s, radius: int
) -> Iterator[Candidates]:
    for query, hit, bits in matches(hashes.content[among], hashes.content[block], radius):
        yield _ordered_rows(block[query], among[hit], bits, 0, CONTENT, CONTENT)


def _search_windows(
    hashes: ImageHashes, block: Int64s, among: Int64s, radius: int
) -> Iterator[Candidates]:
    windows = np.empty((0, 1, 2), np.uint64) if hashes.windows is None else hashes.windows[block]
    for queries, hit, bits in matches(hashes.whole[among], windows.reshape(-1, 2), radius):
        query, window = np.divmod(queries, windows.shape[1])
        yield _ordered_rows(block[query], among[hit], bits, 0, FIRST_WINDOW + window, WHOLE)


def _ordered_rows(
    one: Int64s,
    other: Int64s,
    distance: Int64s | UInt8s,
    orientation: Int64s | int,
    region: Int64s | int,
    other_region: Int64s | int,
) -> Candidates:
    """Make rows of hits, the smaller position first; an image's match with itself is none."""
    orientation, region, other_region = (
        np.broadcast_to(np.asarray(column, np.int64), one.shape)
        for column in (orientation, region, other_region)
    )
    swap = one > other
    rows = Candidates(
        np.minimum(one, other),
        np.maximum(one, other),
        distance.astype(np.int64),
        np.where(swap, INVERSE_ORIENTATION[orientation], orientation),
        np.where(swap, other_region, region),
        np.where(swap, region, other_region),
    )
    return rows.take(one != other)


def keep_nearest(rows: Candidates) -> Candidates:
    """Sort rows and keep the nearest matches of each pair and the pairs of `MAX_NEIGHBORS`.

    Each match is kept once. Joined rows of parts of the images leave the pairs of all. Of the
    matches of a pair by spots the one with the most votes is kept, behind those by hashes, and of
    each image those with the `MAX_SPOT_NEIGHBORS` that share the most.
    """
    by_spots = rows.region == SPOT
    if not by_spots.any():
        return _keep_matches(rows, rows.distance, _MAX_MATCHES, MAX_NEIGHBORS)
    hashed, spots = rows.take(~by_spots), rows.take(by_spots)
    hashed = _keep_matches(hashed, hashed.distance, _MAX_MATCHES, MAX_NEIGHBORS)
    spots = _keep_matches(spots, SPOT - spots.other_region, 1, MAX_SPOT_NEIGHBORS)
    both = _concatenate((hashed, spots))
    # A stable sort: the match by spots stays behind the others of its pair.
    return both.take(np.lexsort((both.second, both.first)))


def _keep_matches(rows: Candidates, rank: Int64s, matches: int, neighbors: int) -> Candidates:
    """Sort rows and keep few matches of each pair and few pairs of each image, by rank 0..128."""
    if not len(rows):
        return rows
    pair = rows.first * (int(rows.second.max()) + 1) + rows.second
    # One number for each match, sorted by rank first: regions are below 64, orientations 8.
    match = (rank * 128 + rows.distance) * 64 + rows.region
    match = (match * 64 + rows.other_region) * 16 + rows.orientation * 2 + rows.are_negative
    order = np.lexsort((match, pair))
    pair, match = pair[order], match[order]
    once = np.flatnonzero(group_starts(pair, match))
    few = ranks_in_groups(group_starts(pair[once])) < matches
    order = order[once[few]]
    return _keep_neighbors(rows.take(order), rank[order], neighbors)


def _keep_neighbors(rows: Candidates, rank: Int64s, neighbors: int) -> Candidates:
    """Keep pairs that are near for one of their images; the rows of a pair stay together."""
    begin = np.flatnonzero(group_starts(rows.first, rows.second))
    first, second, rank = (column[begin] for column in (rows.first, rows.second, rank))
    # Where no first image has too many, every pair is near for its first image.
    if len(begin) <= neighbors or np.bincount(first).max() <= neighbors:
        return rows
    near = np.zeros(len(begin), bool)
    for one, other in ((first, second), (second, first)):
        dense = np.bincount(one)[one] > neighbors
        near |= ~dense
        some = np.flatnonzero(dense)
        order = some[np.lexsort((other[some], rank[some], one[some]))]
        near[order] |= ranks_in_groups(group_starts(one[order])) < neighbors
    return rows.take(np.repeat(near, np.diff(begin, append=len(rows))))


def ranks_in_groups(starts: BoolMask) -> Int64s:
    """Number the rows of each group from 0, int64 (k,); `starts` marks where groups begin.

    Examples
    --------
    >>> ranks_in_groups(np.array([True, False, True, False, False])).tolist()
    [0, 1, 0, 1, 2]
    """
    rows = np.arange(len(starts))
    ranks: Int64s = rows - np.flatnonzero(starts)[np.cumsum(starts) - 1]
    return ranks
