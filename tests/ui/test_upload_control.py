import asyncio
import gc
import hashlib
import logging
import threading

import pytest

from imgurer_kernel.errors import UnknownFormat
from imgurer_kernel.ui.widgets.upload.control import UploadControl, Verdict


class Browser:
    """Simulates the page: sends its messages, and keeps the answers."""

    def __init__(self, control):
        self.control = control
        self.heard = []
        self.settled = threading.Condition()
        control.send = self.hear

    def hear(self, content, buffers=None):
        with self.settled:
            self.heard.append((content, [bytes(b) for b in buffers or []]))
            self.settled.notify_all()

    def say(self, buffers=(), **content):
        self.control._handle_custom_msg(content, [memoryview(b) for b in buffers])

    def chunk(self, data, sequence, key="k", name="a.jpg"):
        piece = data[sequence << 20 : (sequence + 1) << 20]
        self.say([piece], kind="chunk", key=key, name=name, size=len(data), sequence=sequence)

    def upload(self, data, key="k", name="a.jpg"):
        for sequence in range(max(1, -(-len(data) >> 20))):
            self.chunk(data, sequence, key, name)

    def kinds(self, key="k"):
        return [content["kind"] for content, _ in self.heard if content.get("key") == key]

    def wait(self, kind, key="k"):
        def found():
            return [m for m in self.heard if (m[0]["kind"], m[0].get("key")) == (kind, key)]

        with self.settled:
            assert self.settled.wait_for(found, timeout=20), self.heard
            return found()[0]


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "arrivals"


@pytest.fixture
def make(folder):
    made = []

    def build(on_file=lambda upload: Verdict(status="added"), max_bytes=1 << 24, **traits):
        control = UploadControl(folder, on_file, max_bytes, **traits)
        made.append(control)
        return control, Browser(control)

    yield build
    for control in made:
        control.close()
        control._worker.shutdown(wait=True)


def left(folder):
    return sorted(folder.glob("*")) if folder.exists() else []


def test_a_file_is_acknowledged_judged_and_removed(make, folder):
    seen = []

    def judge(upload):
        seen.append((upload.name, upload.bytes, upload.digest, upload.path.read_bytes()))
        return Verdict(status="near", text="4 bits", thumbnail=b"T", match_thumbnail=b"W",
                       match_text="b.jpg", image_id=3, match_image_id=5)  # fmt: skip

    control, browser = make(judge)
    data = bytes(range(256)) * 10_000
    browser.upload(data)
    content, buffers = browser.wait("verdict")
    assert browser.kinds() == ["ack", "ack", "ack", "verdict"]
    acks = [(c["sequence"], c["bytes"]) for c, _ in browser.heard[:3]]
    assert acks == [(0, 1 << 20), (1, 2 << 20), (2, len(data))]
    assert seen == [("a.jpg", len(data), hashlib.sha256(data).hexdigest(), data)]
    assert (content["status"], content["text"], content["match_text"]) == (
        "near",
        "4 bits",
        "b.jpg",
    )
    assert (content["image_id"], content["match_image_id"], content["match"]) == (3, 5, True)
    assert buffers == [b"T", b"W"]
    control._worker.shutdown(wait=True)
    assert left(folder) == []
    assert control.active == 0


def test_chunks_are_acknowledged_while_another_file_is_judged(make):
    go = threading.Event()

    def judge(upload):
        assert go.wait(20)
        return Verdict(status="added")

    control, browser = make(judge)
    browser.upload(b"one", key="one")
    browser.upload(b"two", key="two")
    assert browser.kinds("two") == ["ack"]
    assert control.active == 2
    go.set()
    browser.wait("verdict", "one")
    browser.wait("verdict", "two")


def test_uploads_are_judged_one_at_a_time_in_order(make):
    order, inside = [], []

    def judge(upload):
        inside.append(1)
        assert len(inside) == 1
        order.append((upload.name, threading.current_thread() is threading.main_thread()))
        inside.pop()
        return Verdict(status="added")

    _, browser = make(judge)
    for number in range(20):
        browser.upload(b"x", key=str(number), name=f"{number}.jpg")
    browser.wait("verdict", "19")
    assert order == [(f"{number}.jpg", False) for number in range(20)]


def test_a_reason_of_ours_is_shown(make, folder):
    def judge(upload):
        message = "not a picture: it begins with b'MZ'"
        raise UnknownFormat(message)

    control, browser = make(judge)
    browser.upload(b"MZ")
    content, _ = browser.wait("verdict")
    assert (content["status"], content["text"]) == ("failed", "not a picture: it begins with b'MZ'")
    control._worker.shutdown(wait=True)
    assert left(folder) == []


def test_a_fault_of_ours_is_logged_and_hidden(make, folder, caplog):
    def judge(upload):
        message = f"secret {upload.path}"
        raise ZeroDivisionError(message)

    control, browser = make(judge)
    with caplog.at_level(logging.ERROR):
        browser.upload(b"x")
        content, _ = browser.wait("verdict")
    assert content["status"] == "failed"
    assert "secret" not in content["text"]
    assert "secret" in caplog.text
    control._worker.shutdown(wait=True)
    assert left(folder) == []


@pytest.mark.parametrize("size", [101, 1 << 40])
def test_a_file_over_the_limit_is_refused_at_its_first_chunk(make, folder, size):
    _, browser = make(max_bytes=100)
    browser.say([bytes(100)], kind="chunk", key="k", name="a.jpg", size=size, sequence=0)
    assert browser.kinds() == ["failed"]
    assert "the limit is 100 bytes" in browser.heard[0][0]["text"]
    assert left(folder) == []


def test_an_empty_file_is_judged_too(make):
    _, browser = make(lambda upload: Verdict(status="rejected", text=f"{upload.bytes} bytes"))
    browser.upload(b"")
    assert browser.wait("verdict")[0]["text"] == "0 bytes"


def test_the_same_file_twice_is_two_uploads(make):
    digests = []

    def judge(upload):
        digests.append(upload.digest)
        return Verdict(status="duplicate" if len(digests) > 1 else "added")

    _, browser = make(judge)
    browser.upload(b"same", key="one")
    browser.upload(b"same", key="two")
    assert browser.wait("verdict", "one")[0]["status"] == "added"
    assert browser.wait("verdict", "two")[0]["status"] == "duplicate"
    assert len(set(digests)) == 1


LARGE = bytes(2 << 20)


def test_cancel_in_the_middle_removes_the_file(make, folder):
    control, browser = make()
    browser.chunk(LARGE, 0)
    assert len(left(folder)) == 1
    browser.say(kind="cancel", key="k")
    assert left(folder) == []
    assert control.active == 0
    browser.chunk(LARGE, 1)
    assert left(folder) == []
    assert browser.kinds() == ["ack", "ack"]


def test_a_chunk_that_does_not_fit_fails_its_file_only(make, folder):
    _, browser = make()
    browser.chunk(LARGE, 0)
    browser.chunk(LARGE, 0, key="other")
    browser.say([b"x"], kind="chunk", key="k", name="a.jpg", size=len(LARGE), sequence=1)
    assert browser.kinds() == ["ack", "failed"]
    assert len(left(folder)) == 1
    browser.chunk(LARGE, 1, key="other")
    assert browser.wait("verdict", "other")[0]["status"] == "added"


def test_a_page_that_missed_the_verdict_may_ask(make):
    go = threading.Event()

    def judge(upload):
        assert go.wait(20)
        return Verdict(status="near", thumbnail=b"T")

    _, browser = make(judge)
    browser.upload(b"x")
    browser.say(kind="ask", key="k")
    assert browser.kinds() == ["ack"]  # it is being judged: patience
    go.set()
    first = browser.wait("verdict")
    browser.say(kind="ask", key="k")
    assert browser.heard[-1] == first
    browser.say(kind="ask", key="unknown")
    assert browser.kinds("unknown") == ["failed"]


def test_only_the_last_verdicts_are_remembered(make):
    control, browser = make()
    for number in range(70):
        browser.upload(b"x", key=str(number))
    browser.wait("verdict", "69")
    assert len(control._verdicts) <= 64
    assert "69" in control._verdicts


def test_cancel_before_the_judge_has_time_spares_the_judge(make, folder):
    go, judged = threading.Event(), []

    def judge(upload):
        judged.append(upload.name)
        assert go.wait(20)
        return Verdict(status="added")

    control, browser = make(judge)
    browser.upload(b"one", key="one", name="one")
    browser.upload(b"two", key="two", name="two")
    browser.say(kind="cancel", key="two")
    browser.say(kind="cancel", key="one")  # too late: it is being judged
    go.set()
    browser.wait("verdict", "one")
    control._worker.shutdown(wait=True)
    assert judged == ["one"]
    assert browser.kinds("two") == ["ack"]
    assert left(folder) == []
    assert control.active == 0


def test_a_ping_is_answered(make):
    _, browser = make()
    browser.say(kind="ping", at=12345)
    assert browser.heard == [({"kind": "pong", "at": 12345}, [])]


def test_clicks_and_idle_reach_their_listeners(make):
    control, browser = make()
    opened, settled, idle = [], [], threading.Event()
    control.on_open(opened.append)
    control.on_settled(lambda upload, verdict: settled.append((upload.name, verdict.status)))
    control.on_idle(idle.set)
    browser.say(kind="open", image_id=7)
    browser.upload(b"x")
    assert idle.wait(20)
    assert opened == [7]
    assert settled == [("a.jpg", "added")]


@pytest.fixture
def turns(make):
    """A control, its page, and the calls of its listeners; each file waits for `go`."""
    go, heard = threading.Semaphore(0), []
    ended = threading.Condition()

    def judge(upload):
        assert go.acquire(timeout=20)
        return Verdict(status="added")

    def note(what):
        with ended:
            heard.append(what)
            ended.notify_all()

    control, browser = make(judge)
    control.on_begin(lambda: note("begin"))
    control.on_idle(lambda: note("idle"))
    browser.go = go
    browser.until = lambda wanted: ended.wait_for(lambda: heard == wanted, timeout=20)
    browser.turns = heard
    browser.lock = ended
    return browser


def until(browser, *wanted):
    with browser.lock:
        assert browser.until(list(wanted)), browser.turns


def test_files_begin_once_and_end_once_however_many_the_page_has(turns):
    turns.say(kind="queue", open=True)
    for key in ("one", "two"):
        turns.upload(b"x", key)
        turns.go.release()
        turns.wait("verdict", key)
    assert turns.turns == ["begin"]  # also between the two, when nothing was under way here
    turns.say(kind="queue", open=False)
    until(turns, "begin", "idle")


def test_the_end_is_the_last_verdict_where_that_comes_after_the_page_has_sent_all(turns):
    turns.say(kind="queue", open=True)
    turns.upload(b"x")
    turns.say(kind="queue", open=False)
    assert turns.turns == ["begin"]
    turns.go.release()
    until(turns, "begin", "idle")


@pytest.mark.parametrize("end", ["cancel", "broken", "large", "late"])
def test_what_is_given_up_has_an_end_too(turns, end):
    turns.chunk(LARGE, 0)
    until(turns, "begin")
    if end == "cancel":
        turns.say(kind="cancel", key="k")
    elif end == "broken":
        turns.say([b"x"], kind="chunk", key="k", name="a", size=len(LARGE), sequence=1)
    elif end == "large":
        turns.say(kind="cancel", key="k")
        turns.say([b"x"], kind="chunk", key="l", name="a", size=1 << 30, sequence=0)
    else:
        turns.say(kind="cancel", key="k")
        turns.chunk(LARGE, 1)
    assert turns.turns in (["begin", "idle"], ["begin", "idle"] * 2)


def test_what_was_added_is_compared_when_no_file_waits_any_more(make):
    compared, go = [], threading.Semaphore(0)

    def judge(upload):
        assert go.acquire(timeout=20)
        return Verdict(status="rejected" if upload.name == "bad" else "added", text=upload.name)

    def compare(verdict):
        compared.append(verdict.text)
        return Verdict(status="near", text="like b") if verdict.text == "a" else None

    control, browser = make(judge, compare=compare)
    browser.say(kind="queue", open=True)
    for name in ("a", "bad", "b"):
        browser.upload(name.encode(), key=name, name=name)
        go.release()
        browser.wait("verdict", name)
    assert compared == []  # the page has more
    browser.say(kind="queue", open=False)
    control._worker.shutdown(wait=True)  # after which no comparison can be begun
    told = [m["text"] for m, _ in browser.heard if (m["kind"], m["key"]) == ("verdict", "a")]
    assert compared[:1] == ["a"]
    assert told == ["a", "like b"]


def test_a_comparison_that_fails_leaves_the_verdict_and_the_next_one_its_turn(make, caplog):
    ended = threading.Event()

    def compare(verdict):
        if verdict.text == "a":
            raise ZeroDivisionError
        ended.set()

    _, browser = make(lambda up: Verdict(status="added", text=up.name), compare=compare)
    browser.say(kind="queue", open=True)
    for name in ("a", "b"):
        browser.upload(b"x", key=name, name=name)
        browser.wait("verdict", name)
    browser.say(kind="queue", open=False)
    assert ended.wait(20)
    assert browser.kinds("a").count("verdict") == 1
    assert "could not be compared" in caplog.text


@pytest.mark.parametrize("threads", [1, 3])
def test_as_many_files_are_judged_at_once_as_there_are_threads(make, threads):
    together = threading.Barrier(threads)

    def judge(upload):
        together.wait(20)
        return Verdict(status="added")

    _, browser = make(judge, threads=threads)
    for key in "abc":
        browser.upload(b"x", key)
    for key in "abc":
        assert browser.wait("verdict", key)[0]["status"] == "added"


def test_a_page_that_is_opened_again_ends_what_the_one_before_left(turns):
    turns.say(kind="queue", open=True)
    turns.say(kind="queue", open=False)
    assert turns.turns == ["begin", "idle"]


def test_listeners_are_called_on_the_loop_of_the_kernel(make):
    calls = []

    async def session():
        done = asyncio.Event()
        control, browser = make()
        control.on_settled(lambda upload, verdict: calls.append(threading.current_thread()))
        control.on_idle(done.set)
        browser.upload(b"x")
        await asyncio.wait_for(done.wait(), 20)

    asyncio.run(session())
    assert calls == [threading.main_thread()]


@pytest.mark.long
@pytest.mark.parametrize("end", ["close", "forget"])
def test_nothing_is_left_when_the_control_ends(folder, end):
    control = UploadControl(folder, lambda upload: Verdict(status="added"), 1 << 30)
    browser = Browser(control)
    browser.chunk(LARGE, 0)
    assert len(left(folder)) == 1
    if end == "close":
        control.close()
    else:
        finalizer = control._finalizer
        assert finalizer.atexit
        finalizer()
    assert left(folder) == []
    gc.collect()


def test_two_controls_in_one_folder_do_not_meet(make, folder):
    _, one = make(lambda upload: Verdict(status="added", text=upload.path.read_text()))
    _, other = make(lambda upload: Verdict(status="added", text=upload.path.read_text()))
    one.upload(b"one")
    other.upload(b"other")
    assert one.wait("verdict")[0]["text"] == "one"
    assert other.wait("verdict")[0]["text"] == "other"
