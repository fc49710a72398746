"""Run one SELECT over frames, in an isolated database in memory."""

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import duckdb
import pandas as pd

from imgurer_kernel.common.threads import cores
from imgurer_kernel.errors import QueryError
from imgurer_kernel.store.catalog.connection import message_of, retyped

_WIDE = {"HUGEINT", "UHUGEINT"}
_AT_ONCE = 10
"""Blocks of 2,048 rows that are fetched between two checks of the limits."""


@dataclass(frozen=True, slots=True)
class AnswerLimits:
    """Limits of one answer: a cross join of a large table would fill any memory.

    Attributes
    ----------
    rows
        Most rows of the answer.
    memory
        Most bytes that DuckDB may use to compute it, and that the frame may have. A single value
        that a function returns is counted only after it was computed.
    seconds
        Most seconds that it may take.
    """

    rows: int = 5_000_000
    memory: int = 2 << 30
    seconds: float = 300.0

    def __post_init__(self) -> None:
        for name in ("rows", "memory", "seconds"):
            value = getattr(self, name)
            kind = int | float if name == "seconds" else int
            if isinstance(value, bool) or not isinstance(value, kind) or not value > 0:
                message = f"{name} is {value!r}; it must be a number above 0"
                raise QueryError(message)


def select(
    statement: str, tables: Mapping[str, pd.DataFrame], limits: AnswerLimits | None = None
) -> pd.DataFrame:
    """Answer a SELECT over frames.

    The statement runs without the catalog: it can write nothing, and has no access to files, the
    network, extensions or variables of the program.

    Parameters
    ----------
    statement
        One statement that only reads.
    tables
        Frames by name. Times with a zone are times in UTC within the statement.
    limits
        Limits of the answer; by default `AnswerLimits`.

    Returns
    -------
    DataFrame
        The answer; timestamps are in UTC.

    Raises
    ------
    QueryError
        If it is not a SELECT, more than one, cannot be answered (with DuckDB's message), or exceeds
        the limits.

    Examples
    --------
    >>> select("SELECT sum(n) AS n FROM t", {"t": pd.DataFrame({"n": [1, 2]})})["n"].tolist()
    [3]
    """
    limits = limits or AnswerLimits()
    config: dict[str, str | bool | int | float | list[str]] = {
        "enable_external_access": False,
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
        "python_enable_replacements": False,
        "temp_directory": "",
        "memory_limit": f"{limits.memory}B",
        "threads": min(4, cores()),
    }
    try:
        with duckdb.connect(":memory:", config=config) as connection:
            _require_select(connection, statement)
            for name, frame in tables.items():
                connection.register(name, _without_zones(frame))
            # Otherwise now() would be compared with the views in the machine's time zone.
            connection.execute("SET TimeZone = 'UTC'")
            connection.execute("SET lock_configuration = true")
            with _interrupted_after(limits.seconds, connection):
                answer, kinds = _run(connection, statement)
                return _typed(_fetch(answer, limits), kinds)
    except duckdb.InterruptException as error:
        message = f"the answer takes more than {limits.seconds:g} s (seconds=); ask for less"
        raise QueryError(message) from error
    except duckdb.OutOfMemoryException as error:
        raise QueryError(_too_much_memory(limits)) from error
    except duckdb.Error as error:
        named = ", ".join(sorted(tables)) or "none of the views"
        message = f"the statement cannot be answered: {message_of(error)}; it names {named}"
        raise QueryError(message) from error


def _run(
    connection: duckdb.DuckDBPyConnection, statement: str
) -> tuple[duckdb.DuckDBPyConnection, list[str]]:
    """Run the statement; cast integers of 128 bits to texts, which pandas would read as floats."""
    relation = connection.sql(statement)
    kinds = list(map(str, relation.types))
    if not _WIDE.intersection(kinds):
        return connection.execute(statement), kinds
    connection.execute(f"CREATE TEMP TABLE answer AS {statement}")
    columns = [
        f"CAST(#{place} AS VARCHAR)" if kind in _WIDE else f"#{place}"
        for place, kind in enumerate(kinds, 1)
    ]
    names = [name.replace('"', '""') for name in relation.columns]
    named = ", ".join(f'{each} AS "{name}"' for each, name in zip(columns, names, strict=True))
    return connection.execute(f"SELECT {named} FROM answer"), kinds  # noqa: S608 - names are quoted


def _fetch(answer: duckdb.DuckDBPyConnection, limits: AnswerLimits) -> pd.DataFrame:
    """Fetch the answer in pieces, as DuckDB computes it, up to the limits."""
    pieces = [answer.fetch_df_chunk(_AT_ONCE)]
    rows, size = 0, 0
    while len(pieces[-1]):
        rows += len(pieces[-1])
        size += int(pieces[-1].memory_usage(index=False, deep=True).sum())
        if rows > limits.rows:
            message = f"the answer has more than {limits.rows:,} rows (rows=); ask for less of it"
            raise QueryError(message)
        if size > limits.memory:
            raise QueryError(_too_much_memory(limits))
        pieces.append(answer.fetch_df_chunk(_AT_ONCE))
    # The last piece is empty; its dtypes are only right for an empty answer.
    found = pieces[:-1] or pieces
    return retyped(found[0] if len(found) == 1 else pd.concat(found, ignore_index=True))


def _too_much_memory(limits: AnswerLimits) -> str:
    return f"the answer takes more than {limits.memory:,} bytes (memory=); ask for less of it"


@contextmanager
def _interrupted_after(seconds: float, connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    timer = threading.Timer(seconds, connection.interrupt)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()  # the caller closes the connection next: no interrupt may follow that


def _typed(frame: pd.DataFrame, kinds: Sequence[str]) -> pd.DataFrame:
    """Convert timestamps of an answer to UTC, and texts of wide integers to integers."""
    # By position: DuckDB may have two columns of one name, for which pandas makes two names.
    for name, kind in zip(frame, kinds, strict=True):
        if isinstance(frame[name].dtype, pd.DatetimeTZDtype):
            frame[name] = frame[name].dt.tz_convert("UTC")
        elif kind.startswith("TIMESTAMP") and frame[name].dtype.kind == "M":
            frame[name] = frame[name].dt.tz_localize("UTC")
        elif kind in _WIDE:
            frame[name] = _whole(frame[name])
    return frame


def _whole(texts: "pd.Series[str]") -> "pd.Series[Any]":
    """Parse integers as int64, as Int64 if some are missing, as Python's beyond 64 bits."""
    numbers = [None if pd.isna(text) else int(text) for text in texts]
    try:
        whole = pd.Series(numbers, texts.index, dtype="Int64")
    except OverflowError:
        return pd.Series(numbers, texts.index, dtype=object)
    return whole if whole.isna().any() else whole.astype("int64")


def _require_select(connection: duckdb.DuckDBPyConnection, statement: str) -> None:
    try:
        kinds = [each.type for each in connection.extract_statements(statement)]
    except TypeError as error:  # no text, or half of a surrogate pair in it
        message = f"{statement!r} is not a statement; give the text of one SELECT"
        raise QueryError(message) from error
    if len(kinds) != 1:
        message = f"{len(kinds)} statements were given; give one SELECT"
        raise QueryError(message)
    if kinds[0] != duckdb.StatementType.SELECT:
        name = str(kinds[0]).rsplit(".", 1)[-1]
        message = f"a statement of the kind {name} was given; only SELECT is answered, to read"
        raise QueryError(message)


def _without_zones(frame: pd.DataFrame) -> pd.DataFrame:
    """Convert times to UTC without a zone, as DuckDB keeps them."""
    plain = frame.copy(deep=False)
    for name in frame:
        if isinstance(frame[name].dtype, pd.DatetimeTZDtype):
            plain[name] = frame[name].dt.tz_convert("UTC").dt.tz_localize(None)
    return plain
