"""Files as rows: their users, their paths, and whether they are still there.

Each function takes the connection of a transaction (`imgurer_kernel.store.catalog.Catalog`).
`imgurer_kernel.store.catalog.file_rows` decides how arrivals change rows.
"""

import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import astuple, fields
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from imgurer_kernel.common.records import Arrival, FileState
from imgurer_kernel.common.types import Int64s
from imgurer_kernel.store.catalog.connection import (
    Connection,
    frame_of,
    now,
    table_of_ids,
    write,
)
from imgurer_kernel.store.catalog.file_rows import FileLedger, FileRow, rows_of
from imgurer_kernel.store.catalog.known_files import below

_INODES = {"device": "UInt64", "inode": "UInt64"}

COLUMNS = [field.name for field in fields(FileRow)]
"""Columns of the table, in the order of `FileRow`."""


PRESENT = (
    *("file_id", "image_id", "path", "path_key", "filename", "user", "kept", "bytes"),
    *("modified_ns", "device", "inode", "taken_in", "state"),
)
"""Columns of `present_files`."""


class NamedFile(NamedTuple):
    """A file with its name."""

    file_id: int
    filename: str


def files(
    connection: Connection,
    *,
    user: str | None = None,
    image_ids: Sequence[int] | None = None,
    folder: str | os.PathLike[str] | None = None,
    state: FileState | None = None,
) -> pd.DataFrame:
    """Read files by file_id, earlier contents included: all, or those that match the filters.

    Parameters
    ----------
    folder
        An absolute path: files below it.

    Returns
    -------
    DataFrame
        file_id, image_id, user, path (missing for an upload), filename, kept (upload, copy, link,
        reference), bytes, modified_at (UTC, missing for a file without a path), device and
        inode (UInt64), taken_in (UTC), last_seen (UTC), state (present, missing, changed),
        source_state (the same for the original path; missing for a file without one),
        damaged, damage (what is wrong with its picture, in words; missing for a sound one).
        An earlier content of a file is a row of its own, with the state ``changed``.
    """
    answer = connection.execute(
        """
        SELECT file_id, image_id, user_name AS "user", path, filename, kept, bytes,
            CASE WHEN modified_ns > 0 THEN make_timestamp_ns(modified_ns) END AS modified_at,
            device, inode, taken_in, last_seen, state, source_state,
            damage IS NOT NULL AS damaged, damage
        FROM files LEFT JOIN (SELECT image_id, damage FROM images) USING (image_id)
        WHERE ($image_ids IS NULL OR image_id IN (SELECT unnest($image_ids::BIGINT[])))
            AND user_name = coalesce($user, user_name) AND state = coalesce($state, state)
            AND ($below IS NULL OR hex(path_key)[:length($below)] = $below)
        ORDER BY file_id
        """,
        {
            "image_ids": image_ids,
            "user": user,
            "state": state,
            "below": None if folder is None else below(folder).hex().upper(),
        },
    )
    return frame_of(answer, ["modified_at", "taken_in", "last_seen"], _INODES)


def present_files(
    connection: Connection,
    image_ids: Sequence[int] | Int64s | None = None,
    states: Sequence[FileState] = ("present",),
    columns: Sequence[str] = PRESENT,
) -> pd.DataFrame:
    """Read the present files of images, or those in other states, by (image_id, file_id).

    Parameters
    ----------
    image_ids
        None for all images.
    columns
        The columns to read; fewer are faster. All by default.

    Returns
    -------
    DataFrame
        file_id, image_id, path, path_key (bytes; missing without an identity on this disk),
        filename, user, kept, bytes, modified_ns, device, inode (UInt64), taken_in (UTC), state.
    """
    given = np.empty(0, np.int64) if image_ids is None else np.asarray(image_ids, np.int64)
    with table_of_ids(connection, given.reshape(-1)) as (ids, values):
        chosen = "" if image_ids is None else f"SEMI JOIN {ids} AS chosen USING (image_id)"
        shown = ", ".join('user_name AS "user"' if it == "user" else it for it in columns)
        answer = connection.execute(
            f"""
            SELECT {shown} FROM files {chosen}
            WHERE state IN (SELECT unnest($states::VARCHAR[])) ORDER BY image_id, file_id
            """,  # noqa: S608 (a constant)
            {"states": list(states)} | (values if image_ids is not None else {}),
        )
        frame = frame_of(answer, ["taken_in"], {**_INODES, "path_key": "object"})
    if "path_key" in frame:
        # By type: `isinstance` would take longer than everything else here.
        keys = [
            bytes(it) if type(it) is bytearray else None if type(it) is not bytes else it
            for it in frame["path_key"].tolist()
        ]
        frame["path_key"] = pd.Series(keys, frame.index, object)
    return frame


def images_with_several(
    connection: Connection, states: Sequence[FileState] = ("present",)
) -> Int64s:
    """List images that have two or more files in these states, int64 (n,), ascending."""
    found = connection.execute(
        """
        SELECT image_id FROM files WHERE state IN (SELECT unnest(?::VARCHAR[]))
        GROUP BY image_id HAVING count(*) > 1 ORDER BY image_id
        """,
        [list(states)],
    ).fetchnumpy()
    return np.asarray(found["image_id"], np.int64)


def first_names(connection: Connection, image_ids: Sequence[int]) -> dict[int, list[NamedFile]]:
    """Read the first two files of each image, present ones first, then the oldest."""
    rows = connection.execute(
        """
        SELECT image_id, file_id, filename FROM files
        WHERE image_id IN (SELECT unnest(?::BIGINT[]))
        QUALIFY row_number() OVER (
            PARTITION BY image_id ORDER BY state <> 'present', taken_in, file_id) <= 2
        ORDER BY image_id, state <> 'present', taken_in, file_id
        """,
        [list(image_ids)],
    ).fetchall()
    names: dict[int, list[NamedFile]] = {}
    for image_id, file_id, filename in rows:
        names.setdefault(image_id, []).append(NamedFile(file_id, filename))
    return names


def places(connection: Connection, image_id: int) -> list[Path]:
    """List the places that an image was ingested from, the one seen last first."""
    rows = connection.execute(
        """
        SELECT path_key FROM files WHERE image_id = ? AND path_key IS NOT NULL
        ORDER BY replaced_at IS NOT NULL, last_seen DESC, file_id
        """,
        [image_id],
    ).fetchall()
    return [Path(os.fsdecode(bytes(key))) for (key,) in rows]


def rows_for(
    connection: Connection, arrivals: Sequence[Arrival], image_ids: Mapping[str, int]
) -> list[FileRow]:
    """Read the rows that these arrivals may change; `image_ids` by digest."""
    users = sorted({arrival.user for arrival in arrivals})
    keys = sorted({arrival.path_key for arrival in arrivals if arrival.path_key is not None})
    moved = sorted({it.moved_from for it in arrivals if it.moved_from is not None})
    return list(
        rows_of(
            connection.execute(
                f"""
                SELECT {", ".join(COLUMNS)} FROM files
                WHERE user_name IN (SELECT unnest($users::VARCHAR[])) AND (
                    path_key IN (SELECT unnest($keys::BLOB[]))
                    OR (image_id IN (SELECT unnest($images::BIGINT[])) AND (
                        path_key IS NULL OR path IN (SELECT unnest($paths::VARCHAR[]))))
                    OR file_id IN (SELECT unnest($moved::BIGINT[])))
                ORDER BY file_id
                """,  # noqa: S608 (constants)
                {
                    "users": users,
                    "keys": keys,
                    "images": sorted({image_ids[arrival.digest] for arrival in arrivals}),
                    "moved": moved,
                    "paths": sorted({it.path for it in arrivals if it.path is not None}),
                },
            ).fetchall()
        )
    )


def save(connection: Connection, ledger: FileLedger) -> bool:
    """Write the changes of a ledger; return whether there were any."""
    new, other, gone = ledger.changed()
    write(connection.appender("files", columns=COLUMNS), [astuple(row) for row in new])
    write(
        connection.appender("files", columns=COLUMNS, action="update", key=["file_id"]),
        [astuple(row) for row in other],
    )
    _delete(connection, gone)
    write(connection.appender("file_history"), [astuple(row) for row in ledger.history])
    return bool(new or other or gone)


def note_seen(connection: Connection, file_ids: Collection[int], moment: datetime) -> None:
    """Update when files were last seen, which does not count as a change of the catalog."""
    connection.execute(
        "UPDATE files SET last_seen = ? WHERE file_id IN (SELECT unnest(?::BIGINT[]))",
        [moment, list(file_ids)],
    )


def refresh_active(connection: Connection, image_ids: Iterable[int], generation: int) -> None:
    """Update `active` of images that have gained their first or lost their last present file.

    Parameters
    ----------
    generation
        The one that is being written: an index as of an earlier one drops or adds these images.
    """
    connection.execute(
        """
        UPDATE images SET active = NOT active, generation = $generation,
            inactive_since = CASE WHEN active THEN $moment END
        WHERE image_id IN (SELECT unnest($ids::BIGINT[]))
            AND active <> (image_id IN (SELECT image_id FROM files WHERE state = 'present'))
        """,
        {"generation": generation, "ids": list(image_ids), "moment": now()},
    )


def mark(connection: Connection, states: Mapping[int, FileState], moment: datetime) -> list[int]:
    """Record the states of files at their paths; return the image_ids concerned.

    A file that the store has a copy of stays present. Files that were seen after `moment`, or
    replaced, are left as they are.
    """
    touched: set[int] = set()
    for state in sorted(set(states.values())):
        rows = connection.execute(
            """
            UPDATE files SET source_state = $state,
                state = CASE WHEN kept IN ('link', 'reference') THEN $state ELSE state END
            WHERE file_id IN (SELECT unnest($ids::BIGINT[])) AND last_seen <= $moment
                AND replaced_at IS NULL AND source_state <> $state
            RETURNING image_id
            """,
            {
                "state": state,
                "ids": [file_id for file_id, given in states.items() if given == state],
                "moment": moment,
            },
        ).fetchall()
        touched.update(image_id for (image_id,) in rows)
    return sorted(touched)


def renumber(connection: Connection, devices: Mapping[int, Sequence[int]]) -> None:
    """Update the device numbers of files; `devices` has their file_ids."""
    for device, file_ids in devices.items():
        connection.execute(
            "UPDATE files SET device = ? WHERE file_id IN (SELECT unnest(?::BIGINT[]))",
            [device, list(file_ids)],
        )


def _delete(connection: Connection, file_ids: Sequence[int]) -> None:
    if file_ids:
        for table in ("files", "file_history"):
            connection.execute(
                f"DELETE FROM {table} WHERE file_id IN (SELECT unnest(?::BIGINT[]))",  # noqa: S608
                [list(file_ids)],
            )
