"""Separate rejected files that should be pictures from files of other kinds, such as sidecars.

In a library of photos most rejected files are sidecars, videos and raw files. Listed one by one,
they would hide the few pictures that are damaged, and the folders that could not be read.
"""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path, PurePath
from typing import Any

from imgurer_kernel.common.text import count, join_words
from imgurer_kernel.fingerprint.codecs.sniff import kind_in

_OF_PICTURES = frozenset(
    (
        *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".gif", ".webp", ".tif", ".tiff", ".bmp"),
        *(".heic", ".heif", ".hif", ".avif", ".ico", ".jp2", ".ppm", ".pgm", ".pbm"),
    )
)


def by_kind(rejected: Mapping[str, str]) -> tuple[dict[str, str], Counter[str]]:
    """Sort out files whose content and name are of another kind.

    Parameters
    ----------
    rejected
        Reasons by path.

    Returns
    -------
    failures, others
        Reasons by path for all else, folders first; and the number of files of each other kind.

    Examples
    --------
    >>> failures, others = by_kind(
    ...     {
    ...         "a.xmp": "this is a text file, which cannot be ingested; choose a picture",
    ...         "b.jpg": "this is a text file, which cannot be ingested; choose a picture",
    ...         "c.jpg": "the file is empty",
    ...     }
    ... )
    >>> list(failures), dict(others)
    (['b.jpg', 'c.jpg'], {'a text file': 1})
    """
    failures, others = {}, Counter[str]()
    for place, reason in sorted(rejected.items(), key=lambda each: (not _is_dir(each[0]), each[0])):
        kind = kind_in(reason)
        if kind and PurePath(place).suffix.lower() not in _OF_PICTURES:
            others[kind] += 1
        else:
            failures[place] = reason
    return failures, others


def kinds_text(others: Counter[str]) -> str:
    """Describe how many files were left out, by kind.

    Examples
    --------
    >>> kinds_text(Counter({"a video": 2, "a text file": 1}))
    '3 files of other kinds were left out: a video (2) and a text file (1)'
    """
    number = sum(others.values())
    kinds = join_words(f"{kind} ({found:,})" for kind, found in others.most_common())
    were = "of another kind was" if number == 1 else "of other kinds were"
    return f"{count(number, 'file')} {were} left out: {kinds}"


def left_out_text(attrs: Mapping[Any, Any]) -> str:
    """Describe which folders of trash, caches and the like were not walked; empty for none.

    Parameters
    ----------
    attrs
        Those of a frame from `imgurer_kernel.Workbench.ingest`.

    Examples
    --------
    >>> left_out_text({"left_out": 2, "left_out_examples": ("/a/.cache", "/a/.git")})
    'trash, caches and the like were left out: /a/.cache and /a/.git; name one to have it read'
    """
    if "left_out" not in attrs:
        return ""
    places = list(attrs["left_out_examples"])
    more = attrs["left_out"] - len(places)
    if more:
        places.append(f"{more:,} more")
    return (
        f"trash, caches and the like were left out: {join_words(places)}; name one to have it read"
    )


def _is_dir(place: str) -> bool:
    try:
        return Path(place).is_dir()
    except OSError:
        return False
