"""Queries over images: rows as frames, hashes and grays as arrays.

Each function takes the connection of a transaction (`imgurer_kernel.store.catalog.Catalog`) and
fetches its answer whole.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import numpy as np
import pandas as pd

from imgurer_kernel.common.arrays import splitmix64
from imgurer_kernel.common.types import Int64s, UInt8s, UInt64s
from imgurer_kernel.errors import QueryError, UnknownImage
from imgurer_kernel.fingerprint.hashes.frame_hash import STILL, key_arrays
from imgurer_kernel.store.catalog.connection import Connection, first_row, frame_of, table_of_ids

Order = Literal["random", "newest", "largest"]
ImageIds = Sequence[int] | Int64s


@dataclass(frozen=True, slots=True)
class Statistics:
    """Totals of the catalog; `bytes` is the sum over the originals."""

    images: int
    files: int
    users: int
    bytes: int
    uninformative: int


def ids_by_digest(connection: Connection, digests: Sequence[str]) -> dict[str, int]:
    """Look up image ids by digest; unknown digests are left out."""
    if not digests:
        return {}
    rows = connection.execute(
        "SELECT digest, image_id FROM images WHERE digest IN (SELECT unnest(?::VARCHAR[]))",
        [list(digests)],
    ).fetchall()
    return dict(rows)


def digests_by_id(connection: Connection, image_ids: ImageIds) -> dict[int, str]:
    """Look up digests by image id; unknown ids are left out."""
    with table_of_ids(connection, _int64(image_ids)) as (ids, values):
        # Without the columns of `images`, which take three times as long for a few.
        some = f"images SEMI JOIN {ids} AS chosen USING (image_id)"
        query = f"SELECT image_id, digest FROM {some} ORDER BY image_id"  # noqa: S608 (ours)
        return dict(connection.execute(query, values).fetchall())


def images(
    connection: Connection,
    image_ids: ImageIds | None = None,
    columns: Sequence[str] | None = None,
) -> pd.DataFrame:
    """Read images by image_id: all, or those with the given ids.

    Parameters
    ----------
    columns
        The columns to read; fewer are faster. All by default.

    Returns
    -------
    DataFrame
        image_id, digest, dhash (32 hex digits), filename (of the first file that is present),
        width, height, format, frames, bytes, informative, taken_at (the camera's clock), camera,
        latitude, longitude, added_at (UTC), holders (number of users), algorithm, duration_ms
        (of all frames), damaged, damage (what is wrong, in words), profile (of its colours),
        is_gray (missing where an earlier version did not look).
    """
    shown = "*" if columns is None else ", ".join(f'"{name}"' for name in columns)
    # The columns from files take as long as all others, and few callers need them.
    files = _OF_FILES if columns is None or {"filename", "holders"} & {*columns} else _NO_FILES
    query = f"SELECT {shown} FROM ({_IMAGES} {files}) ORDER BY image_id"  # noqa: S608 (ours)
    utc = ["added_at"] if columns is None or "added_at" in columns else []
    if image_ids is None:
        return frame_of(connection.execute(query.format(chosen="")), utc=utc)
    with table_of_ids(connection, _int64(image_ids)) as (ids, values):
        chosen = f"SEMI JOIN {ids} AS chosen USING (image_id)"
        return frame_of(connection.execute(query.format(chosen=chosen), values), utc=utc)


def browse(
    connection: Connection, n: int, *, seed: int | None = None, order: Order = "random"
) -> pd.DataFrame:
    """Read the first `n` images with a present file, in an order, with the columns of `images`.

    Parameters
    ----------
    seed
        Seed of the random order; None for another order with each call.

    Raises
    ------
    QueryError
        If `n` is negative or there is no such order.
    """
    if isinstance(n, bool) or not isinstance(n, int | np.integer) or n < 0:
        message = f"{n!r} images were asked for; ask for a whole number, 0 or more"
        raise QueryError(message)
    if order == "random":
        chosen = shuffled(_active_ids(connection), seed, n)
    elif order in _ORDERS:
        query = f"SELECT image_id FROM images WHERE active ORDER BY {_ORDERS[order]} LIMIT ?"  # noqa: S608
        chosen = _ids(connection.execute(query, [n]))
    else:
        message = f"order is {order!r}; it must be one of random, {', '.join(_ORDERS)}"
        raise QueryError(message)
    # `images` answers by image_id; back into the order that was chosen.
    rank = pd.Series(np.arange(len(chosen)), index=chosen)
    frame = images(connection, chosen)
    return frame.iloc[np.argsort(frame["image_id"].map(rank))].reset_index(drop=True)


def shuffled(image_ids: Int64s, seed: int | None, n: int) -> Int64s:
    """Choose the first `n` ids in a pseudo-random order, which depends on ids and seed only.

    Sorted by splitmix64 of id and seed (Steele, Lea and Flood 2014), so that a new image does not
    change the order of the others. The hash is a bijection: no two ids tie.

    Examples
    --------
    >>> shuffled(np.array([1, 2, 3, 4]), seed=7, n=9).tolist()
    [4, 1, 2, 3]
    >>> shuffled(np.array([4, 3, 2, 1, 5]), seed=7, n=3).tolist()
    [4, 1, 5]
    """
    if seed is None:
        seed = int(np.random.default_rng().integers(1 << 62))
    start = splitmix64(np.array([seed % 2**64], np.uint64))
    keys = splitmix64(image_ids.astype(np.uint64) + start)
    if n < len(keys):  # partition first: faster than sorting a million keys for a page of 48
        first = np.argpartition(keys, n)[:n]
        image_ids, keys = image_ids[first], keys[first]
    return image_ids[np.argsort(keys)]


def digest_ranks(connection: Connection) -> Int64s:
    """Rank active images by digest, int64 (n,), in the order of ids."""
    # Sorted once: with `row_number`, back in the order of ids, it takes twice as long.
    by_digest = _ids(connection.execute("SELECT image_id FROM images WHERE active ORDER BY digest"))
    return np.argsort(by_digest) + 1


def grays(connection: Connection, image_ids: ImageIds) -> UInt8s:
    """Read the 9x9 gray pictures, uint8 (n, 9, 9), in the order of the ids.

    Raises
    ------
    UnknownImage
        If one of them does not exist.
    """
    return _pictures(connection, "images", image_ids, 9)


def verification(connection: Connection, image_ids: ImageIds) -> UInt8s:
    """Read the 64x64 gray pictures, uint8 (n, 64, 64), in the order of the ids.

    Raises
    ------
    UnknownImage
        If one of them does not exist.
    """
    return _pictures(connection, "verification", image_ids, 64)


def frame_keys(connection: Connection, image_ids: ImageIds) -> UInt64s:
    """Read the keys of all frames, uint64 (n, 4), in the order of the ids; zeros for stills.

    An image that does not exist counts as a still.
    """
    wanted = _int64(image_ids)
    with table_of_ids(connection, wanted) as (ids, values):
        found = connection.execute(
            "SELECT image_id, frame_key FROM images "  # noqa: S608
            f"SEMI JOIN {ids} AS chosen USING (image_id) WHERE frame_key IS NOT NULL",
            values,
        ).fetchall()
    keys = dict(found)
    return key_arrays([bytes(keys.get(image_id, STILL)) for image_id in wanted.tolist()])


def holdings(
    connection: Connection, *, image_ids: ImageIds | None = None, user: str | None = None
) -> pd.DataFrame:
    """Read files with their users, by image_id and time; of some images or one user if given.

    Returns
    -------
    DataFrame
        user, image_id, filename, source, bytes, modified_ns, brought_at (UTC), replaced_at (UTC;
        when the same source came with other bytes, NaT for most).
    """
    answer = connection.execute(
        """
        SELECT user_name AS "user", image_id, filename,
            coalesce(path, 'upload:' || filename) AS source, bytes, modified_ns,
            taken_in AS brought_at, replaced_at
        FROM files
        WHERE ($image_ids IS NULL OR image_id IN (SELECT unnest($image_ids::BIGINT[])))
            AND user_name = coalesce($user, user_name)
        ORDER BY image_id, brought_at, user_name, source, file_id
        """,
        {"image_ids": None if image_ids is None else _int64(image_ids).tolist(), "user": user},
    )
    return frame_of(answer, utc=["brought_at", "replaced_at"])


def resting(connection: Connection, before: datetime) -> dict[int, str]:
    """Find images without a present file since before a time: digests by image_id."""
    query = """
        SELECT image_id, digest FROM images WHERE NOT active AND inactive_since < ?
        ORDER BY image_id
        """
    return dict(connection.execute(query, [before]).fetchall())


def statistics(connection: Connection) -> Statistics:
    """Compute totals of the catalog."""
    row = first_row(
        connection,
        """
        SELECT count(*), (SELECT count(*) FROM files), (SELECT count(*) FROM users),
            coalesce(sum(bytes), 0)::BIGINT, count(*) FILTER (NOT informative)
        FROM images
        """,
    )
    assert row is not None  # noqa: S101 (an aggregate always has a row)
    return Statistics(*map(int, row))


def unknown_image(image_ids: Sequence[int]) -> UnknownImage:
    """Make the error for images that do not exist."""
    shown = ", ".join(map(str, image_ids[:5])) + (", ..." if len(image_ids) > 5 else "")
    return UnknownImage(f"there is no image {shown}; it may have been forgotten meanwhile")


# As text: 32 hex digits, the row hash first, as `Fingerprint.dhash_hex` has it.
_DHASH = "lower(lpad(to_hex(dhash_row), 16, '0') || lpad(to_hex(dhash_col), 16, '0')) AS dhash"
# {chosen} restricts both scans: otherwise the second one would count holders of all images.
_IMAGES = f"""
    SELECT image_id, digest, {_DHASH}, filename, width, height, format, frames, bytes,
        informative, taken_at, camera, latitude, longitude, added_at,
        coalesce(holders, 0) AS holders, algorithm, duration_ms, damage IS NOT NULL AS damaged,
        damage, profile, is_gray
    FROM images {{chosen}}
    """  # noqa: S608 (a constant)
_OF_FILES = """
    LEFT JOIN (
        SELECT image_id, count(DISTINCT user_name) AS holders,
            first(filename ORDER BY state <> 'present', taken_in, file_id) AS filename
        FROM files {chosen} GROUP BY image_id
    ) USING (image_id)
    """
_NO_FILES = "CROSS JOIN (SELECT NULL::VARCHAR AS filename, 0 AS holders)"
# Pictures that are looked up one by one; all are read in one pass in the time of 2,000.
_FEW = 500
_ORDERS = {"newest": "image_id DESC", "largest": "bytes DESC, image_id"}


def _int64(image_ids: ImageIds) -> Int64s:
    try:
        return np.asarray(image_ids, np.int64).reshape(-1)
    except OverflowError as error:  # a page may ask for any number
        raise unknown_image([int(each) for each in image_ids if abs(each) >> 63]) from error


def _active_ids(connection: Connection) -> Int64s:
    return _ids(connection.execute("SELECT image_id FROM images WHERE active ORDER BY image_id"))


def _ids(answer: Connection) -> Int64s:
    """Read the column image_id of an answer."""
    return np.asarray(answer.fetchnumpy()["image_id"], np.int64)


def _pictures(connection: Connection, table: str, image_ids: ImageIds, side: int) -> UInt8s:
    """Read square gray pictures from a column of blobs, in the order of the ids."""
    # Each picture is read once, however often its id is given, and repeated by `places`.
    wanted, places = np.unique(_int64(image_ids), return_inverse=True)
    columns = f"SELECT image_id, grays FROM {table}"  # noqa: S608
    if len(wanted) <= _FEW:
        # Written out, ids are looked up in the index, and only what they need is read from disk.
        some = ", ".join(map(str, wanted.tolist())) or "NULL"
        query = f"{columns} WHERE image_id IN ({some}) ORDER BY image_id"
        found = connection.execute(query).fetchnumpy()
    else:
        with table_of_ids(connection, wanted) as (ids, values):
            query = f"{columns} SEMI JOIN {ids} AS chosen USING (image_id) ORDER BY image_id"
            found = connection.execute(query, values).fetchnumpy()
    if len(found["image_id"]) != len(wanted):
        raise unknown_image(np.setdiff1d(wanted, found["image_id"]).tolist())
    pictures = np.frombuffer(b"".join(found["grays"]), np.uint8).reshape(-1, side, side)
    return pictures[places]
