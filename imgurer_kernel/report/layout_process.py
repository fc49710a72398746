"""Lay pictures out in a child process, which tells how far it is and can be killed.

t-SNE runs for half a minute within one call of scikit-learn, which neither reports nor stops.
"""

import io
import queue
import subprocess
import sys
import tempfile
import threading
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from imgurer_kernel import errors
from imgurer_kernel.common.paths import module_folders
from imgurer_kernel.common.progress import Progress
from imgurer_kernel.common.types import Float64s, UInt8s
from imgurer_kernel.errors import ImgurerError
from imgurer_kernel.report.layout import SAMPLE, STEPS, lay_out

ASK_SECONDS = 0.2
"""How often `progress` is called, and may stop the work, while the child says nothing."""

_PLACES = -1
_FAILED = -2
# Without what the two packages import of themselves, as pandas and DuckDB, which takes a second.
_START = """
import sys, types
for name, folder in zip(("imgurer_kernel", "imgurer_kernel.report"), sys.argv[1:3]):
    package = sys.modules[name] = types.ModuleType(name)
    package.__path__ = [folder]
sys.path += sys.argv[3:]
from imgurer_kernel.report.layout_process import answer
answer(sys.stdin.buffer, sys.stdout.buffer)
"""


def lay_out_apart(grays: UInt8s, seed: int, progress: Progress, sample: int = SAMPLE) -> Float64s:
    """Do what `imgurer_kernel.report.layout.lay_out` does, in a child process.

    Parameters
    ----------
    progress
        Called with the steps of t-SNE that are done; what it raises ends the child, and so does
        Ctrl-C.

    Raises
    ------
    ImgurerError
        If scikit-learn is not installed, or the child fails.
    """
    stage = f"laying out {min(len(grays), sample):,} pictures"
    progress(stage, 0, STEPS)
    with tempfile.TemporaryFile() as words, _started(words) as child:
        try:
            said: queue.Queue[int | Float64s] = queue.Queue()
            # A pipe cannot be waited for with a time limit everywhere; a queue can.
            threading.Thread(target=_listen, args=(child, said), daemon=True).start()
            _ask(child, grays, seed, sample)
            step = 0
            while True:
                try:
                    heard = said.get(timeout=ASK_SECONDS)
                except queue.Empty:
                    progress(stage, step, STEPS)
                    continue
                if not isinstance(heard, int):
                    progress(stage, STEPS, STEPS)
                    return heard
                if heard == _FAILED:
                    child.wait()
                    raise ImgurerError(_why(words, child.returncode))
                step = min(heard, STEPS)
                progress(stage, step, STEPS)
        finally:
            child.kill()


def answer(asked: IO[bytes], said: IO[bytes]) -> None:
    """Lay out what is asked for, and say the steps and the positions: the work of the child."""
    whole = io.BytesIO(asked.read())
    seed, sample = np.load(whole).tolist()
    grays = np.load(whole)

    def say(step: int) -> None:
        said.write(b"%d\n" % step)
        said.flush()

    try:
        places = lay_out(grays, seed, sample, say)
    except ImgurerError as error:
        raise SystemExit(str(error)) from None
    say(_PLACES)
    said.write(_packed(places))
    said.flush()


def _started(words: IO[bytes]) -> "subprocess.Popen[bytes]":
    package = Path(errors.__file__).parent
    try:
        return subprocess.Popen(  # noqa: S603 - our own module
            [
                *(sys.executable, "-P", "-c", _START, str(package), str(package / "report")),
                # Where this process finds its modules, after where they usually are.
                *module_folders(),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=words,
            # Ctrl-C is for the parent, which ends the child itself.
            start_new_session=True,
        )
    except OSError as error:
        message = f"no process can be started to lay the map out: {error.strerror or error}"
        raise ImgurerError(message) from error


def _ask(child: "subprocess.Popen[bytes]", grays: UInt8s, seed: int, sample: int) -> None:
    assert child.stdin is not None  # noqa: S101 - it is a pipe
    # It may have ended already, and its last words say why.
    with suppress(BrokenPipeError):
        child.stdin.write(_packed(np.array([seed, sample]), grays))
        child.stdin.close()


def _listen(child: "subprocess.Popen[bytes]", said: "queue.Queue[int | Float64s]") -> None:
    assert child.stdout is not None  # noqa: S101 - it is a pipe
    try:
        while int(line := child.stdout.readline()) != _PLACES:
            said.put(int(line))
        said.put(np.load(io.BytesIO(child.stdout.read())))
    except ValueError:  # it has ended before its time
        said.put(_FAILED)


def _packed(*arrays: NDArray[Any]) -> bytes:
    # `numpy.save` asks a real file where it is, which a pipe cannot tell.
    file = io.BytesIO()
    for array in arrays:
        np.save(file, array)
    return file.getvalue()


def _why(words: IO[bytes], status: int) -> str:
    words.seek(0)
    said = words.read().decode("utf-8", "replace").strip().splitlines()
    last = said[-1] if said else f"it ended with status {status}"
    return last if last.startswith("a map needs") else f"the map could not be laid out: {last}"
