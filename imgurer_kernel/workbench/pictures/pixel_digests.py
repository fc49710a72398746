"""Compare the pixels of originals, reading and decoding each original once.

A picture stored a thousand times with different metadata is one medoid and a thousand members.
Decoding both pictures of each pair would take twice as long, and a limit on the number of pairs
would give clusters other labels than a search for one picture. With this cache all pairs of a store
together take no longer than ingesting its pictures did.
"""

import hashlib
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from imgurer_kernel.errors import ImageRejected, StorageError
from imgurer_kernel.fingerprint.codecs import jpeg_body

# Cached originals, 400 bytes each.
_MAX_KNOWN = 1 << 16


@dataclass(slots=True)
class _Known:
    """Digests of one original: of a JPEG's data without metadata, and of its pixels.

    Both are None until they are needed; the first is empty for other formats.
    """

    body: str | None = None
    pixels: str | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)


class PixelDigests:
    """Compares the pixels of originals by cached digests. Safe to use from several threads.

    Parameters
    ----------
    read
        Reads the bytes of an original by its digest.
    decode
        Decodes such bytes and hashes the pixels.
    """

    def __init__(self, read: Callable[[str], bytes], decode: Callable[[bytes], str]) -> None:
        self._read = read
        self._decode = decode
        self._known: dict[str, _Known] = {}

    def are_equal(self, one: str, other: str) -> bool:
        """Return whether two originals have equal pixels; False if one is unreadable.

        JPEG files that differ in metadata only are not decoded.
        """
        try:
            if self._body(one) and self._body(one) == self._body(other):
                return True
            return self._pixels(one) == self._pixels(other)
        except (StorageError, ImageRejected):
            return False

    def _of(self, digest: str) -> _Known:
        known = self._known.setdefault(digest, _Known())
        if len(self._known) > _MAX_KNOWN:
            self._known = {digest: known}
        return known

    def _body(self, digest: str) -> str:
        known = self._of(digest)
        with known.lock:
            if known.body is None:
                body = jpeg_body.body(self._read(digest))
                known.body = "" if body is None else hashlib.sha256(body).hexdigest()
            return known.body

    def _pixels(self, digest: str) -> str:
        known = self._of(digest)
        with known.lock:
            if known.pixels is None:
                known.pixels = self._decode(self._read(digest))
            return known.pixels
