"""Patterns of file names that are left out."""

import fnmatch
import re
from collections.abc import Callable, Iterable
from pathlib import PurePath


def excluder(patterns: Iterable[str]) -> Callable[[str], bool]:
    """Make a function that tells whether a path is left out by any of the patterns.

    A pattern with a slash is held against the whole path, one without against the name of the
    file and of each folder above it. ``*``, ``?`` and ``[]`` are as in a shell, but that ``*``
    passes over slashes; upper and lower case differ.

    Examples
    --------
    >>> out = excluder(["*.png", "thumbs", "/tmp/*"])
    >>> [out(path) for path in ("/a/b.png", "/a/thumbs/c.jpg", "/tmp/d.jpg", "/a/thumbs.jpg")]
    [True, True, True, False]
    >>> excluder([])("/a/b.png")
    False
    """
    patterns = list(patterns)
    names = _any_of(pattern for pattern in patterns if "/" not in pattern)
    paths = _any_of(pattern for pattern in patterns if "/" in pattern)

    def excluded(path: str) -> bool:
        if paths is not None and paths.match(path):
            return True
        return names is not None and any(names.match(part) for part in PurePath(path).parts)

    return excluded


def _any_of(patterns: Iterable[str]) -> re.Pattern[str] | None:
    parts = [fnmatch.translate(pattern) for pattern in patterns]
    return re.compile("|".join(parts)) if parts else None
