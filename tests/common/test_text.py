from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgurer_kernel.common.text import ago, count, degrees, elide, human_bytes, join_words, moment


def test_counts_know_one_and_many():
    assert [count(n, "copy", "copies") for n in (0, 1, 2, 1000)] == [
        "0 copies",
        "1 copy",
        "2 copies",
        "1,000 copies",
    ]


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 bytes"),
        (1, "1 byte"),
        (999, "999 bytes"),
        (1000, "1.0 kB"),
        (99_949, "99.9 kB"),
        (99_951, "100 kB"),
        (999_499, "999 kB"),
        (999_500, "1.0 MB"),
        (30_000_000, "30.0 MB"),
        (5 * 10**12, "5.0 TB"),
    ],
)
def test_a_size_for_people(size, text):
    assert human_bytes(size) == text


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


@pytest.mark.parametrize(
    ("spent", "text"),
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
def test_how_long_ago(spent, text):
    now = datetime(2026, 2, 27, 12, tzinfo=UTC)
    assert ago(now - spent, now) == text


def test_a_moment_with_a_zone_is_shown_by_clocks_here():
    here = datetime.now().astimezone().tzinfo
    there = datetime(2026, 3, 1, 9, 5, tzinfo=timezone(timedelta(hours=11)))
    assert moment(there) == moment(there.astimezone(here).replace(tzinfo=None))


def test_places_have_their_hemisphere():
    assert degrees(-1.5, 0).endswith("E")
    assert "S" in degrees(-1.5, 0)


def test_nothing_to_list_is_nothing():
    assert join_words([]) == ""


@pytest.mark.parametrize("year", [1, 9999])
@pytest.mark.parametrize("hours", [-12, 0, 14])
def test_a_moment_at_the_end_of_all_years_is_shown(year, hours):
    zone = timezone(timedelta(hours=hours))
    first_or_last = datetime(year, *((1, 1, 0) if year == 1 else (12, 31, 23)), tzinfo=zone)
    assert moment(first_or_last)
