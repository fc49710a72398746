"""Move sidecars along with their file, and back with it.

Photo managers keep edits of ``IMG_1.jpg`` in ``IMG_1.jpg.xmp`` or ``IMG_1.xmp`` beside it, phones
in ``IMG_1.aae``, album downloads in ``IMG_1.jpg.json``. A sidecar that belongs to another file as
well, such as ``IMG_1.xmp`` to ``IMG_1.cr2``, stays until that file goes too.

Each sidecar has a journal entry, *intended* together with that of its file. It moves when all files
of the same part of a plan have moved. A sidecar shared by several removed files comes back with the
first of them that is restored.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace

from imgurer_kernel.common.paths import modified_ns
from imgurer_kernel.errors import ActRefused
from imgurer_kernel.review import disk, moves
from imgurer_kernel.review.acts import Act
from imgurer_kernel.store.catalog.journal import JournalEntry

SUFFIXES = (b".xmp", b".aae", b".json")
_MOVING = {"trash", "move"}
_EXPORTED = b".supplemental-metadata"
"""What a Google Photos export puts between the name and ``.json``."""


@dataclass(frozen=True, slots=True)
class Companion:
    """A sidecar that goes along with the file of an act.

    Attributes
    ----------
    places
        Indices of the acts of its files in the given sequence.
    file_ids
        Ids of these files, and of its files that were removed earlier.
    source, target
        Its present path and its new one.
    digest, facts
        SHA-256 and stat result of the sidecar.
    """

    places: tuple[int, ...]
    file_ids: tuple[int, ...]
    source: bytes
    target: bytes
    digest: str
    facts: os.stat_result

    def entry(self, number: int, of_file: JournalEntry) -> JournalEntry:
        """Make the journal entry, given that of its file."""
        return replace(
            of_file,
            entry_id=number,
            act="companion",
            path=disk.shown(self.source),
            filename=disk.shown(_name(self.source)),
            digest=self.digest,
            bytes=self.facts.st_size,
            reason=f"it belongs to {of_file.filename}",
            source_key=self.source,
            target_key=self.target,
            device=self.facts.st_dev,
            inode=self.facts.st_ino,
            modified_ns=modified_ns(self.facts),
            other_ids=tuple(each for each in self.file_ids if each != of_file.file_id),
            leads=False,
        )


def companions_of(acts: Sequence[Act], gone: Sequence[Act] = ()) -> list[Companion]:
    """Find the sidecars of files that are moved to a trash folder or another one, each once.

    Unreadable sidecars and those that are not regular files are skipped.

    Parameters
    ----------
    gone
        Acts of the same plan that were done earlier.
    """
    moved = {act.source: place for place, act in enumerate(acts) if act.name in _MOVING}
    folders: dict[bytes, _NamesBeside] = {}
    found: dict[bytes, Companion] = {}
    for place in moved.values():
        act = acts[place]
        assert act.source_root is not None  # noqa: S101 (true of every file on disk)
        assert act.target is not None  # noqa: S101 (true of every moved file)
        with suppress(ActRefused), ExitStack() as stack:
            names = disk.split(act.source_root, act.source)
            of_file = stack.enter_context(disk.place_of(act.source_root, names))
            above = act.source.removesuffix(names[-1])
            if above not in folders:
                folders[above] = _NamesBeside.read(of_file, above)
            for name in folders[above].sidecars_of(names[-1]):
                path = above + name
                if path in found or folders[above].owners(name, moved):
                    continue
                with (
                    suppress(ActRefused),
                    disk.held(disk.Place(of_file.folder, name), path) as file,
                ):
                    places = sorted(moved[above + each] for each in folders[above].owners(name, ()))
                    ids = [acts[each].file.file_id for each in places]
                    ids += [it.file.file_id for it in gone if _is_of(path, it)]
                    target = act.target.removesuffix(names[-1]) + name
                    found[path] = Companion(
                        tuple(places), tuple(ids), path, target, file.digest(), file.facts
                    )
    return list(found.values())


def _is_of(sidecar: bytes, act: Act) -> bool:
    """Return whether a sidecar belongs to the file that an act moved."""
    if act.name not in _MOVING:
        return False
    above, _, name = sidecar.rpartition(b"/")
    folder, _, of_file = act.source.rpartition(b"/")
    return above == folder and _of(name) in _base_names(of_file)


def move_along(entry: JournalEntry, step: Callable[[str], None] = lambda _: None) -> None:
    """Move a sidecar to where its file has gone.

    Raises
    ------
    ActRefused
        If it belongs to a file that stayed, was changed meanwhile, its target exists, or the system
        refuses.
    """
    paths = disk.paths_of(entry)
    names = disk.split(paths.source_root, paths.source)
    with ExitStack() as stack:
        source = stack.enter_context(disk.place_of(paths.source_root, names))
        above = paths.source.removesuffix(names[-1])
        stayed = _NamesBeside.read(source, above).owners(names[-1], ())
        if stayed:
            message = f"it belongs to {disk.shown(stayed[0])}, too, which stays"
            raise ActRefused(message)
        file = stack.enter_context(disk.held(source, paths.source))
        if file.digest() != entry.digest:
            raise moves.swapped(paths.source)
        goal = disk.split(paths.target_root, paths.target)
        target = stack.enter_context(disk.place_of(paths.target_root, goal, make=True))
        if disk.device(source) == disk.device(target):
            moves.rename(file, target, paths.source)
        else:
            moves.copy(file, target, paths.target, entry.digest)
            step("sidecar copied")
            moves.remove(source, paths.source, file.facts.st_dev, file.facts.st_ino)
    step("sidecar moved")


@dataclass(frozen=True, slots=True)
class _NamesBeside:
    """Index the names in a folder: sidecars by their file, others by name and by stem."""

    path: bytes
    sidecars: dict[bytes, list[bytes]]
    others: dict[bytes, list[bytes]]

    @classmethod
    def read(cls, place: disk.Place, path: bytes) -> "_NamesBeside":
        sidecars: dict[bytes, list[bytes]] = {}
        others: dict[bytes, list[bytes]] = {}
        try:
            names = sorted(os.fsencode(name) for name in os.listdir(place.folder))  # noqa: PTH208
        except OSError as error:
            raise disk.refusal(error, path) from error
        for name in names:
            if name.lower().endswith(SUFFIXES):
                sidecars.setdefault(_of(name), []).append(name)
            else:
                for key in _base_names(name):
                    others.setdefault(key, []).append(name)
        return cls(path, sidecars, others)

    def sidecars_of(self, name: bytes) -> Iterator[bytes]:
        for key in _base_names(name):
            yield from self.sidecars.get(key, [])

    def owners(self, sidecar: bytes, going: Iterable[bytes]) -> list[bytes]:
        """Find the files that a sidecar belongs to, without those being removed."""
        return [name for name in self.others.get(_of(sidecar), []) if self.path + name not in going]


def _of(sidecar: bytes) -> bytes:
    """Return the name or stem of the file that a sidecar belongs to, in lower case."""
    return sidecar.lower().rpartition(b".")[0].removesuffix(_EXPORTED)


def _base_names(name: bytes) -> list[bytes]:
    """Return the names by which a sidecar may refer to a file, in lower case, as some disks do."""
    whole = name.lower()
    return list(dict.fromkeys((whole, whole.rpartition(b".")[0] or whole)))


def _name(path: bytes) -> bytes:
    return path.rpartition(b"/")[2]
