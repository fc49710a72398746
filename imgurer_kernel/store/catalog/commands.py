"""Taking arrivals in and forgetting images: whatever changes images and holdings."""

from collections.abc import Callable, Sequence
from dataclasses import astuple
from datetime import datetime

from imgurer_kernel.common.records import Arrival, Receipt
from imgurer_kernel.errors import NotAllowed, UnknownImage
from imgurer_kernel.store.catalog import fingerprints
from imgurer_kernel.store.catalog.connection import Connection, first_row, now
from imgurer_kernel.store.catalog.fingerprints import write
from imgurer_kernel.store.catalog.holdings import Holding, Key, merge
from imgurer_kernel.store.catalog.users import require_users


def known(connection: Connection, digests: Sequence[str]) -> dict[str, int]:
    """The image ids of those digests that there are images of."""
    rows = connection.execute(
        "SELECT digest, image_id FROM images WHERE digest IN (SELECT unnest(?::VARCHAR[]))",
        [list(digests)],
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
        connection.execute("DELETE FROM pixels WHERE image_id = ?", [image_id])
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
    images, found = [], {}
    for image_id, arrival in enumerate(fresh, first_id):
        it = arrival.fingerprint
        assert it is not None  # noqa: S101 (or it would not be fresh)
        own = (image_id, arrival.digest, arrival.bytes, moment, generation)
        images.append((*own, *fingerprints.values(it)))
        found[image_id] = it
    write(connection.appender("images", columns=[*_IMAGE, *fingerprints.COLUMNS]), images)
    fingerprints.add_pictures(connection, found)


def _merge_holdings(
    connection: Connection,
    arrivals: Sequence[Arrival],
    image_ids: dict[str, int],
    moment: datetime,
) -> bool:
    """Bring the holdings up to date; True if that changed any."""
    places = sorted({(arrival.user, arrival.source) for arrival in arrivals})
    rows = connection.execute(
        f"""
        SELECT {", ".join(_HOLDING)} FROM holdings
        JOIN (SELECT unnest(?::VARCHAR[]) AS user_name, unnest(?::VARCHAR[]) AS source)
            USING (user_name, source)
        """,  # noqa: S608 (constants)
        [[user for user, _ in places], [source for _, source in places]],
    ).fetchall()
    existing: dict[Key, Holding] = {row[:3]: Holding(*row[3:]) for row in rows}
    placed = [(arrival, image_ids[arrival.digest]) for arrival in arrivals]
    changed = merge(existing, placed, moment)
    new = [(*key, *astuple(it)) for key, it in changed.items() if key not in existing]
    old = [(*key, *astuple(it)) for key, it in changed.items() if key in existing]
    write(connection.appender("holdings", columns=_HOLDING), new)
    write(connection.appender("holdings", columns=_HOLDING, action="update", key=_HOLDING[:3]), old)
    return bool(changed)


_IMAGE = ["image_id", "digest", "bytes", "added_at", "generation"]
_HOLDING = [
    *("user_name", "source", "image_id", "filename", "bytes", "modified_ns"),
    *("brought_at", "replaced_at"),
]
