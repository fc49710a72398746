"""Which process may have the catalog open."""

from imgurer_kernel.store.catalog.lock.lease import Lease

__all__ = ["Lease"]
