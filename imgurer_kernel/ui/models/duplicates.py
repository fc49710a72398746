"""Clusters of duplicates: order, filters, pages, and what goes into the CSV file."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from traitlets import Bool, Dict, Enum, HasTraits, Instance, Int, Unicode

from imgurer_kernel.ui.jobs import Task
from imgurer_kernel.ui.models.cluster_summary import (
    ORDERS,
    ClusterView,
    filter_and_sort,
    summarize_clusters,
)
from imgurer_kernel.ui.routing.address import whole_number
from imgurer_kernel.ui.session import VisitorSession

PAGE_SIZE = 25
"""Clusters on a page."""
MAX_TILES = 12
"""Members of a cluster that are drawn; the rest is counted."""
_MAX_PAGE = 1_000_000


@dataclass(frozen=True, slots=True, eq=False)
class ClusterPage:
    """Some of the clusters, in the order asked for.

    Attributes
    ----------
    members
        Members of these clusters, at most `MAX_TILES` of each, with the columns of their summary.
    thumbnails
        By image_id.
    sizes
        By cluster_id, in order.
    first, total
        How many clusters stand before these, and how many pass the filters.
    """

    members: pd.DataFrame
    thumbnails: Mapping[int, bytes]
    sizes: Mapping[int, int]
    first: int
    total: int


class DuplicatesModel(HasTraits):
    """What the duplicates panel shows and does.

    Traits
    ------
    radius
        Bits within which pictures are compared; -1 for what is usual and affordable.
    order
        A key of `ORDERS`.
    name
        Only clusters with this in a file name or path; upper and lower case are the same.
    own_only
        Only clusters with a file of the visitor.
    page
        Which page, from 0.
    clusters, shown
        `ClusterView` and `ClusterPage`; None before anything was read.
    stale
        The store has changed since the clusters were searched.
    renewing
        What is shown was found earlier, and is being looked at again.
    params
        What of this stands in the address.
    """

    radius = Int(-1)
    order = Enum(tuple(ORDERS), "size")
    name = Unicode()
    own_only = Bool(False)
    page = Int()
    clusters = Instance(ClusterView, allow_none=True)
    shown = Instance(ClusterPage, allow_none=True)
    stale = Bool(False)
    renewing = Bool(False)
    params = Dict()

    def __init__(self, session: VisitorSession) -> None:
        super().__init__()
        self.session = session
        self.job = session.job()
        self.page_job = session.job()  # its own: turning a page must not cancel a search
        self._applying_params = False
        self.observe(self._filters_changed, ["order", "name", "own_only"])
        self.observe(self._load_new_radius, "radius")
        self.job.observe(self._end_renewing, "busy")
        session.observe(self._mark_stale, "version")

    def load(self) -> None:
        """Search the store, as it is now, for clusters; show those found last until then."""
        radius = self.radius
        self.job.start(
            "Looking for duplicates", lambda task: self._find(task, radius), self._set_clusters
        )

    def show_page(self, page: int) -> None:
        """Show another page."""
        self.page = max(page, 0)
        self._load_page()

    def open(self, params: Mapping[str, str]) -> None:
        """Show what stands in an address; search again only if that is needed."""
        radius = whole_number(params.get("radius"), -1, 0, 128)
        self._applying_params = True
        try:
            changed = radius != self.radius
            self.radius = radius
            self.order = params["sort"] if params.get("sort") in ORDERS else "size"
            self.name = params.get("name", "")
            self.own_only = params.get("mine") == "yes"
            self.page = whole_number(params.get("page"), 1, 1, _MAX_PAGE) - 1
        finally:
            self._applying_params = False
        if changed or self.stale or (self.clusters is None and not self.job.busy):
            self.load()
        else:
            self._load_page()

    def selected(self) -> pd.DataFrame:
        """The clusters that pass the filters, in the order asked for; rows of the summary."""
        if self.clusters is None:
            return pd.DataFrame(columns=["cluster_id"])
        own = self.clusters.own if self.own_only else None
        return filter_and_sort(self.clusters.summary, str(self.order), self.name, own)

    def table(self) -> pd.DataFrame:
        """Members of the selected clusters in the order shown: what the CSV file holds."""
        if self.clusters is None:
            return pd.DataFrame()
        members = self.clusters.members
        rank = pd.Series(range(len(self.selected())), index=self.selected()["cluster_id"])
        members = members[members["cluster_id"].isin(rank.index)]
        position = members["cluster_id"].map(rank)
        # Stable: within a cluster the medoid stays first.
        order = np.argsort(position.to_numpy(), kind="stable")
        return members.iloc[order].drop(columns=["taken_at"]).reset_index(drop=True)

    def _find(self, task: Task, radius: int) -> ClusterView:
        workbench, asked = self.session.workbench, None if radius < 0 else radius
        last = workbench.last_clusters(asked)
        if last is not None:
            view = self._view(last)
            # Nothing has changed since: a search would find the same.
            if last.attrs["current"]:
                return view
            # A search may take minutes, or wait for the one of another visitor.
            self.job.show(task, self._show_last, view)
        return self._view(workbench.clusters(asked, progress=task.report))

    def _view(self, members: pd.DataFrame) -> ClusterView:
        workbench = self.session.workbench
        images = workbench.images(members["image_id"].unique().tolist())
        extra = images[["image_id", "format", "taken_at"]]
        # Left: the order of the members is that of the clusters frame, the medoid first.
        joined = members.merge(extra, on="image_id", how="left")
        own = joined["user"] == self.session.account().name
        own_clusters = joined.loc[own, "cluster_id"]
        if not self.session.is_admin:
            # Who has a picture, and where, is for that person and for admins to know.
            hidden = {name: joined[name].where(own) for name in ("user", "path")}
            joined = joined.assign(**hidden)
        statistics = workbench.statistics()
        return ClusterView(
            members=joined,
            summary=summarize_clusters(joined),
            own=frozenset(own_clusters),
            images=statistics.images,
            plan=str(members.attrs.get("plan", "")),
            flat=int(members.attrs.get("uninformative", 0)),
        )

    def _show_last(self, clusters: ClusterView) -> None:
        self.renewing = True
        self.clusters = clusters
        self._load_page()

    def _end_renewing(self, _: object) -> None:
        if not self.job.busy:  # also by an error, or because other work took its place
            self.renewing = False

    def _set_clusters(self, clusters: ClusterView) -> None:
        self.stale = False
        self.clusters = clusters
        self._load_page()

    def _load_new_radius(self, _: object) -> None:
        if not self._applying_params:  # `open` loads once, after all of them are set
            self.load()

    def _mark_stale(self, _: object) -> None:
        self.stale = True

    def _filters_changed(self, _: object) -> None:
        if not self._applying_params:
            self.page = 0
            self._load_page()

    def _load_page(self) -> None:
        clusters = self.clusters
        if clusters is None:
            return
        selected = self.selected()
        # Filters, or a smaller store, may leave fewer pages.
        self.page = min(self.page, max(len(selected) - 1, 0) // PAGE_SIZE)
        first = self.page * PAGE_SIZE
        part = selected.iloc[first : first + PAGE_SIZE]
        self._set_params()
        self.page_job.start(
            "Reading pictures",
            lambda _: self._read_page(clusters.members, part, first, len(selected)),
            self._show,
        )

    def _read_page(
        self, members: pd.DataFrame, part: pd.DataFrame, first: int, total: int
    ) -> ClusterPage:
        on_page = members[members["cluster_id"].isin(part["cluster_id"])]
        # A cluster may have thousands of members, and each tile sends a thumbnail to the page.
        on_page = on_page[on_page.groupby("cluster_id").cumcount() < MAX_TILES]
        ordered = part.merge(on_page, on="cluster_id", how="left", sort=False)
        ids = ordered["image_id"].unique().tolist()
        return ClusterPage(
            members=ordered,
            thumbnails=dict(zip(ids, self.session.thumbnails(ids), strict=True)),
            sizes=dict(zip(part["cluster_id"], part["size"], strict=True)),
            first=first,
            total=total,
        )

    def _show(self, shown: ClusterPage) -> None:
        self.shown = shown

    def _set_params(self) -> None:
        params = {}
        if self.radius >= 0:
            params["radius"] = str(self.radius)
        if self.order != "size":
            params["sort"] = str(self.order)
        if self.name:
            params["name"] = self.name
        if self.own_only:
            params["mine"] = "yes"
        if self.page:
            params["page"] = str(self.page + 1)
        self.params = params
