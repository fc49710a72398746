"""The browse tab: one page of the store's pictures at a time."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import ipywidgets

from imgurer_kernel.common.text import count
from imgurer_kernel.ui.models.browse import ORDERS, PAGE_SIZE, BrowseModel
from imgurer_kernel.ui.models.captions import image_tiles
from imgurer_kernel.ui.panels.base import (
    button,
    hbox,
    set_class,
    set_visible,
    vbox,
    with_classes,
)
from imgurer_kernel.ui.panels.board import BoardPanel
from imgurer_kernel.ui.widgets.gallery import Gallery
from imgurer_kernel.ui.widgets.progress_line import ProgressLine

if TYPE_CHECKING:
    from imgurer_kernel.ui.session import VisitorSession
    from imgurer_kernel.workbench.workbench import Workbench

_EMPTY = "There are no pictures here yet. Add some in Upload, and they will show here."
_INGESTING = "Pictures are being ingested. They will show here when that is done."


class BrowsePanel(BoardPanel[BrowseModel]):
    """A page of pictures in some order, with the details of the selected one.

    Parameters
    ----------
    workbench
        The store, or a dashboard's session.
    user
        The viewing user, if it is shown alone.
    model
        Another panel's model, to show the same page.
    on_search
        Called with the image_id of a picture to search for.
    on_upload
        Called when the user wants to add pictures to the empty store.
    """

    def __init__(
        self,
        workbench: "Workbench | VisitorSession",
        user: str | None = None,
        model: BrowseModel | None = None,
        on_search: Callable[[int], None] | None = None,
        on_upload: Callable[[], None] | None = None,
    ) -> None:
        super().__init__(workbench, user, model, BrowseModel)
        self.order = ipywidgets.ToggleButtons(
            options=[(text, key) for key, text in ORDERS.items()], value=self.model.order
        )
        self.next_page = button(f"Another {PAGE_SIZE}", style="primary")
        self.previous_page = button("Back", tooltip="The page before")
        self.progress = ProgressLine(self.model.job)
        self.gallery = Gallery(label="Pictures of the store", empty_text=_EMPTY)
        self.upload = with_classes(
            button("Upload pictures", style="primary"), "imgurer-empty-action"
        )
        self.details = self.details_of(self.gallery, self.model.job, on_open=on_search)
        self.bar = hbox(
            self.order,
            with_classes(self.progress, "imgurer-grow", "imgurer-align-end"),
            self.previous_page,
            self.next_page,
            classes="imgurer-toolbar imgurer-sticky",
        )
        main = vbox(self.bar, self.gallery, self.upload, classes="imgurer-main")
        self.columns = vbox(main, self.details, classes="imgurer-columns imgurer-columns-end")
        self.set_parts(self.columns)

        self.order.observe(lambda change: self.model.set_order(change["new"]), "value")
        self.next_page.on_click(lambda _: self.model.next_page())
        self.previous_page.on_click(lambda _: self.model.previous_page())
        self.upload.on_click(lambda _: on_upload and on_upload())
        self._can_upload = on_upload is not None
        self.model.observe(self._show, "shown")
        # In both directions, since a URL sets the order as well. An unchanged value notifies no
        # observer, so this ends.
        self.model.observe(lambda change: setattr(self.order, "value", change["new"]), "order")
        self.session.observe(lambda _: self.model.load(), "version")
        self.session.observe(self._show_empty, "ingesting")
        self._show(None)
        if self.standalone:
            self.model.load()

    def _show_empty(self, _: object) -> None:
        page, ingesting = self.model.shown, self.session.ingesting > 0
        empty = page is not None and page.total == 0
        self.gallery.empty_text = _INGESTING if ingesting else _EMPTY
        set_visible(self.upload, empty and self._can_upload and not ingesting)

    def _show(self, _: object) -> None:
        page = self.model.shown
        empty = page is not None and page.total == 0
        set_visible(self.bar, not empty)
        self._show_empty(None)
        set_visible(self.details, not empty)
        set_class(self.columns, "imgurer-one-column", empty)
        if page is None:
            return
        self.previous_page.disabled = page.first == 0
        last = page.first + len(page.pictures)
        many = page.total > PAGE_SIZE
        set_visible(self.previous_page, many)
        set_visible(self.next_page, many)
        left = page.total - last
        restart = "Shuffle again" if self.model.order == "random" else "Start over"
        self.next_page.description = restart if page.last else f"Another {min(left, PAGE_SIZE)}"
        position = f"{page.first + 1:,} to {last:,} of {count(page.total, 'picture')}"
        self.progress.idle_text = (
            position if many else count(page.total, "picture") if page.total else ""
        )
        self.gallery.show(image_tiles(page.pictures))
