"""Look up known files for a scan: by path, inode or bytes.

Each function takes the connection of a transaction (`imgurer_kernel.store.catalog.Catalog`).
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass, fields

from imgurer_kernel.common.records import FileState, Kept
from imgurer_kernel.store.catalog.connection import Connection, first_row


@dataclass(frozen=True, slots=True)
class KnownFile:
    """A file in the catalog: columns as in `FileRow`, with digest and dHash of its image."""

    file_id: int
    image_id: int
    bytes: int
    modified_ns: int
    device: int | None
    inode: int | None
    kept: Kept
    state: FileState
    source_state: FileState
    filename: str
    digest: str
    dhash_row: int
    dhash_col: int

    @property
    def dhash(self) -> str:
        """The dHash as 32 hex digits, row hash first."""
        return f"{self.dhash_row:016x}{self.dhash_col:016x}"


_COLUMNS = ", ".join(field.name for field in fields(KnownFile))


def below(folder: str | os.PathLike[str]) -> bytes:
    """Return the prefix of the keys of all paths below a folder."""
    name = os.fsencode(folder)
    separator = os.fsencode(os.sep)
    return name if name.endswith(separator) else name + separator


def known(
    connection: Connection, user: str, keys: Sequence[bytes], folders: Sequence[bytes] = ()
) -> dict[bytes, KnownFile]:
    """Read a user's known files, by path_key.

    Parameters
    ----------
    folders
        Keys of folders: all files below them are read, too.
    """
    found: dict[bytes, KnownFile] = {}
    for folder in sorted({below(os.fsdecode(folder)) for folder in folders}):
        # The keys with this prefix are a range, which ends before the next prefix of its length.
        where = "path_key >= ? AND path_key < ?"
        found |= _known(connection, user, where, [folder, folder[:-1] + bytes([folder[-1] + 1])])
    where = "path_key IN (SELECT unnest(?::BLOB[]))"
    return found | _known(connection, user, where, [list(keys)])


def is_known(connection: Connection, user: str, key: bytes) -> bool:
    """Return whether a user has a file at that path, or below it."""
    start = below(os.fsdecode(key))
    query = """
        SELECT 1 FROM files WHERE user_name = ? AND replaced_at IS NULL
            AND (path_key = ? OR (path_key >= ? AND path_key < ?)) LIMIT 1
        """
    end = start[:-1] + bytes([start[-1] + 1])
    return first_row(connection, query, [user, key, start, end]) is not None


def with_inodes(connection: Connection, user: str, inodes: Sequence[int]) -> dict[bytes, KnownFile]:
    """Find a user's files that had one of these inodes, by path_key."""
    where = "inode IN (SELECT unnest(?::UBIGINT[]))"
    return _known(connection, user, where, [list(inodes)])


def lost(connection: Connection, user: str, digests: Sequence[str]) -> dict[bytes, KnownFile]:
    """Find a user's files of these digests that an earlier scan found missing."""
    where = "source_state = 'missing' AND digest IN (SELECT unnest(?::VARCHAR[]))"
    return _known(connection, user, where, [list(digests)])


def _known(
    connection: Connection, user: str, where: str, values: Sequence[object]
) -> dict[bytes, KnownFile]:
    rows = connection.execute(
        f"""
        SELECT path_key, {_COLUMNS}
        FROM files JOIN (SELECT image_id, digest, dhash_row, dhash_col FROM images) USING (image_id)
        WHERE user_name = ? AND replaced_at IS NULL AND path_key IS NOT NULL AND {where}
        ORDER BY file_id
        """,  # noqa: S608 (constants and names of fields)
        [user, *values],
    ).fetchall()
    return {bytes(row[0]): KnownFile(*row[1:]) for row in rows}
