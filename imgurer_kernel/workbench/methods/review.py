"""Resolve duplicates: the part of `Workbench` for queues, plans and sidecars."""

from collections.abc import Iterable
from typing import get_args

import numpy as np
import pandas as pd

from imgurer_kernel.common.arrays import distinct
from imgurer_kernel.common.progress import ProgressOption, staged
from imgurer_kernel.common.records import FileState
from imgurer_kernel.errors import ActRefused, QueryError
from imgurer_kernel.report.cluster_rows import cluster_rows
from imgurer_kernel.report.frames import CLUSTER_FILES
from imgurer_kernel.review import plan as plans
from imgurer_kernel.review import sidecar
from imgurer_kernel.review.beside import names_beside
from imgurer_kernel.review.conditions import require_known_values
from imgurer_kernel.review.decisions import with_decisions
from imgurer_kernel.review.disk import shown
from imgurer_kernel.review.measure import measure as measured
from imgurer_kernel.review.measure import recall
from imgurer_kernel.review.policy import KeeperPolicy, Score, policy_of
from imgurer_kernel.review.sidecar_runner import Sidecar
from imgurer_kernel.store.catalog import files as catalog_files
from imgurer_kernel.store.catalog import journal, queries
from imgurer_kernel.store.catalog.expressions import evaluate
from imgurer_kernel.workbench.clusters import keepers
from imgurer_kernel.workbench.clusters.file_selection import FileSelection, Folder
from imgurer_kernel.workbench.clusters.keeper_labels import with_labels
from imgurer_kernel.workbench.methods.acts import ActMethods


class ReviewMethods(ActMethods):
    """Makes queues of clusters with decisions, and plans."""

    # Keepers and plans ----------------------------------------------------------------------

    def preview(
        self,
        policy: KeeperPolicy | str | Score = "standard",
        *,
        where: str | None = None,
        reference: Folder | Iterable[Folder] = (),
        pinned: Iterable[int] = (),
        progress: ProgressOption = True,
    ) -> pd.DataFrame:
        """Summarize what a policy would remove from the whole catalog, without acting.

        Parameters are those of `plan`.

        Returns
        -------
        DataFrame
            A row for each deciding rule, the most frequent first: rule, files and bytes (removed by
            it); ``attrs`` has the totals of clusters, files and bytes, and the names of sidecars
            that would go along and of files that would be left without their picture; facts that
            `sidecars` would offer.
        """
        chosen = self.queue(policy=policy, pinned=pinned, reference=reference, progress=progress)
        plan = self._plan(chosen, where, "auto")
        rules = chosen.set_index("file_id")["keeper_rule"]
        by_rule = plan.assign(rule=plan["file_id"].map(rules)).groupby("rule", sort=False)
        frame = by_rule["bytes"].agg(files="size", bytes="sum").reset_index()
        frame = frame.sort_values(["files", "rule"], ascending=[False, True], ignore_index=True)
        along, left = names_beside(plan)
        frame.attrs = {
            "clusters": int(plan["keeper_id"].nunique()),
            "files": len(plan),
            "bytes": int(plan["bytes"].sum()),
            "along": along,
            "left": left,
            "facts": self.sidecars(plan)["fact"].tolist(),
        }
        return frame

    def sidecars(self, plan: pd.DataFrame) -> pd.DataFrame:
        """List facts that only the files to be removed have.

        These are time, place, rating, title, caption, keywords and names of persons.

        Returns
        -------
        DataFrame
            A row for each fact: keeper_id, keeper_path, fact, value, file_id (of the copy that has
            it). `write_sidecars` writes the rows that it is given.
        """
        ids = {*plan["file_id"].tolist(), *plan["keeper_id"].tolist()}
        files = self.catalog.run(journal.files_of_images, ids)
        known = plan[plan["file_id"].isin(list(files)) & plan["keeper_id"].isin(list(files))]
        image_of = {file_id: file.image_id for file_id, file in files.items()}
        # Exact copies know the same.
        known = known[known["file_id"].map(image_of) != known["keeper_id"].map(image_of)]
        of_images = {image_of[each] for name in ("file_id", "keeper_id") for each in known[name]}
        images = self.catalog.run(queries.images, sorted(of_images))
        found = measured(self.store, images["digest"].tolist())
        rows = known.assign(
            image_id=known["file_id"].map(image_of),
            keeper_image_id=known["keeper_id"].map(image_of),
            keeper_path=known["keeper_id"].map(
                lambda each: files[each].path or files[each].filename
            ),
        )
        return sidecar.offers(rows, images, found)

    def write_sidecars(
        self, offered: pd.DataFrame, *, user: str | None = None, batch: str | None = None
    ) -> pd.DataFrame:
        """Write facts beside the keepers, as ``NAME.jpg.xmp``; never into a picture.

        Each is an act in the journal: `undo` deletes it, unless it was edited since.

        Parameters
        ----------
        offered
            As from `sidecars`, without unwanted rows; before or after the plan is applied.
        user
            The acting user; members write beside their own files only.
        batch
            Name of the sitting; by default that of this workbench.

        Returns
        -------
        DataFrame
            keeper_id, path (of the sidecar), why (it was not written: it exists already, or the
            file is in the store).

        Raises
        ------
        QueryError
            If the frame lacks these columns, for example the plan itself.
        """
        lacking = {"keeper_id", "fact", "value"} - set(offered)
        if lacking:
            message = f"the frame has no column {min(lacking)}; give what sidecars(plan) offers"
            raise QueryError(message)
        who = self.accounts.get(self.accounts.require_enabled(user))
        parts = {int(str(key)): part for key, part in offered.groupby("keeper_id")}
        files = self.catalog.run(journal.files_of_images, list(parts))
        wanted, refused = [], {}
        for keeper_id, part in parts.items():
            facts = dict(zip(part["fact"], part["value"], strict=True))
            try:
                file = sidecar.require_writable(
                    files.get(keeper_id), who.name, is_admin=who.role == "admin"
                )
            except ActRefused as error:
                refused[keeper_id] = str(error)
            else:
                wanted.append(Sidecar(file, sidecar.packet(facts)))
        found = self._write_sidecars(wanted, who.name, batch)
        places = {it.keeper.file_id: shown(it.path) for it in wanted}
        refused |= {it.keeper.file_id: why for it, why in zip(wanted, found, strict=True) if why}
        rows = [
            {
                "keeper_id": keeper_id,
                "path": None if keeper_id in refused else places[keeper_id],
                "why": refused.get(keeper_id),
            }
            for keeper_id in parts
        ]
        frame = pd.DataFrame(rows, columns=["keeper_id", "path", "why"])
        return frame.astype({"path": "str", "why": "str"})

    def plan(
        self,
        clusters: pd.DataFrame | None = None,
        *,
        policy: KeeperPolicy | str | Score = "standard",
        where: str | None = None,
        act: str = "auto",
        pinned: Iterable[int] = (),
        reference: Folder | Iterable[Folder] = (),
        progress: ProgressOption = True,
    ) -> pd.DataFrame:
        """Plan the acts that leave of each cluster only the file that a policy keeps.

        Nothing is changed; `apply` acts. A plan can be edited, or written by
        `imgurer_kernel.review.plan.write_plan` and read again by `apply`.

        Parameters
        ----------
        clusters
            As from `clusters`, by file; by default all.
        policy
            ``"standard"``; an SQL expression over the columns of `imgurer_kernel.review.view.VIEW`
            or a function of such a frame, either of which keeps the file with the largest value; or
            a policy such as `imgurer_kernel.review.policy.folder_order`.
        where
            An SQL condition over these columns: only matching files are removed. An unknown label,
            state or verdict is refused.
        act
            ``"auto"``: files in the store go to the trash of the store, files on disk to the folder
            ``.imgurer-trash`` of the ingested folder. Or one of `imgurer_kernel.review.acts.ACTS`;
            ``"trash"`` on a file that the store has a copy of removes its source on disk, too.
        pinned
            file_ids to keep whatever the policy says.
        reference
            Folders from which nothing is removed.

        Returns
        -------
        DataFrame
            A row for each file to remove, with the columns `imgurer_kernel.review.plan.PLAN`.

        Raises
        ------
        QueryError, PlanInvalid
            If the policy, the condition or the act is invalid.
        """
        chosen = self.queue(
            clusters, policy=policy, pinned=pinned, reference=reference, progress=progress
        )
        return self._plan(chosen, where, act)

    def _plan(self, chosen: pd.DataFrame, where: str | None, act: str) -> pd.DataFrame:
        goes = plans.goes(chosen)
        if where is not None:
            require_known_values(where)
            goes &= evaluate(chosen, where).fillna(False).astype(bool)
        # The condition last: without the files that stay, no other name of one is known as such.
        chosen = chosen[goes]
        ids = {*chosen["file_id"].tolist(), *chosen["keeper_id"].tolist()}
        files = self.catalog.run(journal.files_of_images, ids)
        return plans.make_plan(chosen, files, act)

    def queue(
        self,
        clusters: pd.DataFrame | None = None,
        *,
        policy: KeeperPolicy | str | Score = "standard",
        pinned: Iterable[int] = (),
        reference: Folder | Iterable[Folder] = (),
        measure: bool = True,
        progress: ProgressOption = True,
    ) -> pd.DataFrame:
        """List clusters with the keeper by a policy, the reasons, and decisions.

        Parameters
        ----------
        clusters, policy, pinned, reference
            As for `plan`.
        measure
            Measure originals that are not measured yet, some 100 ms each, and compare pictures with
            their keeper where no search did, some 20 ms each; once. False uses only what is known.
            Exact copies need no measuring.

        Returns
        -------
        DataFrame
            The rows of `clusters`, with is_keeper by the policy, and label: that against the keeper
            (`imgurer_kernel.review.labels`; medoid_label is the one against the medoid); the
            columns of `imgurer_kernel.review.view.VIEW`; keeper_id, keeper_rule and keeper_reason;
            is_other_name (a link, or another name of a file that stays: no plan removes it);
            verdict (empty if undecided), decided_by, new_since_decision (added to a decided cluster
            since) and disputed. ``attrs["unmeasured"]`` counts the originals and pairs that are
            left to measure and to compare.
        """
        if clusters is None:
            selection = FileSelection.parse(
                folders=None, between=False, reference=reference, exclude=(), min_size=0,
                states=("present",),
            )  # fmt: skip
            clusters = self._search.clusters(
                None, selection, "file", verify=True, thorough=False, progress=progress
            )
        else:
            clusters = cluster_rows(clusters, CLUSTER_FILES)
        digests = keepers.worth_measuring(clusters)
        with staged(progress) as report:
            known = (
                measured(self.store, digests, report) if measure else recall(self.store, digests)
            )
        ids = distinct(clusters["image_id"].to_numpy(np.int64))
        with self.catalog.transaction() as connection:
            images = queries.images(connection, ids, keepers.POLICY_FACTS)
            files = catalog_files.present_files(
                connection, ids, get_args(FileState), keepers.POLICY_FILE_FACTS
            )
        # Files forgotten since the search cannot be kept.
        clusters = clusters[clusters["file_id"].isin(files["file_id"])]
        kept = keepers.chosen(clusters, files, images, known, policy_of(policy), pinned)
        with staged(progress) as report:
            kept, left = with_labels(kept, self._search, self.catalog, report if measure else None)
        kept = kept.assign(is_other_name=plans.is_other_name(kept))
        frame = with_decisions(kept, self._verdicts())
        frame.attrs["unmeasured"] = len(set(digests) - known.keys()) + left
        return frame

    def unmeasured(self, clusters: pd.DataFrame) -> int:
        """Count the originals that `queue` and `plan` would measure, at some 100 ms each."""
        digests = keepers.worth_measuring(clusters)
        return len(digests) - len(recall(self.store, digests))

    def labelled(self, queue: pd.DataFrame, progress: ProgressOption = True) -> pd.DataFrame:
        """Return rows of a queue with labels against the present keeper."""
        with staged(progress) as report:
            return with_labels(queue, self._search, self.catalog, report)[0]
