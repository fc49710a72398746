"""Check the disk before an act; a dry run and the act itself share this check.

It leaves everything as it was. The files it finds are kept open, so that the act moves the very
files that were checked. An act may still fail afterwards for reasons that only an attempt shows,
such as a quota.
"""

import errno
import os
import stat
import threading
import time
from collections import Counter
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

from imgurer_kernel.common.atomic_files import NOT_SUPPORTED, mapped_os_errors
from imgurer_kernel.common.paths import modified_ns
from imgurer_kernel.errors import ActRefused, BlobDamaged, BlobMissing, StorageError
from imgurer_kernel.review import disk, mounts
from imgurer_kernel.review.acts import Act
from imgurer_kernel.review.system_trash import require_system_trash
from imgurer_kernel.store.blobs import BlobStore
from imgurer_kernel.store.catalog.journal import FileOfImage

NOT_SOUND = "the file that is kept is not sound"
"""First words of the reason if an act is refused because of the keeper; a path may follow."""

_EFFECTIVE = os.access in os.supports_effective_ids
_PROBE = ".imgurer-probe-"
_PROBE_SECONDS = 60
"""Age after which a probe is of a check that was killed; a probe takes milliseconds."""


@dataclass(frozen=True, slots=True)
class Found:
    """Open files of an act; None for a file in the store."""

    file: disk.HeldFile | None
    keeper: disk.HeldFile | None


class ActDiskCheck:
    """Checks the files of acts, and the folders that they leave and enter.

    Parameters
    ----------
    blobs
        The originals in the store.
    quick
        Treat a file as unchanged if its size, time and inode are those of the last scan, and an
        original in the store as sound if it exists, instead of reading all bytes.
    rehearses
        No act follows: each check assumes that the acts checked before it were done.
    """

    def __init__(self, blobs: BlobStore, *, quick: bool = False, rehearses: bool = False) -> None:
        self._blobs = blobs
        self._quick = quick
        self._rehearses = rehearses
        # What acts checked earlier would use up: sources, targets, and blocks of disks.
        self._gone: set[bytes] = set()
        self._taken: set[bytes] = set()
        self._promised: Counter[int] = Counter()
        self._links: dict[mounts.Mount, bool] = {}

    def look(self, stack: ExitStack, act: Act) -> Found:
        """Check the disk for an act; the stack closes the files that this opens.

        Raises
        ------
        ActRefused
            If the act cannot be done, with the reason.
        """
        keeper = self._hold_keeper(stack, act)
        if act.name == "forget":
            return Found(None, keeper)
        assert act.source_root is not None  # noqa: S101 (true of every file on disk)
        names = disk.split(act.source_root, act.source)
        place = stack.enter_context(disk.place_of(act.source_root, names))
        file = stack.enter_context(disk.held(place, act.source))
        if act.source in self._gone:
            raise disk.refused(errno.ENOENT, act.source)
        self._compare(file, act.file, act.source)
        if keeper is not None and _same_inode(file, keeper):
            message = (
                f"{disk.shown(act.source)} is another name of the file that is kept; it takes "
                "no space of its own"
            )
            raise ActRefused(message)
        _require_leave(file, act.source)
        if act.name == "system-trash":
            require_system_trash()
        else:
            self._require_entry(act, file)
        if act.name == "link" and keeper is not None:
            folders = keeper.place.folder, file.place.folder
            if mounts.mount_of(folders[0]) != mounts.mount_of(folders[1]):
                raise disk.refused(errno.EXDEV, act.source)
            if self._rehearses and not self._has_links(folders[1]):
                raise disk.without_links(act.source)
        if self._rehearses:
            self._gone.add(act.source)
            self._taken.add(act.target or act.source)
        return Found(file, keeper)

    # The two files --------------------------------------------------------------------------

    def _hold_keeper(self, stack: ExitStack, act: Act) -> disk.HeldFile | None:
        """Check that the keeper exists and is intact; keep it open if it is on disk."""
        keeper = act.keeper
        on_disk = keeper.is_in_place or (act.is_on_disk and act.file.kept == "copy")
        if not on_disk:
            try:
                if self._quick:
                    self._blobs.open(keeper.digest).close()
                else:
                    self._blobs.verify(keeper.digest)
            except (BlobMissing, BlobDamaged, StorageError) as error:
                message = f"{NOT_SOUND}: {error}"
                raise ActRefused(message) from error
            return None
        path = keeper.path_key
        assert path is not None  # noqa: S101 (true of files in place)
        try:
            root = mounts.root_of(path, ())
            place = stack.enter_context(disk.place_of(root, disk.split(root, path)))
            file = stack.enter_context(disk.held(place, path))
            self._compare(file, keeper, path)
        except ActRefused as error:
            message = f"{NOT_SOUND}: {error}"
            raise ActRefused(message) from error
        return file

    def _compare(self, file: disk.HeldFile, known: FileOfImage, path: bytes) -> None:
        """Raise unless a file has the same bytes as when it was ingested."""
        facts = file.facts
        size_differs = facts.st_size != known.bytes
        seems_same = not size_differs and (
            (modified_ns(facts), facts.st_dev, facts.st_ino)
            == (known.modified_ns, known.device, known.inode)
        )
        if self._quick and seems_same:
            return
        if size_differs or file.digest() != known.digest:
            # A scan that compares sizes and times would not notice, and the same would be said.
            hint = (
                ", but not its size and time; see whether it is damaged, and scan it again with "
                "--checksum (checksum=True)"
                if seems_same
                else "; scan it again"
            )
            message = f"{disk.shown(path)} has been changed since it was ingested{hint}"
            raise ActRefused(message)

    # The two folders ------------------------------------------------------------------------

    def _require_entry(self, act: Act, file: disk.HeldFile) -> None:
        """Raise unless the target name is free, in a folder that has room for the file."""
        assert act.target_root is not None  # noqa: S101 (true of every act with a target)
        assert act.target is not None  # noqa: S101
        names = disk.split(act.target_root, act.target)
        # A path with a zero byte is reported by the code that opens it.
        is_folder = os.path.isdir(act.target_root) or b"\0" in act.target_root  # noqa: PTH112
        if act.name == "move" and not is_folder:
            message = (
                f"{disk.shown(act.target_root)} is not a folder; make it, or name another folder"
            )
            raise ActRefused(message)
        with disk.innermost(act.target_root, names[:-1]) as opened:
            place = disk.Place(opened.folder, names[-1])
            if act.target in self._taken or not (opened.missing or place.facts() is None):
                message = f"{disk.shown(act.target)}: something is there already; move it away"
                raise ActRefused(message)
            _require_writable(opened.folder, opened.path)
            if opened.missing:
                _require_new_folder(opened)
            if mounts.mount_of(opened.folder) == mounts.mount_of(file.place.folder):
                return
            if act.name != "move":
                raise disk.refused(errno.EXDEV, act.target)
            device = os.fstat(opened.folder).st_dev
            self._require_room(opened.folder, device, file.facts.st_size, act.target)

    def _has_links(self, folder: int) -> bool:
        """Return whether the file system of an open folder has hard links; each is asked once."""
        mount = mounts.mount_of(folder)
        if mount not in self._links:
            self._links[mount] = _can_link(folder)
        return self._links[mount]

    def _require_room(self, folder: int, device: int, size: int, path: bytes) -> None:
        disk_facts = os.fstatvfs(folder)
        free = disk_facts.f_bfree if os.geteuid() == 0 else disk_facts.f_bavail
        blocks = -(-size // disk_facts.f_frsize)
        if blocks > free - self._promised[device]:
            raise disk.refused(errno.ENOSPC, path)
        if self._rehearses:
            self._promised[device] += blocks


def _require_leave(file: disk.HeldFile, path: bytes) -> None:
    """Raise unless a file can leave its folder."""
    above = os.path.dirname(path)  # noqa: PTH120 (bytes, which a Path is not of)
    _require_writable(file.place.folder, above)
    folder = os.fstat(file.place.folder)
    # A sticky folder such as /tmp: every user may write, but remove only their own files.
    if folder.st_mode & stat.S_ISVTX and os.geteuid() not in {0, folder.st_uid, file.facts.st_uid}:
        raise disk.refused(errno.EPERM, path)


def _require_writable(folder: int, path: bytes) -> None:
    """Raise unless entries of an open folder can be changed."""
    code = _refuses_names(folder)
    if code:
        raise disk.refused(code, path)


def _refuses_names(folder: int) -> int:
    """Return the errno of changing entries of an open folder; 0 if they can be changed."""
    mode = os.W_OK | os.X_OK
    if os.access(b".", mode, dir_fd=folder, effective_ids=_EFFECTIVE):
        return 0
    read_only = os.fstatvfs(folder).f_flag & os.ST_RDONLY
    return errno.EROFS if read_only else errno.EACCES


def require_writable_store(root: Path) -> None:
    """Raise `StorageDenied` unless the lock on acts can be taken in a store's folder."""
    lock = root / "review.lock"
    with mapped_os_errors(lock):
        folder = os.open(root, os.O_RDONLY)
        try:
            code = _refuses_names(folder)
        finally:
            os.close(folder)
        if code:
            raise OSError(code, os.strerror(code), str(lock))


def _require_new_folder(opened: disk.OpenFolder) -> None:
    """Raise unless a disk has room for the missing folders."""
    facts = os.fstatvfs(opened.folder)
    if facts.f_files and facts.f_favail < len(opened.missing):
        raise disk.refused(errno.ENOSPC, opened.path)
    if facts.f_bavail:
        return
    # Some full disks still have room for folders; only an attempt shows it.
    _remove_old_probes(opened.folder)
    name = _probe_name()
    try:
        os.mkdir(name, dir_fd=opened.folder)
    except OSError as error:
        raise disk.refusal(error, opened.path) from error
    finally:
        with suppress(OSError):
            os.rmdir(name, dir_fd=opened.folder)


def _can_link(folder: int) -> bool:
    """Return whether an empty file in an open folder can be linked; only an attempt shows it."""
    if _links_nameless_files(folder):
        return True
    facts = os.fstat(folder)
    _remove_old_probes(folder)
    file, link = _probe_name(), f"{_probe_name()}-link"
    try:
        os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600, dir_fd=folder))
    except OSError:  # a full disk: the act itself will tell
        return True
    try:
        os.link(file, link, src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=False)
    except OSError as error:
        return error.errno not in NOT_SUPPORTED | {errno.EPERM}
    finally:
        for name in (link, file):
            with suppress(OSError):
                os.unlink(name, dir_fd=folder)
        with suppress(OSError):  # of another user
            os.utime(folder, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    return True


def _probe_name() -> str:
    return f"{_PROBE}{os.getpid()}-{threading.get_ident()}"


def _links_nameless_files(folder: int) -> bool:
    """Return whether a file without a name shows that links are supported; False if unknown.

    Nothing is left of it, even if this process is killed. Linux looks whether a file system has
    links before it refuses, with ENOENT, to link a file that was opened to have no name ever.
    """
    if not hasattr(os, "O_TMPFILE"):
        return False
    try:
        file = os.open(".", os.O_TMPFILE | os.O_EXCL | os.O_WRONLY, 0o600, dir_fd=folder)
    except OSError:  # FAT and network file systems have no such files
        return False
    try:
        os.link(f"/proc/self/fd/{file}", _PROBE, dst_dir_fd=folder, follow_symlinks=True)
        os.unlink(_PROBE, dir_fd=folder)  # of a file system that does not refuse it
    except OSError as error:
        return error.errno == errno.ENOENT and os.path.exists("/proc/self/fd")  # noqa: PTH110
    finally:
        os.close(file)
    return True


def _remove_old_probes(folder: int) -> None:
    """Remove what a check that was killed has left in an open folder."""
    names: list[str] = []
    with suppress(OSError):  # one may be allowed to write to a folder, and not to list it
        names = os.listdir(folder)
    for name in names:
        if not name.startswith(_PROBE):
            continue
        with suppress(OSError):  # a check in another process may remove it, too
            facts = os.stat(name, dir_fd=folder, follow_symlinks=False)
            if facts.st_mtime > time.time() - _PROBE_SECONDS:
                continue
            if stat.S_ISDIR(facts.st_mode):
                os.rmdir(name, dir_fd=folder)
            elif facts.st_size == 0:
                os.unlink(name, dir_fd=folder)


def _same_inode(one: disk.HeldFile, other: disk.HeldFile) -> bool:
    return (one.facts.st_dev, one.facts.st_ino) == (other.facts.st_dev, other.facts.st_ino)
