"""Steps of a review: previewed, done and undone."""

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from imgurer_kernel.common.text import count, human_bytes


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Preview:
    """What acting on many clusters would do.

    Attributes
    ----------
    plan
        As from `Workbench.plan`.
    clusters
        How many clusters it is about.
    facts
        Labels and values for people.
    refused
        How many files would be left alone, by the reason.
    """

    plan: pd.DataFrame
    clusters: tuple[int, ...]
    facts: tuple[tuple[str, str], ...]
    refused: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Step:
    """What was done together and can be undone: acts or decisions, by their ids; or one choice.

    Attributes
    ----------
    kept
        The file that was chosen to be kept, -1 for none.
    pinned
        The files that had been chosen before.
    """

    clusters: tuple[int, ...] = ()
    entry_ids: tuple[int, ...] = ()
    decision_ids: tuple[int, ...] = ()
    kept: int = -1
    pinned: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenBack:
    """What was undone.

    Attributes
    ----------
    why
        Why some of it was not, in words.
    files, size
        How many came back, and their bytes.
    file_ids, image_ids
        By which its clusters are found again.
    """

    why: str = ""
    files: int = 0
    size: int = 0
    file_ids: tuple[int, ...] = ()
    image_ids: tuple[int, ...] = ()


def plan_rows(files: pd.DataFrame) -> pd.DataFrame:
    """Make the plan that removes these files, each for its keeper; see `Workbench.apply`."""
    plan = files[["file_id", "path", "filename", "keeper_id"]].copy()
    return plan.assign(act="auto", reason=files["keeper_reason"]).reset_index(drop=True)


def files_text(files: pd.DataFrame, where: str) -> str:
    """Word how many files go where; empty for none."""
    if files.empty:
        return ""
    return f"{count(len(files), 'file')}, {human_bytes(int(files['bytes'].sum()))}, {where}"
