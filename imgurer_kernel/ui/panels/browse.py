"""The browse tab: a page of pictures, and another one."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import ipywidgets

from imgurer_kernel.common.text import count
from imgurer_kernel.ui.models.browse import ORDERS, PAGE, BrowseModel
from imgurer_kernel.ui.models.captions import plain_tiles
from imgurer_kernel.ui.panels.base import Panel, box, button, classed, row, share_wait, show, toggle
from imgurer_kernel.ui.panels.details import DetailsPanel
from imgurer_kernel.ui.widgets.controls import Working
from imgurer_kernel.ui.widgets.gallery import Gallery

if TYPE_CHECKING:
    from imgurer_kernel.ui.session import VisitorSession
    from imgurer_kernel.workbench.workbench import Workbench

_EMPTY = "There are no pictures here yet. Add some in Upload, and they will show here."


class BrowsePanel(Panel):
    """Pictures to look around in.

    Parameters
    ----------
    workbench
        The store, or a dashboard's session.
    user
        Who looks at it, where it is shown alone.
    model
        Another panel's model, to show the same page.
    on_search
        Called with the image_id of a picture that is to be searched for.
    on_upload
        Called when somebody wants to add pictures to the empty store.
    """

    def __init__(
        self,
        workbench: "Workbench | VisitorSession",
        user: str | None = None,
        model: BrowseModel | None = None,
        on_search: Callable[[int], None] | None = None,
        on_upload: Callable[[], None] | None = None,
    ) -> None:
        super().__init__(workbench, user)
        self.model = model or BrowseModel(self.session)
        self.order = ipywidgets.ToggleButtons(
            options=[(words, key) for key, words in ORDERS.items()], value=self.model.order
        )
        self.another = button(f"Another {PAGE}", style="primary")
        self.back = button("Back", tooltip="The page before")
        self.working = Working(self.model.job)
        self.gallery = Gallery(label="Pictures of the store", empty_text=_EMPTY)
        self.upload = classed(button("Upload pictures", style="primary"), "imgurer-start")
        self.details = DetailsPanel(self.session, on_search)
        self.bar = row(
            self.order,
            classed(self.working, "imgurer-grow", "imgurer-push"),
            self.back,
            self.another,
            classes="imgurer-toolbar imgurer-sticky",
        )
        main = box(self.bar, self.gallery, self.upload, classes="imgurer-main")
        self.columns = box(main, self.details, classes="imgurer-columns imgurer-columns-end")
        self.arrange(self.columns)

        self.order.observe(lambda change: self.model.arrange(change["new"]), "value")
        self.another.on_click(lambda _: self.model.another())
        self.back.on_click(lambda _: self.model.back())
        self.upload.on_click(lambda _: on_upload and on_upload())
        self._can_upload = on_upload is not None
        if on_search is not None:
            self.gallery.on_open(on_search)
        self.details.follow(self.gallery)
        self.model.observe(self._show, "shown")
        self.model.observe(lambda change: setattr(self.order, "value", change["new"]), "order")
        share_wait(self.gallery, self.model.job)
        self.session.observe(lambda _: self.model.load(), "version")
        self._show(None)
        if self.alone:
            self.model.load()

    def _show(self, _: object) -> None:
        page = self.model.shown
        empty = page is not None and page.total == 0
        show(self.bar, not empty)
        show(self.upload, empty and self._can_upload)
        show(self.details, not empty)
        toggle(self.columns, "imgurer-one-column", empty)
        if page is None:
            return
        self.back.disabled = page.first == 0
        last = page.first + len(page.pictures)
        many = page.total > PAGE
        show(self.back, many)
        show(self.another, many)
        left = page.total - last
        again = "Shuffle again" if self.model.order == "random" else "Begin anew"
        self.another.description = again if page.last else f"Another {min(left, PAGE)}"
        where = f"{page.first + 1:,} to {last:,} of {count(page.total, 'picture')}"
        self.working.rest = where if many else count(page.total, "picture") if page.total else ""
        self.gallery.show(plain_tiles(page.pictures))
