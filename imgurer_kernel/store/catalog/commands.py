"""Commands that change images and holdings: add what arrived, forget what a user holds.

Each function takes the connection of a transaction (`imgurer_kernel.store.catalog.Catalog`); what
it does takes effect with the commit.
"""

from collections.abc import Callable, Sequence
from dataclasses import astuple
from datetime import datetime

from imgurer_kernel.common.records import Arrival, Receipt
from imgurer_kernel.errors import NotAllowed, UnknownImage
from imgurer_kernel.store.catalog import fingerprints
from imgurer_kernel.store.catalog.connection import Connection, first_row, now, write
from imgurer_kernel.store.catalog.holdings import Holding, Key, merge
from imgurer_kernel.store.catalog.queries import ids_by_digest, unknown_image
from imgurer_kernel.store.catalog.users import require_users


def add(
    connection: Connection,
    arrivals: Sequence[Arrival],
    confirm: Callable[[Sequence[Arrival]], None] | None = None,
) -> list[Receipt]:
    """Enter arrivals; what is there already is left as it is.

    A source that now holds other bytes than before gets another holding. The earlier one stays,
    marked as replaced: the earlier picture is still held, and nothing is lost until somebody
    forgets it.

    Parameters
    ----------
    confirm
        Called with the arrivals when all is written; if it raises, the transaction fails.

    Returns
    -------
    list of Receipt
        One for each arrival; `added` for the first of each digest that was new.

    Raises
    ------
    UnknownUser
        If an arrival's user does not exist.
    UnknownImage
        If an arrival has no fingerprint and there is no image with its digest.
    """
    if not arrivals:
        return []
    require_users(connection, {arrival.user for arrival in arrivals})
    moment = now()
    image_ids = ids_by_digest(connection, [arrival.digest for arrival in arrivals])
    fresh = _first_of_each(arrivals, image_ids)
    generation, first_id = _counters(connection)
    for image_id, arrival in enumerate(fresh, first_id):
        image_ids[arrival.digest] = image_id
    if fresh:
        _insert_images(connection, fresh, first_id, generation + 1, moment)
    # The same arrivals again change nothing, not even the generation: repeating is harmless.
    if _merge_holdings(connection, arrivals, image_ids, moment) or fresh:
        _advance(connection, new_images=len(fresh))
    if confirm is not None:
        confirm(arrivals)
    added = {arrival.digest for arrival in fresh}
    receipts = []
    for arrival in arrivals:
        receipts.append(Receipt(image_ids[arrival.digest], arrival.digest in added))
        added.discard(arrival.digest)  # of equal arrivals only the first is the new one
    return receipts


def forget(connection: Connection, image_id: int, user: str) -> str | None:
    """Drop all holdings that a user has of an image, and with the last holding the image.

    Returns
    -------
    str or None
        The digest if the image is gone; None if others still hold it.

    Raises
    ------
    UnknownImage, NotAllowed
        If there is no such image, or the user holds none.
    """
    row = first_row(connection, "SELECT digest FROM images WHERE image_id = ?", [image_id])
    if row is None:
        raise unknown_image([image_id])
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
        # Rows that point at the image go with it; the removal tells indexes to drop it.
        generation, _ = _counters(connection)
        connection.execute("DELETE FROM verification WHERE image_id = ?", [image_id])
        connection.execute("DELETE FROM pixels WHERE image_id = ?", [image_id])
        connection.execute("DELETE FROM images WHERE image_id = ?", [image_id])
        connection.execute("INSERT INTO removals VALUES (?, ?)", [image_id, generation + 1])
    _advance(connection, new_images=0)
    return str(row[0]) if last else None


def if_unreferenced(connection: Connection, digest: str, act: Callable[[], object]) -> bool:
    """Call `act` if no image has this digest, while nobody can add one; True if called."""
    if ids_by_digest(connection, [digest]):
        return False
    act()
    return True


def _first_of_each(arrivals: Sequence[Arrival], image_ids: dict[str, int]) -> list[Arrival]:
    """One arrival with a fingerprint for each digest that is not known, in order of arrival."""
    fresh: dict[str, Arrival] = {}
    for arrival in arrivals:
        if arrival.digest not in image_ids:
            # The first keeps its place, which gives the id, with whichever fingerprint there is.
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
    rows, new = [], {}
    for image_id, arrival in enumerate(fresh, first_id):
        it = arrival.fingerprint
        assert it is not None  # noqa: S101 (or it would not be fresh)
        own = (image_id, arrival.digest, arrival.bytes, moment, generation)
        rows.append((*own, *fingerprints.as_row(it)))
        new[image_id] = it
    write(connection.appender("images", columns=[*_IMAGE, *fingerprints.COLUMNS]), rows)
    fingerprints.insert_pictures(connection, new)


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
