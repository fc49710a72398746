"""Compute positions of pictures on a map on which similar ones are near each other.

The input is that of dHashes, 9x9 grays: scikit-learn reduces them to their main components and lays
these out by t-SNE (van der Maaten and Hinton 2008). Of many pictures a sample is laid out, and the
others are interpolated between the nearest of it: time grows with the square of the sample, and
4,000 pictures take some 20 seconds.
"""

import re
from collections.abc import Callable
from contextlib import redirect_stdout
from typing import TextIO, cast

import numpy as np

from imgurer_kernel.common.types import Float64s, UInt8s
from imgurer_kernel.errors import ImgurerError

SAMPLE = 4000
"""Most pictures laid out by t-SNE; all others are interpolated."""
STEPS = 1000
"""Steps of gradient descent of t-SNE."""

_COMPONENTS = 24
_NEIGHBORS = 3
_PERPLEXITY = 30.0


def lay_out(
    grays: UInt8s, seed: int = 0, sample: int = SAMPLE, on_step: Callable[[int], None] | None = None
) -> Float64s:
    """Compute the positions of pictures on a map, float64 (n, 2), within 0..1.

    It redirects standard output while it runs, and cannot be stopped; `layout_process` runs it in a
    child process, where neither matters.

    Parameters
    ----------
    grays
        uint8 (n, 9, 9).
    seed
        Seed of the sample and of the layout: the same seed and grays give the same map.
    sample
        Number of pictures that are laid out; the others are interpolated.
    on_step
        Called from time to time with the number of steps of t-SNE done, up to `STEPS`.

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
    # Remove brightness and contrast, which are unrelated to the content.
    values -= values.mean(axis=1, keepdims=True)
    values /= np.maximum(values.std(axis=1, keepdims=True), 1.0)
    # Lay out copies once: many equal points would push all others to the border.
    points, which = np.unique(values, axis=0, return_inverse=True)
    which = which.reshape(-1)
    if len(points) < 4:
        return _line(len(points))[which]
    components = min(_COMPONENTS, len(points) - 1, points.shape[1])
    reduced = PCA(components, random_state=seed).fit_transform(points)
    chosen = np.sort(np.random.default_rng(seed).permutation(len(points))[:sample])
    perplexity = min(_PERPLEXITY, (len(chosen) - 1) / 3)
    layout = TSNE(
        2,
        perplexity=perplexity,
        init="pca",
        random_state=seed,
        n_jobs=1,
        max_iter=STEPS,
        verbose=2,  # prints every 50th step, the only report of progress
    )
    places = np.empty((len(points), 2))
    # Threads of OpenMP wait for each other at each of a thousand steps: on two busy cores 300
    # pictures took 32 s, and take 3 s with one thread.
    with threadpool_limits(1), redirect_stdout(cast("TextIO", _Steps(on_step or _ignore))):
        places[chosen] = layout.fit_transform(reduced[chosen])
    others = np.setdiff1d(np.arange(len(points)), chosen)
    if len(others):
        near = NearestNeighbors(n_neighbors=_NEIGHBORS).fit(reduced[chosen])
        distances, neighbors = near.kneighbors(reduced[others])
        weights = 1 / np.maximum(distances, 1e-9)
        weights /= weights.sum(axis=1, keepdims=True)
        places[others] = (places[chosen][neighbors] * weights[..., None]).sum(axis=1)
    low, high = places.min(axis=0), places.max(axis=0)
    scaled: Float64s = (places - low) / np.maximum(high - low, 1e-9)
    return scaled[which]


class _Steps:
    """A file that receives the output of scikit-learn, and extracts the steps."""

    def __init__(self, on_step: Callable[[int], None]) -> None:
        self._on_step = on_step

    def write(self, text: str) -> int:
        found = re.search(r"Iteration (\d+)", text)
        if found:
            self._on_step(int(found[1]))
        return len(text)

    def flush(self) -> None:
        """Do nothing: there is no buffer."""


def _ignore(_: int) -> None:
    pass


def _line(number: int) -> Float64s:
    """Place a few pictures side by side."""
    places = np.full((number, 2), 0.5)
    places[:, 0] = (np.arange(number) + 0.5) / max(number, 1)
    return places
