"""The trash of a store together with the trash folders on disk.

Both are listed, restored and emptied together; whether a file lies in the store or in the folder
``.imgurer-trash`` of its disk is known by the journal only.
"""

import logging
import os
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from datetime import timedelta

import pandas as pd

from imgurer_kernel.common.paths import modified_ns
from imgurer_kernel.errors import ActRefused, BlobDamaged, BlobMissing, StorageError
from imgurer_kernel.review import disk, moves
from imgurer_kernel.review.decisions import Verdicts
from imgurer_kernel.review.recovery import is_reachable
from imgurer_kernel.review.runner import ActRunner
from imgurer_kernel.store.catalog import decisions, journal, sittings
from imgurer_kernel.store.catalog.connection import now
from imgurer_kernel.store.catalog.journal import JournalEntry
from imgurer_kernel.store.ingest.sources import TRASH_FOLDER
from imgurer_kernel.store.store import Store
from imgurer_kernel.store.trash import LEFT, Emptied, Trash

_log = logging.getLogger(__name__)
_IN_TRASH = b"/" + TRASH_FOLDER.encode() + b"/"


class ReviewTrash(Trash):
    """A `Trash` that also handles files in trash folders on disk.

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
        """Restore files with their names, owners and paths; see `Trash.restore`.

        Raises
        ------
        ActRefused
            If a file cannot come back to its place on disk: it is gone, or the place is taken.
        """
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
        """Delete permanently what was removed longer ago, in the store and in trash folders.

        Parameters and errors are those of `Trash.empty`. What was moved to a folder of somebody's
        choice, or to the trash of the system, is theirs and stays. So does a file in a trash folder
        that is not the one which was put there, and one, there or in the store, without which its
        picture would be gone, as when the file that was kept is. That is told with the reason, and
        it can still be brought back. Files that were kept are read once each.
        """
        span = self._span(older_than, user)
        before = now() - span
        entries = self._store.catalog.run(journal.entries, states=["done"])
        old = [it for it in entries if it.ended_at is not None and it.ended_at <= before]
        if not old:
            return self._emptied(self._erase_all(span), pd.DataFrame(columns=LEFT), user)
        with self._runner.turn():
            on_disk = [it for it in old if it.act in {"trash", "link"}]
            left = self._delete(entries, on_disk) | self._last_copies(old)
            kept = {each for it in left for each in (it.file_id, *it.other_ids)}
            erased = self._erase_all(span, kept)
            # Acts of all kinds are over when their rows are gone, wherever the bytes are.
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
        """Delete the files of acts in trash folders; return those left, with reasons."""
        copies = _Copies(self._store)
        # Where a later act has put its file at the same name, the earlier one's is gone.
        lies = {it.target_key: it for it in entries}
        left = {}
        for entry in (it for it in on_disk if lies[it.target_key] == it):
            if is_reachable(entry):
                why = copies.lack(entry) or _undeletable(entry)
            else:
                why = "its disk is away; empty the trash again when that is back"
            if why is not None:
                _log.warning("entry %d stays in the trash: %s", entry.entry_id, why)
                left[entry] = why
        return left

    def _delete_companions(
        self, ended: Sequence[JournalEntry], entries: Sequence[JournalEntry]
    ) -> set[JournalEntry]:
        """Delete the sidecars in trash folders of files that are gone for good; all of theirs."""
        both = self._store.catalog.run(sittings.with_companions, ended)
        trashed = {key for it in ended if it.act == "trash" for key in it.file_keys}
        # Of several files that share one the last one takes it along.
        over = set(ended)
        left = (it for it in entries if it.moves_rows and it not in over)
        rest = {key for it in left for key in it.file_keys}
        along = {it for it in both if it.act == "companion" and not rest & it.file_keys}
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
            # Whoever has forgotten what was kept, too, wants neither.
            why = copies.lack(entry, forgotten_is_lost=False)
            if why is not None:
                _log.warning("entry %d stays in the trash: %s", entry.entry_id, why)
                left[entry] = why
        return left


class _Copies:
    """Checks whether pictures remain when files in trash folders are deleted."""

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
        self._verdicts = Verdicts.of(store.catalog.run(decisions.all_decisions))

    def lack(self, entry: JournalEntry, *, forgotten_is_lost: bool = True) -> str | None:
        """Return why no other sound copy of an entry's picture is known; None if one is.

        Parameters
        ----------
        forgotten_is_lost
            Whether it also lacks what was kept if somebody has forgotten that.
        """
        seen: set[int] = set()
        other_picture: str | None = None
        at: JournalEntry | None = entry
        # What was kept may have gone since for something better, and so on.
        while at is not None and at.entry_id not in seen:
            seen.add(at.entry_id)
            last, keeper = at, self._files.get(at.keeper_id)
            stand_ins = [at.digest, *([keeper.digest] if keeper else [])]
            # What went for B does not remain as C for which B went, if somebody says that the two
            # are different pictures.
            refusals = [self._verdicts.refusal(entry.digest, it) for it in stand_ins]
            if any(
                refusal is None and self._is_sound(it)
                for it, refusal in zip(stand_ins, refusals, strict=True)
            ):
                return None
            other_picture = other_picture or next(filter(None, refusals), None)
            at = self._went.get(at.keeper_id)
        if other_picture:
            return f"it may be the last copy: it went for {entry.keeper_path}, and {other_picture}"
        if last.keeper_id in self._files:
            return (
                f"it may be the last copy: {last.keeper_path}, which was kept, is gone or changed; "
                "bring this one back"
            )
        if not forgotten_is_lost:
            return None
        return (
            f"it may be the last copy: the store has forgotten {last.keeper_path}, which was kept; "
            "bring this one back, or take the other one in and empty the trash again"
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
            # Not by a reference: that leads to one of the paths.
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
    """Return whether a file on disk has these bytes, and is no link into a trash folder."""
    if _IN_TRASH in os.path.realpath(path):
        return False
    with suppress(ActRefused):
        root = disk.root_of(path, ())
        with (
            disk.place_of(root, disk.split(root, path)) as place,
            disk.held(place, path) as file,
        ):
            return file.digest() == digest
    return False


def _undeletable(entry: JournalEntry) -> str | None:
    """Delete a file in a trash folder; return the reason where that is refused."""
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
                    return str(error)
    with suppress(ActRefused):
        moves.prune(paths.target_root, paths.target)
    return None


def _require_entrys(entry: JournalEntry, place: disk.Place, facts: disk.FileStat) -> None:
    """Raise `ActRefused` unless an act has put this file at a place."""
    # Inodes are used again, and a file is edited in place: size and time must be the same too.
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
