"""Compute the evidence about two pictures, whether they are in a store or not."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC

import numpy as np

from imgurer_kernel.common.types import Float64s, Int64s, UInt8s, UInt64s
from imgurer_kernel.fingerprint import decode
from imgurer_kernel.fingerprint.decode import to_gray
from imgurer_kernel.fingerprint.hashes.dhash import ORIENTATIONS, dhash_many
from imgurer_kernel.fingerprint.hashes.frame_hash import key_arrays
from imgurer_kernel.fingerprint.rendition import THUMBNAIL
from imgurer_kernel.index import BKTree
from imgurer_kernel.matching.affine import compose, invert, nearest_orientation
from imgurer_kernel.matching.border_depths import are_borders
from imgurer_kernel.matching.candidates import Candidates, concatenate, keep_nearest
from imgurer_kernel.matching.clusters.budget import SPOT_VOTES, WINDOW_RADIUS, usual_spot_radius
from imgurer_kernel.matching.evidence import Evidence
from imgurer_kernel.matching.image_cache import ImageCache
from imgurer_kernel.matching.labels import (
    Appearance,
    appearance_of,
    label_for,
    may_be_equal,
    measure_pairs,
)
from imgurer_kernel.matching.pair_table import Pairs
from imgurer_kernel.matching.pair_verifier import verify_candidates
from imgurer_kernel.matching.picture_loaders import PictureLoaders
from imgurer_kernel.matching.query_candidates import (
    QueryPicture,
    StoredPictures,
    picture_candidates,
    query_candidates,
)
from imgurer_kernel.matching.regions import window_grays
from imgurer_kernel.matching.relation import DETAILS, NO_DUPLICATE, detail_words
from imgurer_kernel.matching.spot_candidates import SpotTable
from imgurer_kernel.matching.spots import Spots, find_spots
from imgurer_kernel.matching.verify import PreparedPictures
from imgurer_kernel.workbench.pictures.image_loader import THUMBNAIL_SIDE, in_colour
from imgurer_kernel.workbench.pictures.query import Query

CANDIDATE_RADIUS = 24
"""Bits within which nearly all duplicates are; measured, see benchmarks/accuracy.md."""

_UNCHANGED = frozenset({"exact", "same pixels", "re-encoded", "resized"})
"""Labels of copies that need no further description."""

_ALL_BITS = 128  # bits: a whole hash


def evidence_of(
    one: Query,
    other: Query,
    original: Callable[[str], UInt8s | None] | None = None,
    equal_pixels: Callable[[str, str], bool] | None = None,
) -> Evidence:
    """Compare two pictures, however far apart their hashes are.

    The result does not depend on the order. `original` returns the original of a digest, or None if
    it cannot be read; `equal_pixels` returns whether the originals of two digests have equal
    pixels.
    """
    # Aligning one picture to the other is not symmetric to the last bit, so fix the order.
    if one.digest > other.digest:
        return replace(
            evidence_of(other, one, original, equal_pixels).reversed(), first=0, second=1
        )
    found = _compare(one, other, original)
    grays = [np.frombuffer(each.fingerprint.verification, np.uint8) for each in (one, other)]
    if (
        equal_pixels
        and may_be_equal(found.label, *grays)
        and equal_pixels(one.digest, other.digest)
    ):
        return replace(found, label="same pixels", detail="")
    return found


def _compare(one: Query, other: Query, original: Callable[[str], UInt8s | None] | None) -> Evidence:
    """Search for each picture with the other, and compare them from the matches found."""

    def originals(positions: Int64s) -> list[UInt8s]:
        decoded = [original((one, other)[k].digest) for k in positions] if original else []
        return [picture for picture in decoded if picture is not None]

    images = _image_cache(one, other, originals)
    frames = key_arrays([each.fingerprint.frame_key for each in (one, other)])
    # A search finds a pair by the first of these matches; use the same, for equal labels and bits.
    near = _both_ways(one, other, CANDIDATE_RADIUS)
    if len(near):
        evidence = _evidence(one, other, verify_candidates(near, images, frames=frames), images)
        if evidence.duplicate:
            return evidence
    rows = _both_ways(one, other, _ALL_BITS)
    return _evidence(one, other, verify_candidates(rows, images, frames=frames), images)


def _both_ways(one: Query, other: Query, radius: int) -> Candidates:
    """Find all matches by which a search could find one picture with the other, in either order."""
    forward, backward = _matches(one, other, radius), _matches(other, one, radius)
    backward = backward.at(backward.second, backward.first).reversed(
        np.ones(len(backward), np.bool_)
    )
    return keep_nearest(concatenate((forward, backward)))


def _matches(one: Query, other: Query, radius: int) -> Candidates:
    """Find all matches of two pictures by hashes within this many bits."""
    whole, contents = BKTree(), BKTree()
    whole.add(1, other.fingerprint.dhash)
    if other.fingerprint.trimmed_dhash != other.fingerprint.dhash:
        contents.add(1, other.fingerprint.trimmed_dhash)
    searches = whole.search_many, contents.search_many
    if not (one.fingerprint.informative and other.fingerprint.informative):
        return query_candidates(one.grays, one.fingerprint.trimmed_dhash, *searches, radius)
    spots, windows = zip(*(_features_of(each) for each in (one, other)), strict=True)
    position = np.array([1])
    stored = StoredPictures(
        windowed=position,
        windows=windows[1][None],
        spotted=position,
        spots=SpotTable.of(spots[1]),
        hashes=np.array([other.fingerprint.dhash], np.uint64),
        spot_radius=usual_spot_radius(2),
        spot_votes=SPOT_VOTES,
    )
    picture = QueryPicture(one.grays, one.fingerprint.trimmed_dhash, windows[0], spots[0])
    return picture_candidates(picture, *searches, stored, radius, WINDOW_RADIUS)


def _features_of(query: Query) -> tuple[Spots, UInt64s]:
    """Find the spots of a picture, one row, and the hashes of its windows, uint64 (24, 2)."""
    thumbnail = decode.read(query.fingerprint.thumbnail, colour=False, frame=THUMBNAIL)
    spots = find_spots(thumbnail.view().gray())
    grays = np.frombuffer(query.fingerprint.verification, np.uint8).reshape(1, 64, 64)
    return spots, dhash_many(window_grays(grays)[0])


def evidence_by_cluster(
    one: Query, other: Query, ids: tuple[int, int], member_edges: Pairs
) -> Evidence:
    """Derive the evidence of two members of a cluster from that of each with the medoid.

    A crop of a crop is found via the crop between them, two halves of a picture via the whole;
    compared directly they may have nothing in common.

    Parameters
    ----------
    ids
        The ids of both.
    member_edges
        The pairs of the cluster's medoid with them, by ids; a single pair if one is the medoid.
    """
    ends = np.column_stack((member_edges.first, member_edges.second))
    to_medoid = [
        _map_from(member_edges.take(np.flatnonzero((ends == k).any(axis=1))), k) for k in ids
    ]
    via = None if len(member_edges) == 1 else next(k for k in ends[0].tolist() if k not in ids)
    least = int(np.argmin(member_edges.measures[:, 1]))
    maps = to_medoid[0] if via is None else compose(to_medoid[0], invert(to_medoid[1]))
    found = replace(
        member_edges.take(np.array([least])),
        first=np.array([0]),
        second=np.array([1]),
        maps=maps,
        orientation=nearest_orientation(maps),
        negative=np.array([np.logical_xor.reduce(member_edges.negative)]),
    )
    images = _image_cache(one, other)
    depths = images.border_depths(np.arange(2))
    found.details[:, DETAILS - 1] = are_borders(depths[:1], depths[1:], maps)
    return replace(_evidence(one, other, found, images), via=via)


def _map_from(edge: Pairs, image_id: int) -> Float64s:
    """Return the map of one pair from an image to the other, float64 (1, 6)."""
    return edge.maps if edge.first[0] == image_id else invert(edge.maps)


def _image_cache(
    one: Query, other: Query, originals: Callable[[Int64s], list[UInt8s]] | None = None
) -> ImageCache:
    """Make a cache of both pictures, at positions 0 and 1."""
    pictures = np.frombuffer(
        one.fingerprint.verification + other.fingerprint.verification, np.uint8
    ).reshape(2, 64, 64)
    loaders = PictureLoaders(
        lambda ids: pictures[ids],
        lambda ids: _thumbnails(one, other, ids),
        lambda ids: [in_colour((one, other)[k].fingerprint.thumbnail) for k in ids],
        lambda ids: np.array([taken_of((one, other)[k]) for k in ids], np.int64),
        originals,
    )
    return ImageCache(np.arange(2), loaders)


def _evidence(one: Query, other: Query, found: Pairs, images: ImageCache) -> Evidence:
    """Make the evidence of a compared pair, given as one row."""
    seen = images.read(np.arange(2))
    sides = [query_appearance(each, seen, k) for k, each in enumerate((one, other))]
    close = measure_pairs(found, seen, np.arange(1), np.arange(1, 2))[0]
    correlation, score, overlap = (float(value) for value in found.measures[0])
    flat = not (one.fingerprint.informative and other.fingerprint.informative)
    label = label_for(found, 0, sides[0], sides[1], close)
    pixels = one.fingerprint.pixels
    if one.digest == other.digest:
        label = "exact"
    elif pixels and pixels == other.fingerprint.pixels:
        label = "same pixels"
    elif label == "unverified" or flat:
        label = "different"
    return Evidence(
        first=0,
        second=1,
        distance=int(found.distance[0]),
        orientation=ORIENTATIONS[int(found.orientation[0])],
        score=score,
        correlation=correlation,
        overlap=overlap,
        transform=close.transform,
        label=label,
        detail="" if label in {*NO_DUPLICATE, *_UNCHANGED} else detail_words(found.details[0]),
    )


def query_appearance(query: Query, seen: PreparedPictures, position: int) -> Appearance:
    """Describe the appearance of a query whose picture was prepared at this position."""
    found = query.fingerprint
    return appearance_of(found.width, found.height, query.grays, seen, position)


def _thumbnails(one: Query, other: Query, ids: Int64s) -> UInt8s:
    both = [to_gray(each.fingerprint.thumbnail, THUMBNAIL_SIDE) for each in (one, other)]
    return np.stack(both)[ids]


def taken_of(query: Query) -> int:
    """Return the capture time by the camera's clock, in seconds; 0 if unknown."""
    taken = query.fingerprint.facts.taken_at
    return 0 if taken is None else int(taken.replace(tzinfo=UTC).timestamp())
