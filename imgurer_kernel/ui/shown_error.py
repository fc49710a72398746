"""The text of an error for a visitor, without paths of the server."""

import os
from pathlib import Path

from imgurer_kernel.common.text import without_folder

COOKIE_VARIABLE = "IMGURER_LOGIN_COOKIE"
"""Variable with the name of the session's cookie; empty or not set without a login."""


def shown_error(error: BaseException) -> str:
    """Return an error's text; with a login, without the path of the store's folder.

    Members need not know the layout of the server's disks; a user who runs imgurer alone needs the
    path to find the file.

    >>> shown_error(ValueError("no such thing"))
    'no such thing'
    """
    text = str(error)
    if not os.environ.get(COOKIE_VARIABLE):
        return text
    return without_folder(text, Path(os.environ["IMGURER_ROOT"]))
