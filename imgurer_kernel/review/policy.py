"""Keeper policies: ordered rules, as data, that choose the file to keep and give the reason.

A rule orders the files of a cluster by one value; the next rule breaks ties. So the choice between
the keeper and another file is explained by the first rule in which the two differ.
"""

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import pandas as pd

from imgurer_kernel.common.arrays import distinct, group_starts
from imgurer_kernel.common.types import Int64s
from imgurer_kernel.errors import QueryError
from imgurer_kernel.review.conditions import require_known_values
from imgurer_kernel.store.catalog.expressions import evaluate

Score = Callable[[pd.DataFrame], Sequence[float] | pd.Series]
"""Function from a `file_view` to a number per file; the file with the largest is kept."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One reason to keep a file rather than another.

    Attributes
    ----------
    name
        One word that identifies it.
    value
        A column of `file_view`, an SQL expression over its columns, or a function of the frame.
    order
        Whether the file with the most or the least of it is kept.
    kept, other
        Words for the file that is kept, and for another one.
    """

    name: str
    value: "str | Score"
    order: Literal["most", "least"] = "most"
    kept: str = ""
    other: str = ""

    def values(self, view: pd.DataFrame) -> "pd.Series[Any]":
        """Return the value of each file.

        Raises
        ------
        QueryError
            If the rule cannot be evaluated.
        """
        if callable(self.value):
            given = self.value(view)
            if len(given) != len(view):
                message = f"the rule {self.name} gave {len(given)} values for {len(view)} files"
                raise QueryError(message)
            return pd.Series(np.asarray(given), view.index)
        if self.value in view:
            return view[self.value]
        require_known_values(self.value)
        return evaluate(view, self.value)


@dataclass(frozen=True, slots=True)
class KeeperPolicy:
    """Ordered rules; each breaks the ties of those before."""

    name: str
    rules: tuple[Rule, ...]

    def after(self, *first: Rule, name: str = "") -> "KeeperPolicy":
        """Return a policy with these rules before its own."""
        return replace(self, name=name or self.name, rules=(*first, *self.rules))


STANDARD = KeeperPolicy(
    "standard",
    (
        # Acts follow no links: beside a link nothing could be removed.
        Rule("link", "is_link", "least", "a file itself", "a link to a file"),
        Rule("intact", "damaged", "least", "intact", "damaged"),
        Rule("colour", "is_gray", "least", "in colour", "gray"),
        Rule("frames", "frames", "most", "all frames", "fewer frames"),
        Rule("size", "is_thumbnail", "least", "no thumbnail", "a thumbnail of it"),
        Rule("upscale", "is_upscale", "least", "not enlarged", "an upscale"),
        Rule("colours", "has_few_colours", "least", "all its colours", "reduced to few colours"),
        Rule("compression", "is_heavy", "least", "little compressed", "heavily recompressed"),
        Rule("clean", "is_framed", "least", "without a frame", "in a frame"),
        Rule("writing", "is_marked", "least", "nothing written on it", "captioned or watermarked"),
        Rule(
            "generation",
            "is_resaved",
            "least",
            "as it was first saved",
            "a copy saved again from it at a higher quality",
        ),
        Rule(
            "master",
            "is_made_with_loss",
            "least",
            "saved without loss",
            "the same picture with loss",
        ),
        Rule("camera", "camera_facts", "most", "camera file", "an export"),
        Rule("original", "is_camera_format", "most", "in the camera's format", "converted"),
        Rule("pixels", "shown_pixels", "most", "most pixels", "fewer pixels"),
        Rule(
            "attached",
            "attached",
            "most",
            "with a video or further pictures in the file",
            "without the video or further pictures in the file",
        ),
        Rule(
            "written",
            "written",
            "most",
            "most captions, keywords and names",
            "fewer captions, keywords and names",
        ),
        Rule("metadata", "metadata", "most", "most metadata", "less metadata"),
        Rule("quality", "quality", "most", "best compressed", "more compressed"),
        Rule("saving", "saved_quality", "most", "saved finest", "saved coarser"),
        Rule("reference", "is_reference", "most", "in a reference folder", "elsewhere"),
        Rule(
            "beside",
            "beside",
            "most",
            "with sidecars, a raw file or a video beside it",
            "with less beside it",
        ),
        Rule("linked", "is_linked", "most", "what links lead to", "a file without links"),
        Rule("oldest", "modified_at", "least", "oldest", "later"),
        Rule("name", "has_copy_name", "least", "the name of an original", "the name of a copy"),
        Rule(
            "folder",
            "in_copy_folder",
            "least",
            "not in a folder for copies",
            "in a folder for copies",
        ),
        Rule("ingested", "taken_in", "least", "ingested first", "ingested later"),
        Rule("path", "place", "least", "first by path", "later by path"),
        Rule("id", "file_id", "least", "first", "later"),
    ),
)
"""The default order in which files are kept."""


def folder_order(folders: Iterable[str | os.PathLike[str]]) -> KeeperPolicy:
    """Return a policy that prefers files of earlier folders, then follows `STANDARD`.

    Examples
    --------
    >>> folder_order(["/photos", "/backup"]).rules[0].kept
    'in the preferred folder'
    """
    starts = [os.path.abspath(os.fspath(folder)).rstrip(os.sep) + os.sep for folder in folders]  # noqa: PTH100

    def rank(view: pd.DataFrame) -> Int64s:
        places = view["path"].fillna("").tolist()
        ranks = [
            next((k for k, start in enumerate(starts) if place.startswith(start)), len(starts))
            for place in places
        ]
        return np.array(ranks, np.int64)

    rule = Rule("folder", rank, "least", "in the preferred folder", "in another folder")  # type: ignore[arg-type]
    return STANDARD.after(rule, name="folder order")


def policy_of(given: "KeeperPolicy | str | Score") -> KeeperPolicy:
    """Return the policy for ``"standard"``, an SQL expression, a function of a frame, or a policy.

    With an expression or a function, the file with the largest value is kept; ties go to
    `STANDARD`.

    Raises
    ------
    QueryError
        If the argument is none of these.
    """
    if isinstance(given, KeeperPolicy):
        return given
    if given == STANDARD.name:
        return STANDARD
    if callable(given) or (isinstance(given, str) and given.strip()):
        name = given if isinstance(given, str) else getattr(given, "__name__", "function")
        rule = Rule("own", given, "most", f"the most by {name}", f"less by {name}")
        return STANDARD.after(rule, name=name)
    message = f"policy is {given!r}; give 'standard', an SQL expression, a function or a policy"
    raise QueryError(message)


def choose(
    view: pd.DataFrame, policy: KeeperPolicy = STANDARD, pinned: Iterable[int] = ()
) -> pd.DataFrame:
    """Choose the file to keep of each cluster, with the reason against each other.

    Parameters
    ----------
    view
        Clusters by file with the columns of `imgurer_kernel.review.view.file_view`. A file that is
        not present is kept only if no file of the cluster is.
    pinned
        Files that users have chosen to keep, which takes precedence over the rules.

    Returns
    -------
    DataFrame
        The same rows and index with keeper_id, keeper_rule (the deciding rule) and keeper_reason:
        for a keeper its merits ("kept: in colour, most pixels"), for another file what speaks
        against it ("gray; kept: in colour").
    """
    pins = list(pinned)
    rules = (
        _PRESENT,
        Rule(
            "pinned",
            lambda frame: frame["file_id"].isin(pins),
            "most",
            "pinned by hand",
            "not pinned",
        ),
        *policy.rules,
    )
    if view.empty:
        empty = view.assign(keeper_id=np.empty(0, np.int64))
        return empty.assign(
            keeper_rule=pd.Series(dtype="str"), keeper_reason=pd.Series(dtype="str")
        )
    keeper_row, deciding = _eliminate(rules, view)
    # Rows share one text object per rule: there may be a hundred thousand rows.
    names = np.array([rule.name for rule in rules], object)
    others = np.array([f"{rule.other}; kept: {rule.kept}" for rule in rules], object)
    reasons = others[deciding]
    for row, words in _merits(deciding, keeper_row, rules).items():
        reasons[row] = f"kept: {words}"
    return view.assign(
        keeper_id=view["file_id"].to_numpy()[keeper_row],
        keeper_rule=pd.Series(names[deciding], view.index, "str"),
        keeper_reason=pd.Series(reasons, view.index, "str"),
    )


def keeper_rows(view: pd.DataFrame, policy: KeeperPolicy = STANDARD) -> Int64s:
    """Return for each row the position of the keeper of its cluster, int64 (n,)."""
    return _eliminate((_PRESENT, *policy.rules), view)[0]


def _eliminate(rules: Sequence[Rule], view: pd.DataFrame) -> tuple[Int64s, Int64s]:
    """Apply the rules in order, each to the files that the earlier ones have left.

    Returns
    -------
    int64 (n,): for each row the row of its keeper; and the rule that decided between the two (for
    the keeper itself, between it and the file that was eliminated last).
    """
    clusters = pd.factorize(view["cluster_id"])[0].astype(np.int64)
    count = int(clusters.max(initial=-1)) + 1
    rows = np.arange(len(view))
    deciding = np.full(len(view), len(rules) - 1)
    kept = np.zeros(len(view), np.bool_)
    counted = -1
    for number, rule in enumerate(rules):
        if len(rows) != counted:  # most rules eliminate nothing
            open_ = np.bincount(clusters[rows], minlength=count) > 1
            is_open = open_[clusters[rows]]
            kept[rows[~is_open]] = True
            rows = rows[is_open]
            counted = len(rows)
        if not len(rows) and isinstance(rule.value, str) and rule.value in view:
            continue
        values = rule.values(view)  # always, so that an invalid expression is reported
        if not len(rows):
            continue
        if _is_one(values):
            continue
        ranks = _ranks(values.iloc[rows] if len(rows) < len(view) else values, rule.order)
        best = np.full(count, np.iinfo(np.int64).max)
        np.minimum.at(best, clusters[rows], ranks)
        worse = ranks > best[clusters[rows]]
        deciding[rows[worse]] = number
        rows = rows[~worse]
    # Remaining ties are broken by the order of the frame.
    _, first = np.unique(clusters[rows], return_index=True)
    kept[rows[first]] = True
    keepers = np.empty(count, np.int64)
    keepers[clusters[kept]] = np.flatnonzero(kept)
    keeper_row: Int64s = keepers[clusters]
    last = np.full(count, -1)
    np.maximum.at(last, clusters[~kept], deciding[~kept])
    deciding[kept] = np.where(last < 0, len(rules) - 1, last)[clusters[kept]]
    return keeper_row, deciding


def _present(view: pd.DataFrame) -> "pd.Series[bool]":
    return view["state"] == "present"


_PRESENT = Rule("present", _present, "most", "there", "missing")


def _merits(deciding: Int64s, keeper_row: Int64s, rules: Sequence[Rule]) -> dict[int, str]:
    """Word for each keeper the rules that decided for it."""
    rows, numbers = np.divmod(distinct(keeper_row * len(rules) + deciding), len(rules))
    starts = np.flatnonzero(group_starts(rows))
    ends, ordered = [*starts[1:].tolist(), len(rows)], numbers.tolist()
    merits = [tuple(ordered[a:b]) for a, b in zip(starts.tolist(), ends, strict=True)]
    words = {
        each: ", ".join(dict.fromkeys(rules[rule].kept for rule in each)) for each in set(merits)
    }
    return {row: words[each] for row, each in zip(rows[starts].tolist(), merits, strict=True)}


def _is_one(values: "pd.Series[Any]") -> bool:
    """Return whether all values are one and the same number or truth value; False if unknown."""
    if values.dtype.kind not in "bif" or not isinstance(values.dtype, np.dtype):
        return False
    numbers = values.to_numpy()
    return bool((numbers == numbers[0]).all())


def _ranks(values: "pd.Series[Any]", order: Literal["most", "least"]) -> Int64s:
    """Rank files by one value, the best first; unknown values come last."""
    if values.dtype == bool:  # as of most rules, and in a tenth of the time
        has = values.to_numpy(np.bool_)
        return (~has if order == "most" else has).astype(np.int64)
    ranks = pd.factorize(values, sort=True)[0].astype(np.int64)
    known = ranks >= 0
    top = int(ranks.max(initial=-1))
    if order == "most":
        ranks = top - ranks
    return np.where(known, ranks, top + 1)
