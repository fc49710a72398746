"""What each part of the verified search adds: the search with that part taken out.

The parts are taken out from here, by exchanging what the package's own modules call; the package
has no switches for it.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from unittest.mock import patch

import numpy as np

from imgurer_kernel.fingerprint.hashes.dhash import dhash_many
from imgurer_kernel.matching import image_cache
from imgurer_kernel.matching.clusters import pipeline
from imgurer_kernel.matching.clusters.budget import SearchScope
from imgurer_kernel.matching.clusters.solver import StarSolver
from imgurer_kernel.matching.pair_table import SAME

Change = Callable[[], ExitStack]


class _BelievingSolver(StarSolver):
    """Takes every candidate for the same picture."""

    def _verify(self, rows):
        self.pairs.status[rows] = SAME
        self.pairs.measures[rows] = (1 - self.pairs.distance[rows] / 128)[:, None]
        self.pairs.maps[rows] = 1, 0, 0, 0, 1, 0

    def _compare_ends(self, _paths):
        return False


class _DirectSolver(StarSolver):
    """Compares only what the hashes propose, and keeps the first medoids."""

    def _compare_ends(self, _paths):
        return False

    def _try_other_medoids(self, _stars):
        return False


def _searching(change):
    """`find_clusters` with other arguments: a function of (images, loaders, options)."""
    find = pipeline.find_clusters

    def changed(images, loaders, **options):
        images, loaders, options = change(images, loaders, options)
        return find(images, loaders, **options)

    return patch.object(pipeline, "find_clusters", changed)


def _whole_boxes(pictures):
    return np.tile(np.array([0, 0, 64, 64]), (len(pictures), 1))


def _upright_only(grays):
    """Turned pictures have the opposite hash, which is near to nothing."""
    upright = dhash_many(grays)
    return np.stack([upright, *([~upright] * 7)], axis=1)


PARTS = {
    "border trim": (
        _searching(lambda images, *rest: (replace(images, content=images.whole), *rest)),
        patch.object(image_cache, "content_boxes", _whole_boxes),
    ),
    "8 orientations": (patch.object(pipeline, "turned_hashes", _upright_only),),
    "crop windows": (
        _searching(
            lambda *args: (*args[:2], args[2] | {"scope": SearchScope(radius=24, windows=False)})
        ),
    ),
    "neighbors of neighbors and other medoids": (
        patch.object(pipeline, "StarSolver", _DirectSolver),
    ),
    "flat rule": (
        _searching(
            lambda images, *rest: (
                replace(images, informative=np.ones(len(images), bool)),
                *rest,
            )
        ),
    ),
    "same-layout test": (
        _searching(
            lambda images, loaders, options: (images, replace(loaders, thumbnails=None), options)
        ),
    ),
    "verification": (patch.object(pipeline, "StarSolver", _BelievingSolver),),
}
"""The parts, and what takes each of them out."""


@contextmanager
def without(part: str) -> Iterator[None]:
    """Run with one part taken out."""
    with ExitStack() as stack:
        for change in PARTS[part]:
            stack.enter_context(change)
        yield
