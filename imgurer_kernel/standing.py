"""Where settling stands: what belongs to which star, and ways between images."""

from collections.abc import Iterable
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from imgurer_kernel.clusters import Cluster

Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Stars:
    """Of each image: its medoid (or itself), the pair with that, how many it is a medoid of."""

    centre: Ints
    spoke: Ints
    size: Ints

    @classmethod
    def of(cls, clusters: Iterable[Cluster], n: int) -> "Stars":
        """The stars that clusters of images 0..n-1 are."""
        centre, spoke = np.arange(n), np.full(n, -1)
        for cluster in clusters:
            centre[cluster.members] = cluster.medoid
            spoke[cluster.members[1:]] = cluster.edges[1:]
        return cls(centre, spoke, np.bincount(centre, minlength=n))


@dataclass(frozen=True, slots=True, eq=False)
class Routes:
    """From one image to another by way of a third: rows of the pairs first-third, third-last."""

    first: Ints
    onto_first: Ints
    last: Ints
    onto_last: Ints

    def __len__(self) -> int:
        return len(self.first)

    def take(self, chosen: Mask) -> "Routes":
        """Some of the routes."""
        return Routes(*(getattr(self, field.name)[chosen] for field in fields(self)))

    def ends(self) -> list[tuple[int, int]]:
        """First and last image of each route."""
        return list(zip(self.first.tolist(), self.last.tolist(), strict=True))
