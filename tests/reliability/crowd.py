"""Many processes on one store for a while: no errors, no losses, and the longest wait."""

import json
import os
import random
import time

from tests.reliability import operations, turns
from tests.support.pictures import jpeg


def crowd(number, seconds, base, seed=0):
    """Let processes ingest, search, forget and look; returns (problems, calls, longest, turns).

    The longest is of a call, which waits for several turns; of turns see `turns.measured`.

    Each keeps account of what it has in the store, and compares after each call.
    """
    with operations.open_store(base) as wb:
        wb.upload("first.jpg", jpeg(0, **operations.SMALL))
    note = base.with_name(f"{base.name}.turns")
    pipes, children = [], []
    until = time.monotonic() + seconds
    for each in range(number):
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                os.close(reading)
                turns.noted(note)
                os.write(writing, json.dumps(_take_part(base, each, until, seed)).encode())
            finally:
                os._exit(0)
        os.close(writing)
        pipes.append(reading)
        children.append(child)
    problems, calls, longest = [], 0, 0.0
    for reading, child in zip(pipes, children, strict=True):
        with os.fdopen(reading) as pipe:
            text = pipe.read()
        os.waitpid(child, 0)
        if not text:
            problems.append("a process died")
            continue
        answer = json.loads(text)
        problems += answer["problems"]
        calls += answer["calls"]
        longest = max(longest, answer["longest"])
    with operations.open_store(base) as wb:
        found = wb.check(progress=False)
        problems += [f"check: {row.problem}: {row.detail}" for row in found.itertuples()]
    measured = turns.measured(note)
    # Each of the others has one turn before one's own; a few more may come between the note that
    # one has come and the ticket.
    if measured[0] > 2 * (number - 1):
        problems.append(f"{measured[0]} turns of others came before one's own")
    return problems, calls, longest, measured


def _take_part(base, each, until, seed):
    rng = random.Random(f"{seed} {each}")
    problems, calls, longest = [], 0, 0.0
    mine = {}
    try:
        with operations.open_store(base) as wb:
            while time.monotonic() < until:
                started = time.monotonic()
                _one_call(wb, rng, each, mine)
                longest = max(longest, time.monotonic() - started)
                calls += 1
                names = set(wb.files()["filename"])
                lost = {f"{each}-{number}.jpg" for number in mine} - names
                if lost:
                    problems.append(f"lost: {sorted(lost)}")
    except Exception as caught:  # noqa: BLE001 - whatever it is, it is told
        problems.append(f"{type(caught).__name__}: {caught}")
    return {"problems": problems, "calls": calls, "longest": longest}


def _one_call(wb, rng, each, mine):
    number = rng.randrange(12)
    match rng.randrange(5):
        case 0 | 1:
            # Every second picture is one that all bring.
            seed = number if number % 2 else 100 + 20 * each + number
            row = wb.upload(f"{each}-{number}.jpg", jpeg(seed, **operations.SMALL)).iloc[0]
            mine[number] = int(row["file_id"])
        case 2 if mine:
            wb.forget(file_id=mine.pop(rng.choice(list(mine))))
        case 3:
            wb.similar(jpeg(number, **operations.SMALL))
        case _:
            wb.statistics()
