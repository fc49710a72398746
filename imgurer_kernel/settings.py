"""Settings of one store: its folder and what it accepts."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Literal, Self, get_args

from imgurer_kernel.errors import SettingsError

StoreMode = Literal["copy", "link", "reference"]

_REAL = ("decode_seconds", "lease_timeout")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Settings of a `Workbench`; immutable.

    Attributes
    ----------
    root
        Folder of the store: blobs, thumbnails and the catalog. A text or path, which is made
        absolute.
    radius
        Hamming radius of a plain dHash search, 0..128 bits.
    max_bytes
        Largest file that is ingested.
    max_pixels
        Largest picture, width times height, that is decoded. 200 megapixels take 0.6 GB.
    max_frames
        Most frames that an animation may declare.
    max_scans
        Most scans of a JPEG; progressive ones have 10. Large pictures may have fewer: see
        `imgurer_kernel.fingerprint.codecs.limits`.
    max_segments
        Most segments of a JPEG, small chunks of a PNG, boxes of a HEIF, AVIF or JPEG 2000, chunks
        of a WebP, and extensions before the first frame of a GIF.
    max_entries
        Most entries in the metadata of a TIFF or in EXIF.
    max_tiles
        Most strips or tiles of a picture.
    max_growth
        Most bytes of pixels for each byte of a file, if that is more than 400 MB in all; applied
        to a JPEG only if every pixel is decoded.
    decode_seconds
        Most seconds that decoding an untrusted picture, such as an upload, may take.
    decode_memory
        Most bytes of memory that decoding it may take, beside the file itself.
    store
        How originals are kept: ``"copy"``, hard ``"link"`` if the file system supports it, or
        ``"reference"`` to the file in place.
    grace_days
        Days until an image is dropped that has no file left, and no bytes in the store.
    workers
        Processes or threads that decode; 0 means one for each core.
    inline_pictures
        Rows of a frame that a notebook shows with thumbnails, at most 50; 0 for none.
    lease_timeout
        Seconds to wait for another process to release the catalog.

    Examples
    --------
    >>> Settings(root="pictures").radius
    10
    >>> Settings.from_env({"IMGURER_ROOT": "pictures", "IMGURER_RADIUS": "8"}).radius
    8
    >>> Settings(radius=129)
    Traceback (most recent call last):
    imgurer_kernel.errors.SettingsError: radius is 129; it must lie between 0 and 128
    """

    root: Path = Path("data/store")
    radius: int = 10
    max_bytes: int = 1 << 30
    max_pixels: int = 200_000_000
    max_frames: int = 10_000
    max_scans: int = 100
    max_segments: int = 10_000
    max_entries: int = 5_000
    max_tiles: int = 100_000
    max_growth: int = 400
    decode_seconds: float = 60.0
    decode_memory: int = 1_500_000_000
    store: StoreMode = "copy"
    grace_days: int = 30
    workers: int = 0
    inline_pictures: int = 20
    lease_timeout: float = 30.0

    def __post_init__(self) -> None:
        try:
            if not os.fspath(self.root):  # for Path it is the working folder
                raise ValueError("it is empty")  # noqa: EM101, TRY301
            object.__setattr__(self, "root", Path(self.root).expanduser().absolute())
            if b"\0" in os.fsencode(self.root):
                raise ValueError("it has a zero byte")  # noqa: EM101, TRY301
        except (TypeError, RuntimeError, ValueError) as error:  # no path, or an unknown home
            message = f"root is {self.root!r}, which cannot be a folder: {error}; give a path"
            raise SettingsError(message) from error
        except FileNotFoundError as error:
            message = (
                f"root is {str(self.root)!r}, but the working folder was removed; give a path "
                "from the root"
            )
            raise SettingsError(message) from error
        for name, low, high in (
            ("radius", 0, 128),
            ("max_bytes", 1, 1 << 40),
            ("max_pixels", 1, 1 << 40),
            ("max_frames", 1, 1 << 31),
            ("max_scans", 1, 1 << 31),
            ("max_segments", 1, 1 << 31),
            ("max_entries", 1, 1 << 31),
            ("max_tiles", 1, 1 << 31),
            ("max_growth", 1, 1 << 31),
            ("decode_seconds", 0.1, 86_400),
            ("decode_memory", 1 << 20, 1 << 40),
            ("grace_days", 0, 36_500),
            ("workers", 0, 1024),
            ("inline_pictures", 0, 50),
            ("lease_timeout", 0, 86_400),
        ):
            value = getattr(self, name)
            kind, called = (int | float, "number") if name in _REAL else (int, "whole number")
            if isinstance(value, bool) or not isinstance(value, kind):
                message = f"{name} is {value!r}; it must be a {called} from {low} to {high}"
                raise SettingsError(message)
            if not low <= value <= high:
                message = f"{name} is {value}; it must lie between {low} and {high}"
                raise SettingsError(message)
        if self.store not in get_args(StoreMode):
            message = f"store is {self.store!r}; it must be one of {', '.join(get_args(StoreMode))}"
            raise SettingsError(message)

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None, **given: object) -> Self:
        """Read settings from variables named ``IMGURER_`` and a field's name in capitals.

        A field that is `given` is not read.

        Raises
        ------
        SettingsError
            If a value is not of its field's kind.
        """
        environ = os.environ if environ is None else environ
        values: dict[str, object] = {}
        for field in fields(cls):
            variable = f"IMGURER_{field.name.upper()}"
            if field.name in given or variable not in environ:
                continue
            others = {"root": str, "store": str} | dict.fromkeys(_REAL, float)
            convert = others.get(field.name, int)
            try:
                values[field.name] = convert(environ[variable])
            except ValueError as error:
                message = f"{variable} is {environ[variable]!r}; it must be a number"
                raise SettingsError(message) from error
        return cls(**values | given)  # type: ignore[arg-type]
