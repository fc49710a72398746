"""First stage of the search: pairs of images whose hashes are near in some orientation and region.

Five searches, each exact:

- whole pictures in 8 orientations against whole pictures;
- whole pictures in 8 orientations against contents (pictures without their uniform borders);
- contents against contents, upright;
- windows of pictures, upright, against whole pictures: what crops of 5 to 12 % look like, cuts of
  about a fifth or a quarter off one side, and squares from the middle;
- negatives of whole pictures, upright, against whole pictures.

Not searched: a bordered picture against another bordered one that is turned.
`imgurer_kernel.matching.spot_candidates` finds further pairs; its matches are rows of the same
table.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from imgurer_kernel.common.progress import Progress
from imgurer_kernel.common.threads import in_order
from imgurer_kernel.common.types import BoolMask, Int64s, UInt8s, UInt64s
from imgurer_kernel.index.lookup import matches, prepare
from imgurer_kernel.matching.affine import INVERSE_ORIENTATION
from imgurer_kernel.matching.candidates import Candidates, concatenate, keep_nearest
from imgurer_kernel.matching.regions import CONTENT, FIRST_WINDOW, WHOLE
from imgurer_kernel.matching.representatives import represent_duplicates

NEGATIVE_RADIUS = 16
"""Bits between a picture and a negative. Its hash is the complement except where neighbors are
equal: all negatives of 331 photos, reduced and recoded, lie within 16 bits, 98 % within 8."""

# Images that one job searches for: more if they are searched for among few others, so that a job
# outweighs its overhead. And rows that are gathered before they are reduced.
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
    frames
        uint64 (n, 4): keys of all their frames; None where all are stills.
    window_rows
        int64 (n,): the row of `windows` that each image has, which are not copied into the order of
        the images; None if they are in it.
    """

    turned: UInt64s
    content: UInt64s
    informative: BoolMask
    windows: UInt64s | None = None
    frames: UInt64s | None = None
    window_rows: Int64s | None = None

    def __len__(self) -> int:
        return len(self.turned)

    @property
    def whole(self) -> UInt64s:
        """Hashes of the pictures as they are, uint64 (n, 2)."""
        return self.turned[:, 0]

    def take(self, images: Int64s | BoolMask) -> "ImageHashes":
        """Return some of the images."""
        windows = None if self.windows is None else self.windows_of(images)
        frames = None if self.frames is None else self.frames[images]
        return ImageHashes(
            self.turned[images], self.content[images], self.informative[images], windows, frames
        )

    def windows_of(self, images: Int64s | BoolMask) -> UInt64s:
        """Return the hashes of windows of some of the images, uint64 (k, 24, 2)."""
        if self.windows is None:
            return np.empty((len(self.turned[images]), 0, 2), np.uint64)
        return self.windows[images if self.window_rows is None else self.window_rows[images]]


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
        The images, identified by their positions in these arrays.
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
    At most four rows for each pair, the nearest first; in dense zones only the pairs of
    `MAX_NEIGHBORS`.
    """
    fresh = np.ones(len(hashes), bool) if fresh is None else fresh
    searched, tied, representatives = represent_duplicates(
        hashes.whole, hashes.content, hashes.informative, hashes.frames
    )
    distance = np.zeros(len(tied), np.int64)
    ties = _ordered_rows(tied, representatives, distance, 0, WHOLE, WHOLE)
    new = int(fresh[searched].sum())
    windows = 0 if hashes.windows is None else hashes.windows.shape[1]
    prepare(2 * new * len(searched) * (hashes.turned.shape[1] + windows))
    jobs = list(_search_jobs(hashes, searched, fresh, radius, window_radius))
    parts = [ties]

    def report() -> None:
        if progress is not None:
            progress("searching", len(parts) - 1, len(jobs))

    for result in in_order(_run, jobs, report):
        parts.append(result)
        report()
    return keep_nearest(concatenate(parts))


SearchJob = Callable[[], Iterator[Candidates]]


def _run(job: SearchJob) -> Candidates:
    """Gather the rows of a job, reducing them now and then: a dense zone has too many to keep."""
    parts, size = [Candidates.none()], 0
    for part in job():
        parts.append(part)
        size += len(part)
        if size > _MAX_GATHERED:
            parts, size = [keep_nearest(concatenate(parts))], 0
    return keep_nearest(concatenate(parts))


def _search_jobs(
    hashes: ImageHashes, searched: Int64s, fresh: BoolMask, radius: int, window_radius: int
) -> Iterator[SearchJob]:
    """Cut the five searches into jobs."""
    # Without a border the content is the whole picture, which the first search covers.
    has_border = (hashes.content != hashes.whole).any(axis=1)
    bordered = searched[has_border[searched]]
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
        for block in _blocks(images[has_border[images]], size):
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
    windows = hashes.windows_of(block)
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
    """Make rows of hits, the smaller position first; an image's match with itself is dropped."""
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
