"""Searching by picture: what is sought, how wide, what was found, and the trail of searches."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd
from traitlets import Any as AnyTrait
from traitlets import Bool, Dict, HasTraits, Instance, Int, Unicode, validate

from imgurer_kernel.errors import QueryError
from imgurer_kernel.ui.models.captions import LOOKALIKES
from imgurer_kernel.ui.models.search_history import Sought, from_file, from_store, shortened
from imgurer_kernel.ui.routing.address import whole_number
from imgurer_kernel.ui.session import Listing, VisitorSession, records

CANDIDATE_RADIUS = 24
"""Bits within which a search compares pictures anyway."""
PAGE = 120
"""Results that are shown at first, and added by each "more"."""

SIZES = {
    "": "Any size",
    "larger": "Larger than this one",
    "same": "As large as this one",
    "smaller": "Smaller than this one",
}


@dataclass(frozen=True, slots=True, eq=False)
class SearchResults:
    """What a search found.

    Attributes
    ----------
    frame
        All rows that pass the filters: verified ones first, each part by (distance, image_id).
    pictures
        The first of them, with thumbnails.
    verified
        How many of `frame` are verified.
    hidden
        How many rows the filters keep out.
    formats
        Formats among all that was found, for the filter.
    """

    sought: Sought
    radius: int
    frame: pd.DataFrame
    pictures: Listing
    verified: int
    hidden: int
    formats: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Wish:
    radius: int
    format: str
    size: str
    mine: bool
    limit: int


class SearchModel(HasTraits):
    """What the search panel shows and does.

    Traits
    ------
    radius
        Bits, 0..128.
    format, size, mine
        Filters: a format or empty for all, a key of `SIZES`, only what the visitor holds.
    found
        A `SearchResults`, or None before the first search.
    trail
        The pictures searched for, the present one last.
    images
        How many pictures there are to compare with; -1 before it is known.
    place
        What of this stands in the address.
    """

    radius = Int(10)
    format = Unicode()
    size = Unicode()
    mine = Bool(False)
    found = Instance(SearchResults, allow_none=True)
    trail = AnyTrait(())
    images = Int(-1)
    place = Dict()

    def __init__(self, session: VisitorSession) -> None:
        super().__init__()
        self.session = session
        self.job = session.job()
        self.radius = session.workbench.settings.radius
        self._limit = PAGE
        self._uploads = 0
        self._going = False
        self.observe(self._narrow, ["radius", "format", "size", "mine"])

    @validate("radius")
    def _within(self, proposal: Mapping[str, Any]) -> int:
        return min(max(int(proposal["value"]), 0), 128)

    @property
    def sought(self) -> Sought | None:
        """The picture that is searched for."""
        return self.trail[-1] if self.trail else None

    # What a person does ---------------------------------------------------------------------

    def search_for(self, image_id: int) -> None:
        """Search for an image of the store."""
        wish = replace(self._wish(), limit=PAGE)
        self._note_place(str(image_id))
        self.job.start("Searching", lambda _: self._look_up(image_id, wish), self._follow)

    def read(self, name: str, data: bytes) -> Sought:
        """Make a query of a picture file; may take a while, touches no trait.

        Raises
        ------
        ImageRejected
            If it is no picture that can be read.
        """
        self._uploads += 1
        return from_file(f"u{self._uploads}", name, data, self.session.workbench.settings)

    def search_by(self, sought: Sought) -> None:
        """Search for a picture that `read` has read."""
        self._limit = PAGE
        self._search(sought)

    def walk_back(self, position: int) -> None:
        """Return to a picture of the trail; those after it are forgotten."""
        if not 0 <= position < len(self.trail) - 1:
            return
        self._limit = PAGE
        self._search(self.trail[position])

    def more(self) -> None:
        """Show another page of results."""
        self._limit += PAGE
        self.again()

    def again(self) -> None:
        """Search for the same once more: the store may have changed."""
        if self.sought is not None:
            self._search(self.sought)

    def go(self, place: Mapping[str, str]) -> None:
        """Show what stands in an address."""
        self._going = True
        try:
            default = self.session.workbench.settings.radius
            self.radius = whole_number(place.get("radius"), default, 0, 128)
        finally:
            self._going = False
        key = place.get("image", "")
        kept = [position for position, sought in enumerate(self.trail) if sought.key == key]
        if kept and kept[-1] < len(self.trail) - 1:
            self.walk_back(kept[-1])
        elif kept:
            self.again()
        elif key.isdigit():
            self.search_for(whole_number(key, 0))
        elif key:
            message = "the picture that was searched for is not kept; drop it here again"
            self.job.fail(QueryError(message))
        else:
            self.clear()

    def clear(self) -> None:
        """Forget what was searched for, and see how many pictures there are to compare with."""
        self.trail, self.found, self.place = (), None, {}
        statistics = self.session.workbench.statistics
        self.job.start("Reading", lambda _: statistics().images, self._welcome)

    def _welcome(self, images: int) -> None:
        self.images = images

    # How it is done -------------------------------------------------------------------------

    def _search(self, sought: Sought) -> None:
        wish = self._wish()
        self._note_place(sought.key)
        self.job.start("Searching", lambda _: self._look(sought, wish), self._follow)

    def _note_place(self, key: str) -> None:
        place = {"image": key}
        if self.radius != self.session.workbench.settings.radius:
            place["radius"] = str(self.radius)
        self.place = place

    def _wish(self) -> _Wish:
        return _Wish(self.radius, self.format, self.size, self.mine, self._limit)

    def _narrow(self, _: object) -> None:
        if not self._going:
            self._limit = PAGE
            self.again()

    def _look_up(self, image_id: int, wish: _Wish) -> SearchResults:
        [row] = records(self.session.image(image_id))
        sought = from_store(row, self.session.thumbnails([image_id])[0])
        return self._look(sought, wish)

    def _look(self, sought: Sought, wish: _Wish) -> SearchResults:
        workbench = self.session.workbench
        query = sought.image_id if sought.data is None else sought.data
        found = self.session.similar(query, self._reach(wish.radius))
        found = found[found["image_id"] != sought.image_id]
        found = within(found, wish.radius, workbench.settings.radius)
        known = workbench.images(found["image_id"].tolist())
        extra = ["image_id", *(name for name in known.columns if name not in found.columns)]
        frame = found.merge(known[extra], on="image_id", how="inner")
        frame = frame.iloc[frame["verdict"].isin(LOOKALIKES).argsort(kind="stable")]
        kept = filtered(frame, sought, wish.format, wish.size)
        if wish.mine:
            own = workbench.holdings(user=self.session.account().name)
            kept = kept[kept["image_id"].isin(own["image_id"])]
        kept = kept.reset_index(drop=True)
        return SearchResults(
            sought=sought,
            radius=wish.radius,
            frame=kept,
            pictures=self.session.listing(kept.head(wish.limit)),
            verified=int((~kept["verdict"].isin(LOOKALIKES)).sum()),
            hidden=len(frame) - len(kept),
            formats=tuple(sorted(set(frame["format"]))),
        )

    def _reach(self, radius: int) -> int | None:
        """How far to compare pictures: as far as is usual, or farther where that was asked for."""
        default = self.session.workbench.settings.radius
        return None if radius <= default else max(radius, CANDIDATE_RADIUS)

    def _follow(self, found: SearchResults) -> None:
        sought = found.sought
        keys = [earlier.key for earlier in self.trail]
        position = len(keys) if sought.key not in keys else keys.index(sought.key)
        with self.hold_trait_notifications():
            self.trail = shortened((*self.trail[:position], sought))
            self.found = found


def within(frame: pd.DataFrame, radius: int, default: int) -> pd.DataFrame:
    """What belongs into a search of a radius.

    Pictures that only look alike are taken up to the radius. Those that were verified to be the
    same are taken however far their hashes are apart, unless less than the usual was asked for.
    """
    near = frame["distance"] <= radius
    return frame[near if radius < default else near | ~frame["verdict"].isin(LOOKALIKES)]


def filtered(frame: pd.DataFrame, sought: Sought, wanted: str, size: str) -> pd.DataFrame:
    """The rows of a format, and of a size against the picture that is sought."""
    chosen = pd.Series(data=True, index=frame.index)
    if wanted:
        chosen &= frame["format"] == wanted
    area = frame["width"] * frame["height"]
    own = sought.width * sought.height
    if size == "larger":
        chosen &= area > own
    elif size == "smaller":
        chosen &= area < own
    elif size == "same":
        chosen &= area == own
    return frame[chosen]
