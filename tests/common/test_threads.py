"""Work on all cores: its order, its signs of life, and how it ends."""

import threading

import pytest

from imgurer_kernel.common import threads
from imgurer_kernel.common.threads import in_order


def test_results_come_in_the_order_of_the_parts():
    gate = threading.Event()

    def work(number):
        if number == 0:
            assert gate.wait(30)  # the first part is the last to be done
        elif number == 5:
            gate.set()
        return number

    assert list(in_order(work, range(6), workers=6)) == list(range(6))


def test_no_parts():
    assert list(in_order(str, [])) == []


def test_an_error_reaches_the_caller_and_what_nobody_has_begun_is_dropped():
    begun, gate = [], threading.Event()

    def work(number):
        begun.append(number)
        if number == 1:
            raise ValueError(number)
        if number == 2:
            gate.wait(30)
        return number

    with pytest.raises(ValueError, match="1"):
        list(in_order(work, range(1000), workers=1))
    gate.set()
    assert set(begun) <= {0, 1, 2}


def test_a_pulse_is_felt_while_a_result_is_waited_for_and_may_end_it(monkeypatch):
    monkeypatch.setattr(threads, "PULSE", 0.001)
    gate, pulses = threading.Event(), []

    def pulse():
        pulses.append(1)
        if len(pulses) == 3:
            raise KeyboardInterrupt

    try:
        with pytest.raises(KeyboardInterrupt):
            list(in_order(lambda _: gate.wait(30), [0, 1], pulse))
        assert len(pulses) == 3
        assert not gate.is_set()  # nobody waited for what was under way
    finally:
        gate.set()
