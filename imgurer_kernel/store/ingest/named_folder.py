"""Check the path of a folder that a user has typed, with errors of one sentence."""

import os
from contextlib import closing
from pathlib import Path
from urllib.parse import unquote_to_bytes

from imgurer_kernel.errors import SourceError
from imgurer_kernel.store.ingest.left_out import TRASH_FOLDER


def named_folder(text: str, root: Path) -> Path:
    """Return the folder that a text names, without ingesting it.

    Stricter than `ingest`: the path must be absolute, since users do not know the working folder
    of a server, and no pattern.

    Parameters
    ----------
    text
        As it was typed, or copied from a file manager: blanks and quotes around it are ignored, a
        ``file:`` address is the path that it has, ``~`` is the home of the process's user.
    root
        The folder of the store, from which nothing is ingested.

    Raises
    ------
    SourceError
        If it names no folder that can be listed; the message is a sentence for the user.

    Examples
    --------
    >>> named_folder(" '/' ", Path("/srv/store"))
    PosixPath('/')
    """
    typed = _path_in(text.strip())
    if not typed:
        message = "Type the path of a folder, such as /home/ann/Pictures."
        raise SourceError(message)
    try:
        folder = Path(typed).expanduser()
    except RuntimeError as error:  # the home of an unknown user
        message = f"{typed} names the home of nobody on this machine; type the whole path."
        raise SourceError(message) from error
    if not folder.is_absolute():
        message = f"{typed} is not a whole path; it must begin with / (or ~ for the home folder)."
        raise SourceError(message)
    try:
        # Opened, since a network drive may refuse access in spite of the permissions.
        with closing(os.scandir(folder)) as entries:
            next(entries, None)
        real, store = folder.resolve(), root.resolve()
    except FileNotFoundError as error:
        message = f"There is no folder {typed} on this machine; check the spelling."
        raise SourceError(message) from error
    except NotADirectoryError as error:
        message = f"{typed} is not a folder; name the folder that the file is in."
        raise SourceError(message) from error
    except PermissionError as error:
        message = f"{typed} may not be read by whoever runs imgurer; change its permissions."
        raise SourceError(message) from error
    except (OSError, ValueError) as error:  # too long, a loop of links, no name at all
        reason = getattr(error, "strerror", None) or "no folder can have that name"
        message = f"{typed!r} cannot be read: {reason}."
        raise SourceError(message) from error
    if real == store or store in real.parents:
        message = f"{typed} belongs to the store itself: its pictures are here already."
        raise SourceError(message)
    if TRASH_FOLDER in folder.parts or TRASH_FOLDER in real.parts:
        message = f"{typed} is a trash folder of imgurer: nothing is ingested from there."
        raise SourceError(message)
    return folder


def _path_in(typed: str) -> str:
    """Return the path in a text as file managers copy it: in quotes, or as an address.

    >>> _path_in("'/home/ann/My pictures'"), _path_in("file:///home/ann/My%20pictures")
    ('/home/ann/My pictures', '/home/ann/My pictures')
    """
    # No whole path begins with a quote or "file:", so nothing else can be meant.
    if len(typed) > 1 and typed[0] == typed[-1] and typed[0] in "'\"":
        typed = typed[1:-1].strip()
    for prefix in ("file://localhost/", "file:///", "file:/"):
        if typed.lower().startswith(prefix) and not typed[len(prefix) :].startswith("/"):
            return os.fsdecode(unquote_to_bytes(f"/{typed[len(prefix) :]}"))
    return typed
