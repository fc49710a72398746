"""Write sidecars and remove them again, as acts with journal entries.

An entry is *intended* before the file is written under a temporary name, and *done* once it has its
final name; after a crash the sidecar exists completely or not at all.
"""

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from imgurer_kernel.errors import ActRefused
from imgurer_kernel.review import disk, moves
from imgurer_kernel.store.catalog import journal
from imgurer_kernel.store.catalog.connection import now
from imgurer_kernel.store.catalog.journal import FileOfImage, JournalEntry
from imgurer_kernel.store.store import Store

SIDECAR_STEPS = ("marked", "intended", "written", "done")
"""Steps of writing a sidecar; a crash after any of them is harmless."""


@dataclass(frozen=True, slots=True)
class Sidecar:
    """A sidecar to be written beside a file on disk."""

    keeper: FileOfImage
    content: bytes

    @property
    def path(self) -> bytes:
        """Path of the sidecar."""
        assert self.keeper.path_key is not None  # noqa: S101 (checked before)
        return self.keeper.path_key + b".xmp"


class SidecarRunner:
    """Writes sidecars for files of one store, within the turn of an `ActRunner`."""

    def __init__(self, store: Store, step: Callable[[str], None]) -> None:
        self._store = store
        self._step = step

    def run(
        self, wanted: Sequence[Sidecar], user: str, sitting: tuple[str, int]
    ) -> list[str | None]:
        """Write sidecars where there are none; return for each the reason of a refusal, or None."""
        with self._store.catalog.transaction() as connection:
            first = journal.next_entry_id(connection)
            entries = [
                _entry(first + number, each, user, sitting) for number, each in enumerate(wanted)
            ]
            journal.add(connection, entries)
        self._step("intended")
        refused: dict[int, str] = {}
        for each, entry in zip(wanted, entries, strict=True):
            try:
                with place_of(entry) as place:
                    moves.write(place, each.path, each.content)
            except ActRefused as error:
                refused[entry.entry_id] = str(error)
            else:
                self._step("written")
        with self._store.catalog.transaction() as connection:
            written = [it.entry_id for it in entries if it.entry_id not in refused]
            journal.set_state(connection, written, "done")
            for entry_id, why in refused.items():
                journal.set_state(connection, [entry_id], "rolled back", why)
        self._step("done")
        return [refused.get(entry.entry_id) for entry in entries]


def delete_sidecar(entry: JournalEntry) -> None:
    """Delete a sidecar that was written; do nothing if it is already deleted.

    Raises
    ------
    ActRefused
        If it was edited since, or the system refuses.
    """
    with place_of(entry) as place:
        facts = place.facts()
        if facts is None:
            return
        path = _path(entry)
        with disk.held(place, path) as file:
            if file.digest() != entry.digest:
                message = f"{disk.shown(path)} was edited since; it is left alone"
                raise ActRefused(message)
        moves.remove(place, path, facts.st_dev, facts.st_ino)


def is_written(entry: JournalEntry) -> bool:
    """Return whether a sidecar is there as written; delete a partial one left by a crash."""
    with place_of(entry) as place:
        moves.remove_part(place)
        with suppress(ActRefused), disk.held(place, _path(entry)) as file:
            return file.digest() == entry.digest
    return False


@contextmanager
def place_of(entry: JournalEntry) -> Iterator[disk.Place]:
    """Return the place of the sidecar of an entry."""
    assert entry.target_root is not None  # noqa: S101 (true of every sidecar)
    path = _path(entry)
    with disk.place_of(entry.target_root, disk.split(entry.target_root, path)) as place:
        yield place


def _path(entry: JournalEntry) -> bytes:
    assert entry.target_key is not None  # noqa: S101 (true of every sidecar)
    return entry.target_key


def _entry(number: int, sidecar: Sidecar, user: str, sitting: tuple[str, int]) -> JournalEntry:
    keeper, path = sidecar.keeper, sidecar.path
    return JournalEntry(
        entry_id=number,
        batch=sitting[0],
        user=user,
        act="sidecar",
        state="intended",
        begun_at=now(),
        ended_at=None,
        file_id=keeper.file_id,
        image_id=keeper.image_id,
        owner=keeper.user_name,
        path=disk.shown(path),
        filename=disk.shown(os.path.basename(path)),  # noqa: PTH119 (bytes)
        digest=hashlib.sha256(sidecar.content).hexdigest(),
        bytes=len(sidecar.content),
        keeper_id=keeper.file_id,
        keeper_path=keeper.path,
        reason="written: what only removed copies knew",
        source_key=None,
        source_root=None,
        target_key=path,
        target_root=os.path.dirname(path) or b"/",  # noqa: PTH120 (bytes)
        device=None,
        inode=None,
        modified_ns=0,
        other_ids=(),
        united_ids=(),
        leads=False,
        step=sitting[1],
    )
