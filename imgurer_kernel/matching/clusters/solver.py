"""Verify candidate pairs, only those that the clusters depend on.

In the first round all candidate pairs are taken to be the same. The resulting stars depend on their
edges, the pairs of a medoid and a member, so these are verified. From then on only verified pairs
count: images without a verified edge are compared with their neighbors, and neighboring stars by
the nearest of the pairs between them, until nothing is left to compare. A pair inside a verified
star cannot change any cluster and is never compared.

There are two more sources of pairs. A neighbor of a member is compared with the medoid itself,
aligned through the member: that finds the heavily cropped copy whose hash is near a lightly cropped
one only. And where images outside of a star are the same as many of its members, the member with
most such edges is tried as its medoid. Both only propose pairs, which are verified like others.

A round considers only stars with something new: most of a large catalog is solved in the first.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from imgurer_kernel.common.arrays import group_starts
from imgurer_kernel.common.types import BoolMask, Float64s, Int64s, UInt64s
from imgurer_kernel.matching.affine import compose, invert, nearest_orientation
from imgurer_kernel.matching.candidates import ranks_in_groups
from imgurer_kernel.matching.clusters.cluster_table import ClusterTable
from imgurer_kernel.matching.clusters.star_cover import no_progress, star_clusters
from imgurer_kernel.matching.clusters.star_state import PairPaths, StarAssignment
from imgurer_kernel.matching.clusters.take_conflicts import (
    untested_among_takes,
    without_other_takes,
)
from imgurer_kernel.matching.pair_table import SAME, UNTESTED, Pairs
from imgurer_kernel.matching.pair_verifier import PairVerifier

# Between two stars the nearest pairs are compared; where all of these fail, so would the rest.
# Where some of them hold, more are tried: the pictures are the same, but hard to align.
_TRIALS = 8
_MAX_TRIALS = 64


class StarSolver:
    """Verifies pairs of images until the clusters no longer depend on any untested one.

    Parameters
    ----------
    verifier
        Compares pairs and keeps the table of them. Results that are in the table already are used.
    turned
        uint64 (n, 8, 2): hashes of all images in all orientations.
    progress
        Called now and then between comparisons; may raise to stop.
    times
        Returns when the pictures at positions were taken, in seconds; 0 where it is not known.
    """

    def __init__(
        self,
        verifier: PairVerifier,
        turned: UInt64s,
        progress: Callable[[], None] | None = None,
        times: Callable[[Int64s], Int64s] | None = None,
    ) -> None:
        self._times = times
        self._verifier = verifier
        self._rows = _PairRows(len(turned), verifier.pairs)
        self._turned = turned
        self._progress = progress or no_progress
        self._compared_paths: set[int] = set()
        self._tried = np.zeros(len(turned), bool)  # as a medoid
        self._touched = np.zeros(len(turned), bool)  # by a comparison since stars were made

    @property
    def pairs(self) -> Pairs:
        """The table of pairs; pairs without a match of their own are at its end."""
        return self._verifier.pairs

    def run(self) -> ClusterTable:
        """Return the clusters by positions, their edges being rows of `pairs`."""
        n, pairs = len(self._turned), self.pairs
        self._progress()
        assumed_scores = 1 - pairs.distance / 128
        self._verify(StarAssignment.of_pairs(n, pairs, assumed_scores, self._progress).edges)
        stars, active = self._update(StarAssignment.lone(n))
        active[:] = True
        # Terminates: no pair is verified, no path followed and no medoid tried twice.
        while True:
            between = self._pairs_between(stars, active)
            self._verify(between)
            active[stars.medoid[self._touched]] = True
            compared = self._compare_ends(self._paths_to_neighbors(stars, active))
            settled = not len(between) and not compared and not self._try_other_medoids(stars)
            if settled and not self._compare_takes(stars):
                break
            stars, active = self._update(stars)
        return self._clusters()

    def _update(self, before: StarAssignment) -> tuple[StarAssignment, BoolMask]:
        """Cover the images by stars again, and mark the medoids of stars that have changed."""
        self._progress()
        proven = self._proven()
        touched = np.flatnonzero(self._touched)
        stars = before.updated(self.pairs, proven, touched, self._progress)
        changed = self._touched | (stars.medoid != before.medoid)
        active = np.zeros(len(changed), bool)
        active[before.medoid[changed]] = active[stars.medoid[changed]] = True
        self._touched[:] = False
        return stars, active

    def _proven(self) -> Int64s:
        """Return rows of pairs that are the same, except those that would join two takes."""
        proven = np.flatnonzero(self.pairs.status == SAME)
        times = None
        if self._times is not None and len(proven):
            times = self._times(np.arange(len(self._turned)))
        return without_other_takes(self.pairs, proven, times)

    def _verify(self, rows: Int64s) -> None:
        """Verify pairs and mark the images whose stars may change by that."""
        pairs = self.pairs
        self._touched[pairs.first[rows]] = self._touched[pairs.second[rows]] = True
        self._verifier.verify(rows)

    def _clusters(self) -> ClusterTable:
        """Make clusters of the pairs that were found to be the same."""
        self._progress()
        pairs, proven = self.pairs, self._proven()
        clusters = star_clusters(
            pairs.first[proven],
            pairs.second[proven],
            pairs.distance[proven],
            pairs.measures[proven, 1],
        )
        # A medoid's edge is -1, and stays so.
        return replace(clusters, edges=np.append(proven, -1)[clusters.edges])

    def _pairs_between(self, stars: StarAssignment, active: BoolMask) -> Int64s:
        """Choose untested pairs that might join two stars, the nearest of each two, ascending.

        The pairs of stars that are not active were chosen in an earlier round.
        """
        self._progress()
        pairs, n = self.pairs, len(self._turned)
        one, other = stars.medoid[pairs.first], stars.medoid[pairs.second]
        across = np.flatnonzero((one != other) & (active[one] | active[other]))
        one, other = one[across], other[across]
        key = np.minimum(one, other) * n + np.maximum(one, other)
        _, two_stars = np.unique(key, return_inverse=True)
        status = pairs.status[across]
        count = two_stars.max(initial=0) + 1
        tested = np.bincount(two_stars[status != UNTESTED], minlength=count)
        joined = np.bincount(two_stars[status == SAME], minlength=len(tested))
        is_open = (tested < _TRIALS) | ((joined > 0) & (tested < _MAX_TRIALS))
        keep = (status == UNTESTED) & is_open[two_stars]
        across, two_stars = across[keep], two_stars[keep]
        order = np.lexsort((across, pairs.distance[across], two_stars))
        across, two_stars = across[order], two_stars[order]
        first_trials = ranks_in_groups(group_starts(two_stars)) < _TRIALS
        return np.sort(across[first_trials])

    def _compare_ends(self, paths: PairPaths) -> bool:
        """Compare images aligned through a third one; return whether there was any to compare."""
        self._progress()
        keys = paths.keys(len(self._turned))
        paths = paths.take(np.array([key not in self._compared_paths for key in keys], bool))
        self._compared_paths.update(keys)
        if not len(paths):
            return False
        starts = compose(
            self._maps_from(paths.first_pair, paths.first),
            self._maps_to(paths.last_pair, paths.last),
        )
        swap = paths.first > paths.last
        starts[swap] = invert(starts[swap])
        first, second = np.sort(np.stack((paths.first, paths.last)), axis=0)
        orientation = nearest_orientation(starts)
        distance = self._distance(first, second, orientation)
        rows = self._rows_of(first, second, distance, orientation)
        self._touched[first] = self._touched[second] = True
        negative = self.pairs.negative[paths.first_pair] ^ self.pairs.negative[paths.last_pair]
        self._verifier.verify_from(rows, starts, orientation, distance, negative)
        return True

    def _paths_to_neighbors(self, stars: StarAssignment, active: BoolMask) -> PairPaths:
        """Find paths from medoids to images of smaller stars that are the same as a member."""
        member, neighbor, rows = self._neighbors_outside(stars, active)
        wanted = np.flatnonzero(stars.medoid[member] != member)
        medoid = stars.medoid[member]
        # Of several members that lead to one neighbor the one that agrees best with it.
        agreement = self.pairs.measures[rows[wanted], 1]
        order = np.lexsort((rows[wanted], -agreement, neighbor[wanted], medoid[wanted]))
        wanted = wanted[order]
        best = np.ones(len(wanted), bool)
        best[1:] = (np.diff(medoid[wanted]) != 0) | (np.diff(neighbor[wanted]) != 0)
        wanted = wanted[best]
        to_member = stars.edge[member[wanted]]
        return PairPaths(medoid[wanted], to_member, neighbor[wanted], rows[wanted])

    def _try_other_medoids(self, stars: StarAssignment) -> bool:
        """Try members with more edges outside as medoids of their star; return whether any was.

        Pairs that hold make them medoids when the stars are made again.
        """
        member, _, _ = self._neighbors_outside(stars, np.ones(len(stars.medoid), bool))
        proposed, known = np.unique(member[stars.medoid[member] != member], return_counts=True)
        order = np.lexsort((proposed, -known, stars.medoid[proposed]))
        proposed = proposed[order]
        proposed = proposed[~self._tried[proposed]]
        proposed = proposed[
            np.unique(stars.medoid[proposed], return_index=True)[1]
        ]  # the best of each star
        if not len(proposed):
            return False
        self._tried[proposed] = True
        proposed_of = np.full(len(stars.medoid), -1)
        proposed_of[stars.medoid[proposed]] = proposed
        pairs = self.pairs
        inside = stars.medoid[pairs.first] == stars.medoid[pairs.second]
        its_proposed = proposed_of[stars.medoid[pairs.first]]
        inside &= (its_proposed >= 0) & (
            (pairs.first == its_proposed) | (pairs.second == its_proposed)
        )
        self._verify(np.flatnonzero(inside & (pairs.status == UNTESTED)))
        # Members that share no pair with the proposed medoid are aligned by way of the present one.
        members = np.flatnonzero((proposed_of[stars.medoid] >= 0) & (stars.edge >= 0))
        members = members[proposed_of[stars.medoid[members]] != members]
        its_proposed = proposed_of[stars.medoid[members]]
        paths = PairPaths(its_proposed, stars.edge[its_proposed], members, stars.edge[members])
        self._compare_ends(paths)
        return True

    def _compare_takes(self, stars: StarAssignment) -> bool:
        """Compare pairs within stars that have takes among them; return whether there were any."""
        rows = untested_among_takes(self.pairs, stars.medoid)
        self._verify(rows)
        return len(rows) > 0

    def _neighbors_outside(
        self, stars: StarAssignment, active: BoolMask
    ) -> tuple[Int64s, Int64s, Int64s]:
        """Find members of stars, images of smaller stars that are the same, and their pairs."""
        pairs = self.pairs
        proven = np.flatnonzero(pairs.status == SAME)
        one, other = stars.medoid[pairs.first[proven]], stars.medoid[pairs.second[proven]]
        proven = proven[(one != other) & (active[one] | active[other])]
        rows = np.concatenate((proven, proven))
        member = np.concatenate((pairs.first[proven], pairs.second[proven]))
        neighbor = np.concatenate((pairs.second[proven], pairs.first[proven]))
        star, other_star = stars.medoid[member], stars.medoid[neighbor]
        # Of each pair one end is the member: the smaller star is the one that may lose an image.
        larger = (stars.size[star] > stars.size[other_star]) | (
            (stars.size[star] == stars.size[other_star]) & (star < other_star)
        )
        return member[larger], neighbor[larger], rows[larger]

    def _maps_from(self, rows: Int64s, image: Int64s) -> Float64s:
        """Return the maps of pairs from one of their images to the other, float64 (k, 6)."""
        maps = self.pairs.maps[rows].copy()
        backward = self.pairs.first[rows] != image
        maps[backward] = invert(maps[backward])
        return maps

    def _maps_to(self, rows: Int64s, image: Int64s) -> Float64s:
        """Return the maps of pairs to one of their images from the other, float64 (k, 6)."""
        maps = self.pairs.maps[rows].copy()
        backward = self.pairs.first[rows] == image
        maps[backward] = invert(maps[backward])
        return maps

    def _distance(self, first: Int64s, second: Int64s, orientation: Int64s) -> Int64s:
        """Return the Hamming distance of the first picture, oriented, and the second, 0..128."""
        bits = np.bitwise_count(self._turned[first, orientation] ^ self._turned[second, 0])
        distance: Int64s = bits.sum(axis=1).astype(np.int64)
        return distance

    def _rows_of(
        self, first: Int64s, second: Int64s, distance: Int64s, orientation: Int64s
    ) -> Int64s:
        """Return the rows of pairs in the table; those that it lacks are appended, untested."""
        rows, missing = self._rows.find_or_assign(first, second)
        if len(missing):
            columns = (column[missing] for column in (first, second, distance, orientation))
            self._verifier.append(Pairs.untested(*columns))
        return rows


class _PairRows:
    """Rows of pairs in a table that grows at its end."""

    def __init__(self, n: int, pairs: Pairs) -> None:
        keys = pairs.first * n + pairs.second
        self._n = n
        self._order = np.argsort(keys, kind="stable")
        self._keys = keys[self._order]
        self._added: dict[int, int] = {}

    def find_or_assign(self, first: Int64s, second: Int64s) -> tuple[Int64s, Int64s]:
        """Return the row of each pair, and which are new: those come next, in their order."""
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
