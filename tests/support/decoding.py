"""Decoders of child processes in tests: they fail as the bytes say, or process a file fully."""

import os
import signal
import time
from pathlib import Path

from imgurer_kernel.errors import DecoderFailed, ImageDamaged, ImageRejected
from imgurer_kernel.fingerprint.browser_view import for_browser
from imgurer_kernel.fingerprint.extract import fingerprint


def misbehave(data, exact=False, limits=None):
    """Decode a picture, or do what the first word of the bytes says, with the rest of them."""
    what, _, rest = data.partition(b" ")
    deed = DEEDS.get(what.decode("latin-1"))
    return fingerprint(data, exact, limits) if deed is None else deed(rest)


def spin(_):
    while True:
        pass


def grow(_):
    held = []
    while True:
        held.append(bytearray(64 << 20))


def fail(text):
    raise RuntimeError(text)


def reject(text):
    raise ImageDamaged(text.decode())


def say(text):
    os.write(2, text)
    raise ImageDamaged("said")


DEEDS = {
    "sleep": lambda _: time.sleep(600),
    "spin": spin,
    "grow": grow,
    "crash": lambda _: os.kill(os.getpid(), signal.SIGSEGV),
    "stop": lambda _: os.kill(os.getpid(), signal.SIGSTOP),
    "exit": lambda _: os._exit(7),
    "raise": fail,
    "reject": reject,
    "write": lambda path: Path(path.decode()).write_bytes(bytes(1 << 20)),
    "say": say,
    "garble": lambda text: Path(text.decode()),
    "pid": lambda _: reject(str(os.getpid()).encode()),
}


def decode_in_all_ways(data, exact=False, limits=None):
    """Ingest a file, and for every eighth also run all other decoding operations."""
    try:
        found = fingerprint(data, exact, limits)
        if sum(data[-4:]) % 8 == 0:
            fingerprint(data, exact=True, limits=limits)
            for_browser(data, limits)
    except ImageRejected as error:
        cause = error.__cause__
        if isinstance(cause, MemoryError) or "out of memory" in str(cause).lower():
            message = f"more memory than there is: {cause!r}"
            raise DecoderFailed(message) from error
        raise
    except MemoryError:
        raise
    except Exception as error:
        message = f"a foreign exception, {type(error).__name__}: {error}"
        raise DecoderFailed(message) from error
    return found
