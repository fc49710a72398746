"""A process that examines files for another one, which it hears and answers through pipes."""

import os
import pickle
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import BinaryIO

from imgurer_kernel.blobs import BlobStore
from imgurer_kernel.examine import Examiner

# One decodes while the others wait for the disk.
_THREADS = 4


def serve() -> None:
    """Work for whoever started this process, until there is nobody at the other end.

    The first message is the user and the settings; each later one is a list of files, and
    its answer a list of what became of them, or the error that stopped that.
    """
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    # Whatever prints must not get in between.
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    work(sys.stdin.buffer, answers)


def work(questions: BinaryIO, answers: BinaryIO) -> None:
    """As `serve`, on these files."""
    user, settings = pickle.load(questions)  # noqa: S301 (from the process that started this one)
    examiner = Examiner(user, BlobStore(settings.folder), settings, threading.Semaphore(1))
    with ThreadPoolExecutor(_THREADS) as pool:
        while True:
            try:
                files = pickle.load(questions)  # noqa: S301
            except EOFError:
                return
            found = [pool.submit(examiner.examine, file) for file in files]
            errors = [error for error in (each.exception() for each in found) if error]
            answer = errors[0] if errors else [each.result() for each in found]
            pickle.dump(answer, answers, protocol=5)
            answers.flush()
