"""Simulate a system that allows a process no more threads, such as a container."""

import threading

import pytest


@pytest.fixture
def thread_limit(monkeypatch):
    """Function that sets how many more threads can be started; lists the names of the others."""
    start, refused = threading.Thread.start, []

    def limit(number):
        left = [None] * number

        def limited(thread):
            if not left:
                refused.append(thread.name)
                raise RuntimeError("can't start new thread")
            left.pop()
            start(thread)

        monkeypatch.setattr(threading.Thread, "start", limited)
        return refused

    return limit
