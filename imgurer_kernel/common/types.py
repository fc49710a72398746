"""Names of the array types that every package uses; docstrings give the shapes."""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Int64s: TypeAlias = NDArray[np.int64]
UInt64s: TypeAlias = NDArray[np.uint64]
"""Mostly hashes: (n, 2), the row hash first."""
UInt32s: TypeAlias = NDArray[np.uint32]
UInt8s: TypeAlias = NDArray[np.uint8]
"""Grays, colours and Hamming distances."""
Float64s: TypeAlias = NDArray[np.float64]
Float32s: TypeAlias = NDArray[np.float32]
BoolMask: TypeAlias = NDArray[np.bool_]
