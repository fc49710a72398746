"""Choose the scope of a search: the largest one whose estimated time fits the budget.

The choice is a function of the set of pictures alone: it is the same on every machine, in every
process, and for every order in which the pictures arrived. So no time is measured at run time.
"""

from dataclasses import dataclass, replace

import numpy as np

from imgurer_kernel.common.text import join_words
from imgurer_kernel.common.types import Float64s, Int64s, UInt64s
from imgurer_kernel.matching.candidates import MAX_NEIGHBORS
from imgurer_kernel.matching.regions import WINDOWS
from imgurer_kernel.matching.result_cache import hash_rows
from imgurer_kernel.matching.spot_candidates import MOST_PICTURES, mirrored_radius
from imgurer_kernel.matching.spot_segments import SpotSegments
from imgurer_kernel.matching.spots import MAX_SPOTS, Spots

RADII = (24, 20, 16, 12, 8)
"""Radii that are tried, in bits, the largest first. Of 60 copies under each of 53 transforms 24
bits miss one, which was turned by 5 degrees; 16 bits miss four such and two more
(benchmarks/accuracy.md)."""

THOROUGH_RADIUS = 32
WINDOW_RADIUS = 16
THOROUGH_WINDOW_RADIUS = 20

SPOT_RADII = (20, 16, 12, 8)
"""Radii between spots that are tried, in bits, the largest first: of copies turned by 10 degrees or
more, 16 find twice as many as 12, and 20 another tenth more (benchmarks/candidates.md)."""

SPOT_VOTES = 2

BUDGET = 420.0
"""Seconds that a search may take on `_CORES`."""

# Fixed: with the number of this machine's cores the answer would depend on the machine.
_CORES = 2

# Measured in a store of 100,000, on one core of a server from 2023: the average time to compare a
# pair; to read an image, cut it into windows, and label it if it has copies; and to compare two
# hashes, averaged over all pairs, most of which are never compared.
_SECONDS_PER_PAIR = 260e-6
_SECONDS_PER_IMAGE = 0.9e-3
_SECONDS_PER_HASH = 0.25e-9

# Comparisons of hashes per pair of images: 8 orientations one way, a third as many again for
# contents both ways, and all windows both ways.
_TURNED = 4.0 + 2.7
_WINDOWS = float(len(WINDOWS))

# Most time that a search for spots may take per image, all cores together; and its time per pair of
# spots by radius, measured among 6 million.
_SPOT_SECONDS_PER_IMAGE = 0.6e-3
_SECONDS_PER_SPOTS = {20: 28e-12, 16: 7e-12, 12: 1.8e-12, 8: 0.5e-12, 4: 0.2e-12}
# Most matches of spots, 8 bytes each, and twice that while they are sorted. Where every picture has
# the same letters or menus there are more, and they carry no information.
_MAX_SPOT_MATCHES = 40_000_000
# Pictures of which every fourth spot is a query of the sample, and pictures that these are searched
# among.
_SPOT_SAMPLE = 64
_SPOT_AMONG = 512

# Images whose neighbors are counted, and images among which they are counted: 0.1 s for a store of
# any size, so that every call can afford it.
_SAMPLE = 192
_AMONG = 16_384
_MAX_PAIRS = 12_000_000  # 150 bytes each


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchScope:
    """How a search is made.

    Attributes
    ----------
    radius
        Bits between two pictures or contents.
    windows
        Whether crops are searched for by windows of each picture.
    window_radius
        Bits between a window and a picture.
    spot_radius, spot_votes
        Bits between two spots, and how many must agree; radius 0 where no spots are searched.
    no_spots
        Why spots are not searched, in words.
    pairs, seconds
        Estimates: pairs to compare, and the time for searching and comparing.
    """

    radius: int
    windows: bool = True
    window_radius: int = WINDOW_RADIUS
    spot_radius: int = 0
    spot_votes: int = SPOT_VOTES
    no_spots: str = ""
    pairs: int = 0
    seconds: float = 0.0

    @property
    def key(self) -> tuple[int, ...]:
        """The parameters of the candidates: scopes of equal keys give equal candidates."""
        spots = (self.spot_radius, self.spot_votes) if self.spot_radius else ()
        return self.radius, self.windows, self.window_radius, *spots

    def __str__(self) -> str:
        windows = f"windows within {self.window_radius}" if self.windows else "no windows"
        spots = f"{self.spot_votes} spots within {self.spot_radius}"
        if not self.spot_radius:
            spots = f"no spots ({self.no_spots})" if self.no_spots else "no spots"
        return f"hashes within {self.radius} bits, {windows}, {spots}; about {self.pairs:,} pairs"

    def in_words(self) -> str:
        """Describe in words which copies were searched for.

        Examples
        --------
        >>> SearchScope(radius=24, spot_radius=20).in_words()
        're-encoded, resized, turned, mirrored, framed, edited and cropped copies, also in collages'
        >>> SearchScope(radius=16, windows=False).in_words()
        're-encoded, resized, turned, mirrored, framed and edited copies, if not much edited'
        """
        kinds = ["re-encoded", "resized", "turned", "mirrored", "framed", "edited"]
        words = join_words([*kinds, "cropped"] if self.windows else kinds) + " copies"
        words += ", also in collages" if self.spot_radius else ""
        return words + (", if not much edited" if self.radius < RADII[0] else "")


def draw_sample(turned: UInt64s) -> Int64s:
    """Draw the images by which `choose_scope` and `choose_spots` judge, int64 (k,).

    Those whose hashes have the smallest hash, the smallest first: if a store grows by a hundredth,
    about a hundredth of the sample changes. Images that tie are in the given order.

    Parameters
    ----------
    turned
        uint64 (n, 8, 2), as in `choose_scope`.
    """
    words = hash_rows(turned.reshape(len(turned), 16))
    count = max(_AMONG, _SPOT_AMONG)
    if len(words) <= count:
        return np.argsort(words, kind="stable")
    least = np.flatnonzero(words <= np.partition(words, count)[count])
    return least[np.argsort(words[least], kind="stable")][:count]


def choose_scope(
    turned: UInt64s,
    *,
    thorough: bool = False,
    budget: float = BUDGET,
    sample: Int64s | None = None,
) -> SearchScope:
    """Choose the largest radius that is affordable, judging by a sample of the images.

    Parameters
    ----------
    turned
        uint64 (n, 8, 2): hashes of the images that take part, in all orientations; their order
        has no influence.
    thorough
        Choose the largest radius that is of use, however long it takes.
    budget
        Seconds.
    sample
        `draw_sample` of these images, if it is known.

    Returns
    -------
    The narrowest search if none is affordable.

    Examples
    --------
    >>> from imgurer_kernel.fingerprint.hashes.dhash import turned_hashes
    >>> grays = np.random.default_rng(0).integers(0, 256, (50, 9, 9), np.uint8)
    >>> choose_scope(turned_hashes(grays)).radius
    24
    """
    n = len(turned)
    near = _neighbors_within(turned, sample) * (n / 2 / max(1, min(n, _SAMPLE)))
    scopes = []
    for radius in (THOROUGH_RADIUS,) if thorough else RADII:
        for windows in (True, False):
            # Contents add to the pairs of whole pictures, and windows about a fifth at 24 bits.
            pairs = int(near[radius] * (1.3 if windows else 1.1))
            hashes = n * n * (_TURNED + (_WINDOWS if windows else 0))
            seconds = (
                pairs * _SECONDS_PER_PAIR + n * _SECONDS_PER_IMAGE + hashes * _SECONDS_PER_HASH
            ) / _CORES
            reach = THOROUGH_WINDOW_RADIUS if thorough else WINDOW_RADIUS
            scopes.append(
                SearchScope(
                    radius=radius,
                    windows=windows,
                    window_radius=reach,
                    pairs=pairs,
                    seconds=seconds,
                )
            )
    if thorough:
        return scopes[0]
    affordable = (s for s in scopes if s.seconds <= budget and s.pairs <= _MAX_PAIRS)
    return next(affordable, scopes[-1])


def usual_spot_radius(n: int) -> int:
    """Return the radius in bits that a search for spots of n images can afford, 0 for none.

    Examples
    --------
    >>> usual_spot_radius(1000), usual_spot_radius(50_000), usual_spot_radius(2_000_000)
    (20, 12, 0)
    """
    if n > MOST_PICTURES:
        return 0
    affordable = (radius for radius in SPOT_RADII if _spot_seconds(n, radius) <= n)
    return next(affordable, 0)


def _spot_seconds(n: int, radius: int) -> float:
    """Estimate the time to search n images' spots, as a multiple of the time allowed per image."""
    mirrored = 2 * _SECONDS_PER_SPOTS[mirrored_radius(radius)]
    seconds = (n * MAX_SPOTS) ** 2 / 2 * (_SECONDS_PER_SPOTS[radius] + mirrored)
    return seconds / _SPOT_SECONDS_PER_IMAGE


def choose_spots(
    scope: SearchScope,
    spots: Spots | SpotSegments,
    turned: UInt64s,
    *,
    thorough: bool = False,
    sample: Int64s | None = None,
) -> SearchScope:
    """Choose how far to search for spots, judging by a sample of them.

    Parameters
    ----------
    scope
        The scope chosen for the hashes.
    spots
        Of the images that take part; their order has no influence.
    turned
        uint64 (n, 8, 2): their hashes, by which the sample is drawn.
    thorough, sample
        As in `choose_scope`.
    """
    spots, n = SpotSegments.of(spots), len(spots)
    radius = SPOT_RADII[0] if thorough else usual_spot_radius(n)
    if not radius or n > MOST_PICTURES:
        return replace(scope, no_spots=f"{n:,} pictures are too many")
    expected = _matches_within(spots, turned, sample)
    while radius and expected[radius] > _MAX_SPOT_MATCHES:
        radius = next((narrower for narrower in SPOT_RADII if narrower < radius), 0)
    if not radius:
        return replace(scope, no_spots="most pictures share the same ones")
    return replace(scope, spot_radius=radius)


def _matches_within(spots: SpotSegments, turned: UInt64s, sample: Int64s | None = None) -> Float64s:
    """Estimate how many spots of two images match within each of 0..20 bits, float64 (21,)."""
    n, most = len(spots), SPOT_RADII[0]
    order = (draw_sample(turned) if sample is None else sample)[:_SPOT_AMONG]
    drawn = spots.take(order)
    exists = np.arange(MAX_SPOTS) < drawn.count[:, None]
    among = drawn.hashes[exists]
    picture = np.nonzero(exists)[0]
    counts = np.zeros(most + 1)
    queries = np.flatnonzero(picture < _SPOT_SAMPLE)[::4]
    row, column = np.ascontiguousarray(among.T)
    edges = np.searchsorted(picture, np.arange(len(order) + 1))
    for k in queries.tolist():
        distance = np.bitwise_count(row ^ row[k])
        distance += np.bitwise_count(column ^ column[k])
        # Those of the picture itself do not count. Few are near, and counting all takes as long
        # as everything else here.
        distance[edges[picture[k]] : edges[picture[k] + 1]] = 128
        counts += np.bincount(distance[distance <= most], minlength=most + 1)
    others = (n - 1) / max(len(order) - 1, 1)
    within: Float64s = np.cumsum(counts)
    return within * others * int(spots.count.sum()) / 2 / max(len(queries), 1)


def _neighbors_within(turned: UInt64s, sample: Int64s | None = None) -> Float64s:
    """Count the images within 0..128 bits of a sample of them, in the nearest of 8 orientations.

    Of the sample images that tie have the same neighbors.

    Returns
    -------
    float64 (129,): sums over the sample; of each image at most as many as a search keeps.
    """
    n = len(turned)
    order = (draw_sample(turned) if sample is None else sample)[:_AMONG]
    among_rows, among_columns = np.ascontiguousarray(turned[order, 0].T)
    # Images of the store per image that is compared here.
    share = (n - 1) / max(len(order) - 1, 1)
    counts = np.zeros(129)
    for k in range(min(n, _SAMPLE)):
        least = np.full(len(order), 128, np.uint8)
        for row, column in turned[order[k]]:
            distance = np.bitwise_count(among_rows ^ row)
            distance += np.bitwise_count(among_columns ^ column)
            np.minimum(least, distance, out=least)
        near = np.cumsum(np.bincount(np.delete(least, k), minlength=129)) * share
        counts += np.minimum(near, 2 * MAX_NEIGHBORS)
    return counts
