"""``python -m tests.reliability``: kills, failing disks, many processes, the speed of a check."""

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

from tests.reliability import shim


def main():
    parser = argparse.ArgumentParser(prog="python -m tests.reliability", description=__doc__)
    parser.add_argument("--long", action="store_true", help="500 kills, 8 processes for a minute")
    parser.add_argument("--kills", type=int, help="how many processes are killed")
    parser.add_argument("--disk", type=int, help="how many disks fail (ENOSPC, EIO in turn)")
    parser.add_argument("--processes", type=int, help="how many work on one store")
    parser.add_argument("--seconds", type=float, help="for how long")
    parser.add_argument("--check", type=int, help="how many originals of 4 MB a check is timed on")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", action="append", help="one operation, such as ingest")
    given = parser.parse_args()
    if not shim.is_loaded():
        words, environment = shim.command(*sys.argv[1:])
        os.execvpe(words[0], words, environment)
    return _run(given)


def _chosen(value, long_form, short, long):
    return value if value is not None else long if long_form else short


def _run(given):
    from tests.reliability import crowd, faults, speed

    failed = 0
    with tempfile.TemporaryDirectory(dir=_memory()) as folder:
        kills = _chosen(given.kills, given.long, 30, 500)
        disks = _chosen(given.disk, given.long, 30, 500)
        for what, number, errors in (("kills", kills, (0,)), ("disk", disks, faults.DISK)):
            started = time.monotonic()
            place = Path(folder, what)
            place.mkdir()
            writer = what == "kills"
            tally = faults.inject(number, given.seed, place, given.only, errors, writer, _say)
            failed += len(tally.problems)
            _say(
                f"{what}: {tally.faults} at {len(tally.steps)} kinds of steps, {tally.reached} "
                f"reached, {len(tally.problems)} problems, {time.monotonic() - started:.0f} s",
            )
            for problem in tally.problems:
                _say(f"  {problem}")
        processes = _chosen(given.processes, given.long, 4, 8)
        seconds = _chosen(given.seconds, given.long, 5, 60)
        if processes:
            problems, calls, longest, (most, waited, turns) = crowd.crowd(
                processes, seconds, Path(folder, "crowd"), given.seed
            )
            failed += len(problems)
            _say(
                f"crowd: {processes} processes for {seconds:g} s, {calls:,} calls, longest "
                f"{longest:.2f} s, {len(problems)} problems; {turns:,} turns at the catalog, the "
                f"longest wait for one {waited:.2f} s, at most {most} of others before one's own"
            )
            for problem in problems:
                _say(f"  {problem}")
        if originals := _chosen(given.check, given.long, 0, 500):
            plain, check = speed.check_speed(originals, Path(folder, "speed"))
            _say(
                f"check: {originals} originals of 4 MB in {check:.1f} s; reading and hashing them "
                f"alone with one thread takes {plain:.1f} s"
            )
    return 1 if failed else 0


def _say(line):
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _memory():
    return "/dev/shm" if Path("/dev/shm").is_dir() else None


if __name__ == "__main__":
    sys.exit(main())
