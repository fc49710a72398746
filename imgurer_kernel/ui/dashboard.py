"""The dashboard: five tabs over one store, for one visitor."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import ipywidgets

from imgurer_kernel.common.records import Account
from imgurer_kernel.common.text import count, human_bytes
from imgurer_kernel.ui.models.browse import BrowseModel
from imgurer_kernel.ui.models.review import ReviewModel
from imgurer_kernel.ui.models.review_queue import QueueFilter, select
from imgurer_kernel.ui.models.search import SearchModel
from imgurer_kernel.ui.panels.base import Panel, PanelTheme, set_visible, vbox
from imgurer_kernel.ui.panels.browse import BrowsePanel
from imgurer_kernel.ui.panels.review import ReviewPanel
from imgurer_kernel.ui.panels.search import SearchPanel
from imgurer_kernel.ui.panels.upload import UploadPanel
from imgurer_kernel.ui.panels.users import UsersPanel
from imgurer_kernel.ui.routing.address import AddressBar, Route
from imgurer_kernel.ui.session import VisitorSession
from imgurer_kernel.ui.theme.theme import SCOPE
from imgurer_kernel.ui.widgets.header import Header
from imgurer_kernel.ui.widgets.progress_line import ProgressLine

if TYPE_CHECKING:
    from imgurer_kernel.store.catalog import Statistics
    from imgurer_kernel.workbench.workbench import Workbench

TABS = {
    "upload": "Upload",
    "search": "Search",
    "browse": "Browse",
    "review": "Review",
    "users": "Users",
}
# A change of these parameters is a new entry of the browser's history; a change of any other, such
# as the radius, replaces the current entry.
_STEP_PARAMS = ("image", "page", "seed", "order")


class Dashboard(ipywidgets.VBox):  # type: ignore[misc]  # ipywidgets has no types
    """All panels, the header above them, and the URL fragment that selects one.

    Parameters
    ----------
    workbench
        The store.
    user
        Name of the visitor; None for the single-user mode.
    logout
        URL of the log-out link; None for no such link.

    Notes
    -----
    Nothing is read before the page is open in a browser: a dashboard that waits for its visitor
    holds no lease, and then shows current numbers. Panels are built when they are first shown.
    """

    def __init__(
        self, workbench: "Workbench", user: str | None = None, logout: str | None = None
    ) -> None:
        super().__init__()
        self.session = VisitorSession(workbench, user)
        self.browse = BrowseModel(self.session)
        self.search = SearchModel(self.session)
        self.review = ReviewModel(self.session)
        self.current = ""
        self.panels: dict[str, Panel] = {}
        self._start_job = self.session.job()
        self._statistics: Statistics | None = None
        self.address = AddressBar(self.navigate)
        self.header = Header(self.follow_link, logout=logout or "")
        self.content = vbox(classes="imgurer-content")
        progress = ProgressLine(self._start_job)
        self.children = (PanelTheme(), self.address, self.header, progress, self.content)
        for name in (SCOPE, f"{SCOPE}-page", f"{SCOPE}-dashboard"):
            self.add_class(name)

        for tab, model in self._models.items():
            model.observe(self._params_observer(tab), "params")
        self.session.observe(lambda _: self._load_header(), "version")
        self.session.observe(lambda _: self._show_counts(), "ingesting")
        self.review.observe(lambda _: self._show_counts(), ["queue", "done"])
        self._show_tabs()

    @property
    def _models(self) -> dict[str, SearchModel | BrowseModel | ReviewModel]:
        return {"search": self.search, "browse": self.browse, "review": self.review}

    # Navigation -------------------------------------------------------------------------------

    def navigate(self, route: Route) -> None:
        """Show the route of the URL: the page was opened or reloaded, or Back was pressed."""
        if route.tab in TABS:
            if self._statistics is None:
                self._load_header()
            self._open(route)
        elif not self.current:
            self._start_job.start("Opening the store", self._first_tab, self._open_first_tab)
            self.review.load()  # on any tab: the header counts the clusters

    def follow_link(self, hash_: str) -> None:
        """Follow a link of the header."""
        route = Route.parse(hash_)
        if route.tab in TABS:
            self._open(route)
            self._update_address(route.tab)

    def search_for(self, image_id: int) -> None:
        """Search for an image of the store, chosen in any panel."""
        self._show(tab="search")
        self.search.search_for(image_id)

    def _first_tab(self, _: object) -> tuple["Statistics", Account, str]:
        """Choose the first tab: Upload for an empty store, Browse otherwise."""
        statistics = self.session.workbench.statistics()
        return statistics, self.session.account(), "browse" if statistics.images else "upload"

    def _open_first_tab(self, start: tuple["Statistics", Account, str]) -> None:
        statistics, account, tab = start
        self._show_visitor((statistics, account))
        self._open(Route(tab))

    def _open(self, route: Route) -> None:
        self._show(route.tab)
        if route.tab in self._models:
            self._models[route.tab].open(route.params)
        elif isinstance(panel := self.panels[route.tab], UsersPanel):
            panel.model.load()

    def _show(self, tab: str) -> None:
        self.current = tab
        # Hidden, not removed, so that a tab keeps its selection and filters.
        for name, panel in self.panels.items():
            if name != tab:
                set_visible(panel, visible=False)
        if tab not in self.panels:
            self.panels[tab] = self._build(tab)
            self.content.children = (*self.content.children, self.panels[tab])
        set_visible(self.panels[tab], visible=True)
        self._show_tabs()

    def _build(self, tab: str) -> Panel:
        builders: dict[str, Callable[[], Panel]] = {
            "upload": lambda: UploadPanel(self.session, on_open=self.search_for),
            "search": lambda: SearchPanel(
                self.session,
                model=self.search,
                on_upload=lambda: self.follow_link("#upload"),
                on_browse=lambda: self.follow_link(self._route_of("browse").hash),
            ),
            "browse": lambda: BrowsePanel(
                self.session,
                model=self.browse,
                on_search=self.search_for,
                on_upload=lambda: self.follow_link("#upload"),
            ),
            "review": lambda: ReviewPanel(
                self.session, model=self.review, on_upload=lambda: self.follow_link("#upload")
            ),
            "users": lambda: UsersPanel(self.session),
        }
        return builders[tab]()

    # The address -----------------------------------------------------------------------------

    def _route_of(self, tab: str) -> Route:
        model = self._models.get(tab)
        return Route(tab, dict(model.params) if model is not None else {})

    def _params_observer(self, tab: str) -> Callable[[object], None]:
        def update(_: object) -> None:
            self._update_address(tab)

        return update

    def _update_address(self, tab: str) -> None:
        self._show_tabs()
        if tab != self.current:
            return
        route, before = self._route_of(tab), self.address.current
        steps = [route.params.get(name) for name in _STEP_PARAMS]
        same = tab == before.tab and steps == [before.params.get(name) for name in _STEP_PARAMS]
        # A tab that was just opened sets its own parameters: that is not another entry.
        just_opened = tab == before.tab and not before.params
        self.address.go(route, replace=same or just_opened or not before.tab)

    def _show_tabs(self) -> None:
        self.header.tabs = [
            {"id": tab, "label": label, "hash": self._route_of(tab).hash}
            for tab, label in TABS.items()
        ]
        self.header.current = self.current

    # The header -------------------------------------------------------------------------------

    def _load_header(self) -> None:
        self._statistics = None  # show no outdated number
        self._start_job.start("Opening the store", self._read_header, self._show_visitor)
        # During a review the queue stays as it is until the user sorts again.
        queue = self.review.queue
        if self.current != "review" or queue is None or queue.clusters.empty:
            self.review.load()

    def _read_header(self, _: object) -> tuple["Statistics", Account]:
        return self.session.workbench.statistics(), self.session.account()

    def _show_visitor(self, read: tuple["Statistics", Account]) -> None:
        self._statistics, account = read
        single_user = self.session.user is None
        self.header.user = "local user" if single_user else f"{account.name}, {account.role}"
        self._show_counts()

    def _show_counts(self) -> None:
        if self._statistics is None:
            return
        links = [(count(self._statistics.images, "picture"), "#browse")]
        queue = self.review.queue
        if self.session.ingesting:
            links = [("ingesting pictures", "#upload")]  # the number is not known yet
        elif queue is not None and not (self.review.stale and self.review.job.busy):
            left = queue.clusters.loc[select(queue.clusters, QueueFilter(), "bytes")]
            left = left[~left.index.isin(list(self.review.done))]
            links.append((f"{count(len(left), 'cluster')} to decide", "#review"))
            frees = int(left["frees"].sum())
            if frees:
                links.append((f"{human_bytes(frees)} could be freed", "#review"))
        else:
            links.append(("looking for duplicates", "#review"))
        self.header.counts = [{"text": text, "hash": hash_} for text, hash_ in links]
