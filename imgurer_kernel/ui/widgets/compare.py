"""Two or more pictures side by side with linked zoom, and two of them overlaid."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import traitlets

from imgurer_kernel.ui.theme.theme import script, static
from imgurer_kernel.ui.widgets.originals import STAGE_SCRIPTS, STAGE_STYLES, OriginalsWidget
from imgurer_kernel.ui.widgets.tile_data import Tile, pack

_IDENTITY = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)


@dataclass(frozen=True, slots=True)
class ComparedFact:
    """One fact of each picture, and whether these differ."""

    label: str
    values: tuple[str, ...]
    differs: bool


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ComparedPictures:
    """The content of a comparison.

    Attributes
    ----------
    tiles, sizes
        The pictures, and width and height of each upright original.
    maps
        Map of each picture from the first: six numbers of an affine map on -1..1; the first one's
        is the identity.
    facts
        Facts about them, side by side.
    text
        A sentence about the two pictures, if there are two.
    aligned, beneath, difference
        JPEGs of one size: the first aligned with the second, the second, and their difference;
        empty if there is none.
    laid
        Width and height of these JPEGs.
    differing
        Share of the common area that visibly differs, 0..1.
    framed
        Whether the difference frames areas without any match.
    """

    tiles: Sequence[Tile]
    sizes: Sequence[tuple[int, int]]
    maps: Sequence[tuple[float, ...]]
    facts: Sequence[ComparedFact] = ()
    text: str = ""
    aligned: bytes = b""
    beneath: bytes = b""
    difference: bytes = b""
    laid: tuple[int, int] = (1, 1)
    differing: float = 0.0
    framed: bool = False


class Compare(OriginalsWidget):
    """Pictures with one zoom for all; for two also a slider, blinking, and their difference.

    Keys: ``s``, ``l``, ``b``, ``d`` for the four modes, and those of `Viewer` for the zoom.

    Traits
    ------
    mode
        ``side``, ``slider``, ``blink`` or ``difference``.
    active
        Whether it is open, if it is not inline.
    inline
        Whether it is part of the page, as in a notebook, or covers it; fixed when it is made.
    """

    _esm = script(*STAGE_SCRIPTS, "widgets/compare.js")
    _css = static(*STAGE_STYLES, "widgets/compare.css")
    mode = traitlets.Enum(("side", "slider", "blink", "difference"), "side").tag(sync=True)
    active = traitlets.Bool(False).tag(sync=True)
    inline = traitlets.Bool(False).tag(sync=True)

    @traitlets.default("_content")
    def _empty_content(self) -> dict[str, Any]:
        nothing: dict[str, Any] = {name: [] for name in ("tiles", "sizes", "maps", "facts")}
        nothing |= {"blob": b"", "text": "", "layers": {}, "laid": [1, 1]}
        return nothing | {"differing": 0.0, "framed": False}

    def show(self, pictures: ComparedPictures) -> None:
        """Show pictures, and open the comparison unless it is inline."""
        items, blob = pack(pictures.tiles)
        layers: dict[str, tuple[int, int]] = {}
        for name in ("aligned", "beneath", "difference"):
            data: bytes = getattr(pictures, name)
            if data:
                layers[name] = (len(blob), len(data))
                blob += data
        # In one message: it must not open with the previous pictures.
        with self.hold_sync():
            self._content = {
                "tiles": items,
                "blob": blob,
                "sizes": [list(size) for size in pictures.sizes],
                "maps": [list(each or _IDENTITY) for each in pictures.maps],
                "facts": [
                    {"label": fact.label, "values": list(fact.values), "differs": fact.differs}
                    for fact in pictures.facts
                ],
                "text": pictures.text,
                "layers": layers,
                "laid": list(pictures.laid),
                "differing": pictures.differing,
                "framed": pictures.framed,
            }
            self.active = True
