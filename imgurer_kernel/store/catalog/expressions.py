"""Evaluate SQL expressions over a frame by DuckDB, isolated from everything else."""

import json
from typing import Any

import duckdb
import numpy as np
import pandas as pd

from imgurer_kernel.errors import QueryError
from imgurer_kernel.store.catalog.connection import message_of

_ROW = "_row"
_ISOLATED: dict[str, str | bool | int | float | list[str]] = {
    "enable_external_access": False,
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "python_enable_replacements": False,
    "threads": 1,
}
# DuckDB's names of comparisons for equality, in parsed statements.
_EQUALITY = {
    *("COMPARE_EQUAL", "COMPARE_NOTEQUAL", "COMPARE_IN", "COMPARE_NOT_IN"),
    *("COMPARE_DISTINCT_FROM", "COMPARE_NOT_DISTINCT_FROM"),
}


def evaluate(frame: pd.DataFrame, expression: str) -> "pd.Series[Any]":
    """Evaluate an SQL expression for each row; the result has the frame's index.

    The expression can read neither files nor the store, and can change nothing.

    Raises
    ------
    QueryError
        If it is not an expression over the frame's columns; the message lists them.

    Examples
    --------
    >>> evaluate(pd.DataFrame({"width": [3, 5], "height": [2, 2]}), "width * height").tolist()
    [6, 10]
    """
    _require_utf8(expression)
    connection = duckdb.connect(config=_ISOLATED)
    try:
        connection.register("files", frame.assign(**{_ROW: range(len(frame))}))
        connection.execute("SET lock_configuration = true")
        one = f"SELECT ({expression}\n) AS value FROM files"  # noqa: S608 (it reaches nothing else)
        statements = connection.extract_statements(one)
        # A text that is more than an expression would close the parenthesis, or end the statement.
        if len(statements) != 1:
            message = f"{expression!r} is more than one expression; give a condition or a value"
            raise QueryError(message)
        query = f"SELECT {_ROW}, ({expression}\n) AS value FROM files ORDER BY {_ROW}"  # noqa: S608
        found = connection.execute(query).df()
    except duckdb.Error as error:
        columns = ", ".join(map(str, frame))
        # A text without them is read as the name of a column.
        quotes = "texts stand in single quotes, and " * isinstance(error, duckdb.BinderException)
        message = (
            f"{expression!r} cannot be evaluated: {message_of(error)}; {quotes}the columns are "
            f"{columns}"
        )
        raise QueryError(message) from error
    finally:
        connection.close()
    if len(found) != len(frame) or found.shape[1] != 2:
        message = f"{expression!r} does not give one value for each file; give an expression"
        raise QueryError(message)
    values = found["value"]
    if any(isinstance(value, dict | list | tuple | np.ndarray) for value in values.head(1)):
        message = f"{expression!r} gives several values for each file; give one expression"
        raise QueryError(message)
    return pd.Series(values.to_numpy(), frame.index)


def compared_texts(expression: str) -> list[tuple[str, str]]:
    """List the columns that an expression compares with texts for equality, each with the text.

    The list is empty for a text that is not an expression.

    Examples
    --------
    >>> compared_texts("label IN ('resized', 'cropped') AND lower(user) = 'ann'")
    [('label', 'resized'), ('label', 'cropped')]
    """
    _require_utf8(expression)
    with duckdb.connect(config=_ISOLATED) as connection:
        statement = f"SELECT ({expression}\n) AS value FROM files"  # noqa: S608 (is only parsed)
        row = connection.execute("SELECT json_serialize_sql(?)", [statement]).fetchone()
    try:
        rest: list[Any] = [] if row is None else [json.loads(row[0])]
    except RecursionError:  # nested deeper than Python's limit: no expression of a person is
        return []
    found = []
    while rest:
        node = rest.pop()
        if isinstance(node, dict):
            found += _compared(node)
            node = list(node.values())
        if isinstance(node, list):
            rest += reversed(node)
    return found


def _require_utf8(expression: str) -> None:
    try:
        expression.encode()
    except UnicodeEncodeError as error:  # such as bytes from a shell that are not UTF-8
        message = f"{expression!r} is not text in UTF-8: {error.reason}; write it again"
        raise QueryError(message) from error


def _compared(node: dict[str, Any]) -> list[tuple[str, str]]:
    """List the columns and texts that a node of a parsed statement compares for equality."""
    if node.get("type") not in _EQUALITY:
        return []
    sides = [node.get("left"), node.get("right"), *node.get("children", ())]
    nodes = [each for each in sides if isinstance(each, dict)]
    columns = [names[-1] for each in nodes if (names := each.get("column_names"))]
    literals = [each.get("literal", {}) for each in nodes]
    texts = [each["text"] for each in literals if each.get("kind") == "STRING"]
    return [(str(column).lower(), text) for column in columns for text in texts]
