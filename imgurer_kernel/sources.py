"""From what a person names (path, folder, glob, URI, or a list) to files, in a fixed order."""

import glob
import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from imgurer_kernel.errors import SourceError
from imgurer_kernel.records import SourceFile

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

    Links to files are followed, links to folders are not, so that a walk always ends. What
    cannot be read (a broken link, a device, a folder without permission) is handed on as
    `Unreadable` and never stops the walk.

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
    return map(_look, _paths(sources, outside))


def count_files(sources: Source | Iterable[Source], *, outside: Path | None = None) -> int:
    """How many `find_files` would find, without looking at each; raises the same.

    Examples
    --------
    >>> count_files([__file__, __file__])
    1
    """
    return sum(1 for _ in _paths(sources, outside))


def _paths(sources: Source | Iterable[Source], outside: Path | None) -> Iterator[str]:
    named = [sources] if isinstance(sources, str | os.PathLike) else list(sources)
    roots = [root for source in named for root in _expand(source)]
    return _each(roots, None if outside is None else str(outside))


def _each(roots: list[str], outside: str | None) -> Iterator[str]:
    """The paths below all roots; a single one names none twice, and may name very many."""
    if len(roots) == 1:
        yield from _walk(roots[0], outside)
        return
    seen: set[str] = set()
    for root in roots:
        for path in _walk(root, outside):
            if path not in seen:
                seen.add(path)
                yield path


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
    if os.path.lexists(path):
        return [str(path.absolute())]
    # Path.glob takes no absolute patterns
    matches = sorted(glob.glob(str(path), recursive=True)) if glob.has_magic(text) else []  # noqa: PTH207
    if not matches:
        kind = "glob matches nothing" if glob.has_magic(text) else "path does not exist"
        message = f"{text!r}: this {kind}; check the spelling and the working folder {Path.cwd()}"
        raise SourceError(message)
    return [str(Path(match).absolute()) for match in matches]


def _walk(root: str, outside: str | None) -> Iterator[str]:
    # Joined as texts: as many paths as there are files would take half of the time.
    if not Path(root).is_dir():
        yield root
        return
    unreadable: list[str] = []
    for folder, folders, files in os.walk(
        root, onerror=lambda error: unreadable.append(error.filename)
    ):
        if folder == outside:
            folders.clear()
            continue
        folders[:] = sorted(name for name in folders if not Path(folder, name).is_symlink())
        start = folder if folder.endswith(os.sep) else folder + os.sep
        yield from (start + name for name in sorted(files))
    yield from unreadable


def _look(name: str) -> SourceFile | Unreadable:
    path = Path(name)
    try:
        facts = path.stat()
    except FileNotFoundError:
        reason = "broken link: what it points to is gone" if path.is_symlink() else "no such file"
        return Unreadable(path, reason)
    except OSError as error:
        return Unreadable(path, f"cannot be read: {error.strerror}")
    if stat.S_ISDIR(facts.st_mode):
        return Unreadable(path, "cannot be read: no permission to list this folder")
    if not stat.S_ISREG(facts.st_mode):
        return Unreadable(path, "not a file with contents but a device, pipe or socket")
    return SourceFile(path=path, bytes=facts.st_size, modified_ns=facts.st_mtime_ns)
