"""Widgets: models without widgets, small anywidgets, panels that link the two.

Examples
--------
>>> from imgurer_kernel.ui import SearchPanel

``SearchPanel(workbench)`` as the last line of a notebook cell shows that panel alone, and
``pictures(workbench, frame)`` whatever rows have an ``image_id``.
"""

from importlib import import_module

_HOMES = {
    "BrowsePanel": "panels.browse",
    "Dashboard": "dashboard",
    "DuplicatesPanel": "panels.duplicates",
    "SearchPanel": "panels.search",
    "UploadPanel": "panels.upload",
    "UsersPanel": "panels.users",
    "pictures": "panels.pictures",
}

__all__ = [
    "BrowsePanel",
    "Dashboard",
    "DuplicatesPanel",
    "SearchPanel",
    "UploadPanel",
    "UsersPanel",
    "pictures",
]


def __getattr__(name: str) -> object:
    """Import a panel when it is asked for: the server needs a part of this package only."""
    if name in _HOMES:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)
