"""The lock on the catalog between processes: a lease on a lock file, with a fair queue."""

from imgurer_kernel.store.catalog.lock.lease import Lease

__all__ = ["Lease"]
