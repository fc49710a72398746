"""Looking at pairs of pictures, at each once: what was seen before is remembered."""

from collections.abc import Callable

import numpy as np

from imgurer_kernel.common.types import BoolMask, Float64s, Int64s, UInt64s
from imgurer_kernel.matching.image_cache import ImageCache
from imgurer_kernel.matching.result_cache import ResultCache, pair_keys
from imgurer_kernel.matching.verify import Comparison


class CachedComparer:
    """Comparisons of the pictures of a gallery, through memories that grow by them.

    Parameters
    ----------
    gallery
        The pictures.
    tokens
        uint64 (n,): a word for each picture and its fingerprint.
    compared, layouts
        What is known already: of width 9 and 1.
    count
        Called with the number of pairs that were looked at since its last call.
    """

    def __init__(
        self,
        gallery: ImageCache,
        tokens: UInt64s,
        compared: ResultCache,
        layouts: ResultCache,
        count: Callable[[int], None] | None = None,
    ) -> None:
        self._gallery = gallery
        self._tokens = tokens
        self._compared = compared
        self._layouts = layouts
        self._count = count

    def measure(self, first: Int64s, second: Int64s, begin: Float64s) -> Comparison:
        """Measures and maps of pairs, as `imgurer_kernel.matching.verify.compare` gives them."""

        def compute(new: Int64s) -> Float64s:
            seen = self._gallery.compare(first[new], second[new], begin[new], self._count)
            return np.hstack(seen)

        found = self._through(self._compared, first, second, begin, compute)
        return found[:, :3].astype(np.float32), found[:, 3:]

    def same_layout(self, first: Int64s, second: Int64s, maps: Float64s) -> BoolMask:
        """Which pairs only share their layout, laid on each other by these maps."""

        def compute(new: Int64s) -> Float64s:
            shared = self._gallery.share_layout(first[new], second[new], maps[new])
            return shared.astype(np.float64)[:, None]

        found: BoolMask = self._through(self._layouts, first, second, maps, compute) > 0
        return found[:, 0]

    def _through(
        self,
        memory: ResultCache,
        first: Int64s,
        second: Int64s,
        maps: Float64s,
        compute: Callable[[Int64s], Float64s],
    ) -> Float64s:
        owners = np.column_stack((self._tokens[first], self._tokens[second]))
        return memory.through(pair_keys(owners, maps), owners, compute)
