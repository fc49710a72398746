"""Build and search the tree of one segment, in flat arrays and without recursion.

A node has a vantage point, which need not be one of the hashes, and a grid of cells. A hash is in
the cell (row distance >> shift, column distance >> shift) by its distances from the vantage point,
and the hashes are permuted so that the cells of a node are consecutive. A cell of more than `leaf`
hashes has a node of its own; the others are leaves and are scanned, adjacent ones together.

``nodes`` (k, 4) uint64: row and column of the vantage point, shift, first cell. ``cells`` (c, 2)
int32: the first hash of a cell, and its node or -1. An extra cell marks the end of each grid.
"""

# The signature given to `compiled` is the type; such a function takes arrays and numbers only.
# mypy: disable-error-code="no-untyped-def, untyped-decorator"
# ruff: noqa: ANN001, ANN202, C901, PLR0912, PLR0913, PLR0917

import numpy as np
from numba import njit

from imgurer_kernel.common.numba_jit import compiled
from imgurer_kernel.index._numba.popcount import popcount
from imgurer_kernel.index._numba.scan import scan_range

# Nodes with fewer hashes than these have cells of 2 and 4 bits instead of 1: a finer grid would
# have few hashes in each cell, and cost more to traverse than it saves.
_COARSER = (65536, 32768)

# Hashes from which a vantage point is computed, and steps of the power iteration: any vantage point
# gives correct results, so an approximation is enough.
_SAMPLE = 128
_ITERATIONS = 4


@njit
def _vantage_word(words, start, end):
    """Compute the signs of the first principal component of 64 bits over a sample.

    By power iteration, starting at the hash that is farthest from the mean. Of all patterns of
    bits this one has nearly the largest variance of its distances from the hashes.
    """
    n = min(_SAMPLE, end - start)
    bits = np.empty((n, 64), np.float32)
    axis = np.zeros(64, np.float32)
    for i in range(n):
        word = words[start + i * (end - start) // n]
        for b in range(bits.shape[1]):
            bits[i, b] = (word >> np.uint64(b)) & np.uint64(1)
            axis[b] += bits[i, b] / n
    longest = np.float32(-1)
    first = 0
    for i in range(n):
        length = np.float32(0)
        for b in range(bits.shape[1]):
            bits[i, b] -= axis[b]
            length += bits[i, b] * bits[i, b]
        if length > longest:
            longest = length
            first = i
    turned = np.empty(64, np.float32)
    for b in range(bits.shape[1]):
        axis[b] = bits[first, b]
    for _ in range(_ITERATIONS):
        for b in range(bits.shape[1]):
            turned[b] = 0
        for i in range(n):
            along = np.float32(0)
            for b in range(bits.shape[1]):
                along += bits[i, b] * axis[b]
            for b in range(bits.shape[1]):
                turned[b] += along * bits[i, b]
        length = np.float32(0)
        for b in range(bits.shape[1]):
            length += turned[b] * turned[b]
        if length == 0:
            break
        for b in range(bits.shape[1]):
            axis[b] = turned[b] / np.sqrt(length)
    word = np.uint64(0)
    for b in range(bits.shape[1]):
        if axis[b] > 0:
            word |= np.uint64(1) << np.uint64(b)
    return word


@njit
def _grown(array, size):
    """Copy an array to one of twice `size` rows."""
    grown = np.empty((2 * size, array.shape[1]), array.dtype)
    for i in range(array.shape[0]):
        for k in range(array.shape[1]):
            grown[i, k] = array[i, k]
    return grown


@njit
def _count(row, column, start, end, vantage_row, vantage_column, shift, cell, ends):
    """Find the cell of each hash, and count the hashes of each cell in ``ends[cell + 1]``."""
    side = (64 >> shift) + 1
    for k in range(side * side + 1):
        ends[k] = 0
    for i in range(start, end):
        down = popcount(row[i] ^ vantage_row) >> np.uint64(shift)
        across = popcount(column[i] ^ vantage_column) >> np.uint64(shift)
        cell[i] = np.int64(down) * side + np.int64(across)
        ends[cell[i] + 1] += 1
    return side * side


@compiled(
    "Tuple((uint64[:, ::1], int32[:, ::1], int64, int64))"
    "(uint64[::1], uint64[::1], int64[::1], int64)"
)
def build(row, column, order, leaf):
    """Arrange distinct hashes as a tree, in place; `order` is permuted like them.

    Cells of more than `leaf` hashes get a node of their own. Returns arrays of nodes and cells, and
    the number of each in use.
    """
    n = row.size
    nodes, node_count = np.empty((16, 4), np.uint64), 0
    cells, cell_count = np.empty((8192, 2), np.int32), 0
    row_copy, column_copy = np.empty(n, np.uint64), np.empty(n, np.uint64)
    order_copy, cell = np.empty(n, np.int64), np.empty(n, np.int32)
    ends = np.empty(65 * 65 + 1, np.int64)
    # To do: start and end of the hashes, and the cell that the node belongs to.
    stack, depth = np.empty((1024, 3), np.int64), 1
    stack[0, 0], stack[0, 1], stack[0, 2] = 0, n, -1
    while depth > 0:
        depth -= 1
        start, end, parent = stack[depth, 0], stack[depth, 1], stack[depth, 2]
        vantage_row = _vantage_word(row, start, end)
        vantage_column = _vantage_word(column, start, end)
        shift = 0
        for limit in _COARSER:
            if end - start < limit:
                shift += 1
        grid = _count(row, column, start, end, vantage_row, vantage_column, shift, cell, ends)
        if ends[cell[start] + 1] == end - start:
            # All are in one cell. A hash that is its own vantage point is alone in its cell.
            shift, vantage_row, vantage_column = 0, row[start], column[start]
            grid = _count(row, column, start, end, vantage_row, vantage_column, shift, cell, ends)
        if node_count == nodes.shape[0]:
            nodes = _grown(nodes, node_count)
        if cell_count + grid + 1 > cells.shape[0]:
            cells = _grown(cells, cell_count + grid + 1)
        nodes[node_count, 0], nodes[node_count, 1] = vantage_row, vantage_column
        nodes[node_count, 2], nodes[node_count, 3] = shift, cell_count
        if parent >= 0:
            cells[parent, 1] = node_count
        node_count += 1
        ends[0] = start
        for k in range(grid):
            ends[k + 1] += ends[k]
            cells[cell_count + k, 0], cells[cell_count + k, 1] = ends[k], -1
            if ends[k + 1] - ends[k] > leaf:
                if depth == stack.shape[0]:
                    stack = _grown(stack, depth)
                stack[depth, 0], stack[depth, 1] = ends[k], ends[k + 1]
                stack[depth, 2] = cell_count + k
                depth += 1
        cells[cell_count + grid, 0], cells[cell_count + grid, 1] = end, -1
        cell_count += grid + 1
        for i in range(start, end):
            to = ends[cell[i]]
            ends[cell[i]] += 1
            row_copy[to], column_copy[to], order_copy[to] = row[i], column[i], order[i]
        for i in range(start, end):
            row[i], column[i], order[i] = row_copy[i], column_copy[i], order_copy[i]
    return nodes, cells, node_count, cell_count


@compiled("int64(uint64[:, ::1], int32[:, ::1], uint64, uint64, int64)")
def reach(nodes, cells, query_row, query_column, radius):
    """Count the hashes in the cells of the root that a search has to visit."""
    down = np.int64(popcount(nodes[0, 0] ^ query_row))
    across = np.int64(popcount(nodes[0, 1] ^ query_column))
    shift = np.int64(nodes[0, 2])
    side, width, count = (64 >> shift) + 1, 1 << shift, 0
    for i in range(max(0, down - radius) >> shift, (min(64, down + radius) >> shift) + 1):
        left = radius - max(0, (i << shift) - down, down - ((i << shift) + width - 1))
        count += (
            cells[i * side + (min(64, across + left) >> shift) + 1, 0]
            - cells[i * side + (max(0, across - left) >> shift), 0]
        )
    return count


@compiled(
    "int64(uint64[::1], uint64[::1], uint64[:, ::1], int32[:, ::1], uint64, uint64, int64, "
    "int64, int32[::1], int64[::1], uint8[::1])"
)
def search(
    row, column, nodes, cells, query_row, query_column, radius, most, stack, near, distance
):  # fmt: skip
    """Find all hashes within a radius of one; by a scan if more than `most` are in reach.

    `stack` has space for as many entries as there are nodes. Returns the number of hashes found;
    positions and distances are written as far as there is space.
    """
    found, depth = 0, 1
    limit = np.uint64(radius)
    if reach(nodes, cells, query_row, query_column, radius) > most:
        return scan_range(
            row, column, query_row, query_column, limit, 0, row.size, 0, near, distance
        )  # fmt: skip
    stack[0] = 0
    while depth > 0:
        depth -= 1
        node = nodes[stack[depth]]
        down = np.int64(popcount(node[0] ^ query_row))
        across = np.int64(popcount(node[1] ^ query_column))
        shift, first = np.int64(node[2]), np.int64(node[3])
        side, width = (64 >> shift) + 1, 1 << shift
        for i in range(max(0, down - radius) >> shift, (min(64, down + radius) >> shift) + 1):
            # The row distance uses a part of the radius; the rest bounds the column distance.
            low = i << shift
            left = radius - max(0, low - down, down - (low + width - 1))
            begin_cell = first + i * side + (max(0, across - left) >> shift)
            end_cell = first + i * side + (min(64, across + left) >> shift) + 1
            start, end = np.int64(cells[begin_cell, 0]), np.int64(cells[end_cell, 0])
            if start == end:
                continue
            for k in range(begin_cell, end_cell):
                if cells[k, 1] >= 0:
                    stack[depth] = cells[k, 1]
                    depth += 1
                    found = scan_range(
                        row, column, query_row, query_column, limit,
                        start, cells[k, 0], found, near, distance,
                    )  # fmt: skip
                    start = np.int64(cells[k + 1, 0])
            found = scan_range(
                row, column, query_row, query_column, limit, start, end, found, near, distance
            )  # fmt: skip
    return found
