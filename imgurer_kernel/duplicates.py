"""Duplicates among the images of a catalog: candidates, looked at, as clusters with evidence.

The one function behind ``clusters(verify=True)``: arrays in, a record out. What it needs to see of
a picture it asks for when it needs it, and what it has found out once it takes over from an
earlier answer, so that a second call costs in proportion to what is new.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from imgurer_kernel.candidates import Candidates, Fingerprints
from imgurer_kernel.candidates import find as find_candidates
from imgurer_kernel.clusters import Cluster
from imgurer_kernel.gallery import Gallery, Load
from imgurer_kernel.pairs import SAME_LAYOUT, Pairs
from imgurer_kernel.plan import Plan, make_plan
from imgurer_kernel.settling import Settling

Ints = NDArray[np.int64]
Hashes = NDArray[np.uint64]
Pictures = NDArray[np.uint8]

Tell = Callable[[str, int, int], None]
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
        n distinct strings: they put the images into an order of their own, so that neither the
        ids nor the order in which images arrived have any influence on clusters.
    whole, content
        uint64 (n, 2), row hash first: of the picture, and of it without its uniform borders.
    grays
        uint8 (n, 9, 9).
    informative
        bool (n,): False for pictures too flat for their dHash to mean anything.
    """

    image_ids: Ints
    digests: Sequence[str]
    whole: Hashes
    content: Hashes
    grays: Pictures
    informative: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.image_ids)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Found:
    """Duplicates, with all that is known of every pair that was near.

    Attributes
    ----------
    clusters
        The largest first; members are image ids, edges are rows of `pairs`.
    pairs
        All candidate pairs, by image ids; untested are those inside a proven star.
    plan
        How the search was made, and why so.
    uninformative
        Number of images that took no part, being too flat.
    rows, seen
        The ways in which pairs are near, by image ids, and the ids of all images; for the next
        call.
    """

    clusters: list[Cluster]
    pairs: Pairs
    plan: Plan
    uninformative: int
    rows: Candidates
    seen: Ints

    @property
    def same_layout(self) -> Pairs:
        """Pairs that share their layout only."""
        return self.pairs.take(self.pairs.status == SAME_LAYOUT)

    @property
    def tested(self) -> int:
        """Number of pairs that were looked at."""
        return int((self.pairs.status > 0).sum())


def find(
    images: Images,
    pictures: Load,
    thumbnails: Load | None = None,
    *,
    thorough: bool = False,
    plan: Plan | None = None,
    known: Found | None = None,
    tell: Tell | None = None,
) -> Found:
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
        How to search; by default what `imgurer_kernel.plan.make_plan` recommends.
    known
        An earlier answer for the same catalog: pairs of images that it knows are not looked at
        again, if it was found by the same plan.
    tell
        Told of the progress.
    """
    order = np.array(sorted(range(len(images)), key=images.digests.__getitem__), np.int64)
    ids = np.asarray(images.image_ids, np.int64)[order]
    informative = images.informative[order]
    if plan is None:
        part = np.flatnonzero(informative)
        plan = make_plan(images.whole[order][part], images.grays[order][part], thorough=thorough)
    gallery = Gallery(ids, pictures, thumbnails)
    prints = Fingerprints(
        images.whole[order],
        images.content[order],
        images.grays[order],
        informative,
        gallery.windows(np.flatnonzero(informative), tell) if plan.windows else None,
    )
    carried = _carried_over(known, ids, plan)
    rows = find_candidates(
        prints,
        plan.radius,
        window_radius=plan.window_radius,
        fresh=carried.fresh,
        tell=None if tell is None else lambda done, total: tell("searching", done, total),
    )
    pairs = carried.pairs.joined(Pairs.of(rows))
    settling = Settling(
        carried.rows.joined(rows),
        pairs,
        gallery.prepared,
        prints.grays,
        gallery.share_layout if thumbnails is not None else None,
        _counting(tell, len(pairs)),
    )
    clusters = [
        Cluster(ids[c.members], c.distances, c.scores, c.edges, c.diameter) for c in settling.run()
    ]
    return Found(
        clusters=clusters,
        pairs=settling.pairs.renamed(ids),
        plan=plan,
        uninformative=int((~informative).sum()),
        rows=settling.rows.renamed(ids),
        seen=ids,
    )


Table = TypeVar("Table", Candidates, Pairs)


@dataclass(frozen=True, slots=True, eq=False)
class _Carried:
    """What an earlier answer knows, in today's positions; and which images it does not know."""

    fresh: NDArray[np.bool_]
    rows: Candidates
    pairs: Pairs


def _carried_over(known: Found | None, ids: Ints, plan: Plan) -> _Carried:
    if known is None or known.plan.search != plan.search:
        return _Carried(np.ones(len(ids), bool), Candidates.none(), Pairs.of(Candidates.none()))
    order = np.argsort(ids)

    def carried(table: Table) -> Table:
        ends = []
        for old in (table.first, table.second):
            place = np.minimum(np.searchsorted(ids[order], old), len(ids) - 1)
            ends.append(np.where(ids[order[place]] == old, order[place], -1))
        first, second = ends
        there = (first >= 0) & (second >= 0)
        return replace(table.take(there), first=first[there], second=second[there])

    fresh = ~np.isin(ids, known.seen)
    return _Carried(fresh, carried(known.rows), carried(known.pairs))


def _counting(tell: Tell | None, total: int) -> Callable[[int], None] | None:
    """Tells of comparisons; those that turn out not to be needed are never told of."""
    if tell is None:
        return None
    done = 0

    def add(count: int) -> None:
        nonlocal done
        done += count
        tell("comparing", done, max(total, done))

    return add
