"""The search tab: the query and its filters on the left, the results on the right."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import ipywidgets
import pandas as pd
from traitlets import link

from imgurer_kernel.common.text import count
from imgurer_kernel.errors import ImageRejected
from imgurer_kernel.ui.models.captions import Fact, result_facts, search_tiles
from imgurer_kernel.ui.models.lookup import LookupResult
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
from imgurer_kernel.ui.widgets.picture_rows import PictureRows
from imgurer_kernel.ui.widgets.progress_line import ProgressLine
from imgurer_kernel.ui.widgets.radius_slider import WIDEST, RadiusSlider
from imgurer_kernel.ui.widgets.search_history import SearchHistory
from imgurer_kernel.ui.widgets.upload.control import UploadControl, Verdict
from imgurer_kernel.ui.widgets.upload.receiver import Upload

if TYPE_CHECKING:
    from pathlib import Path

    from imgurer_kernel.ui.models.search_history import SearchQuery
    from imgurer_kernel.ui.session import VisitorSession
    from imgurer_kernel.workbench.workbench import Workbench

_HINT = (
    "Drop a picture to find what looks like it. Drop several, or a folder, to see which of them "
    "are here already."
)
_EMPTY = "There are no pictures to compare with yet. Add some in Upload."
_TABLE_SECONDS = 0.5
_INGESTING = "Pictures are being ingested. They can be searched when that is done."


class SearchPanel(BoardPanel[SearchModel]):
    """Search by picture.

    Parameters
    ----------
    workbench
        The store, or a dashboard's session.
    user
        The viewing user, if it is shown alone.
    model
        Another panel's model, to show the same search.
    on_upload
        Called when the user wants to add pictures to the empty store.
    on_browse
        Called when the user wants to choose a picture of the store.

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
        # Filled in the upload's thread, used on the loop once the upload is settled.
        self._read: dict[Path, SearchQuery | LookupResult] = {}
        self._several = False
        self.upload = UploadControl(
            settings.root / "tmp",
            self._judge,
            settings.max_bytes,
            listed=False,
            prompt="Drop one picture or many",
        )
        self.query = FactsView(empty_text="The picture that you search for will stand here.")
        self.radius = RadiusSlider()
        self.format = dropdown({"": "Any format"}, "", "Format")
        self.size = dropdown(SIZES, "", "Size")
        self.own_only = ipywidgets.Checkbox(description="Only pictures that I added", indent=False)
        self.history = SearchHistory(self.model.return_to)
        self.progress = ProgressLine(self.model.job)
        self.table = PictureRows(
            self.session.thumbnails, self.model.open_row, self.model.search_for
        )
        self.table_button = with_classes(button("Back to the table", quiet=True), "imgurer-back")
        self.gallery = Gallery(label="Pictures alike", empty_text=_HINT)
        self.more_button = button(f"Show {PAGE_SIZE} more")
        self.details = self.details_of(
            self.gallery,
            self.model.job,
            on_open=self.model.search_for,
            extra_facts=self._extra_facts,
            compare_with=self._compare_with,
        )
        self.upload_button = with_classes(
            button("Upload pictures", style="primary"), "imgurer-empty-action"
        )
        self.browse_button = with_classes(button("Choose one in Browse"), "imgurer-empty-action")
        self.filters = vbox(self.format, self.size, self.own_only, classes="imgurer-filters")
        self.columns = self._columns()
        self.set_parts(self.columns)
        self._can_upload, self._can_browse = on_upload is not None, on_browse is not None
        self._table_due = False
        self.upload_button.on_click(lambda _: on_upload and on_upload())
        self.browse_button.on_click(lambda _: on_browse and on_browse())
        self._connect()

    def _columns(self) -> ipywidgets.VBox:
        """Lay out the widgets: query on the left, results, details."""
        left = vbox(
            with_classes(self.upload, "imgurer-shortcut-target"),
            self.query,
            self.radius,
            self.filters,
            classes="imgurer-side",
        )
        results = vbox(
            self.table_button,
            self.history,
            self.progress,
            self.table,
            self.gallery,
            self.more_button,
            self.upload_button,
            self.browse_button,
            classes="imgurer-main",
        )
        return vbox(left, results, self.details, classes="imgurer-columns imgurer-three-columns")

    def _connect(self) -> None:
        """Link widgets to the model, and observe the model and the store."""
        link((self.model, "radius"), (self.radius, "value"))
        link((self.model, "format"), (self.format, "value"))
        link((self.model, "size"), (self.size, "value"))
        link((self.model, "own_only"), (self.own_only, "value"))
        self.upload.on_chosen(self._begin)
        self.upload.on_settled(self._search)
        self.upload.on_idle(self._show_table)
        self.table_button.on_click(lambda _: self.model.show_table())
        self.model.lookup.observe(self._table_soon, "version")
        self.more_button.on_click(lambda _: self.model.show_more())
        self.model.observe(self._show, "images")
        self.model.observe(self._show, ["results", "several"])
        self.model.observe(self._show_history, "history")
        self.session.observe(lambda _: self.model.repeat(), "version")
        self.session.observe(self._show, "ingesting")
        self._show(None)
        self._show_history(None)
        if self.standalone:
            self.model.clear()

    @property
    def results(self) -> pd.DataFrame:
        """All rows of the current content: the results, or the table of several pictures.

        As from `imgurer_kernel.Workbench.similar`, with facts of the images, or as from
        `imgurer_kernel.Workbench.lookup`. Empty before the first search.
        """
        if self.model.results is not None:
            return self.model.results.frame
        return self.model.lookup.frame

    def _begin(self, files: int) -> None:
        """Begin a search for one picture, or a table of several; more may be added."""
        joins = self._several and self.upload.busy
        self._several = joins or files > 1
        if self._several:
            if not joins:
                self.model.lookup.clear()
            self.model.show_table()

    def _judge(self, upload: Upload) -> Verdict:
        """Read the picture in the upload's thread; `_search` follows on the loop."""
        data = upload.path.read_bytes()
        if self._several:
            self._read[upload.path] = self.model.lookup.judge(upload.name, data)
            return Verdict(status="ready")
        try:
            query = self.model.read(upload.name, data)
        except ImageRejected as error:
            return Verdict(status="rejected", text=f"Cannot be searched for: {shown_error(error)}")
        self._read[upload.path] = query
        return Verdict(status="ready")

    def _search(self, upload: Upload, _: Verdict) -> None:
        read = self._read.pop(upload.path, None)
        if isinstance(read, LookupResult):
            self.model.lookup.add(read)
        elif read is not None and not self._several:  # or several were dropped meanwhile
            self.upload.clear()  # picture and facts are shown below
            self.model.search_by(read)

    def _table_soon(self, _: object) -> None:
        # Not for each of thousands of files: only the first page contains pictures.
        if not self.upload.busy:
            self._show_table()
        elif not self._table_due:
            self._table_due = True
            self.session.runner.call_later(_TABLE_SECONDS, self._show_table)

    def _show_table(self) -> None:
        self._table_due = False
        lookup = self.model.lookup
        self.table.title = f"{count(len(lookup.found), 'picture')} looked up"
        self.table.show(lookup.rows(), lookup.totals)

    def _show(self, _: object) -> None:
        results, several = self.model.results, self.model.several
        set_visible(self.table, several)
        set_visible(self.gallery, not several)
        set_visible(self.table_button, not several and bool(self.model.lookup.found))
        empty = results is None and self.model.images == 0 and not several
        set_visible(self.upload_button, empty and self._can_upload)
        set_visible(
            self.browse_button, visible=not (results or several or empty) and self._can_browse
        )
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
            ingesting = empty and self.session.ingesting
            self.gallery.empty_text = _INGESTING if ingesting else _EMPTY if empty else _HINT
            self.gallery.show([])
            return
        query = results.query
        self.query.show(query.name, query.thumbnail, f"Searched for: {query.name}", query.facts)
        self.progress.idle_text = summary(results)
        self.gallery.empty_text = nothing_found(results)
        formats = [("Any format", ""), *((name, name) for name in results.formats)]
        # A filter that is set stays visible, even if no result has that format.
        if self.model.format not in {"", *results.formats}:
            formats.append((self.model.format, self.model.format))
        if tuple(formats) != tuple(self.format.options):
            format_ = self.model.format  # new options would reset it to the first of them
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

    def _compare_with(self, _: int) -> "int | SearchQuery":
        """Return the image_id of the query, or the query if it is not in the store."""
        results = self.model.results
        if results is None:
            return -1
        return results.query if results.query.picture is not None else results.query.image_id

    def _show_history(self, _: object) -> None:
        self.history.show([(query.name, query.thumbnail) for query in self.model.history])


def summary(results: SearchResults) -> str:
    """Summarize how many pictures were found.

    Such as ``"3 duplicates · 2 more look alike · 1 hidden by the filters"``.
    """
    unverified = len(results.frame) - results.verified
    parts = [count(results.verified, "duplicate")] if results.verified else []
    if unverified:
        unverified_text = (
            f"{unverified:,} more look alike"
            if parts
            else f"{count(unverified, 'picture')} look alike"
        )
        if unverified == 1:
            unverified_text = unverified_text.replace("look", "looks")
        parts.append(unverified_text)
    if results.hidden:
        parts.append(f"{results.hidden:,} hidden by the filters")
    return " · ".join(parts)


def nothing_found(results: SearchResults) -> str:
    """Suggest what to do about an empty result."""
    if results.hidden:
        return (
            f"The filters hide all {count(results.hidden, 'picture')}. Take one away to see them."
        )
    if results.radius >= WIDEST:
        return "No duplicates, and nothing that looks even loosely alike."
    wider = "Move the slider to the right to see what is loosely alike."
    return f"No duplicates, and nothing that looks as much alike. {wider}"
