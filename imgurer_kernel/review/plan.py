"""Plans: which files are removed, how, and which file is kept for each; as a frame or CSV.

A plan records the intention at the time it was made. `apply` checks every row again, so a plan may
be edited, sorted, shortened in a spreadsheet, or be a week old.
"""

import csv
import io
import os
import re
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from imgurer_kernel.common.atomic_files import atomic_write
from imgurer_kernel.common.paths import given_path
from imgurer_kernel.errors import PlanInvalid
from imgurer_kernel.review.acts import ACTS, PlannedRow, automatic_act
from imgurer_kernel.review.beside import NOTHING, beside_each, join_names
from imgurer_kernel.store.catalog.journal import FileOfImage

PLAN = [
    *("file_id", "path", "filename", "user", "act", "keeper_id", "keeper_path", "reason"),
    *("label", "bytes", "digest", "along", "left"),
]
"""Columns of a plan, which has a row per file to remove.

path is missing for an upload; along has the sidecars that go along with it, and left what belongs
to it and stays.
"""

SCRIPT_MARK = b"#!/bin/sh\n# Moves duplicates; after it, scan the folders again.\n"
"""First bytes of a plan written as a shell script; they identify an older one."""

_NEEDED = ("file_id", "keeper_id")
# A cell that a spreadsheet would read as a formula is written with a leading apostrophe, which is
# removed on reading.
_FORMULAS = ("=", "+", "-", "@", "\t", "\r")
_MAX_DIGITS = 18  # ids are 64-bit; a longer number is never an id


def make_plan(
    chosen: pd.DataFrame, files: Mapping[int, FileOfImage], act: str = "auto"
) -> pd.DataFrame:
    """Plan to keep the keeper of each cluster and to remove its other files.

    Parameters
    ----------
    chosen
        Clusters by file with keeper_id and keeper_reason for each row
        (`imgurer_kernel.review.policy.choose`). `goes` says which stay.
    files
        Files by id, as in the catalog.
    act
        One of `ACTS`, or ``"auto"``: the store's trash for files in the store, a trash folder on
        the same disk for files on disk.

    Raises
    ------
    PlanInvalid
        If the act is unknown.
    """
    if act != "auto" and act not in ACTS:
        message = f"{act!r} is not an act; choose auto, {', '.join(ACTS)}"
        raise PlanInvalid(message)
    known = chosen["file_id"].isin(list(files)) & chosen["keeper_id"].isin(list(files))
    rows = chosen[goes(chosen) & known].reset_index(drop=True)
    keepers = [files[each] for each in rows["keeper_id"].tolist()]
    acts = [
        automatic_act(files[each]) if act == "auto" else act for each in rows["file_id"].tolist()
    ]
    keys = [files[each].path_key for each in rows["file_id"].tolist()]
    found = beside_each({key: act for key, act in zip(keys, acts, strict=True) if key is not None})
    beside = [NOTHING if key is None else found.get(key, NOTHING) for key in keys]
    plan = rows.assign(
        act=pd.Series(acts, rows.index, "str"),
        keeper_path=pd.Series([it.path or it.filename for it in keepers], rows.index, "str"),
        reason=rows["keeper_reason"],
        along=pd.Series([join_names(it.along) for it in beside], rows.index, "str"),
        left=pd.Series([join_names(it.left) for it in beside], rows.index, "str"),
    )
    return plan[PLAN]


def goes(chosen: pd.DataFrame) -> "pd.Series[bool]":
    """Return which files of a queue would be removed.

    These are present, neither kept nor in a reference folder, and no other name of such a file.
    """
    return (
        (chosen["file_id"] != chosen["keeper_id"])
        & ~chosen["is_reference"].astype(bool)
        & (chosen["state"] == "present")
        & ~is_other_name(chosen)
    )


def is_other_name(chosen: pd.DataFrame) -> "pd.Series[bool]":
    """Return which files are symbolic links, or other names of a file that stays.

    Such a file is kept, or in a reference folder. To remove another name of it frees nothing.
    """
    number = chosen["disk_file"]
    stays = (chosen["file_id"] == chosen["keeper_id"]) | chosen["is_reference"].astype(bool)
    is_name = chosen["is_link"].astype(bool) | number.isin(number[stays & (number >= 0)])
    return is_name & (chosen["file_id"] != chosen["keeper_id"])


def rows_of_plan(plan: pd.DataFrame) -> list[PlannedRow]:
    """Read the rows of a plan; columns may be missing.

    Raises
    ------
    PlanInvalid
        If the ids are missing or not whole numbers, or a file is named twice.
    """
    missing = [name for name in _NEEDED if name not in plan]
    if missing:
        message = f"the plan has no column {missing[0]}; it needs {' and '.join(_NEEDED)}"
        raise PlanInvalid(message)
    rows = []
    for number, record in enumerate(plan.to_dict("records"), 1):
        ids = [_whole(record[name], name, number) for name in _NEEDED]
        path = _text(record.get("path"))
        act = _text(record.get("act"))
        rows.append(
            PlannedRow(
                file_id=ids[0],
                act=act if act is not None else "auto",
                keeper_id=ids[1],
                reason=_text(record.get("reason")) or "",
                path=path if path is not None else _text(record.get("filename")),
            )
        )
    seen: set[int] = set()
    for row in rows:
        if row.file_id in seen:
            message = f"the plan names file {row.file_id} twice; leave one row of it"
            raise PlanInvalid(message)
        seen.add(row.file_id)
    return rows


def write_plan(plan: pd.DataFrame, path: Path | str) -> Path:
    """Write a plan as CSV for a spreadsheet; only an older plan is replaced.

    Raises
    ------
    PlanInvalid
        If another kind of file is there, or the path is invalid.
    StorageDenied, StorageFull
        If it cannot be written.
    """
    path = given_path(path, "the plan", PlanInvalid)
    require_replaceable(path)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(plan.columns)
    for row in plan.itertuples(index=False, name=None):
        writer.writerow("" if pd.isna(value) else _guarded(value) for value in row)
    with atomic_write(path) as file:
        # With a byte order mark: without it Excel assumes another encoding.
        file.write(text.getvalue().encode("utf-8-sig", "backslashreplace"))
    return path


def read_plan(path: str | os.PathLike[str]) -> pd.DataFrame:
    """Read a plan written by `write_plan`, possibly saved again by a spreadsheet.

    Columns may be reordered, added or missing; a byte order mark and cells separated by semicolons
    or tabs are accepted. All cells are returned as text.

    Raises
    ------
    PlanInvalid
        If it cannot be read.
    """
    try:
        text = given_path(path, "the plan", PlanInvalid).read_bytes().decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        if isinstance(error, OSError):
            reason = f"{error.strerror}; check path and permission"
        else:
            reason = "it is not UTF-8; save it as CSV in UTF-8"
        message = f"the plan {path} cannot be read: {reason}"
        raise PlanInvalid(message) from error
    first = text.partition("\n")[0]
    separator = max((",", ";", "\t"), key=first.count)
    try:
        lines = list(csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True))
    except csv.Error as error:
        message = f"the plan {path} is not a table: {error}; save it as CSV"
        raise PlanInvalid(message) from error
    head = [cell.strip() for cell in lines[0]] if lines else []
    filled = [
        (number, line)
        for number, line in enumerate(lines[1:], 2)
        if any(cell.strip() for cell in line)
    ]
    wrong = next((number for number, row in filled if len(row) > len(head)), None)
    if wrong is not None or len(set(head)) < len(head):
        where = f"row {wrong} has more cells than the heading" if wrong else "a heading is twice"
        message = f"the plan {path} is not a table: {where}; save it as CSV"
        raise PlanInvalid(message)
    cells = [
        [_unguarded(cell) for cell in row] + [""] * (len(head) - len(row)) for _, row in filled
    ]
    return pd.DataFrame(cells, columns=pd.Index(head), dtype="str")


def require_replaceable(path: Path) -> None:
    """Refuse to replace a file that is neither a plan nor a script: it may be a picture.

    Raises
    ------
    PlanInvalid
        With the path and what is there.
    """
    try:
        if path.is_file():
            with path.open("rb") as file:
                head = file.read(4096)
            names = {cell.strip('"; \t') for cell in _first_line(head)}
            if head.startswith(SCRIPT_MARK) or names.issuperset(_NEEDED):
                return
        elif not os.path.lexists(path):
            return
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        message = f"the plan cannot be written to {str(path)!r}: {reason}; give another path"
        raise PlanInvalid(message) from error
    message = f"{path} exists and is not a plan, so it is not replaced; give another name"
    raise PlanInvalid(message)


def _first_line(head: bytes) -> list[str]:
    line = head.decode("utf-8-sig", "replace").partition("\n")[0]
    return re.split(r"[,;\t]", line.strip())


def _whole(value: object, name: str, number: int) -> int:
    text = str(value).strip()
    # Spreadsheets and pandas write whole numbers as floats if a cell of the column is empty.
    text = text.removesuffix(".0")
    if not text.isascii() or not text.isdecimal() or len(text) > _MAX_DIGITS:
        message = f"row {number} of the plan has the {name} {value!r}; it must be a whole number"
        raise PlanInvalid(message)
    return int(text)


def _text(value: object) -> str | None:
    if value is None or (isinstance(value, float) and pd.isna(value)) or value is pd.NA:
        return None
    return str(value) or None


def _guarded(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value.startswith((*_FORMULAS, "'")) else value


def _unguarded(cell: str) -> str:
    return cell[1:] if cell[:1] == "'" and cell[1:].startswith((*_FORMULAS, "'")) else cell
