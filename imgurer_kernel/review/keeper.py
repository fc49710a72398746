"""Order files of one picture, and recognise the names that programs give to copies."""

import re
from collections.abc import Sequence
from pathlib import PurePath

import numpy as np
import pandas as pd

from imgurer_kernel.common.types import BoolMask, Int64s

# Words that file managers, browsers and cameras put around the name of a copy, in their most common
# languages.
_WORDS = "copy|copie|copia|kopie|kopia|duplicate|duplikat"
_COPY_NAME = re.compile(
    rf"""^({_WORDS})\d*([ _-]\(?\d+\)?)?[ _-](of|de|di|von|van|av)[ _-]  # copy 2 of IMG
    | [ _-]+\(?({_WORDS})\)?([ _-]?\(?\d+\)?)?$                       # IMG - Copy (2)
    | ^({_WORDS})$
    | ^(download|unnamed)([ _-]?\(?\d+\)?)?$                            # what browsers save
    | [ _-]?\(\d{{1,3}}\)$                                            # IMG (1)
    """,
    re.IGNORECASE | re.VERBOSE,
)


# Whole words in the name of a folder into which pictures are copied, or from which they are taken.
_COPY_FOLDER = re.compile(
    r"(?<![^\W_])(back[ _-]?ups?|bak|sicherung(en)?|sauvegardes?|respaldo|copies|kopien|copias"
    rf"|{_WORDS}|duplicates|duplikate|downloads?)(?![^\W_])",
    re.IGNORECASE,
)

_ANY_OF_THESE = (")", *_WORDS.split("|"), "download", "unnamed")
_MAY_BE_COPY = re.compile("|".join(map(re.escape, _ANY_OF_THESE)), re.IGNORECASE)


def has_copy_name(filename: str) -> bool:
    """Return whether a file name is one that programs give to copies.

    Examples
    --------
    >>> [has_copy_name(name) for name in ("a (1).jpg", "a - Copy.jpg", "copy of a.jpg", "a.jpg")]
    [True, True, True, False]
    >>> has_copy_name("Photocopy.jpg"), has_copy_name("IMG_0001.jpg"), has_copy_name("a (2019).jpg")
    (False, False, False)
    """
    # The regular expression is slow, and few names contain what it needs.
    return _MAY_BE_COPY.search(filename) is not None and (
        _COPY_NAME.search(PurePath(filename).stem) is not None
    )


def copy_names(filenames: Sequence[str]) -> BoolMask:
    """Return for each file name whether `has_copy_name` is true, bool (n,).

    Examples
    --------
    >>> copy_names(["a.jpg", "a (1).jpg", "a.jpg", "a - Copy.jpg"]).tolist()
    [False, True, False, True]
    """
    # Shortcut, since usually there is none: finding each word takes a tenth of the search's time.
    text = "\n".join(filenames)
    lowered = text.lower()
    if text.isascii() and not any(word in lowered for word in _ANY_OF_THESE):
        return np.zeros(len(filenames), np.bool_)
    # One search through all names joined: a search per name takes four times as long.
    ends = np.cumsum([len(name) + 1 for name in filenames])
    places = [found.start() for found in _MAY_BE_COPY.finditer(text)]
    copies = np.zeros(len(filenames), np.bool_)
    for row in np.unique(np.searchsorted(ends, places, side="right")).tolist():
        copies[row] = has_copy_name(filenames[row])
    return copies


def in_copy_folders(folders: Sequence[str]) -> BoolMask:
    """Return for each path of a folder whether it is a place for copies, or below one, bool (n,).

    Examples
    --------
    >>> in_copy_folders(["/a/Backup 2020", "/a/Camera copies/1", "/a/Camera/1", "/tempo"]).tolist()
    [True, True, False, False]
    """
    found = {folder: _COPY_FOLDER.search(folder) is not None for folder in set(folders)}
    return np.array([found[folder] for folder in folders], np.bool_)


def file_order(files: pd.DataFrame) -> Int64s:
    """Order rows of files by preference of the standard policy, int64 (n,).

    Present files come before others, then files of reference folders, names that are not those of
    copies, the file ingested first, and at last the path.

    Parameters
    ----------
    files
        Columns file_id, path, filename, state, is_reference, taken_in.

    Examples
    --------
    >>> files = pd.DataFrame({"file_id": [1, 2], "path": ["/a/x (1).jpg", "/b/x.jpg"],
    ...                       "filename": ["x (1).jpg", "x.jpg"], "state": "present",
    ...                       "is_reference": False, "taken_in": pd.Timestamp("2026-01-02")})
    >>> file_order(files).tolist()
    [1, 0]
    """
    ranks = pd.DataFrame(
        {
            "gone": (files["state"] != "present").to_numpy(),
            "other": ~files["is_reference"].to_numpy(bool),
            "copy": copy_names(files["filename"].tolist()),
            "taken_in": files["taken_in"].array,
            "path": files["path"].to_numpy(object),
            "file_id": files["file_id"].to_numpy(),
        }
    )
    by = ["gone", "other", "copy", "taken_in", "path", "file_id"]
    order: Int64s = ranks.sort_values(by, kind="stable").index.to_numpy(np.int64)
    return order
