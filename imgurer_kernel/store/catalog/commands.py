"""Commands that change images and files: add arrivals, forget a user's files.

Each function takes the connection of a transaction (`imgurer_kernel.store.catalog.Catalog`); its
changes take effect with the commit.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from imgurer_kernel.common.records import Arrival, FileState, Receipt
from imgurer_kernel.errors import NotAllowed, UnknownFile, UnknownImage
from imgurer_kernel.store.catalog import files, fingerprints, trash
from imgurer_kernel.store.catalog.connection import Connection, first_row, now, write
from imgurer_kernel.store.catalog.file_rows import FileLedger
from imgurer_kernel.store.catalog.queries import ids_by_digest, unknown_image
from imgurer_kernel.store.catalog.users import require_users


def add(
    connection: Connection,
    arrivals: Sequence[Arrival],
    confirm: Callable[[Sequence[Arrival]], None] | None = None,
) -> list[Receipt]:
    """Add the files of arrivals, and their images; existing images are left as they are.

    The row of a file whose path holds other bytes than before points to another image from now on.
    A second row keeps the earlier content, marked as replaced: nothing is lost until a user
    forgets it.

    Parameters
    ----------
    confirm
        Called with the arrivals after all rows are written; if it raises, the transaction fails.

    Returns
    -------
    list of Receipt
        One for each arrival: image, file, and what happened to the file; `added` for the first of
        each digest that was new.

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
    generation, first_id, first_file_id = _counters(connection)
    for image_id, arrival in enumerate(fresh, first_id):
        image_ids[arrival.digest] = image_id
    if fresh:
        _insert_images(connection, fresh, first_id, generation + 1, moment)
    ledger = FileLedger(files.rows_for(connection, arrivals, image_ids), first_file_id, moment)
    added = {arrival.digest for arrival in fresh}
    receipts = []
    for arrival in arrivals:
        image_id, is_new = image_ids[arrival.digest], arrival.digest in added
        file_id, event = ledger.place(arrival, image_id, added=is_new)
        receipts.append(Receipt(image_id, is_new, file_id, event))
        added.discard(arrival.digest)  # of equal arrivals only the first is the new one
    files.note_seen(connection, [receipt.file_id for receipt in receipts], moment)
    # The same arrivals again change nothing, not even the generation: repeating is harmless.
    if files.save(connection, ledger) or fresh:
        files.refresh_active(connection, ledger.touched_images(), generation + 1)
        _advance(connection, new_images=len(fresh), new_files=ledger.next_id - first_file_id)
    if confirm is not None:
        confirm(arrivals)
    return receipts


def forget(
    connection: Connection, image_id: int, user: str, file_id: int | None = None
) -> str | None:
    """Move a user's files of an image, or one of them, into the trash.

    With the last file of any user the image moves there, too.

    Returns
    -------
    str or None
        The digest if the image was moved, too; None if other files of it are left.

    Raises
    ------
    UnknownImage, NotAllowed
        If there is no such image, or the user has no (such) file of it.
    """
    row = first_row(connection, "SELECT digest FROM images WHERE image_id = ?", [image_id])
    if row is None:
        raise unknown_image([image_id])
    rows = connection.execute(
        "SELECT file_id, user_name FROM files WHERE image_id = ? ORDER BY file_id", [image_id]
    ).fetchall()
    chosen = [key for key, name in rows if name == user and file_id in {None, key}]
    if not chosen:
        message = f"{user!r} does not hold image {image_id}; only its owners may forget it"
        raise NotAllowed(message)
    trash.put_files(connection, chosen, str(row[0]))
    last, generation = len(chosen) == len(rows), _counters(connection)[0]
    if last:
        trash.put_image(connection, image_id, generation + 1)
    else:
        files.refresh_active(connection, [image_id], _counters(connection)[0] + 1)
    _advance(connection)
    return str(row[0]) if last else None


def forget_file(connection: Connection, file_id: int, user: str) -> str | None:
    """Move one file of a user into the trash; return as `forget`.

    Raises
    ------
    UnknownFile, NotAllowed
        If there is no such file, or it is another user's.
    """
    row = first_row(
        connection, "SELECT image_id, user_name FROM files WHERE file_id = ?", [file_id]
    )
    if row is None:
        message = f"there is no file {file_id}; files() lists those that there are"
        raise UnknownFile(message)
    if row[1] != user:
        message = f"file {file_id} belongs to {row[1]!r}; only they may forget it, not {user!r}"
        raise NotAllowed(message)
    return forget(connection, int(row[0]), user, file_id)


def forget_files(connection: Connection, file_ids: Sequence[int]) -> None:
    """Move files of any users and images into the trash, as `forget` does."""
    generation = _counters(connection)[0] + 1
    left = trash.put(connection, file_ids, generation)
    files.refresh_active(connection, left, generation)
    _advance(connection)


def mark_files(connection: Connection, states: Mapping[int, FileState], moment: datetime) -> None:
    """Record by file_id the states in which a scan found files at their paths.

    Parameters
    ----------
    moment
        When the scan began: files that were seen after it are left as they are.
    """
    touched = files.mark(connection, states, moment)
    if touched:
        files.refresh_active(connection, touched, _counters(connection)[0] + 1)
        _advance(connection)


def drop_image(connection: Connection, image_id: int) -> None:
    """Move an image without a present file into the trash, with all its files."""
    row = first_row(connection, "SELECT active, digest FROM images WHERE image_id = ?", [image_id])
    if row is None or row[0]:
        return
    of_image = connection.execute(
        "SELECT file_id FROM files WHERE image_id = ? ORDER BY file_id", [image_id]
    ).fetchall()
    trash.put_files(connection, [file_id for (file_id,) in of_image], str(row[1]))
    trash.put_image(connection, image_id, _counters(connection)[0] + 1)
    _advance(connection)


def if_unreferenced(connection: Connection, digest: str, act: Callable[[], object]) -> bool:
    """Call `act` if no image has this digest; the transaction keeps others from adding one.

    Returns
    -------
    bool
        Whether it was called.
    """
    if ids_by_digest(connection, [digest]):
        return False
    act()
    return True


def _first_of_each(arrivals: Sequence[Arrival], image_ids: dict[str, int]) -> list[Arrival]:
    """Choose one arrival with a fingerprint for each unknown digest, in order of arrival."""
    fresh: dict[str, Arrival] = {}
    for arrival in arrivals:
        if arrival.digest not in image_ids:
            # The first arrival determines the id; the fingerprint is the first that is not None.
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


def _counters(connection: Connection) -> tuple[int, int, int]:
    """Read the generation, the next image_id and the next file_id."""
    row = first_row(connection, "SELECT generation, next_image_id, next_file_id FROM generation")
    assert row is not None  # noqa: S101 (the first migration has put it there)
    return int(row[0]), int(row[1]), int(row[2])


def _advance(connection: Connection, *, new_images: int = 0, new_files: int = 0) -> None:
    connection.execute(
        """
        UPDATE generation SET generation = generation + 1,
            next_image_id = next_image_id + ?, next_file_id = next_file_id + ?
        """,
        [new_images, new_files],
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
        own = (image_id, arrival.digest, arrival.bytes, moment, generation, True)
        rows.append((*own, *fingerprints.as_row(it)))
        new[image_id] = it
    write(connection.appender("images", columns=[*_IMAGE, *fingerprints.COLUMNS]), rows)
    fingerprints.insert_pictures(connection, new)


_IMAGE = ["image_id", "digest", "bytes", "added_at", "generation", "active"]
