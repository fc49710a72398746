"""Browsing: a page of pictures, in an order, and the next one."""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, cast

from traitlets import Dict, Enum, HasTraits, Instance, Int

from imgurer_kernel.ui.jobs import Task
from imgurer_kernel.ui.routing.address import whole_number
from imgurer_kernel.ui.session import Listing, VisitorSession

PAGE = 48
ORDERS = {"random": "Random", "newest": "Newest first", "largest": "Largest first"}
_SEEDS = 1_000_000
_FURTHEST = 1_000_000

Order = Literal["random", "newest", "largest"]


@dataclass(frozen=True, slots=True, eq=False)
class BrowsePage:
    """Some of the pictures of a store.

    Attributes
    ----------
    first
        How many pictures stand before these.
    total
        How many there are.
    """

    pictures: Listing
    first: int
    total: int

    @property
    def last(self) -> bool:
        """Whether none come after these."""
        return self.first + len(self.pictures) >= self.total


class BrowseModel(HasTraits):
    """What the browse panel shows and does.

    Parameters
    ----------
    draw
        Makes a new seed for the random order, 0 up to below a million.

    Traits
    ------
    order
        A key of `ORDERS`.
    seed, page
        Which random order, and how many pages into it.
    shown
        A `BrowsePage`, or None before anything was read.
    place
        What of this stands in the address.
    """

    order = Enum(tuple(ORDERS), "random")
    seed = Int()
    page = Int()
    shown = Instance(BrowsePage, allow_none=True)
    place = Dict()

    def __init__(
        self, session: VisitorSession, draw: Callable[[], int] = lambda: secrets.randbelow(_SEEDS)
    ) -> None:
        super().__init__()
        self.session = session
        self.job = session.job()
        self._draw = draw
        self.seed = draw()

    def load(self) -> None:
        """Read the present page."""
        order, seed, page = cast("Order", self.order), self.seed, self.page
        self._note_place()
        self.job.start(
            "Reading pictures", lambda task: self._read(task, order, seed, page), self._show
        )

    def arrange(self, order: str) -> None:
        """Begin at the first page of an order."""
        if order != self.order:
            self.order, self.page = order, 0
            self.load()

    def another(self) -> None:
        """Go on to the next page; after the last one, begin anew, in a new random order."""
        if self.shown is not None and not self.shown.last:
            self.page += 1
        else:
            self.page, self.seed = 0, self._draw()
        self.load()

    def back(self) -> None:
        """Return to the page before."""
        if self.page:
            self.page -= 1
            self.load()

    def go(self, place: Mapping[str, str]) -> None:
        """Show what stands in an address."""
        order = place.get("order", "random")
        self.order = order if order in ORDERS else "random"
        self.seed = whole_number(place.get("seed"), self.seed, 0, _SEEDS)
        self.page = whole_number(place.get("page"), 1, 1, _FURTHEST) - 1
        self.load()

    def _read(self, _: Task, order: Order, seed: int, page: int) -> BrowsePage:
        workbench = self.session.workbench
        total = workbench.statistics().images
        page = min(page, max(total - 1, 0) // PAGE)
        seeded = seed if order == "random" else None
        frame = workbench.browse((page + 1) * PAGE, seed=seeded, order=order)
        return BrowsePage(self.session.listing(frame.iloc[page * PAGE :]), page * PAGE, total)

    def _show(self, shown: BrowsePage) -> None:
        with self.hold_trait_notifications():
            self.page = shown.first // PAGE
            self.shown = shown
        self._note_place()

    def _note_place(self) -> None:
        place = {"order": self.order} if self.order != "random" else {"seed": str(self.seed)}
        if self.page:
            place["page"] = str(self.page + 1)
        self.place = place
