"""Compare the clusters of two reports: new, solved and changed ones."""

from collections.abc import Mapping

import pandas as pd

CHANGES: Mapping[str, str] = {
    "change": "category",
    "cluster_id": "Int64",
    "before_id": "Int64",
    "files": "int64",
    "files_before": "int64",
    "gained": "str",
    "lost": "str",
    "keeper": "str",
    "keeper_changed": "bool",
}
"""Columns of `cluster_changes` and their types; gained and lost are places, one per line."""

_KINDS = ("new", "solved", "changed")


def cluster_changes(now: pd.DataFrame, before: pd.DataFrame) -> pd.DataFrame:
    """Compare the clusters of two frames by their files.

    A file is identified by its path and bytes, an upload by its name and bytes, so that frames of
    two stores can be compared. A cluster matches the earlier one with most of its files, each at
    most once; a match with the same files and the same keeper is not listed.

    Parameters
    ----------
    now, before
        Files of clusters: cluster_id, path, filename, digest, is_keeper.

    Returns
    -------
    DataFrame
        `CHANGES`: new clusters, then solved ones, then changed ones, each by number. ``attrs`` has
        the number of each, and of unchanged clusters.
    """
    groups = _clusters_of(now), _clusters_of(before)
    matches = _matches(now, before)
    gone_on = set(matches.values())
    rows = []
    for cluster_id, members in groups[0].items():
        if cluster_id not in matches:
            rows.append(_row("new", cluster_id, None, members, {}))
    for before_id, members in groups[1].items():
        if before_id not in gone_on:
            rows.append(_row("solved", None, before_id, {}, members))
    same = 0
    for cluster_id, before_id in sorted(matches.items()):
        members, others = groups[0][cluster_id], groups[1][before_id]
        if members == others:
            same += 1
        else:
            rows.append(_row("changed", cluster_id, before_id, members, others))
    frame = pd.DataFrame(rows, columns=list(CHANGES))
    kinds = pd.CategoricalDtype(list(_KINDS))
    frame = frame.astype(dict(CHANGES)).assign(change=frame["change"].astype(kinds))
    frame = frame.assign(_id=frame["cluster_id"].fillna(frame["before_id"]))
    frame = frame.sort_values(["change", "_id"], ignore_index=True).drop(columns="_id")
    counts = {kind: int((frame["change"] == kind).sum()) for kind in _KINDS}
    frame.attrs.update(counts, same=same)
    return frame


_Members = dict[tuple[str, str], bool]
"""Files of a cluster by place and digest, and the keeper."""


def _keyed(frame: pd.DataFrame) -> pd.DataFrame:
    place = frame["filename"].astype("str")
    if "path" in frame:
        place = frame["path"].where(frame["path"].notna(), place)
    keyed = frame[["cluster_id", "digest", "is_keeper"]].assign(place=place)
    # Two users may have uploaded one picture under one name.
    return keyed.assign(copy=keyed.groupby(["place", "digest"], dropna=False).cumcount())


def _clusters_of(frame: pd.DataFrame) -> dict[int, _Members]:
    found: dict[int, _Members] = {}
    rows = _keyed(frame)
    for cluster_id, place, digest, copy, kept in zip(
        rows["cluster_id"].tolist(),
        rows["place"].tolist(),
        rows["digest"].tolist(),
        rows["copy"].tolist(),
        rows["is_keeper"].tolist(),
        strict=True,
    ):
        name = (str(place), f"{digest} {copy}" if copy else str(digest))
        found.setdefault(int(cluster_id), {})[name] = bool(kept)
    return found


def _matches(now: pd.DataFrame, before: pd.DataFrame) -> dict[int, int]:
    """Match clusters to earlier ones by the files that they share, most first."""
    keys = ["place", "digest", "copy"]
    common = _keyed(now).merge(_keyed(before), on=keys, suffixes=("", "_before"))
    counts = common.groupby(["cluster_id", "cluster_id_before"]).size().reset_index(name="n")
    counts = counts.sort_values(
        ["n", "cluster_id", "cluster_id_before"], ascending=[False, True, True]
    )
    matches: dict[int, int] = {}
    taken: set[int] = set()
    for cluster_id, before_id in zip(
        counts["cluster_id"].tolist(), counts["cluster_id_before"].tolist(), strict=True
    ):
        if cluster_id not in matches and before_id not in taken:
            matches[cluster_id] = before_id
            taken.add(before_id)
    return matches


def _row(
    change: str, cluster_id: int | None, before_id: int | None, now: _Members, before: _Members
) -> tuple[object, ...]:
    kept, kept_before = (
        next((place for (place, _), kept in members.items() if kept), None)
        for members in (now, before)
    )
    return (
        change,
        cluster_id,
        before_id,
        len(now),
        len(before),
        "\n".join(place for place, digest in now if (place, digest) not in before),
        "\n".join(place for place, digest in before if (place, digest) not in now),
        kept if now else kept_before,
        bool(now and before) and kept != kept_before,
    )
