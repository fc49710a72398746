"""Undo acts in groups: one transaction before their files move back, and one after.

The entries are *undoing* before the first file moves back. Once all files have moved, the rows are
restored and the entries become *undone* in one transaction. After a crash in between, any part of
the files may have moved; recovery checks the disk (`imgurer_kernel.review.recovery`).
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, suppress
from functools import partial
from itertools import groupby

from imgurer_kernel.common.progress import Progress
from imgurer_kernel.errors import ActRefused
from imgurer_kernel.review import disk, mounts, moves
from imgurer_kernel.review.recovery import is_reachable
from imgurer_kernel.review.rows import ActRows, as_found, emptied
from imgurer_kernel.review.sidecar_runner import delete_sidecar
from imgurer_kernel.store.catalog import journal
from imgurer_kernel.store.catalog.journal import JournalEntry
from imgurer_kernel.store.store import Store
from imgurer_kernel.store.trash import Trash

UNDO_STEPS = ("marked", "undoing", "moved back", "restored")
"""Steps of undoing acts; a crash after any of them is harmless."""

# Acts whose rows change in one transaction, during which others wait. One at a time an act costs
# some 40 ms of processor time, in groups 2 ms (300 acts in a store of 600 files).
_CHUNK = 64


class UndoRunner:
    """Undoes acts of one store.

    Parameters
    ----------
    store, trash, step
        As for `imgurer_kernel.review.runner.ActRunner`.
    """

    def __init__(self, store: Store, trash: Trash, step: Callable[[str], None]) -> None:
        self._store = store
        self._rows = ActRows(store, trash)
        self._step = step

    def run(
        self, entries: Sequence[JournalEntry], progress: Progress | None = None
    ) -> dict[int, ActRefused]:
        """Undo acts in this order, latest first, within `turn`.

        Returns
        -------
        dict
            By entry_id the error of each act that cannot be undone, and stays done.
        """
        refused: dict[int, ActRefused] = {}
        done = 0
        # Files of this call that are not back yet; a sidecar waits for its file.
        not_back = {key for it in entries if it.act != "companion" for key in it.file_keys}
        for group in _disjoint(_files_first(entries)):
            if progress is not None:
                progress("restoring", done, len(entries))
            refused |= self._undo_group(group, not_back)
            done += len(group)
        return refused

    def _undo_group(
        self, entries: Sequence[JournalEntry], not_back: set[tuple[str, int, int]]
    ) -> dict[int, ActRefused]:
        refused = self._rows.lost(entries)
        refused |= {it.entry_id: why for it in entries if (why := _final(it)) is not None}
        chosen = [entry for entry in entries if entry.entry_id not in refused]
        moved = [entry.entry_id for entry in chosen if entry.act != "forget"]
        if moved:
            self._store.catalog.run(journal.set_state, moved, "undoing")
            self._step("undoing")
        back, failed = [], []
        for entry in chosen:
            try:
                back.append(self._put_back(entry, not_back))
            except ActRefused as error:
                refused[entry.entry_id] = error
                failed.append(entry.entry_id)
            else:
                not_back -= entry.file_keys
                self._step("moved back")
        if failed:
            self._store.catalog.run(journal.set_state, failed, "done")
        if back:
            refused |= self._rows.restore(back)
            self._step("restored")
        return refused

    def _put_back(self, entry: JournalEntry, not_back: set[tuple[str, int, int]]) -> JournalEntry:
        """Move the file of an act back; return the entry with the file's present facts."""
        if entry.act == "companion" and entry.file_keys <= not_back:
            message = f"{entry.reason}, which was not restored; it stays with that file"
            raise ActRefused(message)
        if entry.act == "sidecar":
            delete_sidecar(entry)
        if entry.act in {"forget", "sidecar"}:
            return entry
        return as_found(entry, self._move_back(entry))

    def _move_back(self, entry: JournalEntry) -> "disk.FileStat":
        paths = disk.paths_of(entry)
        with ExitStack() as stack:
            try:
                target = stack.enter_context(
                    disk.place_of(paths.target_root, disk.split(paths.target_root, paths.target))
                )
                file = stack.enter_context(disk.held(target, paths.target))
            except ActRefused as error:
                if not is_reachable(entry):
                    raise _away(paths) from error
                message = f"{disk.shown(paths.target)} is gone, deleted by somebody else: {error}"
                raise ActRefused(message) from error
            if file.digest() != entry.digest:
                message = f"{disk.shown(paths.target)} was changed meanwhile; it is left alone"
                raise ActRefused(message)
            source = stack.enter_context(
                disk.place_of(
                    paths.source_root, disk.split(paths.source_root, paths.source), make=True
                )
            )
            if source.holds(file.facts.st_dev, file.facts.st_ino):
                # An interrupted restore has left the file in its place under both of its names.
                with suppress(ActRefused):
                    moves.remove(target, paths.target, file.facts.st_dev, file.facts.st_ino)
            elif entry.act == "link":
                self._rows.require_link(entry, source)
                moves.replace(target, source, paths.source)
            elif mounts.mount_of(source.folder) != mounts.mount_of(target.folder):
                copied = partial(self._step, "copied back")
                moves.transfer(file, source, paths.source, entry.digest, copied)
            else:
                moves.restore(target, source, paths.source)
            facts = source.facts()
        assert facts is not None  # noqa: S101 (it was just put there)
        moves.prune(paths.target_root, paths.target)
        return facts


def _files_first(entries: Sequence[JournalEntry]) -> Iterator[JournalEntry]:
    """Order the sidecars of each step after the files that they moved with."""
    for _, step in groupby(entries, key=lambda entry: (entry.batch, entry.step)):
        yield from sorted(step, key=lambda entry: entry.act == "companion")


def _disjoint(entries: Iterable[JournalEntry]) -> Iterator[list[JournalEntry]]:
    """Split acts into groups to undo together, so that no file occurs twice in a group."""
    part: list[JournalEntry] = []
    touched: set[int] = set()
    keepers: set[int] = set()
    for entry in entries:
        # A sidecar has no rows.
        ids = set() if entry.act == "companion" else {entry.file_id, *entry.other_ids}
        if len(part) == _CHUNK or ids & (touched | keepers) or entry.keeper_id in touched:
            yield part
            part, touched, keepers = [], set(), set()
        part.append(entry)
        touched |= ids
        if ids:
            keepers.add(entry.keeper_id)
    if part:
        yield part


def _away(paths: disk.ActPaths) -> ActRefused:
    """Make the error for a file whose folder is not there, so that nobody takes it for deleted."""
    inner = b"/".join(disk.split(paths.target_root, paths.target))
    return ActRefused(
        f"the folder {disk.shown(paths.target_root)} is not there, or empty: it was renamed, or "
        "its drive is away; put it back and try again. The file is not deleted: it is in that "
        f"folder, as {disk.shown(inner)}"
    )


def _final(entry: JournalEntry) -> ActRefused | None:
    """Return the error of an act that can never be undone; None if it can."""
    if entry.state == "emptied":
        return emptied(entry)
    if entry.act == "system-trash":
        return ActRefused(
            "it is in the trash of the system: restore it there, then scan its folder again"
        )
    if entry.state != "done":
        return ActRefused(f"there is nothing to undo: it is {entry.state}")
    return None
