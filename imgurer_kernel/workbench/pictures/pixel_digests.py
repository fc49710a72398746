"""Tell which originals have equal pixels, reading and decoding each of them once.

A picture that was wrapped anew a thousand times is one medoid and a thousand members: to decode
both of each pair would take twice as long, and a limit on the pairs would leave clusters with other
words than a search for one picture has. Asked in this way, all pairs of a store together take no
longer than it took to take their pictures in.
"""

import hashlib
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from imgurer_kernel.errors import ImageRejected, StorageError
from imgurer_kernel.fingerprint.codecs import jpeg_body

# Originals that are remembered, 400 bytes each.
_MOST = 1 << 16


@dataclass(slots=True)
class _Known:
    """What decides the pixels of one original: of a JPEG its body, and the digest of its pixels.

    Both are None until they were asked for; the first is empty for what is no JPEG.
    """

    body: str | None = None
    pixels: str | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)


class PixelDigests:
    """Compares the pixels of originals by digests that are kept. Safe to use from several threads.

    Parameters
    ----------
    read
        Gives the bytes of an original by its digest.
    decode
        Hashes the pixels of such bytes.
    """

    def __init__(self, read: Callable[[str], bytes], decode: Callable[[bytes], str]) -> None:
        self._read = read
        self._decode = decode
        self._known: dict[str, _Known] = {}

    def are_equal(self, one: str, other: str) -> bool:
        """Tell whether the originals of two digests have equal pixels; False if one is unreadable.

        JPEG files of which the metadata alone differ are not decoded.
        """
        try:
            if self._body(one) and self._body(one) == self._body(other):
                return True
            return self._pixels(one) == self._pixels(other)
        except (StorageError, ImageRejected):
            return False

    def _of(self, digest: str) -> _Known:
        known = self._known.setdefault(digest, _Known())
        if len(self._known) > _MOST:
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
