"""Population count and Hamming distance for use inside other compiled functions."""

# numba infers the types of all of these.
# mypy: disable-error-code="no-untyped-def, untyped-decorator"
# ruff: noqa: ANN001, ANN202

from typing import Any

from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic


def _popcount(_typing_context, _word):
    """Count the set bits of a uint64, by a machine instruction that LLVM can vectorize."""

    def generate(_context, builder, _signature, arguments):
        count = builder.module.declare_intrinsic("llvm.ctpop", [ir.IntType(64)])
        return builder.call(count, arguments)

    return types.uint64(types.uint64), generate


popcount: Any = intrinsic(_popcount)


@njit
def hamming(row, column, other_row, other_column):
    """Compute the distance of two 128-bit hashes, as uint64."""
    return popcount(row ^ other_row) + popcount(column ^ other_column)
