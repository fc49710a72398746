"""One picture against all others: every match between its hashes and theirs.

The searches of `imgurer_kernel.matching.hash_candidates`, for a single query: its picture in 8
orientations, its content and its negative, against pictures and contents. Pure: how hashes are
searched is handed in, so that a BK-tree may do it or a scan.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from imgurer_kernel.common.types import Int64s, UInt8s, UInt64s
from imgurer_kernel.fingerprint.hashes.dhash import turned_hashes
from imgurer_kernel.matching.candidates import Candidates
from imgurer_kernel.matching.hash_candidates import NEGATIVE_RADIUS
from imgurer_kernel.matching.regions import CONTENT, WHOLE

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
        Searches hashes of whole pictures. Images are numbered from 1 by it.
    contents
        Searches hashes of pictures without their uniform borders, of those only where the two
        differ: a picture without a border would be found twice.
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
