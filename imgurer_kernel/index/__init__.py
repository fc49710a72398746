"""Hamming search over arrays of hashes, exact and in memory.

Pure: arrays in, arrays out, without pictures, stores or catalogs. `imgurer_kernel.workbench` keeps
an index up to date with a catalog.

Examples
--------
>>> from imgurer_kernel.index import BKTree
>>> tree = BKTree()
>>> tree.add(7, (0b111, 0))
>>> ids, distances = tree.search((0b110, 0), radius=2)
>>> ids.tolist(), distances.tolist()
([7], [1])
"""

from imgurer_kernel.index.bktree import BKTree
from imgurer_kernel.index.lookup import components, neighbors

__all__ = ["BKTree", "components", "neighbors"]
