"""Notes (references) of files outside the store, and checks whether these have changed since."""

import os
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import BinaryIO

from imgurer_kernel.common.atomic_files import mapped_os_errors
from imgurer_kernel.errors import BlobMissing, StorageError
from imgurer_kernel.store.blobs.backends.base import Backend
from imgurer_kernel.store.blobs.backends.reference import Reference
from imgurer_kernel.store.blobs.source_reading import digest_of, source_errors


class Notes:
    """Notes under names of a backend, such as ``references/ab/cd/<digest>``."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    def read(self, name: str) -> Reference | None:
        """Read the note of that name, if any; BlobDamaged if it cannot be read."""
        try:
            with self._backend.open(name) as note:
                content = note.read()
        except BlobMissing:
            return None
        return Reference.from_json(content, self._backend.location(name))

    def write(self, name: str, note: Reference) -> None:
        """Write a note under that name, replacing an earlier one."""
        with self._backend.create(name.partition("/")[0]) as draft:
            draft.write(note.as_json())
            draft.publish(name)

    def check(self, file: BinaryIO, digest: str, name: str, noted: Reference) -> BinaryIO:
        """Return an open file outside the store if it has not changed since it was noted.

        Size, time and inode of the open file are compared, since the path may lead to another file
        by now. Only if they differ is the file read, and noted again if its bytes are the same.
        """
        facts = os.fstat(file.fileno())
        if noted.is_as_noted(facts):
            return file
        with ExitStack() as failing, mapped_os_errors(Path(noted.path)):
            failing.callback(file.close)
            if facts.st_size != noted.size or digest_of(file) != digest:
                raise noted.changed("linked" if name.startswith("links") else "referenced")
            file.seek(0)
            failing.pop_all()
        with suppress(StorageError):  # in a read-only store the file is read each time
            self.write(name, Reference.of(noted.path, facts))
        return file

    def relocate(self, name: str, path: Path) -> None:
        """Note another path of a file, if its facts are those of the noted file."""
        noted = self.read(name)
        if noted is None:
            return
        with source_errors(str(path)):
            facts = path.stat()
        if noted.is_as_noted(facts):
            self.write(name, Reference.of(str(path), facts))
