"""Originals and thumbnails as files, each under the digest of the original."""

from imgurer_kernel.blobs.buckets import check_digest
from imgurer_kernel.blobs.store import BlobStore

__all__ = ["BlobStore", "check_digest"]
