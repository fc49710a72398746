"""Greedy star cover of a graph: again and again the node with the most free neighbors.

The compiled form of `imgurer_kernel.matching.clusters.star_cover.star_cover`, for large graphs.
"""

# The signature given to `compiled` is the type; a kernel takes all it works on as arguments.
# mypy: disable-error-code="no-untyped-def, untyped-decorator"
# ruff: noqa: ANN001, ANN202, PLR0913, PLR0917

from numba import njit

from imgurer_kernel.common.numba_jit import compiled


@njit
def _ranks_before(a, b, count, total):
    """Return whether node `a` ranks before `b`: more neighbors, stronger edges, smaller number."""
    if count[a] != count[b]:
        return count[a] > count[b]
    if total[a] != total[b]:
        return total[a] > total[b]
    return a < b


@njit
def _sift_down(heap, size, at, count, total):
    """Move the node at a place of the heap down until none below it ranks before it."""
    node = heap[at]
    while True:
        below = 2 * at + 1
        if below >= size:
            break
        if below + 1 < size and _ranks_before(heap[below + 1], heap[below], count, total):
            below += 1
        if not _ranks_before(heap[below], node, count, total):
            break
        heap[at] = heap[below]
        at = below
    heap[at] = node


@compiled("void(int64[::1], int64[::1], int64[::1])")
def heapify(heap, count, total):
    """Put nodes into the order of a heap by (count, total), the largest first."""
    for at in range(heap.size // 2 - 1, -1, -1):
        _sift_down(heap, heap.size, at, count, total)


@njit
def _leave_neighbors(node, start, neighbor, strength, degree, weight):
    """Subtract a node that is no longer free from the degrees and weights of its neighbors."""
    for k in range(start[node], start[node + 1]):
        degree[neighbor[k]] -= 1
        weight[neighbor[k]] -= strength[k]


@compiled(
    "int64(int64[::1], int64[::1], int64[::1], int64[::1], int64[::1], "
    "int64[::1], int64, int64[::1], int64[::1], int64[::1], int64)"
)
def take_stars(
    start, neighbor, strength, degree, weight, heap, size, count, total, medoid, limit
):  # fmt: skip
    """Take stars off the heap, `limit` of them or all that are left; return the heap's new size.

    The neighbors of node v are ``neighbor[start[v]:start[v + 1]]``, `degree` says how many of
    them are free and `weight` how strong its edges to those are. `count` and `total` are what these
    two were when the node was last put into the heap. `medoid` is -1 for a free node, and else the
    node whose star it belongs to. All arrays are int64.
    """
    while size > 0 and limit > 0:
        node = heap[0]
        # Ranks only fall while others are taken: to check a node when it is on top is enough.
        stale = count[node] != degree[node] or total[node] != weight[node]
        if medoid[node] >= 0 or degree[node] == 0:
            size -= 1
            heap[0] = heap[size]
        elif stale:
            count[node] = degree[node]
            total[node] = weight[node]
        else:
            limit -= 1
            first, last = start[node], start[node + 1]
            medoid[node] = node
            for k in range(first, last):
                if medoid[neighbor[k]] < 0:
                    medoid[neighbor[k]] = node
                    _leave_neighbors(neighbor[k], start, neighbor, strength, degree, weight)
            _leave_neighbors(node, start, neighbor, strength, degree, weight)
            size -= 1
            heap[0] = heap[size]
        if size > 0:
            _sift_down(heap, size, 0, count, total)
    return size
