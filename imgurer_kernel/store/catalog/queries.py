"""Listings and bulk reads: rows as frames, hashes and grays as arrays."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from imgurer_kernel.common.arrays import splitmix64
from imgurer_kernel.common.records import Facts, Fingerprint
from imgurer_kernel.common.types import BoolMask, Int64s, UInt8s, UInt64s
from imgurer_kernel.errors import QueryError, UnknownImage
from imgurer_kernel.store.catalog.connection import Connection, first_row, frame_of, table_of_ids

Order = Literal["random", "newest", "largest"]
ImageIds = Sequence[int] | Int64s


@dataclass(frozen=True, slots=True)
class Changes:
    """What has happened to images since a generation.

    Attributes
    ----------
    generation
        What to ask from next time.
    image_ids
        int64 (n,), ascending: added, or fingerprinted again.
    hashes, trimmed
        uint64 (n, 2), row hash first: dHash of the picture, and without its uniform borders.
    informative
        bool (n,); False too for images that were fingerprinted by another algorithm.
    removed
        int64 (m,), ascending: gone; may name images that had not been there before either.
    """

    generation: int
    image_ids: Int64s
    hashes: UInt64s
    trimmed: UInt64s
    informative: BoolMask
    removed: Int64s


@dataclass(frozen=True, slots=True)
class Statistics:
    """Figures of the whole catalog; `bytes` is the sum over the originals."""

    images: int
    holdings: int
    users: int
    bytes: int
    uninformative: int


def generation(connection: Connection) -> int:
    """How often images or holdings have changed."""
    row = first_row(connection, "SELECT generation FROM generation")
    assert row is not None  # noqa: S101 (the first migration has put it there)
    return int(row[0])


def changes(connection: Connection, since: int, algorithm: str | None = None) -> Changes:
    """Images that came or went after a generation; see `Catalog.changes`."""
    current = generation(connection)
    if not 0 <= since <= current:
        message = (
            f"changes since generation {since} were asked for, and the catalog is at {current}; "
            "where it was replaced by an older one, read everything again: changes(0)"
        )
        raise QueryError(message)
    found = connection.execute(
        """
        SELECT image_id, dhash_row, dhash_col, trimmed_row, trimmed_col,
            informative AND algorithm = coalesce($algorithm, algorithm) AS informative
        FROM images WHERE generation > $since ORDER BY image_id
        """,
        {"since": since, "algorithm": algorithm},
    ).fetchnumpy()
    removed = connection.execute(
        "SELECT image_id FROM removals WHERE generation > ? AND ? > 0 ORDER BY image_id",
        [since, since],
    )
    return Changes(
        generation=current,
        image_ids=np.asarray(found["image_id"], np.int64),
        hashes=np.column_stack([found["dhash_row"], found["dhash_col"]]).astype(np.uint64),
        trimmed=np.column_stack([found["trimmed_row"], found["trimmed_col"]]).astype(np.uint64),
        informative=np.asarray(found["informative"], np.bool_),
        removed=_ids(removed),
    )


def images(
    connection: Connection, image_ids: ImageIds | None, columns: Sequence[str] | None = None
) -> pd.DataFrame:
    """Rows of images by image_id; see `Catalog.images`."""
    shown = "*" if columns is None else ", ".join(f'"{name}"' for name in columns)
    query = f"SELECT {shown} FROM ({_IMAGES}) ORDER BY image_id"  # noqa: S608 (ours, and quoted)
    utc = ["added_at"] if columns is None or "added_at" in columns else []
    if image_ids is None:
        return frame_of(connection.execute(query.format(chosen="")), utc=utc)
    with table_of_ids(connection, _int64(image_ids)) as (ids, values):
        chosen = f"SEMI JOIN {ids} AS chosen USING (image_id)"
        return frame_of(connection.execute(query.format(chosen=chosen), values), utc=utc)


def browse(connection: Connection, n: int, seed: int | None, order: Order) -> pd.DataFrame:
    """Rows of some images, in the order asked for; see `Catalog.browse`."""
    if n < 0:
        message = f"{n} images were asked for; ask for 0 or more"
        raise QueryError(message)
    if order == "random":
        chosen = scattered(_all_ids(connection), seed, n)
    elif order in _ORDERS:
        query = f"SELECT image_id FROM images ORDER BY {_ORDERS[order]} LIMIT ?"  # noqa: S608
        chosen = _ids(connection.execute(query, [n]))
    else:
        message = f"order is {order!r}; it must be one of random, {', '.join(_ORDERS)}"
        raise QueryError(message)
    rank = pd.Series(np.arange(len(chosen)), index=chosen)
    frame = images(connection, chosen)
    return frame.iloc[np.argsort(frame["image_id"].map(rank))].reset_index(drop=True)


def scattered(image_ids: Int64s, seed: int | None, n: int) -> Int64s:
    """The first `n` ids in an order that looks random and depends on nothing but ids and seed.

    Sorted by splitmix64 of id and seed (Steele, Lea and Flood 2014), so that a new image takes
    its place among the others without moving them. Different ids never come out equal.

    Examples
    --------
    >>> scattered(np.array([1, 2, 3, 4]), seed=7, n=9).tolist()
    [4, 1, 2, 3]
    >>> scattered(np.array([4, 3, 2, 1, 5]), seed=7, n=3).tolist()
    [4, 1, 5]
    """
    if seed is None:
        seed = int(np.random.default_rng().integers(1 << 62))
    start = splitmix64(np.array([seed % 2**64], np.uint64))
    keys = splitmix64(image_ids.astype(np.uint64) + start)
    if n < len(keys):
        first = np.argpartition(keys, n)[:n]
        image_ids, keys = image_ids[first], keys[first]
    return image_ids[np.argsort(keys)]


def digest_ranks(connection: Connection, image_ids: ImageIds) -> Int64s:
    """Places of images in the order of their digests; see `Catalog.digest_ranks`."""
    wanted = _int64(image_ids)
    with table_of_ids(connection, wanted) as (ids, values):
        found = connection.execute(
            "SELECT image_id, row_number() OVER (ORDER BY digest) AS rank FROM images "  # noqa: S608
            f"SEMI JOIN {ids} AS chosen USING (image_id) ORDER BY image_id",
            values,
        ).fetchnumpy()
    known, places = np.unique(wanted, return_inverse=True)
    if len(found["image_id"]) != len(known):
        raise _unknown(np.setdiff1d(known, found["image_id"]).tolist())
    return np.asarray(found["rank"], np.int64)[places]


def grays(connection: Connection, image_ids: ImageIds) -> UInt8s:
    """The 9x9 gray pictures, uint8 (n, 9, 9), in the order of the ids."""
    return _pictures(connection, "images", image_ids, 9)


def verification(connection: Connection, image_ids: ImageIds) -> UInt8s:
    """The 64x64 gray pictures, uint8 (n, 64, 64), in the order of the ids."""
    return _pictures(connection, "verification", image_ids, 64)


def fingerprint(connection: Connection, image_id: int) -> tuple[str, Fingerprint]:
    """Digest and fingerprint of an image; the thumbnail, which is no part of this, is empty."""
    row = first_row(
        connection,
        """
        SELECT images.digest, dhash_row, dhash_col, trimmed_row, trimmed_col, images.grays,
            verification.grays, width, height, format, frames, informative, near_ties, algorithm,
            orientation, taken_at, camera, latitude, longitude, pixels.digest
        FROM images JOIN verification USING (image_id) LEFT JOIN pixels USING (image_id)
        WHERE image_id = ?
        """,
        [image_id],
    )
    if row is None:
        raise _unknown([image_id])
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
    )


def held(connection: Connection, user: str, sources: Sequence[str]) -> pd.DataFrame:
    """What a user's sources held when they were last taken in; see `Catalog.held`."""
    answer = connection.execute(
        f"""
        SELECT source, holdings.bytes, modified_ns, image_id, digest, {_DHASH}
        FROM holdings JOIN images USING (image_id)
        WHERE user_name = ? AND replaced_at IS NULL AND source IN (SELECT unnest(?::VARCHAR[]))
        ORDER BY source, image_id
        """,  # noqa: S608 (a constant)
        [user, list(sources)],
    )
    return frame_of(answer)


def holdings(connection: Connection, image_id: int | None, user: str | None) -> pd.DataFrame:
    """Who brought what; see `Catalog.holdings`."""
    answer = connection.execute(
        """
        SELECT user_name AS "user", image_id, filename, source, bytes, modified_ns, brought_at,
            replaced_at
        FROM holdings
        WHERE image_id = coalesce($image_id, image_id) AND user_name = coalesce($user, user_name)
        ORDER BY image_id, brought_at, user_name, source
        """,
        {"image_id": image_id, "user": user},
    )
    return frame_of(answer, utc=["brought_at", "replaced_at"])


def statistics(connection: Connection) -> Statistics:
    """Figures of the whole catalog."""
    row = first_row(
        connection,
        """
        SELECT count(*), (SELECT count(*) FROM holdings), (SELECT count(*) FROM users),
            coalesce(sum(bytes), 0)::BIGINT, count(*) FILTER (NOT informative)
        FROM images
        """,
    )
    assert row is not None  # noqa: S101 (an aggregate always has a row)
    return Statistics(*map(int, row))


_DHASH = "lower(lpad(to_hex(dhash_row), 16, '0') || lpad(to_hex(dhash_col), 16, '0')) AS dhash"
_IMAGES = f"""
    SELECT image_id, digest, {_DHASH}, filename, width, height, format, frames, bytes,
        informative, taken_at, camera, latitude, longitude, added_at,
        coalesce(holders, 0) AS holders, algorithm
    FROM images {{chosen}}
    LEFT JOIN (
        SELECT image_id, count(DISTINCT user_name) AS holders,
            first(filename ORDER BY brought_at, user_name, source) AS filename
        FROM holdings {{chosen}} GROUP BY image_id
    ) USING (image_id)
    """  # noqa: S608 (a constant)
_ORDERS = {"newest": "image_id DESC", "largest": "bytes DESC, image_id"}


def _int64(image_ids: ImageIds) -> Int64s:
    return np.asarray(image_ids, np.int64).reshape(-1)


def _all_ids(connection: Connection) -> Int64s:
    return _ids(connection.execute("SELECT image_id FROM images ORDER BY image_id"))


def _ids(answer: Connection) -> Int64s:
    """The column image_id of an answer."""
    return np.asarray(answer.fetchnumpy()["image_id"], np.int64)


def _pictures(connection: Connection, table: str, image_ids: ImageIds, side: int) -> UInt8s:
    """Square gray pictures from a table's column of blobs, in the order of the ids."""
    wanted, places = np.unique(_int64(image_ids), return_inverse=True)
    with table_of_ids(connection, wanted) as (ids, values):
        found = connection.execute(
            f"SELECT image_id, grays FROM {table} "  # noqa: S608
            f"SEMI JOIN {ids} AS chosen USING (image_id) ORDER BY image_id",
            values,
        ).fetchnumpy()
    if len(found["image_id"]) != len(wanted):
        raise _unknown(np.setdiff1d(wanted, found["image_id"]).tolist())
    pictures = np.frombuffer(b"".join(found["grays"]), np.uint8).reshape(-1, side, side)
    return pictures[places]


def _unknown(image_ids: Sequence[int]) -> UnknownImage:
    shown = ", ".join(map(str, image_ids[:5])) + (", ..." if len(image_ids) > 5 else "")
    return UnknownImage(f"there is no image {shown}; it may have been forgotten meanwhile")
