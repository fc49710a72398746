"""The relation of look-alikes that the benchmarks draw with other seeds."""

import io
import random
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageEnhance, ImageFont, ImageOps

from imgurer_kernel.matching.image_cache import ImageCache
from imgurer_kernel.matching.judgement import statuses
from imgurer_kernel.matching.relation import Relation
from tests.matching.test_judgement import IDENTITY, gallery, photo, related, saved
from tests.support.forms import rounds, with_misses
from tests.support.judging import judge_wholly
from tests.support.motion import with_middle_moved

FOLDER = str(Path(__file__).parents[2] / "benchmarks")
sys.path.append(FOLDER)
try:
    import drawn_faces
    import drawn_receipts
    import drawn_sets
    import drawn_sprites
    import drawn_takes
finally:
    sys.path.remove(FOLDER)

SEEDS = range(40, 40 + rounds(2, 12))
FEW = range(40, 40 + rounds(1, 12))


def compressed(image):
    return saved(image.convert("RGB"), "JPEG", quality=86)


def written_on(image, text):
    """A picture with two lines of large letters at the top and at the bottom."""
    image, (width, height) = image.copy(), image.size
    pen, letters = ImageDraw.Draw(image), drawn_sets.font(width // 11, "Sans-Bold")
    for k, line in enumerate(text.split("/")):
        place = (width / 2, (0.02, 0.14, 0.74, 0.86)[k] * height)
        pen.text(place, line, "white", letters, "ma", stroke_width=3, stroke_fill="black")
    return image


@pytest.mark.parametrize("seed", FEW)
def test_captions_on_both_leave_one_picture(seed):
    one, other = (
        written_on(photo(seed).resize((500, 400)), text)
        for text in ("THERE IS A WORD/FOR WHAT I DO/ALL DAY LONG IN/A ROOM ALONE", "ONE/MORE/CAT")
    )
    assert related(one, other)[0] is Relation.SAME


@pytest.mark.parametrize("seed", FEW)
def test_who_has_leaned_a_little_to_the_side_is_another_take(seed):
    one = photo(seed).resize((800, 600))
    other = Image.fromarray(with_middle_moved(np.asarray(one), 3.5, 0))
    assert related(compressed(one), compressed(other))[0] is Relation.ANOTHER_TAKE
    assert related(compressed(one), compressed(one.resize((500, 375))))[0] is Relation.SAME


@pytest.mark.long
@pytest.mark.parametrize("seed", SEEDS)
def test_motion_before_a_handheld_camera_is_another_take(seed):
    film = drawn_takes.Film(photo(seed), photo(seed + 100), "held", random.Random(seed))
    assert related(film.frame(0.4), film.frame(1.6))[0] is not Relation.SAME
    frame = film.frame(0.4)
    assert related(frame, frame.resize((240, 180)))[0] is Relation.SAME


def crossed(seed, x):
    """A view of a static camera: a photograph, with an object of two colours at a place."""
    image = photo(seed).resize((480, 360))
    thing = photo(seed + 50).resize((90, 120)).convert("L")
    image.paste(ImageOps.colorize(thing, "#402418", "#c8a890"), (x, 150))
    return image


@pytest.mark.long
@pytest.mark.parametrize("seed", with_misses(SEEDS, 43, 46))
def test_motion_before_a_static_camera_is_another_take(seed):
    one, other = crossed(seed, 90), crossed(seed, 270)
    assert related(one, other)[0] is Relation.ANOTHER_TAKE
    assert related(one, compressed(one.resize((240, 180))))[0] is Relation.SAME
    assert related(photo(seed).resize((480, 360)), one)[0] is Relation.SAME


def cartoon(seed):
    """Things with outlines in four colours on a plain ground, as templates of memes are drawn."""
    rng = random.Random(seed)
    image = Image.new("RGB", (500, 400), "#e0604a")
    pen = ImageDraw.Draw(image)
    for _ in range(26):
        x, y = rng.uniform(0, 500), rng.uniform(0, 400)
        width, height = rng.uniform(15, 45), rng.uniform(15, 45)
        fill = rng.choice(("#2f7a9a", "#e8b83a", "#8a8a90", "#e0604a"))
        pen.ellipse((x - width, y - height, x + width, y + height), fill, "black", 3)
        pen.line((x - width, y, x + width, y + height * rng.uniform(-1, 1)), "black", 3)
    return image


@pytest.mark.parametrize("seed", range(40, 40 + rounds(2, 5)))
def test_captions_on_a_coloured_ground_leave_one_picture(seed):
    one, other = (
        written_on(cartoon(seed), text)
        for text in ("THERE IS A WORD/FOR WHAT I DO/ALL DAY LONG IN/A ROOM ALONE", "ONE/MORE/CAT")
    )
    assert related(one, other)[0] is Relation.SAME
    assert related(one, written_on(cartoon(seed + 20), "ONE/MORE/CAT"))[0] is not Relation.SAME


@pytest.mark.parametrize("seed", with_misses(SEEDS, 45))
def test_a_small_face_that_has_turned_is_another_take(seed):
    rng = random.Random(seed)
    person = drawn_faces.invent(rng)
    one, other = (drawn_faces.paint(person, rng) for _ in range(2))
    assert related(one, other)[0] in {Relation.ANOTHER_TAKE, Relation.DIFFERENT}
    assert related(one, compressed(one.resize((46, 56))))[0] is Relation.SAME


class Nearly(random.Random):
    """A random generator with values near the middle of their ranges."""

    def uniform(self, a, b):
        return (a + b) / 2 + 0.3 * (super().uniform(a, b) - (a + b) / 2)


@pytest.mark.parametrize("seed", with_misses([45, *SEEDS], 48))
def test_a_small_face_that_has_hardly_turned_is_another_take(seed):
    person = drawn_faces.invent(random.Random(seed))
    one, other = (drawn_faces.paint(person, Nearly(seed + k)) for k in range(2))
    assert related(one, other)[0] in {Relation.ANOTHER_TAKE, Relation.DIFFERENT}
    assert related(one, compressed(ImageEnhance.Brightness(one).enhance(0.75)))[0] is Relation.SAME


@pytest.mark.parametrize("seed", SEEDS)
def test_a_sprite_in_a_frame_is_not_a_part_of_it(seed):
    """The plain ground is trimmed off one of the two only."""
    sprite = drawn_sets.opaque(drawn_sprites.paint(drawn_sprites.invent(random.Random(seed))))
    framed = compressed(ImageOps.expand(sprite, 4, "black"))
    start = IDENTITY * [68 / 76, 1, 1, 1, 56 / 64, 1]
    assert related(sprite, framed, start)[0] is Relation.SAME


@pytest.mark.parametrize("seed", with_misses(SEEDS, 47))
def test_a_brighter_sprite_is_the_same_and_other_colours_are_not(seed):
    rng = random.Random(seed)
    creature = drawn_sprites.invent(rng)
    sprite, recoloured = (
        drawn_sets.opaque(drawn_sprites.paint(each))
        for each in (creature, drawn_sprites.varied(creature, "colours", rng))
    )
    brighter = compressed(ImageEnhance.Brightness(sprite).enhance(1.25))
    assert related(sprite, brighter)[0] is Relation.SAME
    assert related(sprite, recoloured)[0] is not Relation.SAME


def smaller(creature):
    """A creature of half the size, at the same place of a sprite."""
    parts = [
        replace(
            p,
            x=34 + (p.x - 36) * 0.45,
            y=40 + (p.y - 34) * 0.45,
            across=0.45 * p.across,
            down=0.45 * p.down,
        )
        for p in creature.parts
    ]
    eyes = tuple((34 + (x - 36) * 0.45, 40 + (y - 34) * 0.45) for x, y in creature.eyes)
    return replace(creature, parts=tuple(parts), eyes=eyes)


def sprite(seed, change=lambda creature: creature):
    creature = change(drawn_sprites.invent(random.Random(seed)))
    return drawn_sets.opaque(drawn_sprites.paint(creature))


@pytest.mark.parametrize("seed", [47, 49, *SEEDS])
def test_small_figures_at_one_place_are_not_copies(seed):
    """A dozen blocks of two creatures agree by chance; those of a copy do by more."""
    one, other = sprite(seed, smaller), sprite(seed + 100, smaller)
    assert related(one, other)[0] is not Relation.SAME
    assert related(one, compressed(one))[0] is Relation.SAME


@pytest.mark.parametrize("seed", [46, 53, 54, *SEEDS])
def test_a_sprite_with_a_part_in_another_colour_is_a_colour_variant(seed):
    def painted_anew(creature):
        hues = list(creature.hues)
        k = random.Random(seed).randrange(1, 3)
        hues[k] = ((hues[k][0] + 0.4) % 1, *hues[k][1:])
        return replace(creature, hues=tuple(hues))

    assert related(sprite(seed), sprite(seed, painted_anew))[0] is Relation.COLOUR_VARIANT


@pytest.mark.parametrize(("seed", "light"), [(42, 1.3), (46, 0.7), (54, 1.3), (58, 0.7)])
def test_a_sprite_in_another_light_with_writing_on_its_feet_is_the_same(seed, light):
    def lower(creature):
        parts = tuple(replace(part, y=part.y + 7) for part in creature.parts)
        return replace(creature, parts=parts, eyes=tuple((x, y + 7) for x, y in creature.eyes))

    one = sprite(seed, lower)
    lit = ImageEnhance.Brightness(one).enhance(light)
    place, letters = (7, 47), ImageFont.load_default(size=8)
    ImageDraw.Draw(lit).text(
        place, "copy abcd", "white", letters, stroke_width=1, stroke_fill="black"
    )
    assert related(one, saved(lit, "JPEG", quality=80))[0] is Relation.SAME


@pytest.mark.parametrize("seed", with_misses(SEEDS, 43))
def test_a_receipt_in_a_frame_is_the_same_and_another_of_the_shop_is_not(seed):
    """If thumbnails of pages are badly aligned, the originals are compared."""
    drawn = drawn_receipts.drawn(random.Random(seed))
    one, other = (next(drawn).image.convert("RGB") for _ in range(2))
    framed = compressed(ImageOps.expand(one, 30, "black"))
    (width, height), data = one.size, saved(one)
    start = IDENTITY * [width / (width + 60), 1, 1, 1, height / (height + 60), 1]
    assert by_originals(data, framed, start) is Relation.SAME
    assert by_originals(data, saved(other.resize(one.size)), IDENTITY) is not Relation.SAME


def by_originals(one, other, start):
    """The relation of two files, of which the originals can be read."""
    images = gallery(one, other)
    pictures = [np.asarray(Image.open(io.BytesIO(data)).convert("RGB")) for data in (one, other)]
    loaders = replace(images._loaders, originals=lambda ids: [pictures[k] for k in ids])
    images = ImageCache(np.arange(2), loaders)
    first, second = np.arange(1), np.arange(1, 2)
    compared = images.compare(first, second, start)
    status, _ = statuses(judge_wholly(images, first, second, compared.maps, compared.measures))
    return Relation(int(status[0]))
