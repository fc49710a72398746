"""Names on disks that ignore case, as those of macOS, Windows and memory cards do."""

import os
from pathlib import Path

Listings = dict[str, list[str]]
"""Names in folders, by folder: kept by a caller that asks for many paths."""


def as_listed(path: str, listings: Listings | None = None) -> str:
    """Return an absolute path with each name as its folder lists it.

    Otherwise a folder that is named in small instead of capital letters would be ingested twice,
    and a file of whose name only the case has changed would be there twice.

    Parameters
    ----------
    listings
        Is filled with the folders that were listed.

    Examples
    --------
    >>> as_listed(os.sep) == os.sep
    True
    """
    listings = {} if listings is None else listings
    start, *names = Path(path).parts
    for name in names:
        start = os.path.join(start, _listed_name(start, name, listings))  # noqa: PTH118 - texts
    return start


def _listed_name(folder: str, name: str, listings: Listings) -> str:
    other = name.swapcase()
    # Lists a folder only where the disk ignores case, or has a file of either name.
    if other == name or not _exists(folder, other) or not _exists(folder, name):
        return name
    if folder not in listings:
        try:
            listings[folder] = os.listdir(folder)  # noqa: PTH208 - names as texts
        except OSError:
            return name
    names = listings[folder]
    if name in names:
        return name
    return next((each for each in names if each.casefold() == name.casefold()), name)


def _exists(folder: str, name: str) -> bool:
    return os.path.lexists(os.path.join(folder, name))  # noqa: PTH118 - texts
