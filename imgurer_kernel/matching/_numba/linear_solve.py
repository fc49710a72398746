"""Solve small dense equations inside other compiled functions."""

# numba infers other types than mypy.
# mypy: disable-error-code="no-any-return, return-value"

import numpy as np

from imgurer_kernel.common.numba_jit import compiled
from imgurer_kernel.common.types import Float32s, Float64s


@compiled("float32(float32[::1], float32[::1])", fastmath=True)
def dot(one: Float32s, other: Float32s) -> float:
    """Return the scalar product of two arrays."""
    total = np.float32(0)
    for k in range(one.shape[0]):
        total += one[k] * other[k]
    return total


@compiled("boolean(float64[:, ::1], float64[::1])", fastmath=True)
def solve(matrix: Float64s, right_side: Float64s) -> bool:
    """Solve in place by Cholesky's method; False where the matrix is not positive definite.

    Of the symmetric matrix only the lower triangle is read. It is overwritten with the factor,
    the right side with the solution.
    """
    n = right_side.shape[0]
    for i in range(n):
        for j in range(i + 1):
            rest = matrix[i, j]
            for k in range(j):
                rest -= matrix[i, k] * matrix[j, k]
            if i != j:
                matrix[i, j] = rest / matrix[j, j]
            elif rest > 0:
                matrix[i, i] = np.sqrt(rest)
            else:
                return False
        for k in range(i):
            right_side[i] -= matrix[i, k] * right_side[k]
        right_side[i] /= matrix[i, i]
    for i in range(n - 1, -1, -1):
        for k in range(i + 1, n):
            right_side[i] -= matrix[k, i] * right_side[k]
        right_side[i] /= matrix[i, i]
    return True
