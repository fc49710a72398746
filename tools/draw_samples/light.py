"""Light and film: what every scene is painted with.

A scene is an array of linear light, float32 (3, height, width), in which 1 is paper white and
highlights may go beyond; `develop` makes an 8-bit picture of it as a camera would. The colours
come first, so that a plane (height, width) scales all three of them as it is.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Plane = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Frame:
    """The picture to be: its size, its source of chance, and its coordinates.

    Lengths are in picture heights, so that a scene looks the same at any size; ``x`` goes from 0
    to `aspect` rightwards and ``y`` from 0 to 1 downwards.
    """

    width: int
    height: int
    rng: np.random.Generator

    @property
    def aspect(self) -> float:
        """Width over height."""
        return self.width / self.height

    @cached_property
    def x(self) -> Plane:
        """Centres of the columns, shape (1, width)."""
        return ((np.arange(self.width, dtype=np.float32) + 0.5) / self.height)[None, :]

    @cached_property
    def y(self) -> Plane:
        """Centres of the rows, shape (height, 1)."""
        return ((np.arange(self.height, dtype=np.float32) + 0.5) / self.height)[:, None]

    def scaled(self, factor: float) -> "Frame":
        """The same picture with more or fewer pixels, drawing from the same chance."""
        return Frame(round(self.width * factor), round(self.height * factor), self.rng)

    def distance(self, x: float, y: float) -> Plane:
        """Distance of every pixel from a point, shape (height, width)."""
        across, down = self.x - np.float32(x), self.y - np.float32(y)
        result: Plane = np.sqrt(across * across + down * down)
        return result

    def around(
        self, x: float, y: float, reach: float, down: float | None = None
    ) -> tuple[slice, slice]:
        """Rows and columns about a point, `reach` to either side, as far as there is a picture."""
        scale = self.height
        rows, columns = (
            slice(max(0, int((at - far) * scale)), max(0, int((at + far) * scale) + 2))
            for at, far in ((y, reach if down is None else down), (x, reach))
        )
        return rows, columns

    def edge(self, inside: Plane) -> Plane:
        """Coverage of pixels by the region where a signed distance in heights is positive."""
        result: Plane = np.clip(inside * np.float32(self.height) + np.float32(0.5), 0, 1)
        return result

    def uniform(self, low: float, high: float) -> float:
        """One random number between two bounds."""
        return float(self.rng.uniform(low, high))


def hexed(text: str) -> Plane:
    """Linear light of a colour written as on the web, shape (3, 1, 1).

    Examples
    --------
    >>> [round(float(part), 3) for part in hexed("#ff8000").ravel()]
    [1.0, 0.216, 0.0]
    """
    encoded = np.array([int(text[i : i + 2], 16) for i in (1, 3, 5)], np.float32) / 255
    light = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
    return light.astype(np.float32)[:, None, None]


def mix(first: Plane, second: Plane, amount: Plane | float) -> Plane:
    """Linear mixture of two colours, planes or pictures."""
    share = np.asarray((second - first) * np.asarray(amount, np.float32), np.float32)
    if share.shape == np.broadcast_shapes(share.shape, first.shape):
        share += first
        return share
    return share + first


def ramp(values: Plane, stops: Sequence[tuple[float, str]]) -> Plane:
    """Colours of values along a gradient; eased between the stops so that none shows as a band."""
    table = _gradient(tuple(stops))
    low, high = stops[0][0], stops[-1][0]
    place = (values - np.float32(low)) * np.float32((table.shape[1] - 1) / (high - low))
    index = np.clip(place, 0, table.shape[1] - 1).astype(np.int32)
    colors: Plane = np.take(table, index, axis=1)
    return colors


@lru_cache(maxsize=256)
def _gradient(stops: tuple[tuple[float, str], ...]) -> Plane:
    """Colours of a gradient at 2,048 even steps, shape (3, 2048)."""
    places = np.array([place for place, _ in stops])
    # Mixed in the cube root of light, where equal steps look equal.
    colors = np.cbrt(np.concatenate([hexed(text)[..., 0] for _, text in stops], axis=1))
    fine = np.linspace(places[0], places[-1], 2048)
    lower = np.clip(np.searchsorted(places, fine, side="right") - 1, 0, len(places) - 2)
    share = (fine - places[lower]) / (places[lower + 1] - places[lower])
    share = 0.5 * share + 0.5 * share * share * (3 - 2 * share)
    result: Plane = ((colors[:, lower] * (1 - share) + colors[:, lower + 1] * share) ** 3).astype(
        np.float32
    )
    return result


def smooth(values: Plane, low: float = 0, high: float = 1) -> Plane:
    """Hermite step from 0 at `low` to 1 at `high`."""
    share = np.clip((values - np.float32(low)) * np.float32(1 / (high - low)), 0, 1)
    result: Plane = share * share * (np.float32(3) - np.float32(2) * share)
    return result


def resized(plane: Plane, width: int, height: int) -> Plane:
    """A plane, or a picture of several, in another size: averaged down, smooth up."""
    if plane.ndim == 3:
        return np.stack([resized(part, width, height) for part in plane])
    image = Image.fromarray(np.ascontiguousarray(plane, np.float32))
    kind = Image.Resampling.BOX if width < plane.shape[1] else Image.Resampling.BICUBIC
    return np.array(image.resize((width, height), kind), np.float32)


def blurred(plane: Plane, radius: float) -> Plane:
    """A soft blur; `radius` is its standard deviation in picture heights."""
    height, width = plane.shape[-2:]
    pixels = radius * height
    if pixels < 0.3:
        return plane
    factor = min(1.0, 2 / pixels)
    small = plane
    if factor < 0.9:
        small = resized(plane, max(3, round(width * factor)), max(3, round(height * factor)))
    deviation = pixels * small.shape[-2] / height
    reach = int(np.ceil(deviation * 2.6))
    taps = np.exp(-0.5 * (np.arange(-reach, reach + 1) / deviation) ** 2).astype(np.float32)
    taps /= taps.sum()
    for axis in (-2, -1):
        length = small.shape[axis]
        margin = [(0, 0)] * small.ndim
        margin[axis] = (reach, reach)
        padded = np.pad(small, margin, mode="edge")
        parts = (
            padded[..., i : i + length, :] if axis == -2 else padded[..., i : i + length]
            for i in range(2 * reach + 1)
        )
        small = np.zeros_like(small)
        for tap, part in zip(taps, parts, strict=True):
            small += tap * part
    return resized(small, width, height) if factor < 0.9 else small


def glow(distance: Plane, radius: float, power: float = 1.0) -> Plane:
    """Light that falls off from a source: 1 at the centre, one e-th at the radius."""
    share = np.abs(distance) * np.float32(1 / radius)
    if power == 2:
        share = share * share
    elif power != 1:
        share = share ** np.float32(power)
    return np.exp(-share)


def develop(
    light: Plane,
    rng: np.random.Generator,
    *,
    grain: float = 0.012,
    bloom: float = 0.08,
    vignette: float = 0.18,
    contrast: float = 0.0,
) -> NDArray[np.uint8]:
    """Make an 8-bit picture (height, width, 3) of light: bloom, vignette, film curve, grain.

    Parameters
    ----------
    grain
        Deviation of the grain in mid-tones, of the full range.
    bloom
        Share of the light that the lens scatters.
    vignette
        How much darker the corners are.
    contrast
        Strength of an S-curve around middle grey, 0..1.
    """
    height, width = light.shape[1:]
    light = np.maximum(light, np.float32(0))
    if bloom:
        small = resized(np.minimum(light, np.float32(4)), width // 4, height // 4)
        soft = blurred(small, 0.012) * np.float32(0.6) + blurred(small, 0.05) * np.float32(0.4)
        light = mix(light, resized(soft, width, height), bloom)
    if vignette:
        x = np.linspace(-1, 1, width, dtype=np.float32)[None, :]
        y = np.linspace(-1, 1, height, dtype=np.float32)[:, None]
        away = (x * x + y * y) * np.float32(0.5)
        light = light * (1 - np.float32(vignette) * away * np.sqrt(away))
    encoded = _film(light)
    if contrast:
        encoded = mix(encoded, smooth(encoded), contrast)
    if grain:
        noise = rng.standard_normal((height, width), dtype=np.float32)
        noise[:, 1:] += np.float32(0.5) * noise[:, :-1]
        tone = encoded[1]
        encoded = encoded + noise * (
            np.float32(grain) * (0.3 + np.float32(2.8) * tone * (1 - tone))
        )
    bytes_ = (np.clip(encoded, 0, 1) * np.float32(255) + np.float32(0.5)).astype(np.uint8)
    return np.ascontiguousarray(bytes_.transpose(1, 2, 0))


def _film(light: Plane) -> Plane:
    """Encode as sRGB with a soft shoulder above 0.6 of the light, through a table."""
    knee = 0.6
    fine = np.linspace(0, 2, 8192) ** 2
    rolled = np.where(fine > knee, knee + (1 - knee) * np.tanh((fine - knee) / (1 - knee)), fine)
    table = np.where(rolled <= 0.0031308, rolled * 12.92, 1.055 * rolled ** (1 / 2.4) - 0.055)
    # The table is even in the square root of light, where the dark tones have their room.
    place = np.sqrt(np.minimum(light, np.float32(3.999))) * np.float32(8191 / 2)
    return table.astype(np.float32)[place.astype(np.int32)]
