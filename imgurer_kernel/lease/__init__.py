"""Which process may have the catalog open."""

from imgurer_kernel.lease.lease import Lease

__all__ = ["Lease"]
