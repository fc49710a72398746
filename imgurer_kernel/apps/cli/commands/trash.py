"""Commands that remove pictures from the store, and restore them: ``imgurer trash ...``."""

import argparse
from datetime import timedelta

import pandas as pd

from imgurer_kernel.apps.cli.command import (
    EXIT_DONE,
    EXIT_USAGE,
    GROUPS,
    Call,
    argument,
    command,
    either_or,
    noted,
    number,
)
from imgurer_kernel.apps.cli.output import write_error
from imgurer_kernel.common.text import count
from imgurer_kernel.errors import QueryError
from imgurer_kernel.store.trash import duration

GROUPS["trash"] = "List, restore and delete what was forgotten."

_USER = argument("--user", help="owner of the files (default: the local user)")
_COLUMNS = {
    "file_id": "file",
    "image_id": "image",
    "user": "user",
    "forgotten_at": "forgotten",
    "filename": "filename",
    "path": "path",
}


def _span(text: str) -> timedelta:
    try:
        return duration(text)
    except QueryError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


@command(
    "forget",
    argument("ids", nargs="+", type=number, metavar="ID", help="image, as `similar` lists it"),
    argument("--files", action="store_true", help="the ids are those of files"),
    _USER,
)
def forget(call: Call) -> int:
    """Move pictures into the trash."""
    rows = []
    with noted(call.workbench()) as wb:
        for each in call.arguments.ids:
            given = {"file_id" if call.arguments.files else "image_id": each}
            rows.append({**given, "gone": wb.forget(**given, user=call.arguments.user)})
    frame = pd.DataFrame(rows)
    if call.out.json:
        call.out.write_table(frame)
    what = count(len(frame), "file" if call.arguments.files else "picture")
    call.out.write_line(
        f"{what} forgotten, {int(frame['gone'].sum()):,} of which nobody has any more; "
        "`imgurer trash restore` brings them back"
    )
    return EXIT_DONE


@command("trash list", argument("--user", help="of one user (default: of all)"))
def list_trash(call: Call) -> int:
    """List what is in the trash."""
    with noted(call.workbench()) as wb:
        frame = wb.trash.list(call.arguments.user)
    call.out.write_table(frame, _COLUMNS)
    if frame.empty:
        call.out.write_line("the trash is empty")
    return EXIT_DONE


@command(
    "trash restore",
    either_or(
        argument("ids", nargs="*", type=number, default=[], metavar="FILE", help="ids of files"),
        argument("--all", action="store_true", help="all that is the user's"),
    ),
    _USER,
)
def restore_trash(call: Call) -> int:
    """Restore files from the trash."""
    if not (call.arguments.ids or call.arguments.all):
        write_error("which files? name them as `imgurer trash list` does, or say --all")
        return EXIT_USAGE
    with noted(call.workbench()) as wb:
        ids = None if call.arguments.all else call.arguments.ids
        frame = wb.trash.restore(ids, call.arguments.user)
    if call.out.json:
        call.out.write_table(frame)
    call.out.write_line(f"{count(len(frame), 'file')} restored")
    return EXIT_DONE


@command(
    "trash empty",
    argument(
        "--older-than", type=_span, required=True, metavar="AGE", help="30d, 12h, 90m; 0d for all"
    ),
    argument("--user", help="acting user, an admin (default: the local user)"),
)
def empty_trash(call: Call) -> int:
    """Delete permanently what was forgotten long ago."""
    with noted(call.workbench()) as wb:
        emptied = wb.trash.empty(call.arguments.older_than, call.arguments.user)
    left = emptied.left
    if call.out.json:
        table = {"deleted": [emptied.deleted], "left": [left.to_dict("records")]}
        call.out.write_table(pd.DataFrame(table))
    for path, why in zip(left["path"].tolist(), left["why"].tolist(), strict=True):
        # Many reasons begin with the path.
        call.out.write_line(f"left: {'' if why.startswith(f'{path}: ') else f'{path}: '}{why}")
    more = f"; {count(len(left), 'file')} left" if len(left) else ""
    call.out.write_line(f"{count(emptied.deleted, 'file')} deleted permanently{more}")
    return EXIT_DONE
