"""Decoder processes for untrusted pictures: a failing child costs one picture only."""

import gc
import logging
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from imgurer_kernel import Settings
from imgurer_kernel.errors import DecoderFailed, ImageDamaged, ImageRejected, UnknownFormat
from imgurer_kernel.fingerprint import decode, decoder_process, fingerprint
from imgurer_kernel.fingerprint.browser_view import for_browser
from imgurer_kernel.fingerprint.decoder_process import DecoderProcesses
from tests.support.decoding import misbehave
from tests.support.few_threads import thread_limit  # noqa: F401
from tests.support.pictures import encode, jpeg, scene
from tests.support.processes import python

pytestmark = pytest.mark.skipif(not decoder_process.AVAILABLE, reason="no such processes here")

USUAL = Settings()
SHORT = Settings(decode_seconds=1)
SMALL = Settings(decode_memory=200_000_000)
GOOD = jpeg(1, 300, 200)
HANG_SECONDS = 60


@pytest.fixture(scope="module")
def processes():
    made = DecoderProcesses(workers=2, decode=misbehave)
    yield made
    made.close()


def pid_of(processes):
    """The pid of the child that gets the next picture."""
    with pytest.raises(ImageDamaged) as caught:
        processes.fingerprint(b"pid", limits=USUAL)
    return int(str(caught.value))


def is_running(pid):
    """Return whether the process has any thread left, in which case its end is not visible yet."""
    states = []
    for thread in Path(f"/proc/{pid}/task").glob("*/stat"):
        with suppress(FileNotFoundError, ProcessLookupError):
            states.append(thread.read_text().rpartition(")")[2].split()[0])
    return any(state not in {"Z", "X"} for state in states)


def wait_until(condition):
    until = time.monotonic() + HANG_SECONDS
    while not condition():
        assert time.monotonic() < until, "it does not come to that"
        time.sleep(0.02)


# ---- what a child answers


def test_a_child_finds_what_this_process_finds(processes):
    files = [GOOD, *(encode(scene(2, 90, 70), kind) for kind in ("PNG", "GIF", "TIFF", "WEBP"))]
    for data in files:
        assert processes.fingerprint(data, limits=USUAL) == fingerprint(data)


def test_a_rejection_is_the_same_one_and_keeps_the_child(processes):
    before = pid_of(processes)
    for data in (b"", b"no picture at all", GOOD[:300], encode(scene(1, 90, 70), "PNG")[:-40]):
        with pytest.raises(ImageRejected) as here:
            fingerprint(data)
        with pytest.raises(type(here.value)) as there:
            processes.fingerprint(data, limits=USUAL)
        assert str(there.value) == str(here.value)
    assert pid_of(processes) == before


def test_the_limits_are_those_of_each_call(processes):
    with pytest.raises(ImageRejected, match="max_pixels"):
        processes.fingerprint(GOOD, limits=Settings(max_pixels=100))
    assert processes.fingerprint(GOOD, limits=USUAL).width == 300


def test_a_large_file_is_not_counted_as_memory_of_its_decoder(processes):
    # Two more copies of it are the decoder's.
    data = GOOD + bytes(SMALL.decode_memory * 2 // 5)
    assert processes.fingerprint(data, limits=SMALL).width == 300


# ---- what a child does wrong


@pytest.mark.parametrize(
    ("deed", "limits", "reason"),
    [
        (b"sleep", SHORT, r"more than 1 s \(decode_seconds in the settings\)"),
        (b"spin", SHORT, r"more than 1 s \(decode_seconds in the settings\)"),
        (b"stop", SHORT, r"more than 1 s \(decode_seconds in the settings\)"),
        (b"grow", SMALL, r"more than 200,000,000 bytes of memory \(decode_memory in the"),
        (b"crash", USUAL, "crashed on it .SIGSEGV"),
        (b"exit", USUAL, "crashed on it .status 7"),
        (b"raise an error of nobody", USUAL, "crashed on it .status 1"),
        (b"garble it", USUAL, "gave no answer to it .*PosixPath"),
    ],
)
def test_one_picture_is_rejected_with_the_reason_and_the_next_is_fine(
    processes, deed, limits, reason
):
    with pytest.raises(DecoderFailed, match=reason):
        processes.fingerprint(deed, limits=limits)
    assert processes.fingerprint(GOOD, limits=USUAL) == fingerprint(GOOD)


def test_a_child_writes_no_more_than_a_few_kilobytes(processes, tmp_path):
    with pytest.raises(DecoderFailed):
        processes.fingerprint(b"write %s" % os.fsencode(tmp_path / "much"), limits=USUAL)
    assert (tmp_path / "much").stat().st_size <= 64 << 10


def test_messages_of_a_child_are_logged_up_to_a_limit(processes, caplog, capfd):
    caplog.set_level(logging.WARNING, "imgurer_kernel.decode")
    said = b"one\x1b[2J line\n" + b"another\n" * 100
    with pytest.raises(ImageDamaged, match="said"):
        processes.fingerprint(b"say " + said, limits=USUAL)
    assert caplog.messages[:2] == ["one\ufffd[2J line", "another"]
    assert len(caplog.messages) == decoder_process.MOST_LINES
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("name", ["JPEG", "TIFF"])
def test_pixels_and_what_a_browser_shows_are_those_of_this_process(processes, name):
    data = encode(scene(3, 640, 480), name)
    frame = (200, 200)
    found = processes.pixels(data, frame, limits=USUAL)
    assert found.flags.writeable
    assert np.array_equal(found, decode.read(data, USUAL, frame=frame).view().rgb(frame))
    assert processes.digest(data, limits=USUAL) == decode.read(data, USUAL, exact=True).digest()
    view, here = processes.browser_view(data, limits=USUAL), for_browser(data, USUAL)
    assert (view.mime_type, view.data) == (here.mime_type, here.data)
    assert (view.width, view.height, view.reduced) == (640, 480, False)
    for ask in (processes.browser_view, processes.digest, partial(processes.pixels, frame=frame)):
        with pytest.raises(ImageRejected):
            ask(b"no picture", limits=USUAL)


@pytest.mark.parametrize(
    ("task", "answer"),
    [
        ("view", ("text/html", b"<script>", 1, 1, False)),
        ("view", ("image/svg+xml", b"<svg>", 1, 1, False)),
        ("view", ("image/png", "a text", 1, 1, False)),
        ("view", (3, 3, bytes(27))),
        ("pixels", (1 << 20, 1 << 20, b"")),
        ("pixels", (-1, -3, bytes(9))),
        ("pixels", (3, 3, bytes(26))),
        ("pixels", ("image/png", b"", 1, 1, False)),
        ("digest", ("abc",)),
        ("digest", (b"a" * 64,)),
        ("fingerprint", (3, 3, bytes(27))),
    ],
)
def test_an_answer_of_another_task_or_kind_is_refused(task, answer):
    with pytest.raises(DecoderFailed, match="gave no answer to it"):
        decoder_process.read_answer(pickle.dumps((answer, "")), task)


def test_an_answer_of_other_things_is_not_built():
    built = []

    class Bomb:
        def __reduce__(self):
            return built.append, (1,)

    import pickle

    for data in (pickle.dumps((print, "")), pickle.dumps((Bomb(), "")), b"", b"\x80", GOOD):
        with pytest.raises(DecoderFailed, match="no answer"):
            decoder_process.read_answer(data)
    with pytest.raises(DecoderFailed, match="but a int"):
        decoder_process.read_answer(pickle.dumps((1, "")))
    assert built == []


def test_a_child_that_cannot_be_started_says_so(monkeypatch):
    processes = DecoderProcesses()
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(DecoderFailed, match=r"could not be started \(status 1\)"):
        processes.fingerprint(GOOD, limits=USUAL)
    monkeypatch.setattr(sys, "executable", "/no/such/program")
    with pytest.raises(DecoderFailed, match=r"could not be started \(No such file"):
        processes.fingerprint(GOOD, limits=USUAL)
    monkeypatch.undo()
    assert processes.fingerprint(GOOD, limits=USUAL).width == 300
    processes.close()


# ---- several at once, and how children end


def test_each_thread_has_its_own_child_and_a_crash_affects_no_other(processes):
    def ask(data):
        try:
            return processes.fingerprint(data, limits=SHORT if data == b"sleep" else USUAL).width
        except DecoderFailed:
            return None

    work = [GOOD, b"crash", GOOD, b"sleep", GOOD, b"exit", GOOD, GOOD]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(ask, work)) == [300, None, 300, None, 300, None, 300, 300]
    assert len(processes._free) <= 2


def test_a_child_that_is_killed_between_two_pictures_is_replaced(processes):
    before = pid_of(processes)
    os.kill(before, signal.SIGKILL)
    wait_until(lambda: not is_running(before))
    assert processes.fingerprint(GOOD, limits=USUAL).width == 300
    assert pid_of(processes) != before


def test_a_child_that_is_killed_at_work_costs_its_picture(processes):
    victim = pid_of(processes)
    threading.Timer(0.2, os.kill, [victim, signal.SIGKILL]).start()
    with pytest.raises(DecoderFailed, match="SIGKILL"):
        processes.fingerprint(b"sleep", limits=USUAL)


def test_children_end_when_they_are_closed_idle_or_forgotten(monkeypatch):
    monkeypatch.setattr(decoder_process, "IDLE_SECONDS", 0.1)
    processes = DecoderProcesses(decode=misbehave)
    idle = pid_of(processes)
    wait_until(lambda: not is_running(idle))
    monkeypatch.undo()
    closed = pid_of(processes)
    processes.close()
    assert not is_running(closed)
    forgotten = pid_of(processes)
    del processes
    gc.collect()
    wait_until(lambda: not is_running(forgotten))


PARENT = """
import signal, sys
from imgurer_kernel import Settings
from imgurer_kernel.errors import ImgurerError
from imgurer_kernel.fingerprint.decoder_process import DecoderProcesses
from tests.support.decoding import misbehave
# A shell starts what is in the background with this signal ignored, and so its children.
signal.signal(signal.SIGINT, signal.default_int_handler)
processes = DecoderProcesses(decode=misbehave)
for deed in (b"pid", sys.argv[1].encode()):
    try:
        processes.fingerprint(deed, limits=Settings())
    except ImgurerError as error:
        print(error, flush=True)
    except KeyboardInterrupt:
        print("interrupted", flush=True)
signal.pause()
"""


def test_without_a_thread_to_end_idle_children_pictures_are_decoded(thread_limit):  # noqa: F811
    made = DecoderProcesses(workers=1)
    thread_limit(0)
    try:
        assert made.fingerprint(GOOD, limits=USUAL).width == 300
        assert made.fingerprint(GOOD, limits=USUAL).width == 300
    finally:
        made.close()


@pytest.mark.parametrize("deed", ["spin", "pid"])
def test_a_parent_that_is_killed_leaves_no_child(deed):
    with python("-c", PARENT, deed) as parent:
        child = int(parent.stdout.readline())
        assert is_running(child)
        parent.kill()
    wait_until(lambda: not is_running(child))


def test_ctrl_c_ends_the_wait_and_the_child():
    with python("-c", PARENT, "sleep") as parent:
        child = int(parent.stdout.readline())
        time.sleep(0.2)  # it is asleep by now, or about to be asked: both are to end
        parent.send_signal(signal.SIGINT)
        assert parent.stdout.readline() == "interrupted\n"
        assert not is_running(child)
        parent.kill()


def test_a_forked_process_has_children_of_its_own(processes):
    before = pid_of(processes)
    reading, writing = os.pipe()
    fork = os.fork()
    if fork == 0:
        try:
            os.write(writing, b"%d" % pid_of(processes))
        finally:
            os._exit(0)
    os.waitpid(fork, 0)
    os.close(writing)
    with os.fdopen(reading, "rb") as answer:
        assert int(answer.read()) != before
    assert pid_of(processes) == before


SCRIPT = """
import sys
print("once", flush=True)
from imgurer_kernel import Settings, Workbench
with Workbench(Settings(root=sys.argv[1])) as wb:
    print(wb.upload("a.jpg", open(sys.argv[2], "rb"))["status"][0], flush=True)
"""


def test_a_script_without_a_guard_is_not_run_again(tmp_path):
    (tmp_path / "script.py").write_text(SCRIPT)
    (tmp_path / "a.jpg").write_bytes(GOOD)
    # A module that shadows one of the standard library, in the folder where somebody works.
    (tmp_path / "resource.py").write_text("raise SystemExit('the wrong module')")
    with python(tmp_path / "script.py", tmp_path / "store", tmp_path / "a.jpg") as script:
        said, errors = script.communicate(timeout=HANG_SECONDS)
    assert errors == ""
    assert said.split() == ["once", "added"]


def test_no_warning_and_nothing_left_at_the_end_of_a_program():
    program = (
        "from imgurer_kernel import Settings\n"
        "from imgurer_kernel.fingerprint.decoder_process import DecoderProcesses\n"
        "processes = DecoderProcesses()\n"
        "try: processes.fingerprint(b'x', limits=Settings())\n"
        "except Exception as error: print(type(error).__name__)\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-X", "dev", "-c", program],
        capture_output=True,
        text=True,
        check=True,
        timeout=HANG_SECONDS,
    )
    assert (done.stdout, done.stderr) == (f"{UnknownFormat.__name__}\n", "")
