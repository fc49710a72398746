"""Search by picture: the query, its radius and filters, the results, the history."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd
from traitlets import Any as AnyTrait
from traitlets import Bool, Dict, HasTraits, Instance, Int, Unicode, validate

from imgurer_kernel.errors import QueryError
from imgurer_kernel.ui.models.captions import NON_DUPLICATE_VERDICTS
from imgurer_kernel.ui.models.lookup import LookupModel
from imgurer_kernel.ui.models.search_history import (
    SearchQuery,
    query_from_file,
    query_from_store,
    trim_history,
)
from imgurer_kernel.ui.routing.address import whole_number
from imgurer_kernel.ui.session import ImageListing, VisitorSession, row_dicts

CANDIDATE_RADIUS = 24
"""Bits within which `Workbench.similar` always compares pictures."""
TABLE = "several"
"""Value in the URL for the table of several pictures."""
PAGE_SIZE = 120
"""Results shown at first, and added by each `SearchModel.show_more`."""

SIZES = {
    "": "Any size",
    "larger": "Larger than this one",
    "same": "As large as this one",
    "smaller": "Smaller than this one",
}


@dataclass(frozen=True, slots=True, eq=False)
class SearchResults:
    """The results of a search.

    Attributes
    ----------
    query
        The query picture.
    radius
        Bits within which unverified look-alikes are listed.
    frame
        All rows that pass the filters: verified ones first, both parts by (distance, image_id).
    pictures
        The first of them, with thumbnails.
    verified
        Number of verified rows in `frame`.
    hidden
        Number of rows that the filters hide.
    formats
        Formats among all results, for the filter.
    """

    query: SearchQuery
    radius: int
    frame: pd.DataFrame
    pictures: ImageListing
    verified: int
    hidden: int
    formats: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _SearchOptions:
    radius: int
    format: str
    size: str
    own_only: bool
    limit: int


class SearchModel(HasTraits):
    """The state and actions of the search panel.

    Traits
    ------
    radius
        Bits, 0..128.
    format, size, own_only
        Filters: a format or empty for all, a key of `SIZES`, only files of the visitor.
    results
        A `SearchResults`, or None before the first search.
    history
        The `SearchQuery` objects so far, the current one last.
    images
        Number of pictures to compare with; -1 before it is known.
    several
        Whether the table of several pictures, of `lookup`, is shown.
    params
        Parameters for the URL.
    """

    radius = Int(10)
    format = Unicode()
    size = Unicode()
    own_only = Bool(False)
    results = Instance(SearchResults, allow_none=True)
    history = AnyTrait(())
    images = Int(-1)
    several = Bool(False)
    params = Dict()

    def __init__(self, session: VisitorSession) -> None:
        super().__init__()
        self.session = session
        self.job = session.job()
        self.lookup = LookupModel(session)
        self.radius = session.workbench.settings.radius
        self._limit = PAGE_SIZE
        self._uploads = 0
        self._applying_params = False
        self.observe(self._options_changed, ["radius", "format", "size", "own_only"])

    @validate("radius")
    def _clamp_radius(self, proposal: Mapping[str, Any]) -> int:
        return min(max(int(proposal["value"]), 0), 128)

    @property
    def query(self) -> SearchQuery | None:
        """The current query picture."""
        return self.history[-1] if self.history else None

    # Actions of the visitor ----------------------------------------------------------------

    def search_for(self, image_id: int) -> None:
        """Search for an image of the store."""
        options = replace(self._options(), limit=PAGE_SIZE)
        self._set_params(str(image_id))
        self.job.start(
            "Searching", lambda _: self._find_stored(image_id, options), self._show_results
        )

    def read(self, name: str, data: bytes) -> SearchQuery:
        """Make a query from a picture file; slow, and sets no trait.

        Raises
        ------
        ImageRejected
            If it is not a readable picture.
        """
        # A new key each time: URL and history identify files by it.
        self._uploads += 1
        return query_from_file(f"u{self._uploads}", name, data, self.session.workbench.store)

    def search_by(self, query: SearchQuery) -> None:
        """Search for a picture returned by `read`."""
        self._limit = PAGE_SIZE
        self._search(query)

    def show_table(self) -> None:
        """Show the table of several pictures instead of results."""
        self.job.cancel()
        self.job.failure = ""  # of an earlier search
        with self.hold_trait_notifications():
            self.results, self.several = None, True
            self.params = {"image": TABLE}

    def open_row(self, number: int) -> None:
        """Search for a picture of the table."""
        found = self.lookup.found[number]
        if found.answer["status"] == "exact":
            self.search_for(int(found.answer["image_id"]))
        elif found.query is not None:
            self.search_by(found.query)

    def return_to(self, position: int) -> None:
        """Return to a position of the history, from 0; later ones are dropped."""
        if not 0 <= position < len(self.history) - 1:
            return
        self._limit = PAGE_SIZE
        self._search(self.history[position])

    def show_more(self) -> None:
        """Show another page of results."""
        self._limit += PAGE_SIZE
        self.repeat()

    def repeat(self) -> None:
        """Repeat the search, since the store may have changed."""
        if self.query is not None:
            self._search(self.query)

    def open(self, params: Mapping[str, str]) -> None:
        """Show the search of a URL fragment."""
        self._applying_params = True
        try:
            default = self.session.workbench.settings.radius
            self.radius = whole_number(params.get("radius"), default, 0, 128)
        finally:
            self._applying_params = False
        key = params.get("image", "")
        # Back and Forward lead to entries of the history; search again, since the store may have
        # changed.
        kept = [position for position, query in enumerate(self.history) if query.key == key]
        if key == TABLE and self.lookup.found:
            self.show_table()
        elif kept and kept[-1] < len(self.history) - 1:
            self.return_to(kept[-1])
        elif kept:
            self.repeat()
        elif key.isdigit():
            self.search_for(whole_number(key, 0))
        elif key:  # a file of an earlier page: its bytes were in that page's kernel
            message = "what was searched for is not kept; drop it here again"
            self.job.fail(QueryError(message))
        else:
            self.clear()

    def clear(self) -> None:
        """Drop the history and the results, and count the pictures to compare with."""
        self.history, self.results, self.several, self.params = (), None, False, {}
        statistics = self.session.workbench.statistics
        self.job.start("Reading", lambda _: statistics().images, self._set_images)

    def _set_images(self, images: int) -> None:
        self.images = images

    # Implementation ---------------------------------------------------------------------------

    def _search(self, query: SearchQuery) -> None:
        options = self._options()
        self._set_params(query.key)
        self.job.start("Searching", lambda _: self._find(query, options), self._show_results)

    def _set_params(self, key: str) -> None:
        params = {"image": key}
        if self.radius != self.session.workbench.settings.radius:
            params["radius"] = str(self.radius)
        self.params = params

    def _options(self) -> _SearchOptions:
        # Copied for the thread: the traits may change while it searches.
        return _SearchOptions(self.radius, self.format, self.size, self.own_only, self._limit)

    def _options_changed(self, _: object) -> None:
        if not self._applying_params:  # `open` starts one search after setting all of them
            self._limit = PAGE_SIZE
            self.repeat()

    def _find_stored(self, image_id: int, options: _SearchOptions) -> SearchResults:
        [row] = row_dicts(self.session.image(image_id))
        query = query_from_store(row, self.session.thumbnails([image_id])[0])
        return self._find(query, options)

    def _find(self, query: SearchQuery, options: _SearchOptions) -> SearchResults:
        workbench = self.session.workbench
        image = query.image_id if query.picture is None else query.picture
        similar = self.session.similar(image, self._search_radius(options.radius))
        # The query picture itself is shown on the left.
        similar = similar[similar["image_id"] != query.image_id]
        similar = apply_radius(similar, options.radius, workbench.settings.radius)
        images = workbench.images(similar["image_id"].tolist())
        extra = ["image_id", *(name for name in images.columns if name not in similar.columns)]
        # Inner: a picture may have been forgotten between the two reads.
        frame = similar.merge(images[extra], on="image_id", how="inner")
        # Stable, so that both parts keep the order of (distance, image_id).
        frame = frame.iloc[frame["verdict"].isin(NON_DUPLICATE_VERDICTS).argsort(kind="stable")]
        kept = apply_filters(frame, query, options.format, options.size)
        if options.own_only:
            own = workbench.holdings(user=self.session.account().name)
            kept = kept[kept["image_id"].isin(own["image_id"])]
        kept = kept.reset_index(drop=True)
        return SearchResults(
            query=query,
            radius=options.radius,
            frame=kept,
            pictures=self.session.listing(kept.head(options.limit)),
            verified=int((~kept["verdict"].isin(NON_DUPLICATE_VERDICTS)).sum()),
            hidden=len(frame) - len(kept),
            formats=tuple(sorted(set(frame["format"]))),
        )

    def _search_radius(self, radius: int) -> int | None:
        """Return the radius to search with: None for the default, or a larger one.

        A radius below `CANDIDATE_RADIUS` would lose verified duplicates whose hashes differ by
        more.
        """
        default = self.session.workbench.settings.radius
        return None if radius <= default else max(radius, CANDIDATE_RADIUS)

    def _show_results(self, results: SearchResults) -> None:
        query = results.query
        keys = [earlier.key for earlier in self.history]
        # Searching for an earlier picture returns to it, instead of adding it to the history again.
        position = len(keys) if query.key not in keys else keys.index(query.key)
        with self.hold_trait_notifications():
            self.history = trim_history((*self.history[:position], query))
            self.results, self.several = results, False


def apply_radius(frame: pd.DataFrame, radius: int, default: int) -> pd.DataFrame:
    """Select the rows within a radius.

    Look-alikes that are not verified are listed up to the radius. Verified duplicates are listed at
    any distance, unless the radius is smaller than the default, by which the visitor asks for
    fewer.
    """
    near = frame["distance"] <= radius
    verified = ~frame["verdict"].isin(NON_DUPLICATE_VERDICTS)
    return frame[near if radius < default else near | verified]


def apply_filters(frame: pd.DataFrame, query: SearchQuery, format_: str, size: str) -> pd.DataFrame:
    """Select the rows of a format (empty for all), and of a size compared with the query.

    `size` is a key of `SIZES`; sizes are compared by their number of pixels.
    """
    selected = pd.Series(data=True, index=frame.index)
    if format_:
        selected &= frame["format"] == format_
    area = frame["width"] * frame["height"]
    query_area = query.width * query.height
    if size == "larger":
        selected &= area > query_area
    elif size == "smaller":
        selected &= area < query_area
    elif size == "same":
        selected &= area == query_area
    return frame[selected]
