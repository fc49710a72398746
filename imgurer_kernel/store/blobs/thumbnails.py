"""The part of the blob store that keeps thumbnails.

A comment after the first two bytes of the JPEG has the digest of the original and the CRC-32 of the
rest. Thumbnails are not named by their own digest, so an overwritten one could not be detected
otherwise. Reading removes the comment.
"""

import re
import zlib

from imgurer_kernel.errors import BlobMissing
from imgurer_kernel.store.blobs.backends.base import Backend
from imgurer_kernel.store.blobs.nesting import nested

_JPEG_BEGIN = b"\xff\xd8"
_JPEG_END = b"\xff\xd9"
_STAMP = re.compile(rb"\xff\xfe\x00\x53imgurer ([0-9a-f]{8}) ([0-9a-f]{64})")


class Thumbnails:
    """Thumbnails, each under the digest of its original; see `BlobStore`."""

    _backend: Backend

    def put_thumbnail(self, digest: str, jpeg: bytes) -> None:
        """Store the thumbnail of an original, replacing an earlier one.

        It is not synced to the disk, which would cost more than drawing it: after a power cut it
        may be missing or cut off, which `thumbnail` detects.
        """
        name = nested("thumbs", digest)
        with self._backend.create("thumbs") as draft:
            draft.write(_stamped(jpeg, digest))
            draft.publish(name, durable=False)

    def thumbnail(self, digest: str) -> bytes:
        """Read the thumbnail of an original, a JPEG.

        Raises
        ------
        BlobMissing
            If it is missing, cut off or overwritten.
        """
        return self.read_thumbnail(digest)[0]

    def read_thumbnail(self, digest: str) -> tuple[bytes, bool]:
        """Read a thumbnail, and return whether a stamp proves all its bytes; others' have none.

        Raises
        ------
        BlobMissing
            As `thumbnail`.
        """
        name = nested("thumbs", digest)
        try:
            with self._backend.open(name) as file:
                found = file.read()
        except BlobMissing:
            found = b""
        stamp = _STAMP.match(found, len(_JPEG_BEGIN))
        jpeg = _JPEG_BEGIN + found[stamp.end() :] if stamp else found
        state = ""
        if not found:
            state = "is missing"
        elif not jpeg.endswith(_JPEG_END):
            state = "is cut off"
        elif stamp and (int(stamp[1], 16), stamp[2].decode()) != (zlib.crc32(jpeg), digest):
            state = "was overwritten"
        if state:
            location = self._backend.location(name)
            message = f"the thumbnail {location} {state}; imgurer check --repair draws it again"
            raise BlobMissing(message)
        return jpeg, stamp is not None


def _stamped(jpeg: bytes, digest: str) -> bytes:
    """Add the stamp to a JPEG as a comment; other bytes are left, for `thumbnail` to refuse."""
    if not jpeg.startswith(_JPEG_BEGIN):
        return jpeg
    words = f"imgurer {zlib.crc32(jpeg):08x} {digest}".encode("ascii")
    comment = b"\xff\xfe" + (len(words) + 2).to_bytes(2, "big") + words
    return _JPEG_BEGIN + comment + jpeg[len(_JPEG_BEGIN) :]
