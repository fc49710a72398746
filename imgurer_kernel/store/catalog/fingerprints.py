"""Fingerprints as rows: read one, replace outdated ones, find equal pixels.

Each function takes the connection of a transaction (`imgurer_kernel.store.catalog.Catalog`).
Pictures that are not informative match by the digest of their pixels (table ``pixels``), all
others by their hashes.
"""

from collections.abc import Mapping

import numpy as np

from imgurer_kernel.common.records import Facts, Fingerprint
from imgurer_kernel.store.catalog.connection import Connection, first_row, write
from imgurer_kernel.store.catalog.queries import unknown_image

COLUMNS = [
    *("dhash_row", "dhash_col", "trimmed_row", "trimmed_col", "grays", "informative", "near_ties"),
    *("algorithm", "width", "height", "format", "frames", "orientation", "taken_at", "camera"),
    *("latitude", "longitude", "frame_key", "duration_ms", "frames_digest", "damage", "profile"),
    "is_gray",
]
"""Columns of the table of images that hold a fingerprint, in the order of `as_row`."""


def as_row(it: Fingerprint) -> tuple[object, ...]:
    """Convert a fingerprint to a row of `COLUMNS`."""
    facts = it.facts
    return (
        *(*it.dhash, *it.trimmed_dhash, it.grays, it.informative, it.near_ties),
        *(it.algorithm, it.width, it.height, it.format, it.frames),
        *(facts.orientation, facts.taken_at, facts.camera, facts.latitude, facts.longitude),
        *(it.frame_key or None, it.duration_ms, it.frames_digest, it.damage, it.profile),
        it.is_gray,
    )


def load(connection: Connection, image_id: int) -> tuple[str, Fingerprint]:
    """Read digest and fingerprint of an image; the thumbnail, which is a file, is left empty.

    Raises
    ------
    UnknownImage
        If there is no such image.
    """
    row = first_row(
        connection,
        """
        SELECT images.digest, dhash_row, dhash_col, trimmed_row, trimmed_col, images.grays,
            verification.grays, width, height, format, frames, informative, near_ties, algorithm,
            orientation, taken_at, camera, latitude, longitude, pixels.digest,
            frame_key, duration_ms, frames_digest, damage, profile, is_gray
        FROM images JOIN verification USING (image_id) LEFT JOIN pixels USING (image_id)
        WHERE image_id = ?
        """,
        [image_id],
    )
    if row is None:
        raise unknown_image([image_id])
    return str(row[0]), Fingerprint(
        dhash=(row[1], row[2]),
        trimmed_dhash=(row[3], row[4]),
        grays=bytes(row[5]),
        verification=bytes(row[6]),
        thumbnail=b"",
        width=row[7],
        height=row[8],
        format=row[9],
        frames=row[10],
        informative=row[11],
        near_ties=row[12],
        algorithm=row[13],
        facts=Facts(
            orientation=row[14],
            taken_at=row[15],
            camera=row[16],
            latitude=row[17],
            longitude=row[18],
        ),
        pixels=row[19],
        frame_key=bytes(row[20] or b""),
        duration_ms=row[21],
        frames_digest=row[22],
        damage=row[23],
        profile=row[24],
        is_gray=row[25],
    )


def insert_pictures(connection: Connection, new: Mapping[int, Fingerprint]) -> None:
    """Insert the rows beside those of images: grays for verification, digests of pixels."""
    checks = [(image_id, it.verification) for image_id, it in new.items()]
    write(connection.appender("verification", columns=["image_id", "grays"]), checks)
    _insert_pixels(connection, new)


def replace(connection: Connection, new: Mapping[int, Fingerprint]) -> None:
    """Replace the fingerprints of images, by image_id; unknown ids are skipped."""
    ids = connection.execute(
        "SELECT image_id FROM images WHERE image_id IN (SELECT unnest(?::BIGINT[]))", [list(new)]
    ).fetchall()
    new = {image_id: new[image_id] for (image_id,) in sorted(ids)}
    if not new:
        return
    # Counted only here: an update of no existing image must not look like a change.
    row = first_row(connection, "UPDATE generation SET generation = generation + 1 RETURNING *")
    assert row is not None  # noqa: S101 (the first migration has put it there)
    key, columns = ["image_id"], ["image_id", *COLUMNS, "generation"]
    rows = [(image_id, *as_row(it), row[0]) for image_id, it in new.items()]
    write(connection.appender("images", columns=columns, action="update", key=key), rows)
    checks = [(image_id, it.verification) for image_id, it in new.items()]
    columns = ["image_id", "grays"]
    write(connection.appender("verification", columns=columns, action="update", key=key), checks)
    # An image that has become informative matches by its hash, and no longer by its pixels.
    informative = [image_id for image_id, it in new.items() if it.pixels is None]
    connection.execute(
        "DELETE FROM pixels WHERE image_id IN (SELECT unnest(?::BIGINT[]))", [informative]
    )
    _insert_pixels(connection, new)


def note_grays(connection: Connection, is_gray: Mapping[int, bool]) -> None:
    """Record by image_id whether images are gray, for those where it is not known."""
    for value in (False, True):
        connection.execute(
            """
            UPDATE images SET is_gray = ?
            WHERE is_gray IS NULL AND image_id IN (SELECT unnest(?::BIGINT[]))
            """,
            [value, [image_id for image_id, gray in is_gray.items() if gray == value]],
        )


def outdated(connection: Connection, algorithm: str) -> dict[int, str]:
    """Find images with a fingerprint of another algorithm: digests by image_id."""
    query = "SELECT image_id, digest FROM images WHERE algorithm <> ? ORDER BY image_id"
    return dict(connection.execute(query, [algorithm]).fetchall())


def with_pixels(connection: Connection, pixels: str, algorithm: str) -> list[int]:
    """List uninformative images whose pixels have this digest, ascending."""
    query = """
        SELECT image_id FROM pixels JOIN images USING (image_id)
        WHERE pixels.digest = ? AND algorithm = ? AND active ORDER BY image_id
        """
    return [image_id for (image_id,) in connection.execute(query, [pixels, algorithm]).fetchall()]


def groups_of_equal_pixels(connection: Connection, algorithm: str) -> list[list[int]]:
    """Group uninformative images with equal pixels: image_ids, each group ordered by digest."""
    answer = connection.execute(
        """
        SELECT image_id, count(*) OVER (PARTITION BY pixels.digest) AS members
        FROM pixels JOIN images USING (image_id) WHERE algorithm = ? AND active
        QUALIFY members > 1 ORDER BY pixels.digest, images.digest
        """,
        [algorithm],
    ).fetchnumpy()
    ids, members = (np.asarray(answer[name], np.int64) for name in ("image_id", "members"))
    # Rows of one group are adjacent, each with the size of the group.
    groups, start = [], 0
    while start < len(ids):
        groups.append(ids[start : start + members[start]].tolist())
        start += int(members[start])
    return groups


def _insert_pixels(connection: Connection, new: Mapping[int, Fingerprint]) -> None:
    rows = [(image_id, it.pixels) for image_id, it in new.items() if it.pixels is not None]
    # An upsert, because a fingerprint that is replaced may have had pixels before.
    write(connection.appender("pixels", columns=["image_id", "digest"], action="upsert"), rows)
