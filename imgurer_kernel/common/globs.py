"""Patterns of files and folders to leave out; the only place that interprets them."""

import fnmatch
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from imgurer_kernel.errors import QueryError


@dataclass(frozen=True, slots=True)
class Exclusion:
    """Matches files and folders that match any of the patterns, and all below such folders.

    A pattern with a slash is compared with the whole path, one without with the name alone.
    ``*``, ``?`` and ``[]`` are as in a shell, except that ``*`` matches slashes, too; upper and
    lower case differ.

    Examples
    --------
    >>> out = Exclusion(("*.png", "thumbs", "/tmp/raw"))
    >>> [out.leaves_out(path) for path in ("/a/b.png", "/a/thumbs/c.jpg", "/tmp/raw/d.jpg")]
    [True, True, True]
    >>> out.leaves_out("/a/thumbs.jpg"), out.leaves_out("/thumbs/a.jpg", root="/thumbs")
    (False, False)
    """

    patterns: tuple[str, ...] = ()
    _names: re.Pattern[str] | None = field(init=False, repr=False, compare=False)
    _paths: re.Pattern[str] | None = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        names = _any_of(pattern for pattern in self.patterns if "/" not in pattern)
        paths = _any_of(pattern for pattern in self.patterns if "/" in pattern)
        object.__setattr__(self, "_names", names)
        object.__setattr__(self, "_paths", paths)

    def __bool__(self) -> bool:
        return bool(self.patterns)

    def matches(self, path: str) -> bool:
        """Return whether a pattern matches this file or folder itself, for a walk from the top."""
        if self._paths is not None and self._paths.match(path):
            return True
        return self._names is not None and bool(
            self._names.match(path, path.rfind(os.sep) + 1)  # the name alone
        )

    def leaves_out(self, path: str, root: str = "") -> bool:
        """Return whether a walk from `root`, by default the top, would skip this path.

        Folders above the root are not compared, nor is the root, since the user has named it; a
        root that is a file is.
        """
        if path == root:
            return self.matches(path)
        end = len(root.rstrip(os.sep))
        while (end := path.find(os.sep, end + 1)) >= 0:
            if self.matches(path[:end]):
                return True
        return self.matches(path)


def patterns_of(given: object, name: str = "exclude") -> tuple[str, ...]:
    """Return one pattern, or several, as a tuple.

    Raises
    ------
    QueryError
        If it is anything else, with the name of the parameter.

    Examples
    --------
    >>> patterns_of("*.png"), patterns_of(["a", "b"])
    (('*.png',), ('a', 'b'))
    """
    several = (given,) if isinstance(given, str) or not isinstance(given, Iterable) else (*given,)
    if not all(isinstance(each, str) for each in several):
        message = f"{name} is {given!r}; it must be a pattern such as '*.png', or several of them"
        raise QueryError(message)
    return several


def _any_of(patterns: Iterable[str]) -> re.Pattern[str] | None:
    parts = [fnmatch.translate(pattern) for pattern in patterns]
    return re.compile("|".join(parts)) if parts else None
