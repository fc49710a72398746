"""The duplicates tab: four figures, and one row for each cluster."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import ipywidgets
from traitlets import link

from imgurer_kernel.common.text import count, human_bytes
from imgurer_kernel.report.clusters import to_csv
from imgurer_kernel.ui.models.captions import Fact, cluster_evidence, cluster_rows
from imgurer_kernel.ui.models.cluster_summary import ORDERS, ClusterView
from imgurer_kernel.ui.models.duplicates import PAGE, DuplicatesModel
from imgurer_kernel.ui.panels.base import (
    Panel,
    Words,
    box,
    button,
    caption,
    classed,
    dropdown,
    row,
    share_wait,
    show,
    toggle,
)
from imgurer_kernel.ui.panels.details import DetailsPanel
from imgurer_kernel.ui.session import records
from imgurer_kernel.ui.theme.theme import figures
from imgurer_kernel.ui.widgets.controls import Working
from imgurer_kernel.ui.widgets.download import Download, Parcel
from imgurer_kernel.ui.widgets.gallery import ClusterList

if TYPE_CHECKING:
    from imgurer_kernel.ui.session import VisitorSession
    from imgurer_kernel.workbench.workbench import Workbench


class DuplicatesPanel(Panel):
    """Clusters of duplicates.

    Parameters
    ----------
    workbench
        The store, or a dashboard's session.
    user
        Who looks at it, where it is shown alone.
    model
        Another panel's model, to show the same clusters.
    on_search
        Called with the image_id of a picture that is to be searched for.
    """

    def __init__(
        self,
        workbench: "Workbench | VisitorSession",
        user: str | None = None,
        model: DuplicatesModel | None = None,
        on_search: Callable[[int], None] | None = None,
    ) -> None:
        super().__init__(workbench, user)
        self.model = model or DuplicatesModel(self.session)
        self.how = ipywidgets.HTML()
        self.figures = classed(ipywidgets.HTML(), "imgurer-figures-line")
        self.order = dropdown(ORDERS, str(self.model.order), "Order")
        self.name = ipywidgets.Text(
            placeholder="Part of a file name", description="Name", continuous_update=False
        )
        self.mine = ipywidgets.Checkbox(description="Only with pictures of mine", indent=False)
        self.save = Download(self.model.session.job(), self._csv, label="CSV")
        self.refresh = button("Look again")
        self.stale = Words()
        self.working = Working(self.model.job, self.model.pages)
        self.list = ClusterList(
            label="Clusters of duplicates",
            tile_size=136,
            empty_text="Duplicates were not looked for yet.",
        )
        self.previous, self.next = button("Back"), button("Next", style="primary")
        self.pager = row(
            classed(self.working, "imgurer-grow"),
            self.save,
            self.refresh,
            self.previous,
            self.next,
            classes="imgurer-toolbar imgurer-sticky",
        )
        self.details = DetailsPanel(self.session, on_search, self._evidence)
        self.bar = row(self.order, self.name, self.mine)
        main = box(
            self.figures,
            self.how,
            self.bar,
            self.stale,
            self.pager,
            self.list,
            classes="imgurer-main",
        )
        self.columns = box(main, self.details, classes="imgurer-columns imgurer-columns-end")
        self.arrange(self.columns)

        link((self.model, "order"), (self.order, "value"))
        link((self.model, "name"), (self.name, "value"))
        link((self.model, "mine"), (self.mine, "value"))
        self.refresh.on_click(lambda _: self.model.load())
        self.previous.on_click(lambda _: self.model.turn(self.model.page - 1))
        self.next.on_click(lambda _: self.model.turn(self.model.page + 1))
        if on_search is not None:
            self.list.on_open(on_search)
        self.details.follow(self.list)
        self.model.observe(self._show_figures, "clusters")
        self.model.observe(self._show, "shown")
        self.model.observe(self._show_stale, "stale")
        share_wait(self.list, self.model.job, self.model.pages)
        self._show_figures(None)
        self._show(None)
        self._show_stale(None)
        if self.alone:
            self.model.load()

    def _show_stale(self, _: object) -> None:
        stale = self.model.stale and self.model.clusters is not None
        self.stale.tell(
            "The store has changed since. Look again to see how it is now." if stale else ""
        )

    def _show_figures(self, _: object) -> None:
        clusters = self.model.clusters
        if clusters is None:
            self.figures.value = figures([("\N{EN DASH}", words) for words in _FIGURES])
            return
        self.how.value = caption(how(clusters))
        found = clusters.figures
        values = (
            f"{found.clusters:,}",
            f"{found.copies:,}",
            human_bytes(found.bytes),
            f"{found.largest:,}",
        )
        self.figures.value = figures(list(zip(values, _FIGURES, strict=True)))

    def _show(self, _: object) -> None:
        page, clusters = self.model.shown, self.model.clusters
        some = clusters is None or len(clusters.summary) > 0
        show(self.figures, clusters is None or clusters.images > 0)
        show(self.bar, some)
        show(self.save, visible=some and clusters is not None)
        show(self.refresh, clusters is None or clusters.images > 0)
        show(self.details, some)
        toggle(self.columns, "imgurer-one-column", not some)
        for turn in (self.previous, self.next):
            show(turn, page is not None and page.total > PAGE)
        if page is None or clusters is None:
            return
        self.list.empty_text = nothing_here(clusters)
        self.list.show(cluster_rows(page.members, page.thumbnails, page.sizes))
        last = page.first + len(page.sizes)
        self.previous.disabled, self.next.disabled = page.first == 0, last >= page.total
        all_of = (
            "" if page.total == len(clusters.summary) else f", of {len(clusters.summary):,} in all"
        )
        self.working.rest = (
            f"{page.first + 1:,} to {last:,} of {count(page.total, 'cluster')}{all_of}"
            if page.total
            else ""
        )
        self.save.label = (
            f"CSV of {'this cluster' if page.total == 1 else f'these {page.total:,} clusters'}"
        )
        self.save.disabled = page.total == 0

    def _evidence(self, image_id: int) -> list[Fact]:
        clusters = self.model.clusters
        if clusters is None:
            return []
        members = clusters.members
        rows = records(members[members["image_id"] == image_id])
        return cluster_evidence(rows[0]) if rows else []

    def _csv(self) -> Parcel:
        name = f"duplicates {datetime.now(UTC):%Y-%m-%d}.csv"
        # The mark in front tells a spreadsheet that the letters are UTF-8.
        return Parcel.of(name, "text/csv", to_csv(self.model.table()).encode("utf-8-sig"))


_FIGURES = ("clusters", "extra copies", "could be freed", "pictures in the largest")


def how(clusters: ClusterView) -> str:
    """How the clusters were found, for those who want to know."""
    if not clusters.images:
        return ""
    parts = [f"{count(clusters.images, 'picture')} looked at"]
    if clusters.flat:
        parts.append(f"{clusters.flat:,} of them flat, matched by equal pixels only")
    if clusters.plan:
        parts.append(clusters.plan)
    return " · ".join(parts)


def nothing_here(clusters: ClusterView) -> str:
    """Why no cluster is shown."""
    if clusters.images == 0:
        return (
            "There are no pictures here yet. Add some in Upload; duplicates among them show here."
        )
    if clusters.summary.empty:
        return f"No duplicates: no two of {count(clusters.images, 'picture')} are the same."
    return "No cluster passes the filters. Take one away to see more."
