"""The panel beside a gallery: details of the selected picture, and actions on it."""

from collections.abc import Callable, Sequence
from pathlib import PurePath

import ipywidgets

from imgurer_kernel.common.text import elide
from imgurer_kernel.ui.models.captions import Fact, alt_text
from imgurer_kernel.ui.models.details import DetailsModel
from imgurer_kernel.ui.models.search_history import SearchQuery
from imgurer_kernel.ui.panels.base import (
    Message,
    button,
    hbox,
    set_visible,
    vbox,
    with_classes,
)
from imgurer_kernel.ui.panels.compare import ComparePanel
from imgurer_kernel.ui.panels.viewer import ViewerPanel
from imgurer_kernel.ui.session import VisitorSession, row_dicts
from imgurer_kernel.ui.widgets.chunks import DownloadFile
from imgurer_kernel.ui.widgets.download import Download
from imgurer_kernel.ui.widgets.facts_view import FactsView
from imgurer_kernel.ui.widgets.progress_line import ProgressLine
from imgurer_kernel.ui.widgets.tile_board import TileBoard


class DetailsPanel(ipywidgets.VBox):  # type: ignore[misc]  # ipywidgets has no types
    """The details of the picture selected in the gallery that it follows.

    Parameters
    ----------
    on_search
        Called with the image_id to search for that picture; None for no such button.
    extra_facts
        Facts that the gallery knows of a picture, by image_id, such as its distance; listed first.
    compare_with
        Returns the image_id of the picture to compare another one with, or the query if that is
        not stored; -1 for none.
    """

    def __init__(
        self,
        session: VisitorSession,
        on_search: Callable[[int], None] | None,
        extra_facts: Callable[[int], Sequence[Fact]] = lambda _: (),
        compare_with: Callable[[int], int | SearchQuery] = lambda _: -1,
    ) -> None:
        super().__init__()
        self._extra_facts = extra_facts
        self._compare_with = compare_with
        self._can_search = on_search is not None
        self.model = DetailsModel(session)
        self._save_job = session.job()
        self.facts = FactsView()
        self.search = button("Search for this one", style="primary")
        self.look = button("Look closer", tooltip="Full resolution; Space on the picture")
        self.compare = button("Compare", tooltip="Beside the best copy; c on the picture")
        self.viewer = ViewerPanel(session)
        self.comparison = ComparePanel(session)
        self._gallery: TileBoard | None = None
        self.save = Download(self._save_job, self._original, label="Save the original")
        self.forget = button("Forget my copy …")
        self.confirm_button = button("Forget it", style="danger")
        self.cancel_button = button("Keep it")
        self.question = Message()
        self.message = Message()
        self.close_button = button("Close", quiet=True)
        self.confirmation = vbox(
            self.question, hbox(self.confirm_button, self.cancel_button), classes="imgurer-confirm"
        )
        progress = ProgressLine(self.model.job, self.model.action_job, self._save_job)
        self.actions = vbox(
            self.search,
            self.look,
            self.compare,
            self.save,
            self.forget,
            self.confirmation,
            classes="imgurer-actions",
        )
        overlays = (self.viewer, self.comparison)
        self.children = (
            self.close_button,
            self.message,
            self.facts,
            self.actions,
            progress,
            *overlays,
        )
        with_classes(self, "imgurer-details")
        with_classes(self.close_button, "imgurer-details-close")

        self.search.on_click(lambda _: on_search and on_search(self.model.image_id))
        self.look.on_click(lambda _: self.look_closer(self.model.image_id))
        self.compare.on_click(lambda _: self.show_comparison(self.model.image_id))
        self.forget.on_click(lambda _: self._show_confirmation(visible=True))
        self.cancel_button.on_click(lambda _: self._show_confirmation(visible=False))
        self.confirm_button.on_click(lambda _: self.model.forget())
        self.close_button.on_click(lambda _: setattr(self.model, "image_id", -1))
        self.model.observe(self._show, "details")
        self.model.observe(self._disable_actions, "image_id")
        self.model.observe(lambda _: self.message.show(self.model.message, "done"), "message")
        self._show(None)
        self.message.show("")

    def follow(self, gallery: TileBoard) -> None:
        """Show the details of the picture selected in a gallery."""
        self._gallery = gallery
        gallery.on_look(self.look_closer)
        gallery.on_compare(self.show_comparison)
        # In both directions: closing the details clears the selection.
        gallery.observe(lambda change: setattr(self.model, "image_id", change["new"]), "selected")
        self.model.observe(lambda change: setattr(gallery, "selected", change["new"]), "image_id")

    def look_closer(self, image_id: int) -> None:
        """Show a picture in full resolution; arrows lead to the others of the gallery."""
        ids = [image_id] if self._gallery is None else self._gallery.image_ids
        self.viewer.show_pictures(ids, image_id)

    def show_comparison(self, image_id: int) -> None:
        """Compare the selected picture with its reference."""
        other = self._compare_with(image_id)
        if isinstance(other, SearchQuery):
            self.comparison.show_query(other, image_id)
        elif other not in (-1, image_id):
            self.comparison.show([other, image_id])

    def _disable_actions(self, _: object) -> None:
        """Disable actions until the details of the selected picture are loaded."""
        self._show_confirmation(visible=False)
        for button_ in (self.search, self.save, self.forget):
            button_.disabled = True

    def _show(self, _: object) -> None:
        details = self.model.details
        for button_ in (self.search, self.save, self.forget):
            button_.disabled = False
        self._show_confirmation(visible=False)
        set_visible(self.actions, details is not None)
        set_visible(self.close_button, details is not None)
        if details is None:
            self.remove_class("imgurer-details-open")
            self.facts.clear()
            return
        self.add_class("imgurer-details-open")
        row = {"filename": details.name, "width": details.width, "height": details.height}
        facts = (*self._extra_facts(details.image_id), *details.facts)
        self.facts.show(details.name, details.thumbnail, alt_text(row), facts)

    def _show_confirmation(self, *, visible: bool) -> None:
        details = self.model.details
        set_visible(self.confirmation, visible)
        set_visible(self.search, visible=self._can_search and not visible)
        set_visible(self.look, visible=not visible)
        comparable = details is not None and self._compare_with(details.image_id) not in {
            -1,
            details.image_id,
        }
        set_visible(self.compare, visible=comparable and not visible)
        set_visible(self.save, visible=not visible)
        set_visible(self.forget, visible=not visible and details is not None and details.own > 0)
        if visible and details is not None:
            question = f"Forget your copy of {elide(details.name)}? {details.consequence}"
            self.question.show(question)

    def _original(self) -> DownloadFile:
        image_id = self.model.image_id  # not of the details, which may still be loading
        [row] = row_dicts(self.model.session.image(image_id))
        file = self.model.session.workbench.original(image_id)
        name = PurePath(str(row["filename"])).name
        return DownloadFile(name, "application/octet-stream", int(row["bytes"]), file)
