"""Logins: passwords are checked, also under many simultaneous tries and when the catalog fails."""

import asyncio
import threading
import time
from types import SimpleNamespace

import pytest
from tornado.web import HTTPError

from imgurer_kernel.apps.server import auth
from imgurer_kernel.apps.server.auth import PasswordIdentityProvider
from imgurer_kernel.apps.server.login_tries import FREE_ADDRESS, FREE_NAME
from imgurer_kernel.apps.server.rate_limit import FairWorker
from imgurer_kernel.common.records import Account
from imgurer_kernel.errors import CatalogBusy, CatalogDamaged, LoginFailed
from imgurer_kernel.store import session_cookies
from tests.support.forms import rounds

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


class FakeSessions:
    """Sessions that hold until they are ended."""

    failure = None

    def __init__(self):
        self.begun = []

    def begin(self, user, *, browser, address):
        if self.failure is not None:
            raise self.failure
        self.begun.append(session_cookies.begin(user, "stamp"))
        return self.begun[-1]

    def holding(self, sessions):
        return set(sessions) & set(self.begun)


class Clock:
    now = 1e6  # days after the start: a machine's clock seldom begins with the server

    def __call__(self):
        return self.now


def request(address="192.0.2.1", cookies=None):
    """Make a fake request handler that stores a browser's cookies in a dict."""
    cookies = {} if cookies is None else cookies
    answer = SimpleNamespace(remote_ip=address, protocol="http", headers={})
    return SimpleNamespace(
        request=answer,
        get_cookie=cookies.get,
        set_cookie=lambda name, value, **options: cookies.update({name: value}),
    )


@pytest.fixture
def users():
    return FakeUsers()


@pytest.fixture
def clock():
    return Clock()


def made_door(users, clock=time.monotonic):
    return PasswordIdentityProvider(
        users=users,
        sessions=FakeSessions(),
        key=b"k" * 64,
        cookie="imgurer-1",
        known_cookie="known-1",
        clock=clock,
    )


@pytest.fixture
def door(users, clock):
    members = made_door(users, clock)
    yield members
    users.gate.set()
    members.close()


def run(scenario):
    return asyncio.run(asyncio.wait_for(scenario, HANG))


async def begun(users):
    """Wait until a password is being checked."""
    assert await asyncio.to_thread(users.begun.acquire, timeout=HANG)


async def turns():
    """Let everybody who has come be looked at: of strangers one in each turn of the loop."""
    for _ in range(2000):
        await asyncio.sleep(0)


async def attempt(
    door, name="alice", password="a wrong password", address="192.0.2.1", cookies=None
):
    """Try to log in; what comes of it, as a word."""
    try:
        await door.log_in(request(address, cookies), name, password)
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
    for turn in range(20):
        names = [f"user{turn}.{each}" for each in range(5)]
        run(together(*(attempt(door, name=name) for name in names)))
    assert len(users.checked) == FREE_ADDRESS + 1
    assert in_turn(door, 1, name="somebody") == ["wait"]
    assert in_turn(door, 1, name="somebody", address="192.0.2.2") == ["wrong"]


def test_a_refused_client_does_not_wait_for_other_checks(door, users):
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
    """All pages once waited until the last guess was answered."""

    async def scenario():
        users.gate.clear()
        guess = asyncio.ensure_future(attempt(door))
        await begun(users)
        assert await door.is_valid(door._sessions.begin("bob", browser="", address=""))
        assert not guess.done()
        users.gate.set()
        assert await guess == "wrong"

    run(scenario())


def test_a_session_that_has_ended_is_valid_for_two_seconds_at_most(door, clock):
    async def scenario():
        sessions = door._sessions
        one, other = (sessions.begin(name, browser="", address="") for name in ("bob", "ann"))
        assert await door.is_valid(one)
        assert await door.is_valid(other)
        sessions.begun.remove(one)
        clock.now += 1.9
        assert await door.is_valid(one), "the catalog is not asked for each request"
        clock.now += 0.2
        assert not await door.is_valid(one)
        assert await door.is_valid(other)
        sessions.begun.remove(other)
        door.look_again()
        assert not await door.is_valid(other), "who hears of an end does not wait"

    run(scenario())


def test_the_queue_has_an_end_and_says_so_at_once(door, users):
    async def scenario():
        users.gate.clear()
        tries = [
            asyncio.ensure_future(attempt(door, f"user{each}", RIGHT, f"192.0.2.{each}"))
            for each in range(100)
        ]
        await begun(users)
        await turns()
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


def test_a_full_queue_does_not_count_as_a_try(door, users):
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
    """Otherwise a user with an account could guess passwords of others without limit."""
    outcomes = []
    for number in range(FREE_ADDRESS + 5):
        outcomes += in_turn(door, 1, name="mallory", password=RIGHT)
        outcomes += in_turn(door, 1, name=f"user{number}")
    assert outcomes == ["in", "wrong"] * (FREE_ADDRESS + 1) + ["wait"] * 8


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
def test_a_failure_of_the_catalog_is_not_a_wrong_try(door, users, failure, outcome):
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
    monkeypatch.setattr(door._sessions, "failure", CatalogBusy("held by another"), raising=False)
    assert in_turn(door, 2 * FREE, password=RIGHT) == [503] * (2 * FREE)
    assert in_turn(door, FREE + 1) == ["wrong"] * FREE + ["wait"]


def test_a_cancelled_request_counts_as_a_try(door, users):
    """Otherwise clients that hang up early could guess without limit."""

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


def test_a_request_cancelled_in_the_queue_is_not_a_try(door, users):
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
    members = made_door(users)

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


# Strangers lock nobody out ---------------------------------------------------------------------


def test_guesses_from_elsewhere_do_not_block_the_right_password(door):
    for _ in range(3 * FREE):
        in_turn(door, 1, address="203.0.113.9")
    assert in_turn(door, 1, address="203.0.113.9", password=RIGHT) == ["wait"]
    assert in_turn(door, 1, password=RIGHT) == ["in"]


def test_failures_of_one_name_do_not_block_others_at_its_address(door):
    names = [f"user{number}" for number in range(15)]
    for name in names:
        assert in_turn(door, 1, name=name) == ["wrong"]
    for name in names:
        assert in_turn(door, 1, name=name, password=RIGHT) == ["in"]


def test_a_known_browser_can_log_in_during_guesses_of_others(door, clock):
    """From its own address, and at its own name, in any number."""
    cookies = {}
    assert in_turn(door, 1, password=RIGHT, cookies=cookies) == ["in"]
    for number in range(FREE_NAME + FREE_ADDRESS):
        in_turn(door, 1, address=f"198.51.100.{number}")
        in_turn(door, 1, name=f"user{number}")
    for _ in range(FREE):
        in_turn(door, 1)
    assert in_turn(door, 1, password=RIGHT) == ["wait"], "a browser that is not known"
    assert in_turn(door, 1, password=RIGHT, address="203.0.113.1") == ["wait"], "nor elsewhere"
    assert in_turn(door, 1, password=RIGHT, cookies=cookies) == ["in"]
    assert in_turn(door, 1, name="bob", password=RIGHT, cookies=cookies) == ["wait"], "not his"
    clock.now += 61
    assert in_turn(door, 1, password=RIGHT) == ["in"], "a stranger waits a minute"


def test_guesses_of_a_known_browser_are_limited(door):
    cookies = {}
    in_turn(door, 1, password=RIGHT, cookies=cookies)
    outcomes = in_turn(door, 2 * FREE, cookies=cookies)
    assert outcomes == ["wrong"] * FREE + ["wait"] * FREE
    assert in_turn(door, 1, password=RIGHT) == ["in"], "others do not wait for that"


def test_a_cookie_that_we_have_not_signed_makes_no_browser_known(door):
    cookies = {"known-1": "alice"}
    in_turn(door, 2 * FREE)
    assert in_turn(door, 1, password=RIGHT, cookies=cookies) == ["wait"]


def test_a_family_has_one_browser(door):
    cookies = {}
    for name in ("alice", "bob"):
        assert in_turn(door, 1, name=name, password=RIGHT, cookies=cookies) == ["in"]
    for name in ("alice", "bob"):
        in_turn(door, 2 * FREE, name=name)
        assert in_turn(door, 1, name=name, password=RIGHT, cookies=cookies) == ["in"]


def test_a_known_browser_has_a_turn_of_its_own_while_guesses_run(door, users):
    """Each guess costs 50 ms; two hundred that wait would cost ten seconds."""
    cookies = {}
    in_turn(door, 1, password=RIGHT, cookies=cookies)

    async def scenario():
        users.gate.clear()
        guesses = [
            asyncio.ensure_future(attempt(door, f"user{each}", "x", f"198.51.100.{each}"))
            for each in range(200)
        ]
        await begun(users)
        login = asyncio.ensure_future(attempt(door, password=RIGHT, cookies=cookies))
        await begun(users)  # it is being checked, beside the first of the guesses
        users.gate.set()
        assert await login == "in"
        await asyncio.gather(*guesses)

    run(scenario())
    assert ("alice", RIGHT) in users.checked[:4]


def test_a_known_browser_is_checked_before_earlier_unknown_ones(door, users):
    """It waits for none of two hundred earlier checks of unknown browsers."""
    cookies, order = {}, []
    in_turn(door, 1, password=RIGHT, cookies=cookies)
    begin = door._tries.begin

    def noted(name, password, *, address, browser):
        order.append("stranger" if browser is None else "known")
        return begin(name, password, address=address, browser=browser)

    door._tries.begin = noted

    async def scenario():
        guesses = [
            asyncio.ensure_future(attempt(door, f"user{each}", "x", f"198.51.100.{each}"))
            for each in range(200)
        ]
        login = asyncio.ensure_future(attempt(door, password=RIGHT, cookies=cookies))
        for _ in range(3):
            await asyncio.sleep(0)
        guesses[150].cancel()  # who gives up does not keep those behind from their turn
        assert await login == "in"
        await asyncio.gather(*guesses, return_exceptions=True)

    run(scenario())
    assert order.index("known") < 5
    assert order.count("stranger") == 199


def test_no_unknown_browser_is_checked_while_a_known_one_waits(door, users):
    """A second one at the same time would take half of the processor, and of the memory."""
    cookies = {}
    in_turn(door, 1, password=RIGHT, cookies=cookies)

    async def scenario():
        users.gate.clear()
        first = asyncio.ensure_future(attempt(door, "user0", "x", "198.51.100.0"))
        await begun(users)
        known = [asyncio.ensure_future(attempt(door, password=RIGHT, cookies=cookies))]
        await begun(users)
        known.append(asyncio.ensure_future(attempt(door, password=RIGHT, cookies=cookies)))
        others = [
            asyncio.ensure_future(attempt(door, f"user{each}", "x", f"198.51.100.{each}"))
            for each in range(1, 4)
        ]
        await turns()
        users.gate.set()
        await asyncio.gather(first, *known, *others)

    run(scenario())
    names = [name for name, _ in users.checked][1:]
    assert sorted(names[:3]) == ["alice", "alice", "user0"]


def test_constant_logins_of_known_browsers_delay_others_by_few_turns():
    """A member, in a known browser and with the right password, which nothing slows down."""
    front = FairWorker(waiting=4, share=4, name="front")
    behind = FairWorker(waiting=4, share=4, name="behind", behind=front)
    order, begun, over = [], threading.Event(), threading.Event()

    def again(left):
        begun.wait(HANG)
        if not (stranger.running() or stranger.done()):
            order.append("known")
        if left:  # before this one has ended: the front is never without work
            front.submit("member", again, left - 1)
        else:
            over.set()

    front.submit("member", again, 60)
    stranger = behind.submit("stranger", order.append, "stranger")
    begun.set()
    stranger.result(HANG)
    assert over.wait(HANG)
    front.close()
    behind.close()
    assert 1 < order.count("known") < 10


def test_one_address_does_not_fill_the_queue_of_all(door, users):
    async def scenario():
        users.gate.clear()
        guesses = [asyncio.ensure_future(attempt(door, f"user{each}")) for each in range(200)]
        await begun(users)
        other = asyncio.ensure_future(attempt(door, "bob", RIGHT, "203.0.113.1"))
        await turns()
        assert not other.done(), "there is room for it"
        users.gate.set()
        assert await other == "in"
        await asyncio.gather(*guesses)

    run(scenario())
    assert ("bob", RIGHT) in users.checked[:3], "its turn came before the others' last"


def test_an_ipv6_network_is_one_caller(door):
    outcomes = [in_turn(door, 1, address=f"2001:db8::{each}")[0] for each in range(1, FREE + 3)]
    assert outcomes == ["wrong"] * FREE + ["wait"] * 2
    assert in_turn(door, 1, address="2001:db8:0:1::1") == ["wrong"]


# What is told of it ---------------------------------------------------------------------------


@pytest.fixture
def told(monkeypatch):
    events = []
    monkeypatch.setattr(auth, "note", lambda event, **facts: events.append((event, facts)))
    return events


def slowed(told):
    return [facts for event, facts in told if event == "login-slowed"]


def test_a_slowed_down_client_does_not_flood_the_log(door, clock, told):
    """75,000 lines rotate the whole log, and each took a client 2 ms."""
    in_turn(door, 500)
    assert [facts["times"] for facts in slowed(told)] == [1]
    clock.now += 61
    in_turn(door, 2)
    assert sum(facts["times"] for facts in slowed(told)) in range(496, 498)
    assert len(slowed(told)) == 2


def test_slowed_down_clients_at_many_addresses_do_not_flood_the_log(door, told):
    in_turn(door, FREE_NAME)  # its own address is slowed before
    for number in range(rounds(200, 1000)):
        for _ in range(FREE + 1):
            in_turn(door, 1, address=f"2001:db8:0:{number:x}::1")
    assert 20 <= len(slowed(told)) <= 25


def test_only_ended_sessions_are_reported_as_ended(door, told):
    async def scenario():
        await door.end("ben", "no such session")
        await door.end("ben", "old")
        await door.end("ben", None)

    door._sessions.end = lambda user, session: session == "old"
    door._sessions.end_all = lambda user: 1
    run(scenario())
    assert [facts["session"] for _, facts in told] == ["old", "all"]
