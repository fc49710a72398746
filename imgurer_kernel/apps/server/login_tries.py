"""Check passwords: slow down guessing without locking users out.

Failures are counted per pair of name and address: guesses from elsewhere do not block a user who
knows the password. In addition there are limits per address and per name, against many names and
many addresses. A browser in which a user has logged in before is recognised by a cookie, and has
tries and a queue of its own (OWASP, "Slow Down Online Guessing Attacks with Device Cookies").
"""

from collections.abc import Callable, Hashable
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address, ip_network
from queue import Full

from imgurer_kernel.apps.server.rate_limit import FairWorker, Throttle
from imgurer_kernel.common.records import Account
from imgurer_kernel.errors import InvalidUserName, LoginFailed
from imgurer_kernel.store.users import user_name

FREE = 4
"""Failures of one name at one address, or in one known browser, without a delay."""

FREE_ADDRESS = 50
"""Failures of one address for all names: users behind one address mistype a lot."""

FREE_NAME = 100
"""Failures of one name from all addresses; beyond, only known browsers need not wait."""

_LONGEST = 60.0
"""Longest wait in seconds: some 1,500 guesses a day, for each of the limits."""

_WAITING = 24
"""Most passwords from unknown browsers in the queue: 1.2 s, at 50 ms on an idle machine."""

_SHARE = 12
"""Most of these from one address."""

_FULL_WAIT = 2.0
"""Seconds after which a client that found the queue full may try again."""


class TryLater(LoginFailed):
    """The password was not checked; the client has to wait some seconds.

    Attributes
    ----------
    seconds
        How long, at least 1.
    """

    def __init__(self, reason: str, seconds: float) -> None:
        self.seconds = max(1, round(seconds))
        unit = "second" if self.seconds == 1 else "seconds"
        super().__init__(f"{reason} Wait {self.seconds} {unit}, then try again.")


class TooManyTries(TryLater):
    """There were too many failed attempts, counting those still being checked."""

    def __init__(self, seconds: float) -> None:
        super().__init__("Too many wrong tries.", seconds)


class TooManyAtOnce(TryLater):
    """The queue of passwords to check is full."""

    def __init__(self, seconds: float) -> None:
        super().__init__("Too many people want to log in at this moment.", seconds)


@dataclass(frozen=True, slots=True)
class _Counted:
    """One counter of attempts; a success clears the counters named in `forgives`."""

    throttle: Throttle
    key: Hashable
    forgives: bool = False


class LoginTries:
    """Checks passwords in two queues, for known and for unknown browsers, with a thread each.

    Known browsers go first: no check for an unknown one begins while one of theirs waits. A check
    takes 64 MiB, which is not multiplied by the number of callers.

    Parameters
    ----------
    authenticate
        Returns the account for a name and a password, or raises `LoginFailed`.
    clock
        Monotonic clock in seconds, such as `time.monotonic`.
    """

    def __init__(
        self, authenticate: Callable[[str, str], Account], *, clock: Callable[[], float]
    ) -> None:
        self._authenticate = authenticate
        self._pairs, self._browsers, self._addresses, self._names = (
            Throttle(free=free, longest=_LONGEST, clock=clock)
            for free in (FREE, FREE, FREE_ADDRESS, FREE_NAME)
        )
        self._known = FairWorker(waiting=_WAITING, share=FREE + 1, name="imgurer-known")
        self._unknown = FairWorker(
            waiting=_WAITING, share=_SHARE, name="imgurer-passwords", behind=self._known
        )

    def begin(
        self, name: str, password: str, *, address: str | None, browser: str | None
    ) -> "Future[Account]":
        """Queue a password check; the attempt is counted before any other one.

        The check itself records the outcome, not the request that waits for it: a try counts even
        if its request is cancelled, unless it was still in the queue.

        Parameters
        ----------
        address
            Client address.
        browser
            The number of a browser that has logged this name in before, None for unknown browsers.

        Raises
        ------
        TooManyTries
            If there were too many wrong tries; a correct password has to wait as well.
        TooManyAtOnce
            If the queue is full.
        """
        spelling, network = one_spelling(name), network_of(address)
        if browser is not None:
            counts = [_Counted(self._browsers, (spelling, browser), forgives=True)]
        else:
            counts = [
                _Counted(self._pairs, (spelling, network), forgives=True),
                _Counted(self._addresses, network),
                _Counted(self._names, spelling),
            ]
        wait = max(each.throttle.wait(each.key) for each in counts)
        if wait > 0:
            raise TooManyTries(wait)
        worker, caller = (self._unknown, network) if browser is None else (self._known, browser)
        try:
            future = worker.submit(caller, self._authenticate, name, password)
        except Full as error:
            raise TooManyAtOnce(_FULL_WAIT) from error
        for each in counts:
            each.throttle.reserve(each.key)
        future.add_done_callback(lambda done: _settle(done, counts))
        return future

    def close(self) -> None:
        """Stop the threads, after their current work."""
        for worker in (self._unknown, self._known):
            worker.close()


def _settle(check: "Future[Account]", counts: list[_Counted]) -> None:
    error = CancelledError() if check.cancelled() else check.exception()
    for each in counts:
        if isinstance(error, LoginFailed):
            each.throttle.failed(each.key)
        elif error is None and each.forgives:
            each.throttle.succeeded(each.key)
        else:
            each.throttle.release(each.key)


def one_spelling(name: str) -> str:
    """Normalize an account's name, so that all its spellings share one counter; keep invalid ones.

    >>> one_spelling("Alice"), one_spelling("not a name!")
    ('alice', 'not a name!')
    """
    try:
        return user_name(name)
    except InvalidUserName:
        return name[:64]


def network_of(address: str | None) -> str:
    """Return the network of a client: its IPv4 address, or the first 64 bits of its IPv6 address.

    >>> network_of("192.0.2.1"), network_of("2001:db8::1:2"), network_of(None)
    ('192.0.2.1', '2001:db8::/64', '')
    """
    try:
        parsed = ip_address((address or "").partition("%")[0])
    except ValueError:
        return (address or "")[:64]
    if isinstance(parsed, IPv6Address):
        if parsed.ipv4_mapped:
            return str(parsed.ipv4_mapped)
        return str(ip_network((parsed, 64), strict=False))
    return str(parsed)
