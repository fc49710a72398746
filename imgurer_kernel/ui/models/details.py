"""One picture closely: its facts, who brought it, and letting go of one's own copy."""

from dataclasses import dataclass
from typing import Any

import pandas as pd
from traitlets import HasTraits, Instance, Int, Unicode

from imgurer_kernel.common.text import count
from imgurer_kernel.ui.formatting import elide, moment
from imgurer_kernel.ui.jobs import Task
from imgurer_kernel.ui.models.captions import Fact, facts
from imgurer_kernel.ui.session import VisitorSession, records


@dataclass(frozen=True, slots=True, eq=False)
class Details:
    """All that the visitor may know of one image.

    Attributes
    ----------
    own, others
        How many copies the visitor holds, and how many other people hold one.
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
        """What happens if the visitor forgets this picture."""
        if self.others:
            whose = count(self.others, "other person holds", "other people hold")
            return f"{whose} it too, so the picture stays; it is only no longer yours."
        return (
            "Nobody else holds it, so the picture leaves the store. "
            "Its file goes into the store's trash folder; other files on disk are not touched."
        )


class DetailsModel(HasTraits):
    """What the details panel shows and does.

    Traits
    ------
    image_id
        The picture that is looked at, -1 for none.
    details
        A `Details`, or None while there is none.
    said
        What the last act has done, in words.
    """

    image_id = Int(-1)
    details = Instance(Details, allow_none=True)
    said = Unicode()

    def __init__(self, session: VisitorSession) -> None:
        super().__init__()
        self.session = session
        self.job = session.job()
        self.acts = session.job()
        self.observe(lambda _: self.load(), "image_id")
        self.job.observe(self._drop, "failure")

    def load(self) -> None:
        """Read what is known of the picture."""
        image_id = self.image_id
        if image_id < 0:
            self.job.cancel()
            self.details = None
            return
        self.said = ""
        self.job.start("Reading", lambda task: self._read(task, image_id), self._show)

    def forget(self) -> None:
        """Let go of the visitor's copies of the picture; ask before."""
        details = self.details
        if details is not None and details.image_id == self.image_id:
            self.acts.start("Forgetting", lambda task: self._forget(task, details), self._forgotten)

    def _read(self, _: Task, image_id: int) -> Details:
        workbench = self.session.workbench
        [row] = records(self.session.image(image_id))
        account = self.session.account()
        holdings = workbench.holdings(image_id=image_id)
        own = holdings[holdings["user"] == account.name]
        told = holdings if self.session.is_admin else own
        known = [fact for fact in facts(row) if fact[0] != "Added"]  # the holdings say when
        return Details(
            image_id=image_id,
            name=str(row["filename"]),
            width=int(row["width"]),
            height=int(row["height"]),
            thumbnail=self.session.thumbnails([image_id])[0],
            facts=(*known, *provenance(told, account.name, holdings["user"].nunique())),
            own=len(own),
            others=int(holdings.loc[holdings["user"] != account.name, "user"].nunique()),
        )

    def _show(self, details: Details) -> None:
        self.details = details

    def _drop(self, change: Any) -> None:  # noqa: ANN401 - a bunch of traitlets
        if change["new"]:
            self.details = None

    def _forget(self, _: Task, details: Details) -> tuple[str, bool]:
        return details.name, self.session.workbench.forget(details.image_id, self.session.user)

    def _forgotten(self, outcome: tuple[str, bool]) -> None:
        name, gone = outcome
        self.image_id = -1
        shown = elide(name)
        self.said = f"{shown} has left the store." if gone else f"{shown} is no longer yours."
        self.session.changed()


def provenance(told: pd.DataFrame, visitor: str, holders: int) -> list[Fact]:
    """Who brought a picture, and from where, as far as the visitor may know.

    Parameters
    ----------
    told
        The holdings that the visitor may see.
    holders
        How many people hold it in truth.
    """
    found: list[Fact] = []
    for user, held in told.groupby("user", sort=True):
        who = "you" if user == visitor else str(user)
        found.append(("Brought by", f"{who}, {moment(held['brought_at'].min())}"))
        found += [("From", str(source)) for source in sorted(set(held["source"]))[:5]]
    hidden = holders - told["user"].nunique()
    if hidden:
        also = "also " if len(told) else ""
        found.append(("Held by", f"{also}{count(hidden, 'other person', 'other people')}"))
    return found
