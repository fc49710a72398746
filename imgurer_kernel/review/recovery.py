"""Recover from a crash: finish or roll back acts that were begun.

The disk decides: if the file of an act has moved, the act is finished, since its bytes were
compared before the move; any other act is rolled back.
"""

import os
from contextlib import ExitStack, suppress

from imgurer_kernel.errors import ActRefused, FileInaccessible, StorageError
from imgurer_kernel.review import disk, mounts, moves
from imgurer_kernel.review.companions import move_along
from imgurer_kernel.review.rows import ActRows, as_found
from imgurer_kernel.review.sidecar_runner import is_written
from imgurer_kernel.store.catalog import journal
from imgurer_kernel.store.catalog.journal import ActState, FileOfImage, JournalEntry
from imgurer_kernel.store.store import Store
from imgurer_kernel.store.trash import Trash

UNFINISHED: tuple[ActState, ...] = ("intended", "entered", "undoing")
"""States of acts that were begun and have not ended."""

# FAT stores times in steps of two seconds.
_TIME_STEP_NS = 2_000_000_000


class Recovery:
    """Recovers the unfinished acts of one store, within the turn of an `ActRunner`."""

    def __init__(self, store: Store, trash: Trash) -> None:
        self._store = store
        self._rows = ActRows(store, trash)

    def run(self) -> bool:
        """Finish or roll back all unfinished acts; return whether none is left.

        Entries whose disk is not mounted are left for the next time.
        """
        do = {
            "intended": self._finish_or_roll_back,
            "entered": lambda entry: self._rows.follow([entry]),
            "undoing": self._finish_undo,
        }
        sidecars: dict[str, ActState] = {"intended": "rolled back", "undoing": "undone"}
        entries = self._store.catalog.run(journal.entries, states=UNFINISHED)
        # Acts are finished in their order, and undone in reverse order.
        undoing = [entry for entry in reversed(entries) if entry.state == "undoing"]
        for entry in [*(entry for entry in entries if entry.state != "undoing"), *undoing]:
            # Causes are a folder without write permission or an invalid path. Leave the entry for
            # the next time: it must not keep the store, and all other entries, from being opened.
            with suppress(ActRefused, StorageError, OSError, ValueError):
                if entry.act == "sidecar":
                    if is_reachable(entry):
                        state = "done" if is_written(entry) else sidecars[entry.state]
                        self._store.catalog.run(journal.set_state, [entry.entry_id], state)
                elif entry.act == "companion" and entry.state == "intended":
                    if is_reachable(entry):
                        self._finish_companion(entry)
                elif entry.state == "entered" or is_reachable(entry):
                    do[entry.state](entry)
        return not self._store.catalog.run(journal.entries, states=UNFINISHED)

    def _finish_or_roll_back(self, entry: JournalEntry) -> None:
        found = self._store.catalog.run(journal.files_of_images, [entry.keeper_id])
        keeper = found.get(entry.keeper_id)
        if entry.act != "forget" and self._has_moved(entry, keeper):
            with self._store.catalog.transaction() as connection:
                self._rows.enter(connection, [(entry, keeper)])
            self._rows.follow([entry])
            return
        self._store.catalog.run(
            journal.set_state, [entry.entry_id], "rolled back", "interrupted before it was done"
        )

    def _finish_companion(self, entry: JournalEntry) -> None:
        """Move a sidecar to its file, or leave it; the state of the file is final by now."""
        same = self._store.catalog.run(journal.entries, batch=entry.batch)
        gone = next(
            (
                it
                for it in same
                if (it.step, it.file_id) == (entry.step, entry.file_id)
                and it.state == "done"
                and it.act != "companion"
            ),
            None,
        )
        state: ActState = "done" if self._has_moved(entry, None) else "rolled back"
        if gone is not None and state == "rolled back":
            with suppress(ActRefused):  # it also belongs to another file, or was edited since
                move_along(entry, gone)
                state = "done"
        self._store.catalog.run(journal.set_state, [entry.entry_id], state)

    def _has_moved(self, entry: JournalEntry, keeper: FileOfImage | None) -> bool:
        """Return whether an act was done on disk; roll back one done in part."""
        if entry.act == "system-trash":
            assert entry.source_root is not None  # noqa: S101 (checked by the caller)
            assert entry.source_key is not None  # noqa: S101
            return not _exists(entry.source_root, entry.source_key)
        paths = disk.paths_of(entry)
        with ExitStack() as stack:
            try:
                target = stack.enter_context(
                    disk.place_of(paths.target_root, disk.split(paths.target_root, paths.target))
                )
            except FileInaccessible:
                raise
            except ActRefused:
                return False  # its target folder does not exist
            moves.remove_part(target)
            source = stack.enter_context(
                disk.place_of(
                    paths.source_root, disk.split(paths.source_root, paths.source), make=True
                )
            )
            at_target = _holds_bytes(target, paths.target, entry)
            at_source = source.facts()
            if entry.act == "link":
                known = None if keeper is None else keeper.inode
                moved = at_target and at_source is not None and at_source.st_ino == known
            else:
                moved = at_target and at_source is None
            if at_target and not moved:
                self._roll_back(entry, source, target)
        if not moved:
            moves.prune(paths.target_root, paths.target)
        return moved

    def _roll_back(self, entry: JournalEntry, source: disk.Place, target: disk.Place) -> None:
        paths = disk.paths_of(entry)
        if source.facts() is None:
            moves.restore(target, source, paths.source)
        elif entry.act == "link":
            # The link exists, but the keeper is not known any more: put the file itself back.
            moves.replace(target, source, paths.source)
        elif _holds_bytes(source, paths.source, entry) and _is_made_by_act(source, target):
            # A move or a restore between disks was interrupted after the copy was made.
            facts = target.facts()
            assert facts is not None  # noqa: S101 (its bytes were read)
            moves.remove(target, paths.target, facts.st_dev, facts.st_ino)

    def _finish_undo(self, entry: JournalEntry) -> None:
        paths = disk.paths_of(entry)
        restored = None
        with ExitStack() as stack:
            try:
                source = stack.enter_context(
                    disk.place_of(paths.source_root, disk.split(paths.source_root, paths.source))
                )
            except FileInaccessible:
                raise
            except ActRefused:
                pass  # its folder was removed: nothing is back
            else:
                moves.remove_part(source)
                if _holds_bytes(source, paths.source, entry):
                    restored = source.facts()
        if restored is not None and entry.act == "link":
            # A link to the keeper has the same bytes: only the inode distinguishes them.
            restored = restored if restored.st_ino == entry.inode else None
        if restored is None:
            self._store.catalog.run(journal.set_state, [entry.entry_id], "done")
            return
        with ExitStack() as stack, suppress(ActRefused):
            target = stack.enter_context(
                disk.place_of(paths.target_root, disk.split(paths.target_root, paths.target))
            )
            if _holds_bytes(target, paths.target, entry):
                facts = target.facts()
                assert facts is not None  # noqa: S101 (its bytes were read)
                moves.remove(target, paths.target, facts.st_dev, facts.st_ino)
        moves.prune(paths.target_root, paths.target)
        for error in self._rows.restore([as_found(entry, restored)]).values():
            raise error


def _is_made_by_act(source: disk.Place, target: disk.Place) -> bool:
    """Return whether a file was made by an act, and is not a copy made by the user.

    On the same disk the act's file is another name of the source; on another disk it has the
    source's modification time.
    """
    at_source, at_target = source.facts(), target.facts()
    if at_source is None or at_target is None:
        return False
    if mounts.mount_of(source.folder) == mounts.mount_of(target.folder):
        return at_source.st_ino == at_target.st_ino
    return abs(at_source.st_mtime_ns - at_target.st_mtime_ns) <= _TIME_STEP_NS


def is_reachable(entry: JournalEntry) -> bool:
    """Return whether the state of a file can be determined: it or its folders exist.

    An empty folder may be the mount point of a disk that is not mounted.

    Raises
    ------
    FileInaccessible
        If a folder cannot be opened now.
    """
    known = ((entry.source_root, entry.source_key), (entry.target_root, entry.target_key))
    places = [(root, key) for root, key in known if root is not None and key is not None]
    if any(_exists(root, key) for root, key in places):
        return True
    try:
        for root, _ in places:
            with os.scandir(root) as entries:
                if not any(entries):
                    return False
    except OSError:
        return False
    return True


def _exists(root: bytes, path: bytes) -> bool:
    """Return whether any entry is at a path below a folder, without following links."""
    try:
        with disk.place_of(root, disk.split(root, path)) as place:
            return place.facts() is not None
    except FileInaccessible:
        raise
    except ActRefused:
        return False


def _holds_bytes(place: disk.Place, path: bytes, entry: JournalEntry) -> bool:
    """Return whether the file at a place has the bytes of an entry.

    Raises
    ------
    FileInaccessible
        If it is there and cannot be read: it may be the file, whose act is not rolled back then.
    """
    try:
        with disk.held(place, path) as file:
            return file.digest() == entry.digest
    except FileInaccessible:
        raise
    except ActRefused:
        return False
