"""Work on all cores: their number, the order of results, progress, and stopping."""

import os
import subprocess
import sys
import threading

import pytest

from imgurer_kernel.common import threads
from imgurer_kernel.common.threads import cores, in_order, thread_pool


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no CPU affinity on this system")
def test_cores_are_those_that_this_process_may_use():
    pinned = (
        "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))});"
        "from imgurer_kernel.common.threads import cores, thread_pool\n"
        "with thread_pool() as pool: print(cores(), pool._max_workers, cores(7))"
    )
    ran = subprocess.run([sys.executable, "-c", pinned], capture_output=True, check=True)
    assert ran.stdout.split() == [b"1", b"1", b"7"]


@pytest.mark.parametrize(("counted", "expected"), [(3, 3), (None, 1)])
def test_newer_pythons_are_asked_for_the_cores_of_the_process(monkeypatch, counted, expected):
    monkeypatch.setattr(os, "process_cpu_count", lambda: counted, raising=False)
    assert cores() == expected
    assert cores(2) == 2


def test_without_affinity_all_cores_count(monkeypatch):
    for name in ("process_cpu_count", "sched_getaffinity"):
        monkeypatch.delattr(os, name, raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 5)
    assert cores() == 5
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert cores() == 1


def test_a_pool_waits_for_what_is_under_way_and_drops_the_rest():
    begun, done = [], []

    def work(number):
        begun.append(number)
        threading.Event().wait(0.01)
        done.append(number)

    def fail():
        with thread_pool(1, name="tested") as pool:
            for number in range(1000):
                pool.submit(work, number)
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert begun == done
    assert len(done) < 1000
    assert not [t for t in threading.enumerate() if t.name.startswith("tested")]


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


def test_an_error_reaches_the_caller_and_waiting_parts_are_dropped():
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


def test_poll_is_called_while_waiting_and_may_stop_the_work(monkeypatch):
    monkeypatch.setattr(threads, "POLL_SECONDS", 0.001)
    gate, calls = threading.Event(), []

    def poll():
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt

    try:
        with pytest.raises(KeyboardInterrupt):
            list(in_order(lambda _: gate.wait(30), [0, 1], poll))
        assert len(calls) == 3
        assert not gate.is_set()  # nobody waited for what was under way
    finally:
        gate.set()
