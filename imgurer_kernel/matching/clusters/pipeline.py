"""Find duplicates among the images of a catalog: candidates, verified pairs, clusters.

The function behind ``clusters(verify=True)``: arrays in, a record out. Pictures are read when they
are needed, and results of an earlier search are reused, so that a second call compares only what is
new and what that may change.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from imgurer_kernel.common.progress import Progress
from imgurer_kernel.common.types import BoolMask, Int64s, UInt64s
from imgurer_kernel.fingerprint.hashes.dhash import turned_hashes
from imgurer_kernel.matching.candidates import keep_nearest
from imgurer_kernel.matching.clusters.budget import (
    SearchScope,
    choose_scope,
    choose_spots,
    usual_spot_radius,
)
from imgurer_kernel.matching.clusters.cluster_table import ClusterTable
from imgurer_kernel.matching.clusters.incremental import ClusterResult, ImageState, ReusableState
from imgurer_kernel.matching.clusters.solver import StarSolver
from imgurer_kernel.matching.hash_candidates import ImageHashes, find_candidates
from imgurer_kernel.matching.image_cache import ImageCache, Load, LoadColours, LoadTimes
from imgurer_kernel.matching.pair_table import Pairs, connected_to
from imgurer_kernel.matching.pair_verifier import PairVerifier
from imgurer_kernel.matching.representatives import represented
from imgurer_kernel.matching.result_cache import CachedComparer, image_keys
from imgurer_kernel.matching.spot_candidates import find_spot_candidates
from imgurer_kernel.matching.spot_segments import SpotSegments
from imgurer_kernel.matching.spots import Spots

LoadSpots = Callable[[Int64s], Spots | SpotSegments]
"""Gives the spots of image ids, int64 (k,) and ascending, in their order."""

# Images whose grays are read and hashed together.
_CHUNK = 8192


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Images:
    """Arrays about the images of a catalog, n rows each, in any order.

    Attributes
    ----------
    image_ids
        int64 (n,), distinct.
    digests
        n distinct values: they put the images into an order of their own, so that neither the
        ids nor the order in which images arrived have any influence on clusters.
    whole, content
        uint64 (n, 2), row hash first: of the picture, and of it without its uniform borders.
    grays
        Gives the 9x9 grays, uint8 (k, 9, 9), of which `whole` is the hash.
    informative
        bool (n,): False for pictures too flat for their dHash to mean anything.
    frames
        uint64 (n, 4): keys of all their frames, see
        `imgurer_kernel.fingerprint.hashes.frame_hash`; None where all are stills.
    """

    image_ids: Int64s
    digests: Sequence[str] | Int64s
    whole: UInt64s
    content: UInt64s
    grays: Load
    informative: BoolMask
    frames: UInt64s | None = None

    def __len__(self) -> int:
        return len(self.image_ids)


def find_clusters(  # noqa: PLR0913
    images: Images,
    pictures: Load,
    thumbnails: Load | None = None,
    *,
    colours: LoadColours | None = None,
    taken: LoadTimes | None = None,
    originals: LoadColours | None = None,
    spots: LoadSpots | None = None,
    thorough: bool = False,
    scope: SearchScope | None = None,
    previous: ClusterResult | None = None,
    progress: Progress | None = None,
) -> ClusterResult:
    """Find the clusters of duplicates.

    Parameters
    ----------
    images
        All images of the catalog.
    pictures
        Gives the ``verification`` grays, uint8 (k, 64, 64).
    thumbnails
        Gives the thumbnails as grays of 256x256, uint8 (k, 256, 256); without it screens and
        documents of one layout are taken for duplicates.
    colours, taken, originals
        As in `imgurer_kernel.matching.image_cache.ImageCache`; without colours what agrees as a
        whole is the same.
    spots
        Gives the spots of thumbnails; without it crops, turns and collages are found by their
        hashes only.
    thorough
        Search as far as is of any use, whatever it takes.
    scope
        How to search; by default what `imgurer_kernel.matching.clusters.budget.choose_scope`
        recommends.
    previous
        An earlier result for the same catalog: pairs of images that it knows are not compared
        again, if it was found in the same scope. It has no influence on the answer.
    progress
        Called with the stage (``"reading"``, ``"searching"``, ``"comparing"`` or
        ``"reading the small print"``), how much of it is done and how much there is. An exception
        that it raises stops the work and reaches the caller.
    """
    # Positions are ranks of digests from here on, whatever order the catalog has.
    order = np.argsort(np.asarray(images.digests)).astype(np.int64)
    ids, informative = np.asarray(images.image_ids, np.int64)[order], images.informative[order]
    n, part = len(ids), np.flatnonzero(informative)
    hashes = np.concatenate((images.whole[order], images.content[order]), axis=1)
    hashes[~informative] = 0  # one that is flat now must not pass for the one that was not
    frames = np.zeros((n, 4), np.uint64) if images.frames is None else images.frames[order]
    hidden = represented(hashes[:, :2], hashes[:, 2:], informative, frames)
    state = ReusableState.empty(n)
    if previous:
        state = ReusableState.from_result(previous, ids, hashes, hidden)
    turned, new = state.turned, part[state.fresh[part]]
    for chunk in _chunks(new, progress):
        turned[chunk] = turned_hashes(images.grays(ids[chunk]))
    seen: SpotSegments | None = None
    by_id = part[np.argsort(ids[part])]  # as they are kept: to put all in order takes long
    place = np.searchsorted(ids[by_id], ids[part])
    if scope is None:
        scope = choose_scope(turned[part], thorough=thorough)
        if spots is not None and (thorough or usual_spot_radius(len(part))):
            seen = SpotSegments.of(spots(ids[by_id])).at(place)
            scope = choose_spots(scope, seen, turned[part], thorough=thorough)
    elif spots is not None and scope.spot_radius:
        seen = SpotSegments.of(spots(ids[by_id])).at(place)
    # Another scope finds other candidates: of an earlier result only the hashes above hold.
    if previous and previous.scope.key != scope.key:
        state, new = ReusableState.empty(n), part
    cache = ImageCache(
        ids, pictures, thumbnails, progress, colours=colours, taken=taken, originals=originals
    )
    cache.seed(np.arange(n), state.content, state.within_frame)
    windows = None
    if scope.windows:
        windows = state.windows
        windows[new] = cache.windows(new)
    found = find_candidates(
        ImageHashes(turned, hashes[:, 2:], informative, windows, frames),
        scope.radius,
        window_radius=scope.window_radius,
        fresh=state.fresh,
        progress=progress,
    )
    if seen is not None and scope.spot_radius:
        shared = find_spot_candidates(
            seen,
            turned[part],
            np.flatnonzero(~hidden[part]),
            scope.spot_radius,
            scope.spot_votes,
            fresh=state.fresh[part],
            progress=progress,
        )
        found = keep_nearest(found.joined(shared.with_ids(part)))
    near = state.candidates.joined(found)
    # Represented duplicates are tied to their representatives again and again.
    candidates = keep_nearest(near) if len(state.candidates) else found

    # Also by way of matches that were near enough before nearer ones came.
    anew = connected_to(state.dirty, near.first, near.second)
    clusters, pairs = state.unchanged(anew)
    open_candidates = candidates.take(anew[candidates.first])
    open_pairs = Pairs.of(open_candidates)
    count = _counter(progress, len(open_pairs))
    comparer = CachedComparer(
        cache, image_keys(ids, hashes), state.comparisons, state.judgements, count
    )
    verifier = PairVerifier(
        open_candidates,
        open_pairs,
        cache.read_boxes,
        comparer.measure,
        comparer.judge,
        frames,
    )
    solver = StarSolver(
        verifier,
        turned,
        None if count is None else partial(count, 0),
        None if taken is None else cache.times,
    )
    solved = solver.run()
    edges = np.where(solved.edges < 0, -1, solved.edges + len(pairs))
    solved = replace(solved, members=ids[solved.members], edges=edges)
    part = by_id  # an `ImageState` is looked up by image id
    return ClusterResult(
        clusters=_ranked(clusters.joined(solved), ids),
        pairs=pairs.joined(solver.pairs).with_ids(ids),
        scope=scope,
        uninformative=n - len(part),
        candidates=candidates.with_ids(ids),
        images=ImageState(
            image_ids=ids[part],
            hashes=hashes[part],
            turned=turned[part],
            windows=None if windows is None else windows[part],
            content=cache.content[part],
            within_frame=cache.within_frame[part],
            represented=hidden[part],
        ),
        comparisons=state.comparisons,
        judgements=state.judgements,
    )


def _ranked(clusters: ClusterTable, ids: Int64s) -> ClusterTable:
    """Sort clusters, the largest first, equals by the position of the medoid in `ids`."""
    order = np.argsort(ids)
    position = order[np.searchsorted(ids[order], clusters.medoids)]
    return clusters.take(np.lexsort((position, -clusters.sizes)))


def _chunks(positions: Int64s, progress: Progress | None) -> Iterator[Int64s]:
    """Yield parts of the positions and report each that was worked on."""
    for done in range(0, len(positions), _CHUNK):
        yield positions[done : done + _CHUNK]
        if progress is not None:
            progress("reading", min(done + _CHUNK, len(positions)), len(positions))


def _counter(progress: Progress | None, total: int) -> Callable[[int], None] | None:
    """Return a function that adds up comparisons and reports them.

    The total is a bound: comparisons that turn out not to be needed are never reported, and those
    by way of a third image come on top.
    """
    if progress is None:
        return None
    done = 0

    def add(count: int) -> None:
        nonlocal done
        done += count
        progress("comparing", done, max(total, done))

    return add
