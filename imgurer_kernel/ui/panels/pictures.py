"""The pictures of any frame, in a notebook cell."""

from typing import TYPE_CHECKING

import pandas as pd

from imgurer_kernel.errors import QueryError
from imgurer_kernel.ui.models.captions import plain_tiles, search_tiles
from imgurer_kernel.ui.session import VisitorSession
from imgurer_kernel.ui.widgets.gallery import Gallery

if TYPE_CHECKING:
    from imgurer_kernel.workbench.workbench import Workbench

MOST = 200
"""Pictures that are shown; a frame may have a million rows."""


def pictures(workbench: "Workbench", frame: pd.DataFrame, limit: int = MOST) -> Gallery:
    """Show the pictures that a frame speaks of, in its order.

    Parameters
    ----------
    frame
        Any frame with a column ``image_id``; one from `Workbench.similar` also shows distances.
        A picture that is named twice is shown once, one that was forgotten not at all.
    limit
        Most pictures to show.

    Returns
    -------
    Gallery
        Its trait ``selected`` is the image_id of the picture that was clicked.

    Raises
    ------
    QueryError
        If the frame has no column ``image_id``.
    """
    if "image_id" not in frame.columns:
        message = f"the frame has no image_id; it has {', '.join(map(str, frame.columns))}"
        raise QueryError(message)
    session = VisitorSession(workbench)
    chosen = frame.drop_duplicates("image_id").head(limit)
    known = workbench.images(chosen["image_id"].tolist())
    found = {"distance", "verdict", "orientation"} <= set(frame.columns)
    own = ["image_id", *(["distance", "verdict", "orientation"] if found else [])]
    listing = session.listing(chosen[own].merge(known, on="image_id", how="inner"))
    gallery = Gallery(label="Pictures", empty_text="The frame names no pictures of this store.")
    gallery.show(search_tiles(listing) if found else plain_tiles(listing))
    return gallery
