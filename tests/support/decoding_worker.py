"""Fingerprint files one by one under limits on time and memory, as a process of its own.

Run with the paths on standard input, one a line. Prints a line of JSON before each file (its
path) and after it (the outcome), so that a crash or a kill names its file.
"""

import json
import resource
import signal
import sys
from pathlib import Path

from imgurer_kernel.errors import ImageRejected
from imgurer_kernel.fingerprint import fingerprint

SECONDS = 20
ADDRESSES = 6 << 30


def say(**facts):
    sys.stdout.write(json.dumps(facts) + "\n")
    sys.stdout.flush()


def peak():
    """Most memory that was taken, in kB; `getrusage` would count the parent's from before exec."""
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    [line] = [line for line in status.read_text().splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1])


def main():
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESSES, ADDRESSES))
    for line in sys.stdin:
        path = line.rstrip("\n")
        say(path=path)
        # Processor time, so that a busy machine is not taken for a hang; the signal kills.
        signal.setitimer(signal.ITIMER_PROF, SECONDS)
        try:
            found = fingerprint(Path(path).read_bytes())
        except ImageRejected as error:
            outcome = {"rejected": type(error).__name__, "reason": str(error)}
        else:
            outcome = {
                "dhash": found.dhash_hex,
                "informative": found.informative,
                "frames": found.frames,
                "size": [found.width, found.height],
                "facts": [found.facts.orientation, found.facts.camera, found.facts.latitude],
            }
        signal.setitimer(signal.ITIMER_PROF, 0)
        say(peak=peak(), **outcome)


if __name__ == "__main__":
    main()
