"""Acts on files with a journal: the part of `Workbench` that changes users' files."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Literal

import numpy as np
import pandas as pd

from imgurer_kernel.common.event_log import note
from imgurer_kernel.common.progress import ProgressOption, staged
from imgurer_kernel.common.text import count
from imgurer_kernel.errors import ActRefused, QueryError
from imgurer_kernel.review import plan as plans
from imgurer_kernel.review.acts import Act, ActCheck, PlannedRow, all_ids, automatic_act
from imgurer_kernel.review.results import ActResult
from imgurer_kernel.review.runner import ActRunner
from imgurer_kernel.review.sidecar_runner import Sidecar
from imgurer_kernel.review.trash import ReviewTrash
from imgurer_kernel.store.catalog import decisions, journal, sittings
from imgurer_kernel.store.catalog.decisions import Decision
from imgurer_kernel.store.catalog.journal import JournalEntry
from imgurer_kernel.store.store import Store
from imgurer_kernel.store.trash import Trash
from imgurer_kernel.workbench.clusters.file_selection import FileSelection, Folder, folder_key
from imgurer_kernel.workbench.clusters.same_picture import SamePictureCheck
from imgurer_kernel.workbench.methods.act_results import result_frame, without_paths
from imgurer_kernel.workbench.methods.decisions import DecisionMethods
from imgurer_kernel.workbench.methods.sittings import sitting_name, undone_frame
from imgurer_kernel.workbench.search.service import SearchService


class ActMethods(DecisionMethods):
    """Applies plans, and undoes acts and decisions.

    Attributes
    ----------
    trash
        Forgotten files, and those that acts have moved to trash folders.
    """

    def __init__(self, store: Store, search: SearchService) -> None:
        super().__init__(store, search.upgrade)
        self.trash = ReviewTrash(store)
        self._search = search
        self._runner = ActRunner(store, Trash(store))
        self._runner.recover()

    # Acts -----------------------------------------------------------------------------------

    def apply(
        self,
        plan: pd.DataFrame | str | os.PathLike[str],
        *,
        user: str | None = None,
        dry_run: bool | Literal["quick"] = False,
        batch: str | None = None,
        to: Folder | None = None,
        reference: Folder | Iterable[Folder] = (),
        progress: ProgressOption = True,
    ) -> pd.DataFrame:
        """Apply a plan, row by row; each row is checked again, and its bytes are compared.

        Parameters
        ----------
        plan
            A frame as from `plan`, or the path of its CSV.
        user
            The acting user, by default the local one. Members act on their own files only.
        dry_run
            Do not act, and only report what would be done, after the same checks of catalog and
            disk, bytes included. ``"quick"`` does not read files whose size, time and inode are
            those of the last scan, nor originals in the store.
        batch
            Name of the sitting of these acts; by default that of this workbench.
        to
            Target folder of the act ``move``.
        reference
            Folders whose files are left alone.

        Returns
        -------
        DataFrame
            A row for each of the plan: file_id, path, act, keeper_id, bytes, status (``done``;
            ``ready`` in a dry run; ``refused``), why (the reason of a refusal), entry_id (in
            `journal`), along and left (names of sidecars that went along with it, and of files
            that belong to it and stay). ``attrs`` has the batch.

        Raises
        ------
        PlanInvalid
            If the plan is invalid. A row that must not be applied raises nothing: it is refused.
        KeyboardInterrupt
            On Ctrl-C; its text says how many files were moved, and which sitting to undo.
        """
        who = self.accounts.require_enabled(user)
        frame = plan if isinstance(plan, pd.DataFrame) else plans.read_plan(plan)
        rows = plans.rows_of_plan(frame)
        batch = self.sitting if batch is None else sitting_name(batch)
        first = self.catalog.run(journal.next_entry_id)

        def progress_text() -> str:
            done = self.catalog.run(journal.entries, batch=batch, states=["done"])
            removed = sum(it.entry_id >= first and it.act != "companion" for it in done)
            remedy = f"; `imgurer review undo {batch}` or undo(batch={batch!r}) undoes that"
            return (
                f"{removed:,} of {count(len(rows), 'file')} were removed{remedy if removed else ''}"
            )

        with staged(progress) as report:
            with nullcontext() if dry_run else self._turn(progress_text):
                checked = self._check(rows, who, batch, to, reference)
                ready = [each for each in checked if isinstance(each, Act)]
                done = iter(
                    self._runner.rehearse(ready, report, quick=dry_run == "quick")
                    if dry_run
                    else self._runner.run(ready, who, batch, report)
                )
            results = [
                ActResult(None, each) if isinstance(each, str) else next(done) for each in checked
            ]
        if self.accounts.get(who).role != "admin":
            results = without_paths(checked, results, who)
        answer = result_frame(rows, checked, results, "ready" if dry_run else "done")
        answer.attrs["batch"] = batch
        if not dry_run:
            _note_acts("acted", who, batch, answer)
        return answer

    def acts_of(
        self,
        plan: pd.DataFrame | str | os.PathLike[str],
        *,
        user: str | None = None,
        to: Folder | None = None,
        reference: Folder | Iterable[Folder] = (),
    ) -> list[Act]:
        """List the acts that `apply` would do, as `imgurer_kernel.review.script.script` takes them.

        Raises
        ------
        PlanInvalid
            If the plan is invalid.
        """
        who = self.accounts.require_enabled(user)
        frame = plan if isinstance(plan, pd.DataFrame) else plans.read_plan(plan)
        checked = self._check(plans.rows_of_plan(frame), who, self.sitting, to, reference)
        return [each for each in checked if isinstance(each, Act)]

    def undo(
        self,
        entries: int | Iterable[int] | None = None,
        *,
        batch: str | None = None,
        user: str | None = None,
        progress: ProgressOption = True,
    ) -> pd.DataFrame:
        """Undo the user's last call, or a whole sitting, or given entries of `journal`.

        Parameters
        ----------
        entries
            entry_ids; entries that are no longer done are skipped.
        batch
            A sitting, with its decisions. By default it is what the user's last call of `apply` or
            `decide` did, in any sitting; calling again undoes the one before.

        Returns
        -------
        DataFrame
            A row for each act, the latest first, then for each decision: entry_id or decision_id,
            file_id, path and act (of an act), status (``undone`` or ``refused``), why (the reason
            of a refusal, for example that it was deleted permanently).

        Raises
        ------
        QueryError
            If an entry or the sitting does not exist.
        """
        who = self.accounts.require_enabled(user)
        chosen, decided = self._acts_to_undo(entries, batch, who)
        is_admin = self.accounts.get(who).role == "admin"
        refused = {
            entry.entry_id: f"it was done by {entry.user}; ask them, or an admin"
            for entry in chosen
            if not is_admin and who not in {entry.user, entry.owner}
        }
        to_undo = [entry for entry in reversed(chosen) if entry.entry_id not in refused]
        ids = [entry.entry_id for entry in to_undo]

        def progress_text() -> str:
            done = self.catalog.run(journal.entries, entry_ids=ids, states=["undone"])
            acts = count(len(to_undo), "act")
            return f"{len(done):,} of {acts} were undone; undo again for the rest"

        with self._turn(progress_text), staged(progress) as report:
            errors = self._runner.undo(to_undo, report)
        refused |= {key: str(error) for key, error in errors.items()}
        not_undone = {
            it.decision_id: f"it was decided by {it.user}; ask them, or an admin"
            for it in decided
            if not is_admin and who != it.user
        }
        to_remove = [it.decision_id for it in decided if it.decision_id not in not_undone]
        if to_remove:
            self.catalog.run(decisions.remove, to_remove)
        answer = undone_frame(reversed(chosen), decided, refused, not_undone)
        _note_acts("undone", who, batch, answer)
        return answer

    def journal(self, user: str | None = None) -> pd.DataFrame:
        """List all acts, the latest first, or those of one user.

        Returns
        -------
        DataFrame
            entry_id, batch, user, act, state (``done``, ``undone``, ``rolled back``: nothing was
            changed; ``emptied``: deleted permanently), file_id, path, filename, bytes, keeper_id,
            keeper_path, reason, begun_at and ended_at (UTC), digest, owner, target (a path).
        """
        return self.catalog.run(journal.listed, user)

    @contextmanager
    def _turn(self, progress_text: Callable[[], str]) -> Iterator[None]:
        """Hold the lock on acts; on Ctrl-C raise an error that says how far the call went."""
        try:
            with self._runner.turn():
                yield
        except KeyboardInterrupt as stop:
            message = f"interrupted: {progress_text()}"
            raise KeyboardInterrupt(message) from stop

    def _write_sidecars(
        self, wanted: Sequence[Sidecar], who: str, batch: str | None
    ) -> list[str | None]:
        name = self.sitting if batch is None else sitting_name(batch)
        if not wanted:
            return []
        with self._runner.turn():
            failures = self._runner.write_sidecars(wanted, who, name)
        note("sidecars-written", user=who, sitting=name, done=failures.count(None), of=len(wanted))
        return failures

    def _acts_to_undo(
        self, entries: int | Iterable[int] | None, batch: str | None, who: str
    ) -> tuple[list[JournalEntry], list[Decision]]:
        """Find what to undo: acts, the earliest first, and decisions."""
        if entries is not None and batch is not None:
            message = "entries and a batch were given; give only one of them"
            raise QueryError(message)
        if entries is not None:
            ids = [entries] if isinstance(entries, int | np.integer) else list(entries)
            found = self.catalog.run(journal.entries, entry_ids=ids)
            unknown = set(ids) - {entry.entry_id for entry in found}
            if unknown:
                message = f"there is no entry {min(unknown)}; journal() lists them"
                raise QueryError(message)
            return self.catalog.run(sittings.with_companions, found), []
        with self.catalog.transaction() as connection:
            if batch is None:
                step = sittings.last_step(connection, who)
            else:
                chosen = sittings.whole(connection, batch)
                if chosen is None:
                    message = f"there is no sitting {batch!r}; journal() lists them"
                    raise QueryError(message)
                step = chosen
            decided = decisions.all_decisions(connection, step.decision_ids)
            return journal.entries(connection, entry_ids=step.entry_ids), decided

    def _check(
        self,
        rows: Sequence[PlannedRow],
        who: str,
        batch: str,
        to: Folder | None,
        reference: Folder | Iterable[Folder],
    ) -> list[Act | str]:
        """Check each row; return its act, or the reason of its refusal."""
        selection = FileSelection.parse(
            folders=None, between=False, reference=reference, exclude=(), min_size=0,
            states=("present",),
        )  # fmt: skip
        with self.catalog.transaction() as connection:
            files = journal.files_of_images(connection, all_ids(rows))
            roots = journal.roots(connection)
            removed = sittings.removed_by(connection, all_ids(rows) - files.keys())
            earlier = sittings.steps_of(connection, batch)
        rows = [
            row if row.act != "auto" or row.file_id not in files
            else PlannedRow(row.file_id, automatic_act(files[row.file_id]), row.keeper_id,
                            row.reason, row.path)
            for row in rows
        ]  # fmt: skip
        check = ActCheck(
            user=who,
            is_admin=self.accounts.get(who).role == "admin",
            # Two files of one name may go in one sitting, if the second was saved after the first
            # went.
            folder=f"{batch}-{earlier + 1}" if earlier else batch,
            files=files,
            removed=removed,
            at_path=lambda key: self.catalog.run(journal.at_path, key),
            going=frozenset(row.file_id for row in rows),
            same=SamePictureCheck(self._search, self._verdicts(), len(rows)),
            roots=roots,
            reference=selection.reference,
            goal=None if to is None else folder_key(to, "to"),
        )
        checked: list[Act | str] = []
        for row in rows:
            try:
                checked.append(check.act(row))
            except ActRefused as error:
                checked.append(str(error))
        return checked


def _note_acts(event: str, who: str, batch: str | None, answer: pd.DataFrame) -> None:
    """Log one event for a call, however many acts: the journal has each of them."""
    statuses = answer["status"].value_counts()
    counts = {str(status): int(number) for status, number in statuses.items()}
    acts = ", ".join(sorted(set(answer["act"].dropna()))) if "act" in answer else None
    note(event, user=who, sitting=batch, acts=acts, **counts)
