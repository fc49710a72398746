"""`Backend`: the interface between a blob store and the storage below it."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import BinaryIO, Protocol


class Draft(Protocol):
    """Bytes that are not published yet; after a crash no part of them has a final name."""

    def publish(self, name: str, *, durable: bool = True) -> None:
        """Rename it to its final name, replacing what is there; if durable, synced to the disk.

        The name exists only when all bytes are written.
        """


class NewDraft(Draft, Protocol):
    """A draft that is being written."""

    def write(self, data: bytes | bytearray | memoryview) -> object:
        """Append bytes."""


class LinkedDraft(Draft, Protocol):
    """A draft that shares its bytes with a file outside the store."""

    def open(self) -> BinaryIO:
        """Open for reading; the caller closes it."""


class Backend(Protocol):
    """Byte strings under names such as ``blobs/ab/cd/abcd...``.

    Names are made by `imgurer_kernel.store.blobs.nesting` from checked digests: a backend need not
    check them. Publishing and moving are atomic; two processes may do the same at once.

    Raises
    ------
    StorageFull, StorageDenied, StorageError
        From every method: an error of the storage; the message names place and remedy.
    """

    def location(self, name: str) -> str:
        """Return where a name is stored, for messages."""

    def exists(self, name: str) -> bool:
        """Return whether there is anything of that name."""

    def open(self, name: str) -> BinaryIO:
        """Open for reading; the caller closes it. Raises `BlobMissing` if there is none."""

    def path(self, name: str) -> Path:
        """Return a local file with the bytes; a remote one is fetched first."""

    def create(self, area: str) -> AbstractContextManager[NewDraft]:
        """Begin a draft of a name in an area, such as ``blobs``.

        A draft that was not published by the end of the block is discarded.
        """

    def link(self, source: Path, area: str) -> AbstractContextManager[LinkedDraft | None]:
        """Begin a draft that shares the bytes of a file; None if links are not possible."""

    def move(self, name: str, new_name: str) -> bool:
        """Rename, replacing what has the new name; return False if there is nothing to rename."""

    def remove(self, name: str) -> None:
        """Remove permanently; harmless if there is nothing of that name."""

    def names(self, folder: str) -> Iterator[str]:
        """Yield all names below a folder, ascending."""

    def age(self, name: str) -> float:
        """Return the seconds since a file got this name; 0 if there is none."""

    def strays(self, area: str, expected: Callable[[str], bool]) -> Iterator[str]:
        """Yield unexpected names in an area, including folders with names of files."""

    def set_aside(self, name: str, area: str) -> str:
        """Move a file or folder below an area, overwriting nothing; return the new name."""

    def discard_drafts(self, seconds: float) -> int:
        """Remove drafts that were not written to for some seconds; return how many."""
