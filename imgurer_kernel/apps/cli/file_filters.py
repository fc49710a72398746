"""Options that choose which files take part, shared by all commands that list clusters."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from imgurer_kernel.apps.cli.command import Call, argument, size
from imgurer_kernel.errors import QueryError
from imgurer_kernel.workbench.workbench import Workbench

EXCLUDE = argument(
    "--exclude",
    action="append",
    default=[],
    metavar="GLOB",
    help="leave out, such as '*.png' or a folder's name (more than once for more)",
)
MIN_SIZE = argument(
    "--min-size",
    type=size,
    default=0,
    metavar="BYTES",
    help="leave out smaller files; 50k, 2M and 1G are understood",
)
FILTERS = (
    argument(
        "--between", action="store_true", help="only clusters with files of two or more folders"
    ),
    argument(
        "--reference",
        action="append",
        default=[],
        metavar="FOLDER",
        help="its files are never offered for removal (more than once for more)",
    ),
    EXCLUDE,
    MIN_SIZE,
)
"""Filters of files, in addition to the folders themselves."""


def read_filters(call: Call) -> dict[str, Any]:
    """Read the options of `FILTERS` into arguments of `Workbench.clusters` and `find_in`."""
    given = call.arguments
    return {
        "between": given.between,
        "reference": given.reference,
        "exclude": given.exclude,
        "min_size": given.min_size,
    }


def require_known_folders(wb: Workbench, folders: Iterable[str]) -> None:
    """Refuse folders, such as those of ``--reference``, without a file in the store.

    A misspelled reference folder would protect nothing, and its files would be offered for removal.

    Raises
    ------
    QueryError
        Names the folder.
    """
    for folder in folders:
        real = os.path.realpath(Path(folder).expanduser())
        if wb.files(folder=folder).empty and wb.files(folder=real).empty:
            message = (
                f"no file of this store is from {folder!r}; check the spelling, or ingest it "
                "first with `imgurer ingest`"
            )
            raise QueryError(message)
