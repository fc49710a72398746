"""Memory is returned if the C library supports it; otherwise nothing happens."""

import ctypes
import sys

import pytest

from imgurer_kernel.common.memory import give_back


class Library:
    """Fake C library, as loaded by `ctypes`."""

    def __init__(self):
        self.asked = []
        self.malloc_trim = self.asked.append


def test_it_is_given_back_where_that_is_possible(monkeypatch):
    library = Library()
    monkeypatch.setattr(ctypes, "CDLL", lambda name: library)
    monkeypatch.setattr(sys, "platform", "linux")
    give_back()
    assert library.asked == [0]
    monkeypatch.setattr(sys, "platform", "darwin")
    give_back()
    assert library.asked == [0]


@pytest.mark.parametrize("library", [lambda _: object(), lambda _: ctypes.CDLL("/nowhere/lib.so")])
def test_another_library_is_not_an_error(monkeypatch, library):
    real = ctypes.CDLL
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(ctypes, "CDLL", lambda name: real(name) if name else library(name))
    give_back()
