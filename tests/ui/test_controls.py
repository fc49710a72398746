from imgurer_kernel.ui.jobs import Job, Runner
from imgurer_kernel.ui.panels.base import show_busy
from imgurer_kernel.ui.widgets.gallery import Gallery
from imgurer_kernel.ui.widgets.header import Header
from imgurer_kernel.ui.widgets.progress_line import ProgressLine
from imgurer_kernel.ui.widgets.radius_slider import RADIUS_WORDS, RadiusSlider
from imgurer_kernel.ui.widgets.search_history import SearchHistory
from imgurer_kernel.ui.widgets.user_table import AccountRow, AccountTable


def test_the_slider_stops_at_every_tick():
    slider = RadiusSlider()
    assert slider.stops == sorted(set(slider.stops))
    assert set(RADIUS_WORDS) <= set(slider.stops)
    assert [bits for bits, _ in slider.ticks] == sorted(RADIUS_WORDS)


def test_a_click_in_the_history_returns_to_that_step():
    returned = []
    history = SearchHistory(returned.append)
    history.show([("a", b"12"), ("b", b"3")])
    assert history._content == {"names": ["a", "b"], "lengths": [2, 1], "blob": b"123"}
    history._receive(None, {"kind": "return", "step": 0}, [])
    history._receive(None, {"kind": "other"}, [])
    assert returned == [0]


def test_waiting_shows_the_job_that_waits_and_every_failure():
    first, second = Job(Runner()), Job(Runner())
    line = ProgressLine(first, second)
    assert not line.shown
    second.label, second.total, second.done, second.waiting = "Looking", 10, 3, True
    assert (line.shown, line.label, line.done, line.total) == (True, "Looking", 3, 10)
    second.waiting = False
    assert not line.shown
    first.failure, second.failure = "One.", "Two."
    assert line.failure == "One. Two."
    first.failure = second.failure = ""
    assert line.failure == ""


def test_a_wait_that_began_before_is_shown():
    job = Job(Runner())
    job.label, job.busy, job.waiting = "Looking", True, True
    line = ProgressLine(job)
    assert (line.shown, line.label) == (True, "Looking")
    gallery = Gallery()
    show_busy(gallery, job, Job(Runner()))
    assert gallery.busy
    job.cancel()
    job.busy = False
    assert not gallery.busy


def test_cancel_reaches_the_jobs():
    job = Job(Runner())
    line = ProgressLine(job)
    job.busy = job.waiting = True
    job._task = job_task = type("Task", (), {"stop": type("Stop", (), {"set": lambda _: None})()})()
    line._receive(None, {"kind": "cancel"}, [])
    assert job_task is not job._task
    assert not job.busy
    assert not line.shown


def test_the_header_follows_links():
    followed = []
    header = Header(followed.append)
    header._receive(None, {"kind": "go", "hash": "#browse"}, [])
    header._receive(None, {"kind": "?"}, [])
    assert followed == ["#browse"]


def test_the_table_does_only_what_it_offers():
    done = []
    table = AccountTable(lambda action, name: done.append((action, name)))
    row = AccountRow(
        name="ann", role="member", pictures="1", bytes="2 kB", last_seen="never",
        state="can log in", enabled=True, actions=(("disable", "Disable"),),
    )  # fmt: skip
    table.show([row])
    for action, name in [("disable", "ann"), ("disable", "bob"), ("admin", "ann"), (None, None)]:
        table._receive(None, {"action": action, "name": name}, [])
    assert done == [("disable", "ann")]
