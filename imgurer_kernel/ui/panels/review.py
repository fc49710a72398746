"""The review tab: decide on duplicates, and remove them."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pandas as pd

from imgurer_kernel.report.writers import to_csv
from imgurer_kernel.ui.models.review import ReviewModel
from imgurer_kernel.ui.models.review_captions import preview_texts, review_cluster
from imgurer_kernel.ui.models.review_decided import decided_frame
from imgurer_kernel.ui.models.review_listing import PAGE_SIZES
from imgurer_kernel.ui.models.review_queue import ORDERS, SHOWN, ReviewQueue
from imgurer_kernel.ui.models.review_summary import KINDS
from imgurer_kernel.ui.panels.base import Panel, button, set_visible, vbox, with_classes
from imgurer_kernel.ui.panels.compare import ComparePanel
from imgurer_kernel.ui.panels.review_bars import bars_of
from imgurer_kernel.ui.panels.viewer import ViewerPanel
from imgurer_kernel.ui.widgets.chunks import DownloadFile
from imgurer_kernel.ui.widgets.download import Download
from imgurer_kernel.ui.widgets.messages import whole
from imgurer_kernel.ui.widgets.progress_line import ProgressLine
from imgurer_kernel.ui.widgets.review_board import ReviewBoard, ReviewCluster

if TYPE_CHECKING:
    from imgurer_kernel.ui.session import VisitorSession
    from imgurer_kernel.workbench.workbench import Workbench

_NOTHING_TO_COMPARE = "Byte for byte the same: there is nothing to compare."


class ReviewPanel(Panel):
    """A queue of clusters with decisions, acts and undo; usable by keyboard alone.

    Parameters
    ----------
    workbench
        The store, or a dashboard's session.
    user
        The viewing user, if it is shown alone.
    model
        Another panel's model, to show the same queue.
    on_upload
        Called when the user wants to add pictures to the empty store.

    Examples
    --------
    ``ReviewPanel(wb)``, or ``wb.review()``, as the last line of a notebook cell shows it.
    """

    def __init__(
        self,
        workbench: "Workbench | VisitorSession",
        user: str | None = None,
        model: ReviewModel | None = None,
        on_upload: Callable[[], None] | None = None,
    ) -> None:
        super().__init__(workbench, user)
        self.model = model or ReviewModel(self.session)
        self.board = ReviewBoard(self._act)
        self.viewer = ViewerPanel(self.session)
        self.comparison = ComparePanel(self.session)
        if self.standalone:
            self.comparison.widget.inline = False
        model = self.model
        self.progress = ProgressLine(
            model.job,
            model.bulk_job,
            model.preview_job,
            model.measure_job,
            model.label_job,
            self.comparison.job,
        )
        self.save = Download(self.session.job(), self._csv, label="CSV of what is shown")
        self._thumbnails: dict[int, bytes] = {}
        # The shown page: each cluster with the frame that it was made from.
        self._clusters: dict[int, tuple[pd.DataFrame, ReviewCluster]] = {}
        self._page_job = self.session.job()
        self.upload = with_classes(
            button("Upload pictures", style="primary"), "imgurer-empty-action"
        )
        self._can_upload = on_upload is not None
        if on_upload is not None:
            self.upload.on_click(lambda _: on_upload())
        main = vbox(self.board, self.upload, self.save, classes="imgurer-main")
        self.set_parts(self.progress, main, self.viewer, self.comparison)
        model.observe(self._show_page, ["queue", "page", "page_size", "listed"])
        self.session.observe(self._show_empty, "ingesting")
        self.session.observe(self._show_bars, "ingesting")
        model.observe(self._show_empty, ["stale", "wanted"])
        model.job.observe(self._show_empty, "busy")
        model.observe(self._show_bars, ["progress", "stale", "message", "order", "wanted", "done"])
        model.observe(self._show_done, ["done", "failures"])
        model.observe(self._show_preview, "preview")
        model.observe(self._show_place, "gone_to")
        model.acts.observe(self._show_bars, "waiting")
        self._show_bars(None)
        self._show_page(None)
        if self.standalone and model.queue is None:
            model.load()

    # From model to board ---------------------------------------------------------------------

    @property
    def decided(self) -> pd.DataFrame:
        """The decided clusters of this sitting; see `decided_frame`."""
        return decided_frame(self.model.queue, self.model.done)

    def _show_page(self, _: object) -> None:
        queue, ids = self.model.queue, self.model.on_page
        self._show_bars(None)
        if queue is None:
            self.board.show([], "Looking for duplicates. They show here as soon as they are found.")
            return
        if not ids:
            self.board.show([], self.model.empty_text)
            return
        wanted = queue.members_of(ids)["image_id"].unique().tolist()
        missing = [each for each in wanted if each not in self._thumbnails]
        if missing:
            if not self._clusters:
                self.board.show([], "Reading the pictures of these clusters.")
            self._page_job.start(
                "Reading pictures",
                lambda _: dict(zip(missing, self.session.thumbnails(missing), strict=True)),
                self._show_thumbnails,
            )
        else:
            self._show_clusters()

    def _show_thumbnails(self, found: dict[int, bytes]) -> None:
        # Cache only a page or two: a queue may have a hundred thousand clusters.
        self._clusters = {}
        self._thumbnails = {**found} if len(self._thumbnails) > 2000 else self._thumbnails | found
        self._show_clusters()

    def _show_clusters(self) -> None:
        queue = self.model.queue
        if queue is not None:
            found = {each: self._cluster(queue, each) for each in self.model.on_page}
            self._clusters = found
            # None where the filter was changed while their pictures were read.
            text = "" if found else self.model.empty_text
            self.board.show([cluster for _, cluster in found.values()], text)
            self._show_done(None)

    def _cluster(self, queue: ReviewQueue, cluster_id: int) -> tuple[pd.DataFrame, ReviewCluster]:
        rows = queue.source(cluster_id)
        known = self._clusters.get(cluster_id)
        if known is not None and known[0] is rows:
            return known
        return rows, review_cluster(queue.members(cluster_id), self._thumbnails)

    def _show_place(self, _: object) -> None:
        cluster_id, times = self.model.gone_to
        if self.model.queue is not None:
            first = int(self.model.queue.members(cluster_id)["file_id"].iloc[0])
            self.board.place = [first, times]

    @property
    def _store_is_empty(self) -> bool:
        queue = self.model.queue
        return queue is not None and not queue.images and not self.session.ingesting

    def _show_empty(self, _: object) -> None:
        if self.model.queue is not None and not self.model.on_page:
            self.board.show([], self.model.empty_text)

    def _show_done(self, _: object) -> None:
        shown = set(self.model.on_page)
        undoable = {key for step in self.model.history for key in step.clusters}
        self.board.done = {
            str(key): {
                "text": done.text,
                "pending": done.pending,
                "can_undo": key in undoable,
                "stays": False,
            }
            for key, done in self.model.done.items()
            if key in shown
        } | {
            # Shown on the cluster itself, which is still open.
            str(key): {
                "text": why,
                "pending": False,
                "can_undo": False,
                "stays": True,
            }
            for key, why in self.model.failures.items()
            if key in shown
        }

    def _show_bars(self, _: object) -> None:
        queue = self.model.queue
        set_visible(self.upload, self._store_is_empty and self._can_upload)
        set_visible(self.save, queue is None or not queue.clusters.empty)
        self.board.bars = bars_of(self.model) | {"store_is_empty": self._store_is_empty}

    def _show_preview(self, _: object) -> None:
        preview = self.model.preview
        self.board.preview = {} if preview is None else preview_texts(preview)

    # From board to model ---------------------------------------------------------------------

    def _act(self, name: str, message: Mapping[str, Any]) -> None:
        model = self.model
        if name == "returned":  # to the page, from elsewhere
            model.look()
            return
        # What is not open yet would cover what the user does next, and take its keys.
        self.comparison.job.cancel()
        self.viewer.job.cancel()
        cluster_id = whole(message.get("cluster_id"))
        acts: dict[str, Callable[[], None]] = {
            "remove_others": lambda: model.remove_others(cluster_id),
            "decide": lambda: self._decide(cluster_id, message.get("verdict")),
            "keep": lambda: model.keep(whole(message.get("file_id"))),
            "remove": lambda: model.remove_files(_numbers(message.get("file_ids"))),
            "keep_selected": lambda: self._keep_selected(_numbers(message.get("file_ids"))),
            "undo": lambda: model.undo(cluster_id if cluster_id in model.done else None),
            "look": lambda: self._look(whole(message.get("file_id"))),
            "compare": lambda: self._compare(cluster_id, whole(message.get("file_id"))),
            "compare_selected": lambda: self._compare_files(_numbers(message.get("file_ids"))),
            "preview": model.show_preview,
            "confirm": model.confirm,
            "close": lambda: None,
            "dismiss": lambda: setattr(model, "preview", None),
            "save": self.save.start,
            "again": model.load,
            "next": lambda: model.show_page(model.page + 1),
            "previous": lambda: model.show_page(model.page - 1),
            "set": lambda: self._set(str(message.get("name")), str(message.get("value"))),
        }
        # Checked: a browser may send anything.
        if name in acts:
            acts[name]()

    def _decide(self, cluster_id: int, verdict: object) -> None:
        if verdict == "different" or verdict == "later":  # noqa: PLR1714 (narrows the type)
            self.model.decide([cluster_id], verdict)

    def _keep_selected(self, file_ids: Sequence[int]) -> None:
        for file_id in file_ids:
            self.model.keep(file_id)

    def _set(self, name: str, value: str) -> None:
        model = self.model
        if name == "order" and value in ORDERS:
            model.set_order(value)
        elif name == "page_size" and value in set(map(str, PAGE_SIZES)):
            model.set_page_size(int(value))
        elif name == "show" and value in SHOWN:
            model.set_filter(show=value)
        elif name == "kind" and value in KINDS:
            model.set_filter(kinds=model.wanted.kinds ^ {value})
        elif name in {"folder", "user", "camera", "text"}:
            model.set_filter(**{name: value})
        elif name in {"since", "least_bytes"} and value.isdecimal():
            model.set_filter(**{name: int(value)})

    def _images_of(self, file_ids: Sequence[int]) -> list[int]:
        # Only shown files: a message may name files of the previous page.
        shown = self.board.file_ids
        return list(dict.fromkeys(shown[each] for each in file_ids if each in shown))

    def _files_meant(self, *file_ids: int) -> dict[int, tuple[str, str]]:
        """Name and path of a file of each shown image: of these files, else of the first shown."""
        shown, names = self.board.file_ids, self.board.file_names
        found: dict[int, tuple[str, str]] = {}
        for file_id in (*file_ids, *shown):
            if file_id in shown:
                found.setdefault(shown[file_id], names[file_id])
        return found

    def _look(self, file_id: int) -> None:
        images = self._images_of([file_id])
        if images:
            everything = self._images_of(list(self.board.file_ids))
            self.viewer.show_pictures(everything, images[0], self._files_meant(file_id))

    def _compare(self, cluster_id: int, file_id: int) -> None:
        queue = self.model.queue
        if queue is None or cluster_id not in queue.rows_of:
            return
        images = queue.members(cluster_id)["image_id"].drop_duplicates().tolist()
        [chosen] = self._images_of([file_id]) or [-1]
        keepers = queue.members(cluster_id)["keeper_id"].tolist()
        is_copy = chosen == images[0] and file_id not in keepers
        if is_copy or len(images) == 1:
            self.model.message = _NOTHING_TO_COMPARE
            return
        other = chosen if chosen in images[1:] else images[1]
        self.comparison.show([images[0], other], self._files_meant(keepers[0], file_id))

    def _compare_files(self, file_ids: Sequence[int]) -> None:
        images = self._images_of(file_ids)
        if len(images) > 1:
            self.comparison.show(images, self._files_meant(*file_ids))
        elif images:
            self.model.message = _NOTHING_TO_COMPARE

    def _csv(self) -> DownloadFile:
        """Export the plan of the preview, or the shown clusters."""
        model = self.model
        day = f"{datetime.now(UTC):%Y-%m-%d}"
        if model.preview is not None:
            name, table = f"plan {day}.csv", model.preview.plan
        else:
            name, table = f"duplicates {day}.csv", model.table()
        # The byte order mark makes spreadsheets read the file as UTF-8.
        return DownloadFile.from_bytes(name, "text/csv", to_csv(table).encode("utf-8-sig"))


def _numbers(values: object) -> list[int]:
    return [whole(each) for each in values] if isinstance(values, list) else []
