"""Ingest a folder of this machine, and report the outcome for each file."""

from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

from traitlets import Bool, HasTraits, Instance, Unicode

from imgurer_kernel.common.text import elide, elide_path
from imgurer_kernel.errors import NotAllowed, SourceError
from imgurer_kernel.settings import StoreMode
from imgurer_kernel.store.ingest.named_folder import named_folder
from imgurer_kernel.ui.jobs import Task, error_text
from imgurer_kernel.ui.models.folder_result import FolderResult, LastResult, folder_result
from imgurer_kernel.ui.models.upload import nearest_same
from imgurer_kernel.ui.session import VisitorSession

Keeping = Literal["place", "kept"]

MAX_COMPARED = 200
"""Most added files whose near duplicates are searched for, at some 20 ms each."""


class FolderModel(HasTraits):
    """The state and actions of the folder part of the upload panel.

    Traits
    ------
    allowed
        Whether the visitor may name a folder, as last read; each run checks again.
    running
        A folder is being ingested; after a cancel, until the current batch is finished.
    problem
        Why the path is invalid, as a sentence; empty if it is valid.
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
        """Read whether the visitor may name folders."""
        self._access_job.start("Reading your account", self._read_access, self._allow)

    def _read_access(self, _: Task) -> tuple[bool, FolderResult | None]:
        allowed = self.session.account().role == "admin"
        return allowed, self._last().load() if allowed else None

    def _allow(self, found: tuple[bool, FolderResult | None]) -> None:
        self.allowed, last = found
        if self.result is None and not self.running:
            self.result = last

    def _last(self) -> LastResult:
        root = self.session.workbench.settings.root
        return LastResult(root, self.session.account().name)

    @property
    def default_keeping(self) -> Keeping:
        """How the store's settings keep originals."""
        return "place" if self.session.workbench.settings.store == "reference" else "kept"

    def ingest(self, text: str, keeping: Keeping) -> None:
        """Ingest all files below a folder, unless another one is being ingested.

        Parameters
        ----------
        text
            The path, as typed.
        keeping
            ``"place"``: only fingerprints and thumbnails are stored; ``"kept"``: the store keeps
            the originals too.
        """
        if self.running:
            return
        self.near_job.cancel()
        self.running, self.problem = True, ""
        self.session.begin_ingest()
        self.job.start(
            f"Ingesting {elide_path(text.strip())}",
            partial(self._ingest, text, keeping),
            self._show,
        )

    def _ingest(self, text: str, keeping: Keeping, task: Task) -> FolderResult | str:
        """Ingest the folder; return the outcomes, or why the path is invalid."""
        reached = False
        try:
            # Checked here, by the store: hiding a form protects nothing.
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
            self._last().save(result)
            if task.stop.is_set():  # a job drops the result of cancelled work
                self.session.runner.call_soon(self._show, result)
        except (SourceError, NotAllowed) as error:
            return error_text(error)
        finally:
            # Also after an error: batches committed before it remain.
            self.session.runner.call_soon(self._end, reached)
        return result

    def _mode(self, keeping: Keeping) -> StoreMode:
        """Choose hard links if the settings allow them: they take no space."""
        if keeping == "place":
            return "reference"
        setting = self.session.workbench.settings.store
        return "copy" if setting == "reference" else setting

    def _end(self, reached: bool) -> None:
        self.running = False
        self.session.end_ingest(changed=reached)

    def _show(self, result: FolderResult | str) -> None:
        if isinstance(result, str):
            self.problem = result
            return
        self.result = result
        added = [row.image_id for row in result.rows if row.status == "added"][:MAX_COMPARED]
        if added and not result.stopped:
            self.near_job.start(
                "Looking for near duplicates of what was added",
                partial(self._compare, result, added),
                self._set_result,
            )

    def _compare(self, result: FolderResult, image_ids: list[int], task: Task) -> FolderResult:
        names = {}
        for done, image_id in enumerate(image_ids):
            task.report(done, len(image_ids))
            near = nearest_same(self.session, image_id)
            if near is not None:
                names[image_id] = str(near["filename"])
        task.report(len(image_ids), len(image_ids))
        rows = tuple(
            replace(row, text=f"{row.text}; near duplicate of {elide(names[row.image_id])}")
            if row.status == "added" and row.image_id in names
            else row
            for row in result.rows
        )
        result = replace(result, rows=rows)
        self._last().save(result)
        return result

    def _set_result(self, result: FolderResult) -> None:
        self.result = result


@dataclass(frozen=True, slots=True)
class _Reports:
    """Progress for a job that never raises: a cancelled ingest ends by its event, with a result."""

    task: Task

    def __call__(self, done: int, total: int) -> None:
        if not self.task.stop.is_set():
            self.task.report(done, total)
