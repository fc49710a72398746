"""Kills and failing disks at the steps of each operation, one child each."""

import errno
import os
import random
import shutil
import signal
import threading
import time
from collections import Counter
from dataclasses import dataclass, field

from tests.reliability import operations, shim
from tests.support.pictures import jpeg

NEVER = 1 << 40


@dataclass
class Tally:
    """The results of all faults of one kind.

    Attributes
    ----------
    faults, reached
        How many were planned, and how many have met their step.
    steps
        How many different steps (call and area) were met.
    problems
        What was lost, wrong or raised by a library, in words.
    """

    faults: int = 0
    reached: int = 0
    steps: Counter = field(default_factory=Counter)
    problems: list = field(default_factory=list)


def area(step):
    """A step without the names that are others each time."""
    call, _, path = step.partition(" ")
    parts = path.strip("/").split("/")
    return f"{call} {'/'.join(parts[:2])}"


def inject(number, seed, folder, names=None, errors=(0,), writer=False, tell=lambda _: None):
    """Have faults at steps that are spread over all operations; returns a `Tally`.

    Parameters
    ----------
    errors
        Of the faults in turn: 0 for a kill, an errno for a disk that fails from there on.
    writer
        Beside another process that ingests and forgets pictures of its own all the time.
    tell
        Called with a line when an operation is through.
    """
    rng = random.Random(seed)
    names = list(names or operations.OPERATIONS)
    if number < len(names):
        names = rng.sample(names, number)
    tally = Tally()
    share = -(-number // max(len(names), 1))
    for name in names:
        template = folder / "base"  # always of one name: paths are in the catalog
        operations.OPERATIONS[name][0](template)
        kept = folder / "kept"
        template.rename(kept)
        steps, goal = _dry(name, kept, folder)
        chosen = _spread(steps, min(share, number - tally.faults), rng)
        for k, at in enumerate(chosen):
            tally.faults += 1
            error = errors[k % len(errors)]
            words = f"{name}, step {at + 1} of {len(steps)} ({area(steps[at])}), error {error}"
            _fault(name, kept, folder, at + 1, error, goal, writer, tally, words)
            tally.steps[f"{name}: {area(steps[at])}"] += 1
        shutil.rmtree(kept)
        tell(f"{name}: {len(chosen)} of {len(steps)} steps, {len(tally.problems)} problems so far")
    return tally


def _dry(name, kept, folder):
    base = folder / "base"
    log = folder / "steps"
    shutil.copytree(kept, base, symlinks=True)
    work = operations.OPERATIONS[name][1]
    ended = shim.run(lambda tell: work(base, tell), base, NEVER, log=log)
    if ended.complaint:
        raise AssertionError(f"{name} fails undisturbed: {ended.complaint}")
    goal = operations.outcome(base)
    lines = log.read_text(errors="replace").splitlines()
    shutil.rmtree(base)
    log.unlink()
    return lines, goal


def _spread(steps, number, rng):
    """Steps of every kind first, then any."""
    kinds = {}
    for at, step in enumerate(steps):
        kinds.setdefault(area(step), []).append(at)
    chosen = [rng.choice(places) for places in kinds.values()]
    rng.shuffle(chosen)
    left = [at for at in range(len(steps)) if at not in set(chosen)]
    rng.shuffle(left)
    return sorted((chosen + left)[:number])


def _fault(name, kept, folder, at, error, goal, writer, tally, words):
    base = folder / "base"
    shutil.copytree(kept, base, symlinks=True)
    work = operations.OPERATIONS[name][1]
    other = _start_writer(base) if writer and name not in {"recover", "import"} else None
    ended = shim.run(lambda tell: work(base, tell), base, at, error)
    if other is not None:
        tally.problems += [f"{words}: other writer: {each}" for each in _stop_writer(*other)]
    if error == 0:
        tally.reached += ended.killed
    else:
        tally.reached += 1
    if ended.complaint.startswith("foreign"):
        tally.problems.append(f"{words}: {ended.complaint}")
    again = shim.run(lambda tell: _look(base, name, ended.said, tell), base, NEVER)
    tally.problems += [f"{words}: {each}" for each in again.said]
    if again.complaint:
        tally.problems.append(f"{words}: afterwards {again.complaint}")
    finish = shim.run(lambda tell: work(base, tell), base, NEVER)
    if finish.complaint:
        tally.problems.append(f"{words}: once more: {finish.complaint}")
    elif operations.outcome(base) != goal:
        tally.problems.append(f"{words}: another outcome than undisturbed")
    shutil.rmtree(base)


def _look(base, name, said, tell):
    """Check the store in a child; one that is still damaged, or not made yet, is left to `work`."""
    if name in {"recover", "import", "migration"} and not said:
        return
    expected = {"stale fingerprint"} if name == "renewal" else ()
    for problem in operations.check(base, said, expected):
        tell(problem.replace("\n", " "))


def _start_writer(base):
    """A process that uploads and forgets in the same store until it is told to stop."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(reading)
            stop = threading.Event()
            signal.signal(signal.SIGTERM, lambda *_: stop.set())
            os.write(writing, _write_until(stop, base).encode())
        finally:
            os._exit(0)
    os.close(writing)
    return child, reading


def _write_until(stop, base):
    try:
        with operations.open_store(base) as wb:
            data = jpeg(77, **operations.SMALL)
            while not stop.is_set():
                row = wb.upload(operations.OTHER, data).iloc[0]
                assert row["status"] in {"added", "duplicate"}, row.to_dict()
                wb.forget(int(row["image_id"]))
                wb.trash.restore([int(row["file_id"])])
                wb.forget(int(row["image_id"]))
                time.sleep(0.05)
    except Exception as caught:  # noqa: BLE001 - whatever it is, it is told
        return f"{type(caught).__name__}: {caught}"
    return ""


def _stop_writer(child, reading):
    os.kill(child, signal.SIGTERM)
    with os.fdopen(reading) as pipe:
        said = pipe.read()
    os.waitpid(child, 0)
    return [said] if said else []


DISK = (errno.ENOSPC, errno.EIO)
