"""The dashboard and its parts: models, widgets, and the panels that link them.

`models` hold state and actions, and can be tested without a browser; `widgets` are small
anywidgets, each a .py, a .js and a .css side by side; `panels` link models to widgets; `routing` is
the page's URL fragment; `theme` the common stylesheet. This package reads no file or catalog
itself, only through the workbench.

Examples
--------
>>> from imgurer_kernel.ui import SearchPanel

``SearchPanel(workbench)`` as the last line of a notebook cell shows that panel alone, and
``pictures(workbench, frame)`` shows the rows of any frame with an ``image_id``.
"""

from typing import TYPE_CHECKING

from imgurer_kernel.common.lazy_names import lazy_names

if TYPE_CHECKING:
    from imgurer_kernel.ui.dashboard import Dashboard
    from imgurer_kernel.ui.panels.browse import BrowsePanel
    from imgurer_kernel.ui.panels.compare import ComparePanel
    from imgurer_kernel.ui.panels.frame_gallery import GalleryPanel
    from imgurer_kernel.ui.panels.likeness_map import MapPanel
    from imgurer_kernel.ui.panels.pictures import pictures
    from imgurer_kernel.ui.panels.review import ReviewPanel
    from imgurer_kernel.ui.panels.search import SearchPanel
    from imgurer_kernel.ui.panels.upload import UploadPanel
    from imgurer_kernel.ui.panels.users import UsersPanel

_MODULES = {
    "BrowsePanel": "panels.browse",
    "ComparePanel": "panels.compare",
    "Dashboard": "dashboard",
    "GalleryPanel": "panels.frame_gallery",
    "MapPanel": "panels.likeness_map",
    "ReviewPanel": "panels.review",
    "SearchPanel": "panels.search",
    "UploadPanel": "panels.upload",
    "UsersPanel": "panels.users",
    "pictures": "panels.pictures",
}

__all__ = [
    "BrowsePanel",
    "ComparePanel",
    "Dashboard",
    "GalleryPanel",
    "MapPanel",
    "ReviewPanel",
    "SearchPanel",
    "UploadPanel",
    "UsersPanel",
    "pictures",
]


# Loaded on first use: the server imports `ui.visitor` only, without the widgets.
__getattr__, __dir__ = lazy_names(__name__, _MODULES)
