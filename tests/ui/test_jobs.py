import asyncio
import logging
import threading
from concurrent.futures import CancelledError

import pytest

from imgurer_kernel.errors import StorageFull
from imgurer_kernel.ui import jobs
from imgurer_kernel.ui.jobs import Job, Runner, error_text


def run(scenario):
    """Run a coroutine function with a runner that was made inside the loop."""

    async def main():
        await asyncio.wait_for(scenario(Runner()), 30)

    asyncio.run(main())


async def until(condition):
    while not condition():
        await asyncio.sleep(0.005)


def test_without_a_loop_work_is_done_at_once():
    results = []
    job = Job(Runner())
    job.start("Adding", lambda _: 1 + 1, results.append)
    assert results == [2]
    assert not job.busy


def test_work_runs_beside_the_loop_and_its_result_comes_back_on_it():
    async def scenario(runner):
        main, threads, results = threading.get_ident(), [], []
        job = Job(runner)

        def work(_):
            threads.append(threading.get_ident())
            return "done"

        def on_result(result):
            threads.append(threading.get_ident())
            results.append(result)

        job.start("Working", work, on_result)
        assert job.busy
        await until(lambda: results)
        assert results == ["done"]
        assert threads[0] != main
        assert threads[1] == main
        assert not job.busy

    run(scenario)


def test_the_latest_work_wins_even_if_the_older_one_ends_later():
    async def scenario(runner):
        results, release = [], threading.Event()
        job = Job(runner)

        def slow(task):
            release.wait(20)
            assert task.stop.is_set()
            return "slow"

        job.start("Slow", slow, results.append)
        job.start("Quick", lambda _: "quick", results.append)
        await until(lambda: results)
        release.set()
        await asyncio.sleep(0.1)
        assert results == ["quick"]
        assert job.label == "Quick"

    run(scenario)


def test_a_cancelled_result_is_dropped():
    async def scenario(runner):
        results, release = [], threading.Event()
        job = Job(runner)
        job.start(
            "Slow", lambda task: (release.wait(20), results.append(task.stop.is_set())), print
        )
        job.cancel()
        assert not job.busy
        assert not job.waiting
        release.set()
        await until(lambda: results)
        assert results == [True]

    run(scenario)


def test_a_wait_is_shown_only_after_a_while(monkeypatch):
    monkeypatch.setattr(jobs, "SHOW_WAIT_AFTER", 0.05)

    async def scenario(runner):
        release, results = threading.Event(), []
        job = Job(runner)
        job.start("Slow", lambda _: release.wait(20), results.append)
        assert not job.waiting
        await until(lambda: job.waiting)
        release.set()
        await until(lambda: results)
        assert not job.waiting
        job.start("Quick", lambda _: True, results.append)
        await until(lambda: len(results) == 2)
        await asyncio.sleep(0.1)
        assert not job.waiting

    run(scenario)


def test_progress_arrives_and_ends_at_the_end():
    async def scenario(runner):
        seen, results = [], []
        job = Job(runner)
        job.observe(lambda change: seen.append(change["new"]), "done")

        def work(task):
            for done in range(1001):
                task.report(done, 1000)
            return True

        job.start("Counting", work, results.append)
        await until(lambda: results)
        assert job.total == 1000
        assert seen[-1] == 1000
        assert len(seen) < 100  # a report for every step would drown the page
        assert seen == sorted(seen)

    run(scenario)


def test_work_that_was_given_up_ends_at_its_next_report(caplog):
    async def scenario(runner):
        results, release = [], threading.Event()
        job = Job(runner)

        def slow(task):
            release.wait(20)
            try:
                task.report(7, 7)
            except CancelledError:
                results.append("ended")
                raise

        job.start("Slow", slow, print)
        job.cancel()
        release.set()
        await until(lambda: results)
        await asyncio.sleep(0.05)
        assert results == ["ended"]
        assert (job.done, job.total, job.failure) == (0, 0, "")

    run(scenario)
    assert not caplog.records  # to be stopped is no defect


def test_an_error_of_ours_is_shown_as_a_sentence():
    job = Job(Runner())

    def work(_):
        message = "no space is left; free some"
        raise StorageFull(message)

    job.start("Writing", work, print)
    assert job.failure == "No space is left; free some."
    assert not job.busy
    job.start("Again", lambda _: 1, lambda _: None)
    assert job.failure == ""


def test_a_defect_is_shown_shortly_and_logged_fully(caplog):
    job = Job(Runner())
    with caplog.at_level(logging.ERROR):
        job.start("Dividing", lambda _: 1 / 0, print)
    assert "division" not in job.failure
    assert "log" in job.failure
    assert caplog.records[0].exc_info[0] is ZeroDivisionError


def test_a_defect_of_work_that_was_given_up_is_logged(caplog):
    async def scenario(runner):
        release = threading.Event()
        job = Job(runner)
        job.start("Slow", lambda _: (release.wait(20), 1 / 0), print)
        job.cancel()
        with caplog.at_level(logging.ERROR):
            release.set()
            await until(lambda: caplog.records)
        assert job.failure == ""

    run(scenario)


@pytest.mark.parametrize("text", ["", "x", "Already a sentence."])
def test_error_texts_are_sentences(text):
    sentence = error_text(StorageFull(text))
    assert sentence == "" or (sentence[0].isupper() and sentence[-1] == ".")


def test_a_closed_loop_is_left_alone():
    runner = None

    async def make():
        nonlocal runner
        runner = Runner()

    asyncio.run(make())
    runner.call_soon(pytest.fail, "the loop is closed")
