"""Look up what lies beside files: which sidecars go along with them, and what is left alone."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from imgurer_kernel.common.types import Int64s
from imgurer_kernel.review.companion_names import NamesBeside, is_companion
from imgurer_kernel.review.disk import shown

TAKES_ALONG = frozenset(("trash", "move"))
"""Acts with which sidecars go along."""

_BETWEEN = "; "
_LEAVES = TAKES_ALONG | {"system-trash"}


@dataclass(frozen=True, slots=True)
class Beside:
    """What belongs to a file that goes, as names in its folder.

    Attributes
    ----------
    along
        Sidecars that go along with it.
    left
        What stays without a picture: raw files, videos, and sidecars that cannot go along.
    """

    along: tuple[str, ...] = ()
    left: tuple[str, ...] = ()


NOTHING = Beside()
"""Nothing beside."""


def beside_each(acts: Mapping[bytes, str], *, are_done: bool = False) -> dict[bytes, Beside]:
    """Find what belongs to files that leave their folders, by path.

    Parameters
    ----------
    acts
        Names of acts by the paths of their files.
    are_done
        The files have gone; sidecars that are still there are left.
    """
    folders: dict[bytes, list[bytes]] = {}
    for path, act in acts.items():
        if act in _LEAVES:
            folder, name = os.path.split(path)
            folders.setdefault(folder, []).append(name)
    found = {}
    for folder, going in folders.items():
        names = {*_names(folder), *going}
        if not any(map(is_companion, names)):
            continue
        index, gone, told = NamesBeside.of(names), frozenset(going), set[bytes]()
        for name in going:
            path = os.path.join(folder, name)  # noqa: PTH118 (bytes)
            orphans = [it for it in index.sidecars_of(name) if not index.owners(it, gone)]
            orphans = [each for each in orphans if each not in told]
            halves = [each for each in index.other_halves_of(name) if each not in told]
            told.update(orphans, halves)
            go = orphans if acts[path] in TAKES_ALONG and not are_done else []
            stay = [each for each in (*orphans, *halves) if each not in go]
            found[path] = Beside(_shown(go), _shown(stay))
    return found


def companions_of(paths: Iterable[bytes]) -> Iterator[tuple[str, bool, list[bytes], bool]]:
    """Yield what belongs to some of these files.

    Yields
    ------
    Its name, whether it is a sidecar, the paths of its files, and whether it has others, too.
    """
    folders: dict[bytes, list[bytes]] = {}
    for path in paths:
        folder, name = os.path.split(path)
        folders.setdefault(folder, []).append(name)
    for folder, listed in folders.items():
        names = {*_names(folder), *listed}
        if not any(map(is_companion, names)):
            continue
        index = NamesBeside.of(names)
        found: dict[tuple[bytes, bool], list[bytes]] = {}
        for name in listed:
            for each in index.sidecars_of(name):
                found.setdefault((each, True), []).append(name)
            for each in index.other_halves_of(name):
                found.setdefault((each, False), []).append(name)
        for (each, is_sidecar), own in found.items():
            has_others = is_sidecar and bool(index.owners(each, own))
            yield shown(each), is_sidecar, [os.path.join(folder, it) for it in own], has_others  # noqa: PTH118 (bytes)


def join_names(names: Iterable[str]) -> str:
    """Join names for a cell of a table.

    Examples
    --------
    >>> join_names(["a.xmp", "a.jpg.json"])
    'a.xmp; a.jpg.json'
    """
    return _BETWEEN.join(names)


def names_beside(frame: pd.DataFrame) -> tuple[list[str], list[str]]:
    """Read columns along and left of a plan or a result as lists of paths.

    Examples
    --------
    >>> names_beside(pd.DataFrame({"path": ["/p/a.jpg"], "along": ["a.xmp; a.json"], "left": [""]}))
    (['/p/a.xmp', '/p/a.json'], [])
    """
    along, left = (
        [
            os.path.join(os.path.dirname(path), name)  # noqa: PTH118, PTH120 (text of a frame)
            for path, cell in zip(frame["path"].tolist(), frame[column].tolist(), strict=True)
            if cell
            for name in cell.split(_BETWEEN)
        ]
        for column in ("along", "left")
    )
    return along, left


def count_beside(paths: Iterable[bytes | None]) -> Int64s:
    """Count the sidecars, raw files and videos beside each file, int64 (n,); 0 without a path."""
    paths = list(paths)
    rows: dict[bytes, list[int]] = {}
    for row, path in enumerate(paths):
        if path is not None:
            rows.setdefault(os.path.dirname(path), []).append(row)  # noqa: PTH120 (bytes)
    counts = np.zeros(len(paths), np.int64)
    for folder, places in rows.items():
        names = _names(folder)
        if any(map(is_companion, names)):
            index = NamesBeside.of(names)
            for row in places:
                name = os.path.basename(paths[row] or b"")  # noqa: PTH119 (bytes)
                of_it = {*index.sidecars_of(name), *index.other_halves_of(name)}
                counts[row] = len(of_it)
    return counts


def _names(folder: bytes) -> list[bytes]:
    """List the names in a folder; nothing where it is gone or closed: nothing goes there either."""
    try:
        return os.listdir(folder)  # noqa: PTH208 (bytes)
    except (OSError, ValueError):
        return []


def _shown(names: Sequence[bytes]) -> tuple[str, ...]:
    return tuple(map(shown, names))
