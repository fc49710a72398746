"""Names of sittings, and the frame that `undo` returns."""

import re
import secrets
from collections.abc import Iterable, Mapping

import pandas as pd

from imgurer_kernel.errors import PlanInvalid
from imgurer_kernel.store.catalog.connection import now
from imgurer_kernel.store.catalog.decisions import Decision
from imgurer_kernel.store.catalog.journal import JournalEntry

_NAME = re.compile(r"[0-9A-Za-z][0-9A-Za-z_-]{0,63}")
UNDONE = ["entry_id", "decision_id", "file_id", "path", "act", "status", "why"]
"""Columns of what was undone: an act, or a decision."""


def sitting_name(name: str | None = None) -> str:
    """Return the given name of a sitting, or a new one made from the time.

    Raises
    ------
    PlanInvalid
        If it is not a valid folder name on every system.

    Examples
    --------
    >>> sitting_name("sunday")
    'sunday'
    """
    if name is None:
        return f"{now():%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"
    if not _NAME.fullmatch(name):
        message = f"{name!r} cannot be the name of a sitting; use letters, digits, - and _"
        raise PlanInvalid(message)
    return name


def undone_frame(
    entries: Iterable[JournalEntry],
    decided: Iterable[Decision],
    refused: Mapping[int, str],
    kept: Mapping[int, str],
) -> pd.DataFrame:
    """Build a frame with a row for each undone act and decision, with the columns `UNDONE`.

    Parameters
    ----------
    refused, kept
        Why an act, or a decision, was not undone, by its id.
    """
    rows = [
        {
            "entry_id": entry.entry_id,
            "file_id": entry.file_id,
            "path": entry.path or entry.filename,
            "act": entry.act,
            "why": refused.get(entry.entry_id),
        }
        for entry in entries
    ]
    rows += [{"decision_id": it.decision_id, "why": kept.get(it.decision_id)} for it in decided]
    frame = pd.DataFrame(rows, columns=UNDONE)
    frame["status"] = ["undone" if pd.isna(why) else "refused" for why in frame["why"]]
    ids = dict.fromkeys(UNDONE[:3], "Int64")
    return frame.astype({**ids, **dict.fromkeys(UNDONE[3:], "str")})
