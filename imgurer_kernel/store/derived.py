"""Files of derived data: arrays computed from a store, which can be computed again.

Each kind of data has a folder with a subfolder for each version, which is written once::

    root/derived/clusters/usual/answer/000000000007/meta.json     facts, and checksums of all arrays
    root/derived/clusters/usual/answer/000000000007/sizes.npy

A version is written under a temporary name, flushed and renamed, so that the version before remains
if the process is killed. Readers map arrays into memory that processes share, and use the last
complete version; one that is cut off, overwritten or of another format is ignored.
"""

import json
import os
import shutil
import time
import uuid
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from imgurer_kernel.common.atomic_files import make_folders, mapped_os_errors, sync_folder
from imgurer_kernel.common.threads import in_order, thread_pool
from imgurer_kernel.store.catalog.lock.lockfile import LockFile

Array = npt.NDArray[Any]

FORMAT = 1
"""Format number of these files; data with another one is rebuilt."""

# Mapping a smaller file costs more than reading it, and an empty one cannot be mapped.
_MAPPED_BYTES = 1 << 16
_READ_BYTES = 1 << 20
_WAIT_SECONDS = 0.1

# A listed version may be deleted before it is read, after another process saved a later one.
_ATTEMPTS = 3


@dataclass(frozen=True, slots=True, eq=False)
class Derived:
    """One version of derived data.

    Attributes
    ----------
    facts
        What the data was computed from; JSON values.
    arrays
        Arrays by name; read-only.
    """

    facts: Mapping[str, Any]
    arrays: Mapping[str, Array]


class DerivedData:
    """The versions of derived data of one name.

    Parameters
    ----------
    folder
        The folder of the versions; it is made at the first save.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def load(self, *, trusted: bool = False) -> Derived | None:
        """Load the last complete version; None if there is none.

        Parameters
        ----------
        trusted
            Do not compare the arrays with their checksums: this process has just written them.
        """
        for _ in range(_ATTEMPTS):
            versions = self._versions()
            for version in versions:
                found = _read(version, trusted=trusted)
                if found is not None:
                    return found
            if versions == self._versions():
                return None
        return None

    def version(self) -> str | None:
        """Return the name of the last version, complete or not; None if there is none."""
        versions = self._versions()
        return versions[0].name if versions else None

    def facts(self) -> Mapping[str, Any] | None:
        """Load the facts of the last version, without its arrays."""
        for version in self._versions():
            meta = _read_meta(version)
            if meta is not None:
                facts: Mapping[str, Any] = meta["facts"]
                return facts
        return None

    def save(self, facts: Mapping[str, Any], arrays: Mapping[str, Array]) -> None:
        """Write a new version and delete earlier ones; only one process may do so at a time.

        Raises
        ------
        StorageFull, StorageDenied
            If it cannot be written; the version before stays.
        """
        with mapped_os_errors(self.folder):
            make_folders(self.folder)
            before = self._versions()
            scratch = self.folder / f"new-{uuid.uuid4().hex}"
            try:
                _write(scratch, facts, arrays)
                number = int(before[0].name) + 1 if before else 0
                scratch.rename(self.folder / f"{number:012}")
                sync_folder(self.folder)
            finally:
                shutil.rmtree(scratch, ignore_errors=True)
        for path in (*before, *self.folder.glob("new-*")):
            # Processes that have it mapped can still read it. A system that does not delete
            # open files deletes it at the next save.
            shutil.rmtree(path, ignore_errors=True)

    def _versions(self) -> list[Path]:
        """List the folders of versions, the last one first."""
        try:
            names = [path for path in self.folder.iterdir() if path.name.isdecimal()]
        except OSError:
            return []
        return sorted(names, key=lambda path: int(path.name), reverse=True)


@contextmanager
def exclusive(path: Path, waiting: Callable[[], None]) -> Iterator[None]:
    """Hold a lock file between processes, and between threads of one.

    Parameters
    ----------
    path
        The file; it is made if missing. The lock of a process that dies is free immediately.
    waiting
        Called ten times a second while another holder has the lock; may raise to stop.

    Raises
    ------
    StorageDenied, StorageFull
        If the file cannot be made.
    """
    with mapped_os_errors(path):
        make_folders(path.parent)
    lock = LockFile(path, set())
    while not lock.take_now():
        waiting()
        time.sleep(_WAIT_SECONDS)
    try:
        yield
    finally:
        lock.drop()


@dataclass(frozen=True, slots=True)
class _PlainFile:
    """A file object that makes numpy write through Python, so that a full disk raises `OSError`."""

    write: Callable[[bytes], int]


def _write(folder: Path, facts: Mapping[str, Any], arrays: Mapping[str, Array]) -> None:
    folder.mkdir()
    paths = [folder / f"{name}.npy" for name in arrays]
    # Waits for all of them, also if one fails: what is not whole is deleted then.
    with thread_pool() as pool:
        written = list(pool.map(_write_array, paths, arrays.values()))
    sums = dict(zip(arrays, written, strict=True))
    # Last: a folder with a meta.json is complete.
    text = json.dumps({"format": FORMAT, "facts": dict(facts), "sums": sums}, sort_keys=True)
    with (folder / "meta.json").open("x", encoding="utf-8") as meta:
        json.dump({"sha256": sha256(text.encode()).hexdigest(), "content": text}, meta)
        meta.flush()
        os.fsync(meta.fileno())
    sync_folder(folder)


def _write_array(path: Path, array: Array) -> list[int]:
    """Write an array to a new file and flush it; return its size and CRC-32."""
    with path.open("xb") as file:
        np.save(_PlainFile(file.write), array, allow_pickle=False)
        file.flush()
        os.fsync(file.fileno())
    return _sum(path)


def _read(folder: Path, *, trusted: bool) -> Derived | None:
    meta = _read_meta(folder)
    if meta is None:
        return None
    arrays = {}
    paths = {name: folder / f"{name}.npy" for name in meta["sums"]}
    try:
        # Compared before any is mapped: reading mapped memory beyond a file's end is fatal. On all
        # cores: a store of 100,000 pictures has 700 MB of arrays.
        if not trusted and list(in_order(_sum, paths.values())) != [*meta["sums"].values()]:
            return None
        for name, path in paths.items():
            mapped = path.stat().st_size >= _MAPPED_BYTES
            arrays[name] = np.load(path, mmap_mode="r" if mapped else None, allow_pickle=False)
    except (OSError, ValueError):
        return None
    return Derived(meta["facts"], arrays)


def _read_meta(folder: Path) -> dict[str, Any] | None:
    try:
        meta = json.loads((folder / "meta.json").read_bytes())
        text = meta["content"]
        if meta["sha256"] != sha256(text.encode()).hexdigest():
            return None
        content: dict[str, Any] = json.loads(text)
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
    return content if content.get("format") == FORMAT else None


def _sum(path: Path) -> list[int]:
    """Compute size and CRC-32 of a file, without mapping: mapped pages count as memory in use."""
    size = total = 0
    with path.open("rb") as file:
        while part := file.read(_READ_BYTES):
            size += len(part)
            total = zlib.crc32(part, total)
    return [size, total]
