"""Build the frames that searches and `clusters` return."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pandas as pd

from imgurer_kernel.common.arrays import group_starts
from imgurer_kernel.common.types import BoolMask, Int64s
from imgurer_kernel.matching.clusters.cluster_table import LabelledClusters
from imgurer_kernel.report.freed import IN_PLACE, disk_files, freed
from imgurer_kernel.report.other_names import links_of

SIMILAR = [
    "image_id",
    "distance",
    "orientation",
    "score",
    "verdict",
    "digest",
    "filename",
    "width",
    "height",
]
CLUSTERS = [
    "cluster_id",
    "image_id",
    "digest",
    "filename",
    "is_medoid",
    "is_keeper",
    "distance_to_medoid",
    "diameter",
    "score",
    "label",
    "width",
    "height",
    "bytes",
]
CLUSTER_FILES = [
    *("cluster_id", "file_id", "image_id", "path", "filename", "user", "state", "digest"),
    *("is_medoid", "is_keeper", "is_reference", "distance_to_medoid", "diameter", "score"),
    *("label", "width", "height", "bytes", "link_of", "frees_disk", "frees_store"),
]
MEMBER_FACTS = ["image_id", "digest", "filename", "width", "height", "bytes"]
"""Columns of the catalog's images that `cluster_frame` needs."""
IMAGE_FACTS = [name for name in MEMBER_FACTS if name != "filename"]
"""Those that `file_frame` needs."""
FILE_FACTS = [
    *("file_id", "image_id", "path", "filename", "user", "state", "kept", "bytes", "device"),
    *("inode", "links", "is_blob", "target", "taken_in", "is_reference", "is_listed"),
]
"""Columns of files that `file_frame` needs; its docstring describes the computed ones."""
_SHOWN = [name for name in FILE_FACTS if name not in {"bytes", "is_listed"}]

Policy = Callable[[pd.DataFrame], BoolMask]
"""Function that marks the row of each ``cluster_id`` that is kept."""
FileOrder = Callable[[pd.DataFrame], Int64s]
"""Function that orders rows of files by preference to keep."""


def similar_frame(found: pd.DataFrame, images: pd.DataFrame) -> pd.DataFrame:
    """Build the frame of a search, by (distance, image_id).

    Parameters
    ----------
    found
        Columns image_id, distance, orientation, score, verdict.
    images
        The catalog's rows of these images.
    """
    facts = images[["image_id", "digest", "filename", "width", "height"]]
    frame = found.merge(facts, on="image_id")
    return frame.sort_values(["distance", "image_id"], ignore_index=True)[SIMILAR]


def cluster_frame(
    grouped: LabelledClusters,
    images: pd.DataFrame,
    keepers: Policy,
) -> pd.DataFrame:
    """Build a row for each member: largest cluster first, in it the medoid, then by distance.

    Parameters
    ----------
    grouped
        The clusters, numbered from 0 in this order.
    images
        The catalog's rows of all members: `MEMBER_FACTS` at least.
    keepers
        The policy: marks the row of each cluster that is kept.
    """
    frame = _members(grouped, images[MEMBER_FACTS])
    frame["is_medoid"] = ~frame["cluster_id"].duplicated()
    frame["is_keeper"] = keepers(frame)
    return frame[CLUSTERS]


def file_frame(
    grouped: LabelledClusters,
    images: pd.DataFrame,
    files: pd.DataFrame,
    file_order: FileOrder,
    keepers: Policy,
) -> pd.DataFrame:
    """Build a row for each file: most files first, in each cluster the medoid's, then by distance.

    Images with several files and in no cluster become clusters of their own, listed after others
    with as many files, by digest. Rows and time grow with the number of files.

    Parameters
    ----------
    grouped
        The clusters of images, in order.
    images
        The catalog's rows of all members and of all other images with several listed files:
        `IMAGE_FACTS` at least.
    files
        All present files of these images, and others if wanted: `FILE_FACTS`. Files that are not
        is_listed have no row, but keep the bytes that they share from being freed. is_reference:
        never offered for removal. links, is_blob: see `freed`. target: what a symbolic link leads
        to.
    file_order
        Orders files of one image: the first one represents it, the others are further copies.
    keepers
        The policy: marks the kept rows, given all columns but those of freed bytes.

    Returns
    -------
    DataFrame
        cluster_id, file_id, image_id, path (missing for an upload), filename, user, state, digest,
        is_medoid and is_keeper (one row of each cluster), is_reference, distance_to_medoid,
        diameter (bits that no two members exceed), score (agreement of the pictures, or share of
        equal bits), label (``identical`` for further files of an image), width, height, bytes,
        link_of (path of the file that this one is another name of, by a hard link or a symbolic
        link; missing for files of their own, and for those that the store has a copy of),
        frees_disk and frees_store: the bytes freed, on disk and in the store, once all rows but
        keepers and references are removed. A row with link_of frees nothing.
    """
    order = _by_preference(files, file_order)
    # A damaged catalog may have files of no image, which `check` finds.
    has_image = files["image_id"].isin(images["image_id"]).to_numpy(bool)
    is_listed = files["is_listed"].to_numpy(bool) & has_image
    members = _Members.of(grouped, images, files["image_id"].to_numpy(np.int64)[is_listed])
    rows = members.with_files(images, files, order[is_listed[order]])
    rows["is_keeper"] = keepers(rows[[name for name in CLUSTER_FILES if name in rows]])
    # Unlisted files stay, and so hold the bytes that they share with listed files.
    unlisted = files.iloc[order[~is_listed[order]]]
    together = rows
    if len(unlisted):
        together = pd.concat([rows, unlisted[_SHOWN].assign(bytes=0)], ignore_index=True)
    disk_file = disk_files(together)
    rows["link_of"] = pd.array(_links(rows, disk_file[: len(rows)]), dtype="str")
    stays = (rows["is_keeper"] | rows["is_reference"] | (rows["state"] != "present")).to_numpy(bool)
    all_stay = np.concatenate((stays, np.ones(len(unlisted), bool)))
    on_disk, in_store = freed(together, all_stay, disk_file)
    rows["frees_disk"], rows["frees_store"] = on_disk[: len(rows)], in_store[: len(rows)]
    return rows[CLUSTER_FILES]


def _by_preference(files: pd.DataFrame, file_order: FileOrder) -> Int64s:
    """Order files so that the first one of each image represents it, int64 (n,) of positions."""
    # Only images with several files: most have one, and sorting text is slow.
    several = files["image_id"].duplicated(keep=False).to_numpy(bool)
    shared = np.flatnonzero(several)
    if len(shared):
        shared = shared[file_order(files.iloc[shared])]
    return np.concatenate((shared, np.flatnonzero(~several)))


@dataclass(frozen=True, slots=True, eq=False)
class _Members:
    """Images of clusters, the medoid of each first; all arrays have the shape (m,).

    Arrays instead of frames: most clusters are of few files, for which each join of pandas takes
    more time than all of the arithmetic.
    """

    cluster: Int64s
    image_id: Int64s
    facts: Mapping[str, np.ndarray]

    @classmethod
    def of(cls, grouped: LabelledClusters, images: pd.DataFrame, listed: Int64s) -> Self:
        """Take the clusters, and one for each other image of several files, by digest.

        Parameters
        ----------
        listed
            int64 (k,): the image of each file that has a row.
        """
        clusters = grouped.clusters
        image_ids, counts = np.unique(listed, return_counts=True)
        alone = image_ids[(counts > 1) & ~np.isin(image_ids, clusters.members)]
        digests = images["digest"].to_numpy(object)[_rows_of(images, alone)]
        alone = alone[np.argsort(digests)]
        further = len(alone)
        first = int(clusters.numbers.max(initial=-1)) + 1
        return cls(
            cluster=np.concatenate((clusters.numbers, np.arange(first, first + further))),
            image_id=np.concatenate((clusters.members, alone)),
            facts={
                "distance_to_medoid": np.append(clusters.distances, np.zeros(further, np.int64)),
                "diameter": np.append(
                    np.repeat(clusters.diameters, clusters.sizes), np.zeros(further, np.int64)
                ),
                "score": np.append(clusters.scores, np.ones(further)),
                "label": np.append(grouped.labels, np.full(further, "medoid", object)),
            },
        )

    def with_files(self, images: pd.DataFrame, files: pd.DataFrame, listed: Int64s) -> pd.DataFrame:
        """Build a row for each listed file; the clusters of most files first, numbered from 0.

        A cluster with one file has no duplicates to show, and is left out.

        Parameters
        ----------
        listed
            int64 (k,): positions in `files`; those of one image by preference.
        """
        of_file = files["image_id"].to_numpy(np.int64)[listed]
        by_image = np.argsort(of_file, kind="stable")
        first = np.searchsorted(of_file[by_image], self.image_id)
        counts = np.searchsorted(of_file[by_image], self.image_id, "right") - first
        member = np.repeat(np.arange(len(counts)), counts)
        number = np.arange(len(member)) - np.repeat(np.cumsum(counts) - counts, counts)

        cluster = self.cluster[member]
        sizes = np.bincount(cluster, minlength=1)[cluster]
        # Ties keep their order.
        order = np.lexsort((np.arange(len(member)), cluster, -sizes))
        order = order[sizes[order] > 1]
        member, number = member[order], number[order]
        is_first = group_starts(cluster[order])
        columns: dict[str, Any] = {
            "cluster_id": np.cumsum(is_first) - 1,
            "image_id": self.image_id[member],
            "is_medoid": is_first,
        }
        columns |= {name: values[member] for name, values in self.facts.items()}
        columns["label"] = pd.array(
            np.where(number > 0, "identical", self.facts["label"][member]), dtype="str"
        )
        rows = listed[by_image[first[member] + number]]
        columns |= {name: files[name].array.take(rows) for name in _SHOWN if name not in columns}
        rows = _rows_of(images, columns["image_id"])
        columns |= {
            name: images[name].array.take(rows) for name in IMAGE_FACTS if name not in columns
        }
        return pd.DataFrame(columns)


def _rows_of(images: pd.DataFrame, image_ids: Int64s) -> Int64s:
    """Return the position of each id in the catalog's images, which have them all."""
    rows: Int64s = pd.Index(images["image_id"]).get_indexer(pd.Index(image_ids))
    assert rows.min(initial=0) >= 0  # noqa: S101 (files and images are of one snapshot)
    return rows


def _links(rows: pd.DataFrame, disk_file: Int64s) -> npt.NDArray[np.object_]:
    """Return for each file the path of the file that it is another name of, or None."""
    is_there = (rows["kept"].isin(IN_PLACE) & (rows["state"] == "present")).to_numpy(bool)
    return links_of(
        np.where(is_there, disk_file, -1),
        rows["path"].tolist(),
        rows["target"].tolist(),
        (rows["links"] < 0).to_numpy(bool) & is_there,
        *(rows[name].to_numpy(bool) for name in ("is_keeper", "is_reference")),
    )


def _members(grouped: LabelledClusters, images: pd.DataFrame) -> pd.DataFrame:
    """Join the members of all clusters, in order, with facts."""
    clusters = grouped.clusters
    members = pd.DataFrame(
        {
            "cluster_id": clusters.numbers,
            "image_id": clusters.members,
            "distance_to_medoid": clusters.distances,
            "diameter": np.repeat(clusters.diameters, clusters.sizes),
            "score": clusters.scores,
            "label": pd.array(grouped.labels, dtype="str"),
            "within_frame": grouped.within_frame,
        }
    )
    return members.merge(images, on="image_id", how="left", validate="1:1")
