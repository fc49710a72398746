"""Changes since a generation, by which an index in memory is kept up to date."""

from dataclasses import dataclass, field
from typing import Self

import numpy as np

from imgurer_kernel.common.types import BoolMask, Int64s, UInt64s
from imgurer_kernel.errors import QueryError
from imgurer_kernel.fingerprint.hashes.frame_hash import key_arrays
from imgurer_kernel.store.catalog.connection import Connection, first_row


@dataclass(frozen=True, slots=True, eq=False)
class FrameKeys:
    """The images with more than one frame or page; usually few.

    Attributes
    ----------
    image_ids
        int64 (k,), ascending.
    keys
        uint64 (k, 4), see `imgurer_kernel.fingerprint.hashes.frame_hash`.
    """

    image_ids: Int64s
    keys: UInt64s

    @classmethod
    def none(cls) -> Self:
        """Return no rows."""
        return cls(np.empty(0, np.int64), np.empty((0, 4), np.uint64))

    def of(self, image_ids: Int64s) -> UInt64s:
        """Return the keys of images, uint64 (n, 4); zeros for stills."""
        keys = np.zeros((len(image_ids), 4), np.uint64)
        if len(self.image_ids):
            place = np.searchsorted(self.image_ids, image_ids)
            place = np.minimum(place, len(self.image_ids) - 1)
            known = self.image_ids[place] == image_ids
            keys[known] = self.keys[place[known]]
        return keys

    def after(self, gone: Int64s, new: "FrameKeys") -> Self:
        """Return these keys without some images and with others."""
        kept = ~np.isin(self.image_ids, gone)
        image_ids = np.concatenate((self.image_ids[kept], new.image_ids))
        order = np.argsort(image_ids)
        return type(self)(image_ids[order], np.concatenate((self.keys[kept], new.keys))[order])


@dataclass(frozen=True, slots=True)
class Changes:
    """The images added and dropped since a generation.

    Attributes
    ----------
    generation
        The present one: `since` of the next call.
    image_ids
        int64 (n,), ascending: added, fingerprinted again, or with a present file again.
    hashes, trimmed
        uint64 (n, 2), row hash first: dHash of the picture, and without its uniform borders.
    informative
        bool (n,); False too for images that were fingerprinted by another algorithm.
    removed
        int64 (m,), ascending: forgotten, or without a present file; may include images that the
        index never had.
    frames
        Of the images that were added or fingerprinted again.
    """

    generation: int
    image_ids: Int64s
    hashes: UInt64s
    trimmed: UInt64s
    informative: BoolMask
    removed: Int64s
    frames: FrameKeys = field(default_factory=FrameKeys.none)


def current(connection: Connection) -> int:
    """Read the generation, which grows with every commit that changes images or files."""
    row = first_row(connection, "SELECT generation FROM generation")
    assert row is not None  # noqa: S101 (the first migration has put it there)
    return int(row[0])


Latest = tuple[int, int, int]
"""The generation, the last decision_id, and the number of decisions."""


def latest(connection: Connection) -> Latest:
    """Read numbers that change with pictures, files and decisions."""
    row = first_row(
        connection,
        "SELECT generation, (SELECT coalesce(max(decision_id), 0) FROM decisions), "
        "(SELECT count(*) FROM decisions) FROM generation",
    )
    assert row is not None  # noqa: S101 (the first migration has put it there)
    return int(row[0]), int(row[1]), int(row[2])


def origin(connection: Connection) -> str:
    """Return a text that identifies a catalog: its first image, and when that was added.

    Empty without images. It changes when the first image is forgotten.
    """
    row = first_row(
        connection,
        "SELECT image_id, digest, added_at::VARCHAR FROM images ORDER BY image_id LIMIT 1",
    )
    return "" if row is None else " ".join(map(str, row))


def changes(connection: Connection, since: int, algorithm: str | None = None) -> Changes:
    """Read what an index as of generation `since` must add and drop; 0 for all.

    Parameters
    ----------
    algorithm
        Images that were fingerprinted by another one count as not informative; None for any.

    Raises
    ------
    QueryError
        If the catalog has not reached that generation: it was replaced by an older one.
    """
    generation = current(connection)
    if not 0 <= since <= generation:
        message = (
            f"changes since generation {since} were asked for, and the catalog is at {generation}; "
            "where it was replaced by an older one, read everything again: changes(0)"
        )
        raise QueryError(message)
    # The hashes as two columns of 64 bits: numpy has no integers of 128 bits.
    found = connection.execute(
        """
        SELECT image_id, dhash_row, dhash_col, trimmed_row, trimmed_col,
            informative AND algorithm = coalesce($algorithm, algorithm) AS informative
        FROM images WHERE generation > $since AND active ORDER BY image_id
        """,
        {"since": since, "algorithm": algorithm},
    ).fetchnumpy()
    animated = connection.execute(
        """
        SELECT image_id, frame_key FROM images
        WHERE generation > ? AND active AND frame_key IS NOT NULL ORDER BY image_id
        """,
        [since],
    ).fetchall()
    # A reader of everything (`since` is 0) has nothing to drop: removals are left out.
    removed = connection.execute(
        """
        SELECT image_id FROM removals WHERE generation > $since AND $since > 0
        UNION SELECT image_id FROM images WHERE generation > $since AND $since > 0 AND NOT active
        ORDER BY image_id
        """,
        {"since": since},
    ).fetchnumpy()
    return Changes(
        generation=generation,
        image_ids=np.asarray(found["image_id"], np.int64),
        hashes=np.column_stack([found["dhash_row"], found["dhash_col"]]).astype(np.uint64),
        trimmed=np.column_stack([found["trimmed_row"], found["trimmed_col"]]).astype(np.uint64),
        informative=np.asarray(found["informative"], np.bool_),
        removed=np.asarray(removed["image_id"], np.int64),
        frames=FrameKeys(
            np.array([image_id for image_id, _ in animated], np.int64),
            key_arrays([bytes(key) for _, key in animated]),
        ),
    )
