"""Evaluate SQL expressions over a frame by DuckDB, isolated from everything else."""

from typing import Any

import duckdb
import numpy as np
import pandas as pd

from imgurer_kernel.errors import QueryError

_ROW = "_row"


def evaluate(frame: pd.DataFrame, expression: str) -> "pd.Series[Any]":
    """Evaluate an SQL expression for each row; the result has the frame's index.

    Neither files nor the store can be read by it, and nothing can be changed.

    Raises
    ------
    QueryError
        If it is no expression over the frame's columns; says which there are.

    Examples
    --------
    >>> evaluate(pd.DataFrame({"width": [3, 5], "height": [2, 2]}), "width * height").tolist()
    [6, 10]
    """
    connection = duckdb.connect(
        config={
            "enable_external_access": False,
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "python_enable_replacements": False,
            "threads": 1,
        }
    )
    try:
        connection.register("files", frame.assign(**{_ROW: range(len(frame))}))
        connection.execute("SET lock_configuration = true")
        one = f"SELECT ({expression}\n) AS value FROM files"  # noqa: S608 (it reaches nothing else)
        statements = connection.extract_statements(one)
        # One that is more than an expression would end the parenthesis, or the statement.
        if len(statements) != 1:
            message = f"{expression!r} is more than one expression; give a condition or a value"
            raise QueryError(message)
        query = f"SELECT {_ROW}, ({expression}\n) AS value FROM files ORDER BY {_ROW}"  # noqa: S608
        found = connection.execute(query).df()
    except duckdb.Error as error:
        columns = ", ".join(map(str, frame))
        message = f"{expression!r} cannot be evaluated: {error}; the columns are {columns}"
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
