"""The scenes that sample pictures show, each a drawing in light made from chance."""

from collections.abc import Callable
from dataclasses import dataclass
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from tools.draw_samples.flora import dahlia, daisies, leaf, sunflower
from tools.draw_samples.land import alpine, blue_ridges, dunes, lavender, misty_pines
from tools.draw_samples.light import Frame, Plane, develop
from tools.draw_samples.night import city_lights, milky_way, moonrise, northern_lights, skyline
from tools.draw_samples.stills import oranges, pearls, rain_on_glass
from tools.draw_samples.stones import agate, marble, pebbles
from tools.draw_samples.textures import knit, linen, wood
from tools.draw_samples.water import lake_at_dusk, pool, shore_from_above, storm, sunset_sea

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
    Scene("lake-at-dusk", lake_at_dusk, 1120, 840, "2024:06:12 21:41:07", (47.58, 12.97)),
    Scene("blue-ridge-morning", blue_ridges, 1120, 840, "2024:05:03 05:52:31", (35.61, -83.42)),
    Scene("alpenglow", alpine, 1120, 840, "2024:02:17 07:21:12", (46.02, 7.75), 0.15),
    Scene("dunes", dunes, 1140, 760, "2023:11:08 17:03:44", (24.74, -15.29)),
    Scene("pines-in-fog", misty_pines, 840, 1120, "2023:10:21 08:14:09", (48.55, 8.22)),
    Scene("lavender", lavender, 1140, 760, "2024:07:04 21:12:55", (43.92, 6.07)),
    Scene("sunset-sea", sunset_sea, 1120, 840, "2024:08:14 20:38:20", (36.39, 25.46)),
    Scene(
        "beach-from-above",
        shore_from_above,
        1200,
        900,
        "2024:08:11 12:05:33",
        (-8.81, 115.09),
    ),
    Scene("hotel-pool", pool, 1120, 840, "2024:08:12 14:31:02", (36.41, 25.43)),
    Scene("storm-at-sea", storm, 1140, 760, "2023:12:29 15:20:48", (57.05, -7.55), 0.2),
    Scene("milky-way", milky_way, 840, 1120, "2024:08:03 23:58:10", (28.31, -16.51)),
    Scene("northern-lights", northern_lights, 1140, 760, "2024:03:24 22:47:39", (68.23, 14.56)),
    Scene("moonrise", moonrise, 1120, 840, "2024:09:18 19:22:05", (40.42, -3.71)),
    Scene("city-lights", city_lights, 1120, 840, "2023:12:16 20:04:51", (35.66, 139.70)),
    Scene("skyline", skyline, 1140, 760, "2024:04:19 20:11:26", (40.70, -74.02), 0.3),
    Scene("oranges", oranges, 1120, 840, "2024:01:28 11:02:40"),
    Scene("pearls", pearls, 1120, 840, "2024:01:28 15:45:13"),
    Scene("rain-on-the-window", rain_on_glass, 1120, 840, "2023:11:25 18:30:30"),
    Scene("dahlia", dahlia, 960, 960, "2024:09:07 10:26:18", (50.88, 5.95)),
    Scene("daisies", daisies, 1140, 760, "2024:05:26 16:12:00", (52.21, 0.12)),
    Scene("sunflower", sunflower, 960, 960, "2024:07:21 09:40:57", (44.05, 1.35)),
    Scene("leaf", leaf, 1120, 840, "2024:06:02 13:15:22", (-3.12, -60.02)),
    Scene("old-table", wood, 1120, 840, "2024:03:09 12:00:41"),
    Scene("tablecloth", linen, 1120, 840, "2024:03:09 12:03:15"),
    Scene("marble", marble, 1120, 840, "2024:04:22 17:35:09", (44.08, 10.13)),
    Scene("pebbles", pebbles, 1120, 840, "2024:06:30 18:50:36", (50.73, -3.00)),
    Scene("agate", agate, 1120, 840, "2024:02:11 14:22:27"),
    Scene("jumper", knit, 1120, 840, "2023:12:24 10:09:58"),
)


def draw(scene: Scene, seed: int = 0, take: int = 0) -> NDArray[np.uint8]:
    """Draw a scene, (height, width, 3) of 8 bits; another take has the same kind of content.

    Neither the order of drawing nor the other scenes have any influence.
    """
    rng = np.random.default_rng((seed, crc32(scene.name.encode()), take))
    light = scene.paint(Frame(scene.width, scene.height, rng))
    return develop(light, rng, contrast=scene.contrast)
