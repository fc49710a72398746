"""Which engine a search takes: decided by what each is estimated to cost.

All engines give the same result. The costs were measured on one core of 2.4 GHz; only their ratios
matter.
"""

import sys
from dataclasses import dataclass
from typing import Literal

import numpy as np

from imgurer_kernel.common.types import UInt64s
from imgurer_kernel.errors import QueryError
from imgurer_kernel.index.hash_arrays import as_radius
from imgurer_kernel.index.multi_index import Chunking, cheapest

Engine = Literal["scan", "compiled scan", "BK-tree", "multi-index"]

# Seconds to compare two hashes: by numpy, and compiled.
_NUMPY = 1.7e-9
_COMPILED = 0.45e-9

# From so many distinct hashes on a tree is built, where the compiled functions are there; from so
# many ids on they are compiled without being asked for.
TREE_FROM = 16_384
WARM_FROM = 200_000

# Seconds of work by numpy that make it worth to load what is compiled; and to call it, and to
# think about chunks, once it is loaded.
_LOAD = 1.5
_CALL = 0.002
_THINK = 0.15

# Seconds that a tree takes for one query: at any size, and more for each hash the wider the radius.
# Photos and uniform hashes lie on either side of that.
_WALK = 15e-6
_WIDTHS = (0, 4, 8, 10, 12, 16)
_PER_HASH = (0.02e-9, 0.05e-9, 0.12e-9, 0.18e-9, 0.28e-9, 0.6e-9)

# Up to so many queries are asked one by one.
_FEW = 64
_UNIFORM = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class EnginePlan:
    """What a search will be done with.

    Attributes
    ----------
    engine
        ``"scan"`` by numpy, ``"compiled scan"``, ``"BK-tree"`` or ``"multi-index"``.
    reason
        Why, in words.
    seconds
        Estimate on one core, without what it takes to hand over the results.
    chunking
        How multi-index hashing cuts the bits.
    """

    engine: Engine
    reason: str
    seconds: float
    chunking: Chunking | None = None


def plan(n: int, radius: int, queries: int | None = 1, *, compiled: bool = True) -> EnginePlan:
    """What a search over a set of a size would be done with.

    Parameters
    ----------
    n
        Number of distinct hashes.
    radius
        0..128 bits.
    queries
        How many; None for all pairs of the set. For more than a few the estimate takes the hashes
        as uniform, while a search looks at a sample of them.
    compiled
        Whether the compiled functions may be used; a `BKTree` does without them until it is warm.

    Raises
    ------
    InvalidRadius
        If the radius is no whole number from 0 to 128.
    QueryError
        If a number is negative.

    Examples
    --------
    >>> plan(5_000, 10).engine, plan(1_000_000, 10).engine, plan(1_000_000, 10, None).engine
    ('scan', 'BK-tree', 'multi-index')
    """
    radius = as_radius(radius)
    if n < 0 or (queries is not None and queries < 0):
        message = f"a plan is asked for {n} hashes and {queries} queries; give 0 or more of both"
        raise QueryError(message)
    if queries is not None and queries <= _FEW:
        return plan_search(n, radius, queries, "BK-tree" if compiled and n >= TREE_FROM else "scan")
    rng = np.random.default_rng(0)
    uniform = rng.integers(0, 1 << 64, (_UNIFORM, 2), dtype=np.uint64)
    return _bulk(n, queries, radius, uniform, None if queries is None else uniform)


def plan_bulk(hashes: UInt64s, queries: UInt64s | None, radius: int) -> EnginePlan:
    """What a bulk search over these hashes is done with; see `plan`."""
    asked = None if queries is None else len(queries)
    return _bulk(len(hashes), asked, radius, hashes, queries)


def worth_grouping(n: int, queries: int | None) -> bool:
    """Whether a bulk search is long enough to look for equal hashes first."""
    return not _few(n, queries) and _pairs(n, queries) * _COMPILED > _THINK


def _few(n: int, queries: int | None) -> bool:
    """Whether numpy looks at all pairs before anything else would be ready to."""
    # The module is there as soon as another thread begins to compile it, the function when it ends.
    loaded = hasattr(sys.modules.get("imgurer_kernel.index._numba.multi_index"), "join")
    return _pairs(n, queries) * _NUMPY <= (_CALL if loaded else _LOAD)


def _pairs(n: int, queries: int | None) -> int:
    return n * (n - 1) // 2 if queries is None else n * queries


def plan_search(n: int, radius: int, queries: int, engine: Engine) -> EnginePlan:
    """What a few searches take, one by one, with the engine that a tree has at this moment."""
    if engine == "BK-tree":
        reason = f"{n:,} hashes: a search walks a tree and looks at a part of them"
        seconds = _WALK + n * float(np.interp(radius, _WIDTHS, _PER_HASH))
        return EnginePlan(engine=engine, reason=reason, seconds=queries * seconds)
    reason = "nothing is compiled yet: numpy looks at each hash"
    if n < TREE_FROM:
        reason = f"{n:,} hashes are looked at faster than a tree is walked"
    seconds = n * queries * (_NUMPY if engine == "scan" else _COMPILED)
    return EnginePlan(engine=engine, reason=reason, seconds=seconds)


def _bulk(
    n: int, queries: int | None, radius: int, hashes: UInt64s, asked: UInt64s | None
) -> EnginePlan:
    pairs = _pairs(n, queries)
    if _few(n, queries):
        reason = f"{pairs:,} pairs are few enough for numpy"
        return EnginePlan(engine="scan", reason=reason, seconds=pairs * _NUMPY)
    scan = pairs * _COMPILED
    if scan <= _THINK:
        reason = f"{pairs:,} pairs are few enough to look at each"
        return EnginePlan(engine="compiled scan", reason=reason, seconds=scan)
    sizes = n, n if queries is None else queries
    chunking = cheapest(hashes, asked, radius, sizes)
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
