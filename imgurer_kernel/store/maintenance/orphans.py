"""Find the sources of originals without a row, by the notes beside them."""

import os
from contextlib import suppress
from pathlib import Path

from imgurer_kernel.common.records import Arrival, Fingerprint
from imgurer_kernel.errors import BlobDamaged
from imgurer_kernel.store.blobs import BlobStore
from imgurer_kernel.store.ingest.sources import readable


def orphan_arrival(
    blobs: BlobStore, digest: str, size: int, found: Fingerprint, user: str
) -> Arrival:
    """Make the arrival of an original to be added again.

    A linked or noted original gets the name and the path in its note, so that the next scan finds
    it as the same file. Others are named by their digest.
    """
    unnamed = Arrival(
        digest=digest,
        bytes=size,
        fingerprint=found,
        user=user,
        filename=f"recovered-{digest[:12]}.{found.format.lower()}",
        source=f"recovered:{digest}",
    )
    noted = None
    with suppress(BlobDamaged):
        noted = blobs.note_of(digest)
    if noted is None:
        return unnamed
    kept, note = noted
    device = None
    with suppress(OSError, ValueError):
        device = Path(note.path).stat().st_dev
    return Arrival(
        digest=digest,
        bytes=size,
        fingerprint=found,
        user=user,
        filename=readable(os.path.basename(note.path)),  # noqa: PTH119 (no path of this system, maybe)
        source=readable(note.path),
        modified_ns=note.modified_ns,
        path=readable(note.path),
        path_key=os.fsencode(note.path),
        kept=kept,
        device=device,
        inode=note.inode or None,
    )
