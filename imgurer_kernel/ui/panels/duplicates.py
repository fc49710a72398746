"""The duplicates tab: four totals, and one row for each cluster."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import ipywidgets
from traitlets import link

from imgurer_kernel.common.text import count, human_bytes
from imgurer_kernel.report.clusters import to_csv
from imgurer_kernel.ui.models.captions import Fact, cluster_rows, member_facts
from imgurer_kernel.ui.models.cluster_summary import ORDERS, ClusterTotals, ClusterView
from imgurer_kernel.ui.models.duplicates import PAGE_SIZE, DuplicatesModel
from imgurer_kernel.ui.panels.base import (
    Message,
    button,
    caption,
    dropdown,
    hbox,
    set_class,
    set_visible,
    vbox,
    with_classes,
)
from imgurer_kernel.ui.panels.board import BoardPanel
from imgurer_kernel.ui.session import row_dicts
from imgurer_kernel.ui.theme.theme import figures
from imgurer_kernel.ui.widgets.chunks import DownloadFile
from imgurer_kernel.ui.widgets.cluster_list import ClusterList
from imgurer_kernel.ui.widgets.download import Download
from imgurer_kernel.ui.widgets.progress_line import ProgressLine

if TYPE_CHECKING:
    from imgurer_kernel.ui.session import VisitorSession
    from imgurer_kernel.workbench.workbench import Workbench


class DuplicatesPanel(BoardPanel[DuplicatesModel]):
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
        super().__init__(workbench, user, model, DuplicatesModel)
        self.method = ipywidgets.HTML()
        self.totals = with_classes(ipywidgets.HTML(), "imgurer-figures-line")
        self.order = dropdown(ORDERS, str(self.model.order), "Order")
        self.name = ipywidgets.Text(
            placeholder="Part of a name or folder", description="Name", continuous_update=False
        )
        self.own_only = ipywidgets.Checkbox(description="Only with pictures of mine", indent=False)
        self.save = Download(self.model.session.job(), self._csv, label="CSV")
        self.search_again = button("Look again")
        self.stale = Message()
        self.progress = ProgressLine(self.model.job, self.model.page_job)
        self.list = ClusterList(
            label="Clusters of duplicates",
            tile_size=136,
            empty_text="Duplicates were not looked for yet.",
        )
        self.previous, self.next = button("Back"), button("Next", style="primary")
        self.pager = hbox(
            with_classes(self.progress, "imgurer-grow"),
            self.save,
            self.search_again,
            self.previous,
            self.next,
            classes="imgurer-toolbar imgurer-sticky",
        )
        self.details = self.details_of(
            self.list,
            self.model.job,
            self.model.page_job,
            on_open=on_search,
            extra_facts=self._extra_facts,
            compare_with=self._compare_with,
        )
        self.bar = hbox(self.order, self.name, self.own_only)
        main = vbox(
            self.totals,
            self.method,
            self.bar,
            self.stale,
            self.pager,
            self.list,
            classes="imgurer-main",
        )
        self.columns = vbox(main, self.details, classes="imgurer-columns imgurer-columns-end")
        self.set_parts(self.columns)

        link((self.model, "order"), (self.order, "value"))
        link((self.model, "name"), (self.name, "value"))
        link((self.model, "own_only"), (self.own_only, "value"))
        self.search_again.on_click(lambda _: self.model.load())
        self.previous.on_click(lambda _: self.model.show_page(self.model.page - 1))
        self.next.on_click(lambda _: self.model.show_page(self.model.page + 1))
        self.model.observe(self._show_totals, "clusters")
        self.model.observe(self._show, "shown")
        self.model.observe(self._show_stale, ["stale", "renewing"])
        self._show_totals(None)
        self._show(None)
        self._show_stale(None)
        if self.standalone:
            self.model.load()

    def _show_stale(self, _: object) -> None:
        text = ""
        if self.model.renewing:
            text = "This is what was found last. It is being renewed: the store has changed since."
        elif self.model.stale and self.model.clusters is not None:
            # Not searched again by itself: rows would move while somebody works on them.
            text = "The store has changed since. Look again to see how it is now."
        self.stale.show(text)

    def _show_totals(self, _: object) -> None:
        clusters = self.model.clusters
        if clusters is None:
            labels = ("clusters", "extra copies", "could be freed", "files in the largest")
            self.totals.value = figures([("\N{EN DASH}", label) for label in labels])
            return
        self.method.value = caption(method_text(clusters))
        self.totals.value = figures(total_figures(clusters.totals))

    def _show(self, _: object) -> None:
        page, clusters = self.model.shown, self.model.clusters
        any_clusters = clusters is None or len(clusters.summary) > 0
        set_visible(self.totals, clusters is None or clusters.images > 0)
        set_visible(self.bar, any_clusters)
        set_visible(self.save, visible=any_clusters and clusters is not None)
        set_visible(self.search_again, clusters is None or clusters.images > 0)
        set_visible(self.details, any_clusters)
        set_class(self.columns, "imgurer-one-column", not any_clusters)
        for button_ in (self.previous, self.next):
            set_visible(button_, page is not None and page.total > PAGE_SIZE)
        if page is None or clusters is None:
            return
        self.list.empty_text = empty_text(clusters)
        self.list.show(cluster_rows(page.members, page.thumbnails, page.sizes))
        last = page.first + len(page.sizes)
        self.previous.disabled, self.next.disabled = page.first == 0, last >= page.total
        clusters_in_all = len(clusters.summary)
        in_all = "" if page.total == clusters_in_all else f", of {clusters_in_all:,} in all"
        self.progress.idle_text = (
            f"{page.first + 1:,} to {last:,} of {count(page.total, 'cluster')}{in_all}"
            if page.total
            else ""
        )
        self.save.label = (
            f"CSV of {'this cluster' if page.total == 1 else f'these {page.total:,} clusters'}"
        )
        self.save.disabled = page.total == 0

    def _extra_facts(self, image_id: int) -> list[Fact]:
        clusters = self.model.clusters
        if clusters is None:
            return []
        members = clusters.members
        rows = row_dicts(members[members["image_id"] == image_id])
        return member_facts(rows[0]) if rows else []

    def _compare_with(self, image_id: int) -> int:
        """The keeper of a picture's cluster; of the keeper itself, the next one; -1 for none."""
        clusters = self.model.clusters
        if clusters is None:
            return -1
        members = clusters.members
        of = members.loc[members["image_id"] == image_id, "cluster_id"]
        rows = members[members["cluster_id"].isin(of.head(1))]
        others = rows[rows["image_id"] != image_id].sort_values("is_keeper", ascending=False)
        return int(others["image_id"].iloc[0]) if len(others) else -1

    def _csv(self) -> DownloadFile:
        name = f"duplicates {datetime.now(UTC):%Y-%m-%d}.csv"
        # The byte order mark makes spreadsheets read the file as UTF-8.
        return DownloadFile.from_bytes(
            name, "text/csv", to_csv(self.model.table()).encode("utf-8-sig")
        )


def total_figures(totals: ClusterTotals) -> list[tuple[str, str]]:
    """Make the figures above the list: numbers and their words.

    Examples
    --------
    >>> total_figures(ClusterTotals(clusters=1, copies=2, on_disk=9000, in_store=0, largest=3))
    [('1', 'clusters'), ('2', 'extra copies'), ('9.0 kB', 'could be freed on disk'),
    ('3', 'files in the largest')]
    """
    places = ((totals.on_disk, "on disk"), (totals.in_store, "in the store"))
    freed = [(human_bytes(size), f"could be freed {place}") for size, place in places if size]
    return [
        (f"{totals.clusters:,}", "clusters"),
        (f"{totals.copies:,}", "extra copies"),
        *(freed or [(human_bytes(0), "could be freed")]),
        (f"{totals.largest:,}", "files in the largest"),
    ]


def method_text(clusters: ClusterView) -> str:
    """Say how the clusters were totals."""
    if not clusters.images:
        return ""
    parts = [f"{count(clusters.images, 'picture')} looked at"]
    if clusters.flat:
        parts.append(f"{clusters.flat:,} of them flat, matched by equal pixels only")
    if clusters.plan:
        parts.append(clusters.plan)
    return " · ".join(parts)


def empty_text(clusters: ClusterView) -> str:
    """Say why no cluster is shown."""
    if clusters.images == 0:
        return (
            "There are no pictures here yet. Add some in Upload; duplicates among them show here."
        )
    if clusters.summary.empty:
        return f"No duplicates: no two of {count(clusters.images, 'picture')} are the same."
    return "No cluster passes the filters. Take one away to see more."
