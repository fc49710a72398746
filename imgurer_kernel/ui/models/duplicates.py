"""Clusters of duplicates: figures, order, filters, pages, and what goes into the CSV file."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from traitlets import Bool, Dict, Enum, HasTraits, Instance, Int, Unicode

from imgurer_kernel.ui.jobs import Task
from imgurer_kernel.ui.models.cluster_summary import ORDERS, ClusterView, arranged, summarised
from imgurer_kernel.ui.routing.address import whole_number
from imgurer_kernel.ui.session import VisitorSession

PAGE = 25
"""Clusters on a page."""
STRIP = 12
"""Members of a cluster that are drawn; the rest is counted."""
_FURTHEST = 1_000_000


@dataclass(frozen=True, slots=True, eq=False)
class ClusterPage:
    """Some of the clusters, in the order asked for.

    Attributes
    ----------
    members
        Members of these clusters, at most `STRIP` of each, with the columns of their summary.
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
        Only clusters with this in a file name; upper and lower case are the same.
    mine
        Only clusters with a picture that the visitor holds.
    page
        Which page, from 0.
    clusters, shown
        `ClusterView` and `ClusterPage`; None before anything was read.
    stale
        The store has changed since the clusters were looked for.
    place
        What of this stands in the address.
    """

    radius = Int(-1)
    order = Enum(tuple(ORDERS), "size")
    name = Unicode()
    mine = Bool(False)
    page = Int()
    clusters = Instance(ClusterView, allow_none=True)
    shown = Instance(ClusterPage, allow_none=True)
    stale = Bool(False)
    place = Dict()

    def __init__(self, session: VisitorSession) -> None:
        super().__init__()
        self.session = session
        self.job = session.job()
        self.pages = session.job()
        self._going = False
        self.observe(self._begin_anew, ["order", "name", "mine"])
        self.observe(self._widen, "radius")
        session.observe(self._outdate, "version")

    def load(self) -> None:
        """Look for clusters in the store as it is now."""
        radius = self.radius
        self.job.start("Looking for duplicates", lambda task: self._find(task, radius), self._take)

    def freshen(self) -> None:
        """Look again if the store has changed meanwhile, or nothing was looked for yet."""
        if (self.clusters is None and not self.job.busy) or self.stale:
            self.load()

    def turn(self, page: int) -> None:
        """Show another page."""
        self.page = max(page, 0)
        self._present()

    def go(self, place: Mapping[str, str]) -> None:
        """Show what stands in an address."""
        radius = whole_number(place.get("radius"), -1, 0, 128)
        self._going = True
        try:
            changed = radius != self.radius
            self.radius = radius
            self.order = place["sort"] if place.get("sort") in ORDERS else "size"
            self.name = place.get("name", "")
            self.mine = place.get("mine") == "yes"
            self.page = whole_number(place.get("page"), 1, 1, _FURTHEST) - 1
        finally:
            self._going = False
        if changed or self.stale or (self.clusters is None and not self.job.busy):
            self.load()
        else:
            self._present()

    def chosen(self) -> pd.DataFrame:
        """The clusters that pass the filters, in the order asked for; rows of the summary."""
        if self.clusters is None:
            return pd.DataFrame(columns=["cluster_id"])
        own = self.clusters.own if self.mine else None
        return arranged(self.clusters.summary, str(self.order), self.name, own)

    def table(self) -> pd.DataFrame:
        """Members of the chosen clusters in the order shown: what the CSV file holds."""
        if self.clusters is None:
            return pd.DataFrame()
        members = self.clusters.members
        rank = pd.Series(range(len(self.chosen())), index=self.chosen()["cluster_id"])
        members = members[members["cluster_id"].isin(rank.index)]
        position = members["cluster_id"].map(rank)
        order = np.argsort(position.to_numpy(), kind="stable")
        return members.iloc[order].drop(columns=["taken_at"]).reset_index(drop=True)

    def _find(self, task: Task, radius: int) -> ClusterView:
        workbench = self.session.workbench
        asked = None if radius < 0 else radius
        members = workbench.clusters(asked, progress=task.report)
        known = workbench.images(members["image_id"].tolist())
        joined = members.merge(known[["image_id", "format", "taken_at"]], on="image_id", how="left")
        own = workbench.holdings(user=self.session.account().name)["image_id"]
        held = members.loc[members["image_id"].isin(own), "cluster_id"]
        statistics = workbench.statistics()
        return ClusterView(
            members=joined,
            summary=summarised(joined),
            own=frozenset(held),
            images=statistics.images,
            plan=str(members.attrs.get("plan", "")),
            flat=int(members.attrs.get("uninformative", 0)),
        )

    def _take(self, clusters: ClusterView) -> None:
        self.stale = False
        self.clusters = clusters
        self._present()

    def _widen(self, _: object) -> None:
        if not self._going:
            self.load()

    def _outdate(self, _: object) -> None:
        self.stale = True

    def _begin_anew(self, _: object) -> None:
        if not self._going:
            self.page = 0
            self._present()

    def _present(self) -> None:
        clusters = self.clusters
        if clusters is None:
            return
        chosen = self.chosen()
        self.page = min(self.page, max(len(chosen) - 1, 0) // PAGE)
        first = self.page * PAGE
        part = chosen.iloc[first : first + PAGE]
        self._note_place()
        self.pages.start(
            "Reading pictures",
            lambda _: self._draw(clusters.members, part, first, len(chosen)),
            self._show,
        )

    def _draw(
        self, members: pd.DataFrame, part: pd.DataFrame, first: int, total: int
    ) -> ClusterPage:
        near = members[members["cluster_id"].isin(part["cluster_id"])]
        near = near[near.groupby("cluster_id").cumcount() < STRIP]
        ordered = part.merge(near, on="cluster_id", how="left", sort=False)
        ids = ordered["image_id"].tolist()
        return ClusterPage(
            members=ordered,
            thumbnails=dict(zip(ids, self.session.thumbnails(ids), strict=True)),
            sizes=dict(zip(part["cluster_id"], part["size"], strict=True)),
            first=first,
            total=total,
        )

    def _show(self, shown: ClusterPage) -> None:
        self.shown = shown

    def _note_place(self) -> None:
        place = {}
        if self.radius >= 0:
            place["radius"] = str(self.radius)
        if self.order != "size":
            place["sort"] = str(self.order)
        if self.name:
            place["name"] = self.name
        if self.mine:
            place["mine"] = "yes"
        if self.page:
            place["page"] = str(self.page + 1)
        self.place = place
