"""One SELECT over frames, in a database of its own that reaches nothing else."""

from collections.abc import Mapping

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
            connection.execute("SET lock_configuration = true")
            answer = connection.execute(statement)
            described = answer.description or []
            utc = [str(each[0]) for each in described if str(each[1]).startswith("TIMESTAMP")]
            return frame_of(answer, utc=utc)
    except duckdb.Error as error:
        named = ", ".join(sorted(tables)) or "none of the views"
        message = f"the statement cannot be answered: {error}; it names {named}"
        raise QueryError(message) from error


def _require_select(connection: duckdb.DuckDBPyConnection, statement: str) -> None:
    kinds = [each.type for each in connection.extract_statements(statement)]
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
