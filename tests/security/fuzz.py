"""Fuzzed files of every format, decoded in limited children; anything but an answer is reported.

Run for as many as wanted, or for as long::

    python -m tests.security.fuzz --mutations 1000000 --minutes 120

A find is a foreign exception, a crash, more than ten seconds or more than 1.5 GB. It is told with
what draws its file again::

    python -m tests.security.fuzz --seed 1 --draw gif-frames 1234 > find.gif
"""

import argparse
import os
import resource
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from imgurer_kernel import Settings
from imgurer_kernel.errors import DecoderFailed, ImageRejected
from imgurer_kernel.fingerprint.decoder_process import DecoderProcesses
from tests.security.mutations import mutated, seeds
from tests.support.decoding import decode_in_all_ways

LIMITS = Settings(decode_seconds=10, decode_memory=1_500_000_000)


@dataclass
class Results:
    """Counts of the outcomes."""

    seed: int
    finds: list = field(default_factory=list)
    tried: Counter = field(default_factory=Counter)
    taken: Counter = field(default_factory=Counter)
    slowest: tuple = (0.0, "")
    tried_again: int = 0
    alone: tuple = (0.0, "")
    seconds: float = 0.0

    @property
    def files(self):
        return sum(self.tried.values())

    def text(self):
        summary = (
            f"{self.files:,} spoiled files of {len(self.tried)} kinds in {self.seconds:,.0f} s: "
            f"{sum(self.taken.values()):,} are pictures still, {len(self.finds)} finds; "
            f"the slowest took {self.slowest[0]:.2f} s ({self.slowest[1]})"
        )
        lines = [summary]
        if self.tried_again:
            lines.append(
                f"{self.tried_again} failed beside the others; alone the slowest that was answered "
                f"took {self.alone[0]:.2f} s ({self.alone[1]})"
            )
        for name, number, reason in self.finds:
            lines.append(f"{reason}\n    --seed {self.seed} --draw {name} {number}")
        return "\n".join(lines)


def fuzz(mutations, minutes=60.0, seed=0, workers=1, decode=decode_in_all_ways, limits=LIMITS):
    """Try spoiled files, of all formats in turn, until there were so many or the time is over."""
    results, lock = Results(seed), threading.Lock()
    processes = DecoderProcesses(workers, decode)
    names = list(seeds())
    suspects: list[tuple[str, int]] = []
    begun = time.monotonic()
    numbers = iter(range(mutations))

    def ask(name, number):
        return _ask(processes, limits, seed, name, number)

    def work():
        while time.monotonic() - begun < 60 * minutes:
            with lock:
                count = next(numbers, None)
            if count is None:
                return
            name, number = names[count % len(names)], count // len(names)
            taken, reason, took = ask(name, number)
            with lock:
                results.tried[name] += 1
                results.taken[name] += taken
                if reason:
                    suspects.append((name, number))
                else:
                    results.slowest = max(results.slowest, took)

    with ThreadPoolExecutor(workers) as pool:
        for done in [pool.submit(work) for _ in range(workers)]:
            done.result()
    results.seconds = time.monotonic() - begun
    # Beside others ten seconds may be theirs: what failed is tried again, alone.
    results.tried_again = len(suspects)
    for name, number in sorted(suspects):
        _, reason, took = ask(name, number)
        if reason:
            results.finds.append((name, number, reason))
        else:
            results.alone = max(results.alone, took)
    processes.close()
    return results


def _ask(processes, limits, seed, name, number):
    """Return whether a file is a picture, why it is a find (or nothing), and seconds with name."""
    data = mutated(seed, name, number)
    since = time.monotonic()
    taken, reason = False, ""
    try:
        processes.fingerprint(data, limits=limits)
        taken = True
    except DecoderFailed as error:
        reason = str(error)
    except ImageRejected:
        pass
    return taken, reason, (time.monotonic() - since, f"--draw {name} {number}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--mutations", type=int, default=1_000_000, help="most files")
    parser.add_argument("--minutes", type=float, default=120.0, help="longest time")
    parser.add_argument("--seed", type=int, default=0, help="other files for another number")
    parser.add_argument("--workers", type=int, default=os.cpu_count(), help="children at once")
    parser.add_argument("--draw", nargs=2, metavar=("KIND", "NUMBER"), help="write one file")
    chosen = parser.parse_args()
    if chosen.draw:
        name, number = chosen.draw
        sys.stdout.buffer.write(mutated(chosen.seed, name, int(number)))
        return
    results = fuzz(chosen.mutations, chosen.minutes, chosen.seed, chosen.workers)
    largest = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    sys.stdout.write(f"{results.text()}\nthe largest child held {largest:,.0f} MB\n")
    sys.exit(bool(results.finds))


if __name__ == "__main__":
    main()
