"""The panel beside a gallery: one picture closely, and what can be done with it."""

from collections.abc import Callable, Sequence
from pathlib import PurePath
from typing import Any

import ipywidgets

from imgurer_kernel.ui.formatting import elide
from imgurer_kernel.ui.models.captions import Fact, alt
from imgurer_kernel.ui.models.details import DetailsModel
from imgurer_kernel.ui.panels.base import Words, box, button, classed, row, show
from imgurer_kernel.ui.session import VisitorSession, records
from imgurer_kernel.ui.widgets.controls import Working
from imgurer_kernel.ui.widgets.download import Download, Parcel
from imgurer_kernel.ui.widgets.gallery import FactsView


class DetailsPanel(ipywidgets.VBox):  # type: ignore[misc]  # ipywidgets has no types
    """One picture closely.

    Parameters
    ----------
    on_search
        Called with the image_id when the picture is to be searched for; None takes the button
        away.
    evidence
        What the gallery beside it knows of a picture, such as its distance; stands first.
    """

    def __init__(
        self,
        session: VisitorSession,
        on_search: Callable[[int], None] | None,
        evidence: Callable[[int], Sequence[Fact]] = lambda _: (),
    ) -> None:
        super().__init__()
        self._evidence = evidence
        self._can_search = on_search is not None
        self.model = DetailsModel(session)
        self._saving = session.job()
        self.facts = FactsView()
        self.search = button("Search for this one", style="primary")
        self.save = Download(self._saving, self._original, label="Save the original")
        self.forget = button("Forget my copy …")
        self.sure = button("Forget it", style="danger")
        self.keep = button("Keep it")
        self.question = Words()
        self.said = Words()
        self.close_button = button("Close", quiet=True)
        self.asking = box(self.question, row(self.sure, self.keep), classes="imgurer-asking")
        working = Working(self.model.job, self.model.acts, self._saving)
        self.acts = box(self.search, self.save, self.forget, self.asking, classes="imgurer-acts")
        self.children = (self.close_button, self.said, self.facts, self.acts, working)
        classed(self, "imgurer-details")
        classed(self.close_button, "imgurer-details-close")

        self.search.on_click(lambda _: on_search and on_search(self.model.image_id))
        self.forget.on_click(lambda _: self._ask(asking=True))
        self.keep.on_click(lambda _: self._ask(asking=False))
        self.sure.on_click(lambda _: self.model.forget())
        self.close_button.on_click(lambda _: setattr(self.model, "image_id", -1))
        self.model.observe(self._show, "details")
        self.model.observe(self._wait, "image_id")
        self.model.observe(lambda _: self.said.tell(self.model.said, "done"), "said")
        self._show(None)
        self.said.tell("")

    def follow(self, gallery: Any) -> None:  # noqa: ANN401 - Gallery or ClusterList
        """Show what is selected in a gallery."""
        gallery.observe(lambda change: setattr(self.model, "image_id", change["new"]), "selected")
        self.model.observe(lambda change: setattr(gallery, "selected", change["new"]), "image_id")

    def _wait(self, _: object) -> None:
        """Until the details are those of the picture that is selected, nothing can be done."""
        self._ask(asking=False)
        for act in (self.search, self.save, self.forget):
            act.disabled = True

    def _show(self, _: object) -> None:
        details = self.model.details
        for act in (self.search, self.save, self.forget):
            act.disabled = False
        self._ask(asking=False)
        show(self.acts, details is not None)
        show(self.close_button, details is not None)
        if details is None:
            self.remove_class("imgurer-details-open")
            self.facts.clear()
            return
        self.add_class("imgurer-details-open")
        words = {"filename": details.name, "width": details.width, "height": details.height}
        facts = (*self._evidence(details.image_id), *details.facts)
        self.facts.show(details.name, details.thumbnail, alt(words), facts)

    def _ask(self, *, asking: bool) -> None:
        details = self.model.details
        show(self.asking, asking)
        show(self.search, visible=self._can_search and not asking)
        show(self.save, visible=not asking)
        show(self.forget, visible=not asking and details is not None and details.own > 0)
        if asking and details is not None:
            question = f"Forget your copy of {elide(details.name)}? {details.consequence}"
            self.question.tell(question)

    def _original(self) -> Parcel:
        image_id = self.model.image_id  # not that of the details, which may still be on their way
        [row] = records(self.model.session.image(image_id))
        file = self.model.session.workbench.original(image_id)
        name = PurePath(str(row["filename"])).name
        return Parcel(name, "application/octet-stream", int(row["bytes"]), file)
