"""Duplicates among the images of a catalog: candidates, looked at, as clusters with evidence.

The one function behind ``clusters(verify=True)``: arrays in, a record out. What it needs to see of
a picture it asks for when it needs it, and what it has found out once it takes over from an
earlier answer, so that a second call compares only what is new.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from imgurer_kernel.candidates import Candidates, Fingerprints, thinned
from imgurer_kernel.candidates import find as find_candidates
from imgurer_kernel.clusters import Cluster
from imgurer_kernel.dhash import ORIENTATIONS, turned_hashes
from imgurer_kernel.gallery import Gallery, Load
from imgurer_kernel.memory import Memory, mixed, pair_keys
from imgurer_kernel.pairs import SAME_LAYOUT, Pairs
from imgurer_kernel.plan import Plan, make_plan
from imgurer_kernel.settling import Settling
from imgurer_kernel.verify import Pair
from imgurer_kernel.views import WINDOWS

Ints = NDArray[np.int64]
Hashes = NDArray[np.uint64]
Doubles = NDArray[np.float64]

# With so large a share of new images an earlier plan is still good enough.
_FEW = 0.1

# Images whose grays are read and hashed together.
_CHUNK = 8192

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
        n distinct values: they put the images into an order of their own, so that neither the
        ids nor the order in which images arrived have any influence on clusters.
    whole, content
        uint64 (n, 2), row hash first: of the picture, and of it without its uniform borders.
    grays
        Gives the 9x9 grays, uint8 (k, 9, 9), of which `whole` is the hash.
    informative
        bool (n,): False for pictures too flat for their dHash to mean anything.
    """

    image_ids: Ints
    digests: Sequence[str] | Ints
    whole: Hashes
    content: Hashes
    grays: Load
    informative: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.image_ids)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Seen:
    """What is known of images that took part in a search; n rows each, by image id.

    Attributes
    ----------
    image_ids
        int64 (n,), ascending.
    hashes
        uint64 (n, 4): of the picture and of its content. An image with other ones is another.
    turned
        uint64 (n, 8, 2): hashes of the picture in all orientations.
    windows
        uint64 (n, 10, 2): hashes of its windows, if the search was made by these.
    content
        int64 (n, 4): box of what lies within its borders, in 1/64 of the sides; zeros where
        nobody has looked.
    """

    image_ids: Ints
    hashes: Hashes
    turned: Hashes
    windows: Hashes | None
    content: Ints

    def boxes(self, image_ids: Ints) -> Ints:
        """Content boxes of images that took part, int64 (k, 4)."""
        return self.content[np.searchsorted(self.image_ids, image_ids)]

    def shares(self, image_ids: Ints) -> NDArray[np.float64]:
        """Share of the area of images that took part within their borders, 0..1."""
        boxes = self.boxes(image_ids)
        shares: NDArray[np.float64] = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1) / 64**2
        return shares

    def places_in(self, image_ids: Ints, hashes: Hashes) -> Ints:
        """Where each of these images is among others, or -1 where it is gone or has changed."""
        if not len(image_ids):
            return np.full(len(self.image_ids), -1)
        order = np.argsort(image_ids)
        place = np.searchsorted(image_ids[order], self.image_ids)
        place = order[np.minimum(place, len(order) - 1)]
        same = (image_ids[place] == self.image_ids) & (hashes[place] == self.hashes).all(axis=1)
        return np.where(same, place, -1)


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
    rows
        The ways in which pairs are near, by image ids.
    seen
        What is known of the images that took part.
    compared, layouts
        What looking at pairs has given, for the next call.
    """

    clusters: list[Cluster]
    pairs: Pairs
    plan: Plan
    uninformative: int
    rows: Candidates
    seen: Seen
    compared: Memory
    layouts: Memory

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
        again, if it was found by the same plan. Without a plan, and with few new images, that
        answer's plan is kept.
    tell
        Told of the progress.
    """
    order = np.argsort(np.asarray(images.digests)).astype(np.int64)
    ids = np.asarray(images.image_ids, np.int64)[order]
    content, informative = images.content[order], images.informative[order]
    part = np.flatnonzero(informative)
    hashes = np.concatenate((images.whole[order], content), axis=1)
    gallery = Gallery(ids, pictures, thumbnails, tell)
    carried = _carried_over(known, ids, np.where(informative[:, None], hashes, 0), gallery)
    turned, new = carried.turned, part[carried.fresh[part]]
    for chunk in _chunks(new, tell):
        turned[chunk] = turned_hashes(images.grays(ids[chunk]))
    if plan is None:
        plan = carried.plan or make_plan(turned[part], thorough=thorough)
    carried = carried if known is not None and known.plan.search == plan.search else _nothing(ids)
    windows = None
    if plan.windows:
        windows = carried.windows
        new = part[carried.fresh[part]]
        windows[new] = gallery.windows(new)
    rows = find_candidates(
        Fingerprints(turned, content, informative, windows),
        plan.radius,
        window_radius=plan.window_radius,
        fresh=carried.fresh,
        tell=None if tell is None else lambda done, total: tell("searching", done, total),
    )
    # Images of a crowd are tied to its speakers again and again.
    rows = thinned(carried.rows.joined(rows)) if len(carried.rows) else rows
    pairs = Pairs.of(rows)
    compared, layouts = carried.compared, carried.layouts
    tokens = mixed(np.column_stack((ids.astype(np.uint64), hashes)))
    count = _counting(tell, len(pairs))

    def measure(first: Ints, second: Ints, begin: Doubles) -> Pair:
        def compute(new: Ints) -> Doubles:
            return np.hstack(gallery.compare(first[new], second[new], begin[new], count))

        found = compared.through(pair_keys(tokens, first, second, begin), compute)
        return found[:, :3].astype(np.float32), found[:, 3:]

    def same_layout(first: Ints, second: Ints, maps: Doubles) -> NDArray[np.bool_]:
        def compute(new: Ints) -> Doubles:
            shared = gallery.share_layout(first[new], second[new], maps[new])
            return shared.astype(np.float64)[:, None]

        keys = pair_keys(tokens, first, second, maps)
        return layouts.through(keys, compute)[:, 0].astype(bool)

    settling = Settling(
        rows,
        pairs,
        gallery.boxed,
        measure,
        turned,
        same_layout if thumbnails is not None else None,
        None if count is None else partial(count, 0),
    )
    clusters = [
        Cluster(ids[c.members], c.distances, c.scores, c.edges, c.diameter) for c in settling.run()
    ]
    part = part[np.argsort(ids[part])]
    return Found(
        clusters=clusters,
        pairs=settling.pairs.renamed(ids),
        plan=plan,
        uninformative=int((~informative).sum()),
        rows=rows.renamed(ids),
        seen=Seen(
            image_ids=ids[part],
            hashes=hashes[part],
            turned=turned[part],
            windows=None if windows is None else windows[part],
            content=gallery.content[part],
        ),
        compared=compared.kept(),
        layouts=layouts.kept(),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Carried:
    """What an earlier answer knows, in today's positions; and which images it does not know.

    `plan` is that answer's, if most images are known: a few more need no other.
    """

    fresh: NDArray[np.bool_]
    turned: Hashes
    windows: Hashes
    rows: Candidates
    compared: Memory
    layouts: Memory
    plan: Plan | None


def _nothing(ids: Ints) -> _Carried:
    return _Carried(
        np.ones(len(ids), bool),
        np.zeros((len(ids), len(ORIENTATIONS), 2), np.uint64),
        np.zeros((len(ids), len(WINDOWS), 2), np.uint64),
        Candidates.none(),
        Memory(9),
        Memory(1),
        None,
    )


def _carried_over(known: Found | None, ids: Ints, hashes: Hashes, gallery: Gallery) -> _Carried:
    if known is None:
        return _nothing(ids)
    place = known.seen.places_in(ids, hashes)
    there = place >= 0
    gallery.know(place[there], known.seen.content[there])
    carried = _nothing(ids)
    carried.fresh[place[there]] = False
    carried.turned[place[there]] = known.seen.turned[there]
    if known.seen.windows is not None:
        carried.windows[place[there]] = known.seen.windows[there]

    rows = known.rows
    first, second = (
        place[np.searchsorted(known.seen.image_ids, end)] for end in (rows.first, rows.second)
    )
    both = (first >= 0) & (second >= 0)
    rows = replace(rows.take(both), first=first[both], second=second[both])
    few = carried.fresh.sum() <= _FEW * len(ids)
    return replace(
        carried,
        rows=rows,
        compared=known.compared.copied(),
        layouts=known.layouts.copied(),
        plan=known.plan if few else None,
    )


def _chunks(positions: Ints, tell: Tell | None) -> Iterator[Ints]:
    """Parts of the positions; tells of each that is done."""
    for done in range(0, len(positions), _CHUNK):
        yield positions[done : done + _CHUNK]
        if tell is not None:
            tell("reading", min(done + _CHUNK, len(positions)), len(positions))


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
