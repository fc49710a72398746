"""Deciding candidate pairs: as many as the clusters depend on, and no more.

At first every pair is believed. The clusters that follow stand on their spokes, the pairs of a
medoid and a member, so these are tested. From then on only what was seen counts: images that did
not prove to belong to a star are compared with their neighbours, and neighbouring stars by the
nearest of the pairs between them, until there is nothing left to compare. A pair inside a proven
star cannot change any cluster and is never looked at.

One more source of pairs: a friend's friend is compared with the medoid itself, aligned by way of
the friend. That finds the heavily cropped copy whose hash is near a lightly cropped one only, and
claims nothing that was not seen.
"""

from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import NDArray

from imgurer_kernel.candidates import Candidates
from imgurer_kernel.clusters import Cluster, stars
from imgurer_kernel.dhash import dhash_many, orientations
from imgurer_kernel.pairs import DIFFERENT, SAME, SAME_LAYOUT, UNTESTED, Pairs, starts_of_pairs
from imgurer_kernel.verify import (
    Prepared,
    compare,
    compose,
    invert,
    nearest_orientation,
    same,
    start_of_views,
)

Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]
Doubles = NDArray[np.float64]

Tell = Callable[[int], None]
SameLayout = Callable[[Ints, Ints, Doubles], Mask]
"""Whether pairs (first, second, maps) only share their layout."""

# Of the pairs between two stars the nearest are tested; where all of these fail, so would the rest.
_TRIALS = 8
_ROUNDS = 30


class Settling:
    """Tests pairs of images until the clusters no longer depend on any untested one.

    Parameters
    ----------
    rows
        The ways in which images are near, those of a pair together, the nearest first.
    pairs
        The pairs; what is known already of some is kept.
    pictures
        Gives the pictures of all images; called with the positions that are needed next.
    grays
        uint8 (n, 9, 9) of all images.
    same_layout
        None to do without that test.
    tell
        Called with the number of pairs that are done, again and again; may raise to stop.
    """

    def __init__(
        self,
        rows: Candidates,
        pairs: Pairs,
        pictures: Callable[[Ints], Prepared],
        grays: NDArray[np.uint8],
        same_layout: SameLayout | None = None,
        tell: Tell | None = None,
    ) -> None:
        self.pairs = pairs
        self.rows = rows
        self._way, self._ways = _ways_of(rows, pairs)
        self._pictures = pictures
        self._grays = grays
        self._same_layout = same_layout
        self._tell = tell
        self._chained: set[tuple[int, int]] = set()

    def run(self) -> list[Cluster]:
        """Settle everything; the clusters, their edges being rows of `pairs`."""
        self.test(_spokes(self._clusters(UNTESTED, SAME)))
        for _ in range(_ROUNDS):
            clusters = self._clusters(SAME)
            centre = self._centres(clusters)
            between = self._between(centre)
            self.test(between)
            if not len(between) and not self._chain(clusters, centre):
                break
        return self._clusters(SAME)

    def test(self, chosen: Ints) -> None:
        """Look at pairs, in each of the ways in which they are near until one holds."""
        pairs, left = self.pairs, chosen
        for attempt in range(int(self._ways.max(initial=0))):
            left = left[self._ways[left] > attempt]
            if not len(left):
                break
            rows = self.rows.take(self._way[left] + attempt)
            pictures = self._pictures(np.concatenate((rows.first, rows.second)))
            seen = rows.orientation, rows.view, rows.other_view
            begin = start_of_views(pictures, rows.first, pictures, rows.second, seen)
            good = self._compare(left, begin, rows.orientation, rows.distance, attempt == 0)
            left = left[~good]
        pairs.status[chosen] = np.where(same(pairs.measures[chosen]), SAME, DIFFERENT)
        self._strike_layouts(chosen)

    def _compare(
        self, rows: Ints, begin: Doubles, orientation: Ints, distance: Ints, first_time: bool
    ) -> Mask:
        """Compare pairs from a start; keep what is better than what was known."""
        pairs = self.pairs
        first, second = pairs.first[rows], pairs.second[rows]
        pictures = self._pictures(np.concatenate((first, second)))
        measures, maps = compare(pictures, first, pictures, second, begin, tell=self._tell)
        better = (measures[:, 1] > pairs.measures[rows, 1]) | first_time
        rows = rows[better]
        pairs.measures[rows], pairs.maps[rows] = measures[better], maps[better]
        pairs.orientation[rows], pairs.distance[rows] = orientation[better], distance[better]
        return same(measures)

    def _strike_layouts(self, rows: Ints) -> None:
        pairs = self.pairs
        rows = rows[pairs.status[rows] == SAME]
        if self._same_layout is not None and len(rows):
            only = self._same_layout(pairs.first[rows], pairs.second[rows], pairs.maps[rows])
            pairs.status[rows[only]] = SAME_LAYOUT

    def _clusters(self, *status: int) -> list[Cluster]:
        """Stars over the pairs of the given status; untested pairs count by their distance."""
        pairs = self.pairs
        live = np.flatnonzero(np.isin(pairs.status, status))
        tested = pairs.status[live] != UNTESTED
        score = np.where(tested, pairs.measures[live, 1], 1 - pairs.distance[live] / 128)
        found = stars(pairs.first[live], pairs.second[live], pairs.distance[live], score)
        for cluster in found:
            cluster.edges[1:] = live[cluster.edges[1:]]
        return found

    def _centres(self, clusters: Iterable[Cluster]) -> Ints:
        """The medoid that each image belongs to, or the image itself."""
        centre = np.arange(len(self._grays))
        for cluster in clusters:
            centre[cluster.members] = cluster.medoid
        return centre

    def _between(self, centre: Ints) -> Ints:
        """Untested pairs that might join two stars, the nearest of each two stars."""
        pairs = self.pairs
        ends = np.sort(np.stack((centre[pairs.first], centre[pairs.second])), axis=0)
        across = np.flatnonzero(ends[0] != ends[1])
        _, stars_of = np.unique(ends[:, across], axis=1, return_inverse=True)
        status = pairs.status[across]
        tested = np.bincount(stars_of[status != UNTESTED], minlength=stars_of.max(initial=0) + 1)
        joined = np.bincount(stars_of[status == SAME], minlength=len(tested))
        keep = (status == UNTESTED) & ((tested < _TRIALS) | (joined > 0))[stars_of]
        across, stars_of = across[keep], stars_of[keep]
        order = np.lexsort((across, pairs.distance[across], stars_of))
        across, stars_of = across[order], stars_of[order]
        new = np.ones(len(across), bool)
        new[1:] = stars_of[1:] != stars_of[:-1]
        rank = np.arange(len(across)) - np.flatnonzero(new)[np.cumsum(new) - 1]
        return np.sort(across[rank < _TRIALS])

    def _chain(self, clusters: list[Cluster], centre: Ints) -> bool:
        """Compare medoids with friends of their members; whether there was any to compare."""
        medoid, friend, via, onward = self._friends(clusters, centre)
        if not len(medoid):
            return False
        begin = compose(self._map_between(via, medoid), self._map_between(onward, friend, to=True))
        swap = medoid > friend
        begin[swap] = invert(begin[swap])
        first, second = np.minimum(medoid, friend), np.maximum(medoid, friend)
        orientation = nearest_orientation(begin)
        distance = self._distance(first, second, orientation)
        rows = self._rows_of(first, second, distance, orientation)
        status = self.pairs.status[rows]
        for before in (UNTESTED, DIFFERENT):
            k = np.flatnonzero(status == before)
            first_time = before == UNTESTED
            good = self._compare(rows[k], begin[k], orientation[k], distance[k], first_time)
            self.pairs.status[rows[k]] = np.where(good, SAME, DIFFERENT)
        self._strike_layouts(rows[status != SAME_LAYOUT])
        return True

    def _friends(self, clusters: list[Cluster], centre: Ints) -> tuple[Ints, Ints, Ints, Ints]:
        """Medoids, friends of their members, and the two pairs that lie between them.

        A friend is an image of another star, not larger, that is the same as a member.
        """
        pairs = self.pairs
        size = np.bincount(centre, minlength=len(centre))
        spoke = np.full(len(centre), -1)
        for cluster in clusters:
            spoke[cluster.members[1:]] = cluster.edges[1:]
        proven = np.flatnonzero(pairs.status == SAME)
        rows = np.concatenate((proven, proven))
        member = np.concatenate((pairs.first[proven], pairs.second[proven]))
        friend = np.concatenate((pairs.second[proven], pairs.first[proven]))
        home, away = centre[member], centre[friend]
        larger = (size[home] > size[away]) | ((size[home] == size[away]) & (home < away))
        wanted = np.flatnonzero((home != away) & (home != member) & larger)
        order = np.lexsort(
            (rows[wanted], -pairs.measures[rows[wanted], 1], friend[wanted], home[wanted])
        )
        chosen = []
        for k in wanted[order].tolist():
            key = int(home[k]), int(friend[k])
            if key not in self._chained:
                self._chained.add(key)
                chosen.append(k)
        picked = np.array(chosen, np.int64)
        return home[picked], friend[picked], spoke[member[picked]], rows[picked]

    def _map_between(self, rows: Ints, image: Ints, *, to: bool = False) -> Doubles:
        """The maps of pairs from one of their images to the other, or from the other `to` it."""
        maps = self.pairs.maps[rows].copy()
        backward = (self.pairs.first[rows] == image) == to
        maps[backward] = invert(maps[backward])
        return maps

    def _distance(self, first: Ints, second: Ints, orientation: Ints) -> Ints:
        turned = orientations(self._grays[first])[orientation, np.arange(len(first))]
        bits = np.bitwise_count(dhash_many(turned) ^ dhash_many(self._grays[second]))
        distance: Ints = bits.sum(axis=1).astype(np.int64)
        return distance

    def _rows_of(self, first: Ints, second: Ints, distance: Ints, orientation: Ints) -> Ints:
        """Where the pairs stand in the table; those that it lacks are added, untested."""
        n = len(self._grays)
        known, wanted = self.pairs.first * n + self.pairs.second, first * n + second
        order = np.argsort(known, kind="stable")
        place = np.searchsorted(known[order], wanted)
        found = order[np.minimum(place, len(known) - 1)]
        missing = np.flatnonzero(known[found] != wanted)
        found[missing] = len(known) + np.arange(len(missing))
        added = (column[missing] for column in (first, second, distance, orientation))
        self.pairs = self.pairs.joined(Pairs.untested(*added))
        self._ways = np.concatenate((self._ways, np.zeros(len(missing), np.int64)))
        self._way = np.concatenate((self._way, np.zeros(len(missing), np.int64)))
        return found


def _spokes(clusters: Iterable[Cluster]) -> Ints:
    """The rows of the pairs that clusters stand on."""
    return np.concatenate([c.edges[1:] for c in clusters] or [np.empty(0, np.int64)])


def _ways_of(rows: Candidates, pairs: Pairs) -> tuple[Ints, Ints]:
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
