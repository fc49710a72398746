"""The review of duplicates: decisions, acts on shown clusters, and undo."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from types import MappingProxyType

import pandas as pd
from traitlets import Instance

from imgurer_kernel.common.text import count, human_bytes
from imgurer_kernel.review.labels import against_keepers
from imgurer_kernel.review.plan import goes
from imgurer_kernel.store.catalog.decisions import DecisionVerdict
from imgurer_kernel.ui.jobs import Task
from imgurer_kernel.ui.models.act_queue import ActQueue
from imgurer_kernel.ui.models.review_listing import Done, ReviewListing, ReviewProgress
from imgurer_kernel.ui.models.review_queue import ReviewQueue
from imgurer_kernel.ui.models.review_steps import (
    SAME_BYTES,
    WORDS,
    ActOutcome,
    Preview,
    Step,
    UndoResult,
    plan_rows,
    undo_step,
)
from imgurer_kernel.ui.session import VisitorSession
from imgurer_kernel.workbench.methods.sittings import sitting_name

_REMOVING = "Removing"


class ReviewModel(ReviewListing):
    """The state and actions of the review.

    Traits
    ------
    preview
        The `Preview` to be confirmed, or None.
    """

    preview = Instance(Preview, allow_none=True)

    def __init__(self, session: VisitorSession) -> None:
        super().__init__(session)
        self.preview_job = session.job()
        self.bulk_job = session.job()
        self.label_job = session.job()
        self.bulk_job.observe(self._drop_pending, "busy")
        self.acts = ActQueue(session.runner)
        self.bulk_job.observe(self._read_again, "busy")
        self.acts.observe(self._read_again, "waiting")
        self._reads_again = False
        self.sitting = sitting_name()
        # The latest step last.
        self._history: list[Step] = []
        self._history_read: list[Step] = []

    @property
    def history(self) -> tuple[Step, ...]:
        """The steps of this sitting that can be undone, the latest last."""
        return tuple(self._history)

    def load(self) -> None:
        """Read and sort the queue again; what is done while it is read will be in it."""
        self._history_read = list(self._history)
        super().load()

    def _set_queue(self, read: tuple[ReviewQueue, ReviewProgress, pd.DataFrame]) -> None:
        # Something was done since the reading began: read it, too, when nothing is being done.
        self._reads_again = self._is_acting or self._history != self._history_read
        if self._reads_again:
            self._read_again(None)
            return
        # Clusters have other numbers in each queue. What was postponed for this sitting is back.
        self._history = [
            step if step.kept >= 0 else replace(step, clusters=(), partly=pd.DataFrame())
            for step in self._history
            if step.kept >= 0 or step.entry_ids or step.decision_ids
        ]
        super()._set_queue(read)

    @property
    def _is_acting(self) -> bool:
        return self.acts.waiting > 0 or self.bulk_job.busy

    def _read_again(self, _: object) -> None:
        if self._reads_again and not self._is_acting:
            self._reads_again = False
            self.load()

    # Acts -------------------------------------------------------------------------------------

    def remove_others(self, cluster_id: int) -> None:
        """Keep the keeper of a cluster and remove all files that are marked to go."""
        members = self._members(cluster_id)
        if not members.empty:
            self._act(cluster_id, members[goes(members) & members["is_own"]])

    def remove_files(self, file_ids: Sequence[int]) -> None:
        """Remove some files of clusters, each in favour of the keeper of its cluster."""
        if self.queue is None:
            return
        for cluster_id in self.queue.clusters_of(file_ids):
            members = self.queue.members(cluster_id)
            chosen = members["file_id"].isin(list(file_ids))
            self._act(cluster_id, members[goes(members) & chosen & members["is_own"]])

    def keep(self, file_id: int) -> None:
        """Make this file the keeper of its cluster, regardless of the policy."""
        queue = self.queue
        if queue is None:
            return
        found = queue.clusters_of([file_id])
        if not found:
            return
        members = queue.members(found[0])
        if file_id not in self._pinned:
            self._history.append(Step(kept=file_id, pinned=frozenset(self._pinned)))
        self._pinned = (self._pinned - set(members["file_id"].tolist())) | {file_id}
        chosen = members["file_id"] == file_id
        reason = chosen.map({True: "kept: you chose it", False: "you chose another one to keep"})
        members = members.assign(keeper_id=file_id, keeper_reason=reason)
        # Labels known from the search are shown immediately; the others are computed meanwhile.
        self.queue = queue.replaced(against_keepers(members, {})[0])
        self.label_job.start(
            "Comparing",
            lambda task: self.session.workbench.labelled(members, progress=task.report),
            self._set_labels,
        )

    def _set_labels(self, files: pd.DataFrame) -> None:
        queue = self.queue
        if queue is None:
            return
        labels = files.set_index("file_id")["label"]
        now = queue.members_of(queue.clusters_of(files["file_id"]))
        same = now["keeper_id"].isin(files["keeper_id"])
        if len(now) == len(files) and same.all():  # the cluster was not changed meanwhile
            self.queue = queue.replaced(now.assign(label=now["file_id"].map(labels)))

    def decide(self, cluster_ids: Sequence[int], verdict: DecisionVerdict) -> None:
        """Decide that clusters are the same, different, or to be decided later."""
        for cluster_id in cluster_ids:
            members = self._members(cluster_id)
            if members.empty:
                continue
            if verdict == "different" and members["image_id"].nunique() == 1:
                self._fail({cluster_id: SAME_BYTES})
                continue
            # Shown immediately: the keyboard moves on to the next cluster while the store is still
            # busy with this one.
            self._mark((cluster_id,), Done(text=WORDS[verdict], pending=True))
            ids = members.sort_values("is_medoid", ascending=False, kind="stable")["image_id"]
            self.acts.add(
                partial(self._decide, ids.drop_duplicates().tolist(), verdict),
                partial(self._decided, cluster_id, WORDS[verdict]),
            )

    def _decide(self, image_ids: list[int], verdict: DecisionVerdict) -> list[int]:
        if len(image_ids) == 1 and verdict == "later":
            return []  # there is nothing to decide on equal bytes; postponed for this sitting
        frame = pd.DataFrame({"cluster_id": 0, "image_id": image_ids})
        made = self.session.workbench.decide(
            frame, verdict, user=self.session.user, batch=self.sitting
        )
        return [int(each) for each in made["decision_id"]]

    def _decided(self, cluster_id: int, text: str, found: list[int] | None) -> None:
        if found is None:
            self._fail({cluster_id: self.acts.failure})
            return
        self._note_own_change()
        self._history.append(Step(clusters=(cluster_id,), decision_ids=tuple(found)))
        self._mark((cluster_id,), Done(text=text))
        if text != WORDS["later"]:  # a postponed cluster is still open
            self._count(1, 0)

    def _act(self, cluster_id: int, files: pd.DataFrame) -> None:
        # A held key sends its message again before the browser gets the first answer.
        if files.empty or cluster_id in self.done:
            return
        cluster_of = dict.fromkeys(files["file_id"].tolist(), cluster_id)
        size = human_bytes(int(files["bytes"].sum()))
        text = f"Kept 1, removed {len(files)} · {size}"
        self._mark((cluster_id,), Done(text=text, pending=True))
        # The rows as shown now: the queue may have been replaced when this act runs.
        plan = plan_rows(files)
        self.acts.add(
            lambda: self.session.workbench.apply(
                plan, user=self.session.user, batch=self.sitting, progress=False
            ),
            lambda result: self._acted(cluster_of, result, text),
        )

    def _acted(
        self,
        cluster_of: Mapping[int, int],
        result: pd.DataFrame | None,
        text: str,
        refused: Mapping[int, str] = MappingProxyType({}),
    ) -> None:
        """Close the clusters without refusals; the remaining files of others stay open."""
        if result is None:
            self._fail(dict.fromkeys(cluster_of.values(), self.acts.failure))
            return
        out = ActOutcome.of(result, cluster_of, refused)
        partly = self._without(list(out.refused), out.gone)
        if out.entry_ids:
            self._history.append(Step(clusters=out.closed, entry_ids=out.entry_ids, partly=partly))
        self._mark(out.closed, Done(text=text))
        self._fail(out.refused)
        self._count(len(out.closed), out.size)
        if out.entry_ids:
            self._changed()

    # Bulk acts --------------------------------------------------------------------------------

    def show_preview(self, cluster_ids: Sequence[int] | None = None) -> None:
        """Preview the removal of the copies of these clusters, or of all shown ones."""
        ids = [each for each in (cluster_ids or self.listed) if each not in self.done]
        queue = self.queue
        if queue is None or not ids:
            return
        files = queue.members_of(ids)
        self.preview_job.start("Planning", lambda task: self._plan(files, task), self._set_preview)

    def _plan(self, files: pd.DataFrame, task: Task) -> Preview:
        workbench = self.session.workbench
        # Chosen by measured originals: pages not opened yet have the quick choice only.
        chosen = self._visible(self._chosen(files, task))
        own_files = chosen[chosen["is_own"] | (chosen["file_id"] == chosen["keeper_id"])]
        plan = plan_rows(own_files[goes(own_files)])
        checked = workbench.apply(
            plan, user=self.session.user, dry_run="quick", progress=task.report
        )
        ready = plan[plan["file_id"].isin(checked.loc[checked["status"] == "ready", "file_id"])]
        known = workbench.sidecars(ready)["fact"].tolist()
        gone = goes(files) & files["is_own"] & ~files["file_id"].isin(chosen["file_id"])
        return Preview.of(chosen, plan, checked, known, int(gone.sum()))

    def _set_preview(self, preview: Preview) -> None:
        self.stale = self.stale or preview.gone > 0
        self.preview = preview

    def confirm(self) -> None:
        """Apply the previewed plan."""
        # Cleared first, so that a second click finds nothing to confirm.
        preview, self.preview = self.preview, None
        if preview is None:
            return
        cluster_of, refused = preview.cluster_of, preview.refused
        if preview.plan.empty:
            nothing = pd.DataFrame(columns=["file_id", "status", "why", "entry_id", "bytes"])
            self._acted(cluster_of, nothing, "", refused)
            return
        self._mark(preview.clusters, Done(text=_REMOVING, pending=True))
        self.bulk_job.start(
            f"Removing {count(len(preview.plan), 'file')}",
            lambda task: self.session.workbench.apply(
                preview.plan, user=self.session.user, batch=self.sitting, progress=task.report
            ),
            lambda result: self._acted(cluster_of, result, "Kept 1, removed the others", refused),
        )

    def _drop_pending(self, _: object) -> None:
        # Also after an error or a cancel, which give no result.
        if not self.bulk_job.busy:
            self.done = {key: done for key, done in self.done.items() if done.text != _REMOVING}

    # Undo -------------------------------------------------------------------------------------

    def undo(self, cluster_id: int | None = None) -> None:
        """Undo the last step, or what was done to a cluster.

        If nothing was done in this sitting, undo the user's last step of an earlier one.
        """
        steps = [it for it in self._history if cluster_id is None or cluster_id in it.clusters]
        step = steps[-1] if steps else Step()
        if step in self._history:
            self._history.remove(step)
        if step.kept >= 0:
            self._choose_again(step.kept, step.pinned)
            return
        workbench, user = self.session.workbench, self.session.user
        self.acts.add(
            lambda: undo_step(workbench, step, user), lambda result: self._undone(step, result)
        )

    def _undone(self, step: Step, result: UndoResult | None) -> None:
        if result is None:
            self.message = self.acts.failure
            return
        self.message = result.why or "Undone."
        clusters, partly = step.clusters, step.partly
        put_off = [
            each
            for each in clusters
            if each in self.done and self.done[each].text == WORDS["later"]
        ]
        if not result.why:
            self.done = {key: value for key, value in self.done.items() if key not in clusters}
            self._restore_files(partly)
            if clusters:
                self.go_to(clusters[0])
        if result.files or step.decision_ids:
            self._count(len(put_off) - len(clusters), -result.size)
            self._changed()
        if not clusters and partly.empty and (result.file_ids or result.image_ids):
            # A step of an earlier sitting, or of an earlier queue.
            self._focus_after_load = (result.file_ids, result.image_ids)
            self.load()

    # ------------------------------------------------------------------------------------------

    def _mark(self, cluster_ids: Sequence[int], done: Done) -> None:
        self.message = ""  # of an earlier step
        self.failures = {k: why for k, why in self.failures.items() if k not in cluster_ids}
        self.done = {**self.done, **dict.fromkeys(cluster_ids, done)}

    def _fail(self, reasons: Mapping[int, str]) -> None:
        """Leave clusters open, each with its reason."""
        if reasons:
            self.message = ""
            self.failures = {**self.failures, **reasons}
            self.done = {key: done for key, done in self.done.items() if key not in reasons}

    def _count(self, clusters: int, removed: int) -> None:
        before = self.progress
        self.progress = ReviewProgress(
            done=min(max(before.done + clusters, 0), before.total),
            total=before.total,
            removed=max(before.removed + removed, 0),
        )
