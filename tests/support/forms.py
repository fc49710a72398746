"""Short and long forms of a test: how much of it runs usually, and how much with --long.

A test whose fault may need many rounds asks for their number here. One that has a long form only,
beside others that run the same lines, is marked `pytest.mark.long`. Where two things vary that have
nothing to do with each other, `pairs` tries each of either, and each with each in the long form.
"""

import pytest

LONG = False
"""Whether the long forms run; tests/conftest.py sets it before tests are collected."""


def rounds(short, long):
    """The number of examples, rounds, processes or pixels: that of the form that runs."""
    return long if LONG else short


def thinned(cases, every):
    """Parameters of which the short form takes the first of so many in a row.

    >>> [case.values[0] for case in thinned("abcde", 2) if not case.marks]
    ['a', 'c', 'e']
    """
    return [
        pytest.param(case, marks=pytest.mark.long if number % every else ())
        for number, case in enumerate(cases)
    ]


def long_only(*cases):
    """Parameters of the long form alone, each a tuple if there are several names.

    >>> [case.values for case in long_only((1, 2), (3, 4))]
    [(1, 2), (3, 4)]
    """
    return [
        pytest.param(*(case if isinstance(case, tuple) else (case,)), marks=pytest.mark.long)
        for case in cases
    ]


def with_misses(cases, *missed):
    """Parameters of which some are known to fail; a rule that mends one has to say so here.

    >>> [[mark.name for mark in case.marks] for case in with_misses([1, 2], 2)]
    [[], ['long', 'xfail']]
    """
    misses = pytest.mark.long, pytest.mark.xfail(reason="a known miss", strict=True)
    given = [case if hasattr(case, "marks") else pytest.param(case) for case in cases]
    return [
        pytest.param(*case.values, marks=misses) if case.values[0] in missed else case
        for case in given
    ]


def pairs(first, second):
    """Parameters (one of first, one of second); the short form has each value of either.

    >>> [case.values for case in pairs("abc", (1, 2)) if not case.marks]
    [('a', 1), ('b', 2), ('c', 1)]
    """
    first, second = list(first), list(second)
    short = {
        (number % len(first), number % len(second))
        for number in range(max(len(first), len(second)))
    }
    return [
        pytest.param(one, other, marks=() if (i, j) in short else pytest.mark.long)
        for i, one in enumerate(first)
        for j, other in enumerate(second)
    ]
