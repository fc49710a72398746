"""Who may come in: everybody on this machine, or who is logged in."""

import asyncio
import functools
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from queue import Full
from typing import Any, TypeVar

from jupyter_server.auth.identity import IdentityProvider, User
from tornado.web import HTTPError, RequestHandler

from imgurer_kernel.apps.server.rate_limit import BoundedWorker, Throttle
from imgurer_kernel.common.records import Account
from imgurer_kernel.errors import (
    CatalogBusy,
    InvalidUserName,
    LoginFailed,
    NotAllowed,
    UserError,
)
from imgurer_kernel.store import session_cookies
from imgurer_kernel.store.session_cookies import LoginSession
from imgurer_kernel.store.users import LOCAL, Users, user_name

T = TypeVar("T")

_RECHECK = 2.0
"""Seconds for which an account that was looked up is taken to be as it was."""

_WAITING = 16
"""Passwords that may wait to be checked: for a second, at the 50 ms of a machine at rest."""

_FULL_WAIT = 2.0
"""Seconds after which who found that queue full may try again."""


class NoLoginProvider(IdentityProvider):
    """No login: whoever reaches this address is the local user."""

    @property
    def auth_enabled(self) -> bool:
        """Nobody is asked for anything."""
        return False

    async def get_user(self, handler: RequestHandler) -> User:  # noqa: ARG002 - all are the same
        """Return the local user."""
        return User(username=LOCAL)

    def session(self, handler: RequestHandler) -> None:
        """Return None: there are no sessions."""

    def seems_good(self, session: LoginSession | None) -> bool:  # noqa: ARG002 - nothing can end
        """Return True: nothing can end."""
        return True


class PasswordIdentityProvider(IdentityProvider):
    """Lets in who has a session, as long as the account is enabled and the password the same."""

    def __init__(
        self,
        *,
        users: Users,
        key: bytes,
        cookie: str,
        clock: Callable[[], float] = time.monotonic,
        **kwargs: Any,  # noqa: ANN401 - traitlets'
    ) -> None:
        super().__init__(token="", **kwargs)
        self._users = users
        self._key = key
        self._cookie = cookie
        self._clock = clock
        self._ended: set[str] = set()
        self._looked_up: dict[LoginSession, tuple[float, asyncio.Task[bool]]] = {}
        # A thread: the catalog may make its caller wait, which must not stop the server.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="imgurer-accounts")
        # Another one, so that no page waits for strangers' passwords. One, since a password costs
        # 64 MiB to check, which must not be multiplied by the number of callers.
        self._checks = BoundedWorker(waiting=_WAITING, name="imgurer-passwords")
        self._names = Throttle(free=4, longest=60.0, clock=clock)
        self._addresses = Throttle(free=12, longest=900.0, clock=clock)

    async def get_user(self, handler: RequestHandler) -> User | None:
        """Return who sent a request, None where nobody is logged in."""
        session = self.session(handler)
        if session is None or not await self.holds(session):
            return None
        return User(username=session.user)

    def session(self, handler: RequestHandler) -> LoginSession | None:
        """Return the session that a request's cookie claims, its signature verified."""
        value = handler.get_cookie(self._cookie)
        if not value:
            return None
        try:
            return session_cookies.unseal(value, self._key, self._cookie)
        except NotAllowed:
            return None

    async def holds(self, session: LoginSession) -> bool:
        """Tell whether a session is still good; up to two seconds late."""
        return session.number not in self._ended and await asyncio.shield(self._fresh(session))

    def seems_good(self, session: LoginSession | None) -> bool:
        """Tell the same without waiting for the catalog; a moment later than `holds`."""
        if session is None or session.number in self._ended:
            return False
        _, task = self._looked_up.get(session, (0.0, None))
        self._fresh(session)
        if task is None or not task.done() or task.cancelled() or task.exception() is not None:
            return True
        return task.result()

    def _fresh(self, session: LoginSession) -> "asyncio.Task[bool]":
        now = self._clock()
        until, task = self._looked_up.get(session, (0.0, None))
        if task is None or until < now:
            self._looked_up = {
                each: entry for each, entry in self._looked_up.items() if entry[0] >= now
            }
            task = asyncio.ensure_future(self._run(self._look_up, session))
            self._looked_up[session] = (now + _RECHECK, task)
        return task

    def _look_up(self, session: LoginSession) -> bool:
        try:
            enabled = self._users.get(session.user).enabled
            return enabled and self._users.stamp(session.user) == session.stamp
        except UserError:
            return False

    async def log_in(self, handler: RequestHandler, name: str, password: str) -> Account:
        """Begin a session.

        Raises
        ------
        LoginFailed
            If the name or the password is wrong, or the account is disabled.
        TryLater
            If there were too many wrong tries, or there are too many at this moment.
        """
        check = self._begin_check(name, password, handler.request.remote_ip)
        account = await _known(asyncio.wrap_future(check))
        session = session_cookies.begin(
            account.name, await self._run(self._users.stamp, account.name)
        )
        handler.set_cookie(
            self._cookie,
            session_cookies.seal(session, self._key, self._cookie),
            expires_days=session_cookies.DAYS,
            httponly=True,
            samesite="Lax",
            secure=handler.request.protocol == "https",
        )
        return account

    def _begin_check(self, name: str, password: str, address: str | None) -> "Future[Account]":
        """Have a password checked; the try is counted before anyone else's turn comes.

        How it ends is noted by the check itself, not by the request that waits for it: a try
        whose request is given up has been one, unless it was still in the queue.
        """
        tries = ((self._names, _one_spelling(name)), (self._addresses, address))
        wait = max(throttle.wait(key) for throttle, key in tries)
        if wait > 0:
            raise TooManyTries(wait)
        try:
            check = self._checks.submit(self._users.authenticate, name, password)
        except Full as error:
            raise TooManyAtOnce(_FULL_WAIT) from error
        for throttle, key in tries:
            throttle.reserve(key)

        def settle(check: "Future[Account]") -> None:
            error = CancelledError() if check.cancelled() else check.exception()
            for throttle, key in tries:
                if isinstance(error, LoginFailed):
                    throttle.failed(key)
                elif error is None and throttle is self._names:
                    throttle.succeeded(key)
                else:
                    throttle.release(key)

        check.add_done_callback(settle)
        return check

    def log_out(self, handler: RequestHandler) -> LoginSession | None:
        """End a request's session, also for who has copied its cookie; return it."""
        session = self.session(handler)
        handler.clear_cookie(self._cookie)
        if session is not None:
            self._ended.add(session.number)
        return session

    def close(self) -> None:
        """Stop the threads, after what they are at."""
        self._checks.close()
        self._thread.shutdown(cancel_futures=True)
        self._looked_up.clear()
        del self._users  # a handler that lingers must not keep the catalog open

    async def _run(self, function: Callable[..., T], *arguments: object) -> T:
        loop = asyncio.get_running_loop()
        return await _known(
            loop.run_in_executor(self._thread, functools.partial(function, *arguments))
        )


async def _known(answer: Awaitable[T]) -> T:
    """Wait for what the catalog knows; one that is busy is told as such."""
    try:
        return await answer
    except CatalogBusy as error:
        raise HTTPError(503) from error


def _one_spelling(name: str) -> str:
    """Return what all spellings of an account's name have in common; any other name is itself."""
    try:
        return user_name(name)
    except InvalidUserName:
        return name[:64]


class TryLater(LoginFailed):
    """Nobody looks at the password before some seconds have passed.

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
    """There were too many wrong tries, or there are too many whose end is not known yet."""

    def __init__(self, seconds: float) -> None:
        super().__init__("Too many wrong tries.", seconds)


class TooManyAtOnce(TryLater):
    """More passwords are waiting to be checked than may."""

    def __init__(self, seconds: float) -> None:
        super().__init__("Too many people want to log in at this moment.", seconds)
