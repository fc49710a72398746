"""Thumbnails for a page: as many as fit, reduced if there are many."""

import base64
import io
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from PIL import Image

from imgurer_kernel.common.progress import ProgressOption, reporting
from imgurer_kernel.common.types import Int64s
from imgurer_kernel.errors import ImageRejected, StorageError, UnknownImage

Thumbnail = Callable[[int], bytes]
"""Function from an image_id to a JPEG."""

Explain = Callable[[int, int], bytes]
"""Function from the image_ids of two pictures to a JPEG of the figure that explains the pair."""

MAX_BYTES = 38_000_000
"""Most base64 bytes of a page's thumbnails, of its 60 MB."""

_FEW = 1000
"""Most pictures whose thumbnails are not reduced: 240x270 pixels, some 10 KB each."""

_MOST = 12_000
"""Most thumbnails of a page: reducing one takes half a millisecond."""

_SMALL = (120, 135)
_QUALITY = 62


def picture_order(files: pd.DataFrame) -> Int64s:
    """List the image_ids of a frame of files by priority, each once.

    First the keepers and the medoids of all clusters, then the second picture of each cluster, the
    third, and so on.

    Examples
    --------
    >>> files = pd.DataFrame({"cluster_id": [0, 0, 0, 1, 1], "image_id": [5, 6, 7, 8, 9],
    ...                       "is_medoid": [True, False, False, True, False],
    ...                       "is_keeper": [False, False, True, True, False]})
    >>> picture_order(files).tolist()
    [5, 7, 8, 6, 9]
    """
    first = (files["is_medoid"] | files["is_keeper"]).to_numpy(bool)
    rank = np.where(first, 0, files.groupby("cluster_id").cumcount().to_numpy() + 1)
    order = np.lexsort((np.arange(len(files)), rank))
    return pd.unique(files["image_id"].to_numpy(np.int64)[order]).astype(np.int64)


@dataclass(slots=True)
class PagePictures:
    """Reads the thumbnails of a page one after the other.

    Attributes
    ----------
    thumbnail
        Function from an image_id to a JPEG; None for a page without pictures.
    missing
        Number of thumbnails lost by the store.
    shown, left_out
        Number of pictures in the page, and of those that did not fit.
    """

    thumbnail: Thumbnail | None
    max_bytes: int = MAX_BYTES
    missing: int = 0
    shown: int = 0
    left_out: int = 0

    def read(self, image_ids: Int64s) -> dict[int, str]:
        """Read JPEGs by image_id in base64, as many as fit.

        A lost thumbnail is an empty text; pictures that do not fit have no entry.
        """
        jpegs: dict[int, str] = {}
        if self.thumbnail is None:
            return jpegs
        make_small = len(image_ids) > _FEW
        spent = 0
        for place, image_id in enumerate(image_ids.tolist()):
            if spent >= self.max_bytes or self.shown >= _MOST:
                self.left_out = len(image_ids) - place
                break
            try:
                jpeg = self.thumbnail(image_id)
                text = base64.b64encode(small(jpeg) if make_small else jpeg).decode("ascii")
            except (StorageError, UnknownImage, OSError):
                # Lost, damaged or just forgotten: one picture must not make a report fail.
                self.missing += 1
                jpegs[image_id] = ""
                continue
            spent += len(text)
            self.shown += 1
            jpegs[image_id] = text
        return jpegs

    @property
    def words(self) -> list[str]:
        """Sentences about pictures that are not in the page."""
        notes = []
        if self.left_out:
            notes.append(
                f"Pictures are shown of {self.shown:,} images. Those of {self.left_out:,} more "
                "were left out, so that this file stays below 60 MB: of each cluster the one "
                "that is kept came first."
            )
        if self.missing:
            notes.append(f"The thumbnails of {self.missing:,} images are missing in the store.")
        return notes


def small(jpeg: bytes) -> bytes:
    """Reduce a picture to fit 120x135 pixels."""
    with Image.open(io.BytesIO(jpeg), formats=["JPEG"]) as image:
        # Decoded at half size, which takes a quarter of the time.
        image.draft("RGB", _SMALL)
        image.thumbnail(_SMALL, Image.Resampling.BILINEAR, reducing_gap=None)
        out = io.BytesIO()
        image.save(out, "JPEG", quality=_QUALITY)
    return out.getvalue()


def figures_of(
    explain: Explain | None,
    pairs: pd.DataFrame,
    number: int,
    progress: ProgressOption = False,
    max_bytes: int = MAX_BYTES // 2,
) -> dict[tuple[int, int], str]:
    """Make figures, in base64, of the pairs with the lowest scores, by (cluster_id, other_id).

    Parameters
    ----------
    pairs
        cluster_id, image_id (the medoid), other_id, score.
    number, max_bytes
        Most figures, and most bytes of all of them.
    progress
        Called for each figure, which takes half a second.
    """
    found: dict[tuple[int, int], str] = {}
    if explain is None or number <= 0:
        return found
    weakest = pairs.sort_values(["score", "cluster_id", "other_id"], kind="stable").head(number)
    keys = weakest[["cluster_id", "other_id", "image_id"]].to_numpy(np.int64).tolist()
    with reporting(progress, len(keys), "figures") as advance:
        for cluster_id, other_id, medoid_id in keys:
            try:
                jpeg = explain(other_id, medoid_id)
            except (StorageError, UnknownImage, ImageRejected, OSError):
                continue  # lost or just forgotten: the page has the thumbnails only
            text = base64.b64encode(jpeg).decode("ascii")
            max_bytes -= len(text)
            if max_bytes < 0:
                break
            found[cluster_id, other_id] = text
            advance(1)
    return found
