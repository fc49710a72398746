"""Check planned acts on files, row by row: whether each may be done.

These checks read no file. They cover who acts, whose file it is, and that another file stays. The
bytes are compared when an act is done (`imgurer_kernel.review.runner`).
"""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from imgurer_kernel.errors import ActRefused
from imgurer_kernel.review.disk import shown, split
from imgurer_kernel.review.mounts import root_of
from imgurer_kernel.store.catalog.journal import ActName, FileOfImage
from imgurer_kernel.store.ingest.left_out import TRASH_FOLDER

ACTS: Mapping[ActName, str] = {
    "forget": "to the trash of the store",
    "trash": "to the folder .imgurer-trash on the same disk",
    "system-trash": "to the trash of the system, from where only the system restores it",
    "move": "to the folder that was named",
    "link": "becomes another name of the file that is kept",
}
"""The acts on a file that is not kept, with descriptions for people."""


@dataclass(frozen=True, slots=True)
class PlannedRow:
    """One row of a plan, as written or read; path is None where the plan has none."""

    file_id: int
    act: str
    keeper_id: int
    reason: str = ""
    path: str | None = None


@dataclass(frozen=True, slots=True)
class Act:
    """An act that has passed the checks.

    Attributes
    ----------
    file, keeper
        The file that goes and the one that stays.
    other_ids, others
        Further rows of the file that goes (several users ingested it), and their users.
    source_root
        The folder from which the file's folder is opened; None for what only the store has.
    target_root, target
        The folder above the target, and the path the file is moved to; None if it is not moved.
    """

    name: ActName
    file: FileOfImage
    keeper: FileOfImage
    reason: str
    others: tuple[tuple[int, str], ...] = ()
    source_root: bytes | None = None
    target_root: bytes | None = None
    target: bytes | None = None

    @property
    def source(self) -> bytes:
        """The path of a file on disk."""
        assert self.file.path_key is not None  # noqa: S101 (checked by `_on_disk`)
        return self.file.path_key

    @property
    def is_on_disk(self) -> bool:
        """Whether a file outside the store is touched."""
        return self.name != "forget"


@dataclass(frozen=True, slots=True, kw_only=True)
class ActCheck:
    """Checks the rows of a plan, one by one, against the present state of the catalog.

    Attributes
    ----------
    user, is_admin
        The user who acts, and whether as an admin. Members act on their own files only.
    folder
        Name of the folder, in the trash folder, that files are moved to.
    files
        All live files that the plan names, by id.
    removed
        For other files that it names, by id, which sitting removed them, in words.
    at_path
        Returns file_id and user of all live files at a path.
    going
        Ids of all files that the plan removes.
    same
        Returns why two files are not known to show the same picture; None if they are.
    roots
        Folders that were ingested, the outermost first.
    reference
        Folders whose files are left alone.
    goal
        The folder to move files to, for the act ``move``.
    root_by_folder
        The roots of folders that were looked at, which takes some ten microseconds for each step.
    """

    user: str
    is_admin: bool
    folder: str
    files: Mapping[int, FileOfImage]
    removed: Mapping[int, str]
    at_path: Callable[[bytes], Sequence[tuple[int, str]]]
    going: frozenset[int]
    same: Callable[[FileOfImage, FileOfImage], str | None]
    roots: Sequence[bytes]
    reference: Sequence[bytes] = ()
    goal: bytes | None = None
    root_by_folder: dict[bytes, bytes] = field(default_factory=dict)

    def act(self, row: PlannedRow) -> Act:
        """Check a row, and return its act.

        Raises
        ------
        ActRefused
            If it must not be done, with the reason.
        """
        file, keeper = self._known(row)
        name = _act_name(row.act)
        self._check_owner(file)
        self._check_keeper(file, keeper, name)
        reason = self.same(file, keeper)
        if reason is not None:
            raise ActRefused(reason)
        if name == "forget":
            return self._forget(file, keeper, row.reason)
        return self._on_disk(name, file, keeper, row.reason)

    def _known(self, row: PlannedRow) -> tuple[FileOfImage, FileOfImage]:
        file, keeper = self.files.get(row.file_id), self.files.get(row.keeper_id)
        if file is None:
            if row.file_id in self.removed:
                message = f"already {self.removed[row.file_id]}"
                raise ActRefused(message)
            message = f"there is no file {row.file_id} any more; plan again"
            raise ActRefused(message)
        if row.path is not None and row.path not in {file.path, file.filename}:
            place = file.path or file.filename
            message = f"file {row.file_id} is {place}, and not {row.path} as the plan says"
            raise ActRefused(message)
        if keeper is None:
            removal = self.removed.get(row.keeper_id)
            fate = "is not there any more" if removal is None else f"was {removal}"
            message = f"the file {row.keeper_id} that was to be kept {fate}"
            raise ActRefused(message)
        return file, keeper

    def _check_owner(self, file: FileOfImage) -> None:
        if file.user_name != self.user and not self.is_admin:
            message = (
                f"it belongs to {file.user_name}; members act on their own files, ask an admin"
            )
            raise ActRefused(message)

    def _check_keeper(self, file: FileOfImage, keeper: FileOfImage, name: ActName) -> None:
        if file.file_id == keeper.file_id or (
            file.path_key is not None and file.path_key == keeper.path_key
        ):
            message = "it is the file that is kept itself"
            raise ActRefused(message)
        if keeper.file_id in self.going:
            message = (
                f"the file that is kept, {keeper.path or keeper.filename}, would be removed itself"
            )
            raise ActRefused(message)
        for each, subject in ((file, "it"), (keeper, "the file that is kept")):
            if each.state != "present":
                message = f"{subject} is {each.state} since the last scan; scan the folder again"
                raise ActRefused(message)
        if name == "link" and (file.digest != keeper.digest or not keeper.is_in_place):
            message = "only exact copies on disk can become another name of the file that is kept"
            raise ActRefused(message)

    def _forget(self, file: FileOfImage, keeper: FileOfImage, reason: str) -> Act:
        if file.is_in_place:
            message = "it is on disk and not in the store; choose trash, system-trash, move or link"
            raise ActRefused(message)
        if file.digest == keeper.digest and file.user_name != keeper.user_name:
            message = (
                f"it is the file by which {file.user_name} has the kept picture; "
                "it takes no space of its own"
            )
            raise ActRefused(message)
        return Act("forget", file, keeper, reason)

    def _on_disk(self, name: ActName, file: FileOfImage, keeper: FileOfImage, reason: str) -> Act:
        path = file.path_key
        if path is None or file.kept == "upload":
            message = "it is in the store and not on disk; choose forget"
            raise ActRefused(message)
        if any(path.startswith(folder.rstrip(b"/") + b"/") for folder in self.reference):
            message = "it is in a reference folder, whose files are never touched"
            raise ActRefused(message)
        # The disk check compares both files on disk, so the file that is kept must be there too.
        if file.kept == "copy" and keeper.path_key is None:
            message = "the file that is kept is in the store only; the source of a copy stays"
            raise ActRefused(message)
        others = tuple(each for each in self.at_path(path) if each[0] != file.file_id)
        holders = sorted({user for _, user in others} - {self.user})
        if holders and not self.is_admin:
            message = f"it also belongs to {holders[0]}; ask an admin"
            raise ActRefused(message)
        root = self._root_of(path)
        names = split(root, path)
        match name:
            case "system-trash":
                target_root = target = None
            case "move":
                if self.goal is None:
                    message = "no folder was named to move it to"
                    raise ActRefused(message)
                target_root, target = self.goal, b"/".join((self.goal.rstrip(b"/"), *names))
                if path == target or path.startswith(self.goal.rstrip(b"/") + b"/"):
                    message = f"it is in {shown(self.goal)} already"
                    raise ActRefused(message)
                # Checked before the journal entry: recovery would take that file for the copy.
                if os.path.lexists(target):
                    message = f"{shown(target)}: something is there already; move it away"
                    raise ActRefused(message)
            case _:
                target_root = root
                above = (root.rstrip(b"/"), os.fsencode(TRASH_FOLDER), self.folder.encode())
                target = b"/".join((*above, *names))
        return Act(name, file, keeper, reason, others, root, target_root, target)

    def _root_of(self, path: bytes) -> bytes:
        folder = path.rpartition(b"/")[0]
        if folder not in self.root_by_folder:
            self.root_by_folder[folder] = root_of(path, self.roots)
        return self.root_by_folder[folder]


def automatic_act(file: FileOfImage) -> ActName:
    """Choose the act by where a file is kept: in the store, or on disk.

    Examples
    --------
    >>> facts = dict(file_id=1, image_id=1, user_name="ann", path=None, path_key=None, bytes=9,
    ...              filename="a.jpg", modified_ns=0, device=None, inode=None, state="present",
    ...              digest="d")
    >>> automatic_act(FileOfImage(kept="upload", **facts))
    'forget'
    """
    return "trash" if file.is_in_place else "forget"


def _act_name(text: str) -> ActName:
    for name in ACTS:
        if name == text:
            return name
    message = f"{text!r} is not an act; there are {', '.join(ACTS)}"
    raise ActRefused(message)


def all_ids(rows: Iterable[PlannedRow]) -> set[int]:
    """Collect the ids of all files in a plan."""
    return {each for row in rows for each in (row.file_id, row.keeper_id)}
