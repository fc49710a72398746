"""Where uploaded files arrive in chunks: counted, hashed, written to temporary files.

Knows nothing of widgets or messages, so that it can be tested with plain bytes.
"""

import hashlib
import os
import re
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from errno import EDQUOT, ENOSPC
from pathlib import Path
from typing import Any, BinaryIO

from imgurer_kernel.errors import ImageTooLarge, StorageDenied, StorageFull, UploadBroken

PREFIX = "upload-"
SUFFIX = ".part"
ABANDONED_AFTER = 86_400.0
"""Seconds after which a temporary file that a killed kernel left behind is removed."""

# Controls, and the marks that turn the direction of writing: "gpj.exe" must not read "exe.jpg".
_UNSHOWABLE = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """One file that arrived whole.

    Attributes
    ----------
    name
        What to show: the last part of the name that the browser gave, without controls.
        Never part of a path.
    path
        Temporary file; it is removed when whoever judges the upload returns.
    bytes, digest
        Its size, and its SHA-256 as 64 hex digits.
    """

    name: str
    path: Path
    bytes: int
    digest: str


@dataclass(slots=True)
class _Part:
    name: str
    size: int
    path: Path
    file: BinaryIO
    touched: float
    chunks: int = 0
    bytes: int = 0
    sha256: Any = field(default_factory=hashlib.sha256)


def shown_name(name: str) -> str:
    r"""The last part of a file name, fit to be shown and stored as text.

    Examples
    --------
    >>> shown_name("../../etc/passwd"), shown_name("C:\\photos\\a\nb.jpg"), shown_name("..")
    ('passwd', 'a b.jpg', 'unnamed')
    """
    last = name.replace("\\", "/").rpartition("/")[2]
    whole = last.encode("utf-8", "replace").decode("utf-8")  # a lone surrogate has no UTF-8
    clean = _UNSHOWABLE.sub(" ", whole).strip()
    return "unnamed" if clean in {"", ".", ".."} else clean


def human_bytes(number: int) -> str:
    """A size for people, in steps of 1,000.

    Examples
    --------
    >>> human_bytes(0), human_bytes(999), human_bytes(2_140_000), human_bytes(1 << 30)
    ('0 bytes', '999 bytes', '2.1 MB', '1.1 GB')
    """
    if number == 1:
        return "1 byte"
    size = float(number)
    for unit in ("bytes", "kB", "MB", "GB"):
        if size < 999.5 or unit == "GB":
            break
        size /= 1000
    return f"{size:.0f} {unit}" if unit == "bytes" or size >= 99.95 else f"{size:.1f} {unit}"


class Reception:
    """The files that are arriving, each under a key that the sender chose.

    Parameters
    ----------
    folder
        Where the temporary files lie; made when the first file begins.
    max_bytes
        Largest file that is taken in.
    chunk_bytes
        Largest chunk that is taken in.
    clock
        Seconds, monotonic; to be replaced in tests.

    Examples
    --------
    >>> import tempfile
    >>> reception = Reception(Path(tempfile.mkdtemp()), max_bytes=100)
    >>> reception.begin("key", "a.jpg", 3)
    >>> reception.chunk("key", 0, 0, b"abc")
    (1, 3)
    >>> upload = reception.end("key")
    >>> upload.name, upload.bytes, upload.digest[:8]
    ('a.jpg', 3, 'ba7816bf')
    >>> upload.path.unlink()
    """

    def __init__(
        self,
        folder: Path,
        *,
        max_bytes: int,
        chunk_bytes: int = 1 << 20,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._folder = folder
        self._max_bytes = max_bytes
        self._chunk_bytes = chunk_bytes
        self._clock = clock
        self._parts: dict[str, _Part] = {}
        self._swept = False
        # JupyterLab may handle the messages of widgets in a thread of their own.
        self._lock = threading.RLock()

    def __len__(self) -> int:
        return len(self._parts)

    def begin(self, key: str, name: str, size: int) -> None:
        """Make room for a file of `size` bytes.

        Raises
        ------
        ImageTooLarge
            If it is larger than `max_bytes`.
        UploadBroken
            If the key is in use or the size negative.
        StorageFull, StorageDenied
            If no temporary file can be made.
        """
        if size > self._max_bytes:
            message = (
                f"The file has {human_bytes(size)}; the limit is {human_bytes(self._max_bytes)}."
            )
            raise ImageTooLarge(message)
        with self._lock:
            if size < 0 or key in self._parts:
                message = f"The upload began wrongly (size {size}); try again."
                raise UploadBroken(message)
            with _mapped(self._folder):
                self._folder.mkdir(parents=True, exist_ok=True)
                if not self._swept:
                    self._sweep()
                handle, path = tempfile.mkstemp(SUFFIX, PREFIX, self._folder)
            file = os.fdopen(handle, "wb")
            self._parts[key] = _Part(shown_name(name), size, Path(path), file, self._clock())

    def chunk(self, key: str, sequence: int, offset: int, data: bytes) -> tuple[int, int]:
        """Take the next chunk; (chunks, bytes) received so far.

        Raises
        ------
        UploadBroken
            If it is not the next one, is too long, or its file is unknown; the file is given up.
        StorageFull, StorageDenied
            If it cannot be written; the file is given up.
        """
        with self._lock:
            part = self._part(key)
            length = len(data)
            fits = 0 < length <= self._chunk_bytes and part.bytes + length <= part.size
            if (sequence, offset) != (part.chunks, part.bytes) or not fits:
                self.cancel(key)
                message = (
                    f"Chunk {sequence} of {length} bytes at {offset} came where chunk "
                    f"{part.chunks} at {part.bytes} was expected; try again."
                )
                raise UploadBroken(message)
            try:
                with _mapped(part.path):
                    part.file.write(data)
            except (StorageFull, StorageDenied):
                self.cancel(key)
                raise
            part.sha256.update(data)
            part.chunks += 1
            part.bytes += length
            part.touched = self._clock()
            return part.chunks, part.bytes

    def end(self, key: str) -> Upload:
        """Close the file; from now on it belongs to the caller.

        Raises
        ------
        UploadBroken
            If bytes are missing, or the file is unknown.
        StorageFull, StorageDenied
            If what was buffered cannot be written.
        """
        with self._lock:
            part = self._part(key)
            if part.bytes != part.size:
                self.cancel(key)
                message = f"{part.bytes} of {part.size} bytes arrived; try again."
                raise UploadBroken(message)
            try:
                with _mapped(part.path):
                    part.file.close()
            except (StorageFull, StorageDenied):
                self.cancel(key)
                raise
            del self._parts[key]
            digest = part.sha256.hexdigest()
            return Upload(name=part.name, path=part.path, bytes=part.bytes, digest=digest)

    def cancel(self, key: str) -> None:
        """Forget a file and remove what arrived of it; an unknown key is nothing to do."""
        with self._lock:
            part = self._parts.pop(key, None)
            if part is None:
                return
            try:
                with _mapped(part.path):
                    part.file.close()
            except (StorageFull, StorageDenied):
                pass  # the bytes that could not be flushed are those being thrown away
            part.path.unlink(missing_ok=True)

    def expire(self, seconds: float) -> list[str]:
        """Cancel what had no chunk for so long, and say which: its page was closed."""
        with self._lock:
            before = self._clock() - seconds
            keys = [key for key, part in self._parts.items() if part.touched < before]
            for key in keys:
                self.cancel(key)
            return keys

    def close(self) -> None:
        """Cancel everything."""
        with self._lock:
            for key in list(self._parts):
                self.cancel(key)

    def _part(self, key: str) -> _Part:
        if key not in self._parts:
            message = "The upload was given up or never began; try again."
            raise UploadBroken(message)
        return self._parts[key]

    def _sweep(self) -> None:
        self._swept = True
        before = time.time() - ABANDONED_AFTER
        for path in self._folder.glob(f"{PREFIX}*{SUFFIX}"):
            with suppress(FileNotFoundError):  # another kernel may just have finished with it
                if path.stat().st_mtime < before:
                    path.unlink()


@contextmanager
def _mapped(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in {ENOSPC, EDQUOT}:
            message = f"No space is left for uploads at {path}; free some, then try again."
            raise StorageFull(message) from error
        message = f"Uploads cannot be written to {path} ({error.strerror}); check its permissions."
        raise StorageDenied(message) from error
