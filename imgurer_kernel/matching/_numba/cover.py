"""Greedy star cover of a graph: again and again the node with the most free neighbours."""

# The signature given to `compiled` is the type; a kernel takes all it works on as arguments.
# mypy: disable-error-code="no-untyped-def, untyped-decorator"
# ruff: noqa: ANN001, ANN202, PLR0913, PLR0917

from numba import njit

from imgurer_kernel.common.numba_jit import compiled


@njit
def _before(a, b, count, total):
    """Whether node `a` ranks before node `b`: more neighbours, stronger edges, smaller number."""
    if count[a] != count[b]:
        return count[a] > count[b]
    if total[a] != total[b]:
        return total[a] > total[b]
    return a < b


@njit
def _sink(heap, size, at, count, total):
    """Move the node at a place of the heap down until none below it ranks before it."""
    node = heap[at]
    while True:
        below = 2 * at + 1
        if below >= size:
            break
        if below + 1 < size and _before(heap[below + 1], heap[below], count, total):
            below += 1
        if not _before(heap[below], node, count, total):
            break
        heap[at] = heap[below]
        at = below
    heap[at] = node


@compiled("void(int64[::1], int64[::1], int64[::1])")
def heapify(heap, count, total):
    """Put nodes into the order of a heap by (count, total), the largest first."""
    for at in range(heap.size // 2 - 1, -1, -1):
        _sink(heap, heap.size, at, count, total)


@njit
def _leave(node, start, neighbour, strength, degree, weight):
    """A node is free no longer: its neighbours have one free neighbour less."""
    for k in range(start[node], start[node + 1]):
        degree[neighbour[k]] -= 1
        weight[neighbour[k]] -= strength[k]


@compiled(
    "int64(int64[::1], int64[::1], int64[::1], int64[::1], int64[::1], "
    "int64[::1], int64, int64[::1], int64[::1], int64[::1], int64)"
)
def take_stars(
    start, neighbour, strength, degree, weight, heap, size, count, total, centre, stars
):  # fmt: skip
    """Make so many stars, or all that are left; returns how many nodes the heap still has.

    The neighbours of node v are ``neighbour[start[v]:start[v + 1]]``, `degree` says how many of
    them are free and `weight` how strong its edges to those are. `count` and `total` are what these
    two were when the node was last put into the heap: they only fall while others are taken, so a
    node is looked at again when it is on top. `centre` is -1 for a free node.
    """
    while size > 0 and stars > 0:
        node = heap[0]
        stale = count[node] != degree[node] or total[node] != weight[node]
        if centre[node] >= 0 or degree[node] == 0:
            size -= 1
            heap[0] = heap[size]
        elif stale:
            count[node] = degree[node]
            total[node] = weight[node]
        else:
            stars -= 1
            first, last = start[node], start[node + 1]
            centre[node] = node
            for k in range(first, last):
                if centre[neighbour[k]] < 0:
                    centre[neighbour[k]] = node
                    _leave(neighbour[k], start, neighbour, strength, degree, weight)
            _leave(node, start, neighbour, strength, degree, weight)
            size -= 1
            heap[0] = heap[size]
        if size > 0:
            _sink(heap, size, 0, count, total)
    return size
