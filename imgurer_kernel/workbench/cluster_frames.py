"""Build the frames of `clusters`: by file, or by image."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Self

import numpy as np
import pandas as pd

from imgurer_kernel.common.types import Int64s
from imgurer_kernel.fingerprint.original import OriginalFacts
from imgurer_kernel.matching.clusters.cluster_table import LabelledClusters
from imgurer_kernel.report.frames import MEMBER_FACTS, cluster_frame, file_frame
from imgurer_kernel.review.decisions import Verdicts, set_apart
from imgurer_kernel.review.keeper import file_order, keepers
from imgurer_kernel.review.measure import recalled
from imgurer_kernel.store.catalog import Connection, decisions, files, queries
from imgurer_kernel.workbench.file_selection import DiskCheck, FileSelection
from imgurer_kernel.workbench.keepers import with_known_keepers

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
        `MEMBER_FACTS` of all members, and of images in no cluster that have several files.
    files
        Files of these images, as `imgurer_kernel.store.catalog.files.present_files` has them.
    measured, details
        What was measured of originals, by digest, and all facts of these images.
    """

    grouped: LabelledClusters
    images: pd.DataFrame
    files: pd.DataFrame
    measured: Mapping[str, OriginalFacts]
    details: pd.DataFrame

    @classmethod
    def read(
        cls, connection: Connection, grouped: LabelledClusters, selection: FileSelection
    ) -> Self:
        """Read the facts, within a transaction."""
        grouped = set_apart(grouped, decided_apart(connection))
        several = files.images_with_several(connection, selection.states)
        wanted = np.union1d(grouped.clusters.members, several)
        images = queries.images(connection, wanted, MEMBER_FACTS)
        measured = recalled(connection, images["digest"].tolist())
        known = images.loc[images["digest"].isin(list(measured)), "image_id"]
        return cls(
            grouped=grouped,
            images=images,
            files=files.present_files(connection, wanted, selection.states),
            measured=measured,
            details=queries.images(connection, known.to_numpy(np.int64)),
        )

    @property
    def is_whole(self) -> bool:
        """Whether every member still exists."""
        return bool(np.isin(self.grouped.clusters.members, self.images["image_id"]).all())

    def seen(self, selection: FileSelection, look: DiskCheck) -> pd.DataFrame:
        """Return the files that take part and are unchanged, and all others of their images.

        Columns `imgurer_kernel.report.frames.FILE_FACTS` and place.
        """
        digests = dict(zip(self.images["image_id"], self.images["digest"], strict=True))
        return look.at(selection.marked(self.files), digests)

    def without_files(self, seen: pd.DataFrame) -> Int64s:
        """List members of which no file takes part: image_ids, ascending."""
        listed = seen.loc[seen["is_listed"].astype(bool), "image_id"]
        return np.setdiff1d(self.grouped.clusters.members, listed.to_numpy(np.int64))

    def frame(self, seen: pd.DataFrame, selection: FileSelection, by: By) -> pd.DataFrame:
        """Build the frame, a row for each file or for each image."""
        if by == "image":
            frame = cluster_frame(self.grouped, self.images, keepers)
        else:
            frame = file_frame(self.grouped, self.images, seen, keepers, file_order)
            frame = with_known_keepers(frame, self.files, self.details, self.measured)
        return selection.spanning(frame, seen)
