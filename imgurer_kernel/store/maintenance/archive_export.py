"""Export a store to a tar file, or incrementally to a folder; readable without this package.

::

    originals/<digest>      the bytes, once for each image (in a folder originals/ab/<digest>)
    holdings.csv            user, digest, filename, source, brought_at: one row for each holding

and in a backup, which only the owner of the file may read:

::

    catalog/...             accounts with their password hashes, files, decisions, the journal and
                            the trash, as tables of Parquet (`store.catalog.snapshots`)
    trash/<digest>          originals in the trash

A cell of the table that a spreadsheet would read as a formula is escaped by an apostrophe, and so
is one that consists of apostrophes and such a text: `quoted_cell` and `plain_cell`.
"""

import csv
import io
import os
import re
import shutil
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, BinaryIO, Protocol

import pandas as pd

from imgurer_kernel.common.atomic_files import atomic_write, mapped_os_errors
from imgurer_kernel.common.paths import given_path
from imgurer_kernel.common.progress import ProgressOption, reporting
from imgurer_kernel.errors import BlobDamaged, BlobMissing, SourceError
from imgurer_kernel.store.catalog import Connection, queries, snapshots, trash
from imgurer_kernel.store.store import Store

HOLDINGS = "holdings.csv"
ORIGINALS, TRASHED, CATALOG = "originals", "trash", "catalog"
COLUMNS = ["user", "digest", "filename", "source", "brought_at"]

_MOMENT = re.compile(r"[0-9]{8}T[0-9]{6}\.[0-9]{6}")
_FORMULA = re.compile(r"'*[=+\-@\t\r]")


def quoted_cell(text: str) -> str:
    """Escape a text that spreadsheets would read as a formula; see `plain_cell`.

    Examples
    --------
    >>> quoted_cell("=1+1"), quoted_cell("a=1"), quoted_cell("'=1"), quoted_cell("'a")
    ("'=1+1", 'a=1', "''=1", "'a")
    """
    return f"'{text}" if _FORMULA.match(text) else text


def plain_cell(text: str) -> str:
    """Undo `quoted_cell`.

    Examples
    --------
    >>> plain_cell("'=1+1"), plain_cell("''=1"), plain_cell("'a")
    ('=1+1', "'=1", "'a")
    """
    return text[1:] if text.startswith("'") and _FORMULA.match(text) else text


def export_store(
    store: Store,
    path: Path | str,
    progress: ProgressOption = True,
    *,
    backup: bool = False,
    note: Callable[[str], object] = lambda _: None,
) -> int:
    """Write every original and the table of holdings into a tar file, or a folder.

    The export has the state of the store at its beginning; an image that is forgotten meanwhile may
    be left out, with all its rows, which is reported to `note`. A tar file gets its name only when
    it is complete. A folder (a name without ``.tar``) gets the originals that it does not have yet,
    and then a new table; forgotten originals stay in it. The same store gives the same bytes,
    except for the times in a backup.

    Parameters
    ----------
    backup
        Add accounts, decisions, journal and trash; only the owner of the file may read it.
    note
        Called with a line for each original that was left out.

    Returns
    -------
    int
        The number of exported originals, including those that the folder had.

    Raises
    ------
    SourceError
        If the folder has another file with the name of the table of holdings.
    StorageDenied, StorageFull
        If the file cannot be written.
    BlobMissing, BlobDamaged
        If an original is missing or has another size; `Workbench.check` finds all of these.
    """
    target = given_path(path, "the archive").absolute()
    with ExitStack() as opened:
        made = Path(opened.enter_context(tempfile.TemporaryDirectory()))
        made.chmod(0o700)
        with store.catalog.transaction() as connection:
            images, holdings, trashed = _read(connection)
            if backup:
                snapshots.write(connection, made)
        writing = _tar(target, backup=backup) if target.suffix == ".tar" else _folder(target)
        writer = opened.enter_context(writing)
        written = set()
        with reporting(progress, len(images), "Exporting") as report:
            for digest, size in zip(images["digest"], images["bytes"].tolist(), strict=True):
                if _write_original(store, writer, digest, size):
                    written.add(digest)
                else:
                    note(f"{digest} was forgotten meanwhile, and is left out")
                report(1)
        if backup:
            _write_trash(store, writer, trashed - written, note)
            writer.add_catalog(sorted(made.iterdir()))
        # Last: it has rows only for the originals that were written.
        rows = holdings.loc[holdings["digest"].isin(written), COLUMNS].copy()
        for column in ("user", "filename", "source"):
            rows[column] = rows[column].map(quoted_cell)
        table = rows.to_csv(index=False, quoting=csv.QUOTE_ALL).encode("utf-8")
        writer.add(HOLDINGS, io.BytesIO(table), len(table))
    return len(written)


class _Writer(Protocol):
    """The target of an export."""

    def has(self, area: str, digest: str, size: int) -> bool:
        """Return whether an earlier export has written an original."""

    def add_original(self, area: str, digest: str, data: IO[bytes], size: int) -> None:
        """Write an original."""

    def add(self, name: str, data: IO[bytes], size: int) -> None:
        """Write another member, replacing an earlier one."""

    def add_catalog(self, paths: list[Path]) -> None:
        """Write the files of a snapshot."""


@dataclass(frozen=True, slots=True)
class _Tar:
    tar: tarfile.TarFile

    def has(self, *_: object) -> bool:
        return False

    def add_original(self, area: str, digest: str, data: IO[bytes], size: int) -> None:
        self.add(f"{area}/{digest}", data, size)

    def add(self, name: str, data: IO[bytes], size: int) -> None:
        # No time and no owner, so that the same store gives the same bytes.
        entry = tarfile.TarInfo(name)
        entry.size = size
        entry.mode = 0o644
        self.tar.addfile(entry, data)

    def add_catalog(self, paths: list[Path]) -> None:
        for path in paths:
            with path.open("rb") as file:
                self.add(f"{CATALOG}/{path.name}", file, path.stat().st_size)


@dataclass(frozen=True, slots=True)
class _Folder:
    folder: Path

    def has(self, area: str, digest: str, size: int) -> bool:
        path = self.folder / area / digest[:2] / digest
        return path.is_file() and (size < 0 or path.stat().st_size == size)

    def add_original(self, area: str, digest: str, data: IO[bytes], size: int) -> None:
        self.add(f"{area}/{digest[:2]}/{digest}", data, size)

    def add(self, name: str, data: IO[bytes], size: int) -> None:  # noqa: ARG002 (of a tar)
        path = self.folder / name
        with mapped_os_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(path) as file:
            shutil.copyfileobj(data, file, 1 << 20)
            file.flush()
            os.fsync(file.fileno())

    def add_catalog(self, paths: list[Path]) -> None:
        goal = self.folder / CATALOG / datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%f")
        with mapped_os_errors(goal):
            goal.parent.mkdir(mode=0o700, exist_ok=True)
            # Only folders of this program: a user's folder ``2019`` must not be deleted.
            earlier = [each for each in goal.parent.iterdir() if _is_catalog(each)]
            shutil.copytree(paths[0].parent, goal)
            for each in earlier:
                shutil.rmtree(each)


@contextmanager
def _tar(target: Path, *, backup: bool) -> Iterator[_Writer]:
    with atomic_write(target) as file:
        if backup:
            os.fchmod(file.fileno(), 0o600)
        with tarfile.open(fileobj=file, mode="w") as tar:
            yield _Tar(tar)


@contextmanager
def _folder(target: Path) -> Iterator[_Writer]:
    table = target / HOLDINGS
    with mapped_os_errors(target):
        target.mkdir(exist_ok=True)
        # Checked before anything is written; the table is the only file that is overwritten.
        is_foreign = table.exists() and not _has_our_header(table)
    if is_foreign:
        message = f"{table} is not a table of an export; name another folder, or move it away"
        raise SourceError(message)
    yield _Folder(target)


def _has_our_header(table: Path) -> bool:
    head = ",".join(f'"{name}"' for name in COLUMNS).encode()
    with table.open("rb") as file:
        return file.read(len(head)) == head


def _is_catalog(folder: Path) -> bool:
    """Return whether a folder is the catalog of an earlier backup, by name and content."""
    if not _MOMENT.fullmatch(folder.name) or folder.is_symlink() or not folder.is_dir():
        return False
    written = {"manifest.json", *(f"{table}.parquet" for table in snapshots.TABLES)}
    return {each.name for each in folder.iterdir()} <= written


def _read(connection: Connection) -> tuple[pd.DataFrame, pd.DataFrame, set[str]]:
    images = queries.images(connection, columns=["image_id", "digest", "bytes"])
    holdings = queries.holdings(connection)
    holdings = holdings.merge(images[["image_id", "digest"]], on="image_id")
    return images, holdings, {row.digest for row in trash.rows(connection)}


def _write_original(store: Store, writer: _Writer, digest: str, size: int) -> bool:
    """Write an original, unless it is there; return False if it was forgotten meanwhile."""
    if writer.has(ORIGINALS, digest, size):
        return True
    original = _open(store, digest)
    if original is None:
        return False
    with original:
        _check_size(original, digest, size)
        writer.add_original(ORIGINALS, digest, original, size)
    return True


def _write_trash(
    store: Store, writer: _Writer, digests: set[str], note: Callable[[str], object]
) -> None:
    for digest in sorted(digests):
        if writer.has(TRASHED, digest, -1):
            continue
        try:
            with store.blobs.trash.open(digest) as original:
                size = original.seek(0, os.SEEK_END)
                original.seek(0)
                writer.add_original(TRASHED, digest, original, size)
        except BlobMissing:  # only a note of a file in place, or deleted since
            note(f"{digest} in the trash has no bytes of its own, and is left out")


def _open(store: Store, digest: str) -> BinaryIO | None:
    """Open an original; None if it was forgotten meanwhile."""
    try:
        return store.blobs.open(digest)
    except BlobMissing:
        if not store.catalog.run(queries.ids_by_digest, [digest]):
            return None
    return store.blobs.open(digest)  # forgotten, and ingested again


def _check_size(original: BinaryIO, digest: str, size: int) -> None:
    found = original.seek(0, os.SEEK_END)
    original.seek(0)
    # The header of a tar member, with the size, precedes the bytes: it must be right.
    if found != size:
        message = (
            f"the original {digest} has {found:,} bytes instead of {size:,}; "
            "`imgurer check --repair` may restore it"
        )
        raise BlobDamaged(message)
