"""Build the frames that searches and `clusters` return."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pandas as pd

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
    # From here on the first row of an image is its representative file, which `further` relies on.
    # Sort only images with several files: most have one, and sorting text is slow.
    several = files["image_id"].duplicated(keep=False).to_numpy(bool)
    shared = files[several]
    files = pd.concat([shared.iloc[file_order(shared)], files[~several]])
    listed = files[files["is_listed"].to_numpy(bool)]
    images = images[IMAGE_FACTS]
    members = _members(grouped, images)
    members = members[members["image_id"].isin(listed["image_id"])]
    members = pd.concat([members, _from_single_images(members, images, listed)], ignore_index=True)
    columns = [name for name in FILE_FACTS if name not in {"bytes", "is_listed"}]
    rows = members.merge(listed[columns], on="image_id", how="left")
    rows = _renumbered(rows)
    further = rows["image_id"].duplicated().to_numpy(bool)
    # The merge keeps the order of `members`, in which the medoid comes first.
    rows["is_medoid"] = ~rows["cluster_id"].duplicated()
    rows["label"] = rows["label"].where(~further, "identical")
    rows["is_keeper"] = keepers(rows[[name for name in CLUSTER_FILES if name in rows]])
    unlisted = files[~files["is_listed"].to_numpy(bool)]
    # Unlisted files stay, and so hold the bytes that they share with listed files.
    together = pd.concat([rows, unlisted[columns].assign(bytes=0)], ignore_index=True)
    disk_file = disk_files(together)
    rows["link_of"] = pd.array(_links(rows, disk_file[: len(rows)]), dtype="str")
    stays = (rows["is_keeper"] | rows["is_reference"] | (rows["state"] != "present")).to_numpy(bool)
    all_stay = np.concatenate((stays, np.ones(len(unlisted), bool)))
    on_disk, in_store = freed(together, all_stay, disk_file)
    rows["frees_disk"], rows["frees_store"] = on_disk[: len(rows)], in_store[: len(rows)]
    return rows[CLUSTER_FILES]


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


def _from_single_images(
    members: pd.DataFrame, images: pd.DataFrame, listed: pd.DataFrame
) -> pd.DataFrame:
    """Make clusters from images in no cluster that have several files, by digest."""
    counts = listed["image_id"].value_counts()
    several = counts.index[counts > 1].difference(pd.Index(members["image_id"]))
    if several.empty:
        return members.iloc[:0]
    alone = images[images["image_id"].isin(several)].sort_values("digest")
    first = int(members["cluster_id"].max()) + 1 if len(members) else 0
    facts = alone.assign(
        cluster_id=np.arange(first, first + len(alone)),
        distance_to_medoid=0,
        diameter=0,
        score=1.0,
        label="medoid",
        within_frame=1.0,
    )
    # Same types: with an empty part `concat` would convert ids to floats.
    return facts[list(members.columns)].astype(members.dtypes.to_dict())


def _renumbered(rows: pd.DataFrame) -> pd.DataFrame:
    """Number clusters of two or more files from 0, the largest first."""
    sizes = rows["cluster_id"].map(rows["cluster_id"].value_counts()).to_numpy(np.int64)
    # A cluster with a single listed file has no duplicates to show.
    rows, sizes = rows[sizes > 1], sizes[sizes > 1]
    # Ties keep their order.
    order = np.lexsort((np.arange(len(rows)), rows["cluster_id"].to_numpy(np.int64), -sizes))
    rows = rows.iloc[order].reset_index(drop=True)
    return rows.assign(cluster_id=pd.factorize(rows["cluster_id"])[0])
