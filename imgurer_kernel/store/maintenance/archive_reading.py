"""Read archives of `imgurer export`: a tar file, or a folder.

Members are looked up by expected names only, and no path in an archive is ever written to.
"""

import io
import re
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from imgurer_kernel.errors import ImageTooLarge, SourceError
from imgurer_kernel.store.catalog import snapshots
from imgurer_kernel.store.maintenance.archive_export import CATALOG

DIGEST = re.compile(r"[0-9a-f]{64}")
"""The name of an original."""


class Archive(Protocol):
    """An archive to import."""

    def read(self, name: str, most: int) -> bytes:
        """Read a member of at most `most` bytes.

        Raises
        ------
        KeyError, ImageTooLarge, SourceError
            If there is no such member, there are more bytes, or it cannot be read.
        """

    def digests(self, area: str) -> list[str]:
        """List the digests in an area, ascending."""

    def snapshot(self, made: Path) -> snapshots.CatalogSnapshot | None:
        """Return the snapshot of a backup, unpacked into `made` if necessary; None without one."""


@dataclass(frozen=True, slots=True)
class _TarArchive:
    """An open tar file and its members by name."""

    tar: tarfile.TarFile
    members: Mapping[str, tarfile.TarInfo]

    def read(self, name: str, most: int) -> bytes:
        if self.members[name].size > most:
            message = f"over {most:,} bytes (max_bytes in the settings)"
            raise ImageTooLarge(message)
        try:
            with self.tar.extractfile(self.members[name]) or io.BytesIO() as file:
                return file.read()
        except (OSError, tarfile.TarError) as error:
            message = f"{name} cannot be read from the archive: {error}"
            raise SourceError(message) from error

    def digests(self, area: str) -> list[str]:
        names = (name.removeprefix(f"{area}/") for name in self.members if name.startswith(area))
        return sorted(name for name in names if DIGEST.fullmatch(name))

    def snapshot(self, made: Path) -> snapshots.CatalogSnapshot | None:
        names = [f"{table}.parquet" for table in snapshots.TABLES]
        if f"{CATALOG}/manifest.json" not in self.members:
            return None
        # By the expected names, never by those in the archive.
        for name in ["manifest.json", *names]:
            (made / name).write_bytes(self.read(f"{CATALOG}/{name}", 1 << 32))
        return _whole(snapshots.read(made))


@dataclass(frozen=True, slots=True)
class _FolderArchive:
    """A folder that `export_store` wrote."""

    folder: Path

    def read(self, name: str, most: int) -> bytes:
        area, _, digest = name.partition("/")
        path = self.folder / area / digest[:2] / digest if digest else self.folder / name
        try:
            if path.stat().st_size > most:
                message = f"over {most:,} bytes (max_bytes in the settings)"
                raise ImageTooLarge(message)
            return path.read_bytes()
        except FileNotFoundError as error:
            raise KeyError(name) from error
        except OSError as error:
            message = f"{path} cannot be read: {error.strerror or error}"
            raise SourceError(message) from error

    def digests(self, area: str) -> list[str]:
        names = (path.name for path in (self.folder / area).glob("??/*"))
        return sorted(name for name in names if DIGEST.fullmatch(name))

    def snapshot(self, made: Path) -> snapshots.CatalogSnapshot | None:  # noqa: ARG002 (nothing to unpack)
        if not (self.folder / CATALOG).is_dir():
            return None
        return _whole(next(iter(snapshots.whole_in(self.folder / CATALOG)), None))


def _whole(found: snapshots.CatalogSnapshot | None) -> snapshots.CatalogSnapshot:
    if found is None:
        message = f"its {CATALOG} was changed or is not whole"
        raise ValueError(message)
    return found


@contextmanager
def opened(path: Path) -> Iterator[Archive]:
    """Open an archive; raises OSError or tarfile.TarError if it is none."""
    if path.is_dir():
        yield _FolderArchive(path)
        return
    # "r:" accepts no compressed files, which could be decompression bombs.
    with tarfile.open(path, "r:") as tar:
        yield _TarArchive(tar, {entry.name: entry for entry in tar if entry.isfile()})
