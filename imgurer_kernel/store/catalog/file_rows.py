"""Apply arrivals to the rows of files (pure): new, touched, changed and moved files."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from imgurer_kernel.common.records import Arrival, FileEvent, FileState, Kept, PathKey

SAFETY: tuple[Kept, ...] = ("reference", "link", "copy", "upload")
"""Ways to keep the bytes of a file, the one that depends most on others first."""


@dataclass(frozen=True, slots=True)
class FileFacts:
    """The first columns of the table of files, in their order.

    Attributes
    ----------
    path, path_key
        Text to be shown, and the bytes that identify it; None for a file without a path.
    modified_ns
        0 for a file without a path.
    device, inode
        None if they are not known.
    """

    file_id: int
    image_id: int
    user_name: str
    path: str | None
    path_key: PathKey | None
    filename: str
    kept: Kept
    bytes: int
    modified_ns: int
    device: int | None
    inode: int | None


@dataclass(frozen=True, slots=True)
class FileRow(FileFacts):
    """One row of the table of files, in the order of its columns.

    Attributes
    ----------
    state
        Whether the bytes can be read: at the file's path, or in the store if it has a copy.
    source_state
        The state of the file at its path; None for a file without a path.
    replaced_at
        Since when the file has had other bytes than these; None for its present bytes.
    """

    taken_in: datetime
    last_seen: datetime
    state: FileState
    source_state: FileState | None
    replaced_at: datetime | None


@dataclass(frozen=True, slots=True)
class HistoryRow:
    """A file before it was moved or changed, in the order of the table's columns."""

    file_id: int
    at: datetime
    event: FileEvent
    path: str | None
    image_id: int


class FileLedger:
    """The rows that arrivals may change, and their new state.

    A file whose path holds other bytes than before keeps its row, which points to the new image
    from then on; the earlier content gets a row of its own, marked with the time, so that it is not
    lost. A file without a path never replaces another: a second upload of the same name is
    another file.

    Attributes
    ----------
    rows
        The present rows by file_id.
    history
        Rows to add to the history.
    next_id
        The id of the next new row.
    """

    def __init__(self, existing: Iterable[FileRow], next_id: int, moment: datetime) -> None:
        self._before = {row.file_id: row for row in existing}
        self._moment = moment
        self.rows = dict(self._before)
        self.history: list[HistoryRow] = []
        self.next_id = next_id
        self._live: dict[tuple[str, PathKey], int] = {}
        self._replaced: dict[tuple[str, PathKey, int], int] = {}
        self._of_image: dict[tuple[str, int], list[int]] = defaultdict(list)
        for row in self.rows.values():
            self._enter(row)

    def changed(self) -> tuple[list[FileRow], list[FileRow], list[int]]:
        """Return new rows, rows that differ by more than `last_seen`, and ids of deleted rows."""
        new, other = [], []
        for file_id, row in self.rows.items():
            before = self._before.get(file_id)
            if before is None:
                new.append(row)
            elif replace(row, last_seen=before.last_seen) != before:
                other.append(row)
        return new, other, [file_id for file_id in self._before if file_id not in self.rows]

    def touched_images(self) -> set[int]:
        """Return images with a new, deleted or changed row."""
        new, other, gone = self.changed()
        ids = {row.image_id for row in (*new, *other)}
        return (
            ids
            | {self._before[row.file_id].image_id for row in other}
            | {self._before[file_id].image_id for file_id in gone}
        )

    def place(self, arrival: Arrival, image_id: int, *, added: bool) -> tuple[int, FileEvent]:
        """Enter one arrival; return the file's id and the event.

        Parameters
        ----------
        added
            Whether the image is new.
        """
        fresh: FileEvent = "added" if added else "duplicate"
        if arrival.path_key is None:
            twin = self._upload(arrival, image_id)
            if twin is not None:
                return twin, "unchanged"
            return self._new(arrival, image_id), fresh
        live = self._live.get((arrival.user, arrival.path_key))
        if live is None:
            moved = self._origin(arrival, image_id)
            if moved is not None:
                return moved, self._move(moved, arrival)
            return self._new(arrival, image_id), fresh
        if self.rows[live].image_id == image_id:
            row = self.rows[live]
            found = self._as_found(row, arrival)
            # If the store has a copy of the same bytes already, it keeps the copy.
            self._put(replace(found, kept=max(row.kept, arrival.kept, key=SAFETY.index)))
            return live, "unchanged"
        self._change(live, arrival, image_id)
        return live, "changed"

    def _upload(self, arrival: Arrival, image_id: int) -> int | None:
        for file_id in self._of_image[arrival.user, image_id]:
            row = self.rows[file_id]
            # The path is compared, too: an import into the store that it was exported from has one.
            if (row.path, row.filename) == (arrival.path, arrival.filename):
                return file_id
        return None

    def _origin(self, arrival: Arrival, image_id: int) -> int | None:
        """Find the row of the file that was moved to the arrival's place, if any."""
        if arrival.moved_from in self.rows:
            row = self.rows[arrival.moved_from]
            if row.image_id == image_id and row.replaced_at is None:
                return row.file_id
        # A file that was imported with this path, and is found there now, is the same file.
        for file_id in self._of_image[arrival.user, image_id]:
            row = self.rows[file_id]
            if row.path_key is None and row.path == arrival.path:
                return file_id
        return None

    def _new(self, arrival: Arrival, image_id: int) -> int:
        row = FileRow(
            file_id=self.next_id,
            image_id=image_id,
            user_name=arrival.user,
            path=arrival.path,
            path_key=arrival.path_key,
            filename=arrival.filename,
            kept=arrival.kept,
            bytes=arrival.bytes,
            modified_ns=arrival.modified_ns,
            device=arrival.device,
            inode=arrival.inode,
            taken_in=arrival.taken_in or self._moment,
            last_seen=self._moment,
            state="present",
            source_state=None if arrival.path_key is None else "present",
            replaced_at=None,
        )
        self.next_id += 1
        self._put(row)
        self._enter(row)
        return row.file_id

    def _move(self, file_id: int, arrival: Arrival) -> FileEvent:
        row = self.rows[file_id]
        self._of_image[row.user_name, row.image_id].remove(file_id)
        if row.path_key is not None:
            self._note(row, "moved")
            self._live.pop((row.user_name, row.path_key), None)
        found = replace(
            self._as_found(row, arrival),
            path=arrival.path,
            path_key=arrival.path_key,
        )
        self._put(found)
        self._enter(found)
        return "unchanged" if row.path_key is None else "moved"

    def _change(self, file_id: int, arrival: Arrival, image_id: int) -> None:
        row = self.rows[file_id]
        assert row.path_key is not None  # noqa: S101 (it is live by its key)
        self._note(row, "changed")
        # One earlier row for each content: a file that changes back and forth adds no more rows.
        for content in (image_id, row.image_id):
            stale = self._replaced.pop((row.user_name, row.path_key, content), None)
            if stale is not None:
                del self.rows[stale]
        earlier = replace(
            row,
            file_id=self.next_id,
            state="changed",
            source_state="changed",
            replaced_at=self._moment,
        )
        self.next_id += 1
        self._put(earlier)
        self._enter(earlier)
        self._of_image[row.user_name, row.image_id].remove(file_id)
        self._of_image[row.user_name, image_id].append(file_id)
        self._put(replace(self._as_found(row, arrival), image_id=image_id))

    def _as_found(self, row: FileRow, arrival: Arrival) -> FileRow:
        """Update a row by the arrival of its file."""
        return replace(
            row,
            filename=arrival.filename,
            kept=arrival.kept,
            bytes=arrival.bytes,
            modified_ns=arrival.modified_ns,
            device=arrival.device,
            inode=arrival.inode,
            last_seen=self._moment,
            state="present",
            source_state="present",
            replaced_at=None,
        )

    def _note(self, row: FileRow, event: FileEvent) -> None:
        self.history.append(HistoryRow(row.file_id, self._moment, event, row.path, row.image_id))

    def _put(self, row: FileRow) -> None:
        self.rows[row.file_id] = row

    def _enter(self, row: FileRow) -> None:
        """Add a row to the look-up tables."""
        if row.replaced_at is None:
            self._of_image[row.user_name, row.image_id].append(row.file_id)
        if row.path_key is None:
            return
        if row.replaced_at is None:
            self._live[row.user_name, row.path_key] = row.file_id
        else:
            self._replaced[row.user_name, row.path_key, row.image_id] = row.file_id


def rows_of(answer: Iterable[tuple[object, ...]]) -> Iterator[FileRow]:
    """Convert rows of the table to `FileRow`."""
    return (FileRow(*row) for row in answer)  # type: ignore[arg-type]
