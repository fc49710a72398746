"""References to files outside the store: path, and facts by which a change is detected."""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from imgurer_kernel.common.paths import modified_ns
from imgurer_kernel.errors import BlobDamaged, BlobMissing


@dataclass(frozen=True, slots=True)
class Reference:
    """A reference to a file outside the store, with its facts when its bytes were hashed.

    Attributes
    ----------
    path
        Its path when it was noted; a hard link has its bytes even if the file was moved.
    size, modified_ns, inode
        Bytes, time and inode; the latter is 0 in notes of earlier versions.
    """

    path: str
    size: int
    modified_ns: int
    inode: int = 0

    @classmethod
    def of(cls, path: str, facts: os.stat_result) -> Self:
        """Make the reference to a file with these facts."""
        return cls(path, facts.st_size, modified_ns(facts), facts.st_ino)

    def as_json(self) -> bytes:
        """Encode as JSON; bytes of names that are not UTF-8 are escaped."""
        content = {
            "path": self.path,
            "bytes": self.size,
            "modified_ns": self.modified_ns,
            "inode": self.inode,
        }
        return json.dumps(content).encode("ascii")

    @classmethod
    def from_json(cls, note: bytes, location: str) -> Self:
        """Decode the JSON of `as_json`.

        Raises
        ------
        BlobDamaged
            If it is malformed; the message names the note's `location`.
        """
        try:
            content = json.loads(note)
            return cls(
                str(content["path"]),
                int(content["bytes"]),
                int(content["modified_ns"]),
                int(content.get("inode", 0)),
            )
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            message = f"the reference {location} is damaged; ingest the file again that it led to"
            raise BlobDamaged(message) from error

    def is_as_noted(self, facts: os.stat_result) -> bool:
        """Return whether a file with these facts is the one that was hashed."""
        if (facts.st_size, modified_ns(facts)) != (self.size, self.modified_ns):
            return False
        return self.inode in {0, facts.st_ino}

    def facts(self) -> os.stat_result:
        """Return the present facts of the file.

        Raises
        ------
        BlobMissing
            If it cannot be found.
        """
        try:
            return Path(self.path).stat()
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            message = (
                f"the original {self.path}, which the store only references, cannot be found: "
                f"{reason}; put it back, or ingest it from where it is now"
            )
            raise BlobMissing(message) from error

    def changed(self, kept: str) -> BlobDamaged:
        """Make the error for a file that has changed; `kept` is how it is kept."""
        return BlobDamaged(
            f"the original {self.path}, which is only {kept}, has been changed; restore the "
            "earlier file, or ingest the new one"
        )
