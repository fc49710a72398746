"""Deciding candidate pairs: as many as the clusters depend on, and no more.

At first every pair is believed. The clusters that follow stand on their spokes, the pairs of a
medoid and a member, so these are tested. From then on only what was seen counts: images that did
not prove to belong to a star are compared with their neighbours, and neighbouring stars by the
nearest of the pairs between them, until there is nothing left to compare. A pair inside a proven
star cannot change any cluster and is never looked at.

Two more sources of pairs. A friend's friend is compared with the medoid itself, aligned by way of
the friend: that finds the heavily cropped copy whose hash is near a lightly cropped one only. And
where images stay outside of a star that are the same as many of its members, the member that knows
most of them is tried as its medoid. Neither claims anything that was not seen.

A round looks only at stars with something new: most of a large catalog is settled in the first.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from imgurer_kernel.common.types import BoolMask, Float32s, Float64s, Int64s, UInt64s
from imgurer_kernel.matching.candidates import Candidates, ranks_within
from imgurer_kernel.matching.clusters.cluster_table import ClusterTable
from imgurer_kernel.matching.clusters.star_cover import go_on, stars
from imgurer_kernel.matching.clusters.star_state import PairPaths, StarAssignment
from imgurer_kernel.matching.pair_table import (
    DIFFERENT,
    SAME,
    SAME_LAYOUT,
    UNTESTED,
    Pairs,
    starts_of_pairs,
)
from imgurer_kernel.matching.verify import (
    Prepared,
    compose,
    invert,
    nearest_orientation,
    same,
    start_of_views,
)

Measure = Callable[[Int64s, Int64s, Float64s], tuple[Float32s, Float64s]]
SameLayout = Callable[[Int64s, Int64s, Float64s], BoolMask]
"""Whether pairs (first, second, maps) only share their layout."""

# Of the pairs between two stars the nearest are tested; where all of these fail, so would the rest.
# Stars of which some pairs hold are tried for longer: the pictures are the same, but hard to align.
_TRIALS = 8
_MOST_TRIALS = 64


class StarSolver:
    """Tests pairs of images until the clusters no longer depend on any untested one.

    Parameters
    ----------
    rows
        The ways in which images are near, those of a pair together, the nearest first.
    pairs
        The pairs; what is known already of some is kept.
    boxes
        Gives pictures, of which only the content boxes are looked at; called with the positions
        that are needed next.
    measure
        Compares pairs (first, second) from start maps: measures and maps, as
        `imgurer_kernel.matching.verify.compare` gives them.
    turned
        uint64 (n, 8, 2): hashes of all images in all orientations.
    same_layout
        None to do without that test.
    pulse
        Called now and then between comparisons; may raise to stop.
    """

    def __init__(
        self,
        rows: Candidates,
        pairs: Pairs,
        boxes: Callable[[Int64s], Prepared],
        measure: Measure,
        turned: UInt64s,
        same_layout: SameLayout | None = None,
        pulse: Callable[[], None] | None = None,
    ) -> None:
        self.pairs = pairs
        self.rows = rows
        self._way, self._ways = _ways_of(rows, pairs)
        self._places = _Places(len(turned), pairs)
        self._boxes = boxes
        self._measure = measure
        self._turned = turned
        self._same_layout = same_layout
        self._pulse = pulse or go_on
        self._chained: set[int] = set()
        self._tried = np.zeros(len(turned), bool)  # as a medoid
        self._touched = np.zeros(len(turned), bool)  # by a comparison since stars were built

    def run(self) -> ClusterTable:
        """Settle everything; the clusters, their edges being rows of `pairs`."""
        n, pairs = len(self._turned), self.pairs
        self._pulse()
        self.test(StarAssignment.over(n, pairs, 1 - pairs.distance / 128, self._pulse).spokes)
        now, active = self._follow(StarAssignment.lone(n))
        active[:] = True
        # Ends: no pair is tested twice, no route is followed and no medoid tried twice.
        while True:
            between = self._between(now, active)
            self.test(between)
            active[now.centre[self._touched]] = True
            chained = self._chain(self._friends(now, active))
            if not len(between) and not chained and not self._recentre(now):
                break
            now, active = self._follow(now)
        return self._clusters()

    def _follow(self, before: StarAssignment) -> tuple[StarAssignment, BoolMask]:
        """The stars as of now, and which of them (by medoid) have anything new about them."""
        self._pulse()
        proven = np.flatnonzero(self.pairs.status == SAME)
        touched = np.flatnonzero(self._touched)
        now = before.after(self.pairs, proven, touched, self._pulse)
        changed = self._touched | (now.centre != before.centre)
        active = np.zeros(len(changed), bool)
        active[before.centre[changed]] = active[now.centre[changed]] = True
        self._touched[:] = False
        return now, active

    def test(self, chosen: Int64s) -> None:
        """Look at pairs, in each of the ways in which they are near until one holds."""
        pairs, left = self.pairs, chosen
        self._touched[pairs.first[chosen]] = self._touched[pairs.second[chosen]] = True
        for attempt in range(int(self._ways.max(initial=0))):
            left = left[self._ways[left] > attempt]
            if not len(left):
                break
            rows = self.rows.take(self._way[left] + attempt)
            pictures = self._boxes(np.concatenate((rows.first, rows.second)))
            seen = rows.orientation, rows.view, rows.other_view
            begin = start_of_views(pictures, rows.first, pictures, rows.second, seen)
            good = self._compare(left, begin, rows.orientation, rows.distance, attempt == 0)
            left = left[~good]
        pairs.status[chosen] = np.where(same(pairs.measures[chosen]), SAME, DIFFERENT)
        self._strike_layouts(chosen)

    def _compare(
        self, rows: Int64s, begin: Float64s, orientation: Int64s, distance: Int64s, first_time: bool
    ) -> BoolMask:
        """Compare pairs from a start; keep what is better than what was known."""
        pairs = self.pairs
        measures, maps = self._measure(pairs.first[rows], pairs.second[rows], begin)
        better = (measures[:, 1] > pairs.measures[rows, 1]) | first_time
        rows = rows[better]
        pairs.measures[rows], pairs.maps[rows] = measures[better], maps[better]
        pairs.orientation[rows], pairs.distance[rows] = orientation[better], distance[better]
        return same(measures)

    def _strike_layouts(self, rows: Int64s) -> None:
        pairs = self.pairs
        rows = rows[pairs.status[rows] == SAME]
        if self._same_layout is not None and len(rows):
            only = self._same_layout(pairs.first[rows], pairs.second[rows], pairs.maps[rows])
            pairs.status[rows[only]] = SAME_LAYOUT

    def _clusters(self) -> ClusterTable:
        """Stars over the pairs that were found to be the same."""
        self._pulse()
        pairs = self.pairs
        live = np.flatnonzero(pairs.status == SAME)
        found = stars(
            pairs.first[live], pairs.second[live], pairs.distance[live], pairs.measures[live, 1]
        )
        return replace(found, edges=np.append(live, -1)[found.edges])  # a medoid's stays -1

    def _between(self, now: StarAssignment, active: BoolMask) -> Int64s:
        """Untested pairs that might join two stars, the nearest of each two stars.

        Stars that nothing has happened to were asked for theirs before.
        """
        self._pulse()
        pairs, n = self.pairs, len(self._turned)
        one, other = now.centre[pairs.first], now.centre[pairs.second]
        across = np.flatnonzero((one != other) & (active[one] | active[other]))
        one, other = one[across], other[across]
        two = np.minimum(one, other) * n + np.maximum(one, other)
        _, stars_of = np.unique(two, return_inverse=True)
        status = pairs.status[across]
        tested = np.bincount(stars_of[status != UNTESTED], minlength=stars_of.max(initial=0) + 1)
        joined = np.bincount(stars_of[status == SAME], minlength=len(tested))
        open_ = (tested < _TRIALS) | ((joined > 0) & (tested < _MOST_TRIALS))
        keep = (status == UNTESTED) & open_[stars_of]
        across, stars_of = across[keep], stars_of[keep]
        order = np.lexsort((across, pairs.distance[across], stars_of))
        across, stars_of = across[order], stars_of[order]
        new = np.ones(len(across), bool)
        new[1:] = stars_of[1:] != stars_of[:-1]
        return np.sort(across[ranks_within(new) < _TRIALS])

    def _chain(self, routes: PairPaths) -> bool:
        """Compare images by way of a third; whether there was any to compare."""
        self._pulse()
        keys = routes.keys(len(self._turned))
        routes = routes.take(np.array([key not in self._chained for key in keys], bool))
        self._chained.update(keys)
        if not len(routes):
            return False
        begin = compose(
            self._map_between(routes.onto_first, routes.first),
            self._map_between(routes.onto_last, routes.last, to=True),
        )
        swap = routes.first > routes.last
        begin[swap] = invert(begin[swap])
        first, second = np.sort(np.stack((routes.first, routes.last)), axis=0)
        orientation = nearest_orientation(begin)
        distance = self._distance(first, second, orientation)
        rows = self._rows_of(first, second, distance, orientation)
        self._touched[first] = self._touched[second] = True
        status = self.pairs.status[rows]
        for before in (UNTESTED, DIFFERENT):
            k = np.flatnonzero(status == before)
            first_time = before == UNTESTED
            good = self._compare(rows[k], begin[k], orientation[k], distance[k], first_time)
            self.pairs.status[rows[k]] = np.where(good, SAME, DIFFERENT)
        self._strike_layouts(rows[(status == UNTESTED) | (status == DIFFERENT)])
        return True

    def _friends(self, now: StarAssignment, active: BoolMask) -> PairPaths:
        """Ways from medoids to images of other, smaller stars that are the same as a member."""
        member, friend, rows = self._strays(now, active)
        wanted = np.flatnonzero(now.centre[member] != member)
        home = now.centre[member]
        order = np.lexsort(
            (rows[wanted], -self.pairs.measures[rows[wanted], 1], friend[wanted], home[wanted])
        )
        wanted = wanted[order]
        best = np.ones(len(wanted), bool)
        best[1:] = (np.diff(home[wanted]) != 0) | (np.diff(friend[wanted]) != 0)
        wanted = wanted[best]
        return PairPaths(home[wanted], now.spoke[member[wanted]], friend[wanted], rows[wanted])

    def _recentre(self, now: StarAssignment) -> bool:
        """Try members as medoids that know more of the images outside; whether there was any."""
        member, _, _ = self._strays(now, np.ones(len(now.centre), bool))
        heir, known = np.unique(member[now.centre[member] != member], return_counts=True)
        order = np.lexsort((heir, -known, now.centre[heir]))
        heir = heir[order]
        heir = heir[~self._tried[heir]]
        heir = heir[np.unique(now.centre[heir], return_index=True)[1]]  # the best of each star
        if not len(heir):
            return False
        self._tried[heir] = True
        heir_of = np.full(len(now.centre), -1)
        heir_of[now.centre[heir]] = heir
        pairs = self.pairs
        inside = now.centre[pairs.first] == now.centre[pairs.second]
        ours = heir_of[now.centre[pairs.first]]
        inside &= (ours >= 0) & ((pairs.first == ours) | (pairs.second == ours))
        self.test(np.flatnonzero(inside & (pairs.status == UNTESTED)))
        members = np.flatnonzero((heir_of[now.centre] >= 0) & (now.spoke >= 0))
        members = members[heir_of[now.centre[members]] != members]
        ours = heir_of[now.centre[members]]
        self._chain(PairPaths(ours, now.spoke[ours], members, now.spoke[members]))
        return True

    def _strays(self, now: StarAssignment, active: BoolMask) -> tuple[Int64s, Int64s, Int64s]:
        """Members of stars, images of smaller stars that are the same as they, and their pairs."""
        pairs = self.pairs
        proven = np.flatnonzero(pairs.status == SAME)
        one, other = now.centre[pairs.first[proven]], now.centre[pairs.second[proven]]
        proven = proven[(one != other) & (active[one] | active[other])]
        rows = np.concatenate((proven, proven))
        member = np.concatenate((pairs.first[proven], pairs.second[proven]))
        friend = np.concatenate((pairs.second[proven], pairs.first[proven]))
        home, away = now.centre[member], now.centre[friend]
        larger = (now.size[home] > now.size[away]) | (
            (now.size[home] == now.size[away]) & (home < away)
        )
        return member[larger], friend[larger], rows[larger]

    def _map_between(self, rows: Int64s, image: Int64s, *, to: bool = False) -> Float64s:
        """The maps of pairs from one of their images to the other, or from the other `to` it."""
        maps = self.pairs.maps[rows].copy()
        backward = (self.pairs.first[rows] == image) == to
        maps[backward] = invert(maps[backward])
        return maps

    def _distance(self, first: Int64s, second: Int64s, orientation: Int64s) -> Int64s:
        bits = np.bitwise_count(self._turned[first, orientation] ^ self._turned[second, 0])
        distance: Int64s = bits.sum(axis=1).astype(np.int64)
        return distance

    def _rows_of(
        self, first: Int64s, second: Int64s, distance: Int64s, orientation: Int64s
    ) -> Int64s:
        """Where the pairs stand in the table; those that it lacks are added, untested."""
        found, missing = self._places.of(first, second)
        if len(missing):
            added = (column[missing] for column in (first, second, distance, orientation))
            self.pairs = self.pairs.joined(Pairs.untested(*added))
            none = np.zeros(len(missing), np.int64)
            self._ways = np.concatenate((self._ways, none))
            self._way = np.concatenate((self._way, none))
        return found


class _Places:
    """The rows of pairs in a table that grows at its end."""

    def __init__(self, n: int, pairs: Pairs) -> None:
        keys = pairs.first * n + pairs.second
        self._n = n
        self._order = np.argsort(keys, kind="stable")
        self._keys = keys[self._order]
        self._added: dict[int, int] = {}

    def of(self, first: Int64s, second: Int64s) -> tuple[Int64s, Int64s]:
        """The row of each pair, and which of them are new: they come next, in their order."""
        wanted = first * self._n + second
        place = np.searchsorted(self._keys, wanted)
        known = place < len(self._keys)
        known[known] = self._keys[place[known]] == wanted[known]
        rows = np.empty(len(wanted), np.int64)
        rows[known] = self._order[place[known]]
        missing = []
        for k in np.flatnonzero(~known).tolist():
            key, end = int(wanted[k]), len(self._keys) + len(self._added)
            rows[k] = self._added.setdefault(key, end)
            if rows[k] == end:
                missing.append(k)
        return rows, np.array(missing, np.int64)


def _ways_of(rows: Candidates, pairs: Pairs) -> tuple[Int64s, Int64s]:
    """Where the rows of each pair begin, and how many there are."""
    start = np.flatnonzero(starts_of_pairs(rows))
    count = np.diff(start, append=len(rows))
    n = 1 + max(int(column.max(initial=0)) for column in (rows.second, pairs.second))
    key, wanted = rows.first[start] * n + rows.second[start], pairs.first * n + pairs.second
    order = np.argsort(key)
    if not len(order):
        return np.zeros(len(pairs), np.int64), np.zeros(len(pairs), np.int64)
    place = order[np.minimum(np.searchsorted(key[order], wanted), len(order) - 1)]
    return start[place], np.where(key[place] == wanted, count[place], 0)
