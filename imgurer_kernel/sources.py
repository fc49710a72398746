"""From what a person names (path, folder, glob, URI, or a list) to files, in a fixed order."""

import glob
import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

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
        If a source names nothing at all, or is a URI that cannot be read here.
    """
    named = [sources] if isinstance(sources, str | os.PathLike) else list(sources)
    seen: set[Path] = set()
    for source in named:
        for root in _expand(source):
            for path in _walk(root, outside):
                if path in seen:
                    continue
                seen.add(path)
                yield _look(path)


def readable(path: Path) -> str:
    r"""The path as text that can be shown and stored, whatever bytes its name is made of.

    Examples
    --------
    >>> readable(Path("holiday/\udcff.jpg"))
    'holiday/\\xff.jpg'
    """
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def _expand(source: Source) -> list[Path]:
    """Paths that one source names; a file of exactly that name wins over its reading as a glob."""
    text = os.fspath(source)
    scheme = urlsplit(text).scheme if "://" in text else ""
    if scheme == "file":
        text = url2pathname(urlsplit(text).path)
    elif scheme:
        message = f"{text!r} cannot be read: only local paths and file: URIs are; download it first"
        raise SourceError(message)
    path = Path(text).expanduser()
    if os.path.lexists(path):
        return [path.absolute()]
    # Path.glob takes no absolute patterns
    matches = sorted(glob.glob(str(path), recursive=True)) if glob.has_magic(text) else []  # noqa: PTH207
    if not matches:
        kind = "glob matches nothing" if glob.has_magic(text) else "path does not exist"
        message = f"{text!r}: this {kind}; check the spelling and the working folder {Path.cwd()}"
        raise SourceError(message)
    return [Path(match).absolute() for match in matches]


def _walk(root: Path, outside: Path | None) -> Iterator[Path]:
    if not root.is_dir():
        yield root
        return
    unreadable: list[Path] = []
    for folder, folders, files in os.walk(
        root, onerror=lambda error: unreadable.append(Path(error.filename))
    ):
        here = Path(folder)
        if outside is not None and here == outside:
            folders.clear()
            continue
        folders[:] = sorted(name for name in folders if not (here / name).is_symlink())
        yield from (here / name for name in sorted(files))
    yield from unreadable


def _look(path: Path) -> SourceFile | Unreadable:
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
