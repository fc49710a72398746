"""Choose the file of each cluster to keep by a policy, with facts of the catalog."""

import os
from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd

from imgurer_kernel.common.types import BoolMask
from imgurer_kernel.fingerprint.original import OriginalFacts
from imgurer_kernel.report.freed import IN_PLACE, freed
from imgurer_kernel.report.other_names import links_of
from imgurer_kernel.review.beside import count_beside
from imgurer_kernel.review.policy import STANDARD, KeeperPolicy, choose, keeper_rows
from imgurer_kernel.review.view import file_view

POLICY_FACTS = [
    *("image_id", "format", "frames", "taken_at", "camera", "latitude", "longitude", "damaged"),
    "is_gray",
]
"""Columns of the catalog's images that policies use."""

POLICY_FILE_FACTS = [
    *("file_id", "image_id", "path_key", "kept", "modified_ns", "taken_in", "device", "inode"),
]
"""Columns of the catalog's files that `chosen` uses."""

MEASURED = 200
"""Most originals that are measured by default: some ten seconds."""


def chosen(
    clusters: pd.DataFrame,
    files: pd.DataFrame,
    images: pd.DataFrame,
    measured: Mapping[str, OriginalFacts],
    policy: KeeperPolicy = STANDARD,
    pinned: Iterable[int] = (),
) -> pd.DataFrame:
    """Add the columns of a view, keepers, reasons, and what removing the rest frees.

    Parameters
    ----------
    clusters
        By file.
    files
        `POLICY_FILE_FACTS`, as `imgurer_kernel.store.catalog.files.present_files` has them.
        Symbolic links are looked up on disk unless there is a column is_link.
    images
        `POLICY_FACTS` of their images.
    measured
        Measurements of originals, by digest.
    policy, pinned
        As `imgurer_kernel.review.policy.choose` has them.
    """
    view = _view(clusters, files, images, measured)
    return _with_keepers(choose(view, policy, pinned), files)


def standard_keepers(
    rows: pd.DataFrame,
    files: pd.DataFrame,
    images: pd.DataFrame,
    measured: Mapping[str, OriginalFacts],
) -> BoolMask:
    """Mark the rows of clusters that the standard policy keeps, as a plan does, bool (n,)."""
    if rows.empty:
        return np.zeros(0, bool)
    kept = keeper_rows(_view(rows, files, images, measured))
    return np.asarray(kept == np.arange(len(rows)), np.bool_)


def worth_measuring(clusters: pd.DataFrame) -> list[str]:
    """List the digests of clusters, except clusters of exact copies, whose measures are equal."""
    identical = clusters.groupby("cluster_id")["digest"].transform("nunique") == 1
    digests: list[str] = clusters.loc[~identical, "digest"].unique().tolist()
    return digests


def _view(
    clusters: pd.DataFrame,
    files: pd.DataFrame,
    images: pd.DataFrame,
    measured: Mapping[str, OriginalFacts],
) -> pd.DataFrame:
    times = pd.to_datetime(files["modified_ns"], utc=True).where(files["modified_ns"] > 0)
    in_place = files["kept"].isin(IN_PLACE)
    if "is_link" not in files:
        links = [
            is_in_place and key is not None and os.path.islink(key)  # noqa: PTH114  Path takes no bytes
            for is_in_place, key in zip(in_place.tolist(), files["path_key"].tolist(), strict=True)
        ]
        files = files.assign(is_link=np.array(links, np.bool_))
    known = in_place & files["device"].notna() & files["inode"].notna()
    # As `DataFrame.groupby(...).ngroup()` numbers them, in a fifth of its time for few files.
    device, inode = (
        pd.factorize(files[name], sort=True, use_na_sentinel=False)[0]
        for name in ("device", "inode")
    )
    by_both = device.astype(np.int64) * (len(files) + 1) + inode
    numbers = pd.Series(np.unique(by_both, return_inverse=True)[1], files.index)
    on_disk = [
        key if here else None
        for here, key in zip(in_place.tolist(), files["path_key"].tolist(), strict=True)
    ]
    files = files.assign(
        modified_at=times, disk_file=numbers.where(known, -1), beside=count_beside(on_disk)
    )
    return file_view(clusters, files, images, measured)


def _with_keepers(chosen: pd.DataFrame, files: pd.DataFrame) -> pd.DataFrame:
    """Set is_keeper as chosen, what are links of it, and what removing all others frees.

    Where the keeper is not that of `clusters`, the freed bytes are computed again, with inodes from
    the catalog.
    """
    is_keeper = chosen["file_id"] == chosen["keeper_id"]
    changed = chosen.loc[is_keeper != chosen["is_keeper"], "cluster_id"].unique()
    rows = chosen["cluster_id"].isin(changed)
    chosen = chosen.assign(is_keeper=is_keeper)
    is_there = (chosen["state"] == "present").to_numpy(bool)
    links = links_of(
        np.where(is_there, chosen["disk_file"].to_numpy(np.int64), -1),
        chosen["path"].tolist(),
        chosen["link_of"].tolist(),
        chosen["is_link"].to_numpy(bool) & is_there,
        *(chosen[name].to_numpy(bool) for name in ("is_keeper", "is_reference")),
    )
    chosen["link_of"] = pd.array(links, dtype="str")
    if rows.any():
        part = chosen.loc[rows, ["file_id", "image_id", "path", "kept", "bytes"]]
        part = part.merge(files[["file_id", "device", "inode"]], on="file_id", how="left")
        stays = (is_keeper | chosen["is_reference"] | (chosen["state"] != "present"))[rows]
        links = -chosen.loc[rows, "is_link"].to_numpy(np.int64)
        on_disk, in_store = freed(part.assign(links=links, is_blob=False), stays.to_numpy(bool))
        chosen.loc[rows, "frees_disk"], chosen.loc[rows, "frees_store"] = on_disk, in_store
    return chosen
