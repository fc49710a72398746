"""Build the frames of `clusters`: by file, or by image."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal, Self

import numpy as np
import pandas as pd

from imgurer_kernel.common.arrays import distinct
from imgurer_kernel.common.types import Int64s
from imgurer_kernel.fingerprint.original import OriginalFacts
from imgurer_kernel.matching.clusters.cluster_table import LabelledClusters
from imgurer_kernel.report.frames import IMAGE_FACTS, MEMBER_FACTS, cluster_frame, file_frame
from imgurer_kernel.review.decisions import Verdicts, set_apart
from imgurer_kernel.review.keeper import file_order
from imgurer_kernel.review.measure import recalled
from imgurer_kernel.store.catalog import Connection, decisions, files, queries
from imgurer_kernel.workbench.clusters.file_selection import DiskCheck, FileSelection
from imgurer_kernel.workbench.clusters.keepers import POLICY_FACTS, standard_keepers

By = Literal["file", "image"]


def decided_apart(connection: Connection) -> dict[int, set[int]]:
    """Return for each image, by id, those decided to be different from it."""
    verdicts = Verdicts.of(decisions.all_decisions(connection))
    digests = {digest for pair in verdicts.different for digest in pair}
    return verdicts.apart(queries.ids_by_digest(connection, sorted(digests)))


@dataclass(frozen=True, slots=True, eq=False)
class ClusterFacts:
    """Clusters of images with facts of images and files, all of one snapshot.

    Attributes
    ----------
    grouped
        The clusters.
    images
        `IMAGE_FACTS` of all members, and of images in no cluster that have several files;
        `MEMBER_FACTS` where they are read for frames by image.
    files
        Files of these images, as `imgurer_kernel.store.catalog.files.present_files` has them.
    measured, details
        Measurements of originals, by digest, and `POLICY_FACTS` of these images.
    """

    grouped: LabelledClusters
    images: pd.DataFrame
    files: pd.DataFrame
    measured: Mapping[str, OriginalFacts]
    details: pd.DataFrame

    @classmethod
    def read(
        cls, connection: Connection, grouped: LabelledClusters, selection: FileSelection, by: By
    ) -> Self:
        """Read the facts for `frame` by file or by image, within a transaction."""
        grouped = set_apart(grouped, decided_apart(connection))
        several = files.images_with_several(connection, selection.states)
        wanted = distinct(grouped.clusters.members, several)
        # Names of images are those of a file, and take as long to find as everything else.
        shown = MEMBER_FACTS if by == "image" else IMAGE_FACTS
        images = queries.images(connection, wanted, [*dict.fromkeys(shown + POLICY_FACTS)])
        return cls(
            grouped=grouped,
            images=images[shown],
            files=files.present_files(connection, wanted, selection.states),
            measured=recalled(connection, images["digest"].tolist()),
            details=images[POLICY_FACTS],
        )

    def with_measured(self, found: Mapping[str, OriginalFacts]) -> Self:
        """Return a copy with further measurements, by digest."""
        return replace(self, measured={**self.measured, **found})

    def uncoloured(self) -> dict[int, str]:
        """Return the digests, by id, of members that are not known to be gray or coloured."""
        unknown = self.details.loc[self.details["is_gray"].isna(), "image_id"]
        members = self.images[self.images["image_id"].isin(unknown)]
        members = members[members["image_id"].isin(self.grouped.clusters.members)]
        digests = dict(zip(members["image_id"].tolist(), members["digest"].tolist(), strict=True))
        return {key: digest for key, digest in digests.items() if digest not in self.measured}

    def with_grays(self, is_gray: Mapping[int, bool]) -> Self:
        """Return a copy with is_gray filled in where it was unknown, by image id."""
        known = self.details["is_gray"]
        found = self.details["image_id"].map(is_gray)
        return replace(self, details=self.details.assign(is_gray=known.where(known.notna(), found)))

    def unmeasured(self, digests: Iterable[str]) -> list[str]:
        """List the digests whose originals were not measured."""
        return [digest for digest in digests if digest not in self.measured]

    @property
    def is_whole(self) -> bool:
        """Whether every member still exists."""
        return bool(np.isin(self.grouped.clusters.members, self.images["image_id"]).all())

    def checked_files(self, selection: FileSelection, disk_check: DiskCheck) -> pd.DataFrame:
        """Return the files that take part and are unchanged, and all others of their images.

        Columns `imgurer_kernel.report.frames.FILE_FACTS` and place.
        """
        ids, names = self.images["image_id"].tolist(), self.images["digest"].tolist()
        digests = dict(zip(ids, names, strict=True))
        return disk_check.at(selection.marked(self.files), digests)

    def members_without_files(self, checked: pd.DataFrame) -> Int64s:
        """List members none of whose files takes part: image_ids, ascending."""
        listed = checked.loc[checked["is_listed"].astype(bool), "image_id"]
        members = self.grouped.clusters.members
        return distinct(members[~np.isin(members, listed.to_numpy(np.int64))])

    def frame(self, checked: pd.DataFrame, selection: FileSelection, by: By) -> pd.DataFrame:
        """Build the frame, a row for each file or for each image."""
        links = checked.loc[checked["links"] < 0, "file_id"]
        keepers = partial(
            standard_keepers,
            files=self.files.assign(is_link=self.files["file_id"].isin(links)),
            images=self.details.assign(within_frame=self._within_frame()),
            measured=self.measured,
        )
        frame = file_frame(self.grouped, self.images, checked, file_order, keepers)
        if by == "image":
            kept = frame.loc[frame["is_keeper"], "image_id"]
            frame = cluster_frame(
                self.grouped, self.images, lambda members: members["image_id"].isin(kept).to_numpy()
            )
        return selection.spanning(frame, checked)

    def _within_frame(self) -> "pd.Series[float]":
        """Return the share within a frame for each of `details`: measured, or from searches."""
        share = pd.Series(self.grouped.within_frame, self.grouped.clusters.members, float)
        shares = self.details["image_id"].map(share)
        if not self.measured:
            return shares
        digests = self.details["image_id"].map(self.images.set_index("image_id")["digest"])
        known = {digest: facts.within_frame for digest, facts in self.measured.items()}
        return digests.map(known).fillna(shares).astype(float)
