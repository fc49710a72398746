"""Lay pictures out in a child process, which reports progress and can be killed.

t-SNE runs for half a minute in one call of scikit-learn, which neither reports nor stops.
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
"""Seconds between calls of `progress`, which may stop the work, while the child is silent."""

_PLACES = -1
_FAILED = -2
# Starts without the imports of the two packages, such as pandas and DuckDB, which take a second.
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
    """Run `imgurer_kernel.report.layout.lay_out` in a child process.

    Parameters
    ----------
    progress
        Called with the number of steps of t-SNE done; an exception that it raises ends the child,
        and so does Ctrl-C.

    Raises
    ------
    ImgurerError
        If scikit-learn is not installed, or the child fails.
    """
    stage = f"laying out {min(len(grays), sample):,} pictures"
    progress(stage, 0, STEPS)
    with tempfile.TemporaryFile() as words, _started(words) as child:
        try:
            messages: queue.Queue[int | Float64s] = queue.Queue()
            # Reading a pipe has no portable time limit; a queue has one.
            threading.Thread(target=_listen, args=(child, messages), daemon=True).start()
            _ask(child, grays, seed, sample)
            step = 0
            while True:
                try:
                    message = messages.get(timeout=ASK_SECONDS)
                except queue.Empty:
                    progress(stage, step, STEPS)
                    continue
                if not isinstance(message, int):
                    progress(stage, STEPS, STEPS)
                    return message
                if message == _FAILED:
                    child.wait()
                    raise ImgurerError(_why(words, child.returncode))
                step = min(message, STEPS)
                progress(stage, step, STEPS)
        finally:
            child.kill()


def answer(request: IO[bytes], output: IO[bytes]) -> None:
    """Read a request, lay it out, and write steps and positions: the program of the child."""
    whole = io.BytesIO(request.read())
    seed, sample = np.load(whole).tolist()
    grays = np.load(whole)

    def write_step(step: int) -> None:
        output.write(b"%d\n" % step)
        output.flush()

    try:
        places = lay_out(grays, seed, sample, write_step)
    except ImgurerError as error:
        raise SystemExit(str(error)) from None
    write_step(_PLACES)
    output.write(_packed(places))
    output.flush()


def _started(words: IO[bytes]) -> "subprocess.Popen[bytes]":
    package = Path(errors.__file__).parent
    try:
        return subprocess.Popen(  # noqa: S603 - our own module
            [
                *(sys.executable, "-P", "-c", _START, str(package), str(package / "report")),
                # Module folders of this process, after the usual ones.
                *module_folders(),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=words,
            # Ctrl-C goes to the parent, which ends the child itself.
            start_new_session=True,
        )
    except OSError as error:
        message = f"no process can be started to lay the map out: {error.strerror or error}"
        raise ImgurerError(message) from error


def _ask(child: "subprocess.Popen[bytes]", grays: UInt8s, seed: int, sample: int) -> None:
    assert child.stdin is not None  # noqa: S101 - it is a pipe
    # It may have exited already; its last output has the reason.
    with suppress(BrokenPipeError):
        child.stdin.write(_packed(np.array([seed, sample]), grays))
        child.stdin.close()


def _listen(child: "subprocess.Popen[bytes]", messages: "queue.Queue[int | Float64s]") -> None:
    assert child.stdout is not None  # noqa: S101 - it is a pipe
    try:
        while int(line := child.stdout.readline()) != _PLACES:
            messages.put(int(line))
        messages.put(np.load(io.BytesIO(child.stdout.read())))
    except ValueError:  # the output ended early
        messages.put(_FAILED)


def _packed(*arrays: NDArray[Any]) -> bytes:
    # `numpy.save` asks a real file for its position, which a pipe has not.
    file = io.BytesIO()
    for array in arrays:
        np.save(file, array)
    return file.getvalue()


def _why(words: IO[bytes], status: int) -> str:
    words.seek(0)
    lines = words.read().decode("utf-8", "replace").strip().splitlines()
    last = lines[-1] if lines else f"it ended with status {status}"
    return last if last.startswith("a map needs") else f"the map could not be laid out: {last}"
