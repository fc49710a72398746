"""Find pictures that are the same as one through a third picture (an intermediate).

No hash of a crop by a quarter is near the uncropped picture; a lighter crop is near both. A search
for clusters follows such paths everywhere (`imgurer_kernel.matching.clusters.solver`); here it is
one step from one picture.
"""

from functools import partial

import numpy as np

from imgurer_kernel.common.arrays import group_starts
from imgurer_kernel.common.types import BoolMask, Float64s, Int64s, UInt64s
from imgurer_kernel.matching.affine import compose, invert, nearest_orientation
from imgurer_kernel.matching.alignment import Comparison
from imgurer_kernel.matching.candidates import Candidates, ranks_in_groups
from imgurer_kernel.matching.image_cache import ImageCache
from imgurer_kernel.matching.judgement import judge
from imgurer_kernel.matching.limited_judge import LimitedJudge
from imgurer_kernel.matching.original_judgement import judge_originals
from imgurer_kernel.matching.pair_table import SAME, Pairs, pair_starts
from imgurer_kernel.matching.pair_verifier import PairVerifier
from imgurer_kernel.matching.regions import SPOT


def others_of(pairs: Pairs, query: int) -> Int64s:
    """Return the other image of each pair with one, int64 (k,)."""
    return np.where(pairs.first == query, pairs.second, pairs.first)


def choose_intermediates(pairs: Pairs, query: int, most: int) -> Int64s:
    """Choose the intermediates: images that are the same as one, int64 (k,).

    Half of them have the most distant hashes, since near ones have the same neighbors as the image
    itself; the others agree best with it, since the least altered copies are like more of the
    others.

    Parameters
    ----------
    pairs
        Pairs with the image `query`, verified.
    most
        Most intermediates to choose.
    """
    same = np.flatnonzero(pairs.status == SAME)
    others = others_of(pairs, query)[same]
    by_distance = np.argsort(np.lexsort((others, -pairs.distance[same])))
    by_agreement = np.argsort(np.lexsort((others, -pairs.measures[same, 1])))
    # Sorted by the better of both ranks.
    return others[np.lexsort((others, np.minimum(by_distance, by_agreement)))][:most]


def nearest_links(links: Candidates, most: int) -> Candidates:
    """Keep the matches of each image with its few nearest intermediates.

    Parameters
    ----------
    links
        Matches of an intermediate, which comes first, with another image; those of a pair
        together, the nearest first.
    most
        Intermediates of one image.
    """
    begin = np.flatnonzero(pair_starts(links))
    intermediate, other = links.first[begin], links.second[begin]
    by_spots = links.region[begin] == SPOT  # their distance carries no information
    order = np.lexsort((intermediate, links.distance[begin], by_spots, other))
    kept = np.zeros(len(begin), bool)
    kept[order] = ranks_in_groups(group_starts(other[order])) < most
    return links.take(np.repeat(kept, np.diff(begin, append=len(links))))


def verify_by_intermediates(
    pairs: Pairs, links: Pairs, query: int, images: ImageCache, turned: UInt64s, ranks: Int64s
) -> Pairs:
    """Compare one image with the neighbors of its intermediates, aligned through these.

    Parameters
    ----------
    pairs
        Verified pairs of the image `query` with others, intermediates among them.
    links
        Verified pairs of an intermediate with another image.
    query
        Position of the image.
    images
        The pictures.
    turned
        uint64 (n, 8, 2): hashes of all pictures in all orientations.
    ranks
        int64 (n,): the image of lower rank comes first in a pair that is appended.

    Returns
    -------
    The pairs with the results; new pairs are appended.
    """
    row_of = np.full(len(turned), -1)
    row_of[others_of(pairs, query)] = np.arange(len(pairs))
    links = links.take(links.status == SAME)
    first_is_intermediate = _is_same(pairs, row_of[links.first])
    intermediate = np.where(first_is_intermediate, links.first, links.second)
    other = np.where(first_is_intermediate, links.second, links.first)
    # Images that are known to be the same need no intermediate.
    wanted = np.flatnonzero((other != query) & ~_is_same(pairs, row_of[other]))
    wanted = wanted[_is_same(pairs, row_of[intermediate[wanted]])]
    order = np.lexsort((intermediate[wanted], -links.measures[wanted, 1], other[wanted]))
    wanted = wanted[order[np.unique(other[wanted][order], return_index=True)[1]]]
    if not len(wanted):
        return pairs
    intermediate, other, links = intermediate[wanted], other[wanted], links.take(wanted)
    to_intermediate = pairs.take(row_of[intermediate])
    starts = compose(
        _maps_along(to_intermediate, to_intermediate.first == query),
        _maps_along(links, links.first == intermediate),
    )
    first = np.full(len(other), query)
    second = other
    swap = ranks[first] > ranks[second]
    starts[swap] = invert(starts[swap])
    first, second = np.where(swap, second, first), np.where(swap, first, second)
    orientation = nearest_orientation(starts)
    bits = np.bitwise_count(turned[first, orientation] ^ turned[second, 0])
    distance = bits.sum(axis=1).astype(np.int64)
    new = np.flatnonzero(row_of[other] < 0)
    row_of[other[new]] = len(pairs) + np.arange(len(new))
    table = pairs.joined(Pairs.untested(first[new], second[new], distance[new], orientation[new]))

    def measure(
        first: Int64s, second: Int64s, starts: Float64s, negative: BoolMask | None = None
    ) -> Comparison:
        return images.compare(first, second, starts, None, negative)

    judges = LimitedJudge(partial(judge, images), partial(judge_originals, images))
    verifier = PairVerifier(Candidates.none(), table, images.read_boxes, measure, judges)
    verifier.verify_from(
        row_of[other], starts, orientation, distance, to_intermediate.negative ^ links.negative
    )
    return verifier.pairs


def _is_same(pairs: Pairs, rows: Int64s) -> BoolMask:
    """Mark the rows of pairs that are the same; a row of -1 is no pair."""
    same: BoolMask = np.append(pairs.status == SAME, False)[rows]
    return same


def _maps_along(pairs: Pairs, forward: BoolMask) -> Float64s:
    """Return the maps of pairs, from their first images where `forward`, else from their second."""
    maps = pairs.maps.copy()
    maps[~forward] = invert(maps[~forward])
    return maps
