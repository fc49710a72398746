"""Select the files that take part in clusters: by folder, name, size, state and the disk."""

import os
import stat
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, Self, cast, get_args

import numpy as np
import pandas as pd

from imgurer_kernel.common.globs import Exclusion, patterns_of
from imgurer_kernel.common.paths import given_path, modified_ns
from imgurer_kernel.common.records import FileState
from imgurer_kernel.common.types import BoolMask, Int64s
from imgurer_kernel.errors import QueryError
from imgurer_kernel.report.freed import IN_PLACE
from imgurer_kernel.store.ingest.left_out import in_left_out_folder
from imgurer_kernel.store.ingest.sources import readable

Folder = str | os.PathLike[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class FileSelection:
    """The validated arguments that select files.

    Attributes
    ----------
    folders
        Absolute paths; only files below one of them take part. None for all files.
    between
        Only clusters with files of two or more of the folders.
    reference
        Absolute paths: files below them are never offered for removal. With `folders` they take
        part too.
    exclude
        Patterns of files that take no part, of an `imgurer_kernel.common.globs.Exclusion`; with
        `folders`, only the path below these is matched, as in a walk through them.
    min_size
        Smallest file that takes part, in bytes.
    states
        States of files that take part.
    """

    folders: tuple[bytes, ...] | None = None
    between: bool = False
    reference: tuple[bytes, ...] = ()
    exclude: tuple[str, ...] = ()
    min_size: int = 0
    states: tuple[FileState, ...] = ("present",)

    @classmethod
    def parse(
        cls,
        *,
        folders: Folder | Iterable[Folder] | None = None,
        between: bool = False,
        reference: Folder | Iterable[Folder] = (),
        exclude: str | Iterable[str] = (),
        min_size: int = 0,
        states: Sequence[FileState] = ("present",),
    ) -> Self:
        """Check the arguments.

        Raises
        ------
        QueryError
            If one is invalid; the message says what it must be.
        """
        places = None if folders is None else _absolute(folders, "folders")
        references = _absolute(reference, "reference")
        if between and len({*(places or ()), *references}) < 2:
            message = "between needs two folders or more, to find what is in both"
            raise QueryError(message)
        if isinstance(min_size, bool) or not isinstance(min_size, int) or min_size < 0:
            message = f"min_size is {min_size!r}; it must be a whole number of bytes, 0 or more"
            raise QueryError(message)
        # The catalog has files under the path by which they were ingested. A reference folder that
        # is given through a link protects them, too.
        real = (os.path.realpath(folder) for folder in references)
        references = tuple(dict.fromkeys((*references, *real)))
        wanted: tuple[FileState, ...] = (
            (cast("FileState", states),) if isinstance(states, str) else tuple(states)
        )
        known: tuple[FileState, ...] = get_args(FileState)
        if not wanted or not set(wanted) <= set(known):
            message = f"states is {states!r}; it must name one or more of {', '.join(known)}"
            raise QueryError(message)
        return cls(
            folders=places,
            between=between,
            reference=references,
            exclude=patterns_of(exclude),
            min_size=min_size,
            states=tuple(state for state in known if state in wanted),
        )

    @property
    def _folders(self) -> tuple[bytes, ...]:
        return tuple(dict.fromkeys((*(self.folders or ()), *self.reference)))

    @property
    def roots(self) -> list[Path]:
        """The folders to walk for all files that may take part, each once.

        Folders below another one are listed too: a walk through the outer folder may leave them
        out, and a folder that does not exist must be reported.
        """
        # A folder that is given by two paths is walked once.
        by_real = {os.path.realpath(key): key for key in sorted(self._folders, reverse=True)}
        return [Path(os.fsdecode(key)) for key in sorted(by_real.values())]

    @property
    def restricts(self) -> bool:
        """Whether some images may take no part at all."""
        return self.folders is not None or bool(self.exclude) or self.min_size > 0

    def marked(self, files: pd.DataFrame) -> pd.DataFrame:
        """Add is_listed, is_reference and place: the number of each file's folder, -1 for none.

        A file below two of the folders belongs to the inner one.

        Parameters
        ----------
        files
            Columns path_key, path, filename, bytes, state.
        """
        keys = files["path_key"].tolist()
        reference = _folder_numbers(keys, self.reference) >= 0
        place = _folder_numbers(keys, self._folders)
        listed = files["state"].isin(self.states).to_numpy(bool, copy=True)
        if self.folders is not None:
            listed &= (place >= 0) & ~self._never_walked(files, place)
        if self.exclude:
            listed &= ~self._excluded(files, place)
        listed &= files["bytes"].to_numpy(np.int64) >= self.min_size
        return files.assign(is_listed=listed, is_reference=reference, place=place)

    def _never_walked(self, files: pd.DataFrame, place: Int64s) -> BoolMask:
        """Mark the ingested files that a walk from their folder leaves out by now, bool (n,)."""
        roots = [os.fsdecode(folder) for folder in self._folders]
        known: dict[tuple[bytes, int], bool] = {}
        found = np.zeros(len(files), np.bool_)
        for row, (key, number) in enumerate(zip(files["path_key"], place.tolist(), strict=True)):
            if number < 0:
                continue
            folder = os.path.dirname(key)  # noqa: PTH120  Path takes no bytes
            if (folder, number) not in known:
                known[folder, number] = in_left_out_folder(os.fsdecode(folder), roots[number])
            found[row] = known[folder, number]
        return found

    def _excluded(self, files: pd.DataFrame, place: Int64s) -> BoolMask:
        """Mark the files that the patterns exclude, bool (n,); `place` as in `marked`."""
        exclusion = Exclusion(self.exclude)
        # A folder given by the user takes part, whatever the folders above it are called.
        roots = [os.fsdecode(folder) for folder in self._folders] if self.folders else []
        # Files from another computer have no key, and uploads have no path.
        names = files["path"].where(files["path"].notna(), files["filename"])
        excluded = [
            # Decoded by the file system's rule: names that are not UTF-8 are matched as in a walk.
            exclusion.leaves_out(
                name if key is None else os.fsdecode(key),
                roots[number] if roots and number >= 0 else "",
            )
            for key, name, number in zip(files["path_key"], names, place.tolist(), strict=True)
        ]
        return np.array(excluded, np.bool_)

    def left_out(self, files: pd.DataFrame) -> Int64s:
        """List images none of whose files takes part, among all marked files: ids, ascending."""
        listed = files["is_listed"].to_numpy(bool)
        return np.setdiff1d(files["image_id"], files["image_id"][listed]).astype(np.int64)

    def spanning(self, clusters: pd.DataFrame, files: pd.DataFrame) -> pd.DataFrame:
        """Select clusters with files of two or more folders, renumbered; all unless `between`."""
        if not self.between:
            return clusters
        listed = files.loc[files["is_listed"] & (files["place"] >= 0), ["image_id", "place"]]
        members = clusters[["cluster_id", "image_id"]].drop_duplicates()
        places = members.merge(listed, on="image_id").groupby("cluster_id")["place"].nunique()
        chosen = clusters["cluster_id"].isin(places.index[places > 1])
        rows = clusters[chosen].reset_index(drop=True)
        return rows.assign(cluster_id=pd.factorize(rows["cluster_id"])[0])


def folder_key(folder: Folder, name: str) -> bytes:
    """Return the absolute path of a folder, as bytes.

    Raises
    ------
    QueryError
        If it is not a folder's path; the message names the parameter.
    """
    return _absolute(folder, name)[0]


def _absolute(folders: Folder | Iterable[Folder], name: str) -> tuple[bytes, ...]:
    """Return the absolute paths of folders, as bytes, without repetitions."""
    given = [folders] if not isinstance(folders, Iterable) or isinstance(folders, str) else folders
    given = list(given)
    if not all(isinstance(each, str | os.PathLike) for each in given):
        message = f"{name} is {folders!r}; it must be a folder or a list of folders"
        raise QueryError(message)
    paths = [os.path.abspath(given_path(each, name, QueryError)) for each in given]  # noqa: PTH100
    return tuple(dict.fromkeys(os.fsencode(path) for path in paths))


def _folder_numbers(keys: Sequence[bytes | None], folders: Sequence[bytes]) -> Int64s:
    """Return for each path the number of the innermost folder above it, or -1."""
    numbers = np.full(len(keys), -1, np.int64)
    separator = os.fsencode(os.sep)
    # From the outermost inwards, so that inner folders overwrite outer ones.
    for number in sorted(range(len(folders)), key=lambda k: len(folders[k])):
        start = folders[number].rstrip(separator) + separator
        for row, key in enumerate(keys):
            if key is not None and (key.startswith(start) or key == folders[number]):
                numbers[row] = number
    return numbers


@dataclass(slots=True)
class DiskCheck:
    """Checks files in place against the disk, each once.

    Attributes
    ----------
    blob_of
        Maps a digest to the path at which the store would keep its own copy.
    """

    blob_of: Callable[[str], Path]
    _seen: dict[int, "_Seen"] = field(default_factory=dict)

    @property
    def stale_files(self) -> int:
        """The number of files that have changed since they were ingested."""
        return sum(seen.is_stale for seen in self._seen.values())

    def at(self, files: pd.DataFrame, digests: Mapping[int, str]) -> pd.DataFrame:
        """Return the unchanged files, with links, is_blob and target.

        Files that are gone, or whose size, modification time or inode has changed since they were
        ingested, are left out. Device numbers may change with each mount and are not compared.
        Files that the store keeps, and those that are not listed, are not checked. links, is_blob
        and target are for `imgurer_kernel.report.frames.file_frame`.

        Parameters
        ----------
        files
            Columns file_id, image_id, path_key, kept, bytes, modified_ns, inode, state, is_listed.
        digests
            Of their images, by image_id.
        """
        results = []
        in_place = files["kept"].isin(IN_PLACE) & (files["state"] == "present")
        is_checked = (in_place & files["is_listed"].astype(bool)).to_numpy(bool)
        if not is_checked.any():
            return files.assign(links=np.int64(0), is_blob=False, target=None)
        columns = ("file_id", "path_key", "bytes", "modified_ns", "inode", "image_id", "kept")
        for to_check, file_id, key, size, modified, inode, image_id, kept in zip(
            is_checked.tolist(),
            *(files[name].tolist() for name in columns),
            strict=True,
        ):
            if not to_check or not isinstance(key, bytes):
                results.append(_Seen())
                continue
            if file_id not in self._seen:
                known = (size, modified, None if pd.isna(inode) else int(inode))
                blob = self.blob_of(digests[image_id]) if kept == "link" else None
                self._seen[file_id] = _look(key, known, blob)
            results.append(self._seen[file_id])
        facts = {
            "links": np.array([seen.links for seen in results], np.int64),
            "is_blob": np.array([seen.is_blob for seen in results], np.bool_),
            "target": np.array([seen.target for seen in results], object),
        }
        return files.assign(**facts)[[not seen.is_stale for seen in results]]


class _Seen(NamedTuple):
    """What a file on disk is found to be: changed or gone, or its names and the store's part."""

    is_stale: bool = False
    links: int = 0
    is_blob: bool = False
    target: str | None = None


def _look(key: bytes, known: tuple[int, int, int | None], blob: Path | None) -> _Seen:
    """Compare size, time and inode with the catalog, and look whether it is a link."""
    try:
        named = os.lstat(key)
        is_link = stat.S_ISLNK(named.st_mode)
        facts = os.stat(key) if is_link else named  # noqa: PTH116  Path takes no bytes
    except (OSError, ValueError):
        return _Seen(is_stale=True)
    size, modified, inode = known
    if (facts.st_size, modified_ns(facts)) != (size, modified) or inode not in {
        None,
        facts.st_ino,
    }:
        return _Seen(is_stale=True)
    is_blob = False
    if blob is not None:
        try:
            is_blob = os.path.samestat(blob.stat(), facts)
        except OSError:  # the store's copy is missing
            is_blob = False
    if is_link:
        return _Seen(links=-1, is_blob=is_blob, target=readable(os.fsdecode(os.path.realpath(key))))
    return _Seen(links=facts.st_nlink, is_blob=is_blob)
