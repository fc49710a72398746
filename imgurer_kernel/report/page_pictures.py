"""Thumbnails for a page: as many as it can hold, reduced where there are many."""

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
"""From an image_id to a JPEG."""

Explain = Callable[[int, int], bytes]
"""From the image_ids of two pictures to a JPEG of a figure that explains the pair."""

MAX_BYTES = 38_000_000
"""Bytes of base64 that the thumbnails of a page may take, of its 60 MB."""

_FEW = 1000
"""Pictures up to which thumbnails are shown as they are, 240x270 pixels, some 10 KB each."""

_MOST = 12_000
"""Thumbnails of a page at most: to make one small takes half a millisecond."""

_SMALL = (120, 135)
_QUALITY = 62


def picture_order(files: pd.DataFrame) -> Int64s:
    """List the image_ids of a frame of files by priority, each once.

    First the picture that is kept and the one that the others were compared with, of all clusters,
    then the second of each cluster, the third, and so on.

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
        From an image_id to a JPEG; None for no pictures.
    missing
        How many the store has lost.
    shown, left_out
        How many are in the page, and how many had no room.
    """

    thumbnail: Thumbnail | None
    max_bytes: int = MAX_BYTES
    missing: int = 0
    shown: int = 0
    left_out: int = 0

    def read(self, image_ids: Int64s) -> dict[int, str]:
        """Read JPEGs by image_id in base64, as many as there is room for.

        One that the store has lost is an empty text; what is left out is not there.
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
                # Lost or damaged, or forgotten since: a report must not fail by one picture.
                self.missing += 1
                jpegs[image_id] = ""
                continue
            spent += len(text)
            self.shown += 1
            jpegs[image_id] = text
        return jpegs

    @property
    def words(self) -> list[str]:
        """Sentences about pictures that are not shown."""
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
        # Decoded at half its size, which costs a quarter of the time.
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
    """Make figures, in base64, of the pairs that are least alike, by (cluster_id, other_id).

    Parameters
    ----------
    pairs
        cluster_id, image_id (the medoid), other_id, score.
    number, max_bytes
        Most figures, and most bytes of them all.
    progress
        Told each figure, which takes half a second.
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
                continue  # lost, or forgotten since: its thumbnails have to do
            text = base64.b64encode(jpeg).decode("ascii")
            max_bytes -= len(text)
            if max_bytes < 0:
                break
            found[cluster_id, other_id] = text
            advance(1)
    return found
