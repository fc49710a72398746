"""Who may come in: how passwords are checked when many are tried at once, or the catalog fails."""

import asyncio
import threading
from types import SimpleNamespace

import pytest
from tornado.web import HTTPError

from imgurer_kernel.apps.server.auth import PasswordIdentityProvider
from imgurer_kernel.common.records import Account
from imgurer_kernel.errors import CatalogBusy, CatalogDamaged, LoginFailed
from imgurer_kernel.store import session_cookies

RIGHT = "correct horse"
FREE = 5
"""Wrong tries of one name until the first wait."""

HANG = 30.0
"""Seconds after which a test fails that would wait for ever."""


class FakeUsers:
    """Accounts whose passwords are checked only while `gate` is open."""

    def __init__(self):
        self.gate = threading.Event()
        self.gate.set()
        self.begun = threading.Semaphore(0)
        self.checked = []
        self.failure = None

    def authenticate(self, name, password):
        self.begun.release()
        assert self.gate.wait(HANG)
        self.checked.append((name, password))
        if self.failure is not None:
            raise self.failure
        if password != RIGHT:
            raise LoginFailed("The name or the password is wrong.")
        return Account(name=name, role="member", enabled=True, created_at=None, last_seen=None)

    def get(self, name):
        return SimpleNamespace(enabled=True)

    def stamp(self, name):
        return "stamp"


class Clock:
    now = 1e6  # days after the start: a machine's clock seldom begins with the server

    def __call__(self):
        return self.now


def request(address="192.0.2.1"):
    """What is read of a request, and written to its answer."""
    cookies = []
    answer = SimpleNamespace(remote_ip=address, protocol="http")
    return SimpleNamespace(
        request=answer, set_cookie=lambda *given, **options: cookies.append(given), cookies=cookies
    )


@pytest.fixture
def users():
    return FakeUsers()


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def door(users, clock):
    members = PasswordIdentityProvider(users=users, key=b"k" * 64, cookie="imgurer-1", clock=clock)
    yield members
    users.gate.set()
    members.close()


def run(scenario):
    return asyncio.run(asyncio.wait_for(scenario, HANG))


async def begun(users):
    """Wait until a password is being checked."""
    assert await asyncio.to_thread(users.begun.acquire, timeout=HANG)


async def attempt(door, name="alice", password="a wrong password", address="192.0.2.1"):
    """Try to log in; what comes of it, as a word."""
    try:
        await door.log_in(request(address), name, password)
    except LoginFailed as error:
        return "wait" if getattr(error, "seconds", 0) else "wrong"
    except HTTPError as error:
        return error.status_code
    return "in"


async def together(*attempts):
    return await asyncio.gather(*attempts)


def in_turn(door, count, **options):
    async def all_of_them():
        return [await attempt(door, **options) for _ in range(count)]

    return run(all_of_them())


@pytest.mark.parametrize("count", [1, FREE, FREE + 1, 60, 200])
def test_parallel_tries_get_as_many_as_tries_in_turn(door, users, count):
    outcomes = run(together(*(attempt(door) for _ in range(count))))
    assert outcomes.count("wrong") == min(count, FREE) == len(users.checked)
    assert outcomes.count("wait") == max(0, count - FREE)


def test_parallel_tries_of_many_names_get_as_many_as_one_address_may(door, users):
    outcomes = run(together(*(attempt(door, name=f"user{each}") for each in range(100))))
    in_turn_later = in_turn(door, 1, name="somebody")
    assert outcomes.count("wrong") == len(users.checked) == 13
    assert in_turn_later == ["wait"]


def test_who_is_refused_waits_for_nobody(door, users):
    async def scenario():
        users.gate.clear()
        checks = [asyncio.ensure_future(attempt(door)) for _ in range(FREE)]
        await begun(users)
        assert await attempt(door) == "wait", "while none of the others has been answered"
        assert not any(check.done() for check in checks)
        users.gate.set()
        assert await asyncio.gather(*checks) == ["wrong"] * FREE

    run(scenario())


def test_the_right_password_is_not_let_in_beyond_the_free_tries(door, users):
    async def scenario():
        users.gate.clear()
        guesses = [asyncio.ensure_future(attempt(door)) for _ in range(FREE)]
        await begun(users)
        assert await attempt(door, password=RIGHT) == "wait"
        users.gate.set()
        await asyncio.gather(*guesses)

    run(scenario())


def test_a_session_is_looked_up_while_passwords_are_checked(door, users):
    """Everybody's page waited until the last of the guesses was answered."""

    async def scenario():
        users.gate.clear()
        guess = asyncio.ensure_future(attempt(door))
        await begun(users)
        assert await door.holds(session_cookies.begin("bob", "stamp"))
        assert not guess.done()
        users.gate.set()
        assert await guess == "wrong"

    run(scenario())


def test_the_queue_has_an_end_and_says_so_at_once(door, users):
    async def scenario():
        users.gate.clear()
        tries = [
            asyncio.ensure_future(attempt(door, f"user{each}", RIGHT, f"192.0.2.{each}"))
            for each in range(100)
        ]
        await begun(users)
        done, waiting = await asyncio.wait(tries, timeout=0)
        refused = [each.result() for each in done]
        assert refused == ["wait"] * len(refused)
        assert 0 < len(waiting) < 50
        with pytest.raises(
            LoginFailed, match=r"log in at this moment\. Wait \d+ seconds, then try again"
        ):
            await door.log_in(request("198.51.100.7"), "zoe", RIGHT)
        users.gate.set()
        assert {await each for each in waiting} == {"in"}
        assert await attempt(door, "zoe", RIGHT, "198.51.100.7") == "in", "there is room again"

    run(scenario())


def test_who_found_the_queue_full_has_not_used_up_a_try(door, users):
    async def scenario():
        users.gate.clear()
        others = [
            asyncio.ensure_future(attempt(door, f"user{each}", RIGHT, f"192.0.2.{each}"))
            for each in range(100)
        ]
        await begun(users)
        assert [await attempt(door) for _ in range(20)] == ["wait"] * 20
        users.gate.set()
        await asyncio.gather(*others)
        assert [await attempt(door) for _ in range(FREE + 1)] == ["wrong"] * FREE + ["wait"]

    run(scenario())


def test_success_gives_a_names_tries_back(door):
    for _ in range(2):
        assert in_turn(door, FREE - 1) == ["wrong"] * (FREE - 1)
        assert in_turn(door, 1, password=RIGHT) == ["in"]
    assert in_turn(door, FREE + 1) == ["wrong"] * FREE + ["wait"]


def test_success_gives_an_address_no_tries_back(door):
    """Who has an account would otherwise guess others' passwords for ever."""
    outcomes = []
    for number in range(20):
        outcomes += in_turn(door, 1, name="mallory", password=RIGHT)
        outcomes += in_turn(door, 1, name=f"user{number}")
    assert outcomes == ["in", "wrong"] * 13 + ["wait"] * 14


def test_success_while_others_guess_forgives_the_past_only(door, users):
    """The tries that are still being checked count as before."""

    async def scenario():
        users.gate.clear()
        passwords = [RIGHT] + ["a wrong password"] * (FREE - 1)
        tries = [asyncio.ensure_future(attempt(door, password=each)) for each in passwords]
        await begun(users)
        users.gate.set()
        assert await asyncio.gather(*tries) == ["in"] + ["wrong"] * (FREE - 1)
        return [await attempt(door) for _ in range(2)]

    assert run(scenario()) == ["wrong", "wait"]


def test_many_people_behind_one_address_log_in_at_once(door):
    names = [f"user{each}" for each in range(10)]
    for _ in range(3):
        assert run(together(*(attempt(door, name, RIGHT) for name in names))) == ["in"] * 10


@pytest.mark.parametrize(
    ("failure", "outcome"),
    [(CatalogBusy("held by another"), 503), (CatalogDamaged("cut"), None), (OSError("disk"), None)],
)
def test_a_failure_of_the_catalog_is_nobodys_wrong_try(door, users, failure, outcome):
    users.failure = failure
    for _ in range(3 * FREE):
        if outcome:
            assert in_turn(door, 1) == [outcome]
        else:
            with pytest.raises(type(failure)):
                in_turn(door, 1)
    users.failure = None
    assert in_turn(door, FREE + 1) == ["wrong"] * FREE + ["wait"]


def test_a_failure_after_the_check_has_its_own_answer(door, users, monkeypatch):
    def fail(name):
        raise CatalogBusy("held by another")

    monkeypatch.setattr(users, "stamp", fail)
    assert in_turn(door, 2 * FREE, password=RIGHT) == [503] * (2 * FREE)
    assert in_turn(door, FREE + 1) == ["wrong"] * FREE + ["wait"]


def test_who_hangs_up_has_used_up_the_try(door, users):
    """Otherwise guessing would be free for who does not wait for the answers' end."""

    async def scenario():
        users.gate.clear()
        for _ in range(FREE):
            guess = asyncio.ensure_future(attempt(door))
            await begun(users)
            guess.cancel()
            await asyncio.wait([guess])
            assert guess.cancelled()
            users.gate.set()
            while users.checked[-1:] != [("alice", "a wrong password")]:
                await asyncio.sleep(0.01)
            users.checked.append("seen")
            users.gate.clear()
        users.gate.set()
        return await attempt(door)

    assert run(scenario()) == "wait"


def test_who_hangs_up_in_the_queue_has_tried_nothing(door, users):
    async def scenario():
        users.gate.clear()
        first = asyncio.ensure_future(attempt(door, name="bob"))
        await begun(users)
        for _ in range(100):  # more than there is room for
            queued = asyncio.ensure_future(attempt(door, password="given up"))
            await asyncio.sleep(0)
            queued.cancel()
            await asyncio.wait([queued])
            assert queued.cancelled()
        users.gate.set()
        assert await first == "wrong"
        return [await attempt(door) for _ in range(FREE + 1)]

    assert run(scenario()) == ["wrong"] * FREE + ["wait"]
    assert not any(password == "given up" for _, password in users.checked)


def test_spellings_of_one_name_share_its_tries(door, users):
    """Full-width letters and capitals lead to the same account."""
    spellings = ["alice", "ALICE", "\uff41lice", "a\uff4cice", "al\uff49ce", "\uff21LICE"]
    outcomes = [in_turn(door, 1, name=name)[0] for name in spellings]
    assert outcomes == ["wrong"] * FREE + ["wait"]


def test_the_end_does_not_wait_for_the_queue(users):
    members = PasswordIdentityProvider(users=users, key=b"k" * 64, cookie="imgurer-1")

    async def scenario():
        users.gate.clear()
        tries = [asyncio.ensure_future(attempt(members)) for _ in range(FREE)]
        await begun(users)
        for each in tries:
            each.cancel()
        await asyncio.wait(tries)

    run(scenario())
    users.gate.set()
    members.close()
    assert len(users.checked) == 1
