"""Show the pictures of any frame in a notebook cell."""

from typing import TYPE_CHECKING

import pandas as pd

from imgurer_kernel.errors import QueryError
from imgurer_kernel.ui.models.captions import image_tiles, search_tiles
from imgurer_kernel.ui.session import VisitorSession
from imgurer_kernel.ui.widgets.gallery import Gallery

if TYPE_CHECKING:
    from imgurer_kernel.workbench.workbench import Workbench

MAX_PICTURES = 200
"""Most pictures shown by default; a frame may have a million rows."""


def pictures(workbench: "Workbench", frame: pd.DataFrame, limit: int = MAX_PICTURES) -> Gallery:
    """Show the pictures that a frame names, in its order.

    Parameters
    ----------
    frame
        Any frame with a column ``image_id``; one from `Workbench.similar` also shows distances.
        Repeated pictures are shown once, forgotten ones are left out.
    limit
        Most pictures to show.

    Returns
    -------
    Gallery
        Its trait ``selected`` is the image_id of the clicked picture.

    Raises
    ------
    QueryError
        If the frame has no column ``image_id``.
    """
    if "image_id" not in frame.columns:
        message = f"the frame has no image_id; it has {', '.join(map(str, frame.columns))}"
        raise QueryError(message)
    session = VisitorSession(workbench)
    rows = frame.drop_duplicates("image_id").head(limit)
    images = workbench.images(rows["image_id"].tolist())
    compared = {"distance", "verdict", "orientation"} <= set(frame.columns)
    columns = ["image_id", *(["distance", "verdict", "orientation"] if compared else [])]
    listing = session.listing(rows[columns].merge(images, on="image_id", how="inner"))
    gallery = Gallery(label="Pictures", empty_text="The frame names no pictures of this store.")
    gallery.show(search_tiles(listing) if compared else image_tiles(listing))
    return gallery
