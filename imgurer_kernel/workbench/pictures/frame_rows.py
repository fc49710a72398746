"""Find the images that the rows of any frame name: by image_id, file_id, or path."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from imgurer_kernel.common.types import Int64s
from imgurer_kernel.errors import QueryError
from imgurer_kernel.store.catalog import journal

if TYPE_CHECKING:
    from imgurer_kernel.store.catalog import Catalog, Connection

KeyColumn = Literal["image_id", "file_id", "path"]
NAMES: tuple[KeyColumn, ...] = ("image_id", "file_id", "path")
"""Columns by which a row may name its picture; the first one present is used."""


def check_frame(frame: object, group: object = None) -> tuple[pd.DataFrame, KeyColumn]:
    """Check a frame; return it, and the column that identifies the pictures.

    Raises
    ------
    QueryError
        If it is not a frame, has none of these columns or one of them twice, or lacks `group`.
    """
    if isinstance(frame, pd.Series):
        frame = frame.to_frame()
    if not isinstance(frame, pd.DataFrame):
        message = f"a gallery is made of a frame, not of a {type(frame).__name__}"
        raise QueryError(message)
    columns: list[object] = list(frame.columns)
    names = ", ".join(map(str, columns)) or "no columns"
    named = next((name for name in NAMES if name in columns), None)
    if named is None:
        message = f"the frame has none of {', '.join(NAMES)}; it has {names}; rename one of them"
        raise QueryError(message)
    for name in (named, group):
        if name is not None and columns.count(name) > 1:
            message = f"the frame has {columns.count(name)} columns {name!r}; leave one"
            raise QueryError(message)
    if group is not None and group not in columns:
        message = f"there is no column {group!r} to group by; the frame has {names}"
        raise QueryError(message)
    return frame, named


def as_ids(values: Sequence[object]) -> Int64s:
    """Convert ids of any type, such as ``"7"`` or 7.0, to integers; -1 for invalid ones."""
    # Works for nullable, float and text columns; an id beyond int64 is invalid.
    scalars = [
        value if isinstance(value, str | int | float | np.number) else None for value in values
    ]
    numbers = pd.to_numeric(pd.Series(scalars, dtype=object), errors="coerce")
    floats = numbers.to_numpy(np.float64, na_value=np.nan)
    whole = np.isfinite(floats) & (floats == np.floor(floats)) & (floats >= 0) & (floats < 2**53)
    return np.where(whole, floats, -1).astype(np.int64)


def images_of(catalog: "Catalog", named: KeyColumn, values: Sequence[object]) -> Int64s:
    """Look up the image of each value; -1 if the store has none.

    An image_id is passed on without checking that the image exists.
    """
    if named == "image_id":
        return as_ids(values)
    if named == "file_id":
        ids = as_ids(values)
        return catalog.run(_images_of_files, ids)
    return catalog.run(_images_of_paths, values)


def _images_of_files(connection: "Connection", file_ids: Int64s) -> Int64s:
    found = journal.files_of_images(connection, {int(each) for each in file_ids} - {-1})
    return np.array(
        [found[each].image_id if each in found else -1 for each in file_ids.tolist()], np.int64
    )


def _images_of_paths(connection: "Connection", values: Sequence[object]) -> Int64s:
    keys = [_key(value) for value in values]
    at = {key: journal.at_path(connection, key) for key in set(keys) if key is not None}
    first: dict[Any, int] = {key: rows[0][0] for key, rows in at.items() if rows}
    ids = np.array([first.get(key, -1) for key in keys], np.int64)
    return _images_of_files(connection, ids)


def _key(value: object) -> bytes | None:
    """Convert a path to its form in the catalog: absolute, as bytes; None if it is invalid."""
    if not isinstance(value, str | os.PathLike) or not os.fspath(value):
        return None
    try:
        path = Path(value).expanduser()
        return os.path.normpath(os.fsencode(path.absolute()))
    except (RuntimeError, ValueError):  # the home of an unknown user, a zero byte
        return None
