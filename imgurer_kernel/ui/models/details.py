"""The details of one picture: its facts, its owners, and forgetting the visitor's copy."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd
from traitlets import HasTraits, Instance, Int, Unicode

from imgurer_kernel.common.text import count, elide, moment
from imgurer_kernel.ui.jobs import Task
from imgurer_kernel.ui.models.captions import Fact, image_facts
from imgurer_kernel.ui.session import VisitorSession, row_dicts

MAX_FILES = 12
"""Most files per picture and user that are listed."""


@dataclass(frozen=True, slots=True, eq=False)
class Details:
    """The facts of one image that the visitor may see.

    Attributes
    ----------
    own, others
        Number of copies that the visitor holds, and of other users who hold one.
    """

    image_id: int
    name: str
    width: int
    height: int
    thumbnail: bytes
    facts: tuple[Fact, ...]
    own: int
    others: int

    @property
    def consequence(self) -> str:
        """Describe the effect of forgetting this picture."""
        if self.others:
            whose = count(self.others, "other person holds", "other people hold")
            return f"{whose} it too, so the picture stays; it is only no longer yours."
        return (
            "Nobody else holds it, so the picture leaves the store. "
            "What the store has of it goes to its trash, from which `imgurer trash restore` "
            "restores it. Files in your folders are not touched."
        )


class DetailsModel(HasTraits):
    """The state and actions of the details panel.

    Traits
    ------
    image_id
        The picture that is shown, -1 for none.
    details
        A `Details`, or None while they are not loaded.
    message
        Describes the last action.
    """

    image_id = Int(-1)
    details = Instance(Details, allow_none=True)
    message = Unicode()

    def __init__(self, session: VisitorSession) -> None:
        super().__init__()
        self.session = session
        self.job = session.job()
        self.action_job = session.job()
        self.observe(lambda _: self.load(), "image_id")
        self.job.observe(self._clear_details, "failure")

    def load(self) -> None:
        """Read the facts of the picture."""
        image_id = self.image_id
        if image_id < 0:
            self.job.cancel()
            self.details = None
            return
        self.message = ""
        self.job.start("Reading", lambda task: self._read(task, image_id), self._show)

    def forget(self) -> None:
        """Forget the visitor's copies of the picture; the caller has asked for confirmation."""
        details = self.details
        # While other details are loading, the previous ones are still shown.
        if details is not None and details.image_id == self.image_id:
            self.action_job.start(
                "Forgetting", lambda task: self._forget(task, details), self._show_forgotten
            )

    def _read(self, _: Task, image_id: int) -> Details:
        workbench = self.session.workbench
        [row] = row_dicts(self.session.image(image_id))
        account = self.session.account()
        files = workbench.files(image_id=image_id)
        own = files[files["user"] == account.name]
        visible = files if self.session.is_admin else own
        facts = [fact for fact in image_facts(row) if fact[0] != "Added"]  # listed with the files
        return Details(
            image_id=image_id,
            name=str(row["filename"]),
            width=int(row["width"]),
            height=int(row["height"]),
            thumbnail=self.session.thumbnails([image_id])[0],
            facts=(*facts, *holder_facts(visible, account.name, files["user"].nunique())),
            own=len(own),
            others=int(files.loc[files["user"] != account.name, "user"].nunique()),
        )

    def _show(self, details: Details) -> None:
        self.details = details

    def _clear_details(self, change: Any) -> None:  # noqa: ANN401 - a traitlets Bunch
        if change["new"]:
            self.details = None

    def _forget(self, _: Task, details: Details) -> tuple[str, bool]:
        return details.name, self.session.workbench.forget(details.image_id, self.session.user)

    def _show_forgotten(self, result: tuple[str, bool]) -> None:
        name, gone = result
        self.image_id = -1
        shown = elide(name)
        self.message = f"{shown} has left the store." if gone else f"{shown} is no longer yours."
        self.session.changed()


def holder_facts(visible: pd.DataFrame, visitor: str, holders: int) -> list[Fact]:
    """List the owners of a picture and the places of its files, as far as the visitor may see.

    Parameters
    ----------
    visible
        The files that the visitor may see.
    holders
        Number of users who have one, visible or not.
    """
    facts: list[Fact] = []
    for user, user_files in visible.groupby("user", sort=True):
        who = "you" if user == visitor else str(user)
        facts.append(("Added by", f"{who}, {moment(user_files['taken_in'].min())}"))
        places = sorted({_place(row) for row in row_dicts(user_files)})
        facts += [("File", place) for place in places[:MAX_FILES]]
        if len(places) > MAX_FILES:
            facts.append(("File", f"and {len(places) - MAX_FILES:,} more"))
    hidden = holders - visible["user"].nunique()
    if hidden:
        also = "also " if len(visible) else ""
        facts.append(("Held by", f"{also}{count(hidden, 'other person', 'other people')}"))
    return facts


def _place(row: Mapping[str, Any]) -> str:
    """Format the full path of a file, and its state unless it is present."""
    if pd.isna(row["path"]):
        return f"{row['filename']}, uploaded"
    if row["state"] != "present":
        return f"{row['path']} ({row['state']})"
    if row["source_state"] == "present" or pd.isna(row["source_state"]):
        return str(row["path"])
    return f"{row['path']} ({row['source_state']} there; kept in the store)"
