"""Steps of a review: previewed, done and undone."""

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd


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
    """What was done together and can be undone: acts or decisions, by their ids."""

    clusters: tuple[int, ...] = ()
    entry_ids: tuple[int, ...] = ()
    decision_ids: tuple[int, ...] = ()


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
