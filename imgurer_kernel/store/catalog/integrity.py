"""Check a catalog: the rows of its tables, and their consistency."""

from collections.abc import Sequence
from dataclasses import dataclass

from imgurer_kernel.store.catalog.connection import Connection, first_row

LOST = "lost"
"""The algorithm of a fingerprint of which a part is lost: it is recomputed like outdated ones."""


@dataclass(frozen=True, slots=True)
class Mismatch:
    """A contradiction between two places of the catalog.

    Attributes
    ----------
    problem
        Its kind, such as ``wrong counter``.
    detail
        A description, with the values found.
    repairable
        Whether `repair` resolves it: one of the two places can be computed from the other.
    image_id, digest
        The image concerned, if it is about one.
    """

    problem: str
    detail: str
    repairable: bool
    image_id: int | None = None
    digest: str = ""


def table_names(connection: Connection) -> list[str]:
    """List the names of all tables."""
    rows = connection.execute(
        "SELECT table_name FROM duckdb_tables() WHERE NOT internal ORDER BY table_name"
    ).fetchall()
    return [str(name) for (name,) in rows]


def read_through(connection: Connection, tables: Sequence[str]) -> int:
    """Read every value of tables, and return the number of rows; duckdb.Error if that fails."""
    if not tables:
        return 0
    # In one statement: each of its own takes a millisecond to plan.
    each = [f'SELECT count(*) AS n, bit_xor(hash(each)) FROM "{table}" AS each' for table in tables]  # noqa: S608
    rows = connection.execute(" UNION ALL ".join(each)).fetchall()
    return sum(int(row[0]) for row in rows)


def mismatches(connection: Connection) -> list[Mismatch]:
    """Find contradictions between tables, by problem; `repair` resolves the repairable ones."""
    # In one statement: each of its own takes most of a millisecond to plan. UNION ALL keeps the
    # order of rows.
    each = [
        f"SELECT {number} AS number, * FROM ({query}) AS each(image_id, digest, detail)"  # noqa: S608
        for number, (query, _, _) in enumerate(_QUERIES)
    ]
    rows = connection.execute(" UNION ALL ".join(each)).fetchall()
    found = [*_counters(connection)]
    for number, image_id, digest, detail in rows:
        _, problem, repairable = _QUERIES[number]
        image = None if image_id is None else int(image_id)
        found.append(Mismatch(problem, str(detail), repairable, image, str(digest or "")))
    return found


def set_bytes(connection: Connection, sizes: Sequence[tuple[int, int]]) -> None:
    """Set the bytes of originals, as pairs of image_id and bytes."""
    for image_id, size in sizes:
        connection.execute("UPDATE images SET bytes = ? WHERE image_id = ?", [size, image_id])


def repair(connection: Connection) -> None:
    """Recompute rows and columns that follow from other tables.

    Fingerprints of which a part is lost get the algorithm `LOST`, so that `rehash` computes them
    again like outdated ones.
    """
    connection.execute("DELETE FROM removals WHERE image_id IN (SELECT image_id FROM images)")
    for table in ("verification", "pixels"):
        connection.execute(
            f"DELETE FROM {table} WHERE image_id NOT IN (SELECT image_id FROM images)"  # noqa: S608
        )
    connection.execute("DELETE FROM trash_images WHERE digest NOT IN (SELECT digest FROM trash)")
    connection.execute(
        f"""
        UPDATE images SET algorithm = '{LOST}' WHERE image_id IN (
            SELECT image_id FROM images ANTI JOIN verification USING (image_id)
            UNION SELECT image_id FROM images ANTI JOIN pixels USING (image_id)
            WHERE NOT informative)
        """  # noqa: S608
    )
    connection.execute(
        "INSERT INTO verification SELECT image_id, ?::BLOB FROM images "
        "ANTI JOIN verification USING (image_id)",
        [bytes(4096)],
    )
    connection.execute(
        """
        UPDATE images SET active = NOT active, generation = (SELECT max(generation) FROM generation)
            + 1, inactive_since = CASE WHEN active THEN now()::TIMESTAMP END
        WHERE active <> (image_id IN (SELECT image_id FROM files WHERE state = 'present'))
        """
    )
    if first_row(connection, "SELECT 1 FROM generation") is None:
        connection.execute("INSERT INTO generation VALUES (0, 1, 1)")
    connection.execute(
        f"""
        UPDATE generation SET
            generation = 1 + greatest(generation,
                (SELECT coalesce(max(generation), 0) FROM images)),
            next_image_id = greatest(next_image_id, ({_LAST_IMAGE}) + 1),
            next_file_id = greatest(next_file_id, ({_LAST_FILE}) + 1)
        """  # noqa: S608
    )


def _counters(connection: Connection) -> list[Mismatch]:
    rows = connection.execute(
        f"""
        SELECT generation, next_image_id, next_file_id, ({_LAST_IMAGE}), ({_LAST_FILE}),
            (SELECT coalesce(max(generation), 0) FROM images)
        FROM generation
        """  # noqa: S608
    ).fetchall()
    if len(rows) != 1:
        return [Mismatch("no counters", f"{len(rows)} rows of counters instead of 1", not rows)]
    generation, next_image, next_file, last_image, last_file, last = map(int, rows[0])
    found = []
    for name, value, least in (
        ("generation", generation, last),
        ("next_image_id", next_image, last_image + 1),
        ("next_file_id", next_file, last_file + 1),
    ):
        if value < least:
            detail = f"{name} is {value}, but must be at least {least}"
            found.append(Mismatch("wrong counter", detail, repairable=True))
    return found


_LAST_IMAGE = """
SELECT coalesce(max(image_id), 0) FROM (
    SELECT image_id FROM images UNION ALL SELECT image_id FROM trash_images
    UNION ALL SELECT image_id FROM removals)
"""
_LAST_FILE = """
SELECT coalesce(max(file_id), 0) FROM (
    SELECT file_id FROM files UNION ALL SELECT file_id FROM trash
    UNION ALL SELECT file_id FROM file_history)
"""

# Each selects image_id and digest, if it is about one image, and a description.
_QUERIES = (
    (
        (
            "SELECT image_id, digest, 'its gray values for verification are not in the catalog' "
            "FROM images ANTI JOIN verification USING (image_id) ORDER BY image_id"
        ),
        "incomplete fingerprint",
        True,
    ),
    (
        # An animation of which not all frames were decoded has none.
        (
            "SELECT image_id, digest, 'it is flat, and the digest of its pixels is lost' "
            "FROM images ANTI JOIN pixels USING (image_id) WHERE NOT informative AND (frames = 1 "
            "OR format IN ('JPEG', 'MPO') OR frames_digest IS NOT NULL) ORDER BY image_id"
        ),
        "incomplete fingerprint",
        True,
    ),
    (
        (
            "SELECT image_id, digest, CASE WHEN active THEN 'it is searched, and none of its files "
            "is present' ELSE 'it is not searched, though a file of it is present' END FROM images "
            "WHERE active <> (image_id IN (SELECT image_id FROM files WHERE state = 'present')) "
            "ORDER BY image_id"
        ),
        "wrong activity",
        True,
    ),
    (
        (
            "SELECT image_id, digest, 'it is noted as removed, but exists' FROM images "
            "SEMI JOIN removals USING (image_id) ORDER BY image_id"
        ),
        "wrong removal",
        True,
    ),
    (
        (
            "SELECT image_id, digest, 'nobody has a file of it' FROM images "
            "ANTI JOIN files USING (image_id) ORDER BY image_id"
        ),
        "image of nobody",
        False,
    ),
    (
        (
            "SELECT min(image_id), digest, count(*) || ' images have this digest' FROM images "
            "GROUP BY digest HAVING count(*) > 1 ORDER BY digest"
        ),
        "digest twice",
        False,
    ),
    (
        (
            "SELECT image_id, min(digest), count(*) || ' images have this id' FROM images "
            "GROUP BY image_id HAVING count(*) > 1 ORDER BY image_id"
        ),
        "id twice",
        False,
    ),
    (
        (
            "SELECT NULL, NULL, "
            "count(*) || ' rows of ' || kind || ' belong to no image' FROM ("
            "SELECT 'verification' AS kind, image_id FROM verification "
            "UNION ALL SELECT 'pixels', image_id FROM pixels) ANTI JOIN images USING (image_id) "
            "GROUP BY kind ORDER BY kind"
        ),
        "row of no image",
        True,
    ),
    (
        (
            "SELECT NULL, NULL, "
            "'file ' || file_id || ' of ' || user_name || ' belongs to image ' || image_id "
            "|| ', which does not exist' FROM files ANTI JOIN images USING (image_id) "
            "ORDER BY file_id"
        ),
        "file of no image",
        False,
    ),
    (
        (
            "SELECT NULL, NULL, "
            "'file ' || file_id || ' exists ' || count(*) || ' times' FROM files "
            "GROUP BY file_id HAVING count(*) > 1 ORDER BY file_id"
        ),
        "id twice",
        False,
    ),
    (
        (
            "SELECT NULL, NULL, "
            "count(*) || ' files belong to ' || user_name || ', who has no account' FROM ("
            "SELECT user_name FROM files UNION ALL SELECT user_name FROM trash) "
            "WHERE user_name NOT IN (SELECT name FROM users) GROUP BY user_name ORDER BY user_name"
        ),
        "file of no user",
        False,
    ),
    (
        (
            "SELECT NULL, NULL, "
            "'image ' || image_id || ' is in the trash without a file' FROM trash_images "
            "ANTI JOIN trash USING (digest) ORDER BY image_id"
        ),
        "row of no file",
        True,
    ),
    (
        (
            "SELECT NULL, NULL, "
            "'file ' || file_id || ' in the trash has the unknown digest ' || digest "
            "FROM trash WHERE digest NOT IN (SELECT digest FROM images) "
            "AND digest NOT IN (SELECT digest FROM trash_images) ORDER BY file_id"
        ),
        "file of no image",
        False,
    ),
    (
        (
            "SELECT NULL, NULL, "
            "'file ' || file_id || ' is also in the trash' FROM files SEMI JOIN trash "
            "USING (file_id) ORDER BY file_id"
        ),
        "id twice",
        False,
    ),
)
