"""Reports on a store: its clusters with all that is known of them, in one object."""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, get_args

import numpy as np
import pandas as pd

from imgurer_kernel.common.progress import ProgressOption
from imgurer_kernel.common.records import FileState
from imgurer_kernel.common.text import count
from imgurer_kernel.fingerprint.extract import ALGORITHM
from imgurer_kernel.matching.clusters.budget import SearchScope
from imgurer_kernel.matching.pair_table import Pairs
from imgurer_kernel.report.cluster_rows import cluster_rows
from imgurer_kernel.report.frames import CLUSTER_FILES
from imgurer_kernel.report.leakage import Conflicts, Leakage, leakage
from imgurer_kernel.report.page_data import FileBeside
from imgurer_kernel.report.page_pictures import Thumbnail
from imgurer_kernel.report.report import Report
from imgurer_kernel.report.run_card import RunCard, versions
from imgurer_kernel.review.beside import companions_of
from imgurer_kernel.review.policy import KeeperPolicy, Score, policy_of
from imgurer_kernel.store.catalog import Connection, journal, queries
from imgurer_kernel.store.catalog import files as catalog_files
from imgurer_kernel.workbench.clusters.file_selection import FileSelection, Folder
from imgurer_kernel.workbench.clusters.keepers import MEASURED
from imgurer_kernel.workbench.clusters.pair_evidence import pair_evidence
from imgurer_kernel.workbench.methods.likeness import LikenessMethods
from imgurer_kernel.workbench.search.evidence import CANDIDATE_RADIUS
from imgurer_kernel.workbench.search.related import related_pairs

_FACTS = ["image_id", "filename", "format", "informative", "algorithm"]
_WHY = {
    "missing": "it was not at the path that it was ingested from at the last scan",
    "changed": "its path held other content at the last scan",
}


class ReportMethods(LikenessMethods):
    """Makes reports on duplicates and on leakage between data sets."""

    def report(  # noqa: PLR0913 - all options, each by name
        self,
        clusters: pd.DataFrame | None = None,
        *,
        radius: int | None = None,
        verify: bool = True,
        thorough: bool = False,
        folders: Folder | Iterable[Folder] | None = None,
        between: bool = False,
        reference: Folder | Iterable[Folder] = (),
        exclude: str | Iterable[str] = (),
        min_size: int = 0,
        states: Sequence[FileState] = ("present",),
        policy: KeeperPolicy | str | Score = "standard",
        measure: bool | None = None,
        ingested: pd.DataFrame | None = None,
        now: datetime | None = None,
        progress: ProgressOption = True,
    ) -> Report:
        """Make a report on duplicates, which notebooks display, and which can be saved as files.

        Parameters
        ----------
        clusters
            As from `clusters`, called with the same parameters; by default it is called here.
        radius, verify, thorough, folders, between, reference, exclude, min_size, states
            As for `clusters`.
        policy, measure
            How the keeper of each cluster is chosen, as for `queue`. By default originals are
            measured if at most 200 are not measured yet. Otherwise the report says so, since a plan
            of `plan`, which measures all, may then keep other files.
        ingested
            A frame of `ingest`, whose rejected files are listed as skipped. By default the
            rejections of this workbench; the store does not record such files.
        now
            The time printed in the report; by default the present time.
        progress
            As in `clusters`.

        Returns
        -------
        Report
            For the same store and parameters the report is the same, byte for byte in every format,
            apart from its time.

        Examples
        --------
        >>> wb.report().save("duplicates.html")  # doctest: +SKIP
        """
        selection = FileSelection.parse(
            folders=folders,
            between=between,
            reference=reference,
            exclude=exclude,
            min_size=min_size,
            states=states,
        )
        if clusters is None:
            clusters = self._search.clusters(
                radius, selection, "file", verify=verify, thorough=thorough, progress=progress
            )
        else:
            clusters = cluster_rows(clusters, CLUSTER_FILES)
        attrs = dict(clusters.attrs)
        unmeasured = self.unmeasured(clusters)
        if measure is None:
            measure = unmeasured <= MEASURED
        chosen = self.queue(
            clusters, policy=policy, reference=reference, measure=measure, progress=progress
        )
        with self.catalog.transaction() as connection:
            files, skipped = _files(connection, selection)
            statistics = queries.statistics(connection)
        service = self._search.cluster_service
        pairs = service.pairs(radius, thorough=thorough) if verify else None
        related = service.related(radius, thorough=thorough) if verify else None
        rejected = _rejected(ingested, self.rejections)
        more = {
            "pairs": pair_evidence(clusters, pairs),
            "related": self._related(related, files["image_id"]),
            "skipped": pd.concat([rejected, skipped], ignore_index=True),
        }
        counts = {
            "pictures": int(files["image_id"].nunique()),
            "files": len(files),
            "bytes": int(files["bytes"].sum()),
        }
        return Report.of(
            chosen,
            files=files,
            more=more,
            counts=counts,
            thumbnail=self._thumbnails_of(chosen),
            beside=self._beside(chosen),
            explain=lambda one, other: self._search.explain(one, other, None).figure().jpeg(72),
            card=RunCard(
                made_at=(now or datetime.now(UTC)).astimezone(UTC),
                parameters={
                    "radius": radius,
                    "verify": verify,
                    "thorough": thorough,
                    "folders": _texts(selection.folders),
                    "between": between,
                    "reference": _texts(selection.reference),
                    "exclude": list(selection.exclude),
                    "min_size": min_size,
                    "states": list(selection.states),
                    "policy": policy_of(policy).name,
                    "measure": measure,
                },
                algorithm=ALGORITHM,
                versions=versions(),
                plan=str(attrs.get("plan", "")),
                counts={"images in the store": statistics.images, **counts},
                skipped=_counted(more["skipped"], int(attrs.get("stale_files", 0))),
                for_cost=(
                    *self._for_cost(radius, verify=verify, thorough=thorough),
                    *(() if measure or not unmeasured else (not_measured(unmeasured),)),
                ),
            ),
        )

    def leakage(
        self,
        train: Folder,
        test: Folder,
        *,
        conflicts: Conflicts = "drop",
        progress: ProgressOption = True,
    ) -> Leakage:
        """Find test pictures of a data set with a duplicate in train, and pictures with two labels.

        Parameters
        ----------
        train, test
            Folders of the splits, already ingested; their subfolders are the classes.
        conflicts
            ``"drop"`` drops train pictures that have two labels in train.
        progress
            As in `clusters`.

        Returns
        -------
        Leakage
            Frames by file and by class, and the files to keep and to drop:
            `imgurer_kernel.report.leakage.leakage`.

        Raises
        ------
        QueryError
            If no file of one folder is known, or one folder is inside the other.

        Examples
        --------
        >>> wb.leakage("data/train", "data/test").save("splits")  # doctest: +SKIP
        """
        selection = FileSelection.parse(folders=[train, test])
        clusters = self._search.clusters(
            None, selection, "file", verify=True, thorough=False, progress=progress
        )
        with self.catalog.transaction() as connection:
            files, _ = _files(connection, selection)
        return leakage(clusters, files, train, test, conflicts=conflicts)

    def _related(self, related: Pairs | None, taking_part: "pd.Series[int]") -> pd.DataFrame:
        if related is None:
            return pd.DataFrame()
        ids = np.intersect1d(np.union1d(related.first, related.second), taking_part)
        return related_pairs(related, self.catalog.run(queries.images, ids, _FACTS))

    def _thumbnails_of(self, files: pd.DataFrame) -> Thumbnail:
        """Return a function from image_id to thumbnail that needs no query for each digest."""
        digests = dict(zip(files["image_id"].tolist(), files["digest"].tolist(), strict=True))
        return lambda image_id: self.blobs.thumbnail(digests[image_id])

    def _beside(self, chosen: pd.DataFrame) -> tuple[FileBeside, ...]:
        """Look up what lies beside the files that acts would take out of their folders."""
        ids = chosen["file_id"].tolist()
        files = self.catalog.run(journal.files_of_images, set(ids))
        paths = {
            key: each
            for each in ids
            if each in files and files[each].is_in_place and (key := files[each].path_key)
        }
        return tuple(
            FileBeside(name, is_sidecar, tuple(paths[key] for key in keys), has_others)
            for name, is_sidecar, keys, has_others in companions_of(paths)
        )

    def _for_cost(self, radius: int | None, *, verify: bool, thorough: bool) -> tuple[str, ...]:
        if not verify:
            return ()
        answer = self._search.cluster_service.last(radius, thorough=thorough)
        return () if answer is None or radius is not None else left_out(answer.scope)


def not_measured(originals: int) -> str:
    """Explain the consequence of originals that are not measured.

    Examples
    --------
    >>> not_measured(1).partition(", so")[0]
    '1 original was not measured'
    """
    were = f"{count(originals, 'original')} {'was' if originals == 1 else 'were'}"
    return (
        f"{were} not measured, so that a plan by wb.plan() or imgurer review plan, which measures, "
        "may keep other files than these; a report with measure=True (--measure) keeps the same."
    )


def left_out(scope: SearchScope) -> tuple[str, ...]:
    """Explain what a search has left out because it would have taken too long.

    Examples
    --------
    >>> left_out(SearchScope(radius=20, spot_radius=4))
    ('Pictures were compared within 20 bits, and not within 24: there are many.',)
    """
    words = []
    if scope.radius < CANDIDATE_RADIUS:
        words.append(
            f"Pictures were compared within {scope.radius} bits, and not within "
            f"{CANDIDATE_RADIUS}: there are many."
        )
    if not scope.windows:
        words.append("Crops were not searched for by windows: there are too many pictures.")
    if not scope.spot_radius:
        why = f" ({scope.no_spots})" if scope.no_spots else ""
        words.append(f"Parts of pictures were not searched for by spots{why}.")
    return tuple(words)


def _files(connection: Connection, selection: FileSelection) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Read the files that take part, and those left out only because of their state."""
    known = selection.marked(catalog_files.present_files(connection, None, get_args(FileState)))
    images = queries.images(connection, None, _FACTS)
    facts = known.merge(images.drop(columns="filename"), on="image_id", how="left")
    listed = facts["is_listed"].to_numpy(bool)
    # In the requested folders and sizes, and left out by the state alone.
    wanted = replace(selection, states=get_args(FileState))
    away = facts[wanted.marked(facts)["is_listed"].to_numpy(bool) & ~listed]
    # Earlier content of a path is a row of its own; it is not listed as left out.
    away = away[away["path"].isna() | ~away["path"].isin(facts.loc[listed, "path"])]
    place = away["path"].where(away["path"].notna(), away["filename"])
    skipped = [away.assign(why=away["state"], place=place, reason=away["state"].map(_WHY))]
    for why, reason, rows in (
        (
            "outdated",
            "its fingerprint is of an earlier version, and its original cannot be read",
            facts["algorithm"] != ALGORITHM,
        ),
        (
            "too flat",
            "too flat for its hash to mean anything: only equal pixels make it a duplicate",
            ~facts["informative"].fillna(True).astype(bool),
        ),
    ):
        part = facts[rows & listed]
        place = part["path"].where(part["path"].notna(), part["filename"])
        skipped.append(part.assign(why=why, place=place, reason=reason))
    columns = ["why", "place", "reason", "file_id", "image_id"]
    left = pd.concat([each[columns] for each in skipped], ignore_index=True)
    left = left.sort_values(["why", "place", "file_id"], ignore_index=True)
    return facts[listed].reset_index(drop=True), left


def _rejected(ingested: pd.DataFrame | None, before: Mapping[str, str]) -> pd.DataFrame:
    if ingested is None:
        frame = pd.DataFrame(before.items(), columns=["place", "reason"])
    else:
        rows = ingested[ingested["status"] == "rejected"]
        frame = pd.DataFrame({"place": rows["source"], "reason": rows["reason"]})
    return frame.assign(why="rejected").sort_values("place", ignore_index=True)


def _counted(skipped: pd.DataFrame, stale: int) -> dict[str, Any]:
    found = skipped["why"].value_counts().sort_index() if len(skipped) else pd.Series(dtype=int)
    counts = {str(why): int(number) for why, number in found.items()}
    return {**counts, **({"not on disk as they were": stale} if stale else {})}


def _texts(folders: Iterable[bytes] | None) -> list[str] | None:
    return None if folders is None else [os.fsdecode(folder) for folder in folders]
