"""A slider for the search radius, in bits of Hamming distance, with labels at some stops."""

import anywidget
import traitlets

from imgurer_kernel.ui.theme.theme import script, static

RADIUS_WORDS = {0: "identical", 4: "re-saved", 10: "edited", 20: "loosely alike"}
"""What pictures within this many of 128 bits usually are to each other."""

WIDEST = 32
"""The largest radius of the slider."""


class RadiusSlider(anywidget.AnyWidget):
    """Choose the largest Hamming distance of a search.

    Traits
    ------
    value
        Bits, 0 to 128. The handle is at the largest stop up to it. Set by the browser when the
        handle is released, or has not moved for 200 ms.
    label
        Text above the slider.
    stops
        The radii that the handle stops at, ascending. They are denser where one bit changes the
        result more.
    ticks
        Stops with labels, each [bits, label].
    """

    _esm = script("widgets/common.js", "widgets/radius_slider.js")
    _css = static("theme/tokens.css", "widgets/common.css", "widgets/radius_slider.css")
    value = traitlets.Int(10).tag(sync=True)
    label = traitlets.Unicode("How far apart").tag(sync=True)
    stops = traitlets.Any([*range(10), *range(10, 20, 2), 20, 24, WIDEST]).tag(sync=True)
    ticks = traitlets.Any([list(tick) for tick in RADIUS_WORDS.items()]).tag(sync=True)
