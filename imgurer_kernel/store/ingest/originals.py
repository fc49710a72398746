"""Fingerprint and store originals: the only way into a store, for files, uploads and archives.

Fingerprinting needs the processor and storing waits for the disk, so they are two steps: the
pipeline limits the number of threads in the first only.
"""

from dataclasses import replace
from pathlib import Path
from typing import Protocol

from imgurer_kernel.common.records import Arrival, Fingerprint
from imgurer_kernel.settings import Settings
from imgurer_kernel.store.blobs import BlobStore


class Decode(Protocol):
    """The function that fingerprints bytes, in this process or in a child."""

    def __call__(self, data: bytes, *, limits: Settings) -> Fingerprint:
        """Fingerprint a file, or raise an `ImageRejected`."""


def fingerprint_if_new(
    blobs: BlobStore,
    settings: Settings,
    decode: Decode,
    data: bytes,
    arrival: Arrival,
    path: Path | None = None,
) -> Arrival:
    """Fingerprint the bytes of an arrival, unless the store has them in this mode or a safer one.

    Parameters
    ----------
    decode
        Called for new bytes.
    data
        The bytes that the digest of the arrival was computed from.
    path
        The file they were read from; None without one, in which case the store must have a copy.

    Returns
    -------
    Arrival
        Without a fingerprint if the store has the bytes: then the catalog should have the image.

    Raises
    ------
    ImageRejected
        If the bytes are not a picture that can be ingested.
    """
    kept = arrival.kept
    if blobs.exists(arrival.digest, "copy" if path is None or kept == "upload" else kept):
        return arrival
    return replace(arrival, fingerprint=decode(data, limits=settings))


def store_original(
    blobs: BlobStore, data: bytes, arrival: Arrival, path: Path | None = None
) -> Arrival:
    """Store bytes and thumbnail of an arrival, unless it has no fingerprint: then they are stored.

    Parameters
    ----------
    data, path
        As for `fingerprint_if_new`; `arrival.kept` determines whether a file is linked or noted.
    """
    if arrival.fingerprint is None:
        return arrival
    match arrival.kept:
        case "link" | "reference" as mode if path is not None:
            blobs.put(path, digest=arrival.digest, mode=mode)
            if mode == "link" and blobs.exists(arrival.digest, "copy"):
                arrival = replace(arrival, kept="copy")  # hard links between disks are impossible
        case _:
            blobs.put(data, digest=arrival.digest, trusted=True)
    if arrival.fingerprint is not None:
        blobs.put_thumbnail(arrival.digest, arrival.fingerprint.thumbnail)
    return arrival
