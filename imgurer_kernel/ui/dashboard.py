"""The dashboard: five tabs over one store, for one visitor."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import ipywidgets

from imgurer_kernel.common.records import Account
from imgurer_kernel.common.text import count, human_bytes
from imgurer_kernel.ui.models.browse import BrowseModel
from imgurer_kernel.ui.models.duplicates import DuplicatesModel
from imgurer_kernel.ui.models.search import SearchModel
from imgurer_kernel.ui.panels.base import Panel, PanelTheme, box, show
from imgurer_kernel.ui.panels.browse import BrowsePanel
from imgurer_kernel.ui.panels.duplicates import DuplicatesPanel
from imgurer_kernel.ui.panels.search import SearchPanel
from imgurer_kernel.ui.panels.upload import UploadPanel
from imgurer_kernel.ui.panels.users import UsersPanel
from imgurer_kernel.ui.routing.address import Address, Place
from imgurer_kernel.ui.session import VisitorSession
from imgurer_kernel.ui.theme.theme import SCOPE
from imgurer_kernel.ui.widgets.controls import Working
from imgurer_kernel.ui.widgets.header import Frame

if TYPE_CHECKING:
    from imgurer_kernel.store.catalog import Statistics
    from imgurer_kernel.workbench.workbench import Workbench

TABS = {
    "upload": "Upload",
    "search": "Search",
    "browse": "Browse",
    "duplicates": "Duplicates",
    "users": "Users",
}
# A change of these leads somewhere else, so that Back comes back; any other only refines.
_STEPS = ("image", "page", "seed", "order")


class Dashboard(ipywidgets.VBox):  # type: ignore[misc]  # ipywidgets has no types
    """All panels, the figures above them, and the address that remembers where one is.

    Parameters
    ----------
    workbench
        The store.
    user
        Name of who looks at it; None for the single-user mode.
    logout
        Where a log-out link leads; None for no such link.

    Notes
    -----
    Nothing is read before the page is open in a browser: a dashboard that waits for its visitor
    holds no lease, and shows fresh figures when the visitor comes. Panels are built when they
    are first shown.
    """

    def __init__(
        self, workbench: "Workbench", user: str | None = None, logout: str | None = None
    ) -> None:
        super().__init__()
        self.session = VisitorSession(workbench, user)
        self.browse = BrowseModel(self.session)
        self.search = SearchModel(self.session)
        self.duplicates = DuplicatesModel(self.session)
        self.current = ""
        self.panels: dict[str, Panel] = {}
        self._greeting = self.session.job()
        self._statistics: Statistics | None = None
        self.address = Address(self.arrive)
        self.frame = Frame(self.go, logout=logout or "")
        self.room = box(classes="imgurer-room")
        working = Working(self._greeting)
        self.children = (PanelTheme(), self.address, self.frame, working, self.room)
        for name in (SCOPE, f"{SCOPE}-page", f"{SCOPE}-dashboard"):
            self.add_class(name)

        for tab, model in self._models.items():
            model.observe(self._on_place(tab), "place")
        self.session.observe(lambda _: self._greet(), "version")
        self.duplicates.observe(lambda _: self._show_counts(), "clusters")
        self._show_tabs()

    @property
    def _models(self) -> dict[str, SearchModel | BrowseModel | DuplicatesModel]:
        return {"search": self.search, "browse": self.browse, "duplicates": self.duplicates}

    # Ways through the dashboard --------------------------------------------------------------

    def arrive(self, place: Place) -> None:
        """Show what the address says: a page was opened, reloaded, or walked back to."""
        if place.tab in TABS:
            if self._statistics is None:
                self._greet()
            self._open(place)
        elif not self.current:
            self._greeting.start("Opening the store", self._first_tab, self._begin)
            self.duplicates.load()

    def go(self, hash_: str) -> None:
        """Follow a link of the frame."""
        place = Place.parse(hash_)
        if place.tab in TABS:
            self._open(place)
            self._note_place(place.tab)

    def search_for(self, image_id: int) -> None:
        """Search for an image of the store, whichever panel it was chosen in."""
        self._show(tab="search")
        self.search.search_for(image_id)

    def _first_tab(self, _: object) -> tuple["Statistics", Account, str]:
        """The empty store opens with Upload, any other with its pictures."""
        statistics = self.session.workbench.statistics()
        return statistics, self.session.account(), "browse" if statistics.images else "upload"

    def _begin(self, found: tuple["Statistics", Account, str]) -> None:
        statistics, account, tab = found
        self._welcome((statistics, account))
        self._open(Place(tab))

    def _open(self, place: Place) -> None:
        self._show(place.tab)
        if place.tab in self._models:
            self._models[place.tab].go(place.details)
        elif isinstance(panel := self.panels[place.tab], UsersPanel):
            panel.model.load()

    def _show(self, tab: str) -> None:
        self.current = tab
        for name, panel in self.panels.items():
            if name != tab:
                show(panel, visible=False)
        if tab not in self.panels:
            self.panels[tab] = self._build(tab)
            self.room.children = (*self.room.children, self.panels[tab])
        show(self.panels[tab], visible=True)
        self._show_tabs()

    def _build(self, tab: str) -> Panel:
        makers: dict[str, Callable[[], Panel]] = {
            "upload": lambda: UploadPanel(self.session, on_open=self.search_for),
            "search": lambda: SearchPanel(
                self.session,
                model=self.search,
                on_upload=lambda: self.go("#upload"),
                on_browse=lambda: self.go(self._place_of("browse").hash),
            ),
            "browse": lambda: BrowsePanel(
                self.session,
                model=self.browse,
                on_search=self.search_for,
                on_upload=lambda: self.go("#upload"),
            ),
            "duplicates": lambda: DuplicatesPanel(
                self.session, model=self.duplicates, on_search=self.search_for
            ),
            "users": lambda: UsersPanel(self.session),
        }
        return makers[tab]()

    # The address -----------------------------------------------------------------------------

    def _place_of(self, tab: str) -> Place:
        model = self._models.get(tab)
        return Place(tab, dict(model.place) if model is not None else {})

    def _on_place(self, tab: str) -> Callable[[object], None]:
        def note(_: object) -> None:
            self._note_place(tab)

        return note

    def _note_place(self, tab: str) -> None:
        self._show_tabs()
        if tab != self.current:
            return
        place, before = self._place_of(tab), self.address.current
        steps = [place.details.get(name) for name in _STEPS]
        same = tab == before.tab and steps == [before.details.get(name) for name in _STEPS]
        fresh = tab == before.tab and not before.details
        self.address.go(place, replace=same or fresh or not before.tab)

    def _show_tabs(self) -> None:
        shown = [{"id": t, "label": TABS[t], "hash": self._place_of(t).hash} for t in TABS]
        if self.frame.tabs != shown:
            self.frame.tabs = shown
        self.frame.current = self.current

    # What stands in the frame ----------------------------------------------------------------

    def _greet(self) -> None:
        self._greeting.start("Opening the store", self._look, self._welcome)
        self.duplicates.load()

    def _look(self, _: object) -> tuple["Statistics", Account]:
        return self.session.workbench.statistics(), self.session.account()

    def _welcome(self, found: tuple["Statistics", Account]) -> None:
        self._statistics, account = found
        alone = self.session.user is None
        self.frame.user = "local user" if alone else f"{account.name}, {account.role}"
        self._show_counts()

    def _show_counts(self) -> None:
        if self._statistics is None:
            return
        links = [(count(self._statistics.images, "picture"), "#browse")]
        clusters = self.duplicates.clusters
        if clusters is not None:
            found = clusters.figures
            links.append((count(found.clusters, "cluster"), "#duplicates"))
            if found.bytes:
                freed = f"{human_bytes(found.bytes)} could be freed"
                links.append((freed, "#duplicates?sort=bytes"))
        self.frame.counts = [{"text": text, "hash": hash_} for text, hash_ in links]
