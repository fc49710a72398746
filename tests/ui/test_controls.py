from imgurer_kernel.ui.formatting import RADIUS_WORDS
from imgurer_kernel.ui.jobs import Job, Runner
from imgurer_kernel.ui.panels.base import share_wait
from imgurer_kernel.ui.widgets.controls import RadiusSlider, Trail, Working
from imgurer_kernel.ui.widgets.gallery import Gallery
from imgurer_kernel.ui.widgets.header import Frame
from imgurer_kernel.ui.widgets.user_table import AccountRow, AccountTable


def test_the_slider_stops_at_every_tick():
    slider = RadiusSlider()
    assert slider.stops == sorted(set(slider.stops))
    assert set(RADIUS_WORDS) <= set(slider.stops)
    assert [bits for bits, _ in slider.ticks] == sorted(RADIUS_WORDS)


def test_the_trail_tells_which_step_was_taken():
    walked = []
    trail = Trail(walked.append)
    trail.show([("a", b"12"), ("b", b"3")])
    assert trail._content == {"names": ["a", "b"], "lengths": [2, 1], "blob": b"123"}
    trail._receive(None, {"kind": "walk", "step": 0}, [])
    trail._receive(None, {"kind": "other"}, [])
    assert walked == [0]


def test_waiting_shows_the_job_that_waits_and_every_failure():
    first, second = Job(Runner()), Job(Runner())
    working = Working(first, second)
    assert not working.shown
    second.what, second.total, second.done, second.waiting = "Looking", 10, 3, True
    assert (working.shown, working.what, working.done, working.total) == (True, "Looking", 3, 10)
    second.waiting = False
    assert not working.shown
    first.failure, second.failure = "One.", "Two."
    assert working.failure == "One. Two."
    first.failure = second.failure = ""
    assert working.failure == ""


def test_a_wait_that_began_before_is_shown():
    job = Job(Runner())
    job.what, job.busy, job.waiting = "Looking", True, True
    working = Working(job)
    assert (working.shown, working.what) == (True, "Looking")
    gallery = Gallery()
    share_wait(gallery, job, Job(Runner()))
    assert gallery.busy
    job.cancel()
    job.busy = False
    assert not gallery.busy


def test_cancel_reaches_the_jobs():
    job = Job(Runner())
    working = Working(job)
    job.busy = job.waiting = True
    job._task = job_task = type("Task", (), {"stop": type("Stop", (), {"set": lambda _: None})()})()
    working._receive(None, {"kind": "cancel"}, [])
    assert job_task is not job._task
    assert not job.busy
    assert not working.shown


def test_the_frame_follows_links():
    gone = []
    frame = Frame(gone.append)
    frame._receive(None, {"kind": "go", "hash": "#browse"}, [])
    frame._receive(None, {"kind": "?"}, [])
    assert gone == ["#browse"]


def test_the_table_does_only_what_it_offers():
    done = []
    table = AccountTable(lambda act, name: done.append((act, name)))
    row = AccountRow(
        name="ann", role="member", pictures="1", bytes="2 kB", last_seen="never",
        state="can log in", enabled=True, acts=(("disable", "Disable"),),
    )  # fmt: skip
    table.show([row])
    for act, name in [("disable", "ann"), ("disable", "bob"), ("admin", "ann"), (None, None)]:
        table._receive(None, {"act": act, "name": name}, [])
    assert done == [("disable", "ann")]
