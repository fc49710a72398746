"""Collages have a seam where a picture ends; crops, captions and blurred sides have none."""

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter, ImageOps

from imgurer_kernel.matching.relation import Relation
from imgurer_kernel.matching.seams import find_seam, may_have_seams
from tests.matching.test_judgement import font, photo, related
from tests.support.forms import thinned

WHOLE = np.array([[0, 0, 64, 64]] * 2)
NO_CUTS = np.zeros(4)


def beside(image, other, axis, gutter=0):
    """Two pictures of one height (axis 0) or width in one, and where the first lies in it."""
    other = other.resize(image.size)
    width, height = image.size
    step = (width + gutter, 0) if axis == 0 else (0, height + gutter)
    sheet = Image.new("RGB", (width + step[0], height + step[1]), "white")
    sheet.paste(image, (0, 0))
    sheet.paste(other, step)
    return sheet, (0, 0, *image.size)


def placed(box, size):
    """The map from a picture to the box of a larger one that it fills."""
    left, top, right, bottom = box
    width, height = size
    a, e = (right - left) / width, (bottom - top) / height
    return np.array([a, 0, (left + right) / width - 1, 0, e, (top + bottom) / height - 1])


def has_seam(image, sheet, box, cuts=NO_CUTS):
    """Whether there is a seam, in both directions and however the sheet is turned."""
    small, large = (np.asarray(each.convert("RGB").copy()) for each in (image, sheet))
    found = find_seam(small, large, placed(box, sheet.size), WHOLE, cuts)
    a, _, c, _, e, f = placed(box, sheet.size)
    back = np.array([1 / a, 0, -c / a, 0, 1 / e, -f / e])
    assert find_seam(large, small, back, WHOLE, cuts) == found
    upside_down = np.array([-a, 0, -c, 0, -e, -f])
    assert find_seam(small, large[::-1, ::-1].copy(), upside_down, WHOLE, cuts) == found
    on_its_side = np.array([0, e, f, a, 0, c])
    assert find_seam(small, large.transpose(1, 0, 2).copy(), on_its_side, WHOLE, cuts) == found
    return found


def thumbnail(image):
    small = image.copy()
    small.thumbnail((270, 270))
    return small


def scaled(box, image, small):
    return tuple(side * small.width / image.width for side in box)


@pytest.mark.parametrize("seed", thinned(range(4), 2))
@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("gutter", [0, 12])
def test_two_pictures_in_one_have_a_seam(seed, axis, gutter):
    sheet, box = beside(photo(seed), photo(seed + 20), axis, gutter)
    small = thumbnail(sheet)
    assert has_seam(thumbnail(photo(seed)), small, scaled(box, sheet, small))


KEPT = (0, 0, 0.8, 1), (0.3, 0, 1, 1), (0, 0, 1, 0.7), (0.1, 0.2, 0.9, 0.8), (0, 0.4, 0.6, 1)


def test_a_picture_goes_on_beyond_a_crop():
    seen = []
    for seed in range(4):
        sheet = thumbnail(photo(seed))
        for kept in KEPT:
            box = tuple(round(k * size) for k, size in zip(kept, sheet.size * 2, strict=True))
            seen.append(has_seam(sheet.crop(box), sheet, box))
    # A roof may begin just where a picture was cut.
    assert sum(seen) <= 1


def caption(image):
    width, height = image.size
    sheet = Image.new("RGB", (width, height * 4 // 3), "white")
    ImageDraw.Draw(sheet).text((12, height), "WHEN ALL\nTESTS PASS", "black", font(height // 8))
    return sheet


def blurred(image):
    width, height = image.size
    return image.resize((width, height * 4 // 3)).filter(ImageFilter.GaussianBlur(24))


@pytest.mark.parametrize("around", [caption, blurred])
@pytest.mark.parametrize("seed", thinned(range(4), 2))
def test_plain_content_beside_a_picture_is_not_a_collage(seed, around):
    image = photo(seed)
    sheet = around(image)
    sheet.paste(image, (0, 0))
    small = thumbnail(sheet)
    assert not has_seam(thumbnail(image), small, scaled((0, 0, *image.size), sheet, small))


def test_only_where_one_shows_more_than_the_other():
    identity = [1.0, 0, 0, 0, 1, 0]
    half, off = placed((0, 0, 50, 100), (100, 100)), [1, 0, 0.4, 0, 1, 0]
    maps = np.array([identity, half, off, [0.95, 0, 0, 0, 0.97, 0]])
    found = may_have_seams(maps, np.tile(WHOLE, (4, 1, 1)))
    assert found.tolist() == [False, True, True, False]
    # A border takes nothing away.
    framed = np.array([[0, 0, 64, 64], [16, 0, 48, 64]])
    inner = np.array([[0.5, 0, 0, 0, 1, 0]])
    assert not may_have_seams(inner, framed[None])[0]


@pytest.mark.parametrize("seed", thinned(range(3), 3))
def test_a_collage_has_the_picture_as_a_part(seed):
    sheet, box = beside(photo(seed), photo(seed + 20), 1)
    assert related(photo(seed), sheet, placed(box, sheet.size)[None])[0] == Relation.PART_OF
    assert related(photo(seed), caption_below(photo(seed)), START)[0] == Relation.SAME


def test_a_picture_of_which_the_lower_half_was_damaged_is_not_a_collage():
    image = photo(1)
    half = image.copy()
    half.paste(photo(21).resize((image.width, image.height // 3)), (0, image.height * 2 // 3))
    start = placed((0, 0, 1, 1), (1, 1))[None]
    assert related(image, half, start)[0] != Relation.PART_OF


START = placed((0, 0, 3, 3), (3, 4))[None]


def caption_below(image):
    sheet = caption(image)
    sheet.paste(image, (0, 0))
    return sheet


@pytest.mark.parametrize("seed", thinned(range(3), 3))
def test_a_collage_of_which_the_picture_shows_more(seed):
    """The picture was cut to a square: both go on beyond the seam, each in its own way."""
    image = photo(seed)
    height = image.height
    square = ImageOps.fit(image, (height, height))
    sheet, _ = beside(square, photo(seed + 20), 0)
    over = (image.width - height) / 2
    start = placed((-over, 0, height + over, height), sheet.size)[None]
    assert related(image, sheet, start)[0] == Relation.PART_OF
    assert related(square, image, placed((over, 0, over + height, height), image.size)[None])[
        0
    ] == (Relation.SAME)


@pytest.mark.parametrize("axis", [0, 1])
def test_a_collage_of_which_the_picture_lies_beyond_for_the_most_part(axis):
    """Neither shows three quarters of the other: narrow cells, and the picture cut to one."""
    image = photo(1)
    size = (round(0.5 * image.width), image.height)
    if axis:
        size = image.width, round(0.5 * image.height)
    sheet, _ = beside(ImageOps.fit(image, size), photo(21), axis)
    over, down = ((big - small) / 2 for big, small in zip(image.size, size, strict=True))
    box = -over, -down, size[0] + over, size[1] + down
    assert related(image, sheet, placed(box, sheet.size)[None])[0] == Relation.PART_OF


def test_parts_that_meet_in_a_half_are_not_a_collage():
    """As frames of a camera that moves: each goes on where the other ends."""
    image = photo(2)
    cut = round(0.35 * image.width)
    one = image.crop((0, 0, image.width - cut, image.height))
    other = image.crop((cut, 0, *image.size))
    start = placed((-cut, 0, image.width - 2 * cut, image.height), one.size)[None]
    assert related(one, other, start)[0] == Relation.DIFFERENT


def test_beside_a_clear_line_a_picture_may_have_a_plain_ground():
    figure = Image.new("RGB", photo(3).size, "black")
    width, height = figure.size
    middle = photo(23).resize((width // 2, height * 3 // 4))
    figure.paste(middle, (width // 4, height // 8))
    sheet, box = beside(photo(3), figure, 1, 12)
    small = thumbnail(sheet)
    assert has_seam(thumbnail(photo(3)), small, scaled(box, sheet, small))


def test_wherever_a_picture_ends_every_line_that_is_asked_for_is_there():
    """Also if the edge of a picture or of its content is as near as possible."""
    random = np.random.default_rng(1)
    for _ in range(400):
        width, height = random.integers(20, 60, 2)
        picture = random.integers(0, 256, (height, width, 3), np.uint8)
        a, e = random.uniform(0.2, 1.2, 2) * random.choice([-1, 1], 2)
        c, f = random.uniform(-0.9, 0.9, 2)
        left, top = random.integers(0, 20, 2)
        content = np.array([[left, top, 64, 64 - left], [0, 0, 64, 64]])
        cuts = random.uniform(0, 0.3, 4) * random.integers(0, 2, 4)
        assert find_seam(picture, picture, np.array([a, 0, c, 0, e, f]), content, cuts) in {0, 1}
