"""One call of `ingest`: walk, compare with the catalog, add new files, record missing ones."""

import os
import threading
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from pathlib import Path

from imgurer_kernel.common.globs import Exclusion
from imgurer_kernel.common.progress import ProgressOption, reporting
from imgurer_kernel.errors import ImgurerError
from imgurer_kernel.fingerprint.extract import fingerprint
from imgurer_kernel.settings import StoreMode
from imgurer_kernel.store.catalog import Connection, commands, files, journal, known_files, queries
from imgurer_kernel.store.catalog.connection import now
from imgurer_kernel.store.ingest.intake import Intake, Outcome, rejected
from imgurer_kernel.store.ingest.pipeline import IngestPipeline
from imgurer_kernel.store.ingest.scan import FileScan
from imgurer_kernel.store.ingest.sources import FileFilter, Source, WalkCoverage, find_files
from imgurer_kernel.store.place import is_store
from imgurer_kernel.store.store import Store
from imgurer_kernel.store.users import LOCAL, user_name


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestOptions:
    """How files are ingested.

    Attributes
    ----------
    store
        How originals are kept; None for the mode in the settings, and that of known files.
    checksum
        Read files again that are unchanged by size and time.
    prune
        Mark files that are not found as missing, even if a whole folder or drive is.
    exclude
        Patterns of an `imgurer_kernel.common.globs.Exclusion`.
    min_size
        As in `FileFilter`.
    untrusted
        Decode in child processes with limits.
    """

    store: StoreMode | None = None
    checksum: bool = False
    prune: bool = False
    exclude: tuple[str, ...] = ()
    min_size: int = 0
    untrusted: bool = False


def ingest_files(
    store: Store,
    sources: Source | Iterable[Source],
    user: str | None,
    options: IngestOptions,
    progress: ProgressOption,
    stop: threading.Event,
) -> tuple[list[Outcome], list[str]]:
    """Ingest files; return their outcomes, and the places that the walk left out.

    Outcomes of unknown and of missing files follow those of the files found. See
    `imgurer_kernel.store.ingest.sources.WalkCoverage.not_named`.
    """
    mode = options.store or store.settings.store
    settings = replace(store.settings, store=mode)
    chosen = FileFilter(str(settings.root), Exclusion(options.exclude), options.min_size)
    name = LOCAL if user is None else user_name(user)

    def known(path: str) -> bool:
        # Checked first, so that a source that does not exist creates no store.
        return is_store(settings.root) and store.catalog.run(
            known_files.is_known, name, os.fsencode(path)
        )

    found = list(find_files(sources, chosen, survey := WalkCoverage(known=known)))
    owner = store.users.require_enabled(user)
    scan = FileScan(store.catalog, owner, options.store, options.checksum)
    scan.compare(found, survey, prune=options.prune)
    decode = store.decoders.fingerprint if options.untrusted else fingerprint
    intake = Intake(store.catalog, store.blobs, settings, decode)
    with reporting(progress, len(found), "Ingesting") as report:
        run = IngestPipeline(intake, scan, report, stop)
        run.run(found)
    outcomes = run.outcomes
    outcomes += (rejected(place, reason) for place, reason in scan.doubts)
    if not stop.is_set():  # otherwise the new path of a moved file may not be processed yet
        outcomes += (
            Outcome(
                source=path,
                status="missing",
                reason="no longer there",
                image_id=before.image_id,
                file_id=before.file_id,
                digest=before.digest,
                dhash=before.dhash,
            )
            for path, before in scan.missing()
        )
    store.catalog.run(_note, scan, survey)
    renew_references(store, scan.affected)
    drop_lost(store)
    return outcomes, survey.not_named()


def drop_lost(store: Store) -> list[str]:
    """Delete images that had no present file for `grace_days`, and no bytes in the store.

    Returns
    -------
    list of str
        Their digests. Thumbnails and references go into the trash.
    """
    before = now() - timedelta(days=store.settings.grace_days)
    dropped = []
    for image_id, digest in store.catalog.run(queries.resting, before).items():
        if store.blobs.exists(digest):
            continue
        store.catalog.run(commands.drop_image, image_id)
        store.catalog.run(commands.if_unreferenced, digest, partial(store.blobs.delete, digest))
        dropped.append(digest)
    return dropped


def _note(connection: Connection, scan: FileScan, survey: WalkCoverage) -> None:
    commands.mark_files(connection, scan.states, scan.begun)
    files.note_seen(connection, scan.seen, now())
    files.renumber(connection, scan.renumbered)
    folders = (
        root.path if root.is_folder else str(Path(root.path).parent) for root in survey.roots
    )
    journal.note_roots(connection, map(os.fsencode, folders))


def renew_references(store: Store, digests: Iterable[str]) -> None:
    """Repair references to originals that were moved, by other files of the image."""
    lost = [digest for digest in sorted(digests) if not store.blobs.exists(digest)]
    if not lost:
        return
    ids = store.catalog.run(queries.ids_by_digest, lost)
    frame = store.catalog.run(files.present_files, list(ids.values()))
    frame = frame[frame["kept"].isin(["link", "reference"])]
    for digest, image_id in ids.items():
        image_files = frame[frame["image_id"] == image_id]
        for key, kept in zip(
            image_files["path_key"].tolist(), image_files["kept"].tolist(), strict=True
        ):
            try:
                store.blobs.put(os.fsdecode(key), digest=digest, mode=kept)
            except ImgurerError:
                continue  # this file has changed, too: the next scan of its folder reports it
            break
