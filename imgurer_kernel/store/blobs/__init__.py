"""Originals and thumbnails as files, each under the digest of the original.

`BlobStore` knows digests only: which pictures these are and whose is for the catalog. Where bytes
lie is for `backends`.
"""

from imgurer_kernel.store.blobs.nesting import check_digest
from imgurer_kernel.store.blobs.store import BlobStore

__all__ = ["BlobStore", "check_digest"]
