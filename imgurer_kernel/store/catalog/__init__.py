"""The catalog: one DuckDB file that says which images there are, whose they are and who may look.

All SQL of the package is in here, one module for each concern; `Catalog` is the way in.
"""

from imgurer_kernel.store.catalog.catalog import Catalog
from imgurer_kernel.store.catalog.connection import Connection
from imgurer_kernel.store.catalog.queries import Changes, Statistics

__all__ = ["Catalog", "Changes", "Connection", "Statistics"]
