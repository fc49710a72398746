"""Convert the result of a search to named arrays and back, to be kept in files."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, TypeVar

import numpy as np

from imgurer_kernel.matching.candidates import Candidates
from imgurer_kernel.matching.clusters.budget import SearchScope
from imgurer_kernel.matching.clusters.cluster_table import ClusterTable
from imgurer_kernel.matching.clusters.incremental import ClusterResult, ImageState
from imgurer_kernel.matching.pair_table import Pairs
from imgurer_kernel.matching.result_cache import ResultCache

VERSION = 31
"""To be raised whenever the same pictures get other clusters, measures or labels."""

Arrays = Mapping[str, np.ndarray[Any, Any]]
Record = TypeVar("Record")


def result_arrays(result: ClusterResult) -> dict[str, np.ndarray[Any, Any]]:
    """List the arrays of a result by name, such as ``"pairs.first"``; without `scope`."""
    return {
        **record_arrays("clusters", result.clusters),
        **record_arrays("pairs", result.pairs),
        **record_arrays("candidates", result.candidates),
        **record_arrays("images", result.images),
        **cache_arrays("comparisons", result.comparisons),
        **cache_arrays("judgements", result.judgements),
        **cache_arrays("original_judgements", result.original_judgements),
    }


def result_from(arrays: Arrays, scope: SearchScope, uninformative: int) -> ClusterResult:
    """Rebuild the result from the arrays of `result_arrays`, without a copy.

    Raises
    ------
    KeyError
        If an array is missing.
    """
    return ClusterResult(
        clusters=record_from(arrays, "clusters", ClusterTable),
        pairs=record_from(arrays, "pairs", Pairs),
        scope=scope,
        uninformative=uninformative,
        candidates=record_from(arrays, "candidates", Candidates, negative=None, start=None),
        images=record_from(arrays, "images", ImageState, windows=None),
        comparisons=cache_from(arrays, "comparisons"),
        judgements=cache_from(arrays, "judgements"),
        original_judgements=cache_from(arrays, "original_judgements"),
    )


def record_arrays(name: str, record: Any) -> dict[str, np.ndarray[Any, Any]]:  # noqa: ANN401
    """List the arrays of a dataclass by name, without fields that are None."""
    columns = {field.name: getattr(record, field.name) for field in fields(record)}
    return {f"{name}.{key}": column for key, column in columns.items() if column is not None}


def record_from(arrays: Arrays, name: str, kind: type[Record], **absent: None) -> Record:
    """Rebuild a dataclass from its arrays; fields in `absent` may be missing."""
    columns: dict[str, Any] = dict(absent)
    for field in fields(kind):  # type: ignore[arg-type]
        key = f"{name}.{field.name}"
        if field.name not in absent or key in arrays:
            columns[field.name] = arrays[key]
    return kind(**columns)


def cache_arrays(name: str, cache: ResultCache) -> dict[str, np.ndarray[Any, Any]]:
    """List the three columns of a cache by name."""
    keys, owners, values = cache.columns()
    return {f"{name}.keys": keys, f"{name}.owners": owners, f"{name}.values": values}


def cache_from(arrays: Arrays, name: str) -> ResultCache:
    """Rebuild the cache from the arrays of `cache_arrays`."""
    return ResultCache.of(*(arrays[f"{name}.{key}"] for key in ("keys", "owners", "values")))
