"""The trash of a store together with the trash folders on disk.

Both are listed, restored and emptied together; only the journal knows whether a file is in the
store or in the folder ``.imgurer-trash`` of its disk.
"""

import logging
import os
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from datetime import timedelta

import pandas as pd

from imgurer_kernel.common.paths import modified_ns
from imgurer_kernel.errors import (
    ActRefused,
    BlobDamaged,
    BlobMissing,
    FileInaccessible,
    StorageError,
)
from imgurer_kernel.review import disk, mounts, moves
from imgurer_kernel.review.decisions import Verdicts
from imgurer_kernel.review.recovery import UNFINISHED, is_reachable
from imgurer_kernel.review.runner import ActRunner
from imgurer_kernel.store.catalog import decisions, journal, sittings
from imgurer_kernel.store.catalog.connection import now
from imgurer_kernel.store.catalog.journal import JournalEntry
from imgurer_kernel.store.ingest.left_out import TRASH_FOLDER
from imgurer_kernel.store.store import Store
from imgurer_kernel.store.trash import LEFT, Emptied, Trash

_log = logging.getLogger(__name__)
_IN_TRASH = b"/" + TRASH_FOLDER.encode() + b"/"


class ReviewTrash(Trash):
    """A `Trash` that also handles files in trash folders on disk.

    Parameters
    ----------
    store
        The store of this trash.
    step
        As for `ActRunner`.
    """

    def __init__(self, store: Store, step: Callable[[str], None] = lambda _: None) -> None:
        super().__init__(store)
        self._runner = ActRunner(store, Trash(store), step)

    def restore(
        self, file_ids: int | Iterable[int] | None = None, user: str | None = None
    ) -> pd.DataFrame:
        """Restore files with their names, owners and paths; see `Trash.restore`.

        Raises
        ------
        ActRefused
            If a file cannot be restored on disk: it is gone, or its place is taken.
        """
        # Acts that another process has left half done: their files may not be where rows say.
        self._runner.recover()
        listed = self.list()
        who = self._store.users.require_enabled(user)
        wanted = self._chosen(file_ids, listed, who)
        on_disk = [
            entry
            for entry in self._store.catalog.run(journal.entries, states=["done"])
            if entry.act in {"trash", "move"} and {entry.file_id, *entry.other_ids} & set(wanted)
        ]
        if on_disk:
            on_disk = self._store.catalog.run(sittings.with_companions, on_disk)
            with self._runner.turn():
                for error in self._runner.undo(on_disk[::-1]).values():
                    raise error
        return self._restore_rows(listed[listed["file_id"].isin(wanted)], who)

    def empty(self, older_than: timedelta | str, user: str | None = None) -> Emptied:
        """Delete permanently the files removed before a time, in the store and in trash folders.

        Parameters and errors are those of `Trash.empty`. Files moved to a folder that the user
        chose, or to the system's trash, stay. So does a file in a trash folder that was replaced
        since, and a file that may be the last copy of its picture, for example because the keeper
        is gone. Each of these is reported with the reason, and can still be restored. Each keeper
        is read once.
        """
        span = self._span(older_than, user)
        before = now() - span
        # Within the turn from the start: rows of acts that are being undone, or were left half
        # done, are in the trash while their files are on their way back.
        with self._runner.turn():
            entries = self._store.catalog.run(journal.entries, states=["done"])
            old = [it for it in entries if it.ended_at is not None and it.ended_at <= before]
            on_disk = [it for it in old if it.act in {"trash", "link"}]
            left = self._delete(entries, on_disk) | self._last_copies(old)
            # Rows of acts that are not old or not finished stay, as their files do.
            staying = self._store.catalog.run(journal.entries, states=UNFINISHED)
            staying += [it for it in entries if it not in set(old)]
            kept = {each for it in (*left, *staying) for each in (it.file_id, *it.other_ids)}
            erased = self._erase_all(span, kept)
            # An act ends when its rows are deleted, wherever its bytes are.
            rows = self.list()["file_id"].tolist()
            known = {*rows, *self._store.catalog.run(journal.files_of_images)}
            ended = {it for it in old if it.moves_rows and it.file_id not in known}
            ended |= {it for it in on_disk if it not in left}
            ended |= self._delete_companions([it for it in old if it in ended], entries)
            self._store.catalog.run(
                journal.set_state, [entry.entry_id for entry in ended], "emptied"
            )
        found = [(it.entry_id, it.file_id, _where(it), why) for it, why in left.items()]
        return self._emptied(erased, pd.DataFrame(found, columns=LEFT), user)

    def _delete(
        self, entries: Sequence[JournalEntry], on_disk: Sequence[JournalEntry]
    ) -> dict[JournalEntry, str]:
        """Delete the files of acts in trash folders; return those not deleted, with reasons."""
        copies = _Copies(self._store)
        # If a later act has put its file at the same name, the file of the earlier act is gone.
        at_target = {it.target_key: it for it in entries}
        left = {}
        for entry in (it for it in on_disk if at_target[it.target_key] == it):
            try:
                if is_reachable(entry):
                    why = copies.reason_to_keep(entry) or _undeletable(entry)
                else:
                    why = "its disk is not mounted; mount it and empty the trash again"
            except FileInaccessible as error:
                why = str(error)
            if why is not None:
                _log.warning("entry %d stays in the trash: %s", entry.entry_id, why)
                left[entry] = why
        return left

    def _delete_companions(
        self, ended: Sequence[JournalEntry], entries: Sequence[JournalEntry]
    ) -> set[JournalEntry]:
        """Delete sidecars in trash folders whose files are all deleted permanently; return them."""
        both = self._store.catalog.run(sittings.with_companions, ended)
        trashed = {key for it in ended if it.act == "trash" for key in it.file_keys}
        # A sidecar that several files share goes with the last of them.
        finished = set(ended)
        left = (it for it in entries if it.moves_rows and it not in finished)
        still_used = {key for it in left for key in it.file_keys}
        along = {it for it in both if it.act == "companion" and not still_used & it.file_keys}
        for entry in along:
            if trashed & entry.file_keys:
                why = _undeletable(entry)
                if why is not None:
                    _log.warning("entry %d stays in the trash: %s", entry.entry_id, why)
        return along

    def _last_copies(self, old: Sequence[JournalEntry]) -> dict[JournalEntry, str]:
        """Find files in the store's trash that may be the last copies of their pictures."""
        rows = set(self.list()["file_id"].tolist())
        forgotten = [it for it in old if it.act == "forget" and it.file_id in rows]
        copies, left = _Copies(self._store), {}
        for entry in forgotten:
            # If the keeper was forgotten too, the user wants to keep neither.
            why = copies.reason_to_keep(entry, forgotten_is_lost=False)
            if why is not None:
                _log.warning("entry %d stays in the trash: %s", entry.entry_id, why)
                left[entry] = why
        return left


class _Copies:
    """Checks whether other copies remain when files in trash folders are deleted."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._files = store.catalog.run(journal.files_of_images)
        self._paths: dict[str, set[bytes]] = {}
        for file in self._files.values():
            # A file in a trash folder is about to be deleted, even if it was ingested from there.
            if file.path_key is not None and _IN_TRASH not in file.path_key:
                self._paths.setdefault(file.digest, set()).add(file.path_key)
        self._acts_by_file = {
            file_id: entry
            for entry in store.catalog.run(journal.entries, states=["done", "emptied"])
            if entry.moves_rows
            for file_id in (entry.file_id, *entry.other_ids)
        }
        self._sound: dict[str, bool] = {}
        self._verdicts = Verdicts.of(store.catalog.run(decisions.all_decisions))

    def reason_to_keep(self, entry: JournalEntry, *, forgotten_is_lost: bool = True) -> str | None:
        """Return why an entry's picture may have no other sound copy; None if it has one.

        Parameters
        ----------
        forgotten_is_lost
            Whether a picture whose keeper was forgotten counts as having no other copy.
        """
        seen: set[int] = set()
        other_picture: str | None = None
        at: JournalEntry | None = entry
        # The keeper may have been removed since for a better one, and so on.
        while at is not None and at.entry_id not in seen:
            seen.add(at.entry_id)
            last, keeper = at, self._files.get(at.keeper_id)
            stand_ins = [at.digest, *([keeper.digest] if keeper else [])]
            # If A was removed for B, and B for C, C does not stand in for A if a user decided that
            # A and C are different pictures.
            refusals = [self._verdicts.refusal(entry.digest, it) for it in stand_ins]
            if any(
                refusal is None and self._is_sound(it)
                for it, refusal in zip(stand_ins, refusals, strict=True)
            ):
                return None
            other_picture = other_picture or next(filter(None, refusals), None)
            at = self._acts_by_file.get(at.keeper_id)
        if other_picture:
            return f"it may be the last copy: it went for {entry.keeper_path}, and {other_picture}"
        if last.keeper_id in self._files:
            return (
                f"it may be the last copy: {last.keeper_path}, which was kept, is gone or changed; "
                "restore this one"
            )
        if not forgotten_is_lost:
            return None
        return (
            f"it may be the last copy: the store has forgotten {last.keeper_path}, which was kept; "
            "restore this one, or ingest the other one and empty the trash again"
        )

    def _is_sound(self, digest: str) -> bool:
        if digest not in self._sound:
            paths = sorted(self._paths.get(digest, ()))
            self._sound[digest] = self._in_store(digest) or any(
                _has_bytes(path, digest) for path in paths
            )
        return self._sound[digest]

    def _in_store(self, digest: str) -> bool:
        try:
            # Not by a reference: the paths that it may lead to are checked separately.
            if not self._store.blobs.own_path(digest).is_file():
                return False
            self._store.blobs.verify(digest)
        except (BlobMissing, BlobDamaged, StorageError):
            return False
        return True


def _where(entry: JournalEntry) -> str:
    """Return the path of an act's file as text, or its file name if it is in the store."""
    if entry.target_key is not None:
        return disk.shown(entry.target_key)
    return entry.path or entry.filename


def _has_bytes(path: bytes, digest: str) -> bool:
    """Return whether a file on disk has these bytes, and is not a link into a trash folder."""
    if _IN_TRASH in os.path.realpath(path):
        return False
    with suppress(ActRefused):
        root = mounts.root_of(path, ())
        with (
            disk.place_of(root, disk.split(root, path)) as place,
            disk.held(place, path) as file,
        ):
            return file.digest() == digest
    return False


def _undeletable(entry: JournalEntry) -> str | None:
    """Delete a file in a trash folder; return the reason if that is refused."""
    paths = disk.paths_of(entry)
    try:
        names = disk.split(paths.target_root, paths.target)
        with disk.place_of(paths.target_root, names) as place:
            facts = place.facts()
            if facts is not None:
                try:
                    _require_same_file(entry, place, facts)
                    moves.remove(place, paths.target, facts.st_dev, facts.st_ino)
                except ActRefused as error:
                    return str(error)
    except FileInaccessible as error:
        return str(error)
    except ActRefused:
        pass  # its folder is gone, so the file is gone
    with suppress(ActRefused):
        moves.prune(paths.target_root, paths.target)
    return None


def _require_same_file(entry: JournalEntry, place: disk.Place, facts: disk.FileStat) -> None:
    """Raise `ActRefused` unless the file at a place is the one that the act has put there."""
    # Inodes are reused, and files are edited in place: size and time must match as well.
    if (facts.st_dev, facts.st_ino, facts.st_size, modified_ns(facts)) == (
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
