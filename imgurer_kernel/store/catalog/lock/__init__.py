"""The lock on the catalog between processes: a lease on a lock file, with a fair queue.

`Lease` holds it for one process, `lockfile` locks one file with a deadline, `ticket_queue` orders
the waiting processes. This package does not know what the lock guards.
"""

from imgurer_kernel.store.catalog.lock.lease import Lease

__all__ = ["Lease"]
