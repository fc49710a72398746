"""Apply people's decisions about pairs and clusters to clusters (pure).

A pair that any user decided to be different never shares a cluster again, even if all others
decided that it is the same: keeping both pictures loses nothing. Disagreements are shown as such.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
import pandas as pd

from imgurer_kernel.common.types import Int64s
from imgurer_kernel.matching.clusters.cluster_table import LabelledClusters
from imgurer_kernel.store.catalog.decisions import Decision, DecisionVerdict

VERDICTS: tuple[DecisionVerdict, ...] = ("same", "different", "later")
DECISIONS = [
    *("decision_id", "verdict", "kind", "user", "decided_at", "reason", "digests", "image_ids"),
    *("disputed", "batch"),
]
"""Columns of the frame of decisions."""
UNDECIDED: Mapping[str, str | bool] = {
    "verdict": "",
    "decided_by": "",
    "new_since_decision": False,
    "disputed": False,
}
"""The columns that `with_decisions` adds, as they are without a decision."""

Pair = frozenset[str]


@dataclass(frozen=True, slots=True)
class Verdicts:
    """All decisions of a store, indexed for look-up.

    Attributes
    ----------
    decisions
        Oldest first.
    different, same
        For each pair of digests the users who decided so, oldest first.
    """

    decisions: tuple[Decision, ...]
    different: Mapping[Pair, tuple[str, ...]]
    same: Mapping[Pair, tuple[str, ...]]

    @classmethod
    def of(cls, decisions: Iterable[Decision]) -> "Verdicts":
        """Index decisions; per pair the last decision of each user counts."""
        decisions = tuple(decisions)
        last: dict[Pair, dict[str, DecisionVerdict]] = defaultdict(dict)
        for each in decisions:
            if each.verdict == "later":
                continue
            for one, other in combinations(sorted(set(each.digests)), 2):
                by_user = last[frozenset((one, other))]
                by_user.pop(each.user, None)
                by_user[each.user] = each.verdict
        of: dict[DecisionVerdict, dict[Pair, tuple[str, ...]]] = {"same": {}, "different": {}}
        for pair, by_user in last.items():
            for verdict, found in of.items():
                users = tuple(user for user, word in by_user.items() if word == verdict)
                if users:
                    found[pair] = users
        return cls(decisions, of["different"], of["same"])

    @property
    def disputed(self) -> set[Pair]:
        """Pairs that users decide differently."""
        return set(self.same) & set(self.different)

    def apart(self, image_ids: Mapping[str, int]) -> dict[int, set[int]]:
        """Map each image to those decided to be different from it; `image_ids` is by digest."""
        found: dict[int, set[int]] = defaultdict(set)
        for pair in self.different:
            ids = [image_ids[digest] for digest in pair if digest in image_ids]
            if len(ids) == 2:
                found[ids[0]].add(ids[1])
                found[ids[1]].add(ids[0])
        return found

    def refusal(self, one: str, other: str) -> str | None:
        """Return why a picture must not be removed for another one: a decision that they differ."""
        users = self.different.get(frozenset((one, other)))
        if users is None:
            return None
        return f"{users[0]} decided that the two are different pictures; decide again, or leave it"


def split(
    grouped: LabelledClusters, apart: Mapping[int, set[int]]
) -> tuple[LabelledClusters, Int64s]:
    """Split clusters so that none has two images that were decided to be different.

    An image that differs from the medoid leaves the cluster. Of two others that differ from each
    other the one that agrees less with the medoid leaves.

    Returns
    -------
    clusters
        The remaining clusters, in their order.
    left
        Images that had to leave, ascending. They may be duplicates of each other.
    """
    table = grouped.clusters
    involved = np.isin(table.members, np.fromiter(apart, np.int64, len(apart)))
    if not involved.any():
        return grouped, np.empty(0, np.int64)
    stays = np.ones(len(table.members), np.bool_)
    for number in np.unique(table.numbers[involved]).tolist():
        begin, size = int(table.starts[number]), int(table.sizes[number])
        kept = {int(table.members[begin])}
        for row in sorted(
            range(begin + 1, begin + size), key=lambda row: (-table.scores[row], row)
        ):
            image = int(table.members[row])
            if apart.get(image, set()) & kept:
                stays[row] = False
            else:
                kept.add(image)
    sizes = np.bincount(table.numbers[stays], minlength=len(table))
    whole = sizes > 1
    rows = stays & whole[table.numbers]
    clusters = replace(
        table,
        sizes=sizes[whole],
        diameters=table.diameters[whole],
        members=table.members[rows],
        distances=table.distances[rows],
        scores=table.scores[rows],
        edges=table.edges[rows],
    )
    # Skip the medoid of a dissolved cluster: all others differ from it.
    left = np.unique(table.members[~stays])
    result = replace(
        grouped,
        clusters=clusters,
        labels=grouped.labels[rows],
        within_frame=grouped.within_frame[rows],
    )
    return result, left


def set_apart(
    grouped: LabelledClusters,
    apart: Mapping[int, set[int]],
    find: Callable[[Int64s], LabelledClusters] | None = None,
) -> LabelledClusters:
    """Split clusters by decisions of "different"; the largest first.

    Parameters
    ----------
    find
        Finds the clusters among given images, int64 (n,), used for those that had to leave a
        cluster, since they may be duplicates of each other. If omitted they are in no cluster.
    """
    if not apart:
        return grouped
    result, left = split(grouped, apart)
    while find is not None and len(left) > 1:
        found, again = split(find(left), apart)
        result = replace(
            result,
            clusters=result.clusters.joined(found.clusters),
            labels=np.concatenate((result.labels, found.labels)),
            within_frame=np.concatenate((result.within_frame, found.within_frame)),
        )
        left = again  # fewer: the medoids are not among them
    order = np.argsort(-result.clusters.sizes, kind="stable")
    rows = result.clusters.rows(order)
    return replace(
        result,
        clusters=result.clusters.take(order),
        labels=result.labels[rows],
        within_frame=result.within_frame[rows],
    )


def decision_frame(verdicts: Verdicts, image_ids: Mapping[str, int]) -> pd.DataFrame:
    """Make a frame of all decisions, the latest first; `image_ids` has existing images only."""
    rows = []
    for each in reversed(verdicts.decisions):
        pairs = map(frozenset, combinations(sorted(set(each.digests)), 2))
        rows.append(
            {
                "decision_id": each.decision_id,
                "verdict": each.verdict,
                "kind": "cluster" if each.is_cluster else "pair",
                "user": each.user,
                "decided_at": each.decided_at,
                "reason": each.reason,
                "digests": each.digests,
                "image_ids": tuple(image_ids[it] for it in each.digests if it in image_ids),
                "batch": each.batch,
                "disputed": each.verdict != "later" and bool(verdicts.disputed & set(pairs)),
            }
        )
    frame = pd.DataFrame(rows, columns=DECISIONS)
    frame["decided_at"] = pd.to_datetime(frame["decided_at"]).dt.tz_localize("UTC")
    return frame.astype(
        {**dict.fromkeys(["verdict", "kind", "user", "reason", "batch"], "str"), "disputed": bool}
    )


def with_decisions(clusters: pd.DataFrame, verdicts: Verdicts) -> pd.DataFrame:
    """Add decisions to a frame of clusters.

    Parameters
    ----------
    clusters
        One row per file or image, with cluster_id and digest.

    Returns
    -------
    DataFrame
        The same rows with verdict (the last decision that covers the whole cluster; empty if there
        is none or a member was added since), decided_by (users, comma separated),
        new_since_decision (the row was added to a decided cluster) and disputed.
    """
    if not verdicts.decisions:
        # Texts by themselves: `DataFrame.astype` would go through all columns for them.
        texts = pd.Series("", clusters.index, "str")
        return clusters.assign(**{**UNDECIDED, "verdict": texts, "decided_by": texts})
    whole = [each for each in verdicts.decisions if each.is_cluster]
    of_digest: dict[str, list[Decision]] = defaultdict(list)
    for each in whole:
        for digest in each.digests:
            of_digest[digest].append(each)
    disputed = {digest for pair in verdicts.disputed for digest in pair}
    columns: dict[str, list[object]] = defaultdict(list)
    order = []
    concerned = clusters["digest"].isin([*of_digest, *disputed])
    near_any = clusters[clusters["cluster_id"].isin(clusters.loc[concerned, "cluster_id"])]
    for _, part in near_any.groupby("cluster_id", sort=False):
        digests = part["digest"].tolist()
        members = set(digests)
        near = {it.decision_id: it for digest in members for it in of_digest.get(digest, ())}
        # A decision that pictures differ does not apply to files with the same bytes.
        covering = [
            it
            for _, it in sorted(near.items())
            if members <= set(it.digests) and (len(members) > 1 or it.verdict != "different")
        ]
        words = {it.user: it.verdict for it in covering}
        gained: set[str] = set()
        if not covering and near:
            shared = {key: len(members & set(it.digests)) for key, it in near.items()}
            best = max(near, key=lambda key: (shared[key], key))
            # A single common picture does not make it the decided cluster, grown.
            gained = members - set(near[best].digests) if shared[best] > 1 else set()
        split_up = len(set(words.values()) - {"later"}) > 1
        order += part.index.tolist()
        columns["verdict"] += [covering[-1].verdict if covering else ""] * len(part)
        columns["decided_by"] += [", ".join(words)] * len(part)
        columns["new_since_decision"] += [digest in gained for digest in digests]
        columns["disputed"] += [split_up or digest in disputed for digest in digests]
    added = pd.DataFrame(
        {
            name: pd.Series(columns[name], order, "bool" if empty is False else "str").reindex(
                clusters.index, fill_value=empty
            )
            for name, empty in UNDECIDED.items()
        }
    )
    return clusters.join(added)


def pairs_of(given: object) -> tuple[list[tuple[int, ...]], bool]:
    """Read the argument of `decide`: pairs of image ids or clusters, and which of the two.

    Accepted are a frame of clusters (cluster_id, image_id), a frame of pairs (first, second), two
    ids, a list of pairs, or three and more ids, which form one cluster. The first id of a cluster
    is its medoid.

    Raises
    ------
    TypeError
        If the argument is none of these.
    """
    if isinstance(given, pd.DataFrame):
        if {"cluster_id", "image_id"} <= set(given):
            rows = given
            if "is_medoid" in given:
                rows = given.sort_values("is_medoid", ascending=False, kind="stable")
            groups = rows.groupby("cluster_id", sort=True)["image_id"]
            return [tuple(dict.fromkeys(ids.tolist())) for _, ids in groups], True
        if {"first", "second"} <= set(given):
            return list(zip(given["first"].tolist(), given["second"].tolist(), strict=True)), False
        raise TypeError
    items: Sequence[object] = list(given) if isinstance(given, Iterable) else []
    if items and all(isinstance(each, int | np.integer) for each in items):
        ids = tuple(int(each) for each in items)  # type: ignore[call-overload]
        return [ids], len(ids) > 2
    pairs = [tuple(each) for each in items if isinstance(each, Sequence) and len(each) == 2]
    if not pairs or len(pairs) < len(items):
        raise TypeError
    return [(int(one), int(other)) for one, other in pairs], False
