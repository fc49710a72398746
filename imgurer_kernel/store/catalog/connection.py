"""Open the DuckDB file, and map its errors to this package's."""

import time
from collections.abc import Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeAlias, cast

import duckdb
import numpy as np
import pandas as pd
from pandas.api.extensions import ExtensionArray

from imgurer_kernel.common.threads import cores
from imgurer_kernel.common.types import Int64s
from imgurer_kernel.errors import (
    CatalogBusy,
    CatalogDamaged,
    CatalogError,
    CatalogTooNew,
    StorageDenied,
    StorageFull,
)

Connection: TypeAlias = duckdb.DuckDBPyConnection
Appender: TypeAlias = duckdb.Appender
Column: TypeAlias = np.ndarray | ExtensionArray

_RECOVER = (
    "`imgurer recover` rebuilds it from what can be read and from its newest snapshot, and keeps "
    "the damaged one; the originals are not in it"
)

# DuckDB has one exception for most errors of the file system; only their texts differ.
# The first line that matches counts.
_SYMPTOMS = (
    ("No space left", StorageFull, "make space on that disk"),
    ("quota exceeded", StorageFull, "make space within the quota"),
    ("Permission denied", StorageDenied, "make the folder and the file writable"),
    ("read-only mode", StorageDenied, "the store cannot be written; it can be looked at only"),
    ("attached read-only", StorageDenied, "the store cannot be written; it can be looked at only"),
    ("Read-only file system", StorageDenied, "keep the store on a writable disk"),
    ("No such file or directory", StorageDenied, "bring the store's folder back"),
    ("Is a directory", StorageDenied, "move the folder that has the catalog's name away"),
    ("Conflicting lock", CatalogBusy, "close the program that has opened the file by itself"),
    ("database file with version", CatalogTooNew, "update duckdb"),
    ("replaying WAL", CatalogDamaged, f"it is the log of the last changes; {_RECOVER}"),
    ("not a valid DuckDB", CatalogDamaged, _RECOVER),
    ("Out of Memory", CatalogError, "close other programs, or work on fewer images at once"),
    ("Corrupt", CatalogDamaged, _RECOVER),
)

# Columns in which many rows have the same text: equal texts become one object, which saves 3 MB
# for each column of 60,000 rows.
_FEW_TEXTS = frozenset({"user", "kept", "state", "source_state", "format", "camera", "algorithm"})

# Up to this many ids, passing a list is faster than registering a frame.
_FEW_IDS = 1000

_DAMAGE = (
    duckdb.FatalException,
    duckdb.InternalException,
    duckdb.IOException,
    duckdb.SerializationException,
)


def connect(path: Path, timeout: float, *, read_only: bool = False) -> Connection:
    """Open the file, without extensions and without access to variables of the program.

    A program outside this package may have it open; wait up to `timeout` seconds for that.

    Raises
    ------
    duckdb.Error
        If it cannot be opened; `translate` maps it to an error of this package.
    """
    # No extension is downloaded or loaded, and no variable of the program is read as a table.
    config: dict[str, str | bool | int | float | list[str]] = {
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
        "python_enable_replacements": False,
        "threads": min(4, cores()),
    }
    deadline = time.monotonic() + timeout
    while True:
        try:
            return duckdb.connect(path, read_only=read_only, config=config)
        except duckdb.IOException as error:
            if "Conflicting lock" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def message_of(error: duckdb.Error) -> str:
    r"""Return an error's message in one line, without the excerpt of the statement.

    Examples
    --------
    >>> message_of(duckdb.ParserException("no such thing\n\nLINE 1: SELECT it\n               ^"))
    'no such thing'
    """
    return " ".join(str(error).partition("\n\nLINE ")[0].split())


def translate(error: duckdb.Error, path: Path) -> CatalogError | StorageFull | StorageDenied:
    """Map an error of DuckDB to one of this package."""
    text = message_of(error)
    for symptom, kind, remedy in _SYMPTOMS:
        if symptom.lower() in text.lower():
            return kind(f"the catalog {path}: {text}; {remedy}")
    if isinstance(error, _DAMAGE):
        return CatalogDamaged(f"the catalog {path} cannot be read: {text}; {_RECOVER}")
    return CatalogError(f"the catalog {path} refused a statement: {text}; check what was passed")


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Map DuckDB's errors inside the block to this package's; interrupts to `KeyboardInterrupt`."""
    try:
        yield
    except duckdb.InterruptException as error:
        raise KeyboardInterrupt from error
    except duckdb.Error as error:
        raise translate(error, path) from error
    except RuntimeError as error:
        # Ctrl-C during a statement raises a plain RuntimeError, not an exception of DuckDB's.
        if str(error) == "Query interrupted":
            raise KeyboardInterrupt from error
        raise


@contextmanager
def table_of_ids(
    connection: Connection, image_ids: Int64s
) -> Iterator[tuple[str, dict[str, list[int]]]]:
    """Pass ids as a table with the column image_id; yield its SQL and its parameters."""
    if len(image_ids) <= _FEW_IDS:
        yield "(SELECT unnest($ids::BIGINT[]) AS image_id)", {"ids": image_ids.tolist()}
        return
    connection.register("given_ids", pd.DataFrame({"image_id": image_ids}))
    try:
        yield "given_ids", {}
    finally:
        # After a failed statement every other one fails, too, until the end of the transaction;
        # then the connection is closed, and the table with it.
        with suppress(duckdb.TransactionException):
            connection.unregister("given_ids")


def first_row(
    connection: Connection, query: str, values: Sequence[object] = ()
) -> tuple[Any, ...] | None:
    """Read the first row of an answer; fetch the rest, too, which would block later statements."""
    rows = connection.execute(query, list(values)).fetchall()
    return rows[0] if rows else None


def frame_of(
    answer: Connection, utc: Sequence[str] = (), kinds: Mapping[str, str] = MappingProxyType({})
) -> pd.DataFrame:
    """Read an answer as a frame: texts as ``str``, columns `utc` in UTC, and dtypes by `kinds`.

    By arrays: DuckDB's own frames have the same values, but take twice as long for few rows, since
    pandas looks for the type of each column of texts.
    """
    columns = cast("dict[str, np.ndarray]", answer.fetchnumpy())
    found = {name: _with_missing(values) for name, values in columns.items()}
    arrays = [_retyped(name, values, utc, kinds) for name, values in found.items()]
    frame = pd.DataFrame(dict(enumerate(arrays)), copy=False)
    frame.columns = pd.Index(found, dtype="str")
    return frame


def _with_missing(values: np.ndarray) -> Column:
    """Return a column of an answer, masked where a value is missing, as pandas has it."""
    kind, missing = values.dtype.kind, np.ma.getmaskarray(values)
    data = np.ma.getdata(values)
    if missing.any():
        if kind in "iu":
            return pd.arrays.IntegerArray(data, missing)
        if kind == "b":
            return pd.arrays.BooleanArray(data, missing)
        data[missing] = np.datetime64("NaT") if kind == "M" else np.nan if kind == "f" else None
    return pd.array(data) if kind == "M" else data


def retyped(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a frame with texts as ``str``, even where all values are missing.

    Made anew: `DataFrame.astype`, and setting one column after the other, take three times as long
    for small frames.
    """
    columns = [_retyped(name, column.array) for name, column in frame.items()]
    # By number: two columns of an answer may have one name.
    found = pd.DataFrame(dict(enumerate(columns)), index=frame.index, copy=False)
    found.columns = frame.columns
    return found


def _retyped(
    name: Hashable,
    values: Column,
    utc: Sequence[str] = (),
    kinds: Mapping[str, str] = MappingProxyType({}),
) -> Column:
    given: Any = values
    if name in utc:
        return cast("Column", given.tz_localize("UTC"))
    if name in kinds or given.dtype.kind == "O":
        if name in _FEW_TEXTS:
            codes, texts = pd.factorize(given)
            given = np.array([*texts, None], object)[codes]
        return cast("Column", pd.array(given, dtype=kinds.get(str(name), "str")))
    return values


def write(appender: Appender, rows: Sequence[tuple[object, ...]]) -> None:
    """Append rows in bulk; `executemany` would take a millisecond for each row."""
    try:
        appender.append_rows(rows)
        appender.flush()
    except BaseException:
        appender.clear()
        raise


def now() -> datetime:
    """Return the time in UTC, without a zone, as DuckDB stores it."""
    return datetime.now(UTC).replace(tzinfo=None)
