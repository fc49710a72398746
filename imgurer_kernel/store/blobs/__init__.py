"""Originals and thumbnails as files, each under the digest of the original.

`BlobStore` knows digests only; pictures and their owners are in the catalog. `backends` determine
where bytes are stored.
"""

from imgurer_kernel.store.blobs.nesting import check_digest
from imgurer_kernel.store.blobs.store import BlobStore

__all__ = ["BlobStore", "check_digest"]
