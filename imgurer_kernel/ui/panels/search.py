"""The search tab: the query and its filters on the left, the results on the right."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import ipywidgets
from traitlets import link

from imgurer_kernel.common.text import bits, count
from imgurer_kernel.errors import ImageRejected
from imgurer_kernel.ui.models.captions import Fact, result_facts, search_tiles
from imgurer_kernel.ui.models.search import PAGE_SIZE, SIZES, SearchModel, SearchResults
from imgurer_kernel.ui.panels.base import (
    button,
    dropdown,
    set_class,
    set_visible,
    vbox,
    with_classes,
)
from imgurer_kernel.ui.panels.board import BoardPanel
from imgurer_kernel.ui.session import row_dicts
from imgurer_kernel.ui.shown_error import shown_error
from imgurer_kernel.ui.widgets.facts_view import FactsView
from imgurer_kernel.ui.widgets.gallery import Gallery
from imgurer_kernel.ui.widgets.progress_line import ProgressLine
from imgurer_kernel.ui.widgets.radius_slider import RadiusSlider
from imgurer_kernel.ui.widgets.search_history import SearchHistory
from imgurer_kernel.ui.widgets.upload.control import UploadControl, Verdict
from imgurer_kernel.ui.widgets.upload.receiver import Upload

if TYPE_CHECKING:
    from imgurer_kernel.ui.models.search_history import SearchQuery
    from imgurer_kernel.ui.session import VisitorSession
    from imgurer_kernel.workbench.workbench import Workbench

_HINT = "Drop a picture on the left to find what looks like it."
_EMPTY = "There are no pictures to compare with yet. Add some in Upload."
_TAKING_IN = "Pictures are being taken in. They can be searched when that is done."


class SearchPanel(BoardPanel[SearchModel]):
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
        super().__init__(workbench, user, model, SearchModel)
        settings = self.session.workbench.settings
        # By digest: made in the upload's thread, used on the loop once the upload is settled.
        self._read_queries: dict[str, SearchQuery] = {}
        self.upload = UploadControl(
            settings.root / "tmp",
            self._judge,
            settings.max_bytes,
            multiple=False,
            prompt="Drop a picture to search for",
        )
        self.query = FactsView(empty_text="The picture that you search for will stand here.")
        self.radius = RadiusSlider()
        self.format = dropdown({"": "Any format"}, "", "Format")
        self.size = dropdown(SIZES, "", "Size")
        self.own_only = ipywidgets.Checkbox(
            description="Only pictures that I brought", indent=False
        )
        self.history = SearchHistory(self.model.return_to)
        self.progress = ProgressLine(self.model.job)
        self.gallery = Gallery(label="Pictures alike", empty_text=_HINT)
        self.more_button = button(f"Show {PAGE_SIZE} more")
        self.details = self.details_of(
            self.gallery,
            self.model.job,
            on_open=self.model.search_for,
            extra_facts=self._extra_facts,
            compare_with=self._compare_with,
        )
        self.filters = vbox(self.format, self.size, self.own_only, classes="imgurer-filters")
        left = vbox(
            with_classes(self.upload, "imgurer-shortcut-target"),
            self.query,
            self.radius,
            self.filters,
            classes="imgurer-side",
        )
        self.upload_button = with_classes(
            button("Upload pictures", style="primary"), "imgurer-empty-action"
        )
        self.browse_button = with_classes(button("Choose one in Browse"), "imgurer-empty-action")
        results = vbox(
            self.history,
            self.progress,
            self.gallery,
            self.more_button,
            self.upload_button,
            self.browse_button,
            classes="imgurer-main",
        )
        self.columns = vbox(
            left, results, self.details, classes="imgurer-columns imgurer-three-columns"
        )
        self.set_parts(self.columns)

        link((self.model, "radius"), (self.radius, "value"))
        link((self.model, "format"), (self.format, "value"))
        link((self.model, "size"), (self.size, "value"))
        link((self.model, "own_only"), (self.own_only, "value"))
        self.upload.on_settled(self._search)
        self.more_button.on_click(lambda _: self.model.show_more())
        self.upload_button.on_click(lambda _: on_upload and on_upload())
        self.browse_button.on_click(lambda _: on_browse and on_browse())
        self._can_upload, self._can_browse = on_upload is not None, on_browse is not None
        self.model.observe(self._show, "images")
        self.model.observe(self._show, "results")
        self.model.observe(self._show_history, "history")
        self.session.observe(lambda _: self.model.repeat(), "version")
        self.session.observe(self._show, "taking_in")
        self._show(None)
        self._show_history(None)
        if self.standalone:
            self.model.clear()

    def _judge(self, upload: Upload) -> Verdict:
        """Read the picture, in the upload's thread; `_search` then searches, on the loop."""
        try:
            query = self.model.read(upload.name, upload.path.read_bytes())
        except ImageRejected as error:
            return Verdict(status="rejected", text=f"Cannot be searched for: {shown_error(error)}")
        self._read_queries[upload.digest] = query
        return Verdict(status="ready", text="Searched for", thumbnail=query.thumbnail)

    def _search(self, upload: Upload, _: Verdict) -> None:
        query = self._read_queries.pop(upload.digest, None)
        if query is not None:
            self.upload.clear()  # picture and facts are shown below it
            self.model.search_by(query)

    def _show(self, _: object) -> None:
        results = self.model.results
        empty = results is None and self.model.images == 0
        set_visible(self.upload_button, empty and self._can_upload)
        set_visible(self.browse_button, visible=results is None and not empty and self._can_browse)
        set_visible(self.filters, results is not None)
        for part in (self.query, self.radius, self.details):
            set_visible(part, results is not None)
        set_class(self.columns, "imgurer-two-columns", results is None)
        set_visible(
            self.more_button, results is not None and len(results.pictures) < len(results.frame)
        )
        if results is None:
            self.query.clear()
            self.progress.idle_text = ""
            taking_in = empty and self.session.taking_in
            self.gallery.empty_text = _TAKING_IN if taking_in else _EMPTY if empty else _HINT
            self.gallery.show([])
            return
        query = results.query
        self.query.show(query.name, query.thumbnail, f"Searched for: {query.name}", query.facts)
        self.progress.idle_text = summary(results)
        self.gallery.empty_text = nothing_found(results)
        formats = [("Any format", ""), *((name, name) for name in results.formats)]
        # A filter that is set stays to be seen, even if no result has that format.
        if self.model.format not in {"", *results.formats}:
            formats.append((self.model.format, self.model.format))
        if tuple(formats) != tuple(self.format.options):
            format_ = self.model.format  # new options would set it to the first of them
            with self.format.hold_trait_notifications():
                self.format.options = formats
                self.format.value = format_
        both = 0 < results.verified < len(results.frame)
        self.gallery.show(
            search_tiles(results.pictures),
            divider=results.verified if both and results.verified < len(results.pictures) else None,
            divider_label="Alike, but not found to be the same picture",
        )

    def _extra_facts(self, image_id: int) -> list[Fact]:
        results = self.model.results
        rows = (
            []
            if results is None
            else row_dicts(results.frame[results.frame["image_id"] == image_id])
        )
        return result_facts(rows[0]) if rows else []

    def _compare_with(self, _: int) -> int:
        """The picture that was searched for; -1 where it is not in the store."""
        results = self.model.results
        return -1 if results is None else results.query.image_id

    def _show_history(self, _: object) -> None:
        self.history.show([(query.name, query.thumbnail) for query in self.model.history])


def summary(results: SearchResults) -> str:
    """Say how many pictures were found.

    Such as ``"3 duplicates · 2 more look alike, within 10 bits · 1 hidden by the filters"``.
    """
    alike = len(results.frame) - results.verified
    parts = [count(results.verified, "duplicate")] if results.verified else []
    if alike:
        some = f"{alike:,} more look alike" if parts else f"{count(alike, 'picture')} look alike"
        if alike == 1:
            some = some.replace("look", "looks")
        parts.append(f"{some}, within {bits(results.radius)}")
    if results.hidden:
        parts.append(f"{results.hidden:,} hidden by the filters")
    return " · ".join(parts)


def nothing_found(results: SearchResults) -> str:
    """Say what to do about an empty result."""
    if results.hidden:
        return (
            f"The filters hide all {count(results.hidden, 'picture')}. Take one away to see them."
        )
    wider = "Move the slider to the right to see what is loosely alike."
    return f"No duplicates, and nothing else within {bits(results.radius)}. {wider}"
