"""A queue in which processes wait for a lock in order of arrival."""

from pathlib import Path

from imgurer_kernel.common.atomic_files import mapped_os_errors
from imgurer_kernel.store.catalog.lock.lockfile import LockFile


class TicketQueue:
    """Tickets in a folder: each is a file that its process keeps locked while it waits.

    The system wakes all processes that wait for a file lock and gives it to any of them, so that
    one of eight may come last thirty times in a row. Here each process waits for the ticket just
    ahead, and only the first for the lock itself: the queue of Craig (1993) and of Landin and
    Hagersten (1994) with files as nodes. The tickets of processes that died are free immediately.

    Parameters
    ----------
    folder
        The folder of the tickets; it is made, and never deleted.
    opened
        As in `LockFile`.
    """

    def __init__(self, folder: Path, opened: set[int]) -> None:
        self._folder = folder
        self._opened = opened
        # Held briefly, so that no process lists the tickets in the middle of a change. All
        # versions must lock the same file, so its name stays.
        self._guard = LockFile(folder / "door", opened)

    def take(self, lock: LockFile, deadline: float) -> bool:
        """Take a lock in turn; return False if `deadline` passed on the monotonic clock."""
        with mapped_os_errors(self._folder):
            self._folder.mkdir(exist_ok=True)
        ticket: LockFile | None = None
        try:
            while self._guard.take(deadline):
                try:
                    ahead = self._tickets(before=ticket)
                    if not ahead and lock.take_now():
                        return True
                    ticket = ticket or self._issue(ahead)
                finally:
                    self._guard.drop()
                if not ahead:
                    return lock.take(deadline)
                if not ahead[-1].wait(deadline):
                    return False
            return False
        finally:
            if ticket is not None:
                ticket.discard()

    def is_waiting(self) -> bool:
        """Return whether any process waits at the moment."""
        return any(ticket.is_taken() for ticket in self._listed())

    def _tickets(self, before: LockFile | None) -> list[LockFile]:
        """List the waiting tickets ahead of one; delete those of processes that died."""
        waiting = []
        for ticket in self._listed():
            if before is not None and ticket.path.name >= before.path.name:
                break
            if ticket.is_taken():
                waiting.append(ticket)
            else:
                ticket.discard()
        return waiting

    def _issue(self, ahead: list[LockFile]) -> LockFile:
        number = int(ahead[-1].path.name) + 1 if ahead else 0
        ticket = LockFile(self._folder / f"{number:020}", self._opened)
        ticket.take_now()
        return ticket

    def _listed(self) -> list[LockFile]:
        with mapped_os_errors(self._folder):
            names = [path for path in self._folder.iterdir() if path.name.isdigit()]
        return [LockFile(path, self._opened) for path in sorted(names)]
