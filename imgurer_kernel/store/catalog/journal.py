"""The journal as rows: the acts on files, the state of each, and the data that undo needs.

Each function takes the connection of a transaction (`imgurer_kernel.store.catalog.Catalog`).
`imgurer_kernel.review` performs the acts, and determines in which order rows and files change.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import astuple, dataclass, fields
from datetime import datetime
from typing import Literal

import pandas as pd

from imgurer_kernel.common.records import FileState, PathKey
from imgurer_kernel.store.catalog import commands, trash
from imgurer_kernel.store.catalog.connection import Connection, first_row, frame_of, now, write
from imgurer_kernel.store.catalog.file_rows import FileFacts

ActName = Literal["forget", "trash", "system-trash", "move", "link", "sidecar", "companion"]
ActState = Literal["intended", "entered", "done", "rolled back", "undoing", "undone", "emptied"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FileOfImage(FileFacts):
    """A live file with the digest of its bytes: the input of an act."""

    state: FileState
    digest: str

    @property
    def is_in_place(self) -> bool:
        """Whether the store reads the user's own file on disk."""
        return self.kept in {"link", "reference"}


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalEntry:
    """One act, in the order of the table's columns; the migration describes them."""

    entry_id: int
    batch: str
    user: str
    act: ActName
    state: ActState
    begun_at: datetime
    ended_at: datetime | None
    file_id: int
    image_id: int
    owner: str
    path: str | None
    filename: str
    digest: str
    bytes: int
    keeper_id: int
    keeper_path: str | None
    reason: str
    source_key: PathKey | None
    source_root: PathKey | None
    target_key: PathKey | None
    target_root: PathKey | None
    device: int | None
    inode: int | None
    modified_ns: int
    other_ids: tuple[int, ...]
    united_ids: tuple[int, ...]
    leads: bool
    step: int

    @property
    def moves_rows(self) -> bool:
        """Whether the act moves the rows of its file into the store's trash."""
        return self.act not in {"link", "sidecar", "companion"}

    @property
    def file_keys(self) -> frozenset[tuple[str, int, int]]:
        """Keys (batch, step, file_id) shared by the entries of a file and of its sidecars."""
        return frozenset((self.batch, self.step, it) for it in (self.file_id, *self.other_ids))


_COLUMNS = ["user_name" if field.name == "user" else field.name for field in fields(JournalEntry)]
_KEYS = ("source_key", "source_root", "target_key", "target_root")
_SHOWN = [
    *("entry_id", "batch", "act", "state", "file_id", "path", "filename", "bytes", "keeper_id"),
    *("keeper_path", "reason", "begun_at", "ended_at", "digest", "owner"),
]


def files_of_images(
    connection: Connection, file_ids: Iterable[int] | None = None
) -> dict[int, FileOfImage]:
    """Read the live files with these ids, or all, by id."""
    names = [field.name for field in fields(FileOfImage)]
    rows = connection.execute(
        f"""
        SELECT {", ".join(names)}
        FROM files JOIN (SELECT image_id, digest FROM images) USING (image_id)
        WHERE replaced_at IS NULL AND ($ids IS NULL OR file_id IN (SELECT unnest($ids::BIGINT[])))
        """,  # noqa: S608 (names of fields)
        {"ids": None if file_ids is None else [int(each) for each in file_ids]},
    ).fetchall()
    found = (dict(zip(names, row, strict=True)) for row in rows)
    return {
        row["file_id"]: FileOfImage(
            **{**row, "path_key": None if row["path_key"] is None else bytes(row["path_key"])}
        )
        for row in found
    }


def at_path(connection: Connection, path_key: PathKey) -> list[tuple[int, str]]:
    """List file_id and user of all live files at a path, by file_id."""
    return connection.execute(
        """
        SELECT file_id, user_name FROM files WHERE path_key = ? AND replaced_at IS NULL
        ORDER BY file_id
        """,
        [path_key],
    ).fetchall()


def add_holder(connection: Connection, keeper: FileOfImage, user: str, filename: str) -> int:
    """Add a row that gives a user a file of the keeper's image; return its file_id.

    For a keeper in place the row has the keeper's path, as if the user had ingested it; for one in
    the store it is an upload with the given filename.
    """
    row = first_row(
        connection, "UPDATE generation SET next_file_id = next_file_id + 1 RETURNING next_file_id"
    )
    assert row is not None  # noqa: S101 (the first migration has put it there)
    file_id = int(row[0]) - 1
    connection.execute(
        """
        INSERT INTO files BY NAME
        SELECT * REPLACE ($file_id AS file_id, $user AS user_name,
            CASE WHEN $in_place THEN filename ELSE $filename END AS filename,
            CASE WHEN $in_place THEN kept ELSE 'upload' END AS kept,
            CASE WHEN $in_place THEN path END AS path,
            CASE WHEN $in_place THEN path_key END AS path_key,
            CASE WHEN $in_place THEN modified_ns ELSE 0 END AS modified_ns,
            CASE WHEN $in_place THEN source_state END AS source_state,
            CASE WHEN $in_place THEN device END AS device,
            CASE WHEN $in_place THEN inode END AS inode,
            $moment AS taken_in, $moment AS last_seen)
        FROM files WHERE file_id = $keeper
        """,
        {
            "file_id": file_id,
            "user": user,
            "in_place": keeper.is_in_place,
            "filename": filename,
            "moment": now(),
            "keeper": keeper.file_id,
        },
    )
    return file_id


def holders(connection: Connection, image_ids: Iterable[int]) -> set[tuple[int, str]]:
    """List the users that have a present file of these images: pairs of image_id and user."""
    rows = connection.execute(
        """
        SELECT DISTINCT image_id, user_name FROM files
        WHERE image_id IN (SELECT unnest(?::BIGINT[])) AND replaced_at IS NULL
            AND state = 'present'
        """,
        [list(image_ids)],
    ).fetchall()
    return set(rows)


def drop_holder(connection: Connection, file_id: int) -> str | None:
    """Undo `add_holder`, if the row is still there.

    Returns
    -------
    str or None
        The digest of the image, if that was its last file: other files of it are in the trash.
    """
    row = first_row(connection, "SELECT user_name FROM files WHERE file_id = ?", [file_id])
    if row is None:
        return None
    digest = commands.forget_file(connection, file_id, str(row[0]))
    trash.erase(connection, [file_id])
    return digest


@dataclass(frozen=True, slots=True)
class PlaceOfFiles:
    """The inode of some rows of files, and its time of modification in nanoseconds."""

    file_ids: tuple[int, ...]
    device: int | None
    inode: int | None
    modified_ns: int


def set_places(connection: Connection, places: Sequence[PlaceOfFiles]) -> None:
    """Set the inodes of files whose bytes are unchanged; the last one given for a file counts."""
    # A file may be given twice, and with two rows for it an update would use either.
    found = {file_id: place for place in places for file_id in place.file_ids}
    if not found:
        return
    connection.execute(
        """
        UPDATE files
        SET device = place.device, inode = place.inode, modified_ns = place.modified_ns
        FROM (SELECT unnest($ids::BIGINT[]) AS file_id, unnest($devices::UBIGINT[]) AS device,
            unnest($inodes::UBIGINT[]) AS inode, unnest($times::BIGINT[]) AS modified_ns) AS place
        WHERE files.file_id = place.file_id
        """,
        {
            "ids": list(found),
            "devices": [it.device for it in found.values()],
            "inodes": [it.inode for it in found.values()],
            "times": [it.modified_ns for it in found.values()],
        },
    )


def next_entry_id(connection: Connection) -> int:
    """Return the id of the next entry; no entry is ever deleted."""
    row = first_row(connection, "SELECT coalesce(max(entry_id), 0) + 1 FROM journal")
    assert row is not None  # noqa: S101 (an aggregate has one row)
    return int(row[0])


def add(connection: Connection, new: Sequence[JournalEntry]) -> None:
    """Add entries."""
    rows = [
        tuple(list(value) if isinstance(value, tuple) else value for value in astuple(it))
        for it in new
    ]
    write(connection.appender("journal", columns=_COLUMNS), rows)


def set_state(
    connection: Connection,
    entry_ids: Collection[int],
    state: ActState,
    reason: str | None = None,
) -> None:
    """Set the state of acts, and when they ended; a reason replaces the earlier one."""
    ended = state not in {"intended", "entered", "undoing"}
    connection.execute(
        """
        UPDATE journal SET state = ?, ended_at = ?, reason = coalesce(?, reason)
        WHERE entry_id IN (SELECT unnest(?::BIGINT[]))
        """,
        [state, now() if ended else None, reason, list(entry_ids)],
    )


def set_united(connection: Connection, entry_id: int, united_ids: Sequence[int]) -> None:
    """Set the ids of the rows that were added for the owners of an act's files (`add_holder`)."""
    connection.execute(
        "UPDATE journal SET united_ids = ? WHERE entry_id = ?", [list(united_ids), entry_id]
    )


def entries(
    connection: Connection,
    *,
    entry_ids: Iterable[int] | None = None,
    batch: str | None = None,
    states: Iterable[ActState] | None = None,
) -> list[JournalEntry]:
    """Read entries by id: all, or those with an id, of a batch or in a state."""
    rows = connection.execute(
        f"""
        SELECT {", ".join(_COLUMNS)} FROM journal
        WHERE ($ids IS NULL OR entry_id IN (SELECT unnest($ids::BIGINT[])))
            AND batch = coalesce($batch, batch)
            AND ($states IS NULL OR state IN (SELECT unnest($states::VARCHAR[])))
        ORDER BY entry_id
        """,  # noqa: S608 (names of fields)
        {
            "ids": None if entry_ids is None else [int(each) for each in entry_ids],
            "batch": batch,
            "states": None if states is None else list(states),
        },
    ).fetchall()
    found = []
    for row in rows:
        named = dict(zip((field.name for field in fields(JournalEntry)), row, strict=True))
        for key in _KEYS:
            named[key] = None if named[key] is None else bytes(named[key])
        found.append(
            JournalEntry(
                **{
                    **named,
                    "other_ids": tuple(named["other_ids"]),
                    "united_ids": tuple(named["united_ids"]),
                }
            )
        )
    return found


def listed(connection: Connection, user: str | None = None) -> pd.DataFrame:
    """Read the journal as a frame, the latest first, of one user where given.

    Returns
    -------
    DataFrame
        entry_id, batch, user, act, state, file_id, path, filename, bytes, keeper_id, keeper_path,
        reason, begun_at and ended_at (UTC), digest, owner, target (where the file went).
    """
    answer = connection.execute(
        f"""
        SELECT {", ".join(_SHOWN)}, user_name AS "user", hex(target_key) AS target FROM journal
        WHERE user_name = coalesce(?, user_name) ORDER BY entry_id DESC
        """,  # noqa: S608 (names of columns)
        [user],
    )
    frame = frame_of(answer, utc=["begun_at", "ended_at"])
    targets = [
        None if pd.isna(key) else bytes.fromhex(key).decode("utf-8", "backslashreplace")
        for key in frame["target"]
    ]
    frame["target"] = pd.Series(targets, frame.index, "str")
    return frame[["entry_id", "batch", "user", *_SHOWN[2:], "target"]]


def note_roots(connection: Connection, folders: Iterable[PathKey]) -> None:
    """Add root folders of ingests."""
    moment = now()
    known = set(roots(connection))
    for folder in sorted(set(folders) - known):
        connection.execute("INSERT INTO roots VALUES (?, ?)", [folder, moment])


def roots(connection: Connection) -> list[PathKey]:
    """List the root folders of ingests, the outermost first."""
    rows = connection.execute("SELECT path_key FROM roots").fetchall()
    return sorted((bytes(key) for (key,) in rows), key=lambda key: (len(key), key))
