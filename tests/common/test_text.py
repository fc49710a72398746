import pytest

from imgurer_kernel.common.text import count, human_bytes


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
