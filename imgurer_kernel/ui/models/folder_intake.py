"""Take in a folder of this machine, and say what became of each file."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Literal

import pandas as pd
from traitlets import Bool, HasTraits, Instance, Unicode

from imgurer_kernel.common.text import count, elide, elide_path
from imgurer_kernel.errors import NotAllowed, SourceError
from imgurer_kernel.settings import StoreMode
from imgurer_kernel.store.ingest.named_folder import named_folder
from imgurer_kernel.store.ingest.sources import readable
from imgurer_kernel.ui.jobs import Task, error_text
from imgurer_kernel.ui.models.upload import nearest_same
from imgurer_kernel.ui.session import VisitorSession, row_dicts

Keeping = Literal["place", "kept"]

MAX_ROWS = 300
"""Files that are listed one by one; of the others only the number is told."""
MAX_COMPARED = 200
"""Added files for which near duplicates are looked for: at some 20 ms each."""

STATUSES: Mapping[str, tuple[str, str]] = {
    "rejected": ("rejected", "failed"),
    "missing": ("missing", "attention"),
    "changed": ("changed", "attention"),
    "moved": ("moved", "done"),
    "added": ("added", "done"),
    "duplicate": ("already here", "attention"),
    "unchanged": ("unchanged", "done"),
}
"""Status of `Workbench.ingest` to its word and its meaning, in the order of the list."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderRow:
    """One file of a folder.

    Attributes
    ----------
    name, folder
        Its last part, and what lies between the named folder and it; empty for nothing.
    status
        A key of `STATUSES`.
    text
        What became of it, in words.
    image_id
        The picture; -1 for none.
    """

    name: str
    folder: str
    status: str
    text: str
    image_id: int = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderResult:
    """What became of a folder.

    Attributes
    ----------
    folder
        Its path, as it is shown.
    counts
        Files by status, in the order of `STATUSES`, without zeros.
    rows
        At most `MAX_ROWS` of those that are not unchanged, rejected ones first.
    stopped
        Whether it was cancelled before its end.
    """

    folder: str
    counts: Mapping[str, int] = field(default_factory=dict)
    rows: tuple[FolderRow, ...] = ()
    stopped: bool = False

    @property
    def summary(self) -> str:
        """The folder, how many files there were, and how many of each status."""
        parts = [f"{self.folder}: {count(sum(self.counts.values()), 'file')}"]
        parts += (f"{number:,} {STATUSES[status][0]}" for status, number in self.counts.items())
        return " · ".join(parts)

    @property
    def remark(self) -> str:
        """What the list does not show, and that it was cut short; empty for nothing."""
        listed = pd.Series([row.status for row in self.rows], dtype=str).value_counts().to_dict()
        left = sum(
            number - listed.get(status, 0)
            for status, number in self.counts.items()
            if status != "unchanged"
        )
        texts = []
        if self.stopped:
            texts.append(
                "Cancelled before the end. What was taken in stays; take the folder in again to "
                "go on."
            )
        if left:
            texts.append(f"{count(left, 'more file')} not listed here.")
        return " ".join(texts)


class FolderModel(HasTraits):
    """What the part of the upload panel for folders does.

    Traits
    ------
    allowed
        Whether the visitor may name a folder, as far as is known; each run asks anew.
    running
        A folder is being taken in. It stays so after a cancel until what was begun is finished.
    problem
        Why the path is of no use, as a sentence; empty for nothing.
    result
        The `FolderResult` of the last run; None before it.
    """

    allowed = Bool(False)
    running = Bool(False)
    problem = Unicode()
    result = Instance(FolderResult, allow_none=True)

    def __init__(self, session: VisitorSession) -> None:
        super().__init__()
        self.session = session
        self.job = session.job()
        self.near_job = session.job()
        self._access_job = session.job()

    def load(self) -> None:
        """Find out whether the visitor may name folders."""
        self._access_job.start("Reading your account", self._may, self._allow)

    def _may(self, _: Task) -> bool:
        return self.session.account().role == "admin"

    def _allow(self, allowed: bool) -> None:
        self.allowed = allowed

    @property
    def default_keeping(self) -> Keeping:
        """What the store's settings say about originals."""
        return "place" if self.session.workbench.settings.store == "reference" else "kept"

    def take_in(self, text: str, keeping: Keeping) -> None:
        """Take in all files below a folder; nothing while another one is taken in.

        Parameters
        ----------
        text
            The path, as it was typed.
        keeping
            ``"place"``: only fingerprints and thumbnails are stored; ``"kept"``: the store gets
            originals of its own.
        """
        if self.running:
            return
        self.near_job.cancel()
        self.running, self.problem = True, ""
        self.session.begin_taking_in()
        self.job.start(
            f"Taking in {elide_path(text.strip())}",
            partial(self._ingest, text, keeping),
            self._show,
        )

    def _ingest(self, text: str, keeping: Keeping, task: Task) -> FolderResult | str:
        """What became of the files, or what is wrong with the path."""
        reached = False
        try:
            # Here, on the store: what the page hides protects nothing.
            self.session.require_admin()
            folder = named_folder(text, self.session.workbench.settings.root)
            reached = True
            outcomes = self.session.workbench.ingest(
                folder,
                user=self.session.user,
                store=self._mode(keeping),
                progress=_Reports(task),
                stop=task.stop,
            )
            result = folder_result(folder, outcomes, stopped=task.stop.is_set())
            if task.stop.is_set():  # a job drops the result of what was cancelled
                self.session.runner.call_soon(self._show, result)
        except (SourceError, NotAllowed) as error:
            return error_text(error)
        finally:
            # Also after an error: what was committed before it stays.
            self.session.runner.call_soon(self._end, reached)
        return result

    def _mode(self, keeping: Keeping) -> StoreMode:
        """Keep by links where the settings say so: they cost no space."""
        if keeping == "place":
            return "reference"
        setting = self.session.workbench.settings.store
        return "copy" if setting == "reference" else setting

    def _end(self, reached: bool) -> None:
        self.running = False
        self.session.end_taking_in(changed=reached)

    def _show(self, result: FolderResult | str) -> None:
        if isinstance(result, str):
            self.problem = result
            return
        self.result = result
        added = [row.image_id for row in result.rows if row.status == "added"][:MAX_COMPARED]
        if added and not result.stopped:
            self.near_job.start(
                "Looking for near duplicates of what was added",
                partial(self._compare, added),
                self._name_near,
            )

    def _compare(self, image_ids: list[int], task: Task) -> dict[int, str]:
        names = {}
        for done, image_id in enumerate(image_ids):
            task.report(done, len(image_ids))
            near = nearest_same(self.session, image_id)
            if near is not None:
                names[image_id] = str(near["filename"])
        task.report(len(image_ids), len(image_ids))
        return names

    def _name_near(self, names: Mapping[int, str]) -> None:
        if self.result is None:
            return
        rows = tuple(
            replace(row, text=f"added; near duplicate of {elide(names[row.image_id])}")
            if row.status == "added" and row.image_id in names
            else row
            for row in self.result.rows
        )
        self.result = replace(self.result, rows=rows)


@dataclass(frozen=True, slots=True)
class _Reports:
    """Progress for a job that never raises: what is cancelled ends by its event, with a result."""

    task: Task

    def __call__(self, done: int, total: int) -> None:
        if not self.task.stop.is_set():
            self.task.report(done, total)


def folder_result(folder: Path, outcomes: pd.DataFrame, *, stopped: bool = False) -> FolderResult:
    """Make a result of a frame as from `Workbench.ingest`."""
    found = outcomes["status"].value_counts()
    counts = {status: int(found[status]) for status in STATUSES if status in found}
    rank = {status: place for place, status in enumerate(STATUSES)}
    listed = outcomes[outcomes["status"] != "unchanged"]
    order = listed["status"].map(rank).sort_values(kind="stable").index[:MAX_ROWS]
    rows = tuple(_row(folder, record) for record in row_dicts(listed.loc[order]))
    return FolderResult(folder=readable(folder), counts=counts, rows=rows, stopped=stopped)


def _row(folder: Path, record: dict[str, object]) -> FolderRow:
    source, status = str(record["source"]), str(record["status"])
    path, below = Path(source), Path(readable(folder))  # both as they are shown
    inside = path.parent.relative_to(below) if path.is_relative_to(below) else path.parent
    image_id = record["image_id"]
    word, told = STATUSES[status][0], str(record["reason"])
    return FolderRow(
        name=path.name or source,
        folder="" if str(inside) == "." else str(inside),
        status=status,
        text=f"{word}: {told}" if told else word,
        image_id=-1 if pd.isna(image_id) else int(image_id),  # type: ignore[call-overload]
    )
