"""The views that `Workbench.sql` offers."""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

import pandas as pd

from imgurer_kernel.errors import QueryError
from imgurer_kernel.store.catalog import sql

if TYPE_CHECKING:
    from imgurer_kernel.workbench.workbench import Workbench


def _clusters(workbench: "Workbench") -> pd.DataFrame:
    found = workbench.last_clusters()
    if found is None:
        message = "no clusters were found yet; call clusters() first"
        raise QueryError(message)
    return found


VIEWS: dict[str, Callable[["Workbench"], pd.DataFrame]] = {
    "images": lambda workbench: workbench.images(),
    "files": lambda workbench: workbench.files(),
    "users": lambda workbench: workbench.users(),
    "decisions": lambda workbench: workbench.decisions(),
    "journal": lambda workbench: workbench.journal(),
    "clusters": _clusters,
}
"""Views by name: the frames of the methods of those names; `clusters` is the last answer."""


def select_from_views(
    workbench: "Workbench", statement: object, limits: sql.AnswerLimits
) -> pd.DataFrame:
    """Answer a SELECT over the views; see `imgurer_kernel.Workbench.sql`."""
    if not isinstance(statement, str):
        message = f"the statement is a {type(statement).__name__}; give the text of a SELECT"
        raise QueryError(message)
    # Read only tables that the statement may mean: a catalog of a million files takes seconds. A
    # name inside a string literal costs a needless read.
    words = {word.casefold() for word in re.findall(r"\w+", statement)}
    tables = {name: read(workbench) for name, read in VIEWS.items() if name in words}
    try:
        return sql.select(statement, tables, limits)
    except QueryError as error:
        error.add_note(f"views: {', '.join(VIEWS)}")
        raise
