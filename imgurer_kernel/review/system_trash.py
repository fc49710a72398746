"""The trash of the operating system."""

import importlib.util
import os

from imgurer_kernel.errors import ActRefused


def require_system_trash() -> None:
    """Raise `ActRefused` unless files can be sent to the system's trash.

    It needs the package Send2Trash.
    """
    if importlib.util.find_spec("send2trash") is None:
        message = "the system's trash needs the package Send2Trash: pip install Send2Trash"
        raise ActRefused(message)


def send(path: bytes) -> None:
    """Send a file to the system's trash.

    Raises
    ------
    ActRefused
        If there is no system trash, or it refuses the file.
    """
    require_system_trash()
    from send2trash import TrashPermissionError, send2trash

    try:
        send2trash(os.fsdecode(path))
    except (TrashPermissionError, OSError) as error:
        message = f"the system's trash does not take {os.fsdecode(path)!r}: {error}"
        raise ActRefused(message) from error
