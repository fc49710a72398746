"""Check whether a folder is a store or may become one, and find the store that was meant."""

import difflib
import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Literal, TypeAlias

from imgurer_kernel.errors import CatalogDamaged, StoreMissing, StoreRefused

Create: TypeAlias = bool | Literal["anyway"]

CATALOG = "catalog.duckdb"
"""The file that makes a folder a store."""
SNAPSHOTS = "snapshots"
"""The folder of earlier states of the catalog (`store.catalog.snapshots`)."""

# Names that a store and the dashboard put into the folder, and that systems put into any folder.
_OWN = {
    *("blobs", "links", "references", "thumbs", "trash", "tmp", "derived", "secret", "log"),
    *(CATALOG, f"{CATALOG}.wal", f"{CATALOG}.new", f"{CATALOG}.new.wal"),
    *("catalog.lock", "catalog.waiting", "review.lock", "review.pending", "sessions.changed"),
    *("lost-and-found", "snapshots", "damaged", "check.json", "recover.json"),
    *("lost+found", "Thumbs.db", "desktop.ini"),
}
# Number of similar spellings to follow at each level of folders, the closest ones.
_SPELLINGS = 5


def is_store(root: Path) -> bool:
    """Return whether a folder is a store."""
    return os.path.isfile(root / CATALOG)  # noqa: PTH113 (False, too, without permission)


def make_root(root: Path) -> None:
    """Make a store's folder unless it is there; a new one is closed to other users of the machine.

    It will have password hashes and originals. Who shares a store opens it to others.
    """
    root.parent.mkdir(parents=True, exist_ok=True)
    root.mkdir(mode=0o700, exist_ok=True)


def require(root: Path, create: Create) -> None:
    """Check that a store may be opened, or made, in a folder; nothing is written.

    Parameters
    ----------
    create
        False if there must be a store, True to make one in an empty or a new folder, ``"anyway"``
        to make one among other files.

    Raises
    ------
    StoreMissing
        If there is none and `create` is false; the message names the nearest.
    StoreRefused
        If there is none, and the folder has other files.
    CatalogDamaged
        If it is a store whose catalog is missing.
    """
    if is_store(root):
        return
    if has_lost_catalog(root):
        raise lost(root)
    if create == "anyway":
        return
    if not create:
        raise missing(root)
    others = _entries(root)
    if others:
        shown = ", ".join(others[:3]) + (", ..." if len(others) > 3 else "")
        message = (
            f"{root} has files of its own ({shown}), among which no store is made; name a new or "
            'an empty folder, or insist: --create-here, or create="anyway"'
        )
        raise StoreRefused(message)


def has_lost_catalog(root: Path) -> bool:
    """Return whether a folder has originals, or snapshots of a catalog, but no catalog."""
    if is_store(root):
        return False
    if _names(root / SNAPSHOTS):
        return True
    originals = (root / area for area in ("blobs", "references"))
    with suppress(OSError):  # a name that is too long, a loop of links
        return any(next(folder.glob("??/??/*"), None) is not None for folder in originals)
    return False


def lost(root: Path) -> CatalogDamaged:
    """Make the error for a store whose catalog is missing."""
    return CatalogDamaged(
        f"the catalog {root / CATALOG} is gone, and the originals beside it are there; bring it "
        f"back, or rebuild it from its newest snapshot: `imgurer recover --root {root}`"
    )


def missing(root: Path) -> StoreMissing:
    """Make the error for a folder that is not a store."""
    near = nearest_store(root)
    hint = f"did you mean {near}?" if near else "nor is there one nearby;"
    return StoreMissing(
        f"there is no store in {root}; {hint} name one by --root or IMGURER_ROOT, or make one: "
        "`imgurer ingest` and `imgurer serve` do"
    )


def nearest_store(root: Path) -> Path | None:
    """Find the store most likely meant by the path of a folder that is none.

    First stores with a similar path, then below the folder, above it, and beside it.
    """
    for candidates in (_respelled(root), _below(root), root.parents, _beside(root)):
        for folder in candidates:
            if folder != root and is_store(folder):
                return folder
    return None


def _entries(folder: Path) -> list[str]:
    """List the foreign entries of a folder."""
    return sorted(name for name in _names(folder) if name not in _OWN and not name.startswith("."))


def _respelled(root: Path) -> Iterator[Path]:
    """List folders with a similar path, the closest first."""
    reached = [Path(root.anchor)]
    for part in root.parts[1:]:
        following = []
        for folder in reached:
            names = {name.casefold(): name for name in sorted(_names(folder))}
            close = difflib.get_close_matches(part.casefold(), names, _SPELLINGS, 0.6)
            exact = [folder / part] if part in names.values() else []
            following += exact + [folder / names[each] for each in close if names[each] != part]
        reached = following[:_SPELLINGS]
    yield from reached


def _below(root: Path) -> Iterator[Path]:
    yield root / "store"
    yield root / "data" / "store"
    yield from (root / name for name in sorted(_names(root)))


def _beside(root: Path) -> Iterable[Path]:
    def likeness(name: str) -> float:
        return difflib.SequenceMatcher(None, root.name.casefold(), name.casefold()).ratio()

    names = sorted(_names(root.parent), key=lambda name: (-likeness(name), name))
    return (root.parent / name for name in names)


def _names(folder: Path) -> list[str]:
    """List the names in a folder; empty if it cannot be listed."""
    with suppress(OSError):
        return os.listdir(folder)  # noqa: PTH208 (names are what is compared)
    return []
