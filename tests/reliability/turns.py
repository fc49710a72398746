"""The fairness of the queue: how many others used the catalog while one process waited."""

import os
import time

from imgurer_kernel.store.catalog.lock.ticket_queue import TicketQueue


def noted(path):
    """Record when this process joins the queue of the catalog, and when its turn begins."""
    take = TicketQueue.take

    def noting(queue, lock, deadline):
        came = time.monotonic()
        _add(path, "came", 0.0)
        taken = take(queue, lock, deadline)
        if taken:
            _add(path, "turn", time.monotonic() - came)
        return taken

    TicketQueue.take = noting


def _add(path, event, waited):
    # One write to a file that is only added to: lines of several processes do not mix.
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        os.write(descriptor, f"{os.getpid()} {event} {waited:.3f}\n".encode())
    finally:
        os.close(descriptor)


def measured(path):
    """Most turns of others while one waited, the longest wait for a turn, and how many turns."""
    waiting, most, longest, turns = {}, 0, 0.0, 0
    for line in path.read_text().splitlines():
        process, event, waited = line.split()
        if event == "came":
            waiting[process] = 0
            continue
        turns += 1
        longest = max(longest, float(waited))
        most = max(most, waiting.pop(process, 0))
        for other in waiting:
            waiting[other] += 1
    return most, longest, turns
