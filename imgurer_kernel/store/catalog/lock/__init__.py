"""The lock on the catalog between processes: a lease on a lock file, with a fair queue.

`Lease` holds it for one process, `lockfile` locks one file with a deadline, `ticket_queue` puts
those who wait in order. What is done with the catalog meanwhile is not known here.
"""

from imgurer_kernel.store.catalog.lock.lease import Lease

__all__ = ["Lease"]
