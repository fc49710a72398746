"""The trash of the operating system."""

import os

from imgurer_kernel.errors import ActRefused


def send(path: bytes) -> None:
    """Send a file to the system's trash.

    Raises
    ------
    ActRefused
        If there is none, or it refuses.
    """
    try:
        from send2trash import TrashPermissionError, send2trash
    except ImportError as error:
        message = "the system's trash needs the package Send2Trash: pip install Send2Trash"
        raise ActRefused(message) from error
    try:
        send2trash(os.fsdecode(path))
    except (TrashPermissionError, OSError) as error:
        message = f"the system's trash does not take {os.fsdecode(path)!r}: {error}"
        raise ActRefused(message) from error
