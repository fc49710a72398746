"""The relation of pairs of drawn pictures: each relation, and its details in words."""

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter, ImageFont, ImageOps

from imgurer_kernel.fingerprint.decode import to_gray
from imgurer_kernel.fingerprint.extract import fingerprint
from imgurer_kernel.matching import relation
from imgurer_kernel.matching.image_cache import ImageCache
from imgurer_kernel.matching.judgement import judge, statuses
from imgurer_kernel.matching.picture_loaders import PictureLoaders
from imgurer_kernel.matching.relation import DETAILS, Relation, detail_words
from imgurer_kernel.matching.takes import times_differ
from imgurer_kernel.workbench.pictures.image_loader import THUMBNAIL_SIDE, in_colour
from tests.support.forms import rounds, thinned, with_misses
from tests.support.judging import judge_wholly
from tests.support.pictures import encode, scene

IDENTITY = np.array([[1.0, 0, 0, 0, 1, 0]])


def saved(image, kind="PNG", **options):
    return encode(image, kind, **options)


def photo(seed=3):
    return Image.fromarray(scene(seed))


def gallery(*images, times=None):
    """An `ImageCache` of pictures or files, as a store would have them."""
    files = [each if isinstance(each, bytes) else saved(each) for each in images]
    prints = [fingerprint(data) for data in files]
    grays = np.stack([np.frombuffer(p.verification, np.uint8).reshape(64, 64) for p in prints])
    thumbnails = [p.thumbnail for p in prints]
    loaders = PictureLoaders(
        lambda ids: grays[ids],
        lambda ids: np.stack([to_gray(thumbnails[k], THUMBNAIL_SIDE) for k in ids]),
        lambda ids: [in_colour(thumbnails[k]) for k in ids],
        None if times is None else lambda ids: np.array(times, np.int64)[ids],
    )
    return ImageCache(np.arange(len(files)), loaders)


def related(one, other, start=IDENTITY, times=None):
    """The relation of two pictures that are compared from a start map, and its words."""
    images = gallery(one, other, times=times)
    first, second = np.arange(1), np.arange(1, 2)
    compared = images.compare(first, second, start)
    status, details = statuses(
        judge_wholly(images, first, second, compared.maps, compared.measures)
    )
    return Relation(int(status[0])), detail_words(details[0])


def flag(*colours):
    image = Image.new("RGB", (480, 320), colours[1])
    pen = ImageDraw.Draw(image)
    pen.rectangle((0, 0, 159, 319), fill=colours[0])
    pen.rectangle((320, 0, 479, 319), fill=colours[2])
    return image


IRELAND = "#169b62", "#ffffff", "#ff883e"
ITALY = "#009246", "#ffffff", "#ce2b37"


def mug(colour):
    """A mug of one colour on a textured gray table; all colours are about as bright."""
    table = np.asarray(Image.fromarray(scene(11)).convert("L"), float)
    image = Image.fromarray((96 + 0.4 * table).astype(np.uint8)).convert("RGB")
    shade = np.asarray(Image.linear_gradient("L").rotate(90).resize((220, 260)), float) / 255
    body = np.array(colour, float) * (0.6 + 0.4 * shade[..., None])
    image.paste(Image.fromarray(body.astype(np.uint8)), (200, 120))
    ImageDraw.Draw(image).arc((380, 170, 500, 300), -90, 90, fill=colour, width=28)
    return image


def font(size):
    return ImageFont.load_default(size=size)


def with_sticker(image):
    image = image.copy()
    pen = ImageDraw.Draw(image)
    pen.rounded_rectangle((360, 260, 620, 460), 30, fill="#e8c020")
    pen.ellipse((400, 290, 580, 430), fill="#3040c0")
    pen.text((430, 330), "SALE", "white", font(50))
    return image


def with_captions(image):
    image = image.copy()
    pen = ImageDraw.Draw(image)
    for top, text in ((10, "ONE DOES NOT SIMPLY"), (400, "MERGE THE PICTURES")):
        pen.text((30, top), text, "white", font(56), stroke_width=4, stroke_fill="black")
    return image


def other_take(image, seed=0):
    """The same objects, each moved a little, as after a step aside."""
    pixels = np.asarray(image)
    height, width = pixels.shape[:2]
    random = np.random.default_rng(seed)
    field = [
        np.asarray(
            Image.fromarray(random.standard_normal((10, 13)).astype(np.float32)).resize(
                (width, height), Image.Resampling.BICUBIC
            )
        )
        for _ in range(2)
    ]
    y, x = np.mgrid[0:height, 0:width]
    y = np.clip(np.rint(y + 6 * field[0]), 0, height - 1).astype(int)
    x = np.clip(np.rint(x + 6 * field[1]), 0, width - 1).astype(int)
    return Image.fromarray(pixels[y, x])


def icon():
    image = Image.new("RGB", (256, 256), "#f4f4f0")
    pen = ImageDraw.Draw(image)
    pen.ellipse((20, 30, 180, 190), fill="#d04040")
    pen.polygon([(120, 240), (240, 100), (236, 236)], fill="#2060a0")
    pen.rectangle((150, 20, 230, 70), fill="#30a050")
    return image


def test_stripes_in_other_colours_are_a_colour_variant():
    assert related(flag(*IRELAND), flag(*ITALY))[0] == Relation.COLOUR_VARIANT


def test_a_flag_compressed_at_half_size_is_the_same():
    small = saved(flag(*ITALY).resize((240, 160)), "JPEG", quality=75)
    assert related(flag(*ITALY), small)[0] == Relation.SAME


@pytest.mark.parametrize("colour", [(60, 150, 60), (70, 110, 220)])
def test_a_mug_in_another_colour_is_a_colour_variant(colour):
    assert related(mug((210, 70, 70)), mug(colour))[0] == Relation.COLOUR_VARIANT


@pytest.mark.parametrize("seed", thinned([3, 5, 8], 3))
def test_a_sticker_makes_an_edited_copy_and_is_named_with_its_place(seed):
    found, words = related(photo(seed), with_sticker(photo(seed)))
    assert found == Relation.SAME
    assert "covered at the lower right" in words


@pytest.mark.parametrize("seed", thinned([3, 5, 8], 3))
def test_captions_in_large_letters_make_a_copy(seed):
    found, words = related(photo(seed), with_captions(photo(seed)))
    assert found == Relation.SAME
    assert "captions differ" in words


@pytest.mark.parametrize("seed", with_misses([3, 5], 5))
def test_another_picture_on_a_third_leaves_a_copy(seed):
    image = photo(seed)
    width, height = image.size
    covered = image.copy()
    covered.paste(photo(seed + 20).resize((width * 5 // 9, height * 5 // 9)), (width // 9, 40))
    found, words = related(image, covered)
    assert found == Relation.SAME
    assert "covered" in words


@pytest.mark.parametrize("off", [0.0, 0.02])
def test_a_photo_in_a_viewer_with_buttons_shares_more_than_a_layout(off):
    image = photo(5)
    width, height = image.size
    screen = Image.new("RGB", (width, height * 7 // 4), "black")
    screen.paste(image, (0, height * 3 // 8))
    pen = ImageDraw.Draw(screen)
    pen.text((20, 20), "12:41", "gray", font(40))
    for k in range(4):
        left, top = 60 + k * width // 4, height * 7 // 4 - 80
        pen.ellipse((left, top, left + 60, top + 60), outline="gray", width=6)
    start = np.array([[1 - off, 0, off, 0, 4 / 7 + off, -off]])
    assert related(image, screen, start)[0] in {Relation.SAME, Relation.PART_OF}


@pytest.mark.parametrize("seed", thinned([3, 5], 2))
def test_objects_that_each_moved_a_little_are_not_a_copy(seed):
    found, _ = related(photo(seed), other_take(photo(seed)))
    assert found in {Relation.ANOTHER_TAKE, Relation.DIFFERENT}


@pytest.mark.long
def test_a_small_copy_of_what_is_blurred_is_no_other_take():
    """Blocks without a sharp edge agree at any shift; in either order."""
    rng = np.random.default_rng(0)
    light = rng.uniform(0.2, 1, (12, 5, 7, 1)) * rng.uniform(90, 255, (12, 1, 1, 3))
    for colours in light.astype(np.uint8):
        blurred = Image.fromarray(colours).resize((240, 180), Image.Resampling.BICUBIC)
        whole = saved(blurred, "JPEG", quality=90)
        small = saved(blurred.resize((120, 90)), "JPEG", quality=70)
        assert related(whole, small)[0] == Relation.SAME
        assert related(small, whole)[0] == Relation.SAME


def test_a_picture_taken_a_second_later_is_another_take():
    again = saved(photo(), "JPEG", quality=90)
    assert related(photo(), again, times=(5000, 5001))[0] == Relation.ANOTHER_TAKE
    assert related(photo(), again, times=(5000, 5000))[0] == Relation.SAME
    assert related(photo(), again, times=(5000, 0))[0] == Relation.SAME


def test_a_gray_copy_says_that_it_is_gray():
    assert related(photo(), photo().convert("L")) == (Relation.SAME, "gray")


def test_a_negative_says_that_it_is_one():
    found, _ = related(ImageOps.invert(photo()), photo())
    assert found == Relation.DIFFERENT  # compared as it is
    images = gallery(ImageOps.invert(photo()), photo())
    first, second, inverted = np.arange(1), np.arange(1, 2), np.ones(1, bool)
    compared = images.compare(first, second, IDENTITY, negative=inverted)
    judged = judge(images, first, second, compared.maps, compared.measures, inverted)
    found, details = statuses(judged)
    assert found[0] == Relation.SAME
    assert "negative" in detail_words(details[0])


@pytest.mark.parametrize("quality", [60, 90])
def test_a_recompressed_dark_noisy_photo_is_the_same(quality):
    night = np.asarray(photo(4), float) * 0.05
    night += np.random.default_rng(4).normal(0, 2, night.shape)
    night = Image.fromarray(np.clip(night, 0, 255).astype(np.uint8))
    assert related(night, saved(night, "JPEG", quality=quality))[0] == Relation.SAME


@pytest.mark.parametrize("side", thinned([32, 48, 64, 96], 3))
def test_an_icon_in_two_sizes_is_the_same(side):
    small = icon().resize((side, side), Image.Resampling.LANCZOS)
    assert related(icon(), small)[0] == Relation.SAME


def walker(skin, shirt="#1f9f8f", side=64):
    """A small figure, of which little is skin."""
    image = Image.new("RGB", (256, 256), "white")
    pen = ImageDraw.Draw(image)
    for box in ((150, 110, 185, 190), (70, 110, 105, 190)):  # arms
        pen.ellipse(box, fill=skin, outline="#3a2a20", width=4)
    pen.ellipse((95, 15, 160, 85), fill=skin, outline="#3a2a20", width=4)
    pen.rounded_rectangle((90, 90, 165, 175), 18, fill=shirt, outline="#204040", width=4)
    pen.rectangle((95, 175, 120, 245), fill="#777777", outline="#333333", width=3)
    pen.polygon([(135, 175), (165, 175), (190, 245), (160, 245)], fill="#555577")
    pen.arc((100, 10, 155, 60), 180, 360, fill="#402010", width=12)
    return image.resize((side, side), Image.Resampling.LANCZOS)


LIGHT, DARK = "#e0bb95", "#9b643d"


def test_a_figure_with_another_skin_is_a_colour_variant_however_little_of_it_shows():
    for skin in (DARK, "#bf8f68", "#c9a27c", "#f5dfc5"):
        assert related(walker(LIGHT), walker(skin))[0] == Relation.COLOUR_VARIANT
    assert related(walker(LIGHT), walker(LIGHT, "#8f1f9f"))[0] == Relation.COLOUR_VARIANT


def hand(skin, line):
    """A large hand, of which nearly all is skin."""
    image = Image.new("RGB", (256, 256), "white")
    pen = ImageDraw.Draw(image)
    pen.rounded_rectangle((90, 80, 225, 235), 45, fill=skin, outline=line, width=6)
    pen.rounded_rectangle((15, 85, 150, 130), 22, fill=skin, outline=line, width=6)
    for y in (135, 165, 195):
        pen.rounded_rectangle((75, y, 160, y + 35), 16, fill=skin, outline=line, width=6)
    pen.rounded_rectangle((120, 20, 160, 110), 20, fill=skin, outline=line, width=6)
    return image.resize((64, 64), Image.Resampling.LANCZOS)


def test_a_hand_in_the_next_tone_of_skin_is_no_brighter_copy():
    light, next_to_it = hand("#fadcbc", "#d6a57c"), hand("#e0bb95", "#b9895f")
    assert related(light, next_to_it)[0] == Relation.COLOUR_VARIANT
    half = light.resize((32, 32), Image.Resampling.LANCZOS)
    assert related(next_to_it, saved(half, "JPEG", quality=86))[0] != Relation.SAME
    assert related(light, saved(half, "JPEG", quality=86))[0] == Relation.SAME
    for gain in (0.85, 1.2):
        copy = next_to_it.point(lambda level, gain=gain: min(round(level * gain), 255))
        assert related(next_to_it, saved(copy, "JPEG", quality=86))[0] == Relation.SAME


@pytest.mark.parametrize("exponent", [0.65, 1.6])
def test_a_photo_of_few_edges_under_another_gamma_is_the_same(exponent):
    """A cap on cloth: soft folds in one colour, and strong colours."""
    y, x = np.mgrid[:400, :400] / 400
    fold = 0.62 + 0.2 * np.sin(9 * x + 4 * np.sin(5 * y)) + 0.1 * np.sin(14 * y - 6 * x)
    cloth = Image.fromarray((fold[..., None] * (235, 40, 30)).clip(0, 255).astype(np.uint8))
    pen = ImageDraw.Draw(cloth)
    for k in range(60):  # shaded from left to right
        pen.rectangle((70 + 4 * k, 130, 74 + 4 * k, 260), fill=(150 + k, 155 + k, 160 + k))
        pen.rectangle((70 + 4 * k, 260, 74 + 4 * k, 360), fill=(120 + k, 215 + k // 2, 30))
    pen.ellipse((110, 280, 280, 330), outline=(90, 150, 20), width=6)
    pen.text((190, 195), "NOPE", "black", font(78), anchor="mm")
    curved = cloth.point(lambda level: round(255 * (level / 255) ** exponent))
    assert related(cloth, saved(curved, "JPEG", quality=92))[0] == Relation.SAME


@pytest.mark.parametrize("gain", [0.75, 1.25])
def test_a_figure_that_is_brighter_as_a_whole_and_written_on_is_the_same(gain):
    copy = walker(LIGHT).point(lambda level: min(round(level * gain), 255))
    pen = ImageDraw.Draw(copy)
    pen.text((14, 50), "copy", font=font(9), fill="white", stroke_width=1, stroke_fill="black")
    assert related(walker(LIGHT), saved(copy, "JPEG", quality=88))[0] == Relation.SAME


@pytest.mark.parametrize("seed", [3, 41])
def test_a_drawn_or_smooth_picture_saved_at_the_worst_quality_is_the_same(seed):
    smooth = photo(seed).filter(ImageFilter.GaussianBlur(2))
    assert related(smooth, saved(smooth, "JPEG", quality=5))[0] == Relation.SAME


def test_a_figure_with_another_face_is_not_a_copy_with_something_written_on_it():
    one, other = walker(LIGHT), walker(LIGHT)
    ImageDraw.Draw(one).ellipse((20, 6, 30, 18), fill="#c03020", outline="black", width=2)
    ImageDraw.Draw(other).rectangle((32, 2, 44, 12), fill="#c03020", outline="black", width=2)
    assert related(one, other)[0] != Relation.SAME


def clock(hour, face="#f8f8f8", side=64):
    image = Image.new("RGB", (256, 256), "white")
    pen = ImageDraw.Draw(image)
    pen.ellipse((12, 12, 244, 244), fill=face, outline="#7fa8bc", width=26)
    for k in range(12):
        x, y = 128 + 84 * np.sin(k * np.pi / 6), 128 - 84 * np.cos(k * np.pi / 6)
        pen.ellipse((x - 5, y - 5, x + 5, y + 5), fill="#1590a8")
    x, y = 128 + 56 * np.sin(hour * np.pi / 6), 128 - 56 * np.cos(hour * np.pi / 6)
    pen.line((128, 128, 128, 56), fill="#553322", width=9)
    pen.line((128, 128, x, y), fill="#553322", width=13)
    return image.resize((side, side), Image.Resampling.LANCZOS)


def test_stripes_are_the_same_though_what_is_written_on_them_moves_their_borders():
    one, other = flag(*IRELAND), flag(*IRELAND)
    ImageDraw.Draw(other).text((240, 310), "a copy", "black", font(24), anchor="mb")
    assert related(one, saved(other, "JPEG", quality=88))[0] == Relation.SAME
    assert related(flag(*ITALY), saved(other, "JPEG", quality=88))[0] != Relation.SAME


@pytest.mark.parametrize("hour", thinned([2, 6, 9], 2))
def test_a_small_clock_with_another_time_is_not_a_copy(hour):
    assert related(clock(8), clock(hour))[0] != Relation.SAME
    assert related(clock(8), saved(clock(hour), "JPEG", quality=85))[0] != Relation.SAME


def test_a_small_figure_of_which_a_hand_has_another_colour_is_not_a_copy():
    other = walker(LIGHT)
    ImageDraw.Draw(other).ellipse((38, 32, 43, 39), fill="#4a2f1c")
    assert related(walker(LIGHT), other)[0] != Relation.SAME


@pytest.mark.parametrize(
    "copy",
    [
        lambda image: image.resize((48, 48), Image.Resampling.BICUBIC),
        lambda image: image.resize((128, 128), Image.Resampling.LANCZOS),
        lambda image: image.quantize(24).convert("RGB"),
        lambda image: image.point(lambda level: min(round(1.2 * level), 255)),
        lambda image: image.convert("L"),
        lambda image: saved(image, "JPEG", quality=40),
        lambda image: saved(image, "WEBP", quality=60),
    ],
)
def test_copies_of_a_small_drawing_are_the_same_however_they_were_made(copy):
    for image in (clock(8), walker(LIGHT)):
        assert related(image, copy(image))[0] == Relation.SAME


@pytest.mark.parametrize("radius", [1.5, 4])
def test_a_blurred_copy_is_the_same_and_not_covered(radius):
    found, words = related(photo(), photo().filter(ImageFilter.GaussianBlur(radius)))
    assert found == Relation.SAME
    assert "covered" not in words


@pytest.mark.long
def test_unrelated_pictures_are_different():
    found = {related(photo(seed), photo(seed + 1))[0] for seed in range(20, rounds(22, 26))}
    assert found == {Relation.DIFFERENT}


@pytest.mark.parametrize("seed", thinned(range(30, 36), 6))
def test_a_picture_is_the_same_as_itself_whatever_it_shows(seed):
    for image in (photo(seed), photo(seed).resize((40, 30)), icon().rotate(seed * 11)):
        assert related(image, image)[0] == Relation.SAME


def test_neither_order_nor_company_changes_a_judgement():
    images = gallery(
        *(photo(seed) for seed in (3, 4)), with_sticker(photo(3)), photo(3).convert("L")
    )
    first, second = np.array([0, 0, 0, 1, 2]), np.array([1, 2, 3, 2, 3])
    compared = images.compare(first, second, np.repeat(IDENTITY, 5, axis=0))
    whole = judge(images, first, second, compared.maps, compared.measures)
    order = np.array([3, 0, 4, 2, 1])
    shuffled = judge(
        images, first[order], second[order], compared.maps[order], compared.measures[order]
    )
    assert (shuffled == whole[order]).all()
    alone = [
        judge(images, first[k : k + 1], second[k : k + 1], compared.maps[k : k + 1], m)
        for k, m in enumerate(np.split(compared.measures, 5))
    ]
    assert (np.concatenate(alone) == whole).all()


def test_without_thumbnails_in_colour_agreement_decides():
    images = gallery(flag(*IRELAND), flag(*ITALY))
    images._loaders = PictureLoaders(images._loaders.grays)
    compared = images.compare(np.arange(1), np.arange(1, 2), IDENTITY)
    judged = judge(images, np.arange(1), np.arange(1, 2), compared.maps, compared.measures)
    assert judged[0, 0] == Relation.SAME


def test_times_a_quarter_of_an_hour_apart_say_nothing():
    one, other = np.array([1000, 1000, 1000, 0]), np.array([1001, 1899, 1900, 5])
    assert times_differ(one, other).tolist() == [True, True, False, False]
    assert times_differ(other, one).tolist() == [True, True, False, False]


def test_words_of_details():
    both = relation.GRAY | relation.TONED
    assert detail_words(np.array([both, 1, 7, 0], np.uint8)) == (
        "gray, tone, covered at the upper left, 7 %"
    )
    assert detail_words(np.zeros(DETAILS, np.uint8)) == ""
    assert not relation.was_edited(np.array([relation.SMALL, 0, 0, 0], np.uint8))
