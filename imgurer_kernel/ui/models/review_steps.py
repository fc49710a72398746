"""Steps of a review: previewed, done and undone."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import TYPE_CHECKING

import pandas as pd

from imgurer_kernel.common.text import count, human_bytes, join_words
from imgurer_kernel.review.beside import names_beside
from imgurer_kernel.review.plan import PLAN, goes
from imgurer_kernel.review.policy import STANDARD
from imgurer_kernel.review.sidecar import facts_text
from imgurer_kernel.store.catalog.decisions import DecisionVerdict
from imgurer_kernel.store.ingest.left_out import TRASH_FOLDER
from imgurer_kernel.ui.models.review_summary import with_freed

if TYPE_CHECKING:
    from imgurer_kernel.workbench.workbench import Workbench

_NAMED = 5
"""Most files that a preview names."""


WORDS: Mapping[DecisionVerdict, str] = {
    "same": "The same",
    "different": "Not the same",
    "later": "For later",
}
"""Texts for a decided cluster."""

SAME_BYTES = "These files are the same bytes; remove the others, or decide later."
"""Why a cluster cannot be decided to be different."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Preview:
    """The effect of acting on many clusters.

    Attributes
    ----------
    plan
        As from `Workbench.plan`.
    cluster_of
        cluster_id of each affected file, by file_id.
    facts
        Labels and values to display.
    refused
        Why files would be left alone, by file_id.
    gone
        Number of files that were there when the queue was read, and are in the store no more.
    """

    plan: pd.DataFrame
    cluster_of: Mapping[int, int]
    facts: tuple[tuple[str, str], ...]
    refused: Mapping[int, str]
    gone: int = 0

    @property
    def clusters(self) -> tuple[int, ...]:
        """The clusters from which files would go."""
        return tuple({self.cluster_of[each]: None for each in self.plan["file_id"].tolist()})

    @classmethod
    def of(
        cls,
        chosen: pd.DataFrame,
        plan: pd.DataFrame,
        checked: pd.DataFrame,
        known: Sequence[str] = (),
        gone: int = 0,
    ) -> "Preview":
        """Summarize the effect of a plan.

        Parameters
        ----------
        chosen
            The files of the clusters.
        checked
            Result of a dry run of the plan.
        known
            Facts that only files of the plan have, as from `Workbench.sidecars`.
        gone
            As the attribute.
        """
        refused = checked[checked["status"] == "refused"]
        ready = checked[checked["status"] == "ready"]
        rows = chosen.set_index("file_id")
        on_disk = ready["act"] != "forget"
        rules = rows.loc[ready["file_id"], "keeper_rule"].value_counts()
        words = {rule.name: rule.kept for rule in STANDARD.rules}
        because = " · ".join(
            f"{words.get(str(rule), rule)} ({int(number):,})"
            for rule, number in rules.head(6).items()
        )
        facts = [
            ("On disk", files_text(ready[on_disk], f"to the folder {TRASH_FOLDER} there")),
            ("In the store", files_text(ready[~on_disk], "to the trash of the store")),
            ("Frees", _freed_text(chosen, ready)),
            ("Kept because", because),
            *_beside_facts(ready),
        ]
        if known:
            keeps = "save the CSV and run `imgurer review apply PLAN --sidecars` on it"
            facts.append(("Only they have", f"{facts_text(known)}; to keep them, {keeps}"))
        others = int((goes(chosen) & ~chosen["is_own"]).sum())
        if others:
            facts.append(("Left alone", f"{count(others, 'file')} of other people"))
        if gone:
            now = "Sort again shows what there is now"
            facts.append(("Gone since", f"{count(gone, 'file')}, removed elsewhere. {now}"))
        # Only rows that passed the dry run; refused ones are reported, and not tried again.
        keep = plan["file_id"].isin(ready["file_id"])
        return cls(
            plan=_whole_plan(plan[keep.to_numpy(bool)], rows, ready),
            cluster_of=ids_of(rows.loc[plan["file_id"], "cluster_id"]),
            facts=tuple((label, value) for label, value in facts if value),
            refused=reasons_of(refused),
            gone=gone,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ActOutcome:
    """The results of acts on clusters.

    Attributes
    ----------
    closed
        The clusters without refusals.
    refused
        Why the others stay open, as text, by cluster_id.
    gone
        The removed files.
    entry_ids, size
        Entries of the acts done, and their bytes.
    """

    closed: tuple[int, ...]
    refused: Mapping[int, str]
    gone: frozenset[int]
    entry_ids: tuple[int, ...]
    size: int

    @classmethod
    def of(
        cls,
        result: pd.DataFrame,
        cluster_of: Mapping[int, int],
        refused: Mapping[int, str],
    ) -> "ActOutcome":
        """Sort the rows of a result by cluster.

        Parameters
        ----------
        result
            As from `Workbench.apply`.
        cluster_of
            The cluster_id of each file, by file_id.
        refused
            Why files were refused before the acts, by file_id.
        """
        done = result[result["status"] == "done"]
        gone = frozenset(int(each) for each in done["file_id"])
        reasons: dict[int, list[str]] = {}
        now = reasons_of(result[result["status"] == "refused"])
        for file_id, why in {**refused, **now}.items():
            reasons.setdefault(cluster_of[file_id], []).append(why)
        removed = pd.Series([cluster_of[each] for each in gone], dtype="int64").value_counts()
        return cls(
            closed=tuple(
                each for each in dict.fromkeys(cluster_of.values()) if each not in reasons
            ),
            refused={
                key: _refusal(int(removed.get(key, 0)), each) for key, each in reasons.items()
            },
            gone=gone,
            entry_ids=tuple(int(each) for each in done["entry_id"]),
            size=int(done["bytes"].sum()),
        )


def _whole_plan(plan: pd.DataFrame, rows: pd.DataFrame, ready: pd.DataFrame) -> pd.DataFrame:
    """Add the columns that plans have, for those who save it."""
    files, keepers = (rows.loc[plan[name]] for name in ("file_id", "keeper_id"))
    looked = ready.set_index("file_id").loc[plan["file_id"]]
    kept_at = keepers["path"].where(keepers["path"].notna(), keepers["filename"])
    columns = {name: files[name] for name in ("user", "label", "bytes", "digest")}
    columns |= {name: looked[name] for name in ("along", "left")}
    columns["keeper_path"] = kept_at
    return plan.assign(**{name: each.array for name, each in columns.items()})[PLAN].reset_index(
        drop=True
    )


def _beside_facts(ready: pd.DataFrame) -> Iterator[tuple[str, str]]:
    """Yield what goes along with files, and what would be left without its picture."""
    along, left = names_beside(ready)
    if along:
        yield "Along with them", count(len(along), "sidecar")
    if left:
        rest = [f"{len(left) - _NAMED:,} more"] if len(left) > _NAMED else []
        names = [PurePath(path).name for path in left[:_NAMED]]
        yield "Left without their picture", join_words([*names, *rest])


def _refusal(removed: int, reasons: Sequence[str]) -> str:
    left = f"{removed:,} of {count(removed + len(reasons), 'file')} removed"
    others = len(set(reasons)) - 1
    return f"{left}; {reasons[0]}" + (f" ({others:,} more refused)" if others else "")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Step:
    """Acts or decisions, by their ids, that are undone together; or one choice of a keeper.

    Attributes
    ----------
    clusters
        Clusters that it closed.
    partly
        Previous rows of clusters that lost some files and stayed open.
    kept
        The file that the user chose to keep, -1 for none.
    pinned
        The files that the user had chosen before.
    """

    clusters: tuple[int, ...] = ()
    entry_ids: tuple[int, ...] = ()
    decision_ids: tuple[int, ...] = ()
    partly: pd.DataFrame = field(default_factory=pd.DataFrame)
    kept: int = -1
    pinned: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class UndoResult:
    """The result of an undo.

    Attributes
    ----------
    why
        Why some of it was not undone.
    files, size
        Number of restored files, and their bytes.
    file_ids, image_ids
        Ids by which the clusters are found again.
    """

    why: str = ""
    files: int = 0
    size: int = 0
    file_ids: tuple[int, ...] = ()
    image_ids: tuple[int, ...] = ()


def undo_step(workbench: "Workbench", step: Step, user: str | None) -> UndoResult:
    """Undo a step; one without acts and decisions stands for the user's last of any sitting."""
    decisions = workbench.decisions()
    if step.decision_ids:
        of_step = decisions["decision_id"].isin(step.decision_ids)
        images = decisions.loc[of_step, "image_ids"]
        workbench.undecide(step.decision_ids, user=user)
        return UndoResult(image_ids=tuple(int(each) for ids in images for each in ids))
    if step.clusters and not step.entry_ids:
        return UndoResult()  # it was postponed for this sitting only
    result = workbench.undo(list(step.entry_ids) or None, user=user, progress=False)
    if result.empty:
        return UndoResult(why="There is nothing to undo.")
    undone = result[result["status"] == "undone"]
    why = result.loc[result["status"] == "refused", "why"]
    journal = workbench.journal()
    restored = journal[journal["entry_id"].isin(undone["entry_id"].dropna())]
    restored = restored[~restored["act"].isin(["sidecar", "companion"])]
    images = decisions.loc[
        decisions["decision_id"].isin(undone["decision_id"].dropna()), "image_ids"
    ]
    return UndoResult(
        why="" if why.empty else str(why.iloc[0]),
        files=len(restored),
        size=int(restored["bytes"].sum()),
        file_ids=tuple(int(each) for each in restored["file_id"]),
        image_ids=tuple(int(each) for ids in images for each in ids),
    )


def plan_rows(files: pd.DataFrame) -> pd.DataFrame:
    """Make the plan that removes these files, each for its keeper; see `Workbench.apply`."""
    plan = files[["file_id", "path", "filename", "keeper_id"]].copy()
    return plan.assign(act="auto", reason=files["keeper_reason"]).reset_index(drop=True)


def _freed_text(chosen: pd.DataFrame, ready: pd.DataFrame) -> str:
    """Describe what is freed if only the files of `ready` go; empty for none."""
    if ready.empty:
        return ""
    going = chosen["is_own"] & chosen["file_id"].isin(ready["file_id"])
    freed = with_freed(chosen.assign(is_own=going))
    size = int((freed["frees_disk"] + freed["frees_store"]).sum())
    return f"{human_bytes(size)}, once the trash is emptied"


def files_text(files: pd.DataFrame, where: str) -> str:
    """Describe how many files go where; empty for none."""
    if files.empty:
        return ""
    return f"{count(len(files), 'file')}, {human_bytes(int(files['bytes'].sum()))}, {where}"


def ids_of(clusters: "pd.Series[int]") -> dict[int, int]:
    """Map each file_id, the index of a series, to its cluster_id."""
    files = (int(each) for each in clusters.index)
    return dict(zip(files, (int(each) for each in clusters), strict=True))


def reasons_of(refused: pd.DataFrame) -> dict[int, str]:
    """Map the files of refused rows to the reasons."""
    ids = (int(each) for each in refused["file_id"])
    return dict(zip(ids, (str(why) for why in refused["why"]), strict=True))
