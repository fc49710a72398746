import atexit
import gc
import os
import platform
import signal
import threading
import time
import weakref
from contextlib import suppress
from pathlib import Path

import pytest

from imgurer_kernel.errors import CatalogBusy, CatalogError, StorageDenied
from imgurer_kernel.store.catalog.lock import Lease, lockfile
from tests.support.processes import python

pytestmark = [
    pytest.mark.opens_catalogs,
    pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning"),
]

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")

HOLDER = """
import sys
from contextlib import suppress
from pathlib import Path
from imgurer_kernel.store.catalog.lock import Lease
with Lease(Path(sys.argv[1]), lambda: "open", lambda resource: None).hold():
    print("holding", flush=True)
    sys.stdin.read()
"""


class Counted:
    """A resource that counts its openings, and detects two at once."""

    def __init__(self):
        self.opened = self.closed = 0

    def acquire(self):
        self.opened += 1
        assert self.opened == self.closed + 1
        return self

    def dispose(self, resource):
        assert resource is self
        self.closed += 1
        assert self.opened == self.closed


def lease_on(folder, counted=None, **changed):
    counted = counted or Counted()
    return Lease(folder, counted.acquire, counted.dispose, **changed)


def eventually(condition, seconds=20):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.005)


@pytest.fixture
def holder(tmp_path):
    """Another process that holds the lease until its input is closed."""
    process = python("-c", HOLDER, tmp_path)
    assert process.stdout.readline() == "holding\n"
    yield process
    process.kill()
    process.communicate()


def test_stays_open_between_uses_and_joins_nested_ones(tmp_path):
    counted = Counted()
    lease = lease_on(tmp_path, counted, idle=60)
    for _ in range(3):
        with lease.hold() as outer, lease.hold() as inner:
            assert outer is inner is counted
            assert lease.nested
        assert not lease.nested
    assert (counted.opened, counted.closed) == (1, 0)
    lease.release()
    assert (counted.opened, counted.closed) == (1, 1)
    lease.release()
    assert counted.closed == 1


def test_is_given_back_when_idle(tmp_path):
    counted = Counted()
    lease = lease_on(tmp_path, counted, idle=0.05)
    with lease.hold():
        time.sleep(0.2)
        assert lease.held, "given back in the middle of a use"
    eventually(lambda: not lease.held)
    assert counted.closed == 1
    with lease.hold():
        assert counted.opened == 2
    eventually(lambda: not lease.held)


def test_a_task_keeps_it_open_through_pauses_but_not_for_ever(tmp_path):
    counted = Counted()
    lease = lease_on(tmp_path, counted, idle=0.05)
    with lease.keep_alive(), lease.keep_alive():
        for _ in range(2):
            with lease.hold():
                pass
            time.sleep(0.2)  # four times as long as it may be idle otherwise
        assert (counted.opened, counted.closed) == (1, 0)
        eventually(lambda: not lease.held)
    with lease.hold():
        pass
    time.sleep(0.2)
    assert not lease.held, "kept after the end of the task"


def test_a_task_that_keeps_it_open_keeps_nobody_waiting(tmp_path):
    first, second = lease_on(tmp_path, idle=60), lease_on(tmp_path, idle=60, timeout=20)
    with first.keep_alive():
        with first.hold():
            pass
        with second.hold():
            assert not first.held


def test_release_inside_of_a_use_waits_for_its_end(tmp_path):
    counted = Counted()
    lease = lease_on(tmp_path, counted, idle=60)
    with lease.hold():
        with lease.hold():
            lease.release()
        assert counted.closed == 0
    assert counted.closed == 1


def test_one_that_is_used_all_the_time_still_lets_others_have_their_turn(tmp_path):
    counted = Counted()
    leases = [lease_on(tmp_path, counted, quantum=0.02, idle=60) for _ in range(3)]
    uses = [0, 0, 0]
    stints = [0, 0, 0]
    stop = threading.Event()

    def hog(which):
        while not stop.is_set():
            before = leases[which].held
            with leases[which].hold():
                uses[which] += 1
                stints[which] += not before
        leases[which].release()

    threads = [threading.Thread(target=hog, args=(which,)) for which in range(3)]
    for thread in threads:
        thread.start()
    try:
        eventually(lambda: min(stints) >= 4)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert max(stints) <= min(stints) + 3, "not a fair queue"
    assert sum(uses) > 3 * sum(stints), "lets go after each use"


def waiting(folder):
    return len([path for path in (folder / "catalog.waiting").iterdir() if path.name.isdigit()])


@pytest.mark.parametrize("can_block", [True, False])
def test_those_who_wait_come_in_the_order_of_their_arrival(tmp_path, monkeypatch, can_block):
    monkeypatch.setattr(lockfile, "CAN_BLOCK", can_block and lockfile.CAN_BLOCK)
    order = []

    def use(number, timeout):
        lease = lease_on(tmp_path, quantum=0, timeout=timeout)
        try:
            with lease.hold():
                order.append(number)
            lease.release()
        except CatalogBusy:
            order.append(-number)

    first = lease_on(tmp_path)
    threads = []
    with first.hold():
        for number in range(1, 9):
            # The third gives up; those behind it must neither wait for it nor overtake.
            timeout = 0.01 if number == 3 else 60
            threads.append(threading.Thread(target=use, args=(number, timeout)))
            threads[-1].start()
            if number == 3:
                eventually(lambda: order == [-3])
            else:
                there = number - (number > 3)
                eventually(lambda there=there: waiting(tmp_path) == there)
    for thread in threads:
        thread.join()
    assert order == [-3, 1, 2, 4, 5, 6, 7, 8]
    assert waiting(tmp_path) == 0


@needs_fork
def test_the_ticket_of_a_killed_process_is_skipped(tmp_path):
    first = lease_on(tmp_path)
    with first.hold():
        child = os.fork()
        if child == 0:
            with lease_on(tmp_path, timeout=60).hold():
                os._exit(1)
        eventually(lambda: waiting(tmp_path) == 1)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        assert waiting(tmp_path) == 1
    second = lease_on(tmp_path, timeout=20)
    with second.hold():
        assert waiting(tmp_path) == 0
    second.release()


def test_an_idle_holder_releases_early_if_others_wait(tmp_path):
    first, second = lease_on(tmp_path, idle=60), lease_on(tmp_path, idle=60, timeout=20)
    with first.hold():
        pass
    with second.hold():
        assert not first.held
    second.release()


@pytest.mark.long
def test_timeout_names_the_holder(tmp_path, holder):
    lease = lease_on(tmp_path, timeout=0.1)
    with pytest.raises(CatalogBusy, match=r"waited 0\.1 s") as caught, lease.hold():
        pytest.fail("took a lease that another process has")
    message = str(caught.value)
    assert f"process {holder.pid} on {platform.node()}" in message
    assert "since 20" in message
    assert str(tmp_path / "catalog.lock") in message
    assert "lease_timeout" in message


def test_timeout_between_threads_of_one_process(tmp_path):
    lease = lease_on(tmp_path, timeout=0.1)
    held, done = threading.Event(), threading.Event()

    def use():
        with lease.hold():
            held.set()
            done.wait()

    thread = threading.Thread(target=use)
    thread.start()
    held.wait()
    with pytest.raises(CatalogBusy, match="another thread of this process"), lease.hold():
        pytest.fail("two threads at once")
    done.set()
    thread.join()
    with lease.hold():
        pass
    lease.release()


@pytest.mark.parametrize("same", [True, False], ids=["its own threads", "another process"])
def test_waiting_for_a_closing_catalog_lasts_as_long_as_the_close(tmp_path, same):
    """Two leases of one process lock each other out as those of two processes do."""
    closing, closed = threading.Event(), threading.Event()

    def dispose(_):
        closing.set()
        closed.wait(10)

    slow = Lease(tmp_path, object, dispose, timeout=0.05, idle=0.05)
    with slow.hold():
        pass
    assert closing.wait(10)
    waiting = slow if same else lease_on(tmp_path, timeout=0.05)
    timer = threading.Timer(0.3, closed.set)
    timer.start()
    with waiting.hold():
        assert closed.is_set()
    waiting.release()
    timer.join()


@pytest.mark.parametrize("same", [True, False], ids=["its own threads", "another process"])
def test_waiting_for_a_close_that_never_ends_times_out(tmp_path, same):
    """As of a process that was stopped, or a disk that hangs."""
    closing, end = threading.Event(), threading.Event()

    def dispose(_):
        closing.set()
        end.wait(20)

    stuck = Lease(tmp_path, object, dispose, timeout=0.02, idle=0.05)
    with stuck.hold():
        pass
    assert closing.wait(10)
    waiting = stuck if same else lease_on(tmp_path, timeout=0.02)
    with pytest.raises(CatalogBusy), waiting.hold():
        pytest.fail("took a lease that is being closed")
    end.set()
    with waiting.hold():
        pass
    waiting.release()


def test_a_process_that_timed_out_does_not_block_the_queue(tmp_path):
    first = lease_on(tmp_path)
    with first.hold():
        for _ in range(3):
            with pytest.raises(CatalogBusy), lease_on(tmp_path, timeout=0.05).hold():
                pytest.fail("taken")
    lease = lease_on(tmp_path, timeout=20)
    with lease.hold():
        pass
    with lease.hold():
        assert lease.held
    lease.release()


@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_interrupted_wait_leaves_nothing_behind(tmp_path):
    first, lease = lease_on(tmp_path), lease_on(tmp_path, timeout=30)
    earlier = signal.signal(signal.SIGALRM, signal.default_int_handler)
    try:
        with first.hold():
            signal.setitimer(signal.ITIMER_REAL, 0.2)
            with pytest.raises(KeyboardInterrupt), lease.hold():
                pytest.fail("taken")
    finally:
        signal.signal(signal.SIGALRM, earlier)
    with lease_on(tmp_path, timeout=20).hold():
        pass
    with lease.hold():
        pass
    lease.release()


def test_a_killed_holder_leaves_the_lease_to_the_next(tmp_path, holder):
    holder.kill()
    holder.wait()
    lease = lease_on(tmp_path, timeout=20)
    with lease.hold():
        pass
    lease.release()


def test_a_failed_open_releases_the_lock(tmp_path):
    def refuse():
        message = "no"
        raise ValueError(message)

    broken = Lease(tmp_path, refuse, lambda resource: None)
    for _ in range(2):
        with pytest.raises(ValueError, match="no"), broken.hold():
            pytest.fail("opened")
    lease = lease_on(tmp_path, timeout=1)
    with lease.hold():
        pass
    lease.release()


def test_waits_by_polling_where_the_system_has_no_flock(tmp_path, monkeypatch):
    monkeypatch.setattr(lockfile, "CAN_BLOCK", False)
    first, second = lease_on(tmp_path), lease_on(tmp_path, timeout=0.1)
    with first.hold(), pytest.raises(CatalogBusy), second.hold():
        pytest.fail("taken")
    first.release()
    with second.hold():
        pass
    second.release()


def test_a_folder_that_is_gone(tmp_path):
    lease = lease_on(tmp_path / "gone")
    with pytest.raises(StorageDenied, match=r"gone.*bring the store's folder"), lease.hold():
        pytest.fail("opened")


def test_does_not_leak_descriptors(tmp_path):
    folder = Path("/proc/self/fd")
    if not folder.is_dir():
        pytest.skip("needs /proc")
    lease, other = lease_on(tmp_path, quantum=0), lease_on(tmp_path, timeout=0.01)
    before = len(list(folder.iterdir()))
    for _ in range(20):
        with lease.hold(), pytest.raises(CatalogBusy), other.hold():
            pytest.fail("taken")
        lease.release()
    # What waited in vain closes its descriptor when its turn comes, in a thread of its own.
    eventually(lambda: len(list(folder.iterdir())) <= before)


def in_child(work):
    """Run `work` in a forked child; returns what it printed, waits for its end."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(writing, work().encode())
        except BaseException as error:  # noqa: BLE001 (the child must not go on as a test run)
            os.write(writing, repr(error).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        answer = pipe.read()
    os.waitpid(child, 0)
    return answer


@needs_fork
def test_a_forked_child_starts_without_the_lease_and_may_take_it(tmp_path):
    counted = Counted()
    lease = lease_on(tmp_path, counted, idle=60, timeout=20)
    with lease.hold():
        pass

    def work():
        assert not lease.held
        with lease.hold():
            answer = f"opened {counted.opened} closed {counted.closed}"
        lease.release()
        return answer

    assert in_child(work) == "opened 2 closed 1"
    assert (counted.opened, counted.closed) == (1, 1), "open across the fork"
    with lease.hold():
        pass
    lease.release()


@needs_fork
def test_a_child_forked_in_the_middle_of_a_use_keeps_its_hands_off(tmp_path):
    counted = Counted()
    lease = lease_on(tmp_path, counted, timeout=1)

    def work():
        lease.release()
        assert counted.closed == 0, "closed what is the parent's"
        with pytest.raises(CatalogError, match="forked in the middle"), lease.hold():
            pytest.fail("taken")
        return "refused"

    with lease.hold():
        assert in_child(work) == "refused"
    lease.release()
    assert counted.closed == 1


@needs_fork
def test_a_child_forked_while_another_thread_uses_it_keeps_its_hands_off(tmp_path):
    lease = lease_on(tmp_path, timeout=0.1)
    held, done = threading.Event(), threading.Event()

    def use():
        with lease.hold():
            held.set()
            done.wait()

    thread = threading.Thread(target=use)
    thread.start()
    held.wait()

    def work():
        with pytest.raises(CatalogError, match="forked in the middle"), lease.hold():
            pytest.fail("taken")
        return "refused"

    assert in_child(work) == "refused"
    done.set()
    thread.join()
    lease.release()


FORKING = """
import os, sys, time
from contextlib import suppress
from pathlib import Path
from imgurer_kernel.store.catalog.lock import Lease
lease = Lease(Path(sys.argv[1]), lambda: "open", lambda resource: None)
with lease.hold():
    child = os.fork()
    if child == 0:
        time.sleep(60)
        os._exit(0)
    print(child, flush=True)
    time.sleep(60)
"""


@needs_fork
def test_the_lock_of_a_killed_parent_does_not_live_on_in_its_child(tmp_path):
    parent = python("-W", "ignore", "-c", FORKING, tmp_path)
    child = int(parent.stdout.readline())
    try:
        eventually(lambda: "catalog.lock" not in open_files(child))
        parent.kill()
        parent.wait()
        lease = lease_on(tmp_path, timeout=20)
        with lease.hold():
            pass
        lease.release()
    finally:
        os.kill(child, signal.SIGKILL)
        parent.communicate()


def open_files(process):
    """The names of the files that a process has open, where the system tells."""
    links, names = Path(f"/proc/{process}/fd"), []
    for link in links.iterdir() if links.is_dir() else ():
        with suppress(FileNotFoundError):  # closed meanwhile
            names.append(link.readlink().name)
    return names


@pytest.mark.long
def test_no_hook_is_left_of_a_lease_that_is_gone(tmp_path, monkeypatch):
    registered = []
    if hasattr(os, "register_at_fork"):
        monkeypatch.setattr(os, "register_at_fork", lambda **hooks: registered.append(hooks))
    before, gone = atexit._ncallbacks(), []
    for _ in range(20):
        lease = lease_on(tmp_path)
        with lease.hold():
            pass
        gone.append(weakref.ref(lease))
    del lease
    assert registered == []
    assert atexit._ncallbacks() == before
    eventually(lambda: gc.collect() is not None and not any(made() for made in gone))


@needs_fork
def test_all_leases_of_a_process_are_given_back_before_a_fork(tmp_path):
    counters = [Counted() for _ in range(3)]
    leases = []
    for number, counted in enumerate(counters):
        (tmp_path / str(number)).mkdir()
        leases.append(lease_on(tmp_path / str(number), counted, idle=60))
        with leases[-1].hold():
            pass
    child = os.fork()
    if not child:
        os._exit(0 if not any(lease.held for lease in leases) else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert [counted.closed for counted in counters] == [1, 1, 1]
    for lease in leases:
        with lease.hold():
            pass
        lease.release()
