"""Taking arrivals in and forgetting images: whatever changes images and holdings."""

from collections.abc import Callable, Sequence
from datetime import datetime

import numpy as np
import pandas as pd

from imgurer_kernel.catalog.accounts import require_users
from imgurer_kernel.catalog.connection import Connection, first_row, now, table_of
from imgurer_kernel.errors import NotAllowed, UnknownImage
from imgurer_kernel.records import Arrival, Fingerprint, Receipt


def known(connection: Connection, digests: Sequence[str]) -> dict[str, int]:
    """The image ids of those digests that there are images of."""
    if not digests:
        return {}
    wanted = pd.DataFrame({"digest": pd.Series(list(dict.fromkeys(digests)), dtype="str")})
    with table_of(connection, wanted):
        rows = connection.execute(
            "SELECT digest, image_id FROM images SEMI JOIN given USING (digest)"
        ).fetchall()
    return dict(rows)


def add(
    connection: Connection,
    arrivals: Sequence[Arrival],
    confirm: Callable[[Sequence[Arrival]], None] | None,
) -> list[Receipt]:
    """Enter images and holdings that are not there yet; see `Catalog.add`."""
    if not arrivals:
        return []
    require_users(connection, {arrival.user for arrival in arrivals})
    moment = now()
    image_ids = known(connection, [arrival.digest for arrival in arrivals])
    fresh = _first_of_each(arrivals, image_ids)
    generation, first_id = _counters(connection)
    for image_id, arrival in enumerate(fresh, first_id):
        image_ids[arrival.digest] = image_id
    if fresh:
        _insert_images(connection, fresh, first_id, generation + 1, moment)
    if _merge_holdings(connection, arrivals, image_ids, moment) or fresh:
        _advance(connection, new_images=len(fresh))
    if confirm is not None:
        confirm(arrivals)
    unannounced = {arrival.digest for arrival in fresh}
    receipts = []
    for arrival in arrivals:
        receipts.append(Receipt(image_ids[arrival.digest], arrival.digest in unannounced))
        unannounced.discard(arrival.digest)
    return receipts


def forget(connection: Connection, image_id: int, user: str) -> str | None:
    """Drop a user's holdings of an image, and with the last one the image."""
    row = first_row(connection, "SELECT digest FROM images WHERE image_id = ?", [image_id])
    if row is None:
        message = f"there is no image {image_id}; it may have been forgotten meanwhile"
        raise UnknownImage(message)
    holders = connection.execute(
        "SELECT DISTINCT user_name FROM holdings WHERE image_id = ?", [image_id]
    ).fetchall()
    if (user,) not in holders:
        message = (
            f"{user!r} does not hold image {image_id}; only those who brought it may forget it"
        )
        raise NotAllowed(message)
    connection.execute(
        "DELETE FROM holdings WHERE image_id = ? AND user_name = ?", [image_id, user]
    )
    last = len(holders) == 1
    if last:
        generation, _ = _counters(connection)
        connection.execute("DELETE FROM verification WHERE image_id = ?", [image_id])
        connection.execute("DELETE FROM images WHERE image_id = ?", [image_id])
        connection.execute("INSERT INTO removals VALUES (?, ?)", [image_id, generation + 1])
    _advance(connection, new_images=0)
    return str(row[0]) if last else None


def _first_of_each(arrivals: Sequence[Arrival], image_ids: dict[str, int]) -> list[Arrival]:
    """One arrival with a fingerprint for each digest that is not known, in order of arrival."""
    fresh: dict[str, Arrival] = {}
    for arrival in arrivals:
        if arrival.digest not in image_ids:
            earlier = fresh.setdefault(arrival.digest, arrival)
            if earlier.fingerprint is None:
                fresh[arrival.digest] = arrival
    for arrival in fresh.values():
        if arrival.fingerprint is None:
            message = (
                f"{arrival.source} came without a fingerprint, and there is no image with its "
                f"digest {arrival.digest}; it was forgotten meanwhile: fingerprint it again"
            )
            raise UnknownImage(message)
    return list(fresh.values())


def _counters(connection: Connection) -> tuple[int, int]:
    """The generation, and the id of the next image."""
    row = first_row(connection, "SELECT generation, next_image_id FROM generation")
    assert row is not None  # noqa: S101 (the first migration has put it there)
    return int(row[0]), int(row[1])


def _advance(connection: Connection, *, new_images: int) -> None:
    connection.execute(
        "UPDATE generation SET generation = generation + 1, next_image_id = next_image_id + ?",
        [new_images],
    )


def _insert_images(
    connection: Connection,
    fresh: Sequence[Arrival],
    first_id: int,
    generation: int,
    moment: datetime,
) -> None:
    image_ids = np.arange(first_id, first_id + len(fresh), dtype=np.int64)
    prints = [arrival.fingerprint for arrival in fresh if arrival.fingerprint is not None]
    frame = _image_frame(prints).assign(
        image_id=image_ids,
        digest=pd.Series([arrival.digest for arrival in fresh], dtype="str"),
        bytes=np.array([arrival.bytes for arrival in fresh], np.int64),
        added_at=pd.Series([moment] * len(fresh), dtype="datetime64[us]"),
        generation=generation,
    )
    with table_of(connection, frame):
        connection.execute("INSERT INTO images BY NAME SELECT * FROM given")
    checks = pd.DataFrame({"image_id": image_ids, "grays": [it.verification for it in prints]})
    with table_of(connection, checks):
        connection.execute("INSERT INTO verification BY NAME SELECT * FROM given")


def _image_frame(prints: Sequence[Fingerprint]) -> pd.DataFrame:
    """The columns of the table of images that a fingerprint fills."""
    hashes = np.array([it.dhash + it.trimmed_dhash for it in prints], np.uint64)
    facts = [it.facts for it in prints]
    return pd.DataFrame(
        {
            "dhash_row": hashes[:, 0],
            "dhash_col": hashes[:, 1],
            "trimmed_row": hashes[:, 2],
            "trimmed_col": hashes[:, 3],
            "grays": [it.grays for it in prints],
            "informative": np.array([it.informative for it in prints], np.bool_),
            "near_ties": np.array([it.near_ties for it in prints], np.int64),
            "algorithm": pd.Series([it.algorithm for it in prints], dtype="str"),
            "width": np.array([it.width for it in prints], np.int64),
            "height": np.array([it.height for it in prints], np.int64),
            "format": pd.Series([it.format for it in prints], dtype="str"),
            "frames": np.array([it.frames for it in prints], np.int64),
            "orientation": np.array([it.orientation for it in facts], np.int64),
            "taken_at": pd.Series([it.taken_at for it in facts], dtype="datetime64[us]"),
            "camera": pd.Series([it.camera for it in facts], dtype="str"),
            "latitude": pd.Series([it.latitude for it in facts], dtype="float64"),
            "longitude": pd.Series([it.longitude for it in facts], dtype="float64"),
        }
    )


def _merge_holdings(
    connection: Connection,
    arrivals: Sequence[Arrival],
    image_ids: dict[str, int],
    moment: datetime,
) -> bool:
    """Bring the holdings up to date; True if that changed any."""
    # What each file holds in the end. Nothing stands behind the name of an upload: another
    # upload of that name is another file, not the same one changed.
    final = {
        (arrival.user, arrival.source): image_ids[arrival.digest]
        for arrival in arrivals
        if arrival.modified_ns
    }
    rows = {}
    for arrival in arrivals:
        image_id = image_ids[arrival.digest]
        replaced = arrival.modified_ns and final[arrival.user, arrival.source] != image_id
        rows[arrival.user, arrival.source, image_id] = (
            *(arrival.filename, arrival.bytes, arrival.modified_ns, moment),
            moment if replaced else None,
        )
    holdings = pd.DataFrame([key + row for key, row in rows.items()], columns=_HOLDING)
    holdings = holdings.astype(dict(zip(_HOLDING, _KINDS, strict=True)))
    files = pd.DataFrame(
        [(*key, image_id) for key, image_id in final.items()], columns=_HOLDING[:3]
    )
    files = files.astype(dict(zip(_HOLDING[:3], _KINDS, strict=False))).assign(moment=moment)
    changed = 0
    for statement, frame in ((_REPLACE, files), (_UPDATE, holdings), (_INSERT, holdings)):
        with table_of(connection, frame):
            count = first_row(connection, statement)
        changed += count[0] if count is not None else 0
    return changed > 0


_HOLDING = [
    *("user_name", "source", "image_id", "filename", "bytes", "modified_ns"),
    *("brought_at", "replaced_at"),
]
_KINDS = [*("str", "str", "int64", "str", "int64", "int64"), *("datetime64[us]",) * 2]

_REPLACE = """
    UPDATE holdings SET replaced_at = given.moment FROM given
    WHERE holdings.user_name = given.user_name AND holdings.source = given.source
      AND holdings.image_id <> given.image_id
      AND holdings.modified_ns <> 0 AND holdings.replaced_at IS NULL
    """
_UPDATE = """
    UPDATE holdings SET filename = given.filename, bytes = given.bytes,
        modified_ns = given.modified_ns, replaced_at = given.replaced_at
    FROM given
    WHERE holdings.user_name = given.user_name AND holdings.image_id = given.image_id
      AND holdings.source = given.source
      AND (holdings.filename, holdings.bytes, holdings.modified_ns, holdings.replaced_at IS NULL)
        <> (given.filename, given.bytes, given.modified_ns, given.replaced_at IS NULL)
    """
_INSERT = """
    INSERT INTO holdings BY NAME
    SELECT * FROM given ANTI JOIN holdings USING (user_name, image_id, source)
    """
