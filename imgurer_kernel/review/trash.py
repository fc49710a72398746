"""The trash of a store, with the files on disk that acts have put into trash folders.

One list, one way back and one way to delete: whether a file lies in the store or in the folder
``.imgurer-trash`` of its disk is known by the journal only.
"""

import logging
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import timedelta

import numpy as np
import pandas as pd

from imgurer_kernel.errors import ActRefused
from imgurer_kernel.review import disk, moves
from imgurer_kernel.review.recovery import is_reachable
from imgurer_kernel.review.runner import ActRunner
from imgurer_kernel.store.catalog import journal
from imgurer_kernel.store.catalog.connection import now
from imgurer_kernel.store.catalog.journal import JournalEntry
from imgurer_kernel.store.store import Store
from imgurer_kernel.store.trash import Trash, duration

_log = logging.getLogger(__name__)


class ReviewTrash(Trash):
    """A `Trash` that knows of files on disk, too.

    Parameters
    ----------
    store
        Whose trash it is.
    step
        As for `ActRunner`.
    """

    def __init__(self, store: Store, step: Callable[[str], None] = lambda _: None) -> None:
        super().__init__(store)
        self._runner = ActRunner(store, Trash(store), step)

    def restore(
        self, file_ids: int | Iterable[int] | None = None, user: str | None = None
    ) -> pd.DataFrame:
        """Bring files back with their names, owners and paths, as `Trash.restore` says.

        Raises
        ------
        ActRefused
            If a file cannot come back to its place on disk: it is gone, or the place is taken.
        """
        listed = self.list()
        if file_ids is None:
            who = self._store.users.require_enabled(user)
            wanted = listed.loc[listed["user"] == who, "file_id"].tolist()
        else:
            single = isinstance(file_ids, int | np.integer)
            wanted = [file_ids] if single else list(file_ids)  # type: ignore[arg-type]
            self._check(wanted, self._store.users.require_enabled(user))
        on_disk = [
            entry
            for entry in self._store.catalog.run(journal.entries, states=["done"])
            if entry.act in {"trash", "move"} and {entry.file_id, *entry.other_ids} & set(wanted)
        ]
        if on_disk:
            with self._runner.turn():
                for entry in on_disk:
                    self._runner.undo(entry)
        super().restore(wanted, user)
        return listed[listed["file_id"].isin(wanted)].reset_index(drop=True)

    def empty(self, older_than: timedelta | str, user: str | None = None) -> int:
        """Delete for good what went longer ago than that, in the store and in trash folders.

        Parameters, errors and what is returned are those of `Trash.empty`. What was moved to a
        folder of somebody's choice, or to the trash of the system, is theirs and stays. So does a
        file in a trash folder that is not the one which was put there; the log names it, and its
        entry stays done.
        """
        span = duration(older_than) if isinstance(older_than, str) else older_than
        erased = super().empty(older_than, user)
        # After that: it has refused who may not, and what is no span.
        before = now() - span
        entries = self._store.catalog.run(journal.entries, states=["done"])
        old = [it for it in entries if it.ended_at is not None and it.ended_at <= before]
        # Acts of all kinds are over when their rows are gone, wherever the bytes are.
        rows = self.list()["file_id"].tolist()
        known = {*rows, *self._store.catalog.run(journal.files_of_images)}
        ended = [it for it in old if it.act != "link" and it.file_id not in known]
        on_disk = [it for it in old if it.act in {"trash", "link"}]
        if on_disk or ended:
            with self._runner.turn():
                left = [entry for entry in on_disk if not _delete(entry)]
                ended = [it for it in {*ended, *on_disk} if it not in left]
                self._store.catalog.run(
                    journal.set_state, [entry.entry_id for entry in ended], "emptied"
                )
        return erased


def _delete(entry: JournalEntry) -> bool:
    """Delete a file in a trash folder; False if it cannot be, is another, or its disk is away."""
    if not is_reachable(entry):
        return False
    paths = disk.paths_of(entry)
    with suppress(ActRefused):  # the folder is gone: then it is not there
        names = disk.split(paths.target_root, paths.target)
        with disk.place_of(paths.target_root, names) as place:
            facts = place.facts()
            if facts is not None:
                try:
                    _require_entrys(entry, place, facts)
                    moves.remove(place, paths.target, facts.st_dev, facts.st_ino)
                except ActRefused as error:
                    _log.warning("entry %d stays in the trash: %s", entry.entry_id, error)
                    return False
    with suppress(ActRefused):
        moves.prune(paths.target_root, paths.target)
    return True


def _require_entrys(entry: JournalEntry, place: disk.Place, facts: disk.Facts) -> None:
    """Raise `ActRefused` unless the file at a place is the one that an act has put there."""
    # Inodes are used again, and a file is edited in place: size and time must be the same too.
    if (facts.st_dev, facts.st_ino, facts.st_size, facts.st_mtime_ns) == (
        entry.device,
        entry.inode,
        entry.bytes,
        entry.modified_ns,
    ):
        return
    path = disk.paths_of(entry).target
    with disk.held(place, path) as file:
        same = file.facts.st_ino == facts.st_ino and file.digest() == entry.digest
    if not same:
        message = f"{disk.shown(path)} was changed or replaced since; delete it by hand"
        raise ActRefused(message)
