"""Who may come in: everybody on this machine, or who is logged in."""

import asyncio
import functools
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from jupyter_server.auth.identity import IdentityProvider, User
from tornado.web import HTTPError, RequestHandler

from imgurer_kernel import sessions
from imgurer_kernel.errors import CatalogBusy, LoginFailed, NotAllowed, UserError
from imgurer_kernel.records import Account
from imgurer_kernel.server.throttle import Throttle
from imgurer_kernel.sessions import Session
from imgurer_kernel.users import LOCAL, Users

T = TypeVar("T")

_RECHECK = 2.0
"""Seconds for which an account that was looked up is taken to be as it was."""


class OpenDoor(IdentityProvider):
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

    def seems_good(self, session: Session | None) -> bool:  # noqa: ARG002 - nothing can end
        """Return True: nothing can end."""
        return True


class Members(IdentityProvider):
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
        self._looked_up: dict[Session, tuple[float, asyncio.Task[bool]]] = {}
        # One thread: the catalog may make its caller wait, which must not stop the server, and
        # a password costs 64 MiB to check, which must not be multiplied by the number of callers.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="imgurer-accounts")
        self._names = Throttle(free=4, longest=60.0, clock=clock)
        self._addresses = Throttle(free=12, longest=900.0, clock=clock)

    async def get_user(self, handler: RequestHandler) -> User | None:
        """Return who sent a request, None where nobody is logged in."""
        session = self.session(handler)
        if session is None or not await self.holds(session):
            return None
        return User(username=session.user)

    def session(self, handler: RequestHandler) -> Session | None:
        """Return the session that a request's cookie claims, its signature verified."""
        value = handler.get_cookie(self._cookie)
        if not value:
            return None
        try:
            return sessions.unseal(value, self._key, self._cookie)
        except NotAllowed:
            return None

    async def holds(self, session: Session) -> bool:
        """Tell whether a session is still good; up to two seconds late."""
        return session.number not in self._ended and await asyncio.shield(self._fresh(session))

    def seems_good(self, session: Session | None) -> bool:
        """Tell the same without waiting for the catalog; a moment later than `holds`."""
        if session is None or session.number in self._ended:
            return False
        _, task = self._looked_up.get(session, (0.0, None))
        self._fresh(session)
        if task is None or not task.done() or task.cancelled() or task.exception() is not None:
            return True
        return task.result()

    def _fresh(self, session: Session) -> "asyncio.Task[bool]":
        now = self._clock()
        until, task = self._looked_up.get(session, (0.0, None))
        if task is None or until < now:
            self._looked_up = {
                each: found for each, found in self._looked_up.items() if found[0] >= now
            }
            task = asyncio.ensure_future(self._run(self._look_up, session))
            self._looked_up[session] = (now + _RECHECK, task)
        return task

    def _look_up(self, session: Session) -> bool:
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
            If the name or the password is wrong, the account is disabled, or there were too many
            wrong tries.
        """
        keys = (
            (self._names, name.strip().lower()[:64]),
            (self._addresses, handler.request.remote_ip),
        )
        wait = max(throttle.wait(key) for throttle, key in keys)
        if wait > 0:
            raise TooManyTries(wait)
        try:
            account = await self._run(self._users.authenticate, name, password)
        except LoginFailed:
            for throttle, key in keys:
                throttle.failed(key)
            raise
        self._names.succeeded(keys[0][1])
        session = sessions.begin(account.name, await self._run(self._users.stamp, account.name))
        handler.set_cookie(
            self._cookie,
            sessions.seal(session, self._key, self._cookie),
            expires_days=sessions.DAYS,
            httponly=True,
            samesite="Lax",
            secure=handler.request.protocol == "https",
        )
        return account

    def log_out(self, handler: RequestHandler) -> Session | None:
        """End a request's session, also for who has copied its cookie; return it."""
        session = self.session(handler)
        handler.clear_cookie(self._cookie)
        if session is not None:
            self._ended.add(session.number)
        return session

    def close(self) -> None:
        """Stop the thread, after what it is at."""
        self._thread.shutdown(cancel_futures=True)
        self._looked_up.clear()
        del self._users  # an open door that lingers must not keep the catalog

    async def _run(self, function: Callable[..., T], *arguments: object) -> T:
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._thread, functools.partial(function, *arguments))
        except CatalogBusy as error:
            raise HTTPError(503) from error


class TooManyTries(LoginFailed):
    """Nobody looks at the password before some seconds have passed."""

    def __init__(self, seconds: float) -> None:
        self.seconds = max(1, round(seconds))
        unit = "second" if self.seconds == 1 else "seconds"
        super().__init__(f"Too many wrong tries. Wait {self.seconds} {unit}, then try again.")
