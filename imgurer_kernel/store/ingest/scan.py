"""Compare the files that a walk found with a user's files in the catalog.

A file is identified by its path. A known file that is not found counts as missing only if the
folder above it was listed, and is on the drive that the file was on. The state of other files is
not changed; an outcome for their folder gives the reason.
"""

import os
import stat
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from imgurer_kernel.common.records import Arrival, FileState, SourceFile
from imgurer_kernel.common.text import count
from imgurer_kernel.settings import StoreMode
from imgurer_kernel.store.catalog import Catalog, known_files
from imgurer_kernel.store.catalog.connection import now
from imgurer_kernel.store.catalog.file_rows import SAFETY
from imgurer_kernel.store.catalog.known_files import KnownFile
from imgurer_kernel.store.ingest.file_systems import has_stable_inodes
from imgurer_kernel.store.ingest.sources import Unreadable, WalkCoverage, readable
from imgurer_kernel.store.ingest.spelling import Listings, as_listed

_HINT = "is the drive mounted? Nothing is marked; --prune (prune=True) says that they are gone"


@dataclass(slots=True)
class FileScan:
    """One scan of one user's files.

    Attributes
    ----------
    mode
        How originals are to be kept; None for known files as they are kept already.
    checksum
        Read files again that are unchanged by size and time.
    known
        The user's files below the walked paths, by path_key.
    gone
        Those of them that are no longer there.
    doubts
        Paths below which the state of files cannot be determined, and why.
    states
        New states by file_id, which the caller stores after the scan.
    seen
        The file_id of each unchanged file.
    renumbered
        By present device number the file_id of files that are stored with an earlier number.
    affected
        Digests whose reference may have to lead to another file than before.
    begun
        When the scan began, in UTC.
    """

    catalog: Catalog
    user: str
    mode: StoreMode | None
    checksum: bool = False
    known: dict[bytes, KnownFile] = field(default_factory=dict)
    gone: dict[bytes, KnownFile] = field(default_factory=dict)
    doubts: list[tuple[str, str]] = field(default_factory=list)
    states: dict[int, FileState] = field(default_factory=dict)
    seen: list[int] = field(default_factory=list)
    renumbered: dict[int, list[int]] = field(default_factory=lambda: defaultdict(list))
    affected: set[str] = field(default_factory=set)
    begun: datetime = field(default_factory=now)
    _moved: dict[bytes, KnownFile] = field(default_factory=dict)
    _taken: set[int] = field(default_factory=set)
    _listings: Listings = field(default_factory=dict)

    def compare(
        self, found: Sequence[SourceFile | Unreadable], survey: WalkCoverage, *, prune: bool
    ) -> None:
        """Read the known files below the walked paths, and find those that are missing."""
        found_by_key = {item.key: item for item in found}
        folders = [root.path for root in survey.roots if root.is_folder] + survey.absent
        single = [root.path for root in survey.roots if not root.is_folder] + survey.absent
        with self.catalog.transaction() as connection:
            self.known = known_files.known(
                connection, self.user, _keys(single), [os.fsencode(path) for path in folders]
            )
            new = [
                item
                for key, item in found_by_key.items()
                if isinstance(item, SourceFile) and item.inode and key not in self.known
            ]
            inodes = sorted({item.inode for item in new if item.inode})
            earlier = known_files.with_inodes(connection, self.user, inodes)
        self._find_moved(new, earlier)
        self._find_gone(found_by_key, survey, prune=prune)

    # One file -------------------------------------------------------------------------------

    def is_unchanged(self, file: SourceFile, before: KnownFile) -> bool:
        """Return whether size, time and inode are unchanged, and the file is kept in this mode."""
        if self.checksum or self._is_to_be_kept_better(before):
            return False
        if before.source_state == "changed":  # the path held something else meanwhile
            return False
        if (before.bytes, before.modified_ns) != (file.bytes, file.modified_ns):
            return False
        # A different inode means another file, unless the file system generates inode numbers.
        same = before.inode is None or before.inode == file.inode
        return same or not has_stable_inodes(file.device)

    def to_be_read(self, file: SourceFile) -> SourceFile:
        """Return a file to be read, with the mode in which it is to be kept."""
        before = self.known.get(file.key)
        if self.mode is not None or before is None or before.kept == "upload":
            return replace(file, mode=self.mode)
        return replace(file, mode=before.kept)

    def note_unchanged(self, file: SourceFile, before: KnownFile) -> None:
        """Record that a file is unchanged at its path."""
        self.seen.append(before.file_id)
        if file.device is not None and file.device != before.device:
            self.renumbered[file.device].append(before.file_id)
        if before.source_state != "present":
            self.states[before.file_id] = "present"

    def note_no_picture(self, path: Path) -> None:
        """Record that a path no longer holds a picture."""
        before = self.known.get(os.fsencode(path))
        if before is not None:
            self.states[before.file_id] = "changed"
            self.affected.add(before.digest)

    def moved_here(self, file: SourceFile) -> Arrival | None:
        """Make the arrival of a file that was moved, found by its inode, without reading it."""
        before = self._moved.get(file.key)
        if before is None or before.source_state == "changed":
            return None
        if self.checksum or self._is_to_be_kept_better(before):
            return None
        self.affected.add(before.digest)
        return Arrival(
            digest=before.digest,
            bytes=before.bytes,
            fingerprint=None,
            user=self.user,
            filename=readable(file.path.name),
            source=readable(file.name),
            modified_ns=file.modified_ns,
            path=readable(file.name),
            path_key=file.key,
            kept=before.kept,
            device=file.device,
            inode=file.inode,
            moved_from=before.file_id,
        )

    def with_origins(self, arrivals: Sequence[Arrival]) -> list[Arrival]:
        """Set `moved_from` of arrivals that are moved files."""
        new = [it for it in arrivals if it.path_key not in self.known and it.moved_from is None]
        if not new:
            return list(arrivals)
        digests = sorted({arrival.digest for arrival in new})
        earlier = self.catalog.run(known_files.lost, self.user, digests)
        candidates = self.gone | {key: it for key, it in earlier.items() if _is_gone(key, {})}
        by_digest: dict[str, list[KnownFile]] = defaultdict(list)
        for before in candidates.values():
            by_digest[before.digest].append(before)
        result = []
        for arrival in arrivals:
            origin = None
            if arrival.path_key not in self.known and arrival.moved_from is None:
                origin = self._origin(arrival, by_digest[arrival.digest])
            known_as = None if origin is None else origin.file_id
            result.append(replace(arrival, moved_from=known_as or arrival.moved_from))
        return result

    def note_changed(self, arrival: Arrival) -> None:
        """Record that a file has other bytes: a file with the earlier ones may have moved."""
        before = self.known.get(arrival.path_key or b"")
        if before is not None and before.digest != arrival.digest:
            self.affected.add(before.digest)

    def missing(self) -> Iterator[tuple[str, KnownFile]]:
        """Yield newly missing files in the order of paths, and record them as missing."""
        listings: Listings = {}  # since the walk some may have come back
        for key, before in sorted(self.gone.items()):
            if before.file_id in self._taken or not _is_gone(key, listings):
                continue
            self.affected.add(before.digest)
            if before.source_state != "missing":
                self.states[before.file_id] = "missing"
                yield readable(os.fsdecode(key)), before

    # Helpers --------------------------------------------------------------------------------

    def _is_to_be_kept_better(self, before: KnownFile) -> bool:
        return self.mode is not None and SAFETY.index(self.mode) > SAFETY.index(before.kept)

    def _origin(self, arrival: Arrival, lost: list[KnownFile]) -> KnownFile | None:
        """Find the missing file that was moved to a new path, by inode or bytes."""
        before = self._moved.get(arrival.path_key or b"")
        if before is not None and before.digest == arrival.digest:
            return before
        if before is not None:  # the bytes differ, too: the earlier file is missing after all
            self._taken.discard(before.file_id)
        return self._claim(lost, arrival.filename)

    def _claim(self, candidates: list[KnownFile], filename: str) -> KnownFile | None:
        """Choose one of the missing files with these bytes as the origin of a new one."""
        free = [before for before in candidates if before.file_id not in self._taken]
        if not free:
            return None
        chosen = min(free, key=lambda before: (before.filename != filename, before.file_id))
        self._taken.add(chosen.file_id)
        return chosen

    def _find_moved(self, new: Iterable[SourceFile], earlier: dict[bytes, KnownFile]) -> None:
        by_inode: dict[tuple[int | None, int, int], list[tuple[bytes, KnownFile]]]
        by_inode = defaultdict(list)
        for key, before in earlier.items():
            by_inode[before.inode, before.bytes, before.modified_ns].append((key, before))
        for file in new:
            if not has_stable_inodes(file.device):
                continue
            for key, before in by_inode[file.inode, file.bytes, file.modified_ns]:
                if before.device not in {None, file.device} or before.file_id in self._taken:
                    continue
                if _is_gone(
                    key, self._listings
                ):  # otherwise it is a second hard link to the same file
                    self._taken.add(before.file_id)
                    self._moved[file.key] = before
                    break

    def _find_gone(
        self,
        found_by_key: dict[bytes, SourceFile | Unreadable],
        survey: WalkCoverage,
        *,
        prune: bool,
    ) -> None:
        renumbered = _renumbered(found_by_key, self.known)
        places = _Places(survey.unlisted, renumbered)
        absent = {key: it for key, it in self.known.items() if key not in found_by_key}
        for root, reason in self._doubtful(survey, absent, prune=prune):
            self.doubts.append((readable(root), reason))
            absent = {key: it for key, it in absent.items() if not _is_at(key, root)}
        away: dict[str, int] = defaultdict(int)
        for key, before in absent.items():
            if not _is_gone(key, self._listings) or places.is_unlisted(key):
                continue
            folder = places.other_drive(key, before)
            if folder is None or prune:
                self.gone[key] = before
            elif before.source_state != "missing":
                away[folder] += 1
        for folder, number in sorted(away.items()):
            reason = f"{count(number, 'file')} ingested from below it, on another drive: {_HINT}"
            self.doubts.append((readable(folder), reason))

    def _doubtful(
        self, survey: WalkCoverage, absent: dict[bytes, KnownFile], *, prune: bool
    ) -> Iterator[tuple[str, str]]:
        """Yield roots whose missing files prove nothing, such as unmounted drives, with reasons."""
        for root in survey.roots:
            number = _number_below(root.path, absent)
            if number and root.is_folder and not root.is_still_there():
                yield root.path, "changed while it was walked: is the drive still mounted?"
            elif number and root.path in survey.empty and not prune:
                yield (
                    root.path,
                    f"empty, and {count(number, 'file')} were ingested from it: {_HINT}",
                )
        for path in survey.absent:
            number = _number_below(path, absent)
            if number and not prune:
                yield path, f"not there, and {count(number, 'file')} were ingested from it: {_HINT}"


@dataclass(frozen=True, slots=True)
class _Places:
    """Determines whether a walk proves that a file is missing."""

    unlisted: set[str]
    renumbered: dict[int, set[int]]

    def is_unlisted(self, key: bytes) -> bool:
        return any(_is_at(key, folder) for folder in self.unlisted)

    def other_drive(self, key: bytes, before: KnownFile) -> str | None:
        """Return the nearest existing folder above a missing file, if it is on another drive."""
        folder = os.path.dirname(os.fsdecode(key))  # noqa: PTH120
        while True:
            try:
                device = os.stat(folder).st_dev  # noqa: PTH116
                break
            except (FileNotFoundError, NotADirectoryError):
                if os.path.islink(folder):  # noqa: PTH114
                    return folder  # the target of the link is missing
                folder = os.path.dirname(folder)  # noqa: PTH120
            except OSError:
                return folder
        if before.device is None or before.device == device:
            return None
        return None if device in self.renumbered.get(before.device, ()) else folder


def _renumbered(
    found_by_key: dict[bytes, SourceFile | Unreadable], known: dict[bytes, KnownFile]
) -> dict[int, set[int]]:
    """Find the present device numbers of unchanged files, which may change at a restart."""
    numbers: dict[int, set[int]] = defaultdict(set)
    for key, before in known.items():
        item = found_by_key.get(key)
        if isinstance(item, SourceFile) and item.device and before.device:
            numbers[before.device].add(item.device)
    return numbers


def _is_gone(key: bytes, listings: Listings) -> bool:
    """Return whether there is no file of that name, in that case; False if unknown."""
    try:
        facts = os.lstat(key)
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False
    if not stat.S_ISREG(facts.st_mode) and not stat.S_ISLNK(facts.st_mode):
        return True
    path = os.fsdecode(key)
    return as_listed(path, listings) != path


def _is_at(key: bytes, place: str) -> bool:
    return key == os.fsencode(place) or key.startswith(known_files.below(place))


def _number_below(path: str, keys: Iterable[bytes]) -> int:
    start = known_files.below(path)
    return sum(key.startswith(start) for key in keys)


def _keys(paths: Iterable[str]) -> list[bytes]:
    return [os.fsencode(path) for path in paths]
