"""Find duplicates among the images of a catalog: candidates, verified pairs, clusters.

The function behind ``clusters(verify=True)``: arrays in, a record out. Pictures are read when they
are needed, and results of an earlier search are reused, so that a second call compares only new
images and pairs that these may change.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Self

import numpy as np

from imgurer_kernel.common.progress import Progress, counted
from imgurer_kernel.common.types import BoolMask, Int64s, UInt64s
from imgurer_kernel.fingerprint.hashes.dhash import turned_hashes
from imgurer_kernel.matching.candidates import Candidates, add_nearest, keep_nearest
from imgurer_kernel.matching.clusters.budget import (
    SearchScope,
    choose_scope,
    choose_spots,
    draw_sample,
    usual_spot_radius,
)
from imgurer_kernel.matching.clusters.cluster_table import ClusterTable
from imgurer_kernel.matching.clusters.incremental import ClusterResult, ImageState, ReusableState
from imgurer_kernel.matching.clusters.solver import StarSolver
from imgurer_kernel.matching.hash_candidates import ImageHashes, find_candidates
from imgurer_kernel.matching.image_cache import ImageCache
from imgurer_kernel.matching.limited_judge import LimitedJudge
from imgurer_kernel.matching.pair_table import Pairs, connected_to
from imgurer_kernel.matching.pair_verifier import PairVerifier
from imgurer_kernel.matching.picture_loaders import Load, PictureLoaders
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
        n distinct values. Images are sorted by them, so that clusters depend neither on the ids nor
        on the order in which images arrived.
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


def find_clusters(
    images: Images,
    loaders: PictureLoaders,
    *,
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
    loaders
        Load their pictures. Without thumbnails, screens and documents of one layout count as
        duplicates; without colours, all pictures that agree as a whole are the same.
    spots
        Gives the spots of thumbnails; without it crops, turns and collages are found by their
        hashes only.
    thorough
        Search as far as is of use, however long it takes.
    scope
        How to search; by default what `imgurer_kernel.matching.clusters.budget.choose_scope`
        recommends.
    previous
        An earlier result for the same catalog: pairs of images that it knows are not compared
        again, if it was found in the same scope. It does not change the answer.
    progress
        Called with the stage, such as ``"comparing"``, how much of it is done and how much there
        is. An exception that it raises stops the work and reaches the caller.
    """
    ranked = _RankedImages.of(images)
    ids, part, n = ranked.ids, ranked.informative_positions, len(ranked.ids)
    by_id, rows = ranked.by_id, ranked.rows  # an `ImageState` is looked up by image id
    state = ReusableState.empty(rows)
    if previous:
        state = ReusableState.from_result(previous, ids, ranked.hashes, ranked.represented, rows)
    turned = state.turned
    for chunk in _chunks(part[state.fresh[part]], progress):
        turned[chunk] = turned_hashes(images.grays(ids[chunk]))

    scope, seen = _choose_scope(ranked, turned, spots, scope, thorough=thorough)
    # Another scope finds other candidates: of an earlier result only the hashes above hold.
    if previous and previous.scope.key != scope.key:
        state = ReusableState.empty(rows)
    windows = None
    if scope.windows:
        windows = state.windows
        _read_windows(ids, part[state.fresh[part]], state, loaders, progress)

    hashes = ImageHashes(
        turned, ranked.hashes[:, 2:], ranked.informative, windows, ranked.frames, rows
    )
    found = _find_candidates(ranked, hashes, seen, scope, state.fresh, progress)
    known = state.candidates  # represented duplicates are tied to their representatives again
    candidates = add_nearest(known, found)
    # Also connected by matches that were kept until nearer ones replaced them.
    ends = zip((known.first, known.second), (found.first, found.second), strict=True)
    affected = connected_to(state.dirty, *map(np.concatenate, ends))
    clusters, pairs = state.unchanged(affected)
    concerned = candidates.take(affected[candidates.first])
    solved, solved_pairs = _solve(ranked, concerned, state, turned, loaders, progress)
    edges = np.where(solved.edges < 0, -1, solved.edges + len(pairs))
    solved = replace(solved, members=ids[solved.members], edges=edges)
    return ClusterResult(
        clusters=_largest_first(clusters.joined(solved), ids),
        pairs=pairs.joined(solved_pairs).with_ids(ids),
        scope=scope,
        uninformative=n - len(part),
        candidates=candidates.with_ids(ids),
        images=ImageState(
            image_ids=ids[by_id],
            hashes=ranked.hashes[by_id],
            turned=turned[by_id],
            windows=None if windows is None else windows[: len(by_id)],
            content=state.content[by_id],
            within_frame=state.within_frame[by_id],
            represented=ranked.represented[by_id],
        ),
        comparisons=state.comparisons,
        judgements=state.judgements,
        original_judgements=state.original_judgements,
    )


@dataclass(frozen=True, slots=True, eq=False)
class _RankedImages:
    """The images of a catalog by rank of their digest: their positions 0..n-1 in a search.

    Attributes
    ----------
    ids, informative, frames
        As those of `Images`.
    hashes
        uint64 (n, 4): of the whole picture and of its content; zeros for one that is flat.
    represented
        bool (n,): see `imgurer_kernel.matching.representatives.represented`.
    informative_positions, by_id
        int64 (k,): of the images that take part, ascending, and in the order of their ids.
    rows
        int64 (n,): the place of each image in `by_id`; of those that take no part behind them.
    """

    ids: Int64s
    informative: BoolMask
    hashes: UInt64s
    frames: UInt64s
    represented: BoolMask
    informative_positions: Int64s
    by_id: Int64s
    rows: Int64s

    @classmethod
    def of(cls, images: Images) -> Self:
        """Sort the images by their digests, whatever order the catalog has."""
        order = np.argsort(np.asarray(images.digests)).astype(np.int64)
        ids, informative = np.asarray(images.image_ids, np.int64)[order], images.informative[order]
        hashes = np.concatenate((images.whole[order], images.content[order]), axis=1)
        hashes[~informative] = 0  # an image that has become flat must count as changed
        frames = (
            np.zeros((len(ids), 4), np.uint64) if images.frames is None else images.frames[order]
        )
        part = np.flatnonzero(informative)
        by_id, rows = part[np.argsort(ids[part])], np.empty(len(ids), np.int64)
        rows[np.concatenate((by_id, np.flatnonzero(~informative)))] = np.arange(len(ids))
        return cls(
            ids=ids,
            informative=informative,
            hashes=hashes,
            frames=frames,
            represented=represented(hashes[:, :2], hashes[:, 2:], informative, frames),
            informative_positions=part,
            by_id=by_id,
            rows=rows,
        )

    def load_spots(self, load: LoadSpots) -> SpotSegments:
        """Load the spots of the images that take part, in the order of their positions."""
        # Loaded by id, as they are stored: sorting the spots themselves takes long.
        spots = SpotSegments.of(load(self.ids[self.by_id]))
        return spots.at(self.rows[self.informative_positions])


def _choose_scope(
    images: _RankedImages,
    turned: UInt64s,
    load_spots: LoadSpots | None,
    scope: SearchScope | None,
    *,
    thorough: bool,
) -> tuple[SearchScope, SpotSegments | None]:
    """Choose how to search unless that is given, and load the spots if they are searched."""
    part = images.informative_positions
    if scope is not None:
        wanted = load_spots is not None and scope.spot_radius
        return scope, images.load_spots(load_spots) if load_spots and wanted else None
    own = turned[part]
    sample = draw_sample(own)
    scope = choose_scope(own, thorough=thorough, sample=sample)
    if load_spots is None or not (thorough or usual_spot_radius(len(part))):
        return scope, None
    spots = images.load_spots(load_spots)
    scope = choose_spots(scope, spots, own, thorough=thorough, sample=sample)
    return scope, spots if scope.spot_radius else None


def _find_candidates(
    images: _RankedImages,
    hashes: ImageHashes,
    spots: SpotSegments | None,
    scope: SearchScope,
    fresh: BoolMask,
    progress: Progress | None,
) -> Candidates:
    """Find the candidate pairs of fresh images, by hashes, by windows, and by spots."""
    found = find_candidates(
        hashes,
        scope.radius,
        window_radius=scope.window_radius,
        fresh=fresh,
        progress=progress,
    )
    if spots is None:
        return found
    part = images.informative_positions
    shared = find_spot_candidates(
        spots,
        hashes.turned[part],
        np.flatnonzero(~images.represented[part]),
        scope.spot_radius,
        scope.spot_votes,
        fresh=fresh[part],
        progress=progress,
    )
    return keep_nearest(found.joined(shared.with_ids(part)))


def _read_windows(
    ids: Int64s,
    new: Int64s,
    state: ReusableState,
    loaders: PictureLoaders,
    progress: Progress | None,
) -> None:
    """Read pictures and write their windows, content boxes and frames to the state."""
    # In a temporary cache: of 100,000 pictures it takes 400 MB, which the next step needs.
    cache = ImageCache(ids[new], loaders, progress)
    cache.seed(np.arange(len(new)), state.content[new], state.within_frame[new])
    state.windows[state.rows[new]] = cache.windows(np.arange(len(new)))
    state.content[new], state.within_frame[new] = cache.content, cache.within_frame


def _solve(
    images: _RankedImages,
    candidates: Candidates,
    state: ReusableState,
    turned: UInt64s,
    loaders: PictureLoaders,
    progress: Progress | None,
) -> tuple[ClusterTable, Pairs]:
    """Compare candidate pairs and cover them by stars, by positions."""
    # Renumbered from 0: most images of a large catalog have no candidate, or no new one, and each
    # round of the solver passes over all of its images.
    concerned = np.zeros(len(images.ids), np.bool_)
    concerned[candidates.first] = concerned[candidates.second] = True
    part, number = np.flatnonzero(concerned), np.cumsum(concerned) - 1
    candidates = candidates.with_ids(number)
    cache = ImageCache(images.ids[part], loaders, progress)
    cache.seed(np.arange(len(part)), state.content[part], state.within_frame[part])
    pairs = Pairs.of(candidates)
    # An estimate: comparisons that turn out not to be needed are never reported, and those through
    # a third image are added.
    count = None if progress is None else counted(progress, "comparing", len(pairs))
    caches = state.comparisons, state.judgements, state.original_judgements
    keys = image_keys(images.ids[part], images.hashes[part])
    comparer = CachedComparer(cache, keys, *caches, count)
    judge = LimitedJudge(comparer.judge, comparer.judge_originals, images.frames[part])
    verifier = PairVerifier(candidates, pairs, cache.read_boxes, comparer.measure, judge)
    solver = StarSolver(
        verifier,
        turned[part],
        None if count is None else partial(count, 0),
        None if loaders.taken is None else cache.times,
    )
    clusters = solver.run()
    state.content[part], state.within_frame[part] = cache.content, cache.within_frame
    return replace(clusters, members=part[clusters.members]), solver.pairs.with_ids(part)


def _largest_first(clusters: ClusterTable, ids: Int64s) -> ClusterTable:
    """Sort clusters, the largest first, equals by the position of the medoid in `ids`."""
    order = np.argsort(ids)
    position = order[np.searchsorted(ids[order], clusters.medoids)]
    return clusters.take(np.lexsort((position, -clusters.sizes)))


def _chunks(positions: Int64s, progress: Progress | None) -> Iterator[Int64s]:
    """Yield parts of the positions and report each once it is done."""
    for done in range(0, len(positions), _CHUNK):
        yield positions[done : done + _CHUNK]
        if progress is not None:
            progress("reading", min(done + _CHUNK, len(positions)), len(positions))
