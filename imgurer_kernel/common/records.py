"""The records that the packages exchange: plain, frozen, without behaviour."""

import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal, TypeAlias

Role = Literal["admin", "member"]
Kept = Literal["upload", "copy", "link", "reference"]
FileState = Literal["present", "missing", "changed"]
PathKey: TypeAlias = bytes
"""An absolute path in the bytes of the file system, which identify a file."""
FileEvent = Literal["added", "duplicate", "unchanged", "changed", "moved"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Facts from a picture's EXIF; None for missing ones.

    Attributes
    ----------
    orientation
        EXIF orientation, 1..8; 1 if it is missing or invalid.
    taken_at
        Local time of the exposure, without a zone, as cameras write it.
    camera
        Maker and model, at most 100 characters.
    latitude, longitude
        Degrees, north and east positive.
    """

    orientation: int = 1
    taken_at: datetime | None = None
    camera: str | None = None
    latitude: float | None = None
    longitude: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fingerprint:
    """Everything derived from the bytes of one picture.

    Attributes
    ----------
    dhash
        Row hash and column hash, 64 bits each, of the upright picture.
    trimmed_dhash
        The same of the picture without its uniform borders; equal to `dhash` if it has none.
    grays
        81 bytes: the 9x9 gray picture, row by row, that `dhash` was computed from.
    verification
        4,096 bytes: the 64x64 gray picture, row by row, aspect not kept.
    thumbnail
        JPEG of the upright picture that fits 240x270.
    width, height
        Pixels of the upright picture.
    format
        Name of the format in Pillow, such as ``"JPEG"``.
    frames
        Number of frames; 1 for a still.
    informative
        False for a picture too flat for its dHash to mean anything.
    near_ties
        Number of the 128 compared pairs of grays that differ by one level at most.
    algorithm
        Name of the algorithm and its version; fingerprints of different ones are not compared.
    pixels
        SHA-256 of the decoded picture, or of all frames, of one that is not informative, which
        matches by it. None for all others, and if not all frames could be decoded.
    frame_key
        Hash of all frames (`imgurer_kernel.fingerprint.hashes.frame_hash`); empty for a still.
    duration_ms
        Sum of the durations of all frames; 0 for stills and pages.
    frames_digest
        SHA-256 of the pixels of all frames; None for a still, and if not all were decoded.
    damage
        Damage of the file that the decoder found, in words; None for a sound one.
    profile
        The colour profile that was applied, or why it was not; None for sRGB, or without a
        profile.
    is_gray
        Whether it has no colour; None if an earlier version did not compute that.
    """

    dhash: tuple[int, int]
    trimmed_dhash: tuple[int, int]
    grays: bytes
    verification: bytes
    thumbnail: bytes
    width: int
    height: int
    format: str
    frames: int
    informative: bool
    near_ties: int
    algorithm: str
    facts: Facts
    pixels: str | None = None
    frame_key: bytes = b""
    duration_ms: int = 0
    frames_digest: str | None = None
    damage: str | None = None
    profile: str | None = None
    is_gray: bool | None = None

    @property
    def dhash_hex(self) -> str:
        """The dHash as 32 hex digits, row hash first."""
        row, column = self.dhash
        return f"{row:016x}{column:016x}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """One file to be added to the catalog.

    Attributes
    ----------
    digest, bytes
        SHA-256 of the bytes as 64 hex digits, and their number.
    fingerprint
        None if the catalog is known to have one for this digest.
    user, filename, source
        Its owner, its name, and its origin (an absolute path, or ``upload:NAME``).
    modified_ns
        Modification time of the source in nanoseconds, 0 for an upload: with the size it shows
        whether the source has changed since.
    path, path_key
        Absolute path as text, and its bytes, which identify a file. An upload has neither;
        an imported file has the text only, since it is a path of another store.
    kept
        How its bytes are kept.
    device, inode
        Those of the file, if they are known.
    taken_in
        When it was ingested, in UTC without a zone; None for now.
    moved_from
        file_id of the file that this is, if it was found elsewhere before.
    """

    digest: str
    bytes: int
    fingerprint: Fingerprint | None
    user: str
    filename: str
    source: str
    modified_ns: int = 0
    path: str | None = None
    path_key: PathKey | None = None
    kept: Kept = "upload"
    device: int | None = None
    inode: int | None = None
    taken_in: datetime | None = None
    moved_from: int | None = None


@dataclass(frozen=True, slots=True)
class Receipt:
    """The result of adding an arrival: its image, whether that is new, its file, the event."""

    image_id: int
    added: bool
    file_id: int
    event: FileEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One user, without the password."""

    name: str
    role: Role
    enabled: bool
    created_at: datetime
    last_seen: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFile:
    """One file that a walk found: its path, and facts that show whether it has changed.

    `name` is its absolute path, a text because making a `Path` for each of many files takes longer
    than reading their facts. `mode`: how its bytes are to be kept; None for the mode in the
    settings.
    """

    name: str
    bytes: int
    modified_ns: int
    device: int | None = None
    inode: int | None = None
    mode: Literal["copy", "link", "reference"] | None = None

    @property
    def path(self) -> Path:
        """The absolute path."""
        return Path(self.name)

    @property
    def key(self) -> PathKey:
        """The path in the bytes of the file system."""
        return os.fsencode(self.name)
