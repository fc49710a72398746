"""The scenes that sample pictures show, each a drawing in light made from chance."""

from collections.abc import Callable
from dataclasses import dataclass
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from imgurer_kernel.scenes import flora, land, night, stills, stones, textures, water
from imgurer_kernel.scenes.light import Frame, Plane, develop

__all__ = ["SCENES", "Scene", "draw"]


@dataclass(frozen=True, slots=True)
class Scene:
    """What there is to photograph.

    Attributes
    ----------
    name
        Short name in small letters, as a person would call the file.
    paint
        Draws the light of the scene into a frame.
    width, height
        Size of the picture in pixels.
    taken
        When it claims to be taken, as EXIF writes it.
    place
        Where it claims to be taken, degrees north and east; None indoors.
    contrast
        Strength of the film's S-curve.
    """

    name: str
    paint: Callable[[Frame], Plane]
    width: int
    height: int
    taken: str
    place: tuple[float, float] | None = None
    contrast: float = 0.0


SCENES: tuple[Scene, ...] = (
    Scene("lake-at-dusk", water.lake_at_dusk, 1120, 840, "2024:06:12 21:41:07", (47.58, 12.97)),
    Scene(
        "blue-ridge-morning", land.blue_ridges, 1120, 840, "2024:05:03 05:52:31", (35.61, -83.42)
    ),
    Scene("first-light", land.alpine, 1120, 840, "2024:02:17 07:21:12", (46.02, 7.75)),
    Scene("dunes", land.dunes, 1140, 760, "2023:11:08 17:03:44", (24.74, -15.29)),
    Scene("pines-in-fog", land.misty_pines, 840, 1120, "2023:10:21 08:14:09", (48.55, 8.22)),
    Scene("lavender", land.lavender, 1140, 760, "2024:07:04 21:12:55", (43.92, 6.07)),
    Scene("sunset-sea", water.sunset_sea, 1120, 840, "2024:08:14 20:38:20", (36.39, 25.46)),
    Scene(
        "beach-from-above",
        water.shore_from_above,
        1200,
        900,
        "2024:08:11 12:05:33",
        (-8.81, 115.09),
    ),
    Scene("hotel-pool", water.pool, 1120, 840, "2024:08:12 14:31:02", (36.41, 25.43)),
    Scene("storm-at-sea", water.storm, 1140, 760, "2023:12:29 15:20:48", (57.05, -7.55)),
    Scene("milky-way", night.milky_way, 840, 1120, "2024:08:03 23:58:10", (28.31, -16.51)),
    Scene(
        "northern-lights", night.northern_lights, 1140, 760, "2024:03:24 22:47:39", (68.23, 14.56)
    ),
    Scene("moonrise", night.moonrise, 1120, 840, "2024:09:18 19:22:05", (40.42, -3.71)),
    Scene("city-lights", night.city_lights, 1120, 840, "2023:12:16 20:04:51", (35.66, 139.70)),
    Scene("skyline", night.skyline, 1140, 760, "2024:04:19 20:11:26", (40.70, -74.02)),
    Scene("oranges", stills.oranges, 1120, 840, "2024:01:28 11:02:40"),
    Scene("pearls", stills.pearls, 1120, 840, "2024:01:28 15:45:13"),
    Scene("rain-on-the-window", stills.rain_on_glass, 1120, 840, "2023:11:25 18:30:30"),
    Scene("dahlia", flora.dahlia, 960, 960, "2024:09:07 10:26:18", (50.88, 5.95)),
    Scene("daisies", flora.daisies, 1140, 760, "2024:05:26 16:12:00", (52.21, 0.12)),
    Scene("sunflower", flora.sunflower, 960, 960, "2024:07:21 09:40:57", (44.05, 1.35)),
    Scene("leaf", flora.leaf, 1120, 840, "2024:06:02 13:15:22", (-3.12, -60.02)),
    Scene("old-table", textures.wood, 1120, 840, "2024:03:09 12:00:41"),
    Scene("tablecloth", textures.linen, 1120, 840, "2024:03:09 12:03:15"),
    Scene("marble", stones.marble, 1120, 840, "2024:04:22 17:35:09", (44.08, 10.13)),
    Scene("pebbles", stones.pebbles, 1120, 840, "2024:06:30 18:50:36", (50.73, -3.00)),
    Scene("agate", stones.agate, 1120, 840, "2024:02:11 14:22:27"),
    Scene("jumper", textures.knit, 1120, 840, "2023:12:24 10:09:58"),
)


def draw(scene: Scene, seed: int = 0, take: int = 0) -> NDArray[np.uint8]:
    """Draw a scene, (height, width, 3) of 8 bits; another take has the same kind of content.

    Neither the order of drawing nor the other scenes have any influence.
    """
    rng = np.random.default_rng((seed, crc32(scene.name.encode()), take))
    light = scene.paint(Frame(scene.width, scene.height, rng))
    return develop(light, rng, contrast=scene.contrast)
