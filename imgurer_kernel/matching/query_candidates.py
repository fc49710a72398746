"""Find candidates of one picture: every match between its hashes and those of all images.

The searches of `imgurer_kernel.matching.hash_candidates`, for a single query: its picture in 8
orientations, its content and its negative, against pictures and contents. Pure: the search for
hashes is passed in, such as a BK-tree or a scan.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from imgurer_kernel.common.types import Int64s, UInt8s, UInt64s
from imgurer_kernel.fingerprint.hashes.dhash import turned_hashes
from imgurer_kernel.index.hash_arrays import scan
from imgurer_kernel.matching.candidates import Candidates, concatenate, keep_nearest
from imgurer_kernel.matching.hash_candidates import NEGATIVE_RADIUS
from imgurer_kernel.matching.regions import CONTENT, FIRST_WINDOW, WHOLE, WINDOWS
from imgurer_kernel.matching.spot_candidates import SpotTable, find_query_spots
from imgurer_kernel.matching.spots import Spots

HashSearch = Callable[[UInt64s, int], tuple[Int64s, Int64s, UInt8s]]
"""Finds all images within a radius of each query: takes uint64 (q, 2), row hash first, and bits;
returns the position of the query, the number of the image and the distance, (k,) each, such as
`imgurer_kernel.index.BKTree.search_many` does."""


def query_candidates(
    grays: UInt8s, content: tuple[int, int], whole: HashSearch, contents: HashSearch, radius: int
) -> Candidates:
    """Find all matches between a query and images, sorted, the nearest match of each image first.

    Parameters
    ----------
    grays
        uint8 (9, 9) of the query.
    content
        Hash of the query without its uniform borders.
    whole
        Searches hashes of whole pictures; it numbers images from 1.
    contents
        Searches hashes of pictures without their uniform borders, only of pictures where the two
        differ: one without a border would be found twice.
    radius
        Bits, 0..128.

    Returns
    -------
    The query is number 0.
    """
    turned = turned_hashes(grays[None])[0]
    inner = np.array([content], np.uint64)
    parts = [
        _matches(whole, turned, radius, WHOLE, WHOLE),
        _matches(contents, turned, radius, WHOLE, CONTENT),
        _matches(contents, inner, radius, CONTENT, CONTENT),
    ]
    if (inner[0] != turned[0]).any():
        parts.append(_matches(whole, inner, radius, CONTENT, WHOLE))
    negatives = _matches(whole, ~turned[:1], min(radius, NEGATIVE_RADIUS), WHOLE, WHOLE)
    parts.append(replace(negatives, negative=np.ones(len(negatives), np.bool_)))
    found = parts[0]
    for part in parts[1:]:
        found = found.joined(part)
    keys = (found.are_negative, found.orientation, found.other_region, found.region)
    return found.take(np.lexsort((*keys, found.distance, found.second)))


def _matches(
    search: HashSearch, queries: UInt64s, radius: int, view: int, other_view: int
) -> Candidates:
    """Search for a view of the query in all its orientations, (q, 2), among one of the images."""
    query, image, distance = search(queries, radius)
    return Candidates(
        first=np.zeros(len(image), np.int64),
        second=image,
        distance=distance.astype(np.int64),
        orientation=query,
        region=np.full(len(image), view),
        other_region=np.full(len(image), other_view),
    )


@dataclass(frozen=True, slots=True, eq=False)
class QueryPicture:
    """The properties of a picture whose neighbors are searched for.

    Attributes
    ----------
    grays
        uint8 (9, 9).
    content
        Hash of the picture without its uniform borders.
    windows
        uint64 (24, 2): hashes of its windows.
    spots
        One row; None to search without spots.
    """

    grays: UInt8s
    content: tuple[int, int]
    windows: UInt64s
    spots: Spots | None = None


@dataclass(frozen=True, slots=True, eq=False)
class StoredPictures:
    """The windows and spots that are searched besides the hashes of pictures and contents.

    Attributes
    ----------
    windowed, windows
        int64 (m,): images whose windows are known, and their hashes, uint64 (m, 24, 2).
    spotted, spots
        int64 (k,): images whose spots are known, ascending, and these spots.
    hashes
        uint64 (k, 2): of the images in `spotted`.
    spot_radius, spot_votes
        Bits between spots, 0 to leave them out, and how many must agree.
    """

    windowed: Int64s
    windows: UInt64s
    spotted: Int64s
    spots: SpotTable
    hashes: UInt64s
    spot_radius: int
    spot_votes: int


def picture_candidates(
    query: QueryPicture,
    whole: HashSearch,
    contents: HashSearch,
    stored: StoredPictures,
    radius: int,
    window_radius: int,
) -> Candidates:
    """Find all matches of a picture that a search for clusters would find.

    Parameters
    ----------
    whole, contents
        As `query_candidates` has them.
    radius, window_radius
        Bits between whole pictures or contents, and between a window and a whole.

    Returns
    -------
    As `imgurer_kernel.matching.candidates.keep_nearest` leaves them; the picture is number 0, and
    where it is among the images it is its own match.
    """
    turned = turned_hashes(query.grays[None])[0]
    found = query_candidates(query.grays, query.content, whole, contents, radius)
    cut = _matches(whole, query.windows, window_radius, WHOLE, WHOLE)
    # Each window was one query: the query's index is the window's.
    window, upright = cut.orientation + FIRST_WINDOW, np.zeros(len(cut), np.int64)
    parts = [
        found,
        replace(cut, orientation=upright, region=window),
        _stored_windows(turned[0], stored, window_radius),
    ]
    if query.spots is not None and stored.spot_radius:
        search = stored.spots, stored.hashes, stored.spot_radius, stored.spot_votes
        shared = find_query_spots(query.spots, turned, *search)
        parts.append(replace(shared, second=stored.spotted[shared.second - 1]))
    return keep_nearest(concatenate(parts))


def _stored_windows(whole: UInt64s, stored: StoredPictures, radius: int) -> Candidates:
    """Search the windows of the images for a whole picture, (2,)."""
    words = stored.windows.reshape(-1, 2)
    near, distance = scan(words[:, 0], words[:, 1], (int(whole[0]), int(whole[1])), radius)
    image, window = np.divmod(near, len(WINDOWS))
    zeros = np.zeros(len(near), np.int64)
    return Candidates(
        first=zeros,
        second=stored.windowed[image],
        distance=distance.astype(np.int64),
        orientation=zeros,
        region=zeros,
        other_region=window + FIRST_WINDOW,
    )
