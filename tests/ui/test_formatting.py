from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgurer_kernel.ui.formatting import (
    RADIUS_WORDS,
    ago,
    degrees,
    elide,
    listing,
    moment,
    radius_words,
)


@given(st.text(max_size=80), st.integers(5, 40))
def test_an_elided_text_fits_and_keeps_its_ends(text, length):
    short = elide(text, length)
    assert len(short) <= length
    if len(text) > length:
        head, _, tail = short.partition("\N{HORIZONTAL ELLIPSIS}")
        assert head
        assert tail
        assert text.startswith(head)
        assert text.endswith(tail.rpartition("\N{HORIZONTAL ELLIPSIS}")[2] or tail)
    else:
        assert short == text


@pytest.mark.parametrize(("radius", "words"), RADIUS_WORDS.items())
def test_each_tick_says_its_own_words(radius, words):
    assert radius_words(radius) == words


@pytest.mark.parametrize(
    ("spent", "words"),
    [
        (timedelta(seconds=59), "just now"),
        (timedelta(minutes=1), "1 minute ago"),
        (timedelta(minutes=59), "59 minutes ago"),
        (timedelta(hours=1), "1 hour ago"),
        (timedelta(hours=47), "1 day ago"),
        (timedelta(days=59), "59 days ago"),
        (timedelta(days=60), "29 December 2025"),
        (timedelta(seconds=-5), "just now"),
    ],
)
def test_how_long_ago(spent, words):
    now = datetime(2026, 2, 27, 12, tzinfo=UTC)
    assert ago(now - spent, now) == words


def test_a_moment_with_a_zone_is_shown_by_clocks_here():
    here = datetime.now().astimezone().tzinfo
    there = datetime(2026, 3, 1, 9, 5, tzinfo=timezone(timedelta(hours=11)))
    assert moment(there) == moment(there.astimezone(here).replace(tzinfo=None))


def test_places_have_their_hemisphere():
    assert degrees(-1.5, 0).endswith("E")
    assert "S" in degrees(-1.5, 0)


def test_nothing_to_list_is_nothing():
    assert listing([]) == ""
