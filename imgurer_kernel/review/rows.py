"""Change the rows of a store for acts: its files, owners of the keeper, paths of originals."""

import os
from collections.abc import Sequence
from dataclasses import replace

from imgurer_kernel.common.paths import modified_ns
from imgurer_kernel.errors import (
    ActRefused,
    BlobDamaged,
    BlobMissing,
    SourceError,
    StorageError,
)
from imgurer_kernel.review.disk import Place, held, paths_of, shown
from imgurer_kernel.store.catalog import Connection, commands, journal, trash
from imgurer_kernel.store.catalog.journal import FileOfImage, JournalEntry, PlaceOfFiles
from imgurer_kernel.store.ingest.ingest_files import renew_references
from imgurer_kernel.store.store import Store
from imgurer_kernel.store.trash import Trash


def is_leading(store: Store, file: FileOfImage) -> bool:
    """Return whether the store's reference to an original is this file."""
    if not file.is_in_place or file.path_key is None:
        return False
    try:
        # Read the note only: its path may now be a pipe, and opening that would block.
        noted = store.blobs.noted_path(file.digest)
    except (BlobDamaged, StorageError):
        return False
    return noted is not None and os.fsencode(noted) == file.path_key


def emptied(entry: JournalEntry) -> ActRefused:
    """Make the error for undoing an act whose rows were deleted permanently."""
    left = entry.act == "move" or (entry.act == "trash" and entry.state == "done")
    if left and entry.target_key is not None:
        return ActRefused(
            "what was known of it was deleted permanently when the trash was emptied; the file is "
            f"{shown(entry.target_key)}: move it back, and scan its folder"
        )
    return ActRefused("it was deleted permanently when the trash was emptied")


class ActRows:
    """Changes the rows of one store for acts.

    Parameters
    ----------
    store, trash
        The store with the rows, and the trash that they move to.
    """

    def __init__(self, store: Store, trash: Trash) -> None:
        self._store = store
        self._trash = trash

    def enter(
        self,
        connection: Connection,
        acts: Sequence[tuple[JournalEntry, FileOfImage | None]],
    ) -> None:
        """Enter acts that were done on disk into the catalog, within a transaction.

        Parameters
        ----------
        acts
            Each with its keeper, or None if the keeper has no row any more.
        """
        journal.set_places(
            connection,
            [
                PlaceOfFiles(_ids(entry), keeper.device, keeper.inode, keeper.modified_ns)
                for entry, keeper in acts
                if entry.act == "link" and keeper is not None
            ],
        )
        moved = [(entry, keeper) for entry, keeper in acts if entry.act != "link"]
        ids = [each for entry, _ in moved for each in _ids(entry)]
        found = journal.files_of_images(connection, ids)
        commands.forget_files(connection, list(found))
        # No owner loses the picture: each owner of the copy becomes an owner of the keeper.
        holders = journal.holders(connection, {keeper.image_id for _, keeper in moved if keeper})
        for entry, keeper in moved:
            united = []
            for file in (found[it] for it in _ids(entry) if it in found):
                if keeper is not None and (keeper.image_id, file.user_name) not in holders:
                    holders.add((keeper.image_id, file.user_name))
                    united.append(
                        journal.add_holder(connection, keeper, file.user_name, file.filename)
                    )
            if united:
                journal.set_united(connection, entry.entry_id, united)
        journal.set_state(connection, [entry.entry_id for entry, _ in acts], "entered")

    def follow(self, entries: Sequence[JournalEntry]) -> None:
        """Move the store's own bytes once the rows are changed, and mark the entries as done."""
        self._trash.finish_all(sorted({entry.digest for entry in entries}))
        # If one of several copies was removed, refer to the bytes by the others.
        renew_references(self._store, {entry.digest for entry in entries if entry.leads})
        if entries:
            self._store.catalog.run(
                journal.set_state, [entry.entry_id for entry in entries], "done"
            )

    def lost(self, entries: Sequence[JournalEntry]) -> dict[int, ActRefused]:
        """Return the errors, by entry_id, for acts whose rows were deleted permanently."""
        ids = [entry.file_id for entry in entries]
        with self._store.catalog.transaction() as connection:
            known = {row.file_id for row in trash.rows(connection, ids)}
            known |= journal.files_of_images(connection, ids).keys()
        return {
            entry.entry_id: emptied(entry)
            for entry in entries
            if entry.moves_rows and entry.file_id not in known
        }

    def require_link(self, entry: JournalEntry, place: Place) -> None:
        """Raise `ActRefused` unless a place is empty, or still has the hard link of an act."""
        facts = place.facts()
        if facts is None:
            return
        path = paths_of(entry).source
        ids = [entry.file_id, entry.keeper_id]
        known = self._store.catalog.run(journal.files_of_images, ids)
        if facts.st_ino not in {it.inode for it in known.values()}:
            message = f"{shown(path)} is another file by now; move it away"
            raise ActRefused(message)
        # The link is of an exact copy; editing it in place keeps the inode.
        with held(place, path) as file:
            if file.digest() != entry.digest or not file.is_there():
                message = f"it was edited since: {shown(path)} has other bytes; move it away"
                raise ActRefused(message)

    def restore(self, entries: Sequence[JournalEntry]) -> dict[int, ActRefused]:
        """Restore the rows of acts, in this order, with the paths and times of the entries.

        Returns
        -------
        dict
            By entry_id the error of each that is not fully restored, for example because the
            store's own bytes are gone.
        """
        try:
            gone = self._restore_rows(entries)
        except (BlobMissing, BlobDamaged) as error:
            if len(entries) == 1:
                message = f"the store lost the original: {error}"
                return {entries[0].entry_id: ActRefused(message)}
            # One of them failed; restore them one by one to find which.
            return {key: why for entry in entries for key, why in self.restore([entry]).items()}
        self._trash.finish_all(sorted(gone))
        refused = {}
        for entry in entries:
            if entry.leads and entry.source_key is not None:
                try:
                    self._store.blobs.put(
                        os.fsdecode(entry.source_key), digest=entry.digest, mode="reference"
                    )
                except (BlobDamaged, SourceError, StorageError) as error:
                    message = f"the file is back, but not as it was: {error}"
                    refused[entry.entry_id] = ActRefused(message)
        return refused

    def _restore_rows(self, entries: Sequence[JournalEntry]) -> set[str]:
        """Restore rows in one transaction; return the digests of images restored with them."""
        moved = [entry for entry in entries if entry.moves_rows]
        with self._store.catalog.transaction() as connection:
            ids = [each for entry in moved for each in _ids(entry)]
            in_trash = sorted(row.file_id for row in trash.rows(connection, ids))
            united = [held for entry in moved for held in entry.united_ids]
            gone = {journal.drop_holder(connection, held) for held in united}
            self._trash.bring_back(connection, in_trash)
            journal.set_places(
                connection,
                [
                    PlaceOfFiles(_ids(it), it.device, it.inode, it.modified_ns)
                    for it in entries
                    if it.source_key is not None and it.act != "companion"
                ],
            )
            journal.set_state(connection, [entry.entry_id for entry in entries], "undone")
        return {digest for digest in gone if digest is not None}


def as_found(entry: JournalEntry, facts: os.stat_result) -> JournalEntry:
    """Return the entry of a restored file with its present device, inode and time."""
    return replace(entry, device=facts.st_dev, inode=facts.st_ino, modified_ns=modified_ns(facts))


def _ids(entry: JournalEntry) -> tuple[int, ...]:
    return (entry.file_id, *entry.other_ids)
