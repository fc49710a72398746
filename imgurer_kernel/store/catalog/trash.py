"""The trash as rows: forgotten files, with everything needed to restore them.

Each function takes the connection of a transaction (`imgurer_kernel.store.catalog.Catalog`). A file
that is forgotten moves from the table ``files`` to ``trash`` in one transaction; with the last file
of an image the image moves to ``trash_images``. The rows alone determine what is in the catalog and
what is in the trash; the bytes are moved afterwards (`imgurer_kernel.store.trash`).
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import pandas as pd

from imgurer_kernel.store.catalog import files
from imgurer_kernel.store.catalog.connection import Connection, first_row, frame_of, now
from imgurer_kernel.store.catalog.queries import ids_by_digest


@dataclass(frozen=True, slots=True)
class TrashRow:
    """A file in the trash: its user, and the digest of its bytes."""

    file_id: int
    user: str
    digest: str


def put_files(connection: Connection, file_ids: Sequence[int], digest: str) -> None:
    """Move files of one image into the trash."""
    connection.execute(
        """
        INSERT INTO trash BY NAME
        SELECT *, ? AS digest, ? AS forgotten_at FROM files
        WHERE file_id IN (SELECT unnest(?::BIGINT[]))
        """,
        [digest, now(), list(file_ids)],
    )
    _delete(connection, "files", file_ids)


def put_image(connection: Connection, image_id: int, generation: int) -> None:
    """Move an image without files into the trash; `generation` is the one that is written."""
    connection.execute(
        """
        INSERT OR REPLACE INTO trash_images BY NAME
        SELECT images.*, verification.grays AS verification_grays, pixels.digest AS pixels_digest
        FROM images JOIN verification USING (image_id) LEFT JOIN pixels USING (image_id)
        WHERE image_id = ?
        """,
        [image_id],
    )
    for table in ("verification", "pixels", "images"):
        connection.execute(f"DELETE FROM {table} WHERE image_id = ?", [image_id])  # noqa: S608
    # Indexes in memory drop the images of this table.
    connection.execute("INSERT INTO removals VALUES (?, ?)", [image_id, generation])


def put(connection: Connection, file_ids: Sequence[int], generation: int) -> list[int]:
    """Move files of any images into the trash, and images with their last file.

    Parameters
    ----------
    generation
        The one that is written.

    Returns
    -------
    list of int
        The images that have other files left.
    """
    ids = list(file_ids)
    touched = connection.execute(
        """
        SELECT DISTINCT image_id FROM files
        WHERE file_id IN (SELECT unnest(?::BIGINT[])) ORDER BY image_id
        """,
        [ids],
    ).fetchall()
    connection.execute(
        """
        INSERT INTO trash BY NAME
        SELECT files.*, images.digest AS digest, ? AS forgotten_at
        FROM files JOIN (SELECT image_id, digest FROM images) AS images USING (image_id)
        WHERE file_id IN (SELECT unnest(?::BIGINT[]))
        """,
        [now(), ids],
    )
    _delete(connection, "files", ids)
    left = connection.execute(
        "SELECT DISTINCT image_id FROM files WHERE image_id IN (SELECT unnest(?::BIGINT[]))",
        [[image_id for (image_id,) in touched]],
    ).fetchall()
    remaining = {image_id for (image_id,) in left}
    for (image_id,) in touched:
        if image_id not in remaining:
            put_image(connection, image_id, generation)
    return sorted(remaining)


def listed(connection: Connection, user: str | None = None) -> pd.DataFrame:
    """Read the trash as a frame, the latest first, with the columns of `Trash.list`."""
    answer = connection.execute(
        """
        SELECT file_id, image_id, user_name AS "user", path, filename, kept, bytes, taken_in,
            forgotten_at, digest
        FROM trash WHERE user_name = coalesce(?, user_name)
        ORDER BY forgotten_at DESC, file_id
        """,
        [user],
    )
    return frame_of(answer, utc=["taken_in", "forgotten_at"])


def rows(connection: Connection, file_ids: Iterable[int] | None = None) -> list[TrashRow]:
    """Read the trash, or these files of it, by file_id."""
    found = connection.execute(
        """
        SELECT file_id, user_name, digest FROM trash
        WHERE $ids IS NULL OR file_id IN (SELECT unnest($ids::BIGINT[])) ORDER BY file_id
        """,
        {"ids": None if file_ids is None else list(file_ids)},
    ).fetchall()
    return [TrashRow(*row) for row in found]


def restored(connection: Connection, file_ids: Iterable[int]) -> set[int]:
    """Return which of these files were restored already."""
    found = connection.execute(
        """
        SELECT file_id FROM file_history
        WHERE event = 'restored' AND file_id IN (SELECT unnest($ids::BIGINT[]))
        UNION SELECT file_id FROM files WHERE file_id IN (SELECT unnest($ids::BIGINT[]))
        """,
        {"ids": list(file_ids)},
    ).fetchall()
    return {file_id for (file_id,) in found}


def digests(connection: Connection, before: datetime) -> list[str]:
    """List digests without an image whose files were all forgotten before a time (UTC)."""
    found = connection.execute(
        """
        SELECT digest FROM trash ANTI JOIN images USING (digest)
        GROUP BY digest HAVING max(forgotten_at) <= ? ORDER BY digest
        """,
        [before],
    ).fetchall()
    return [digest for (digest,) in found]


def contains(connection: Connection, digest: str) -> bool:
    """Return whether any file with these bytes is in the trash."""
    return (
        first_row(connection, "SELECT 1 FROM trash WHERE digest = ? LIMIT 1", [digest]) is not None
    )


def restore(connection: Connection, found: Sequence[TrashRow]) -> None:
    """Restore files, and with the first file of an image the image under its old id.

    If the same bytes were ingested again meanwhile, the files belong to that image. A file that was
    ingested again is not added twice. A file whose path holds other bytes by now is restored as
    its earlier content.
    """
    row = first_row(
        connection, "UPDATE generation SET generation = generation + 1 RETURNING generation"
    )
    assert row is not None  # noqa: S101 (the first migration has put it there)
    generation, moment = int(row[0]), now()
    wanted = sorted({it.digest for it in found})
    _restore_images(
        connection, sorted({*wanted} - ids_by_digest(connection, wanted).keys()), generation
    )
    _restore_files(connection, [it.file_id for it in found], moment)
    _delete(connection, "trash", [it.file_id for it in found])
    _drop_images(connection)
    files.refresh_active(connection, ids_by_digest(connection, wanted).values(), generation)


def erase(connection: Connection, file_ids: Sequence[int]) -> None:
    """Delete rows of the trash permanently."""
    _delete(connection, "trash", file_ids)
    _delete(connection, "file_history", file_ids)
    _drop_images(connection)


def expired(
    connection: Connection, before: datetime, most: int, kept: Iterable[int] = ()
) -> list[TrashRow]:
    """List at most `most` files that were forgotten before a time (UTC), oldest first."""
    found = connection.execute(
        """
        SELECT file_id, user_name, digest FROM trash
        WHERE forgotten_at <= ? AND file_id NOT IN (SELECT unnest(?::BIGINT[]))
        ORDER BY forgotten_at, file_id LIMIT ?
        """,
        [before, list(kept), most],
    ).fetchall()
    return [TrashRow(*row) for row in found]


def _restore_images(connection: Connection, digests: Sequence[str], generation: int) -> None:
    if not digests:
        return
    # Not active: `refresh_active` sets that after their files are restored.
    connection.execute(
        """
        INSERT INTO images BY NAME
        SELECT * EXCLUDE (verification_grays, pixels_digest)
            REPLACE (? AS generation, false AS active)
        FROM trash_images WHERE digest IN (SELECT unnest(?::VARCHAR[]))
        """,
        [generation, digests],
    )
    for table, column, source in (
        ("verification", "grays", "verification_grays"),
        ("pixels", "digest", "pixels_digest"),
    ):
        connection.execute(
            f"""
            INSERT INTO {table} BY NAME SELECT image_id, {source} AS {column} FROM trash_images
            WHERE digest IN (SELECT unnest(?::VARCHAR[])) AND {source} IS NOT NULL
            """,  # noqa: S608 (constants)
            [digests],
        )
    # Indexes add these images again, and must not drop them afterwards.
    connection.execute(
        """
        DELETE FROM removals WHERE image_id IN (
            SELECT image_id FROM trash_images WHERE digest IN (SELECT unnest(?::VARCHAR[])))
        """,
        [digests],
    )


def _restore_files(connection: Connection, file_ids: Sequence[int], moment: datetime) -> None:
    """Restore files of existing images; several at one path one after another."""
    rounds: dict[int, list[int]] = defaultdict(list)
    for file_id, turn in connection.execute(
        """
        SELECT file_id, row_number() OVER (
            PARTITION BY user_name, path_key, CASE WHEN path_key IS NULL THEN (digest, filename) END
            ORDER BY file_id)
        FROM trash WHERE file_id IN (SELECT unnest(?::BIGINT[])) ORDER BY file_id
        """,
        [list(file_ids)],
    ).fetchall():
        rounds[turn].append(file_id)
    for turn in sorted(rounds):
        # Rivals are present and earlier rows of the same path, or uploads of the same name.
        connection.execute(
            """
            INSERT INTO files BY NAME
            WITH wanted AS (
                SELECT trash.* REPLACE (known.image_id AS image_id)
                FROM trash JOIN (SELECT image_id, digest FROM images) AS known USING (digest)
                WHERE file_id IN (SELECT unnest($ids::BIGINT[]))),
            rivals AS (
                SELECT wanted.file_id, bool_or(files.replaced_at IS NULL) AS live,
                    bool_or(files.image_id = wanted.image_id AND (
                        files.replaced_at IS NULL OR wanted.replaced_at IS NOT NULL)) AS same
                FROM files JOIN wanted ON files.user_name = wanted.user_name
                    AND files.path_key IS NOT DISTINCT FROM wanted.path_key
                    AND (files.path_key IS NOT NULL OR (files.image_id = wanted.image_id
                        AND files.filename = wanted.filename
                        AND files.path IS NOT DISTINCT FROM wanted.path))
                GROUP BY wanted.file_id)
            SELECT wanted.* EXCLUDE (digest, forgotten_at) REPLACE (
                CASE WHEN live THEN 'changed' ELSE state END AS state,
                CASE WHEN live THEN 'changed' ELSE source_state END AS source_state,
                CASE WHEN live THEN coalesce(replaced_at, $moment) ELSE replaced_at END
                    AS replaced_at)
            FROM wanted LEFT JOIN rivals USING (file_id) WHERE same IS NOT TRUE
            """,
            {"ids": rounds[turn], "moment": moment},
        )
    # Also for a file that was ingested again: a second request then reports it as restored.
    connection.execute(
        """
        INSERT INTO file_history BY NAME
        SELECT file_id, ? AS "at", 'restored' AS event, path, known.image_id AS image_id
        FROM trash JOIN (SELECT image_id, digest FROM images) AS known USING (digest)
        WHERE file_id IN (SELECT unnest(?::BIGINT[])) ORDER BY file_id
        """,
        [moment, list(file_ids)],
    )


def _drop_images(connection: Connection) -> None:
    """Delete images that have no file in the trash any more."""
    connection.execute("DELETE FROM trash_images WHERE digest NOT IN (SELECT digest FROM trash)")


def _delete(connection: Connection, table: str, file_ids: Sequence[int]) -> None:
    connection.execute(
        f"DELETE FROM {table} WHERE file_id IN (SELECT unnest(?::BIGINT[]))",  # noqa: S608
        [list(file_ids)],
    )
