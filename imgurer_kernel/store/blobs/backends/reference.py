"""Originals that were left in their place: a note that says where, and how to tell a change."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from imgurer_kernel.errors import BlobDamaged, BlobMissing


@dataclass(frozen=True, slots=True)
class Reference:
    """A file outside the store, with its size in bytes and its time when it was hashed."""

    path: str
    size: int
    modified_ns: int

    def as_json(self) -> bytes:
        """What the note holds; names that are no UTF-8 are kept by escapes."""
        content = {"path": self.path, "bytes": self.size, "modified_ns": self.modified_ns}
        return json.dumps(content).encode("ascii")

    @classmethod
    def from_json(cls, note: bytes) -> Self:
        """The reverse of `as_json`; raises ValueError, KeyError or TypeError for another thing."""
        content = json.loads(note)
        return cls(str(content["path"]), int(content["bytes"]), int(content["modified_ns"]))


def follow(note: bytes, location: str) -> Path:
    """The file that a note leads to, if it still is the one that was hashed.

    Parameters
    ----------
    note
        As `Reference.as_json` wrote it.
    location
        Where the note lies, for messages.

    Raises
    ------
    BlobMissing, BlobDamaged
        If it is gone, or if it or the note has changed.
    """
    try:
        reference = Reference.from_json(note)
    except (ValueError, TypeError, KeyError) as error:
        message = f"the reference {location} is damaged; ingest the file again that it led to"
        raise BlobDamaged(message) from error
    path = Path(reference.path)
    try:
        facts = path.stat()
    except OSError as error:
        message = (
            f"the original {path}, which is only referred to, cannot be found: {error.strerror}; "
            "bring it back, or ingest it from where it is now"
        )
        raise BlobMissing(message) from error
    # Size and time instead of the digest: a look must not cost the reading of the whole file.
    if (facts.st_size, facts.st_mtime_ns) != (reference.size, reference.modified_ns):
        message = (
            f"the original {path}, which is only referred to, has been changed; bring the "
            "earlier file back, or ingest the new one"
        )
        raise BlobDamaged(message)
    return path
