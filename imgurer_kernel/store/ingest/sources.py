"""From what a person names (path, folder, glob, URI, or a list) to files, in a fixed order."""

import glob
import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from imgurer_kernel.common.records import SourceFile
from imgurer_kernel.errors import SourceError

Source = str | os.PathLike[str]


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Something that was named or found but is no readable file, and why."""

    path: Path
    reason: str


def find_files(
    sources: Source | Iterable[Source], *, outside: Path | None = None
) -> Iterator[SourceFile | Unreadable]:
    """All files that the sources name, each once; folders are walked in order of names.

    Links to files are followed, links to folders are not, so that a walk always ends. Whatever
    the file system refuses below a root (a broken link, a device, a path that is too long, a
    folder that may not be listed or entered) is handed on as `Unreadable` and never stops the
    walk; folders of that kind come after all else of their root.

    Parameters
    ----------
    sources
        Path, folder, glob (``*``, ``?``, ``[]``, ``**``), ``file:`` URI, or a list of these.
    outside
        A folder that is left out, such as the store itself.

    Raises
    ------
    SourceError
        At once, if a source names nothing at all, or is a URI that cannot be read here.
    """
    return (_look(found) if isinstance(found, str) else found for found in _paths(sources, outside))


def count_files(sources: Source | Iterable[Source], *, outside: Path | None = None) -> int:
    """How many `find_files` would find, without looking at each; raises the same.

    Examples
    --------
    >>> count_files([__file__, __file__])
    1
    """
    return sum(1 for _ in _paths(sources, outside))


def _paths(sources: Source | Iterable[Source], outside: Path | None) -> Iterator[str | Unreadable]:
    named = [sources] if isinstance(sources, str | os.PathLike) else list(sources)
    roots = [root for source in named for root in _expand(source)]
    return _each(roots, None if outside is None else str(outside))


def _each(roots: list[str], outside: str | None) -> Iterator[str | Unreadable]:
    """The paths below all roots; a single one names none twice, and may name very many."""
    if len(roots) == 1:
        yield from _walk(roots[0], outside)
        return
    seen: set[str] = set()
    for root in roots:
        for found in _walk(root, outside):
            path = found if isinstance(found, str) else str(found.path)
            if path not in seen:
                seen.add(path)
                yield found


def readable(path: Path) -> str:
    r"""The path as text that can be shown and stored, whatever bytes its name is made of.

    Examples
    --------
    >>> readable(Path("holiday/\udcff.jpg"))
    'holiday/\\xff.jpg'
    """
    text = str(path)
    return text if text.isascii() else os.fsencode(text).decode("utf-8", "backslashreplace")


def _expand(source: Source) -> list[str]:
    """Paths that one source names; a file of exactly that name wins over its reading as a glob."""
    text = os.fspath(source)
    scheme = urlsplit(text).scheme if "://" in text else ""
    if scheme == "file":
        from urllib.request import url2pathname  # brings HTTP along, which takes 20 ms

        text = url2pathname(urlsplit(text).path)
    elif scheme:
        message = f"{text!r} cannot be read: only local paths and file: URIs are; download it first"
        raise SourceError(message)
    path = Path(text).expanduser()
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        pass
    except OSError as error:
        if not glob.has_magic(text):
            message = f"{text!r} cannot be read: {error.strerror}; check path and permission"
            raise SourceError(message) from error
    else:
        return [str(path.absolute())]
    # Path.glob takes no absolute patterns
    matches = sorted(glob.glob(str(path), recursive=True)) if glob.has_magic(text) else []  # noqa: PTH207
    if not matches:
        kind = "glob matches nothing" if glob.has_magic(text) else "path does not exist"
        message = f"{text!r}: this {kind}; check the spelling and the working folder {Path.cwd()}"
        raise SourceError(message)
    return [str(Path(match).absolute()) for match in matches]


def _walk(root: str, outside: str | None) -> Iterator[str | Unreadable]:
    """Folder by folder, the files of each before its folders; last the folders that failed."""
    if not os.path.isdir(root):  # noqa: PTH112  Path.is_dir raises where there is no permission
        yield root
        return
    unreadable: list[Unreadable] = []
    waiting = [root]
    while waiting:
        folder = waiting.pop()
        if folder == outside:
            continue
        # Joined as texts: as many paths as there are files would take half of the time.
        start = folder if folder.endswith(os.sep) else folder + os.sep
        doing = "list"
        try:
            files, folders = _list(folder)
            doing = "enter"
            if files or folders:
                os.stat(start + os.curdir)  # noqa: PTH116  Path would drop the dot
        except OSError as error:
            denied = isinstance(error, PermissionError)
            reason = f"no permission to {doing} this folder" if denied else _told(error)
            unreadable.append(Unreadable(Path(folder), f"cannot be read: {reason}"))
            continue
        yield from (start + name for name in sorted(files))
        waiting += [start + name for name in sorted(folders, reverse=True)]
    yield from unreadable


def _list(folder: str) -> tuple[list[str], list[str]]:
    """Names of the files and of the folders in a folder, without links to folders."""
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
                files.append(entry.name)  # what keeps it from being read is found by `_look`
    return files, folders


def _look(name: str) -> SourceFile | Unreadable:
    path = Path(name)
    try:
        facts = path.stat()
    except FileNotFoundError:
        linked = os.path.islink(name)  # noqa: PTH114  Path.is_symlink raises
        reason = "broken link: what it points to is gone" if linked else "no such file"
        return Unreadable(path, reason)
    except OSError as error:
        return Unreadable(path, f"cannot be read: {_told(error)}")
    if stat.S_ISDIR(facts.st_mode):
        return Unreadable(path, "cannot be read: a folder that was none at first; ingest it again")
    if not stat.S_ISREG(facts.st_mode):
        return Unreadable(path, "not a file with contents but a device, pipe or socket")
    return SourceFile(
        path=path,
        bytes=facts.st_size,
        modified_ns=facts.st_mtime_ns,
        device=facts.st_dev,
        inode=facts.st_ino,
    )


def _told(error: OSError) -> str:
    return error.strerror or str(error)
