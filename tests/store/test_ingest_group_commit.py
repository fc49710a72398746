"""Uploads of several threads enter the catalog together, and each gets its own outcome."""

import threading
from concurrent.futures import ThreadPoolExecutor, wait
from types import SimpleNamespace

import pytest

from imgurer_kernel.errors import CatalogError, NotAllowed
from imgurer_kernel.store.ingest import group_commit
from imgurer_kernel.store.ingest.group_commit import GroupCommit, GroupedCalls
from tests.support.pictures import jpeg

THREADS = 8


class Catalog:
    """Enters names; the first transaction waits until all other threads do."""

    def __init__(self, fails=lambda names: None):
        self.batches, self.fails = [], fails
        self.begun, self.go = threading.Event(), threading.Event()

    def commit(self, arrivals, retry):
        names = [arrival.digest for arrival in arrivals]
        self.batches.append(names)
        self.begun.set()
        assert self.go.wait(20)
        if error := self.fails(names):
            raise error
        return [f"{name}, {retry(arrival)}" for name, arrival in zip(names, arrivals, strict=True)]


def together(catalog):
    """Futures of all threads; one of them commits while the others wait."""
    group = GroupCommit(catalog.commit)

    def one(name):
        arrival = SimpleNamespace(digest=name)
        [outcome] = group.commit([arrival], lambda found: f"{found.digest} again by {name}")
        return outcome

    with ThreadPoolExecutor(THREADS) as pool:
        first = pool.submit(one, "0")
        assert catalog.begun.wait(20)
        rest = [pool.submit(one, str(number)) for number in range(1, THREADS)]
        while len(group._waiting) < THREADS - 1:
            wait(rest, timeout=0.01)
        catalog.go.set()
        futures = [first, *rest]
        wait(futures, timeout=20)
    return futures


def test_waiting_requests_are_handled_together_and_each_gets_its_answer():
    catalog = Catalog()
    for number, future in enumerate(together(catalog)):
        assert future.result() == f"{number}, {number} again by {number}"
    assert [len(batch) for batch in catalog.batches] == [1, THREADS - 1]


def test_the_fault_of_one_is_not_that_of_the_others():
    catalog = Catalog(lambda names: NotAllowed("5 is disabled") if "5" in names else None)
    futures = together(catalog)
    for number, future in enumerate(futures):
        if number == 5:
            with pytest.raises(NotAllowed):
                future.result()
        else:
            assert future.result().startswith(f"{number},")


@pytest.mark.parametrize("error", [CatalogError, ZeroDivisionError])
def test_a_failure_of_the_catalog_reaches_all_waiting_threads(error):
    for future in together(Catalog(lambda names: error("broken"))):
        with pytest.raises(error):
            future.result(timeout=1)


@pytest.mark.long
def test_uploads_of_many_threads_are_all_there(new_store):
    wb = new_store()
    pictures = [jpeg(seed, 80, 60) for seed in range(6)]
    uploads = [
        (f"{turn} {place}.jpg", data) for turn in "ab" for place, data in enumerate(pictures)
    ]
    with ThreadPoolExecutor(4) as pool:
        rows = list(pool.map(lambda upload: wb.upload(*upload).iloc[0], uploads))
    assert sorted(row["status"] for row in rows) == ["added"] * 6 + ["duplicate"] * 6
    for place in range(6):
        assert rows[place]["image_id"] == rows[place + 6]["image_id"]
    assert wb.statistics().images == 6
    assert wb.check(progress=False).empty


def test_the_committing_thread_waits_for_threads_that_prepare_a_request(monkeypatch):
    monkeypatch.setattr(group_commit, "GROUP_SECONDS", 60.0)
    batches = []
    group = GroupedCalls(lambda batch: batches.append(batch) or batch)
    with ThreadPoolExecutor(2) as pool, group.preparing(), group.preparing():
        first = pool.submit(group.call, "a")
        while not first.done() and not group._waiting:
            wait([first], timeout=0.01)
        second = pool.submit(group.call, "b")
        assert (first.result(20), second.result(20)) == ("a", "b")
    assert batches == [["a", "b"]]


def test_a_slow_thread_does_not_delay_others_for_long(monkeypatch):
    monkeypatch.setattr(group_commit, "GROUP_SECONDS", 0.001)
    group = GroupedCalls(lambda batch: batch)
    with group.preparing(), group.preparing():
        assert group.call("a") == "a"


def test_one_that_gave_up_is_not_waited_for(monkeypatch):
    monkeypatch.setattr(group_commit, "GROUP_SECONDS", 60.0)
    group = GroupedCalls(lambda batch: batch)
    with pytest.raises(ZeroDivisionError), group.preparing():
        raise ZeroDivisionError
    assert group.call("a") == "a"
