"""Captions are found on any ground, other writing is not; memes are compared beside theirs."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageFont

from imgurer_kernel.matching import captions
from imgurer_kernel.matching._numba.letters import find_letters
from imgurer_kernel.matching.captions import (
    NO_CAPTIONS,
    BesideCaptions,
    differ_by_captions,
    find_captions,
)
from imgurer_kernel.matching.relation import Relation
from tests.matching.test_judgement import related
from tests.support.pictures import scene

SIZE = 600, 450
ONE, OTHER = "SEVEN REASONS\nTO LAUGH", "NOBODY EVER\nSAW THE FISH"
GROUNDS = {
    "white": Image.new("RGB", SIZE, "white"),
    "black": Image.new("RGB", SIZE, "black"),
    "green": Image.new("RGB", SIZE, (60, 160, 80)),
    "photo": Image.fromarray(scene(4)).resize(SIZE),
}


def write(image, text, y=10, size=52, fill="white", stroke="black"):
    """Write lines in the middle, as captions are, or in other colours."""
    image = image.copy()
    pen = ImageDraw.Draw(image)
    face = ImageFont.load_default(size=size)
    for line in text.split("\n"):
        width = 4 if stroke else 0
        place = image.width / 2, y
        pen.text(
            place, line, fill, face, anchor="ma", stroke_width=width, stroke_fill=stroke or fill
        )
        y += round(1.2 * size)
    return image


def thumbnail(image):
    image = image.convert("RGB")
    image.thumbnail((256, 256), Image.Resampling.LANCZOS)
    return np.asarray(image)


def template(seed):
    """Two panels beside a plain ground, on which the next captions are to be written."""
    image = Image.new("RGB", SIZE, "white")
    for row in range(2):
        panel = Image.fromarray(scene(seed + row)).resize((SIZE[0] // 3, SIZE[1] // 2))
        image.paste(panel, (0, row * SIZE[1] // 2))
    return image


def titled(title):
    """A slide: a white title on a dark blue ground, and a list that all slides have."""
    slide = write(Image.new("RGB", SIZE, (10, 20, 60)), title, stroke=None)
    pen = ImageDraw.Draw(slide)
    for k in range(6):
        pen.rectangle((60, 200 + 36 * k, 60 + 70 * (k + 2), 218 + 36 * k), fill=(200, 180, 90))
    return slide


@pytest.mark.parametrize("ground", ["white", "green", "photo"])
def test_each_line_is_found_on_any_ground(ground):
    boxes = find_captions(thumbnail(write(GROUNDS[ground], ONE)))
    assert len(boxes) == 2
    # The lines begin at 10 and 72 of 450 pixels, and are 62 high.
    assert np.allclose((boxes[:, 1] + 1) / 2 * 450, [10, 72], atol=22)
    assert np.allclose((boxes[:, 3] + 1) / 2 * 450, [72, 134], atol=22)
    assert (boxes[:, 0] < -0.4).all()
    assert (boxes[:, 2] > 0.3).all()


def test_a_short_line_beside_a_caption_belongs_to_it():
    assert len(find_captions(thumbnail(write(GROUNDS["photo"], "NEVER AGAIN WE\nGO")))) >= 2


def test_letters_on_a_dark_ground_count_beside_an_outlined_line():
    half = GROUNDS["black"].copy()
    half.paste(GROUNDS["green"].crop((0, 0, 600, 225)), (0, 0))
    only_below = write(GROUNDS["black"], OTHER, y=300)
    both = write(write(half, ONE), OTHER, y=300)
    assert not len(find_captions(thumbnail(only_below)))
    assert (find_captions(thumbnail(both))[:, 1] > 0.2).any()


@pytest.mark.parametrize(
    ("fill", "ground"), [("black", "white"), ("white", "black"), ("red", "white")]
)
def test_other_writing_is_not_a_caption(fill, ground):
    page = GROUNDS[ground]
    for k in range(6):
        page = write(page, "MANY WORDS HERE", y=10 + 70 * k, fill=fill, stroke=None)
    assert find_captions(thumbnail(page)).shape == (0, 4)


@pytest.mark.parametrize("seed", range(6))
def test_pictures_without_writing_have_no_captions(seed):
    assert find_captions(thumbnail(Image.fromarray(scene(seed)))).shape == (0, 4)


@given(st.integers(0, 2**32 - 1), st.integers(1, 40), st.integers(1, 40))
def test_letters_are_white_regions_within_dark_rims(seed, height, width):
    """The same regions as a search by hand finds in pictures of two levels."""
    random = np.random.default_rng(seed)
    white = random.random((height, width)) < 0.5
    white = white.repeat(3, axis=0).repeat(3, axis=1)
    rgb = np.ascontiguousarray(np.where(white, 255, 0)[..., None].repeat(3, axis=2), np.uint8)
    found = [tuple(row[:4]) for row in find_letters(rgb).tolist()]
    assert found == _regions(white)


def _regions(white):
    """Boxes of the regions of letters' size; around each of them all is dark."""
    height = len(white)
    left, boxes = {tuple(place) for place in np.argwhere(white).tolist()}, []
    for start in sorted(left):
        if start not in left:
            continue
        left.discard(start)
        region, new = [start], [start]
        while new:
            y, x = new.pop()
            for place in ((y + 1, x), (y - 1, x), (y, x + 1), (y, x - 1)):
                if place in left:
                    left.discard(place)
                    region.append(place)
                    new.append(place)
        (top, across), (bottom, end) = np.min(region, axis=0), np.max(region, axis=0) + 1
        high, wide = bottom - top, end - across
        fits = max(6, 0.03 * height) <= high <= 0.22 * height and 0.12 * high <= wide <= 8 * high
        if fits and len(region) >= 0.15 * high * wide:
            boxes.append((across, top, end, bottom))
    return boxes


@pytest.mark.parametrize("seed", [0, 2])
def test_one_template_with_two_captions_is_one_picture(seed, monkeypatch):
    memes = [
        write(write(template(seed), one), other, y=310)
        for one, other in ((ONE, OTHER), (OTHER, ONE))
    ]
    found, words = related(*memes)
    assert found == Relation.SAME
    assert "captions differ, " in words
    assert "covered" not in words
    monkeypatch.setattr(captions, "_LETTERS", 2.0)
    assert related(*memes)[0] != Relation.SAME


def test_two_templates_are_not_copies_whatever_is_written_on_them():
    for texts in ((ONE, OTHER), (ONE, ONE)):
        assert related(*map(write, (template(0), template(2)), texts))[0] != Relation.SAME


def test_one_panel_of_another_picture_makes_another_template():
    one = template(0)
    other = one.copy()
    other.paste(Image.fromarray(scene(9)).resize((150, 140)), (30, 275))
    assert related(write(one, ONE), write(other, OTHER))[0] != Relation.SAME


def test_slides_of_one_design_with_other_titles_are_not_one():
    assert related(titled(ONE), titled(OTHER))[0] != Relation.SAME


def test_a_template_in_other_colours_is_a_colour_variant():
    one = write(GROUNDS["photo"], ONE)
    other = Image.merge("RGB", [GROUNDS["photo"].getchannel(k) for k in (2, 0, 1)])
    assert related(one, write(other, OTHER))[0] != Relation.SAME


def test_captions_explain_what_lies_under_them_only():
    clean = BesideCaptions(agree=40, bad=0, q25=0.95, explained=1)
    limits = [
        clean,
        BesideCaptions(agree=19, bad=0, q25=0.95, explained=1),
        BesideCaptions(agree=40, bad=0.04, q25=0.95, explained=1),
        BesideCaptions(agree=40, bad=0, q25=0.84, explained=1),
        BesideCaptions(agree=40, bad=0, q25=0.95, explained=0.89),
        NO_CAPTIONS,
    ]
    assert differ_by_captions(limits).tolist() == [True] + 5 * [False]
    assert differ_by_captions([]).tolist() == []


@pytest.mark.parametrize(
    ("top", "high", "belongs"),
    [(100, 20, True), (100, 24, True), (100, 25, False), (100, 15, False), (135, 20, False),
     (120, 20, True), (70, 20, True), (60, 20, False)],
)  # fmt: skip
def test_letters_as_high_as_those_of_a_line_beside_or_near_it_belong_to_it(top, high, belongs):
    line = [(10 + 20 * k, 100, 25 + 20 * k, 120, 1) for k in range(3)]
    letters = np.array([*line, (150, top, 165, top + high, 0)])
    found = captions._short_words(letters, [[0, 1, 2]], [3])
    assert found == ([[3]] if belongs else [])
