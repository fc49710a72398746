"""Duplicates among the images of a catalog: candidates, looked at, as clusters with evidence.

The one function behind ``clusters(verify=True)``: arrays in, a record out. What it needs to see of
a picture it asks for when it needs it, and what it has found out once it takes over from an
earlier answer, so that a second call looks only at what is new and at what that may change.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from imgurer_kernel.common.types import BoolMask, Int64s, UInt64s
from imgurer_kernel.fingerprint.hashes.dhash import turned_hashes
from imgurer_kernel.matching.cached_compare import CachedComparer
from imgurer_kernel.matching.candidates import Fingerprints, thinned
from imgurer_kernel.matching.candidates import find as find_candidates
from imgurer_kernel.matching.clusters.budget import SearchScope, make_plan
from imgurer_kernel.matching.clusters.cluster_table import ClusterTable
from imgurer_kernel.matching.clusters.incremental import ClusterResult, ImageState
from imgurer_kernel.matching.clusters.reusable import ReusableState
from imgurer_kernel.matching.clusters.solver import StarSolver
from imgurer_kernel.matching.image_cache import ImageCache, Load
from imgurer_kernel.matching.pair_table import Pairs, reached
from imgurer_kernel.matching.result_cache import picture_words

# With so large a share of new images an earlier plan is still good enough.
_FEW = 0.1

# Images whose grays are read and hashed together.
_CHUNK = 8192

Progress = Callable[[str, int, int], None]
"""Called with what is being done, how much of it is done, and how much there is; the last is 0
where that is not known. An exception that it raises stops the work and reaches the caller."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Images:
    """What is known of the images of a catalog; n rows each, in any order.

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
    """

    image_ids: Int64s
    digests: Sequence[str] | Int64s
    whole: UInt64s
    content: UInt64s
    grays: Load
    informative: BoolMask

    def __len__(self) -> int:
        return len(self.image_ids)


def find(
    images: Images,
    pictures: Load,
    thumbnails: Load | None = None,
    *,
    thorough: bool = False,
    plan: SearchScope | None = None,
    known: ClusterResult | None = None,
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
    thorough
        Search as far as is of any use, whatever it takes.
    plan
        How to search; by default what `imgurer_kernel.matching.clusters.budget.make_plan`
        recommends.
    known
        An earlier answer for the same catalog: pairs of images that it knows are not looked at
        again, if it was found by the same plan. Without a plan, and with few new images, that
        answer's plan is kept.
    progress
        Told of the progress.
    """
    order = np.argsort(np.asarray(images.digests)).astype(np.int64)
    ids, informative = np.asarray(images.image_ids, np.int64)[order], images.informative[order]
    n, part = len(ids), np.flatnonzero(informative)
    hashes = np.concatenate((images.whole[order], images.content[order]), axis=1)
    hashes[~informative] = 0
    tokens = picture_words(ids, hashes)
    carried = ReusableState.over(known, ids, hashes) if known else ReusableState.nothing(n)
    turned, new = carried.turned, part[carried.fresh[part]]
    for chunk in _chunks(new, progress):
        turned[chunk] = turned_hashes(images.grays(ids[chunk]))
    if plan is None:
        keep = known and len(new) <= _FEW * len(part)
        plan = known.plan if known and keep else make_plan(turned[part], thorough=thorough)
    if known and known.plan.search != plan.search:
        carried, new = ReusableState.nothing(n), part
    gallery = ImageCache(ids, pictures, thumbnails, progress)
    gallery.know(np.arange(n), carried.content, carried.within_frame)
    windows = None
    if plan.windows:
        windows = carried.windows
        windows[new] = gallery.windows(new)
    rows = find_candidates(
        Fingerprints(turned, hashes[:, 2:], informative, windows),
        plan.radius,
        window_radius=plan.window_radius,
        fresh=carried.fresh,
        progress=None
        if progress is None
        else lambda done, total: progress("searching", done, total),
    )
    near = carried.rows.joined(rows)
    # Images of a crowd are tied to its speakers again and again.
    rows = thinned(near) if len(carried.rows) else rows

    # Also by way of rows that were near enough before nearer ones came.
    anew = reached(near.first, near.second, carried.stirred)
    clusters, pairs = carried.kept(anew)
    again = rows.take(anew[rows.first])
    settling_pairs = Pairs.of(again)
    count = _counting(progress, len(settling_pairs))
    comparing = CachedComparer(gallery, tokens, carried.compared, carried.layouts, count)
    settling = StarSolver(
        again,
        settling_pairs,
        gallery.boxed,
        comparing.measure,
        turned,
        comparing.same_layout if thumbnails is not None else None,
        None if count is None else partial(count, 0),
    )
    settled = settling.run()
    edges = np.where(settled.edges < 0, -1, settled.edges + len(pairs))
    settled = replace(settled, members=ids[settled.members], edges=edges)
    part = part[np.argsort(ids[part])]
    return ClusterResult(
        clusters=_ranked(clusters.joined(settled), ids),
        pairs=pairs.joined(settling.pairs).renamed(ids),
        plan=plan,
        uninformative=n - len(part),
        rows=rows.renamed(ids),
        seen=ImageState(
            image_ids=ids[part],
            hashes=hashes[part],
            turned=turned[part],
            windows=None if windows is None else windows[part],
            content=gallery.content[part],
            within_frame=gallery.within_frame[part],
        ),
        compared=carried.compared,
        layouts=carried.layouts,
    )


def _ranked(clusters: ClusterTable, ids: Int64s) -> ClusterTable:
    """The largest first, equals by the position of the medoid, as `stars` has them."""
    order = np.argsort(ids)
    position = order[np.searchsorted(ids[order], clusters.medoids)]
    return clusters.take(np.lexsort((position, -clusters.sizes)))


def _chunks(positions: Int64s, progress: Progress | None) -> Iterator[Int64s]:
    """Parts of the positions; tells of each that is done."""
    for done in range(0, len(positions), _CHUNK):
        yield positions[done : done + _CHUNK]
        if progress is not None:
            progress("reading", min(done + _CHUNK, len(positions)), len(positions))


def _counting(progress: Progress | None, total: int) -> Callable[[int], None] | None:
    """Tells of comparisons; those that turn out not to be needed are never told of."""
    if progress is None:
        return None
    done = 0

    def add(count: int) -> None:
        nonlocal done
        done += count
        progress("comparing", done, max(total, done))

    return add
