"""One SELECT over frames, in a database of its own that reaches nothing else."""

from collections.abc import Mapping, Sequence

import duckdb
import pandas as pd

from imgurer_kernel.common.threads import cores
from imgurer_kernel.errors import QueryError
from imgurer_kernel.store.catalog.connection import frame_of


def select(statement: str, tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Answer a SELECT over frames.

    The catalog is not even open here: there is nothing to write to, and neither files, the network,
    extensions nor variables of the program are within reach.

    Parameters
    ----------
    statement
        One statement that only reads.
    tables
        Frames by name. Times of a zone are times in UTC within the statement.

    Returns
    -------
    DataFrame
        What was selected; timestamps are in UTC.

    Raises
    ------
    QueryError
        If it is no SELECT, more than one, or cannot be answered, with what DuckDB says.

    Examples
    --------
    >>> select("SELECT sum(n) AS n FROM t", {"t": pd.DataFrame({"n": [1, 2]})})["n"].tolist()
    [3.0]
    """
    config: dict[str, str | bool | int | float | list[str]] = {
        "enable_external_access": False,
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
        "python_enable_replacements": False,
        "temp_directory": "",
        "threads": min(4, cores()),
    }
    try:
        with duckdb.connect(":memory:", config=config) as connection:
            _require_select(connection, statement)
            for name, frame in tables.items():
                connection.register(name, _without_zones(frame))
            # Else a moment such as now() is compared with the views in the zone of the machine.
            connection.execute("SET TimeZone = 'UTC'")
            connection.execute("SET lock_configuration = true")
            answer = connection.execute(statement)
            kinds = [str(each[1]) for each in answer.description or []]
            return _in_utc(frame_of(answer), kinds)
    except duckdb.Error as error:
        named = ", ".join(sorted(tables)) or "none of the views"
        message = f"the statement cannot be answered: {error}; it names {named}"
        raise QueryError(message) from error


def _in_utc(frame: pd.DataFrame, kinds: Sequence[str]) -> pd.DataFrame:
    """Timestamps of an answer in UTC, those of a zone, too; dates have none."""
    # By place: DuckDB tells two columns of one name, of which pandas makes two names.
    for name, kind in zip(frame, kinds, strict=True):
        if isinstance(frame[name].dtype, pd.DatetimeTZDtype):
            frame[name] = frame[name].dt.tz_convert("UTC")
        elif kind.startswith("TIMESTAMP") and frame[name].dtype.kind == "M":
            frame[name] = frame[name].dt.tz_localize("UTC")
    return frame


def _require_select(connection: duckdb.DuckDBPyConnection, statement: str) -> None:
    try:
        kinds = [each.type for each in connection.extract_statements(statement)]
    except TypeError as error:  # no text, or half of a surrogate pair in it
        message = f"{statement!r} is no statement; give a text of one SELECT"
        raise QueryError(message) from error
    if len(kinds) != 1:
        message = f"{len(kinds)} statements were given; give one SELECT"
        raise QueryError(message)
    if kinds[0] != duckdb.StatementType.SELECT:
        name = str(kinds[0]).rsplit(".", 1)[-1]
        message = f"a statement of the kind {name} was given; only SELECT is answered, to read"
        raise QueryError(message)


def _without_zones(frame: pd.DataFrame) -> pd.DataFrame:
    """Times in UTC without a zone, as DuckDB keeps them."""
    plain = frame.copy(deep=False)
    for name in frame:
        if isinstance(frame[name].dtype, pd.DatetimeTZDtype):
            plain[name] = frame[name].dt.tz_convert("UTC").dt.tz_localize(None)
    return plain
