"""Pictures of a store as arrays, by image_id: what comparisons ask for."""

import numpy as np

from imgurer_kernel.common.threads import in_order
from imgurer_kernel.common.types import Int64s, UInt8s
from imgurer_kernel.fingerprint.decode import to_gray
from imgurer_kernel.store.blobs import BlobStore
from imgurer_kernel.store.catalog import Catalog

FINE = 256
"""Sides of a thumbnail as grays."""


class StoredPictures:
    """Reads the two sizes in which a store keeps every picture as grays."""

    def __init__(self, catalog: Catalog, blobs: BlobStore) -> None:
        self._catalog = catalog
        self._blobs = blobs

    def verification(self, image_ids: Int64s) -> UInt8s:
        """The grays for verification, uint8 (n, 64, 64)."""
        return self._catalog.verification(image_ids)

    def thumbnails(self, image_ids: Int64s) -> UInt8s:
        """The thumbnails, uint8 (n, 256, 256)."""
        rows = self._catalog.images(image_ids, ["image_id", "digest"])
        digests = dict(zip(rows["image_id"].tolist(), rows["digest"].tolist(), strict=True))
        pictures = np.empty((len(image_ids), FINE, FINE), np.uint8)
        wanted = [digests[k] for k in image_ids.tolist()]
        for k, picture in enumerate(in_order(self._thumbnail, wanted)):
            pictures[k] = picture
        return pictures

    def _thumbnail(self, digest: str) -> UInt8s:
        return to_gray(self._blobs.thumbnail(digest), FINE)
