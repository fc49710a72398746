"""The search tab: a picture on the left, what looks like it on the right."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import ipywidgets
from traitlets import link

from imgurer_kernel.common.text import count
from imgurer_kernel.errors import ImageRejected
from imgurer_kernel.ui.formatting import bits
from imgurer_kernel.ui.models.captions import Fact, search_evidence, search_tiles
from imgurer_kernel.ui.models.search import PAGE, SIZES, SearchModel, SearchResults
from imgurer_kernel.ui.panels.base import (
    Panel,
    box,
    button,
    classed,
    dropdown,
    share_wait,
    show,
    toggle,
)
from imgurer_kernel.ui.panels.details import DetailsPanel
from imgurer_kernel.ui.session import records
from imgurer_kernel.ui.widgets.controls import RadiusSlider, Trail, Working
from imgurer_kernel.ui.widgets.gallery import FactsView, Gallery
from imgurer_kernel.ui.widgets.upload.control import UploadControl, Verdict
from imgurer_kernel.ui.widgets.upload.receiver import Upload

if TYPE_CHECKING:
    from imgurer_kernel.ui.models.search_history import Sought
    from imgurer_kernel.ui.session import VisitorSession
    from imgurer_kernel.workbench.workbench import Workbench

_HINT = "Drop a picture on the left to find what looks like it."
_EMPTY = "There are no pictures to compare with yet. Add some in Upload."


class SearchPanel(Panel):
    """Search by picture.

    Parameters
    ----------
    workbench
        The store, or a dashboard's session.
    user
        Who looks at it, where it is shown alone.
    model
        Another panel's model, to show the same search.
    on_upload
        Called when somebody wants to add pictures to the empty store.
    on_browse
        Called when somebody wants to choose a picture of the store.

    Examples
    --------
    ``SearchPanel(wb)`` as the last line of a notebook cell shows it.
    """

    def __init__(
        self,
        workbench: "Workbench | VisitorSession",
        user: str | None = None,
        model: SearchModel | None = None,
        on_upload: Callable[[], None] | None = None,
        on_browse: Callable[[], None] | None = None,
    ) -> None:
        super().__init__(workbench, user)
        self.model = model or SearchModel(self.session)
        settings = self.session.workbench.settings
        self._read: dict[str, Sought] = {}
        self.upload = UploadControl(
            settings.folder / "tmp",
            self._judge,
            settings.max_bytes,
            multiple=False,
            prompt="Drop a picture to search for",
        )
        self.sought = FactsView(empty_text="The picture that you search for will stand here.")
        self.radius = RadiusSlider()
        self.format = dropdown({"": "Any format"}, "", "Format")
        self.size = dropdown(SIZES, "", "Size")
        self.mine = ipywidgets.Checkbox(description="Only pictures that I brought", indent=False)
        self.trail = Trail(self.model.walk_back)
        self.working = Working(self.model.job)
        self.gallery = Gallery(label="Pictures alike", empty_text=_HINT)
        self.more = button(f"Show {PAGE} more")
        self.details = DetailsPanel(self.session, self.model.search_for, self._evidence)
        self.filters = box(self.format, self.size, self.mine, classes="imgurer-filters")
        left = box(
            classed(self.upload, "imgurer-first-stop"),
            self.sought,
            self.radius,
            self.filters,
            classes="imgurer-side",
        )
        self.add = classed(button("Upload pictures", style="primary"), "imgurer-start")
        self.choose = classed(button("Choose one in Browse"), "imgurer-start")
        results = box(
            self.trail,
            self.working,
            self.gallery,
            self.more,
            self.add,
            self.choose,
            classes="imgurer-main",
        )
        self.columns = box(left, results, self.details, classes="imgurer-columns imgurer-three")
        self.arrange(self.columns)

        link((self.model, "radius"), (self.radius, "value"))
        link((self.model, "format"), (self.format, "value"))
        link((self.model, "size"), (self.size, "value"))
        link((self.model, "mine"), (self.mine, "value"))
        self.upload.on_settled(self._search)
        self.gallery.on_open(self.model.search_for)
        self.details.follow(self.gallery)
        self.more.on_click(lambda _: self.model.more())
        self.add.on_click(lambda _: on_upload and on_upload())
        self.choose.on_click(lambda _: on_browse and on_browse())
        self._can_upload, self._can_browse = on_upload is not None, on_browse is not None
        self.model.observe(self._show, "images")
        self.model.observe(self._show, "found")
        self.model.observe(self._show_trail, "trail")
        share_wait(self.gallery, self.model.job)
        self.session.observe(lambda _: self.model.again(), "version")
        self._show(None)
        self._show_trail(None)
        if self.alone:
            self.model.clear()

    def _judge(self, upload: Upload) -> Verdict:
        """Read the picture in the upload's thread; `_search` then takes it up on the loop."""
        try:
            sought = self.model.read(upload.name, upload.path.read_bytes())
        except ImageRejected as error:
            return Verdict(status="rejected", text=f"Cannot be searched for: {error}")
        self._read[upload.digest] = sought
        return Verdict(status="ready", text="Searched for", thumbnail=sought.thumbnail)

    def _search(self, upload: Upload, _: Verdict) -> None:
        sought = self._read.pop(upload.digest, None)
        if sought is not None:
            self.upload.clear()  # its picture and facts come to stand below
            self.model.search_by(sought)

    def _show(self, _: object) -> None:
        found = self.model.found
        empty = found is None and self.model.images == 0
        show(self.add, empty and self._can_upload)
        show(self.choose, visible=found is None and not empty and self._can_browse)
        show(self.filters, found is not None)
        for part in (self.sought, self.radius, self.details):
            show(part, found is not None)
        toggle(self.columns, "imgurer-two-columns", found is None)
        show(self.more, found is not None and len(found.pictures) < len(found.frame))
        if found is None:
            self.sought.clear()
            self.working.rest = ""
            self.gallery.empty_text = _EMPTY if empty else _HINT
            self.gallery.show([])
            return
        sought = found.sought
        self.sought.show(
            sought.name, sought.thumbnail, f"Searched for: {sought.name}", sought.facts
        )
        self.working.rest = summary(found)
        self.gallery.empty_text = nothing_found(found)
        formats = [("Any format", ""), *((name, name) for name in found.formats)]
        if self.model.format not in {"", *found.formats}:
            formats.append((self.model.format, self.model.format))
        if tuple(formats) != tuple(self.format.options):
            chosen = self.model.format
            with self.format.hold_trait_notifications():
                self.format.options = formats
                self.format.value = chosen
        parted = 0 < found.verified < len(found.frame)
        self.gallery.show(
            search_tiles(found.pictures),
            divider=found.verified if parted and found.verified < len(found.pictures) else None,
            divider_label="Alike, but not found to be the same picture",
        )

    def _evidence(self, image_id: int) -> list[Fact]:
        found = self.model.found
        rows = [] if found is None else records(found.frame[found.frame["image_id"] == image_id])
        return search_evidence(rows[0]) if rows else []

    def _show_trail(self, _: object) -> None:
        self.trail.show([(sought.name, sought.thumbnail) for sought in self.model.trail])


def summary(found: SearchResults) -> str:
    """How many pictures were found, in words.

    ``"3 duplicates · 2 more look alike, within 10 bits · 1 hidden by the filters"``.
    """
    alike = len(found.frame) - found.verified
    parts = [count(found.verified, "duplicate")] if found.verified else []
    if alike:
        some = f"{alike:,} more look alike" if parts else f"{count(alike, 'picture')} look alike"
        if alike == 1:
            some = some.replace("look", "looks")
        parts.append(f"{some}, within {bits(found.radius)}")
    if found.hidden:
        parts.append(f"{found.hidden:,} hidden by the filters")
    return " · ".join(parts)


def nothing_found(found: SearchResults) -> str:
    """What to do about an empty result."""
    if found.hidden:
        return f"The filters hide all {count(found.hidden, 'picture')}. Take one away to see them."
    wider = "Move the slider to the right to see what is loosely alike."
    return f"No duplicates, and nothing else within {bits(found.radius)}. {wider}"
