"""The part of the blob store that keeps thumbnails."""

from imgurer_kernel.errors import BlobMissing
from imgurer_kernel.store.blobs.backends.base import Backend
from imgurer_kernel.store.blobs.nesting import nested

_JPEG_END = b"\xff\xd9"


class Thumbnails:
    """Thumbnails, each under the digest of its original; see `BlobStore`."""

    _backend: Backend

    def put_thumbnail(self, digest: str, jpeg: bytes) -> None:
        """Store the thumbnail of an original, in place of an earlier one.

        It is not synced to the disk, which would cost more than drawing it: a power cut may
        leave it missing or cut off, which `thumbnail` tells.
        """
        name = nested("thumbs", digest)
        with self._backend.create() as draft:
            draft.write(jpeg)
            draft.publish(name, durable=False)

    def thumbnail(self, digest: str) -> bytes:
        """The thumbnail of an original, a JPEG.

        Raises
        ------
        BlobMissing
            If there is none, or not a whole one.
        """
        name = nested("thumbs", digest)
        try:
            with self._backend.open(name) as file:
                jpeg = file.read()
        except BlobMissing:
            jpeg = b""
        if not jpeg.endswith(_JPEG_END):
            state = "is cut off" if jpeg else "is missing"
            location = self._backend.location(name)
            message = f"the thumbnail {location} {state}; imgurer check --repair draws it again"
            raise BlobMissing(message)
        return jpeg
