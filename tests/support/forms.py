"""Short and long forms of a test: how much of it runs usually, and how much with --long.

A test whose fault may need many rounds asks for their number here. One that has a long form only,
beside a quick one, is marked `pytest.mark.long`.
"""

LONG = False
"""Whether the long forms run; tests/conftest.py sets it before tests are collected."""


def rounds(short, long):
    """The number of examples, rounds, processes or pixels: that of the form that runs."""
    return long if LONG else short
