"""What pairs of look-alikes are held to be, on pictures that the benchmarks draw by other seeds."""

import random
import sys
from pathlib import Path

import pytest
from PIL import ImageEnhance, ImageOps

from imgurer_kernel.matching.relation import Relation
from tests.matching.test_judgement import IDENTITY, photo, related, saved
from tests.support.forms import rounds

FOLDER = str(Path(__file__).parents[2] / "benchmarks")
sys.path.append(FOLDER)
try:
    import drawn_faces
    import drawn_memes
    import drawn_receipts
    import drawn_sets
    import drawn_sprites
    import drawn_takes
finally:
    sys.path.remove(FOLDER)

SEEDS = range(40, 40 + rounds(2, 12))


def compressed(image):
    return saved(image.convert("RGB"), "JPEG", quality=86)


@pytest.mark.parametrize("seed", SEEDS)
def test_captions_on_both_leave_one_picture(seed):
    """Other words on each, at most a third of the height: memes on one template."""
    rng = random.Random(seed)
    image = photo(seed).resize((500, 400))
    one, other = (drawn_memes.captioned(image, rng) for _ in range(2))
    assert related(one, other)[0] is Relation.SAME


@pytest.mark.parametrize("seed", SEEDS)
def test_what_went_across_before_a_camera_that_is_held_makes_another_take(seed):
    film = drawn_takes.Film(photo(seed), photo(seed + 100), "held", random.Random(seed))
    assert related(film.frame(0.4), film.frame(1.6))[0] is not Relation.SAME
    frame = film.frame(0.4)
    assert related(frame, frame.resize((240, 180)))[0] is Relation.SAME


@pytest.mark.parametrize("seed", SEEDS)
def test_a_small_face_that_has_turned_is_another_take(seed):
    rng = random.Random(seed)
    person = drawn_faces.invent(rng)
    one, other = (drawn_faces.paint(person, rng) for _ in range(2))
    assert related(one, other)[0] in {Relation.ANOTHER_TAKE, Relation.DIFFERENT}
    assert related(one, compressed(one.resize((46, 56))))[0] is Relation.SAME


@pytest.mark.parametrize("seed", SEEDS)
def test_a_sprite_in_a_frame_is_no_part_of_it(seed):
    """The plain ground is trimmed off the one, and not off the other."""
    sprite = drawn_sets.opaque(drawn_sprites.paint(drawn_sprites.invent(random.Random(seed))))
    framed = compressed(ImageOps.expand(sprite, 4, "black"))
    start = IDENTITY * [68 / 76, 1, 1, 1, 56 / 64, 1]
    assert related(sprite, framed, start)[0] is Relation.SAME


@pytest.mark.parametrize("seed", SEEDS)
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


@pytest.mark.parametrize("seed", SEEDS)
def test_a_receipt_within_wider_margins_is_the_same_and_another_of_the_shop_is_not(seed):
    drawn = drawn_receipts.drawn(random.Random(seed))
    one, other = (next(drawn).image.convert("RGB") for _ in range(2))
    framed = compressed(ImageOps.expand(one, 30, "black"))
    width, height = one.size
    start = IDENTITY * [width / (width + 60), 1, 1, 1, height / (height + 60), 1]
    assert related(one, framed, start)[0] is Relation.SAME
    assert related(one, other.resize(one.size))[0] is not Relation.SAME
