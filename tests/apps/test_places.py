"""Places for pages: each is given once, and preheated kernels take none."""

import asyncio

import pytest
from jupyter_client.manager import AsyncKernelManager
from jupyter_server.services.kernels.kernelmanager import AsyncMappingKernelManager

from imgurer_kernel.apps.server.kernels import (
    QuietRestarter,
    VisitorKernelManager,
    allow_files,
    memory,
    pages_for_memory,
)


class Kernels(VisitorKernelManager):
    """Fake kernel manager that knows kernels by name; its pool is a list of tasks, as in Voila."""

    def __init__(self, most):
        super().__init__()
        self.most_pages = most
        self.running = []
        self._pools = {"notebook": []}
        self.gate = asyncio.Event()

    def list_kernel_ids(self):
        return list(self.running)

    def __contains__(self, kernel_id):
        return kernel_id in self.running


@pytest.fixture
def starts(monkeypatch):
    """Lets kernels start when the gate is open."""

    async def start(self, *, kernel_id, fails=False, **_):
        await self.gate.wait()
        if fails:
            raise RuntimeError("no kernel")
        self.running.append(kernel_id)
        return kernel_id

    monkeypatch.setattr(AsyncMappingKernelManager, "start_kernel", start)


async def open_page(kernels):
    """What a page does: keep a place, start a kernel, show it."""
    if not kernels.begin_page():
        return "full"
    try:
        return await kernels.start_kernel()
    finally:
        kernels.note_opened()


def test_many_at_once_get_as_many_places_as_there_are(starts):
    async def scenario():
        kernels = Kernels(3)
        pages = [asyncio.ensure_future(open_page(kernels)) for _ in range(50)]
        await asyncio.sleep(0)
        assert kernels.pages() == 3
        kernels.gate.set()
        opened = await asyncio.gather(*pages)
        assert opened.count("full") == 47
        assert kernels.pages() == len(kernels.running) == 3
        kernels.running.pop()
        assert await open_page(kernels) != "full"
        assert await open_page(kernels) == "full"

    asyncio.run(scenario())


def test_a_kernel_that_waits_or_begins_to_takes_no_place(starts):
    async def scenario():
        kernels = Kernels(1)
        spare = asyncio.ensure_future(kernels.start_kernel(env={"VOILA_PREHEAT": "True"}))
        later = asyncio.ensure_future(asyncio.sleep(1000))  # will start one in a second
        kernels._pools["notebook"] = [spare, later]
        await asyncio.sleep(0)
        assert kernels.pages() == 0, "it only begins"
        kernels.gate.set()
        await spare
        assert kernels.pages() == 0, "it waits"
        assert kernels.begin_page()
        kernels._pools["notebook"].remove(spare)  # its page has come
        kernels.note_opened()
        assert kernels.pages() == 1
        assert not kernels.begin_page()
        later.cancel()

    asyncio.run(scenario())


def test_a_kernel_that_does_not_start_gives_its_place_back(starts):
    async def scenario():
        kernels = Kernels(1)
        kernels.gate.set()
        assert kernels.begin_page()
        with pytest.raises(RuntimeError):
            await kernels.start_kernel(fails=True)
        kernels.note_opened()
        assert kernels.pages() == 0
        failed = asyncio.ensure_future(kernels.start_kernel(fails=True))
        await asyncio.wait([failed])
        kernels._pools["notebook"] = [failed]
        assert kernels.pages() == 0
        assert isinstance(failed.exception(), RuntimeError)

    asyncio.run(scenario())


def test_a_dead_preheated_kernel_is_replaced_before_the_next_visitor(starts):
    async def scenario():
        kernels = Kernels(9)
        kernels.gate.set()

        async def waiting(**given):
            return {"kernel_id": await kernels.start_kernel(**given)}

        tasks = [asyncio.ensure_future(waiting(fails=each)) for each in (False, False, True)]
        begins = asyncio.ensure_future(asyncio.sleep(1000))
        await asyncio.wait(tasks)
        lives, dead = (task.result()["kernel_id"] for task in tasks[:2])
        pool = kernels._pools["notebook"] = [*tasks, begins]
        ended, filled = [], []

        async def is_alive(number):
            return number == lives

        async def shutdown(number, now):
            kernels.running.remove(number)
            ended.append(number)

        kernels.is_alive, kernels.shutdown_kernel = is_alive, shutdown
        kernels.fill_if_needed = lambda **given: filled.append(given)
        await kernels.replace_dead()
        assert pool == [tasks[0], begins]
        assert ended == [dead]
        assert filled == [{"delay": 0, "notebook_name": "notebook"}] * 2
        begins.cancel()

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("limit", "highest", "pages", "after"),
    [
        (1024, 4096, 20, 1024),
        (1024, 4096, 100, 1664),
        (256, -1, 100, 1664),
        (-1, -1, 100, -1),
        (256, 256, 100, 256),
        (64, 64, 4, 64),
    ],
)
def test_as_many_files_may_be_open_as_pages_take(monkeypatch, limit, highest, pages, after):
    resource = pytest.importorskip("resource")
    now = [limit, highest]
    monkeypatch.setattr(resource, "RLIM_INFINITY", -1)
    monkeypatch.setattr(resource, "getrlimit", lambda _: tuple(now))
    monkeypatch.setattr(resource, "setrlimit", lambda _, both: now.__setitem__(slice(2), both))
    allowed = allow_files(pages)
    assert now == [after, highest]
    assert allowed == {256: 12, 64: 1}.get(highest, pages)


def test_the_memory_says_how_many(monkeypatch):
    assert memory() > 1 << 28
    pages = {"SC_PAGE_SIZE": 4096, "SC_PHYS_PAGES": 1000}
    monkeypatch.setattr("os.sysconf", pages.get, raising=False)
    assert memory() == 4_096_000
    assert pages_for_memory(0) == 4
    assert pages_for_memory(1 << 50) == 100


@pytest.mark.parametrize("shutting_down", [True, False])
def test_only_a_kernel_that_died_by_itself_is_called_dead(shutting_down):
    """Also if the check began before it was shut down."""

    class Dying(AsyncKernelManager):
        async def is_alive(self):
            self.shutting_down = shutting_down
            return False

    heard = []
    restarter = QuietRestarter(kernel_manager=Dying(), restart_limit=0)
    restarter.add_callback(lambda: heard.append("dead"), "dead")
    asyncio.run(restarter.poll())
    assert heard == ([] if shutting_down else ["dead"])
