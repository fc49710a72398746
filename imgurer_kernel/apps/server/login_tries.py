"""Check passwords: slow down guessing without locking anybody else out.

Failures count for a name and an address together: guesses from elsewhere do not block who knows the
password. Beyond that there is a bound for each address and for each name, against many names and
many addresses. A browser in which a user has logged in before is known by a cookie, and has tries
and a turn of its own (OWASP, "Slow Down Online Guessing Attacks with Device Cookies").
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
"""Failures of one name at one address, or in one known browser, that cost nothing."""

FREE_ADDRESS = 50
"""Failures of one address, whoever's names: an office behind one address mistypes a lot."""

FREE_NAME = 100
"""Failures of one name from everywhere; beyond, only a known browser need not wait."""

_LONGEST = 60.0
"""Longest wait in seconds: some 1,500 guesses a day, for each of the bounds."""

_WAITING = 24
"""Passwords from unknown browsers that may wait: for 1.2 s, at the 50 ms of a machine at rest."""

_SHARE = 12
"""How many of these may come from one address."""

_FULL_WAIT = 2.0
"""Seconds after which who found the queue full may try again."""


class TryLater(LoginFailed):
    """The password is not checked before some seconds have passed.

    Attributes
    ----------
    seconds
        How many, at least 1.
    """

    def __init__(self, reason: str, seconds: float) -> None:
        self.seconds = max(1, round(seconds))
        unit = "second" if self.seconds == 1 else "seconds"
        super().__init__(f"{reason} Wait {self.seconds} {unit}, then try again.")


class TooManyTries(TryLater):
    """There were too many failed attempts, or too many are still being checked."""

    def __init__(self, seconds: float) -> None:
        super().__init__("Too many wrong tries.", seconds)


class TooManyAtOnce(TryLater):
    """More passwords are waiting to be checked than may."""

    def __init__(self, seconds: float) -> None:
        super().__init__("Too many people want to log in at this moment.", seconds)


@dataclass(frozen=True, slots=True)
class _Counted:
    """One counter of attempts; a success clears those that `forgives` names."""

    throttle: Throttle
    key: Hashable
    forgives: bool = False


class LoginTries:
    """Checks passwords in two queues, for known and for unknown browsers, each with its thread.

    Known browsers go first: none of an unknown one begins while one of theirs waits. A password
    costs 64 MiB to check: that is not multiplied by the number of callers.

    Parameters
    ----------
    authenticate
        Returns the account for a name and a password, or raises `LoginFailed`.
    clock
        Seconds that only grow, such as `time.monotonic`.
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
        """Queue a password to be checked; the attempt is counted before any other is.

        How it ends is noted by the check itself, not by the request that waits for it: a try
        whose request is given up has been one, unless it was still in the queue.

        Parameters
        ----------
        address
            Where the try comes from.
        browser
            The number by which the browser is known to have logged this name in, None for none.

        Raises
        ------
        TooManyTries
            If there were too many wrong ones; a right one would have to wait as well.
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
        """Stop the threads, after the work that they have begun."""
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
    """Normalize an account's name, so that all its spellings share one counter; keep other names.

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
