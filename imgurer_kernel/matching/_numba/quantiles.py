"""Quantiles inside other compiled functions: numpy's take seconds to compile at each use."""

# numba infers other types than mypy.
# mypy: disable-error-code="no-any-return"

import numpy as np

from imgurer_kernel.common.numba_jit import compiled
from imgurer_kernel.common.types import Float64s


@compiled("float64(float64[::1], float64)")
def quantile(values: Float64s, share: float) -> float:
    """Return the value below which a share of the values lies, between two of them linearly."""
    ordered = np.sort(values)
    place = share * (len(ordered) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)
