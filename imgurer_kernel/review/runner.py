"""Do acts on files; a journal entry is written before each act.

Files move first, then the rows change in one transaction with the state of the journal entry. So
the journal states at any moment what a recovery has to check:

1. *intended*: the entry is written. The disk is checked
   (`imgurer_kernel.review.disk_check`), bytes are compared, and the file moves.
2. *entered*: the rows of the file are in the trash of the store, its owner has the keeper.
3. *done*: the store's own bytes have followed.

`imgurer_kernel.review.undo` undoes acts, and `imgurer_kernel.review.recovery` finishes or rolls
back acts that a crash has interrupted.
"""

import os
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from functools import partial

from imgurer_kernel.common.atomic_files import mapped_os_errors
from imgurer_kernel.common.paths import modified_ns
from imgurer_kernel.common.progress import Progress
from imgurer_kernel.errors import ActRefused, StorageError
from imgurer_kernel.review import disk, mounts, moves
from imgurer_kernel.review.acts import Act
from imgurer_kernel.review.companions import companions_of, move_along
from imgurer_kernel.review.disk_check import ActDiskCheck, Found, require_writable_store
from imgurer_kernel.review.recovery import Recovery
from imgurer_kernel.review.results import ActResult, with_beside
from imgurer_kernel.review.rows import ActRows, is_leading
from imgurer_kernel.review.sidecar_runner import Sidecar, SidecarRunner
from imgurer_kernel.review.system_trash import send
from imgurer_kernel.review.undo import UndoRunner
from imgurer_kernel.store.catalog import journal, sittings
from imgurer_kernel.store.catalog.connection import now
from imgurer_kernel.store.catalog.journal import FileOfImage, JournalEntry
from imgurer_kernel.store.catalog.lock.lockfile import LockFile
from imgurer_kernel.store.derived import exclusive
from imgurer_kernel.store.store import Store
from imgurer_kernel.store.trash import Trash

STEPS = ("marked", "intended", "prepared", "moved", "linked", "entered", "followed")
"""Steps of an act; a crash after any of them is harmless."""

# Acts whose rows change in one transaction, during which others wait; each costs some 5 ms.
_CHUNK = 64


class ActRunner:
    """Does acts on the files of one store.

    Parameters
    ----------
    store, trash
        The store of the files, and the trash that their rows move to.
    step
        Called with the name of each step after it; tests raise in it to simulate a crash.
    """

    def __init__(
        self, store: Store, trash: Trash, step: Callable[[str], None] = lambda _: None
    ) -> None:
        self._store = store
        self._trash = trash
        self._rows = ActRows(store, trash)
        self._step = step

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Hold the store's lock on acts, so that one process acts at a time."""
        root = self._store.settings.root
        pending = root / "review.pending"
        with exclusive(root / "review.lock", lambda: None):
            all_ended = not pending.exists() or Recovery(self._store, self._trash).run()
            with mapped_os_errors(pending):
                pending.touch()
            try:
                self._step("marked")
                yield
            except KeyboardInterrupt:
                # Interrupted by the user: finish or roll back now, so that the caller can report
                # the outcome. After any other error the next holder of the lock recovers.
                if Recovery(self._store, self._trash).run():
                    with suppress(OSError):
                        pending.unlink()
                raise
            if all_ended:
                with mapped_os_errors(pending):
                    pending.unlink(missing_ok=True)

    def recover(self) -> None:
        """Recover from a crash, unless another process is acting.

        Does nothing if the store is read-only.
        """
        root = self._store.settings.root
        if not os.path.exists(root / "review.pending"):  # noqa: PTH110 (never raises)
            return
        with suppress(StorageError):
            lock = LockFile(root / "review.lock", set())
            if not lock.take_now():
                return
            try:
                if Recovery(self._store, self._trash).run():
                    (root / "review.pending").unlink(missing_ok=True)
            finally:
                lock.drop()

    # Checking -------------------------------------------------------------------------------

    def rehearse(
        self, acts: Sequence[Act], progress: Progress | None = None, *, quick: bool = False
    ) -> list[ActResult]:
        """Check the disk as `run` does before each act, without acting; return a result for each.

        Parameters
        ----------
        quick
            As for `imgurer_kernel.review.disk_check.ActDiskCheck`.

        Raises
        ------
        StorageDenied
            If nothing can be written to the store, as in `turn`.
        """
        require_writable_store(self._store.settings.root)
        check = ActDiskCheck(self._store.blobs, quick=quick, rehearses=True)
        results = []
        for number, act in enumerate(acts):
            if progress is not None and number % _CHUNK == 0:
                progress("checking", number, len(acts))
            try:
                with ExitStack() as stack:
                    check.look(stack, act)
            except ActRefused as error:
                results.append(ActResult(None, str(error)))
            else:
                results.append(ActResult(None))
        return with_beside(acts, results)

    # Doing ----------------------------------------------------------------------------------

    def run(
        self, acts: Sequence[Act], user: str, batch: str, progress: Progress | None = None
    ) -> list[ActResult]:
        """Do acts in order, within `turn`; return a result for each."""
        results: list[ActResult] = []
        step = self._store.catalog.run(sittings.next_step)
        for start in range(0, len(acts), _CHUNK):
            if progress is not None:
                progress("removing", start, len(acts))
            gone = [act for act, it in zip(acts, results, strict=False) if it.refused is None]
            results += self._run_chunk(acts[start : start + _CHUNK], gone, user, (batch, step))
        return results

    def write_sidecars(self, wanted: Sequence[Sidecar], user: str, batch: str) -> list[str | None]:
        """Write sidecars, within `turn`; return for each why it was not written, or None."""
        step = self._store.catalog.run(sittings.next_step)
        return SidecarRunner(self._store, self._step).run(wanted, user, (batch, step))

    def _run_chunk(
        self, acts: Sequence[Act], gone: Sequence[Act], user: str, sitting: tuple[str, int]
    ) -> list[ActResult]:
        leading = [is_leading(self._store, act.file) for act in acts]
        sidecars = companions_of(acts, gone)
        with self._store.catalog.transaction() as connection:
            first = journal.next_entry_id(connection)
            entries = [
                _entry(first + number, act, user, sitting, leads=leads)
                for number, (act, leads) in enumerate(zip(acts, leading, strict=True))
            ]
            along = [
                (entries[each.places[0]], each.entry(first + number, entries[each.places[0]]))
                for number, each in enumerate(sidecars, len(acts))
            ]
            journal.add(connection, [*entries, *(entry for _, entry in along)])
        self._step("intended")
        results, refused = [], {}
        entered: list[tuple[JournalEntry, FileOfImage | None]] = []
        for act, entry in zip(acts, entries, strict=True):
            try:
                keeper = self._act(act)
            except ActRefused as error:
                refused[entry.entry_id] = str(error)
                results.append(ActResult(None, str(error)))
            else:
                entered.append((entry, keeper))
                results.append(ActResult(entry.entry_id))
        refused |= self._move_along(along, refused.keys())
        with self._store.catalog.transaction() as connection:
            self._rows.enter(connection, entered)
            moved = [entry.entry_id for _, entry in along if entry.entry_id not in refused]
            journal.set_state(connection, moved, "done")
            for entry_id, reason in refused.items():
                journal.set_state(connection, [entry_id], "rolled back", reason)
        self._step("entered")
        self._rows.follow([entry for entry, _ in entered])
        self._step("followed")
        along = [(of_file, entry) for of_file, entry in along if entry.entry_id not in refused]
        return with_beside(acts, results, along)

    def _move_along(
        self, along: Sequence[tuple[JournalEntry, JournalEntry]], stayed: Collection[int]
    ) -> dict[int, str]:
        """Move the sidecars of moved files; return why not, by entry_id, for those that stay."""
        refused = {}
        for of_file, entry in along:
            if of_file.entry_id in stayed:
                refused[entry.entry_id] = f"{of_file.filename} was not moved either"
                continue
            try:
                move_along(entry, of_file, self._step)
            except ActRefused as error:
                refused[entry.entry_id] = str(error)
        return refused

    def _act(self, act: Act) -> FileOfImage:
        """Check the disk and move the file; return the keeper as it is on disk."""
        with ExitStack() as stack:
            found = ActDiskCheck(self._store.blobs).look(stack, act)
            if found.file is None:
                return act.keeper
            if act.name == "system-trash":
                _require_unchanged(act, found)
                send(act.source)
                self._step("moved")
                return act.keeper
            self._move(stack, act, found)
            if found.keeper is None:
                return act.keeper
            return _with_facts(act.keeper, found.keeper.facts)

    def _move(self, stack: ExitStack, act: Act, found: Found) -> None:
        file, keeper = found.file, found.keeper
        assert file is not None  # noqa: S101 (true of every file on disk)
        assert act.target_root is not None  # noqa: S101 (true of every act with a target)
        assert act.target is not None  # noqa: S101
        goal = disk.split(act.target_root, act.target)
        try:
            target = stack.enter_context(disk.place_of(act.target_root, goal, make=True))
            self._step("prepared")
            _require_unchanged(act, found)
            same = mounts.mount_of(file.place.folder) == mounts.mount_of(target.folder)
            if act.name == "move" and not same:
                copied = partial(self._step, "copied")
                if not moves.transfer(file, target, act.target, act.file.digest, copied):
                    raise moves.swapped(act.source)
            else:
                moves.rename(file, target, act.source)
            self._step("moved")
            if act.name == "link":
                assert keeper is not None  # noqa: S101 (a keeper on disk was checked)
                try:
                    moves.link(keeper, file.place, act.source)
                except ActRefused:
                    moves.restore(target, file.place, act.source)
                    raise
                self._step("linked")
        except ActRefused:
            moves.prune(act.target_root, act.target)
            raise

    def undo(
        self, entries: Sequence[JournalEntry], progress: Progress | None = None
    ) -> dict[int, ActRefused]:
        """Undo acts, within `turn`; see `imgurer_kernel.review.undo.UndoRunner.run`."""
        return UndoRunner(self._store, self._trash, self._step).run(entries, progress)


def _require_unchanged(act: Act, found: Found) -> None:
    """Raise if a file, or the path to the removed file, was replaced since the check."""
    assert found.file is not None  # noqa: S101 (true of every file on disk)
    assert act.source_root is not None  # noqa: S101
    if not found.file.is_unchanged():
        raise moves.swapped(act.source)
    if found.keeper is not None and not found.keeper.is_unchanged():
        message = "the file that is kept was replaced a moment ago; scan its folder again"
        raise ActRefused(message)
    # The trash of the system gets a path: a link made there since would send another file.
    with disk.place_of(act.source_root, disk.split(act.source_root, act.source)) as place:
        if not place.holds(found.file.facts.st_dev, found.file.facts.st_ino):
            raise moves.swapped(act.source)


def _with_facts(known: FileOfImage, facts: disk.FileStat) -> FileOfImage:
    # The same bytes may have been saved again since the last scan: the link is to the new inode.
    return replace(known, device=facts.st_dev, inode=facts.st_ino, modified_ns=modified_ns(facts))


def _entry(
    number: int, act: Act, user: str, sitting: tuple[str, int], *, leads: bool
) -> JournalEntry:
    (batch, step), file, keeper = sitting, act.file, act.keeper
    return JournalEntry(
        entry_id=number,
        batch=batch,
        user=user,
        act=act.name,
        state="intended",
        begun_at=now(),
        ended_at=None,
        file_id=file.file_id,
        image_id=file.image_id,
        owner=file.user_name,
        path=file.path,
        filename=file.filename,
        digest=file.digest,
        bytes=file.bytes,
        keeper_id=keeper.file_id,
        keeper_path=keeper.path or keeper.filename,
        reason=act.reason,
        source_key=file.path_key if act.is_on_disk else None,
        source_root=act.source_root,
        target_key=act.target,
        target_root=act.target_root,
        device=file.device,
        inode=file.inode,
        modified_ns=file.modified_ns,
        other_ids=tuple(other for other, _ in act.others),
        united_ids=(),
        leads=leads,
        step=step,
    )
