"""Choose the engine of a search by the estimated cost of each.

All engines give the same result. The costs were measured on one core of 2.4 GHz; only their ratios
matter. Those of single searches are from ``benchmarks/search_engines.py``.

- A scan compares each hash, by numpy or by compiled code. It is the fastest for under 10,000
  hashes, and for a radius at which most hashes are in reach of any query: from about 20 bits on for
  100,000 photos.
- A BK-tree compares the hashes that are in reach: the fastest that fits into memory for single
  queries, in each orientation, with and without borders.
- Multi-index hashing first sorts all hashes by parts of their bits: the fastest for thousands of
  queries, and for all pairs. For a million hashes and 4 to 16 bits it would take half the time of
  the tree for single queries, too, if its tables were kept. They would take 34 bytes for each hash,
  and more for smaller sets, compared with 59 for all other data of a search; and each addition and
  removal would have to move hashes in all of them.
"""

import sys
from dataclasses import dataclass
from typing import Literal

import numpy as np

from imgurer_kernel.common.types import UInt64s
from imgurer_kernel.errors import QueryError
from imgurer_kernel.index.hash_arrays import as_radius
from imgurer_kernel.index.multi_index import Chunking, choose_chunking

Engine = Literal["scan", "compiled scan", "BK-tree", "multi-index"]

# Seconds to compare two hashes: by numpy; by compiled code; and by compiled code that excludes
# nearly all by their row hashes, up to a radius of 14 (see `imgurer_kernel.index._numba.scan`).
_NUMPY = 1.7e-9
_COMPILED = 0.45e-9
_COMPILED_ROWS = 0.22e-9
_ROWS_FIRST = 14

# Least number of distinct hashes for which a tree is built, if the compiled functions are loaded: a
# search of a tree of 20,000 takes two thirds of the time of a scan at a radius of 8. Least number
# of ids for which they are compiled automatically; a scan of fewer by numpy takes under 0.5 ms.
TREE_FROM = 16_384
WARM_FROM = 200_000

# Seconds of work by numpy from which on it pays to load compiled functions; below, seconds from
# which on it pays to call them, and to choose chunks, once they are loaded.
_LOAD = 1.5

# The same if the work of a whole job is known beforehand: loading from numba's cache takes 0.3 to
# 0.5 s, part of which the job would need for its later steps anyway.
_LOAD_FOR_JOB = 0.5
_CALL = 0.002
_CHOOSE = 0.15

# Seconds that a tree takes for one query at any size, and for each hash in reach: about as much as
# a scan, in spite of random access. If more than this share is in reach, a search scans: for
# 100,000 and 1 million hashes, photo-like and uniform, both take the same time at 0.7 to 0.8.
_WALK = 15e-6
_PER_HASH = 0.4e-9
WORTH_WALKING = 0.75

# The share of photo-like hashes in reach of a query at a radius, used as long as there is no tree
# from which it can be computed.
_RADII = (0, 4, 8, 10, 12, 16, 20, 24, 32)
_REACHES = (0.002, 0.06, 0.20, 0.29, 0.38, 0.56, 0.72, 0.83, 1.0)

# Up to this many queries are searched one by one.
_FEW = 64
_UNIFORM = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class EnginePlan:
    """The engine of a search, and why.

    Attributes
    ----------
    engine
        ``"scan"`` by numpy, ``"compiled scan"``, ``"BK-tree"`` or ``"multi-index"``.
    reason
        Why, in words.
    seconds
        Estimate on one core, without the time to return the results.
    chunking
        Division of the bits for multi-index hashing; None for other engines.
    """

    engine: Engine
    reason: str
    seconds: float
    chunking: Chunking | None = None


def plan(n: int, radius: int, queries: int | None = 1, *, compiled: bool = True) -> EnginePlan:
    """Return the engine for a search over a set of a size.

    Parameters
    ----------
    n
        Number of distinct hashes.
    radius
        0..128 bits.
    queries
        Their number; None for all pairs of the set. For more than a few the estimate assumes
        uniform hashes, while a search uses a sample of its own.
    compiled
        Whether the compiled functions may be used; a `BKTree` uses none until it is warm.

    Raises
    ------
    InvalidRadius
        If the radius is not a whole number from 0 to 128.
    QueryError
        If a number is negative.

    Examples
    --------
    >>> plan(5_000, 10).engine, plan(1_000_000, 10).engine, plan(1_000_000, 10, None).engine
    ('scan', 'BK-tree', 'multi-index')
    >>> plan(1_000_000, 24).engine
    'compiled scan'
    """
    radius = as_radius(radius)
    if n < 0 or (queries is not None and queries < 0):
        message = f"a plan is asked for {n} hashes and {queries} queries; give 0 or more of both"
        raise QueryError(message)
    if queries is not None and queries <= _FEW:
        tree = compiled and n >= TREE_FROM  # smaller sets have no tree
        reach = float(np.interp(radius, _RADII, _REACHES)) if tree else None
        return plan_search(n, radius, queries, compiled=tree, reach=reach)
    rng = np.random.default_rng(0)
    uniform = rng.integers(0, 1 << 64, (_UNIFORM, 2), dtype=np.uint64)
    return _plan_bulk(n, queries, radius, uniform, None if queries is None else uniform)


def plan_bulk(hashes: UInt64s, queries: UInt64s | None, radius: int) -> EnginePlan:
    """Return the engine for a bulk search over these hashes; see `plan`."""
    count = None if queries is None else len(queries)
    return _plan_bulk(len(hashes), count, radius, hashes, queries)


def worth_grouping(n: int, queries: int | None) -> bool:
    """Return whether grouping equal hashes first pays for a bulk search."""
    return not _numpy_is_fastest(n, queries) and _pairs(n, queries) * _COMPILED > _CHOOSE


def _numpy_is_fastest(n: int, queries: int | None) -> bool:
    """Return whether numpy scans all pairs sooner than compiled code would be loaded or called."""
    # A module is in sys.modules when another thread begins to compile it, the function at the end.
    loaded = hasattr(sys.modules.get("imgurer_kernel.index._numba.multi_index"), "join")
    return _pairs(n, queries) * _NUMPY <= (_CALL if loaded else _LOAD)


def worth_loading(pairs: int) -> bool:
    """Return whether loading compiled code pays for a job with this number of pairs of hashes.

    Each of its searches alone may be too small for that.

    Examples
    --------
    >>> worth_loading(1_000_000), worth_loading(1_000_000_000)
    (False, True)
    """
    return pairs * _NUMPY > _LOAD_FOR_JOB


def _pairs(n: int, queries: int | None) -> int:
    return n * (n - 1) // 2 if queries is None else n * queries


def plan_search(
    n: int, radius: int, queries: int, *, compiled: bool, reach: float | None
) -> EnginePlan:
    """Return the engine for a few searches, one by one.

    Parameters
    ----------
    n
        Number of distinct hashes.
    radius
        0..128 bits.
    queries
        Their number.
    compiled
        Whether the compiled functions are loaded.
    reach
        Share of the hashes, 0..1, that a search of the tree compares; None without a tree.
    """
    if reach is not None and reach <= WORTH_WALKING:
        reason = f"{n:,} hashes: a search walks a tree and looks at {reach:.0%} of them"
        seconds = _WALK + n * reach * _PER_HASH
        return EnginePlan(engine="BK-tree", reason=reason, seconds=queries * seconds)
    if not compiled:
        reason = "nothing is compiled yet: numpy looks at each hash"
        if n < TREE_FROM:
            reason = f"{n:,} hashes are looked at faster than a tree is walked"
        return EnginePlan(engine="scan", reason=reason, seconds=n * queries * _NUMPY)
    reason = f"{n:,} hashes are looked at faster than a tree is walked"
    if reach is not None:
        reason = f"within {radius} bits a tree leaves out {1 - reach:.0%} only: a scan is faster"
    seconds = n * queries * (_COMPILED_ROWS if radius <= _ROWS_FIRST else _COMPILED)
    return EnginePlan(engine="compiled scan", reason=reason, seconds=seconds)


def _plan_bulk(
    n: int, count: int | None, radius: int, hashes: UInt64s, queries: UInt64s | None
) -> EnginePlan:
    """Plan for n hashes and `count` queries, of which the arrays may be samples."""
    pairs = _pairs(n, count)
    if _numpy_is_fastest(n, count):
        reason = f"{pairs:,} pairs are few enough for numpy"
        return EnginePlan(engine="scan", reason=reason, seconds=pairs * _NUMPY)
    scan = pairs * _COMPILED
    if scan <= _CHOOSE:
        reason = f"{pairs:,} pairs are few enough to look at each"
        return EnginePlan(engine="compiled scan", reason=reason, seconds=scan)
    sizes = n, n if count is None else count
    chunking = choose_chunking(hashes, queries, radius, sizes)
    if chunking.seconds > scan:
        reason = f"radius {radius} is so wide that tables would not save more than they cost"
        return EnginePlan(engine="compiled scan", reason=reason, seconds=scan)
    reason = (
        f"{pairs:,} pairs: {int((chunking.radii >= 0).sum())} tables leave a small part of them "
        f"to look at, for about {scan / chunking.seconds:.0f} times less work"
    )
    return EnginePlan(
        engine="multi-index", reason=reason, seconds=chunking.seconds, chunking=chunking
    )
