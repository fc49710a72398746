"""Tell by their names which files of a folder belong together.

A *sidecar* holds what a program knows of a picture: ``IMG_1.jpg.xmp`` or ``IMG_1.xmp``, a phone's
``IMG_1.aae``, the ``IMG_1.jpg.json`` of an album download. An *other half* has contents of its own:
the raw file of the same shot, the video of a live photo, a spoken note.
"""

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

SIDECARS = (
    *(b".xmp", b".aae", b".json"),
    # RawTherapee and ART, DxO, ON1, Canon, Capture One, Nikon.
    *(b".pp3", b".arp", b".dop", b".on1", b".onphoto", b".vrd", b".dr4", b".cos", b".nksc"),
)
"""Suffixes of files that only describe another one, in lower case."""

OTHER_HALVES = (
    *(b".3fr", b".arw", b".cr2", b".cr3", b".crw", b".dcr", b".dng", b".erf", b".iiq", b".kdc"),
    *(b".mef", b".mos", b".mrw", b".nef", b".nrw", b".orf", b".pef", b".raf", b".raw", b".rw2"),
    *(b".rwl", b".sr2", b".srf", b".srw", b".x3f"),
    *(b".mov", b".mp4", b".m4v", b".avi", b".3gp", b".wav", b".m4a"),
)
"""Suffixes of raw files, videos and sounds that belong to a picture of the same name."""

_TAKEOUT_LENGTH = 46
"""Characters to which Google Takeout cuts names of pictures that it puts before ``.json``."""

# It also cuts its own word, down to a dot; the number of a second file of one name stands behind.
_TAKEOUT_WORD = re.compile(
    rb"\.(?:"
    + b"|".join(b"supplemental-metadata"[:n] for n in range(21, -1, -1))
    + rb")(\(\d+\))?$"
)
_NUMBERED = re.compile(rb"(.*)(\.[^.()]+)(\(\d+\))?", re.DOTALL)
_EDITED = ("edited", "bearbeitet", "modifié", "editado", "modificato", "bewerkt")
_OF_EDIT = re.compile(rb"(img_)o(\d+)")
_VERSION = re.compile(rb"(.+)_\d\d(\.[^.]+)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class NamesBeside:
    """The names in a folder: sidecars by their file, others by the names that refer to them."""

    sidecars: dict[bytes, list[bytes]]
    others: dict[bytes, list[bytes]]

    @classmethod
    def of(cls, names: Iterable[bytes]) -> "NamesBeside":
        """Index the names of one folder."""
        sidecars: dict[bytes, list[bytes]] = {}
        others: dict[bytes, list[bytes]] = {}
        for name in sorted(names):
            if name.lower().endswith(SIDECARS):
                for key in {key for keys in _owner_names(name) for key in keys}:
                    sidecars.setdefault(key, []).append(name)
            else:
                for key in _references(name):
                    others.setdefault(key, []).append(name)
        return cls(sidecars, others)

    def sidecars_of(self, name: bytes) -> Iterator[bytes]:
        """Yield the sidecars that belong to a file, possibly with others.

        Examples
        --------
        >>> names = NamesBeside.of([b"a.jpg", b"A.xmp", b"a.jpg.suppl.json", b"b.xmp"])
        >>> list(names.sidecars_of(b"a.jpg"))
        [b'a.jpg.suppl.json', b'A.xmp']
        """
        found = (each for key in _references(name) for each in self.sidecars.get(key, []))
        for sidecar in dict.fromkeys(found):
            if name in self._all_owners(sidecar):
                yield sidecar

    def owners(self, sidecar: bytes, going: Collection[bytes] = ()) -> list[bytes]:
        """List the files that a sidecar belongs to, without those that go."""
        return [name for name in self._all_owners(sidecar) if name not in going]

    def other_halves_of(self, name: bytes) -> list[bytes]:
        """List the raw files, videos and sounds that belong to a picture.

        Examples
        --------
        >>> NamesBeside.of([b"a.jpg", b"a.CR2", b"b.mov"]).other_halves_of(b"a.jpg")
        [b'a.CR2']
        """
        stem = _stem(name.lower())
        return [
            other
            for other in self.others.get(stem, [])
            if other != name
            and other.lower().endswith(OTHER_HALVES)
            and _stem(other.lower()) == stem
        ]

    def _all_owners(self, sidecar: bytes) -> list[bytes]:
        for keys in _owner_names(sidecar):
            found = [name for key in keys for name in self.others.get(key, [])]
            if found:
                return list(dict.fromkeys(found))
        return []


def is_companion(name: bytes) -> bool:
    """Return whether a name is that of a sidecar or another half."""
    return name.lower().endswith((*SIDECARS, *OTHER_HALVES))


def _owner_names(sidecar: bytes) -> list[tuple[bytes, ...]]:
    """Return the names or stems of a sidecar's files in lower case, in groups.

    A later group counts only if no file has a name of an earlier one.
    """
    base, _, suffix = sidecar.lower().rpartition(b".")
    groups: list[tuple[bytes, ...]] = [(base,)]
    if suffix == b"json":
        return [_takeout_names(base)]
    if suffix == b"aae" and (of_edit := _OF_EDIT.fullmatch(base)):
        # A phone's edits before the last ones: IMG_O1.AAE is of IMG_1.
        groups.append((of_edit[1] + of_edit[2],))
    if version := _VERSION.fullmatch(base):
        # darktable keeps further versions of a.jpg in a_01.jpg.xmp.
        groups.append((version[1] + version[2],))
    return groups


def _takeout_names(base: bytes) -> tuple[bytes, ...]:
    """Return the names of files that share a JSON file of an album download.

    Examples
    --------
    >>> _takeout_names(b"a.jpg.supplemental-meta(1)")[:3]
    (b'a.jpg.supplemental-meta(1)', b'a.jpg(1)', b'a(1).jpg')
    """
    plain = _TAKEOUT_WORD.sub(rb"\1", base)
    names = [base, plain]
    if parts := _NUMBERED.fullmatch(plain):
        stem, suffix, number = parts[1], parts[2], parts[3] or b""
        edits = (b"-" + word.encode() for word in _EDITED)
        names += [stem + edit + number + suffix for edit in (b"", *edits)]
    return tuple(dict.fromkeys(names))


def _references(name: bytes) -> list[bytes]:
    """Return the names by which a sidecar may refer to a file, in lower case, as some disks do."""
    whole = name.lower()
    characters = whole.decode("utf-8", "surrogateescape")
    cut = characters[:_TAKEOUT_LENGTH].encode("utf-8", "surrogateescape")
    return list(dict.fromkeys((whole, _stem(whole), cut)))


def _stem(name: bytes) -> bytes:
    return name.rpartition(b".")[0] or name
