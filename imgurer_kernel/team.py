"""Who examines files: threads for large ones, and processes where there are many small ones.

Decoders let other threads run, so that threads are as fast as processes where decoding takes long,
and share memory. Of a file of 0.2 megapixels a third is spent in Python itself, one thread at a
time: two processes are half as fast again as two threads, once they have started.

A process is started by a command of its own, not by `multiprocessing`, which would run the
caller's script again in each: it works in notebooks, and in scripts that do not guard against it.
"""

import pickle
import queue
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Self

from imgurer_kernel.examine import Examiner
from imgurer_kernel.records import Arrival, SourceFile
from imgurer_kernel.settings import Settings
from imgurer_kernel.sources import Unreadable

Examined = Arrival | Unreadable

SMALL = 300_000
"""Bytes of a file up to which a process is faster than a thread."""
CHUNK = 16
"""Files that a process is given at once."""
MANY = 2000
"""Small files that are worth starting processes for: that takes a second."""
_PATIENCE = 10.0

_COMMAND = """\
import signal, sys
signal.signal(signal.SIGINT, signal.SIG_IGN)
sys.path[:] = {path!r}
from imgurer_kernel.worker import serve
serve()
"""


class Team:
    """Threads, and if wanted processes, that examine files.

    Parameters
    ----------
    examiner
        Does it in a thread.
    workers
        How many files are decoded at once, and how many processes there are.
    """

    def __init__(self, examiner: Examiner, workers: int) -> None:
        self.workers = workers
        self._examiner = examiner
        self._pool = ThreadPoolExecutor(4 * workers, thread_name_prefix="ingest")
        self._idle: queue.SimpleQueue[Worker] = queue.SimpleQueue()
        self._workers = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        """What is being examined is finished; what waits is not begun."""
        self._pool.shutdown(cancel_futures=True)
        for _ in range(self._workers):
            self._idle.get().close()
        self._workers = 0

    @property
    def has_processes(self) -> bool:
        """Whether small files go to processes, several at once."""
        return self._workers > 0

    def start_processes(self) -> None:
        """Have processes for small files from now on; without effect where there is no Python."""
        while sys.executable and self._workers < self.workers:
            self._idle.put(self._start())
            self._workers += 1

    def submit(self, files: Sequence[SourceFile]) -> Future[list[Examined]]:
        """Have files examined: several small ones by a process, a single one by a thread."""
        return self._pool.submit(self._together if len(files) > 1 else self._alone, files)

    def _start(self) -> "Worker":
        return Worker(self._examiner.user, self._examiner.settings)

    def _alone(self, files: Sequence[SourceFile]) -> list[Examined]:
        return [self._examiner.examine(file) for file in files]

    def _together(self, files: Sequence[SourceFile]) -> list[Examined]:
        worker = self._idle.get()
        try:
            return worker.examine(files)
        except (EOFError, BrokenPipeError):
            worker.close()
            worker = self._start()
        finally:
            self._idle.put(worker)
        if len(files) > 1:  # it is one of these
            return [found for file in files for found in self._together([file])]
        reason = "the process that decoded it broke down; the file is damaged, or memory is short"
        return [Unreadable(files[0].path, reason)]


class Worker:
    """A process that examines files: `imgurer_kernel.worker.serve`."""

    def __init__(self, user: str, settings: Settings) -> None:
        command = [sys.executable, "-c", _COMMAND.format(path=sys.path)]
        self._process = subprocess.Popen(  # noqa: S603 (this Python, and this package)
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self._send((user, settings))

    def examine(self, files: Sequence[SourceFile]) -> list[Examined]:
        """What becomes of the files, in their order.

        Raises
        ------
        StorageError
            If the store cannot be written.
        EOFError, BrokenPipeError
            If the process has broken down.
        """
        self._send(list(files))
        assert self._process.stdout is not None  # noqa: S101
        answer = pickle.load(self._process.stdout)  # noqa: S301 (from the process started here)
        if isinstance(answer, BaseException):
            raise answer
        found: list[Examined] = answer
        return found

    def close(self) -> None:
        """End the process; it has nothing to lose."""
        self._process.kill()
        self._process.communicate(timeout=_PATIENCE)

    def _send(self, message: object) -> None:
        assert self._process.stdin is not None  # noqa: S101
        pickle.dump(message, self._process.stdin, protocol=5)
        self._process.stdin.flush()
