"""Build the frame with the result of each row of a plan."""

from collections.abc import Sequence

import pandas as pd

from imgurer_kernel.review.acts import Act, PlannedRow
from imgurer_kernel.review.beside import join_names
from imgurer_kernel.review.disk_check import NOT_SOUND
from imgurer_kernel.review.results import ActResult

RESULT = [
    *("file_id", "path", "act", "keeper_id", "bytes", "status", "why", "entry_id"),
    *("along", "left"),
]


def without_paths(
    checked: Sequence[Act | str], results: Sequence[ActResult], user: str
) -> list[ActResult]:
    """Remove paths of other users' files from reasons of refusal: members may not see them.

    Parameters
    ----------
    looked
        For each row its act, or the reason of its refusal.
    """
    answer = []
    for act, result in zip(checked, results, strict=True):
        why = result.refused or ""
        if isinstance(act, Act) and act.keeper.user_name != user and why.startswith(NOT_SOUND):
            owner = act.keeper.user_name
            answer.append(
                ActResult(None, f"{NOT_SOUND}: it belongs to {owner}; ask them, or an admin")
            )
        else:
            answer.append(result)
    return answer


def result_frame(
    rows: Sequence[PlannedRow],
    checked: Sequence[Act | str],
    results: Sequence[ActResult],
    success: str,
) -> pd.DataFrame:
    """Make the frame that `apply` returns; `well` is the status of rows that were not refused."""
    table = [
        {
            "file_id": row.file_id,
            "path": row.path if isinstance(act, str) else act.file.path or act.file.filename,
            "act": row.act if isinstance(act, str) else act.name,
            "keeper_id": row.keeper_id,
            "bytes": 0 if isinstance(act, str) else act.file.bytes,
            "status": success if result.refused is None else "refused",
            "why": result.refused,
            "entry_id": result.entry_id,
            "along": join_names(result.beside.along),
            "left": join_names(result.beside.left),
        }
        for row, act, result in zip(rows, checked, results, strict=True)
    ]
    frame = pd.DataFrame(table, columns=RESULT).astype({"entry_id": "Int64"})
    return frame.astype(dict.fromkeys(["path", "act", "status", "why", "along", "left"], "str"))
