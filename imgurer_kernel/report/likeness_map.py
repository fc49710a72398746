"""Lay pictures out on a map on which similar ones are near each other.

Pictures are laid out by what a dHash is taken from, 9x9 grays: scikit-learn reduces them to their
main components and lays these out by t-SNE (van der Maaten and Hinton 2008). Of many pictures a
sample is laid out, and each other one is put between the nearest of it: time grows with the square
of what is laid out, and a sample of 4,000 takes some 20 seconds.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from imgurer_kernel.common.progress import Progress
from imgurer_kernel.common.types import BoolMask, Float64s, Int64s, UInt8s
from imgurer_kernel.errors import ImgurerError, StorageError, UnknownImage

if TYPE_CHECKING:
    from imgurer_kernel.report.figures import NotebookFigure

SAMPLE = 4000
"""Pictures that are laid out; all others are put between them."""

_COMPONENTS = 24
_NEIGHBORS = 3
_PERPLEXITY = 30.0


def lay_out(
    grays: UInt8s, seed: int = 0, sample: int = SAMPLE, progress: Progress | None = None
) -> Float64s:
    """Compute the positions of pictures on a map, float64 (n, 2), within 0..1.

    Parameters
    ----------
    grays
        uint8 (n, 9, 9).
    seed
        Of the sample and of the layout: the same seed and grays give the same map.
    sample
        How many pictures are laid out, the rest being put between them.
    progress
        Told before each of the two steps, which cannot be stopped themselves.

    Raises
    ------
    ImgurerError
        If scikit-learn is not installed.
    """
    try:
        from sklearn.decomposition import PCA
        from sklearn.manifold import TSNE
        from sklearn.neighbors import NearestNeighbors
        from threadpoolctl import threadpool_limits  # scikit-learn needs it, too
    except ImportError as error:
        message = "a map needs scikit-learn: pip install 'imgurer[map]'"
        raise ImgurerError(message) from error
    values = grays.reshape(len(grays), 81).astype(np.float64)
    # Without brightness and contrast, which say nothing of what a picture shows.
    values -= values.mean(axis=1, keepdims=True)
    values /= np.maximum(values.std(axis=1, keepdims=True), 1.0)
    # Copies are laid out once: many equal points would push all others to the rim.
    points, which = np.unique(values, axis=0, return_inverse=True)
    which = which.reshape(-1)
    if len(points) < 4:
        return _line(len(points))[which]
    components = min(_COMPONENTS, len(points) - 1, points.shape[1])
    reduced = PCA(components, random_state=seed).fit_transform(points)
    chosen = np.sort(np.random.default_rng(seed).permutation(len(points))[:sample])
    perplexity = min(_PERPLEXITY, (len(chosen) - 1) / 3)
    layout = TSNE(2, perplexity=perplexity, init="pca", random_state=seed, n_jobs=1)
    places = np.empty((len(points), 2))
    tell = progress or (lambda *_: None)
    tell(f"laying out {len(chosen):,} pictures", 0, 2)
    # Threads of OpenMP wait for each other at each of a thousand steps: on two busy cores 300
    # pictures took 32 s, and take 3 s by one thread.
    with threadpool_limits(1):
        places[chosen] = layout.fit_transform(reduced[chosen])
    others = np.setdiff1d(np.arange(len(points)), chosen)
    tell(f"placing {len(others):,} more", 1, 2)
    if len(others):
        near = NearestNeighbors(n_neighbors=_NEIGHBORS).fit(reduced[chosen])
        distances, neighbors = near.kneighbors(reduced[others])
        weights = 1 / np.maximum(distances, 1e-9)
        weights /= weights.sum(axis=1, keepdims=True)
        places[others] = (places[chosen][neighbors] * weights[..., None]).sum(axis=1)
    low, high = places.min(axis=0), places.max(axis=0)
    scaled: Float64s = (places - low) / np.maximum(high - low, 1e-9)
    return scaled[which]


def _line(number: int) -> Float64s:
    """Lay a few pictures out side by side."""
    places = np.full((number, 2), 0.5)
    places[:, 0] = (np.arange(number) + 0.5) / max(number, 1)
    return places


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LikenessMap:
    """Pictures on a map.

    Attributes
    ----------
    frame
        image_id, x and y (0 to 1, up and to the right), filename, and cluster_id (missing for a
        picture in no cluster).
    thumbnail
        From an image_id to a JPEG.
    """

    frame: pd.DataFrame
    thumbnail: Callable[[int], bytes]

    def figure(self, pictures: int = 120, *, dark: bool = False) -> "NotebookFigure":
        """Draw the map: a point for each picture, and thumbnails where there is room.

        Parameters
        ----------
        pictures
            Most thumbnails; they are spread over the map.
        """
        from imgurer_kernel.report.figures import plot_map

        thumbnails = {}
        for image_id in spread(self.frame, pictures).tolist():
            try:
                thumbnails[image_id] = self.thumbnail(image_id)
            except (StorageError, UnknownImage):  # lost, or forgotten since: its point is enough
                continue
        return plot_map(self.frame, thumbnails, dark=dark)

    def within(self, corners: Sequence[tuple[float, float]]) -> BoolMask:
        """Tell which rows of the frame lie within an outline, bool (n,), by the even-odd rule.

        Parameters
        ----------
        corners
            x and y of three or more, in order; the last one is joined to the first.

        Examples
        --------
        >>> frame = pd.DataFrame({"x": [0.2, 0.8], "y": [0.5, 0.5]})
        >>> shown = LikenessMap(frame=frame, thumbnail=lambda image_id: b"")
        >>> shown.within([(0, 0), (0.5, 0), (0.5, 1), (0, 1)]).tolist()
        [True, False]
        """
        return within(self.frame[["x", "y"]].to_numpy(np.float64), corners)

    def _repr_jpeg_(self) -> bytes:
        return self.figure().jpeg()


def within(places: Float64s, corners: Sequence[tuple[float, float]]) -> BoolMask:
    """Tell which positions (n, 2) lie within an outline, bool (n,), by the even-odd rule.

    A ray to the right of a place within crosses the outline an odd number of times.
    """
    x, y = places[:, 0], places[:, 1]
    inside = np.zeros(len(places), np.bool_)
    for (x0, y0), (x1, y1) in zip(corners, [*corners[1:], corners[0]], strict=True):
        if y0 == y1:
            continue
        crossed = (y0 > y) != (y1 > y)
        inside ^= crossed & (x < x0 + (y - y0) * ((x1 - x0) / (y1 - y0)))
    return inside


def spread(frame: pd.DataFrame, number: int) -> Int64s:
    """Choose pictures to show as thumbnails, no two of them in one cell of the map.

    Examples
    --------
    >>> spread(pd.DataFrame({"image_id": [4, 5, 6], "x": [0.1, 0.12, 0.9], "y": 0.5}), 4).tolist()
    [4, 6]
    """
    side = max(1, math.isqrt(max(number, 1)))
    cells = [np.minimum((frame[name].to_numpy() * side).astype(int), side - 1) for name in "xy"]
    first = ~pd.Series(cells[0] * side + cells[1]).duplicated().to_numpy()
    return frame["image_id"].to_numpy(np.int64)[first][:number]
