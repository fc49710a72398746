"""The part of the upload tab in which admins name a folder on the machine."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import ipywidgets

from imgurer_kernel.ui.models.folder_intake import FolderModel
from imgurer_kernel.ui.models.folder_result import STATUSES
from imgurer_kernel.ui.panels.base import (
    Message,
    Panel,
    button,
    caption,
    hbox,
    set_visible,
    vbox,
    with_classes,
)
from imgurer_kernel.ui.widgets.progress_line import ProgressLine
from imgurer_kernel.ui.widgets.upload.folder_rows import FolderFile, FolderRows

if TYPE_CHECKING:
    from imgurer_kernel.ui.session import VisitorSession
    from imgurer_kernel.workbench.workbench import Workbench

KEEPING = {"place": "Leave in place", "kept": "Keep in the store"}
COSTS = {
    "place": (
        "The files stay where they are; about 20 kB each are stored. What is deleted in the "
        "folder later is gone."
    ),
    "kept": (
        "The store gets each file too, so it outlives what happens to the folder, and takes as "
        "much space again (none where the store is set to link)."
    ),
}
"""The cost of each way to keep originals, in words."""
_HINT = (
    "Ingesting a folder again only looks for what is new, changed, moved or missing. "
    "Leave this page open until it is done."
)


class FolderPanel(Panel):
    """A field for a path, how to keep the files, and the outcomes; for admins only.

    Parameters
    ----------
    workbench
        The store, or a dashboard's session.
    user
        The user who names folders, if it is shown alone; None for the single-user mode.
    on_open
        Called with the image_id of a clicked file name.

    Examples
    --------
    ``FolderPanel(wb)`` as the last line of a notebook cell shows it.
    """

    def __init__(
        self,
        workbench: "Workbench | VisitorSession",
        user: str | None = None,
        on_open: Callable[[int], None] | None = None,
    ) -> None:
        super().__init__(workbench, user)
        self.model = model = FolderModel(self.session)
        self.path = ipywidgets.Text(description="Folder", placeholder="/home/ann/Pictures")
        self.keeping = ipywidgets.ToggleButtons(
            options=[(text, key) for key, text in KEEPING.items()], value=model.default_keeping
        )
        self.button = button("Ingest", style="primary")
        self.problem, self.costs = Message(), Message()
        self.progress = ProgressLine(model.job, model.near_job)
        self.rows = FolderRows(on_open)
        heading = ipywidgets.HTML("<h3>A folder on this machine</h3>")
        fields = hbox(with_classes(self.path, "imgurer-folder-path"), self.keeping, self.button)
        self.part = vbox(
            heading, fields, self.problem, self.costs, self.progress, self.rows,
            classes="imgurer-folder-intake",
        )  # fmt: skip
        self.set_parts(self.part)

        self.button.on_click(lambda _: self._ingest())
        self.path.on_msg(self._submit)
        self.keeping.observe(self._show_costs, "value")
        model.observe(self._show_state, ["allowed", "running", "problem"])
        model.observe(self._show_result, "result")
        self._show_costs(None)
        self._show_state(None)
        self._show_result(None)
        # Last: without an event loop, as in a script, the result arrives immediately and is shown.
        model.load()

    def _ingest(self) -> None:
        self.model.ingest(self.path.value, self.keeping.value)

    def _submit(self, _: object, message: dict[str, Any], __: list[memoryview]) -> None:
        if message.get("event") == "submit":  # Enter in the field
            self._ingest()

    def _show_costs(self, _: object) -> None:
        self.costs.value = caption(f"{COSTS[self.keeping.value]} {_HINT}")

    def _show_state(self, _: object) -> None:
        model = self.model
        set_visible(self, visible=model.allowed)
        self.problem.show(model.problem, "failed")
        for part in (self.path, self.keeping, self.button):
            part.disabled = model.running

    def _show_result(self, _: object) -> None:
        result = self.model.result
        set_visible(self.rows, visible=result is not None)
        if result is None:
            return
        files = [
            FolderFile(
                name=row.name,
                folder=row.folder,
                status=row.status,
                meaning=STATUSES[row.status][1],
                text=row.text,
                image_id=row.image_id,
            )
            for row in result.rows
        ]
        totals = [(key, f"{number:,} {STATUSES[key][0]}") for key, number in result.counts.items()]
        self.rows.show(result.summary, totals, files, result.remark)
