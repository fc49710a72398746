"""Where the system allows no more threads, OpenBLAS is told to start none."""

import pytest

from imgurer_kernel.common.blas_threads import can_start
from tests.support.few_threads import thread_limit  # noqa: F401
from tests.support.forms import pairs
from tests.support.processes import python


def test_whether_so_many_threads_can_start(thread_limit):  # noqa: F811
    assert can_start(4)
    thread_limit(3)
    assert not can_start(4)
    assert can_start(0)


@pytest.mark.parametrize(("given", "refused"), pairs([None, "7"], [True, False]))
def test_numpy_is_loaded_with_as_many_threads_as_there_can_be(given, refused, monkeypatch):
    monkeypatch.delenv("OPENBLAS_NUM_THREADS", raising=False)
    if given:
        monkeypatch.setenv("OPENBLAS_NUM_THREADS", given)
    program = f"""if True:
        import os, threading
        def refuse(self):
            raise RuntimeError("can't start new thread")
        if {refused}:
            threading.Thread.start = refuse
        os.sched_getaffinity = lambda _: range(4)
        import imgurer_kernel.apps.cli.parser
        print(os.environ.get("OPENBLAS_NUM_THREADS"))
        """
    process = python("-c", program)
    said, complaint = process.communicate(timeout=120)
    assert process.returncode == 0, complaint
    assert said.strip() == str(given or ("1" if refused else None))
