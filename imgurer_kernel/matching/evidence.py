"""The evidence whether two images show the same picture: measures, map and label."""

from dataclasses import dataclass, replace

import numpy as np

from imgurer_kernel.fingerprint.hashes.dhash import ORIENTATIONS
from imgurer_kernel.matching.affine import INVERSE_ORIENTATION, invert
from imgurer_kernel.matching.labels import Label
from imgurer_kernel.matching.relation import NO_DUPLICATE


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Measures of how well two images agree, and the label that follows from them.

    Attributes
    ----------
    first, second
        Image ids.
    distance
        Hamming distance of the two dHashes that were near, 0..128.
    orientation
        How the first picture is oriented to look like the second, one of
        `imgurer_kernel.fingerprint.hashes.dhash.ORIENTATIONS`.
    score
        Agreement of the aligned pictures, -1..1; the same from 0.79.
    correlation, overlap
        Of all gradients together, and the share of the first picture that lies in the second.
    transform
        a, b, c, d, e, f: the point (u, v) of the first picture is (a u + b v + c, d u + e v + f)
        in the second; both pictures reach from -1 to 1 in both directions.
    label
        See `Label`.
    detail
        What else was done to a copy, such as ``"gray, covered at the lower right, 9 %"``.
    via
        Id of the medoid that both are the same as, where they were not found to be the same
        directly; score, correlation and overlap are those of the one that agrees less with it.
    """

    first: int
    second: int
    distance: int
    orientation: str
    score: float
    correlation: float
    overlap: float
    transform: tuple[float, ...]
    label: Label
    detail: str = ""
    via: int | None = None

    def reversed(self) -> "Evidence":
        """Return the evidence from the second picture to the first."""
        a, b, _, d, e, _ = self.transform
        inverse = invert(np.array([self.transform], float))[0]
        # The map scales the area of the common part.
        overlap = min(1.0, self.overlap * abs(a * e - b * d))
        return replace(
            self,
            first=self.second,
            second=self.first,
            orientation=ORIENTATIONS[INVERSE_ORIENTATION[ORIENTATIONS.index(self.orientation)]],
            overlap=overlap,
            transform=tuple(inverse.tolist()),
        )

    @property
    def duplicate(self) -> bool:
        """Whether both show the same picture; False where they are different or merely related."""
        return self.label not in NO_DUPLICATE
