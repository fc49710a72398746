"""Reduce grays of more than 8 bits to 8 (pure arrays)."""

from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray

from imgurer_kernel.common.types import UInt8s

# Scales that are shifts by whole bits, which are faster than multiplications.
_SHIFTS = {1.0: 0, 1 / 16: 4, 1 / 256: 8}


@dataclass(frozen=True, slots=True)
class Scale:
    """Map of values to levels 0..255: subtract `low`, multiply by `factor`, clip."""

    low: float
    factor: float


def scale_whole(low: float, high: float) -> Scale:
    """Choose the scale for integers that span low..high.

    A file does not declare how many of its 16 bits are used, so the highest value decides between
    8, 12 and 16. The levels are the high bytes, as in Pillow for 16-bit colours. Ranges that are no
    brightness (negative, or above 16 bits) are stretched to 0..255.

    Examples
    --------
    >>> scale_whole(12, 65535).factor, scale_whole(12, 4000).factor, scale_whole(-5, 5).low
    (0.00390625, 0.0625, -5.0)
    """
    if low < 0 or high > 65_535:
        return _spread(low, high)
    return Scale(0.0, 1 / 256 if high > 4095 else 1 / 16 if high > 255 else 1.0)


def scale_real(low: float, high: float) -> Scale:
    """Choose the scale for floats that span low..high: 0..1, 0..255, or the range itself.

    Examples
    --------
    >>> scale_real(0.2, 0.9).factor, scale_real(0.0, 200.0).factor
    (255.0, 1.0)
    """
    if low < 0 or high > 255:
        return _spread(low, high)
    return Scale(0.0, 255.0 if high <= 1 else 1.0)


def _spread(low: float, high: float) -> Scale:
    span = float(high) - float(low)
    # Half a level below 256 keeps the highest value at 255.
    return Scale(float(low), 255.999 / span if span > 0 else 0.0)


def extremes(values: NDArray[np.generic]) -> tuple[float, float]:
    """Return the lowest and the highest finite value; 0, 0 if there is none."""
    finite = values if values.dtype.kind in "ui" else values[np.isfinite(values)]
    return (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)


def levels(values: NDArray[np.generic], scale: Scale) -> UInt8s:
    """Convert values to levels; infinities become black or white, NaN becomes black.

    Examples
    --------
    >>> levels(np.array([0, 255, 256, 65535], dtype=np.uint16), scale_whole(0, 65535)).tolist()
    [0, 0, 1, 255]
    """
    if values.dtype.kind in "ui" and scale.low == 0 and scale.factor in _SHIFTS:
        whole = cast("NDArray[np.int32]", values)
        return (whole >> _SHIFTS[scale.factor]).clip(0, 255).astype(np.uint8)
    with np.errstate(invalid="ignore"):  # infinity times a factor of 0
        scaled = (values.astype(np.float64) - scale.low) * scale.factor
    return np.clip(np.nan_to_num(scaled, nan=0.0), 0, 255).astype(np.uint8)
