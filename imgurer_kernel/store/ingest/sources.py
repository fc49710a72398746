"""Find the files that sources name (path, folder, glob, URI, or a list), in a fixed order."""

import glob
import os
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from imgurer_kernel.common.globs import Exclusion
from imgurer_kernel.common.paths import given_path, modified_ns
from imgurer_kernel.common.records import SourceFile
from imgurer_kernel.errors import SourceError
from imgurer_kernel.store.ingest.left_out import LEFT_OUT, TRASH_FOLDER, is_store_folder
from imgurer_kernel.store.ingest.spelling import as_listed

Source = str | bytes | os.PathLike[str]


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A path that was named or found but cannot be ingested, and why.

    `is_no_picture`: it was read completely, and rejected because of its bytes.
    """

    path: Path
    reason: str
    is_no_picture: bool = False

    @property
    def key(self) -> bytes:
        """The path in the bytes of the file system."""
        return os.fsencode(self.path)


@dataclass(frozen=True, slots=True)
class Root:
    """A folder or file that a walk started from, with its facts."""

    path: str
    is_folder: bool
    device: int
    inode: int

    def is_still_there(self) -> bool:
        """Return whether the same folder is still there; an unmounted drive leaves another one."""
        try:
            facts = os.stat(self.path)  # noqa: PTH116 (a text, as all names here)
        except OSError:
            return False
        return (facts.st_dev, facts.st_ino) == (self.device, self.inode)


@dataclass(slots=True)
class WalkCoverage:
    """The folders that a walk has listed, and those that it could not.

    Attributes
    ----------
    known
        Returns whether files were ingested from a path, or from below it, earlier.
    roots
        The folders and files that were walked.
    absent
        Sources that do not exist, but from which files are known.
    empty
        Roots without any entry.
    unlisted
        Folders that could not be listed or entered.
    left_out
        Folders, and files, of trash, caches and the like that were not walked, and other stores.
    """

    known: Callable[[str], bool] = lambda _: False
    roots: list[Root] = field(default_factory=list)
    absent: list[str] = field(default_factory=list)
    empty: set[str] = field(default_factory=set)
    unlisted: set[str] = field(default_factory=set)
    left_out: list[str] = field(default_factory=list)

    def not_named(self) -> list[str]:
        """List in order what was left out, but for places that were named, too, and so walked."""
        roots = [root.path + os.sep for root in self.roots]
        return [
            place
            for place in sorted(self.left_out)
            if not any(root.startswith(place + os.sep) for root in roots)
        ]


@dataclass(frozen=True, slots=True)
class FileFilter:
    """A filter of the files of a walk.

    Attributes
    ----------
    outside
        A folder that is left out, such as the store itself.
    exclude
        Files and folders below a root that are left out; such a folder is not entered.
    min_size
        Smallest file in bytes.
    """

    outside: str | None = None
    exclude: Exclusion = field(default=Exclusion())
    min_size: int = 0

    def __post_init__(self) -> None:
        if isinstance(self.min_size, bool) or not isinstance(self.min_size, int):
            message = f"min_size is {self.min_size!r}; it must be a whole number of bytes"
            raise SourceError(message)


def find_files(
    sources: Source | Iterable[Source],
    chosen: FileFilter = FileFilter(),
    survey: WalkCoverage | None = None,
) -> Iterator[SourceFile | Unreadable]:
    """Find all files that the sources name, each once; folders are walked in order of names.

    Links to files are followed, links to folders are not, so that a walk always ends. Trash, caches
    and the like below a root are left out (`imgurer_kernel.store.ingest.left_out`). Anything
    unreadable below a root (a broken link, a device, a path that is too long, a folder that may not
    be listed or entered) is yielded as `Unreadable` and never stops the walk; unreadable folders
    follow all else of their root.

    Parameters
    ----------
    sources
        Path, folder, glob (``*``, ``?``, ``[]``, ``**``), ``file:`` URI, or a list of these.
    chosen
        Filter of the files.
    survey
        Is filled with what was walked.

    Raises
    ------
    SourceError
        At once, if a source does not exist, or is a URI other than ``file:``.

    Examples
    --------
    >>> len(list(find_files([__file__, __file__])))
    1
    """
    survey = survey or WalkCoverage()
    named = [sources] if isinstance(sources, str | bytes | os.PathLike) else list(sources)
    roots = [root for source in named for root in _expand(source, survey)]
    paths = _each(roots, chosen, survey)
    files = (_stat(found) if isinstance(found, str) else found for found in paths)
    return (found for found in files if _is_large_enough(found, chosen.min_size))


def _is_large_enough(found: SourceFile | Unreadable, size: int) -> bool:
    return isinstance(found, Unreadable) or found.bytes >= size


def _each(roots: list[str], chosen: FileFilter, survey: WalkCoverage) -> Iterator[str | Unreadable]:
    """Yield the paths of all sources, each once."""
    if len(roots) == 1:
        yield from _walk(roots[0], chosen, survey)
        return
    seen: set[str] = set()
    for root in roots:
        for found in _walk(root, chosen, survey):
            path = found if isinstance(found, str) else str(found.path)
            if path not in seen:
                seen.add(path)
                yield found


def readable(path: Path | str) -> str:
    r"""Convert a path to text that can be shown and stored, whatever its bytes.

    Examples
    --------
    >>> readable(Path("holiday/\udcff.jpg"))
    'holiday/\\xff.jpg'
    """
    text = str(path)
    if text.isascii():
        return text
    # Half of a surrogate pair cannot be in the name of a file, but in that of an upload.
    return text.encode(
        "utf-8", "surrogateescape" if _is_a_name(text) else "backslashreplace"
    ).decode("utf-8", "backslashreplace")


def _is_a_name(text: str) -> bool:
    """Return whether the system allows such a file name."""
    try:
        os.fsencode(text)
    except UnicodeEncodeError:
        return False
    return "\0" not in text


def _local(source: Source) -> tuple[str, Path]:
    """Return a source as text, and its path if it is not a glob."""
    try:
        text = os.fsdecode(source)
    except TypeError as error:
        message = f"{source!r} cannot be read: give a path, a glob, a file: URI or a list of these"
        raise SourceError(message) from error
    if not _is_a_name(text):
        message = f"{text!r} cannot be read: no file can have that name; check the spelling"
        raise SourceError(message)
    scheme = urlsplit(text).scheme if "://" in text else ""
    if scheme == "file":
        from urllib.request import url2pathname  # imports HTTP, which takes 20 ms

        text = url2pathname(urlsplit(text).path)
    elif scheme:
        message = f"{text!r} cannot be read: only local paths and file: URIs are; download it first"
        raise SourceError(message)
    return text, given_path(text, "the source")


def _expand(source: Source, survey: WalkCoverage) -> list[str]:
    """List the paths of one source; an existing file of that name is not treated as a glob."""
    text, path = _local(source)
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        if survey.known(str(path.absolute())):
            survey.absent.append(str(path.absolute()))
            return []
    except OSError as error:
        if not glob.has_magic(text):
            message = f"{text!r} cannot be read: {error.strerror}; check path and permission"
            raise SourceError(message) from error
    else:
        return [as_listed(str(path.absolute()))]
    # Path.glob accepts no absolute patterns.
    matches = sorted(glob.glob(str(path), recursive=True)) if glob.has_magic(text) else []  # noqa: PTH207
    if not matches:
        kind = "glob matches nothing" if glob.has_magic(text) else "path does not exist"
        message = f"{text!r}: this {kind}; check the spelling and the working folder {Path.cwd()}"
        raise SourceError(message)
    return [as_listed(str(Path(match).absolute())) for match in matches]


def _walk(root: str, chosen: FileFilter, survey: WalkCoverage) -> Iterator[str | Unreadable]:
    """Walk folder by folder, the files of each before its folders; yield failed folders last."""
    if TRASH_FOLDER in Path(root).parts:
        return
    is_folder = os.path.isdir(root)  # noqa: PTH112  Path.is_dir raises without permission
    with suppress(OSError):  # such a root is one rejected row, and no files are missing by it
        facts = os.stat(root)  # noqa: PTH116
        survey.roots.append(Root(root, is_folder, facts.st_dev, facts.st_ino))
    if not is_folder:
        if not chosen.exclude.matches(root):
            yield root
        return
    unreadable: list[Unreadable] = []
    waiting = [root]
    while waiting:
        folder = waiting.pop()
        if folder == chosen.outside:
            continue
        # Joined as texts: making a Path for each file would take half of the time.
        start = folder if folder.endswith(os.sep) else folder + os.sep
        action = "list"
        try:
            files, folders = _list(folder)
            action = "enter"
            if files or folders:
                os.stat(start + os.curdir)  # noqa: PTH116  Path would drop the dot
        except OSError as error:
            denied = isinstance(error, PermissionError)
            reason = f"no permission to {action} this folder" if denied else _reason(error)
            unreadable.append(Unreadable(Path(folder), f"cannot be read: {reason}"))
            survey.unlisted.add(folder)
            continue
        if folder == root and not files and not folders:
            survey.empty.add(root)
        if folder != root and is_store_folder(files, folders):
            survey.left_out.append(folder)
            continue
        files, folders = (_entered(start, each, chosen, survey) for each in (files, folders))
        yield from (start + name for name in sorted(files))
        waiting += [start + name for name in sorted(folders, reverse=True)]
    yield from unreadable


def _entered(
    start: str, names: Iterable[str], chosen: FileFilter, survey: WalkCoverage
) -> list[str]:
    """Return the names in a folder that are walked; note those of trash, caches and the like."""
    entered = []
    for name in names:
        path = start + name
        if chosen.exclude.matches(path):
            continue
        if not LEFT_OUT.matches(path):
            entered.append(name)
        elif name != TRASH_FOLDER:  # the product's own trash is read in no case
            survey.left_out.append(path)
    return entered


def _list(folder: str) -> tuple[list[str], list[str]]:
    """List the names of files and of folders in a folder, without links to folders."""
    files: list[str] = []
    folders: list[str] = []
    with os.scandir(folder) as entries:
        for entry in entries:
            try:
                if entry.is_dir(follow_symlinks=False):
                    folders.append(entry.name)
                elif not (entry.is_symlink() and entry.is_dir()):
                    files.append(entry.name)
            except OSError:
                files.append(entry.name)  # `_stat` finds the reason
    return files, folders


def _stat(name: str) -> SourceFile | Unreadable:
    try:
        facts = os.stat(name)  # noqa: PTH116 (no Path for each of very many files)
    except FileNotFoundError:
        linked = os.path.islink(name)  # noqa: PTH114  Path.is_symlink raises
        reason = "broken link: what it points to is gone" if linked else "no such file"
        return Unreadable(Path(name), reason)
    except OSError as error:
        return Unreadable(Path(name), f"cannot be read: {_reason(error)}")
    if stat.S_ISDIR(facts.st_mode):
        return Unreadable(
            Path(name), "cannot be read: a folder that was none at first; ingest it again"
        )
    if not stat.S_ISREG(facts.st_mode):
        return Unreadable(Path(name), "not a file with contents but a device, pipe or socket")
    return SourceFile(
        name=name,
        bytes=facts.st_size,
        modified_ns=modified_ns(facts),
        device=facts.st_dev,
        inode=facts.st_ino,
    )


def _reason(error: OSError) -> str:
    return error.strerror or str(error)
