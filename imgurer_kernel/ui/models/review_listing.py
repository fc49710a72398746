"""The queue of a review as shown: read, filtered, sorted, in pages."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd
from traitlets import Dict, Enum, Instance, Int, Tuple, Unicode

from imgurer_kernel.common.memory import give_back
from imgurer_kernel.review.decisions import UNDECIDED
from imgurer_kernel.review.plan import is_other_name
from imgurer_kernel.ui.jobs import Task
from imgurer_kernel.ui.models.review_queue import (
    NOTHING,
    ORDERS,
    TOO_FEW,
    QueueFilter,
    ReviewQueue,
    kind_counts,
    select,
)
from imgurer_kernel.ui.models.review_route import filter_params, parse_filter
from imgurer_kernel.ui.models.store_watch import StoreWatch
from imgurer_kernel.ui.routing.address import whole_number
from imgurer_kernel.ui.session import VisitorSession

PAGE_SIZES = (10, 25, 50)
"""Numbers of clusters per page to choose from."""
_MAX_PAGE = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """The result of an act or decision on a cluster in this sitting.

    Attributes
    ----------
    text
        In words, such as ``"Kept 1, removed 2 · 318 kB"``.
    """

    text: str
    pending: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewProgress:
    """Progress of the review: clusters in all, decided ones, and bytes."""

    done: int = 0
    total: int = 0
    removed: int = 0


class ReviewListing(StoreWatch):
    """A fixed queue of clusters, and those of them that are shown.

    Traits
    ------
    order, page, page_size
        A key of `ORDERS`; the page, from 0; the number of clusters per page.
    wanted
        The `QueueFilter`.
    queue
        The `ReviewQueue`; None before it is read.
    listed
        cluster_ids of the shown clusters of all pages, in order. Unchanged until `load` or another
        filter or order, so that decided clusters keep their place.
    done
        `Done` by cluster_id.
    failures
        Why the last act on a cluster did nothing, or was done in part, by cluster_id; these
        clusters stay open.
    progress
        A `ReviewProgress`.
    params
        Parameters for the URL.
    gone_to
        The last cluster shown by `go_to`, and the number of such calls.
    """

    order = Enum(tuple(ORDERS), "bytes")
    page = Int()
    page_size = Enum(PAGE_SIZES, 25)
    wanted = Instance(QueueFilter, ())
    queue = Instance(ReviewQueue, allow_none=True)
    listed = Instance(tuple, ())
    done: "Dict[int, Done]" = Dict()
    failures: "Dict[int, str]" = Dict()
    progress = Instance(ReviewProgress, ())
    message = Unicode()
    params = Dict()
    gone_to = Tuple(Int(), Int(), default_value=(-1, 0))

    def __init__(self, session: VisitorSession) -> None:
        super().__init__(session)
        self.job = session.job()
        self.measure_job = session.job()
        self._pinned: set[int] = set()
        self._read_rows = pd.DataFrame()
        # Ids of files and images whose cluster to show once the queue is read.
        self._focus_after_load: tuple[tuple[int, ...], tuple[int, ...]] = ((), ())

    # Reading ----------------------------------------------------------------------------------

    def load(self) -> None:
        """Read and sort the queue again, without decided clusters."""
        self.job.start("Looking for duplicates", self._read, self._set_queue)

    def open(self, params: Mapping[str, str]) -> None:
        """Apply the parameters of a URL."""
        self.order = params["sort"] if params.get("sort") in ORDERS else "bytes"
        size = whole_number(params.get("size"), 25)
        self.page_size = size if size in PAGE_SIZES else 25
        page = whole_number(params.get("page"), 1, 1, _MAX_PAGE) - 1
        wanted = parse_filter(params)
        if self.queue is None:
            self.wanted, self.page = wanted, page
            # The dashboard may be reading it for its header already, and then filters that result.
            if not self.job.busy:
                self.load()
            return
        if wanted != self.wanted:
            self.wanted = wanted
            self._list()
        self.show_page(page)

    def _read(self, task: Task) -> tuple[ReviewQueue, ReviewProgress, pd.DataFrame]:
        workbench = self.session.workbench
        # First: what is changed while the rest is read may not be in it.
        latest = self._read_latest(task)
        clusters = workbench.clusters(progress=task.report)
        plan = str(clusters.attrs.get("plan", ""))
        queue = workbench.queue(clusters, pinned=self._pinned, measure=False, progress=task.report)
        # Of one file under several names nothing is to be decided.
        others = ~is_other_name(queue) & (queue["file_id"] != queue["keeper_id"])
        queue = queue[queue["cluster_id"].isin(queue.loc[others, "cluster_id"])]
        journal = workbench.journal()
        of_files = ~journal["act"].isin(["sidecar", "companion"])
        acted = journal[(journal["state"] == "done") & of_files]
        # A cluster with only its keeper left is no cluster any more.
        solved = acted.loc[~acted["keeper_id"].isin(queue["file_id"]), "keeper_id"].nunique()
        verdicts = queue.drop_duplicates("cluster_id")["verdict"]
        apart = workbench.decisions()
        apart = apart[(apart["verdict"] == "different") & (apart["kind"] == "cluster")]
        closed = int(verdicts.isin(["same", "different"]).sum())
        progress = ReviewProgress(
            done=solved + closed + len(apart),
            total=len(verdicts) + solved + len(apart),
            removed=int(acted["bytes"].sum()),
        )
        images = workbench.statistics().images
        shown = ReviewQueue.of(self._visible(queue), images, plan)
        del clusters
        workbench.catalog.release()  # an open database keeps 50 MB of read data in memory
        give_back()
        queue.attrs["latest"] = latest
        return shown, progress, queue

    def _visible(self, queue: pd.DataFrame) -> pd.DataFrame:
        """Remove other users' names and paths, which only they and admins may see."""
        account = self.session.account()
        queue = queue.assign(is_own=(queue["user"] == account.name) | self.session.is_admin)
        if self.session.is_admin:
            return queue
        hidden = {name: queue[name].where(queue["is_own"]) for name in ("user", "path", "folder")}
        return queue.assign(**hidden)

    def _set_queue(self, read: tuple[ReviewQueue, ReviewProgress, pd.DataFrame]) -> None:
        queue, progress, self._read_rows = read
        self._set_known(self._read_rows.attrs["latest"])
        with self.hold_trait_notifications():
            self.done, self.failures, self.stale, self.message = {}, {}, False, ""
            self.queue, self.progress = queue, progress
            self._list()
        (file_ids, image_ids), self._focus_after_load = self._focus_after_load, ((), ())
        for cluster_id in queue.clusters_of(file_ids, image_ids):
            if self.go_to(cluster_id):
                break

    def _list(self) -> None:
        if self.queue is None:
            return
        self.listed = tuple(select(self.queue.searched(self.wanted), self.wanted, str(self.order)))
        self.show_page(self.page)

    @property
    def empty_text(self) -> str:
        """Explain why no cluster is shown."""
        if self.session.ingesting:
            return "Pictures are being ingested. Duplicates among them show here when that is done."
        if self.job.busy:
            return "Looking for duplicates. They show here as soon as they are found."
        if self.stale:
            return "The store has changed since this was read. Sort again to see what there is now."
        if self.queue is None or self.queue.images < 2:
            return TOO_FEW[self.queue.images if self.queue else 0]
        text = "No cluster passes the filters. Take one away to see more."
        if self.queue.clusters.empty:
            text = f"No duplicates: no two of {self.queue.images:,} pictures are the same."
        elif self.wanted == QueueFilter(show=self.wanted.show):
            text = NOTHING[self.wanted.show]
        elif self.wanted.kinds and self.kinds:
            text = "No cluster has copies of the chosen kinds only. Add kinds to see more."
        return text

    # What is shown ----------------------------------------------------------------------------

    def set_filter(self, **changes: Any) -> None:  # noqa: ANN401 - fields of QueueFilter
        """Show other clusters, from the first page."""
        self.wanted = replace(self.wanted, **changes)
        self.page = 0
        self._list()

    def set_order(self, order: str) -> None:
        """Sort again, and show the first page."""
        self.order = order
        self.page = 0
        self._list()

    def set_page_size(self, size: int) -> None:
        """Change the number of clusters per page; the first one stays on the page."""
        first = self.page * self.page_size
        self.page_size = size
        self.show_page(first // size)

    def show_page(self, page: int) -> None:
        """Show another page, and measure its originals if they are not measured yet."""
        self.page = min(max(page, 0), max(len(self.listed) - 1, 0) // self.page_size)
        self._set_params()
        if self._read_rows.attrs.get("unmeasured") != 0:
            self._measure()

    def go_to(self, cluster_id: int) -> bool:
        """Show the page of a cluster and focus it; return False if the filter hides it."""
        if cluster_id not in self.listed:
            return False
        page = self.listed.index(cluster_id) // self.page_size
        if page != self.page:
            self.show_page(page)
        self.gone_to = (cluster_id, self.gone_to[1] + 1)
        return True

    @property
    def on_page(self) -> tuple[int, ...]:
        """The cluster_ids of the current page."""
        first = self.page * self.page_size
        return self.listed[first : first + self.page_size]

    def table(self) -> pd.DataFrame:
        """Return the files of all shown clusters, in their order, for export as CSV."""
        queue = self.queue
        if queue is None:
            return pd.DataFrame()
        rows = queue.members_of(self.listed)
        return rows.drop(columns=["is_own", "is_hard_link"], errors="ignore")

    @property
    def kinds(self) -> dict[str, int]:
        """Count the clusters that each kind would add; see `kind_counts`."""
        if self.queue is None:
            return {}
        return kind_counts(self.queue.searched(self.wanted), self.wanted)

    def _measure(self) -> None:
        """Measure the originals of the page, once, and choose its keepers by them."""
        # Only the page: reading an original takes time, and a queue may have 100,000 clusters.
        queue, ids = self.queue, [each for each in self.on_page if each not in self.done]
        if queue is None or not ids:
            return
        files = queue.members_of(ids)
        self.measure_job.start(
            "Looking at originals",
            lambda task: self._visible(self._chosen(files, task)),
            self._set_measured,
        )

    def _chosen(self, files: pd.DataFrame, task: Task) -> pd.DataFrame:
        # As read: the shown rows lack places of other users.
        part = self._read_rows[self._read_rows["file_id"].isin(files["file_id"])]
        return self.session.workbench.queue(part, pinned=self._pinned, progress=task.report)

    def _set_measured(self, files: pd.DataFrame) -> None:
        queue = self.queue
        if queue is None or files.empty:
            return
        known = [each for each in files["cluster_id"].unique() if each in queue.rows_of]
        before = queue.members_of(known)
        # A keeper that the user has chosen stays.
        chosen = before.loc[before["keeper_id"].isin(self._pinned), "cluster_id"]
        files = files[~files["cluster_id"].isin(chosen)]
        before = before[~before["cluster_id"].isin(chosen)].set_index("file_id")
        # Decisions are as read: one that was measured with them may have been undone since.
        files = files.assign(**{it: files["file_id"].map(before[it]) for it in UNDECIDED})
        if len(before) and set(before.index) == set(files["file_id"]):
            self.queue = queue.replaced(files)  # these clusters were not changed meanwhile

    def _choose_again(self, file_id: int, pinned: Iterable[int]) -> None:
        """Undo the user's choice of a keeper; `pinned` are the earlier choices."""
        self._pinned = set(pinned)
        for cluster_id in () if self.queue is None else self.queue.clusters_of([file_id]):
            self.go_to(cluster_id)
        self._measure()
        self.message = "Undone."

    def _members(self, cluster_id: int) -> pd.DataFrame:
        # The queue may have been replaced since the browser sent its message.
        if self.queue is None or cluster_id not in self.queue.rows_of:
            return pd.DataFrame()
        return self.queue.members(cluster_id)

    def _without(self, cluster_ids: Sequence[int], gone: Collection[int]) -> pd.DataFrame:
        """Remove files from clusters; return the previous rows of these clusters."""
        queue = self.queue
        if queue is None or not gone:
            return pd.DataFrame()
        found = queue.members_of(each for each in cluster_ids if each in queue.rows_of)
        is_gone = found["file_id"].isin(list(gone))
        before = found[found["cluster_id"].isin(found.loc[is_gone, "cluster_id"])]
        if len(before):
            self.queue = queue.replaced(before[~before["file_id"].isin(list(gone))])
        return before

    def _restore_files(self, partly: pd.DataFrame) -> None:
        """Put files back into clusters that had lost some, unless the queue was replaced."""
        queue = self.queue
        if queue is None or partly.empty:
            return
        ids = [int(each) for each in partly["cluster_id"].unique()]
        if queue.clusters_of(partly["file_id"]) == sorted(ids):
            self.failures = {key: why for key, why in self.failures.items() if key not in ids}
            self.queue = queue.replaced(partly)
            self.go_to(ids[0])

    def _set_params(self) -> None:
        params = filter_params(self.wanted)
        if self.order != "bytes":
            params["sort"] = str(self.order)
        if self.page_size != PAGE_SIZES[1]:
            params["size"] = str(self.page_size)
        if self.page:
            params["page"] = str(self.page + 1)
        self.params = params
