"""Move sidecars along with their file, and back with it.

The name of a sidecar determines its file (`imgurer_kernel.review.companion_names`). A sidecar that
also belongs to another file, such as ``IMG_1.xmp`` to ``IMG_1.cr2``, stays until that file is
removed too.

Each sidecar has a journal entry, *intended* together with that of its file. It moves when all files
of the same part of a plan have moved. A sidecar shared by several removed files is restored with
the first of them.
"""

import os
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from functools import partial

from imgurer_kernel.common.paths import modified_ns
from imgurer_kernel.errors import ActRefused
from imgurer_kernel.review import disk, mounts, moves
from imgurer_kernel.review.acts import Act
from imgurer_kernel.review.beside import TAKES_ALONG
from imgurer_kernel.review.companion_names import NamesBeside
from imgurer_kernel.store.catalog.journal import JournalEntry


@dataclass(frozen=True, slots=True)
class Companion:
    """A sidecar that is moved together with the file of an act.

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
    moved = {act.source: place for place, act in enumerate(acts) if act.name in TAKES_ALONG}
    folders: dict[bytes, NamesBeside] = {}
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
                folders[above] = _names(of_file, above)
            for name in folders[above].sidecars_of(names[-1]):
                path = above + name
                owners = folders[above].owners(name)
                if path in found or any(above + each not in moved for each in owners):
                    continue
                with (
                    suppress(ActRefused),
                    disk.held(disk.Place(of_file.folder, name), path) as file,
                ):
                    places = sorted(moved[above + each] for each in owners)
                    ids = [acts[each].file.file_id for each in places]
                    ids += [it.file.file_id for it in gone if _is_of(path, it)]
                    target = act.target.removesuffix(names[-1]) + name
                    found[path] = Companion(
                        tuple(places), tuple(ids), path, target, file.digest(), file.facts
                    )
    return list(found.values())


def _is_of(sidecar: bytes, act: Act) -> bool:
    """Return whether a sidecar belongs to the file that an act moved."""
    if act.name not in TAKES_ALONG:
        return False
    above, _, name = sidecar.rpartition(b"/")
    folder, _, of_file = act.source.rpartition(b"/")
    return above == folder and bool(NamesBeside.of((name, of_file)).owners(name))


def move_along(
    entry: JournalEntry, of_file: JournalEntry, step: Callable[[str], None] = lambda _: None
) -> None:
    """Move a sidecar to the folder that its file was moved to, given the entry of that file.

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
        gone = _name(disk.paths_of(of_file).source)
        stayed = _names(source, paths.source, gone).owners(names[-1], {gone})
        if stayed:
            message = f"it belongs to {disk.shown(stayed[0])}, too, which stays"
            raise ActRefused(message)
        file = stack.enter_context(disk.held(source, paths.source))
        if file.digest() != entry.digest:
            raise moves.swapped(paths.source)
        goal = disk.split(paths.target_root, paths.target)
        target = stack.enter_context(disk.place_of(paths.target_root, goal, make=True))
        if mounts.mount_of(source.folder) == mounts.mount_of(target.folder):
            moves.rename(file, target, paths.source)
        else:
            copied = partial(step, "sidecar copied")
            moves.transfer(file, target, paths.target, entry.digest, copied)
    step("sidecar moved")


def _names(place: disk.Place, path: bytes, *gone: bytes) -> NamesBeside:
    """Index the names in the folder of a place, with those of files that have gone."""
    try:
        names = os.listdir(place.folder)  # noqa: PTH208 (a descriptor)
        return NamesBeside.of({*map(os.fsencode, names), *gone})
    except OSError as error:
        raise disk.refusal(error, path) from error


def _name(path: bytes) -> bytes:
    return path.rpartition(b"/")[2]
