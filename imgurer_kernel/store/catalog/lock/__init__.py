"""Which process may have the catalog open: a lease on a lock file, and a fair queue before it."""

from imgurer_kernel.store.catalog.lock.lease import Lease

__all__ = ["Lease"]
