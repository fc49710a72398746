"""Browse the pictures of a store, a page at a time, in some order."""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from traitlets import Dict, Enum, HasTraits, Instance, Int

from imgurer_kernel.ui.jobs import Task
from imgurer_kernel.ui.routing.address import whole_number
from imgurer_kernel.ui.session import ImageListing, VisitorSession

if TYPE_CHECKING:
    from imgurer_kernel.store.catalog.queries import Order

PAGE_SIZE = 48
ORDERS = {"random": "Random", "newest": "Newest first", "largest": "Largest first"}
# At most six digits: the seed is part of URLs that users share.
_SEEDS = 1_000_000
_MAX_PAGE = 1_000_000


@dataclass(frozen=True, slots=True, eq=False)
class BrowsePage:
    """One page of pictures.

    Attributes
    ----------
    pictures
        The pictures of this page.
    first
        Number of pictures before these.
    total
        Number of pictures in all.
    """

    pictures: ImageListing
    first: int
    total: int

    @property
    def last(self) -> bool:
        """Whether this is the last page."""
        return self.first + len(self.pictures) >= self.total


class BrowseModel(HasTraits):
    """The state and actions of the browse panel.

    Parameters
    ----------
    new_seed
        Makes a new seed for the random order, 0 to 999,999.

    Traits
    ------
    order
        A key of `ORDERS`.
    seed, page
        The seed of the random order, and the page, from 0.
    shown
        A `BrowsePage`, or None before anything is read.
    params
        Parameters for the URL.
    """

    order = Enum(tuple(ORDERS), "random")
    seed = Int()
    page = Int()
    shown = Instance(BrowsePage, allow_none=True)
    params = Dict()

    def __init__(
        self,
        session: VisitorSession,
        new_seed: Callable[[], int] = lambda: secrets.randbelow(_SEEDS),
    ) -> None:
        super().__init__()
        self.session = session
        self.job = session.job()
        self._new_seed = new_seed
        self.seed = new_seed()

    def load(self) -> None:
        """Read the current page."""
        # Copied for the thread: the traits may change while it reads.
        order, seed, page = cast("Order", self.order), self.seed, self.page
        self._set_params()
        self.job.start(
            "Reading pictures", lambda task: self._read(task, order, seed, page), self._show
        )

    def set_order(self, order: str) -> None:
        """Show the first page of an order."""
        if order != self.order:
            self.order, self.page = order, 0
            self.load()

    def next_page(self) -> None:
        """Show the next page; after the last page show the first, in a new random order."""
        if self.shown is not None and not self.shown.last:
            self.page += 1
        else:
            self.page, self.seed = 0, self._new_seed()
        self.load()

    def previous_page(self) -> None:
        """Show the previous page."""
        if self.page:
            self.page -= 1
            self.load()

    def open(self, params: Mapping[str, str]) -> None:
        """Show the page of a URL fragment."""
        # URLs can contain anything; invalid values are replaced by defaults.
        order = params.get("order", "random")
        self.order = order if order in ORDERS else "random"
        self.seed = whole_number(params.get("seed"), self.seed, 0, _SEEDS)
        self.page = whole_number(params.get("page"), 1, 1, _MAX_PAGE) - 1
        self.load()

    def _read(self, _: Task, order: "Order", seed: int, page: int) -> BrowsePage:
        workbench = self.session.workbench
        total = workbench.statistics().images
        # Pictures may have been removed: fall back to the last remaining page.
        page = min(page, max(total - 1, 0) // PAGE_SIZE)
        order_seed = seed if order == "random" else None
        # The store returns the first n of an order; skip the pages before this one.
        frame = workbench.browse((page + 1) * PAGE_SIZE, seed=order_seed, order=order)
        first = page * PAGE_SIZE
        return BrowsePage(self.session.listing(frame.iloc[first:]), first, total)

    def _show(self, shown: BrowsePage) -> None:
        with self.hold_trait_notifications():
            self.page = shown.first // PAGE_SIZE
            self.shown = shown
        self._set_params()

    def _set_params(self) -> None:
        params = {"order": self.order} if self.order != "random" else {"seed": str(self.seed)}
        if self.page:
            params["page"] = str(self.page + 1)
        self.params = params
