"""Pages with something put on them, and pages of one layout with other writing or marks."""

from math import cos, pi, sin

import numpy as np
import pytest
from PIL import Image, ImageDraw

from imgurer_kernel import Settings, Workbench
from imgurer_kernel.matching import covers
from imgurer_kernel.matching import local_agreement as local
from imgurer_kernel.matching.covers import covered_share, is_covered
from imgurer_kernel.matching.original_judgement import PAGE_AGREE, _has_same_writing
from tests.support.forms import thinned
from tests.support.pictures import scene

IDENTITY = np.array([1.0, 0, 0, 0, 1, 0])
WHOLE = np.array([[0, 0, 64, 64], [0, 0, 64, 64]])


def clock(hour, minute):
    """A clock face with ticks, and hands that show a time."""
    image = Image.new("RGB", (400, 400), "white")
    pen = ImageDraw.Draw(image)
    pen.ellipse((20, 20, 380, 380), outline="black", width=6)
    for tick in range(12):
        x, y = sin(tick * pi / 6), -cos(tick * pi / 6)
        pen.line((200 + 150 * x, 200 + 150 * y, 200 + 175 * x, 200 + 175 * y), "black", 4)
        pen.text((194 + 130 * x, 190 + 130 * y), str(tick or 12), "black", font_size=20)
    for angle, length, width in ((hour + minute / 60) / 6, 85, 10), (minute / 30, 130, 6):
        x, y = sin(angle * pi), -cos(angle * pi)
        pen.line((200, 200, 200 + length * x, 200 + length * y), "black", width)
    return image


def with_photo(page, seed=0):
    """A page with a photograph put on a tenth of it."""
    side = int((page.width * page.height / 10) ** 0.5)
    covered = page.copy()
    photo = Image.fromarray(scene(50 + seed)).resize((side, side))
    covered.paste(photo, (page.width // 6 + 20 * seed, page.height // 5))
    return covered


def clusters_of(folder, **pages):
    (folder / "pages").mkdir()
    for name, page in pages.items():
        page.save(folder / "pages" / f"{name}.png")
    with Workbench(Settings(root=folder / "store")) as workbench:
        workbench.ingest(folder / "pages", progress=False)
        found = workbench.clusters(progress=False)
    return {frozenset(names) for _, names in found.groupby("cluster_id")["filename"]}


@pytest.mark.parametrize("seed", thinned([0, 2], 2))
def test_clocks_that_show_two_times_are_two_and_one_under_a_photo_is_the_same(tmp_path, seed):
    times = [(3, 10), (9, 40), (7, 25), (1, 50)]
    pages = {f"at {hour}": clock(hour, minute) for hour, minute in times}
    hour, minute = times[seed]
    assert clusters_of(tmp_path, covered=with_photo(clock(hour, minute), seed), **pages) == {
        frozenset({f"at {hour}.png", "covered.png"})
    }


def ticket(seat):
    """A ticket, which little but the seat tells from others."""
    image = Image.new("RGB", (800, 300), "#fff7d6")
    pen = ImageDraw.Draw(image)
    pen.rectangle((10, 10, 790, 290), outline="black", width=3)
    pen.line((600, 10, 600, 290), "black", 2)
    pen.text((300, 60), "CITY THEATRE", "black", anchor="mm", font_size=40)
    pen.text((300, 120), "Hamlet, 12 May 2024, 19:30", "black", anchor="mm", font_size=26)
    pen.text((60, 200), seat, "black", font_size=30)
    pen.text((640, 200), seat[-2:], "black", font_size=30)
    return image


def test_tickets_of_two_seats_are_two_and_a_copy_of_half_the_size_is_the_same(tmp_path):
    seats = {"first": "Row C  Seat 14", "second": "Row F  Seat 27", "third": "Row C  Seat 31"}
    pages = {name: ticket(seat) for name, seat in seats.items()}
    assert clusters_of(tmp_path, half=pages["first"].resize((400, 150)), **pages) == {
        frozenset({"first.png", "half.png"})
    }


def test_the_covered_share_is_that_of_what_hides_the_ground():
    page = np.asarray(clock(3, 10))
    covered = np.asarray(with_photo(clock(3, 10)))
    other_time = np.asarray(clock(9, 40))
    assert covered_share(page, page, IDENTITY, WHOLE) == 0
    assert covered_share(page, covered, IDENTITY, WHOLE) > 0.5
    assert covered_share(covered, page, IDENTITY, WHOLE) > 0.5
    assert covered_share(page, other_time, IDENTITY, WHOLE) < 0.2


def test_the_covered_share_of_a_turned_page_is_the_same():
    page = np.asarray(clock(3, 10))
    turned = np.ascontiguousarray(np.rot90(np.asarray(with_photo(clock(3, 10)))))
    quarter_turn = np.array([0.0, 1, 0, -1, 0, 0])
    upright = covered_share(page, np.rot90(turned, -1).copy(), IDENTITY, WHOLE)
    assert covered_share(page, turned, quarter_turn, WHOLE) == pytest.approx(upright, abs=0.1)


def of_originals(**measures):
    row = np.zeros(local.FEATURES)
    for name, value in measures.items():
        row[getattr(local, name)] = value
    return row


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({}, True),
        ({"REST_Q25": covers._REST_Q25 - 0.01}, False),
        ({"REST_BAD": covers._REST_BAD + 0.01}, False),
        ({"BIG": covers._BIG + 0.01}, False),
        ({"AGREE": covers._AGREE - 1}, False),
        ({"LACK": 0.2}, False),
        ({"LACK": 0.2, "COVERED": 1}, True),
    ],
)
def test_what_agrees_beside_something_put_on_a_page(changes, found):
    within = {
        "REST_Q25": covers._REST_Q25, "REST_BAD": covers._REST_BAD, "BIG": covers._BIG,
        "AGREE": covers._AGREE, "BAD": 0.5, "LACK": 0.01,
    }  # fmt: skip
    assert is_covered(of_originals(**{**within, **changes})) is found


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({}, True),
        ({"AGREE": PAGE_AGREE + 1}, True),
        ({"AGREE": PAGE_AGREE - 1}, False),
        ({"LACK": 0.01}, False),
        ({"BAD": 0.11}, False),
        ({"REST_BAD": 0.006}, False),
    ],
)
def test_pages_with_the_same_writing_agree_in_enough_blocks(changes, found):
    within = {"AGREE": PAGE_AGREE, "LACK": 0.009, "BAD": 0.1, "REST_BAD": 0.005}
    assert _has_same_writing(of_originals(**{**within, **changes})) is found
