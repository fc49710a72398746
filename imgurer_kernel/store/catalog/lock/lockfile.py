"""An exclusive lock on a file between processes, with a blocking wait that has a deadline."""

import json
import os
import platform
import threading
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filelock import lock_descriptor, unlock_descriptor

from imgurer_kernel.common.atomic_files import mapped_os_errors
from imgurer_kernel.common.threads import start

try:
    from fcntl import LOCK_EX, flock

    CAN_BLOCK = True
except ImportError:  # Windows
    CAN_BLOCK = False

# The holder's record begins after the first byte, which is the locked one: on Windows no other
# process can read a locked byte.
_RECORD_START = 1
_RECORD_BYTES = 512


class LockFile:
    """An exclusive lock on one file, between processes and between descriptors of one process.

    `filelock` polls while it waits, which costs two thirds of the throughput under contention;
    so it is used for attempts that do not wait, and for waiting only on Windows. On other systems
    the wait is a blocking ``flock`` in a thread, which is abandoned at the deadline.

    Parameters
    ----------
    path
        The file; it is made when it is first locked.
    opened
        A set to which open descriptors are added; a forked child closes them.
    """

    def __init__(self, path: Path, opened: set[int]) -> None:
        self.path = path
        self._opened = opened
        self._descriptor: int | None = None

    def take(self, deadline: float) -> bool:
        """Wait for the lock until `deadline` (monotonic clock); return False if that passed."""
        with mapped_os_errors(self.path):
            descriptor = self._open(os.O_CREAT)
            taken = self._try(descriptor) or self._wait(descriptor, deadline)
        self._descriptor = descriptor if taken else None
        return taken

    def take_now(self) -> bool:
        """Take the lock if it is free."""
        with mapped_os_errors(self.path):
            descriptor = self._open(os.O_CREAT)
            taken = self._try(descriptor)
        if taken:
            self._descriptor = descriptor
        else:
            self._close(descriptor)
        return taken

    def wait(self, deadline: float) -> bool:
        """Wait until the lock is free or the file is gone; return False if `deadline` passed."""
        with mapped_os_errors(self.path):
            try:
                descriptor = self._open()
            except FileNotFoundError:
                return True
            free = self._try(descriptor) or self._wait(descriptor, deadline)
        if free:
            self._unlock(descriptor)
        return free

    def is_taken(self) -> bool:
        """Return whether any process has the lock at the moment."""
        with mapped_os_errors(self.path):
            try:
                descriptor = self._open()
            except FileNotFoundError:
                return False
            free = self._try(descriptor)
        if free:
            self._unlock(descriptor)
        else:
            self._close(descriptor)
        return not free

    def drop(self) -> None:
        """Release the lock; harmless if not taken."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            self._unlock(descriptor)

    def discard(self) -> None:
        """Release the lock, and delete the file."""
        with suppress(OSError):  # Windows keeps files that another process has open
            self.path.unlink()
        self.drop()

    def sign(self, *, closing: bool = False) -> None:
        """Write this process into the file as the holder of the lock; it must hold it.

        Parameters
        ----------
        closing
            Whether it is closing the guarded resource, to release the lock afterwards.

        Raises
        ------
        StorageFull, StorageDenied
            If the file cannot be written.
        """
        holder = {
            "process": os.getpid(),
            "host": platform.node(),
            "since": datetime.now(UTC).isoformat(timespec="seconds"),
            "closing": closing,
        }
        if self._descriptor is not None:
            with mapped_os_errors(self.path):
                os.lseek(self._descriptor, _RECORD_START, os.SEEK_SET)
                os.write(self._descriptor, json.dumps(holder).encode().ljust(_RECORD_BYTES))

    def holder(self) -> str:
        """Describe the process that signed last."""
        holder = self._record()
        if not holder:
            return "an unknown process"
        return f"process {holder['process']} on {holder['host']} (since {holder['since']})"

    def is_closing(self) -> bool:
        """Return whether the process that signed last is about to release the lock."""
        return bool(self._record().get("closing"))

    def _record(self) -> dict[str, Any]:
        with suppress(OSError, ValueError):  # not written yet, or in part: the holder is unknown
            return dict(json.loads(self.path.read_bytes()[_RECORD_START:]))
        return {}

    def _open(self, flags: int = 0) -> int:
        descriptor = os.open(self.path, os.O_RDWR | flags, 0o666)
        self._opened.add(descriptor)
        return descriptor

    def _try(self, descriptor: int) -> bool:
        try:
            return lock_descriptor(descriptor, blocking=False)
        except BaseException:
            self._close(descriptor)
            raise

    def _wait(self, descriptor: int, deadline: float) -> bool:
        wait = self._wait_blocking if CAN_BLOCK else self._wait_polling
        return wait(descriptor, deadline)

    def _close(self, descriptor: int) -> None:
        self._opened.discard(descriptor)
        os.close(descriptor)

    def _unlock(self, descriptor: int) -> None:
        # Explicitly: after closing alone, a child that inherited the descriptor keeps the lock.
        unlock_descriptor(descriptor)
        self._close(descriptor)

    def _wait_polling(self, descriptor: int, deadline: float) -> bool:
        while not lock_descriptor(descriptor, blocking=False):
            if time.monotonic() > deadline:
                self._close(descriptor)
                return False
            time.sleep(0.005)
        return True

    def _wait_blocking(self, descriptor: int, deadline: float) -> bool:
        # `flock` cannot be interrupted: a thread waits in it, and releases the lock immediately if
        # it gets it after the deadline. Which of the two came first is decided under `decision`.
        arrived, decision = threading.Event(), threading.Lock()
        abandoned = False

        def wait() -> None:
            flock(descriptor, LOCK_EX)
            with decision:
                if abandoned:
                    self._unlock(descriptor)
                else:
                    arrived.set()

        if not start(threading.Thread(target=wait, name="lease queue", daemon=True)):
            return self._wait_polling(descriptor, deadline)
        try:
            arrived.wait(max(0.0, deadline - time.monotonic()))
        except BaseException:
            with decision:
                abandoned = True
                if arrived.is_set():
                    self._unlock(descriptor)
            raise
        with decision:
            abandoned = not arrived.is_set()
            return arrived.is_set()
