"""Receive uploaded files in chunks: count, hash, and write them to temporary files.

It is independent of widgets and messages, so that tests need plain bytes only.
"""

import hashlib
import os
import re
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from errno import EDQUOT, ENOSPC
from pathlib import Path
from typing import Any, BinaryIO

from imgurer_kernel.common.event_log import note
from imgurer_kernel.common.text import human_bytes
from imgurer_kernel.errors import (
    ImageTooLarge,
    ImgurerError,
    StorageDenied,
    StorageFull,
    UploadBroken,
)

PREFIX = "upload-"
SUFFIX = ".part"
ABANDONED_AFTER = 86_400.0
"""Seconds after which a temporary file left behind by a killed kernel is removed."""

_LONGEST_NAME = 255
"""Longest name kept, in characters, as in file systems; pages can send names of any length."""

_LONGEST_KEY = 64
_MOST_FILES = 256
"""Most files arriving at once: each keeps a file open. Our pages send a few at once."""

# Control characters, and marks that change the direction of writing: "gpj.exe" must not show as
# "exe.jpg".
_UNSHOWABLE = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """One file that has arrived completely.

    Attributes
    ----------
    name
        Name to show: the last part of the name from the browser, without control characters. Never
        used in a path.
    path
        Temporary file; it is removed after the upload is judged.
    bytes, digest
        Its size, and its SHA-256 as 64 hex digits.
    """

    name: str
    path: Path
    bytes: int
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedBytes:
    """State of a file: bytes received contiguously from its start, and the file if complete."""

    bytes: int
    upload: Upload | None = None


@dataclass(slots=True)
class _Part:
    name: str
    size: int
    path: Path
    file: BinaryIO
    touched: float
    next: int = 0
    received: int = 0
    early: dict[int, bytes] = field(default_factory=dict)
    sha256: Any = field(default_factory=hashlib.sha256)


def shown_name(name: str) -> str:
    r"""Return the last part of a file name, safe to show and store as text.

    Examples
    --------
    >>> shown_name("../../etc/passwd"), shown_name("C:\\photos\\a\nb.jpg"), shown_name("..")
    ('passwd', 'a b.jpg', 'unnamed')
    """
    last = name.replace("\\", "/").rpartition("/")[2]
    whole = last.encode("utf-8", "replace").decode("utf-8")  # a lone surrogate is not valid UTF-8
    clean = _UNSHOWABLE.sub(" ", whole).strip()
    if len(clean) > _LONGEST_NAME:
        suffix = clean[-16:].rpartition(".")
        end = "".join(suffix[1:]) if suffix[1] else ""
        clean = clean[: _LONGEST_NAME - len(end)] + end
    return "unnamed" if clean in {"", ".", ".."} else clean


class UploadReceiver:
    """Receives files, each under a key chosen by the sender.

    Each chunk has its key and number, so chunks may be reordered, repeated because their receipt
    was lost, or arrive after a cancel: a kernel does not guarantee the order of messages, and a
    broken connection loses some.

    Parameters
    ----------
    folder
        Folder of the temporary files; made when the first file begins.
    max_bytes
        Largest file to receive.
    chunk_bytes
        Size of each chunk but the last.
    ahead
        Most chunks of one file held in memory while an earlier one is missing; for all files
        together four times as many.
    clock
        Monotonic clock in seconds; tests replace it.

    Examples
    --------
    >>> import tempfile
    >>> reception = UploadReceiver(Path(tempfile.mkdtemp()), max_bytes=100, chunk_bytes=2)
    >>> reception.chunk("key", name="a.jpg", size=3, sequence=1, data=b"c").bytes
    0
    >>> upload = reception.chunk("key", name="a.jpg", size=3, sequence=0, data=b"ab").upload
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
        ahead: int = 8,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._folder = folder
        self._max_bytes = max_bytes
        self._chunk_bytes = chunk_bytes
        self._ahead = ahead
        self._clock = clock
        self._parts: dict[str, _Part] = {}
        self._finished: deque[str] = deque(maxlen=1024)  # complete or cancelled, newest last
        self._swept = False
        # JupyterLab may handle the messages of widgets in a thread of their own.
        self._lock = threading.RLock()

    def __len__(self) -> int:
        return len(self._parts)

    def chunk(self, key: str, *, name: str, size: int, sequence: int, data: bytes) -> ReceivedBytes:
        """Accept one chunk of a file; an empty file consists of one empty chunk.

        Parameters
        ----------
        name, size
            Name and size of the file; the same in each of its chunks.
        sequence
            Number of the chunk, from 0.

        Returns
        -------
        Progress
            With the whole file once it is complete; the caller owns it then. A chunk of a file that
            is complete or cancelled changes nothing.

        Raises
        ------
        ImageTooLarge
            If the file is larger than `max_bytes`.
        UploadBroken
            If the chunk does not fit such a file; the file is dropped.
        StorageFull, StorageDenied
            If the temporary file cannot be made or written; the file is dropped.
        """
        if len(key) > _LONGEST_KEY:
            message = f"An upload's key has {len(key)} characters; it may have {_LONGEST_KEY}."
            raise UploadBroken(message)
        with self._lock:
            # After a lost receipt the page sends a chunk again.
            if key in self._finished:
                return ReceivedBytes(bytes=size)
            try:
                part = self._parts.get(key) or self._begin(key, name, size)
                self._check(part, size, sequence, len(data))
                part.touched = self._clock()
                with _mapped(part.path):
                    self._take(part, sequence, data)
                    if part.received < part.size:
                        return ReceivedBytes(bytes=part.received)
                    part.file.close()
            except ImgurerError:
                self.cancel(key)
                raise
            del self._parts[key]
            self._finished.append(key)
            digest = part.sha256.hexdigest()
            note("upload", name=part.name, bytes=size, digest=digest)
            upload = Upload(name=part.name, path=part.path, bytes=size, digest=digest)
            return ReceivedBytes(bytes=size, upload=upload)

    def _begin(self, key: str, name: str, size: int) -> _Part:
        if size > self._max_bytes:
            message = (
                f"The file has {human_bytes(size)}; the limit is {human_bytes(self._max_bytes)}."
            )
            raise ImageTooLarge(message)
        if len(self._parts) >= _MOST_FILES:
            message = f"{len(self._parts)} files are arriving already; try again when they are in."
            raise UploadBroken(message)
        with _mapped(self._folder):
            self._folder.mkdir(parents=True, exist_ok=True)
            if not self._swept:
                self._sweep()
            handle, path = tempfile.mkstemp(SUFFIX, PREFIX, self._folder)
        file = os.fdopen(handle, "wb")
        part = _Part(shown_name(name), size, Path(path), file, self._clock())
        self._parts[key] = part
        return part

    def _check(self, part: _Part, size: int, sequence: int, length: int) -> None:
        start = sequence * self._chunk_bytes
        whole = min(self._chunk_bytes, part.size - start)
        # An empty file has one chunk, too.
        in_file = 0 <= start < max(part.size, 1)
        near = sequence <= part.next + self._ahead
        if near and sequence > part.next and sequence not in part.early:
            early = sum(len(each.early) for each in self._parts.values())
            if early >= 4 * self._ahead:
                message = f"{early} chunks wait for others before them; try again."
                raise UploadBroken(message)
        if not (size == part.size >= 0 and in_file and near and length == whole):
            message = (
                f"Chunk {sequence} of {length} bytes does not fit a file of {part.size} bytes of "
                f"which {part.received} arrived; try again."
            )
            raise UploadBroken(message)

    @staticmethod
    def _take(part: _Part, sequence: int, data: bytes) -> None:
        if sequence >= part.next:
            part.early[sequence] = data
        while part.next in part.early:
            piece = part.early.pop(part.next)
            part.file.write(piece)
            part.sha256.update(piece)
            part.next += 1
            part.received += len(piece)

    def cancel(self, key: str) -> None:
        """Delete the received part of a file; later chunks of it are ignored."""
        with self._lock:
            part = self._parts.pop(key, None)
            if key not in self._finished:
                self._finished.append(key)
            if part is None:
                return
            try:
                with _mapped(part.path):
                    part.file.close()
            except (StorageFull, StorageDenied):
                pass  # the bytes that could not be flushed are discarded anyway
            part.path.unlink(missing_ok=True)

    def expire(self, seconds: float) -> list[str]:
        """Cancel and return files without a chunk for some seconds: their page was closed."""
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

    def _sweep(self) -> None:
        self._swept = True
        before = time.time() - ABANDONED_AFTER
        for path in self._folder.glob(f"{PREFIX}*{SUFFIX}"):
            with suppress(FileNotFoundError):  # another kernel may have removed it just now
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
