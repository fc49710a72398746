"""Fingerprints as rows: entering them, computing old ones anew, and flat pictures' pixels."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from imgurer_kernel.common.records import Fingerprint
from imgurer_kernel.store.catalog.connection import Appender, Connection, first_row, frame_of

COLUMNS = [
    *("dhash_row", "dhash_col", "trimmed_row", "trimmed_col", "grays", "informative", "near_ties"),
    *("algorithm", "width", "height", "format", "frames", "orientation", "taken_at", "camera"),
    *("latitude", "longitude"),
]
"""Columns of the table of images that hold a fingerprint, in the order of `values`."""


def values(it: Fingerprint) -> tuple[object, ...]:
    """A fingerprint as a row of `COLUMNS`."""
    facts = it.facts
    return (
        *(*it.dhash, *it.trimmed_dhash, it.grays, it.informative, it.near_ties),
        *(it.algorithm, it.width, it.height, it.format, it.frames),
        *(facts.orientation, facts.taken_at, facts.camera, facts.latitude, facts.longitude),
    )


def add_pictures(connection: Connection, found: Mapping[int, Fingerprint]) -> None:
    """Enter what is kept beside the rows of images, by image_id."""
    checks = [(image_id, it.verification) for image_id, it in found.items()]
    write(connection.appender("verification", columns=["image_id", "grays"]), checks)
    _add_pixels(connection, found)


def refresh(connection: Connection, found: Mapping[int, Fingerprint]) -> None:
    """Replace the fingerprints of images; of those that are gone meanwhile nothing is entered."""
    ids = connection.execute(
        "SELECT image_id FROM images WHERE image_id IN (SELECT unnest(?::BIGINT[]))", [list(found)]
    ).fetchall()
    found = {image_id: found[image_id] for (image_id,) in sorted(ids)}
    if not found:
        return
    row = first_row(connection, "UPDATE generation SET generation = generation + 1 RETURNING *")
    assert row is not None  # noqa: S101 (the first migration has put it there)
    key, columns = ["image_id"], ["image_id", *COLUMNS, "generation"]
    rows = [(image_id, *values(it), row[0]) for image_id, it in found.items()]
    write(connection.appender("images", columns=columns, action="update", key=key), rows)
    checks = [(image_id, it.verification) for image_id, it in found.items()]
    columns = ["image_id", "grays"]
    write(connection.appender("verification", columns=columns, action="update", key=key), checks)
    gone = [image_id for image_id, it in found.items() if it.pixels is None]
    connection.execute("DELETE FROM pixels WHERE image_id IN (SELECT unnest(?::BIGINT[]))", [gone])
    _add_pixels(connection, found)


def stale(connection: Connection, algorithm: str) -> pd.DataFrame:
    """Images whose fingerprint is of another algorithm: image_id, digest."""
    query = "SELECT image_id, digest FROM images WHERE algorithm <> ? ORDER BY image_id"
    return frame_of(connection.execute(query, [algorithm]))


def twins(connection: Connection, pixels: str, algorithm: str) -> list[int]:
    """Images that have these pixels, by image_id."""
    query = """
        SELECT image_id FROM pixels JOIN images USING (image_id)
        WHERE pixels.digest = ? AND algorithm = ? ORDER BY image_id
        """
    return [image_id for (image_id,) in connection.execute(query, [pixels, algorithm]).fetchall()]


def identical(connection: Connection, algorithm: str) -> list[list[int]]:
    """Groups of two or more images with the same pixels, each by digest of the file."""
    answer = connection.execute(
        """
        SELECT image_id, count(*) OVER (PARTITION BY pixels.digest) AS members
        FROM pixels JOIN images USING (image_id) WHERE algorithm = ?
        QUALIFY members > 1 ORDER BY pixels.digest, images.digest
        """,
        [algorithm],
    ).fetchnumpy()
    ids, members = (np.asarray(answer[name], np.int64) for name in ("image_id", "members"))
    groups, start = [], 0
    while start < len(ids):
        groups.append(ids[start : start + members[start]].tolist())
        start += int(members[start])
    return groups


def write(appender: Appender, rows: Sequence[tuple[object, ...]]) -> None:
    """Write rows with one statement; an executemany would take a millisecond for each."""
    try:
        appender.append_rows(rows)
        appender.flush()
    except BaseException:
        appender.clear()
        raise


def _add_pixels(connection: Connection, found: Mapping[int, Fingerprint]) -> None:
    rows = [(image_id, it.pixels) for image_id, it in found.items() if it.pixels is not None]
    write(connection.appender("pixels", columns=["image_id", "digest"], action="upsert"), rows)
