"""One picture against all others: in which ways its hashes are near theirs.

The searches of `imgurer_kernel.matching.candidates`, for a single query: its picture in 8
orientations and its content, against pictures and contents. Pure: arrays in, arrays out.
"""

import numpy as np

from imgurer_kernel.common.types import Int64s, UInt8s, UInt64s
from imgurer_kernel.fingerprint.hashes.dhash import turned_hashes
from imgurer_kernel.index.lookup import matches
from imgurer_kernel.matching.candidates import Candidates
from imgurer_kernel.matching.regions import CONTENT, WHOLE


def ways_to(
    grays: UInt8s, content: tuple[int, int], whole: UInt64s, contents: UInt64s, radius: int
) -> Candidates:
    """The ways in which a query is near to images, sorted, the nearest way of each image first.

    Parameters
    ----------
    grays
        uint8 (9, 9) of the query.
    content
        Hash of the query without its uniform borders.
    whole, contents
        uint64 (n, 2): hashes of the images, and of them without their borders.
    radius
        Bits, 0..128.

    Returns
    -------
    The query is number 0, image k is number k + 1.
    """
    turned = turned_hashes(grays[None])[0]
    inner = np.array([content], np.uint64)
    bordered = np.flatnonzero((whole != contents).any(axis=1))
    parts = [
        _near(turned, whole, radius, WHOLE, WHOLE),
        _near(turned, contents[bordered], radius, WHOLE, CONTENT, bordered),
        _near(inner, contents[bordered], radius, CONTENT, CONTENT, bordered),
    ]
    if (inner[0] != turned[0]).any():
        parts.append(_near(inner, whole, radius, CONTENT, WHOLE))
    rows = parts[0]
    for part in parts[1:]:
        rows = rows.joined(part)
    keys = (rows.orientation, rows.other_region, rows.region, rows.distance, rows.second)
    return rows.take(np.lexsort(keys))


def _near(
    queries: UInt64s,
    hashes: UInt64s,
    radius: int,
    view: int,
    other_view: int,
    numbers: Int64s | None = None,
) -> Candidates:
    chunks = [*matches(hashes, queries, radius), (np.empty(0, np.int64),) * 3]
    query, hit, distance = (np.concatenate(column) for column in zip(*chunks, strict=True))
    hit = hit if numbers is None else numbers[hit]
    return Candidates(
        first=np.zeros(len(hit), np.int64),
        second=hit.astype(np.int64) + 1,
        distance=distance.astype(np.int64),
        orientation=query.astype(np.int64),
        region=np.full(len(hit), view),
        other_region=np.full(len(hit), other_view),
    )
