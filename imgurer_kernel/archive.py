"""A store as one tar file: originals and who holds them, readable without this package."""

import csv
import io
import shutil
import tarfile
import tempfile
from pathlib import Path, PurePosixPath
from typing import IO

import pandas as pd

from imgurer_kernel.errors import SourceError, StorageDenied, UnknownUser
from imgurer_kernel.progress import Progress, reporting
from imgurer_kernel.workbench import Workbench

HOLDINGS = "holdings.csv"
ORIGINALS = "originals"
COLUMNS = ["user", "digest", "filename", "source", "brought_at"]


def export_store(wb: Workbench, path: Path, progress: Progress = True) -> int:
    """Write every original and the table of holdings into a tar file; returns their number.

    Accounts and passwords stay behind: they belong to this store.

    Raises
    ------
    StorageDenied
        If the file cannot be written.
    """
    images = wb.images()
    holdings = wb.holdings().merge(images[["image_id", "digest"]], on="image_id")
    table = holdings[COLUMNS].to_csv(index=False, quoting=csv.QUOTE_ALL).encode("utf-8")
    try:
        with (
            tarfile.open(path, "w") as tar,
            reporting(progress, len(images), "Exporting") as taken,
        ):
            _add(tar, HOLDINGS, io.BytesIO(table), len(table))
            for image_id, digest, size in zip(
                images["image_id"], images["digest"], images["bytes"], strict=True
            ):
                with wb.original(image_id) as original:
                    _add(tar, f"{ORIGINALS}/{digest}", original, int(size))
                taken(1)
    except OSError as error:
        message = f"{path} cannot be written: {error.strerror}; choose another place for it"
        raise StorageDenied(message) from error
    return len(images)


def _add(tar: tarfile.TarFile, name: str, data: IO[bytes], size: int) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = size
    entry.mode = 0o644
    tar.addfile(entry, data)


def import_store(wb: Workbench, path: Path, progress: Progress = True) -> pd.DataFrame:
    """Take in what `export_store` wrote; a frame like that of `Workbench.ingest`.

    Every original is checked and fingerprinted anew. Holdings of users that this store does not
    have go to the local user.

    Raises
    ------
    SourceError
        If the file is no such archive.
    """
    try:
        with tarfile.open(path) as tar, tempfile.TemporaryDirectory() as folder:
            members = {
                entry.name: entry
                for entry in tar
                if entry.isfile() and len(PurePosixPath(entry.name).parts) <= 2
            }
            with _open(tar, members[HOLDINGS]) as table:
                holdings = pd.read_csv(table, dtype="str", keep_default_na=False)
            rows = []
            with reporting(progress, len(holdings), "Importing") as taken:
                for user, digest, filename in zip(
                    *(holdings[name] for name in ("user", "digest", "filename")), strict=True
                ):
                    target = Path(folder) / "original"
                    source = _open(tar, members[f"{ORIGINALS}/{digest}"])
                    with source, target.open("wb") as file:
                        shutil.copyfileobj(source, file)
                    with target.open("rb") as file:
                        rows.append(wb.upload(filename, file, user=_known(wb, user)))
                    taken(1)
    except (OSError, tarfile.TarError, KeyError, pd.errors.ParserError) as error:
        message = f"{path} is no archive that `imgurer export` wrote: {error}"
        raise SourceError(message) from error
    return pd.concat(rows, ignore_index=True) if rows else wb.ingest([], progress=False)


def _open(tar: tarfile.TarFile, member: tarfile.TarInfo) -> IO[bytes]:
    # Nothing is extracted to where a member's name says: names in an archive are not to be trusted.
    opened = tar.extractfile(member)
    if opened is None:
        message = f"{member.name} is no file"
        raise tarfile.TarError(message)
    return opened


def _known(wb: Workbench, user: str) -> str | None:
    try:
        return wb.accounts.get(user).name
    except UnknownUser:
        return None
