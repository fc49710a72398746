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

from imgurer_kernel.errors import ActRefused, BlobDamaged, BlobMissing, StorageError
from imgurer_kernel.review import disk, moves
from imgurer_kernel.review.recovery import is_reachable
from imgurer_kernel.review.runner import ActRunner
from imgurer_kernel.store.catalog import journal
from imgurer_kernel.store.catalog.connection import now
from imgurer_kernel.store.catalog.journal import JournalEntry
from imgurer_kernel.store.ingest.sources import TRASH_FOLDER
from imgurer_kernel.store.store import Store
from imgurer_kernel.store.trash import Trash, duration

_log = logging.getLogger(__name__)
_IN_TRASH = b"/" + TRASH_FOLDER.encode() + b"/"


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
                for error in self._runner.undo(on_disk).values():
                    raise error
        super().restore(wanted, user)
        return listed[listed["file_id"].isin(wanted)].reset_index(drop=True)

    def empty(self, older_than: timedelta | str, user: str | None = None) -> int:
        """Delete for good what went longer ago than that, in the store and in trash folders.

        Parameters, errors and what is returned are those of `Trash.empty`. What was moved to a
        folder of somebody's choice, or to the trash of the system, is theirs and stays. So does a
        file in a trash folder that is not the one which was put there, and one without which its
        picture would be gone, as when the file that was kept is; the log names it, and its entry
        stays done.
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
        ended = [it for it in old if it.moves_rows and it.file_id not in known]
        on_disk = [it for it in old if it.act in {"trash", "link"}]
        if on_disk or ended:
            with self._runner.turn():
                copies = _Copies(self._store)
                # Where a later act has put its file at the same name, the earlier one's is gone.
                lies = {it.target_key: it for it in entries}
                mine = [it for it in on_disk if lies[it.target_key] == it]
                left = [it for it in mine if not (copies.remain(it) and _delete(it))]
                ended = [it for it in {*ended, *on_disk} if it not in left]
                self._store.catalog.run(
                    journal.set_state, [entry.entry_id for entry in ended], "emptied"
                )
        return erased


class _Copies:
    """Whether pictures remain when files in trash folders are deleted; each is read once."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._files = store.catalog.run(journal.files_of_images)
        self._paths: dict[str, set[bytes]] = {}
        for file in self._files.values():
            # What lies in a trash folder is about to be deleted, whoever has taken it in.
            if file.path_key is not None and _IN_TRASH not in file.path_key:
                self._paths.setdefault(file.digest, set()).add(file.path_key)
        self._went = {
            file_id: entry
            for entry in store.catalog.run(journal.entries, states=["done", "emptied"])
            if entry.moves_rows
            for file_id in (entry.file_id, *entry.other_ids)
        }
        self._sound: dict[str, bool] = {}

    def remain(self, entry: JournalEntry) -> bool:
        """Whether the picture of an entry is sound elsewhere; the log says so if it is not."""
        seen: set[int] = set()
        at: JournalEntry | None = entry
        # What was kept may have gone since for something better, and so on.
        while at is not None and at.entry_id not in seen:
            seen.add(at.entry_id)
            keeper = self._files.get(at.keeper_id)
            if self._is_sound(at.digest) or (keeper and self._is_sound(keeper.digest)):
                return True
            at = self._went.get(at.keeper_id)
        _log.warning(
            "entry %d stays in the trash: it may be the last copy; gone, changed or unknown is %s",
            entry.entry_id,
            entry.keeper_path,
        )
        return False

    def _is_sound(self, digest: str) -> bool:
        if digest not in self._sound:
            paths = sorted(self._paths.get(digest, ()))
            self._sound[digest] = self._in_store(digest) or any(
                _has_bytes(path, digest) for path in paths
            )
        return self._sound[digest]

    def _in_store(self, digest: str) -> bool:
        try:
            # Not by a reference: that leads to one of the paths.
            if not self._store.blobs.own_path(digest).is_file():
                return False
            self._store.blobs.verify(digest)
        except (BlobMissing, BlobDamaged, StorageError):
            return False
        return True


def _has_bytes(path: bytes, digest: str) -> bool:
    """Whether a file on disk is there, with these bytes."""
    with suppress(ActRefused):
        root = disk.root_of(path, ())
        with (
            disk.place_of(root, disk.split(root, path)) as place,
            disk.held(place, path) as file,
        ):
            return file.digest() == digest
    return False


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
