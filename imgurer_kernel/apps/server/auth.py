"""Identity providers: by the printed token, or by a login with password."""

import asyncio
import functools
import hmac
import logging
import secrets
import time
from collections.abc import Awaitable, Callable, Collection
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

import pandas as pd
from jupyter_server.auth.identity import IdentityProvider, User
from tornado.web import HTTPError, RequestHandler

from imgurer_kernel.apps.server.login_tries import (
    LoginTries,
    TryLater,
    network_of,
    one_spelling,
)
from imgurer_kernel.apps.server.rate_limit import LogLimiter, TurnOfLoop
from imgurer_kernel.common.event_log import note
from imgurer_kernel.common.records import Account
from imgurer_kernel.common.threads import ThreadPool
from imgurer_kernel.errors import CatalogBusy, LoginFailed, NotAllowed
from imgurer_kernel.store import session_cookies
from imgurer_kernel.store.session_cookies import LoginSession
from imgurer_kernel.store.sessions import Sessions, session_id
from imgurer_kernel.store.users import LOCAL, Users

if TYPE_CHECKING:
    from imgurer_kernel.store.catalog import Catalog

_log = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")

_RECHECK = 2.0
"""Seconds for which the looked-up state of a session is cached."""

_TOKEN_STAMP = "token"  # noqa: S105 - a kind of session


class TokenIdentityProvider(IdentityProvider):
    """Without a login: a request with the token of the printed address, or its cookie, is admitted.

    Any page in a browser of this machine can send requests to this server, and any user of the
    machine can; neither knows the token.

    Parameters
    ----------
    shown
        The token; a random one by default.
    key, cookie
        Key that signs the cookie, and its name. The cookie is valid for this store, also after a
        restart: a bookmark keeps working.
    """

    def __init__(
        self,
        *,
        key: bytes,
        cookie: str,
        shown: str = "",
        **kwargs: Any,  # noqa: ANN401 - traitlets'
    ) -> None:
        super().__init__(token="", **kwargs)
        self.shown = shown or secrets.token_urlsafe(24)
        self._key = key
        self._cookie = cookie

    @property
    def auth_enabled(self) -> bool:
        """Whether requests need a token; always."""
        return True

    async def get_user(self, handler: RequestHandler) -> User | None:
        """Return the local user for a request with the token or its cookie, None for all others."""
        return (
            User(username=LOCAL) if self._has_cookie(handler) or self.has_token(handler) else None
        )

    def has_token(self, handler: RequestHandler) -> bool:
        """Return whether a request has the token, in its URL or in an Authorization header."""
        kind, _, given = handler.request.headers.get("Authorization", "").partition(" ")
        if kind.lower() not in {"token", "bearer"}:
            given = ""
        if handler.request.path == "/":
            given = handler.get_query_argument("token", given)
        return hmac.compare_digest(given.strip().encode(), self.shown.encode())

    def set_cookie(self, handler: RequestHandler) -> None:
        """Set the cookie in a request's browser, so that it need not send the token again."""
        session = session_cookies.begin(LOCAL, _TOKEN_STAMP)
        value = session_cookies.seal(session, self._key, self._cookie)
        _set_cookie(handler, self._cookie, value, session_cookies.DAYS)

    def session(self, handler: RequestHandler) -> None:
        """Return None: there are no sessions without a login."""

    async def filter_valid(self, sessions: Collection[LoginSession]) -> set[LoginSession]:
        """Return all sessions: none of them ends."""
        return set(sessions)

    def look_again(self) -> None:
        """Do nothing: no session ends."""

    def was_valid(self, session: LoginSession | None) -> bool:  # noqa: ARG002 - no session ends
        """Return True: no session can end."""
        return True

    def _has_cookie(self, handler: RequestHandler) -> bool:
        session = _session_of(handler, self._key, self._cookie)
        return session is not None and (session.user, session.stamp) == (LOCAL, _TOKEN_STAMP)


class PasswordIdentityProvider(IdentityProvider):
    """Admits requests with the cookie of a valid session.

    Parameters
    ----------
    users, sessions
        The accounts, and their sessions.
    key
        Key that signs cookies.
    cookie, known_cookie
        Names of the session cookie, and of the cookie of browsers that have logged in before.
    clock
        Monotonic clock in seconds.
    """

    def __init__(
        self,
        *,
        users: Users,
        sessions: Sessions,
        key: bytes,
        cookie: str,
        known_cookie: str,
        clock: Callable[[], float] = time.monotonic,
        **kwargs: Any,  # noqa: ANN401 - traitlets'
    ) -> None:
        super().__init__(token="", **kwargs)
        self._sessions = sessions
        self._key = key
        self._cookie = cookie
        self._known_cookie = known_cookie
        self._clock = clock
        self._looked_up: dict[LoginSession, tuple[float, asyncio.Task[bool]]] = {}
        # A thread, since the catalog may block, and the server must not. It is separate from those
        # that check passwords, so that no page waits for login attempts.
        self._thread = ThreadPool(1, thread_name_prefix="imgurer-accounts")
        self._tries = LoginTries(users.authenticate, clock=clock)
        self._unknown = TurnOfLoop()
        # Refused tries cost the client nothing, and could fill the log until older entries are
        # rotated out: this limits them to some 5 MB a day, of 12 MB.
        self._slowed_log = LogLimiter(every=60.0, most=20, clock=clock)

    async def get_user(self, handler: RequestHandler) -> User | None:
        """Return the user who sent a request, None without a login."""
        session = self.session(handler)
        if session is None or not await self.is_valid(session):
            return None
        return User(username=session.user)

    def session(self, handler: RequestHandler) -> LoginSession | None:
        """Return the session in a request's cookie, if its signature is valid."""
        return _session_of(handler, self._key, self._cookie)

    async def is_valid(self, session: LoginSession) -> bool:
        """Return whether a session is still valid, as of at most two seconds ago."""
        return await asyncio.shield(self._fresh(session))

    async def filter_valid(self, sessions: Collection[LoginSession]) -> set[LoginSession]:
        """Return the sessions that are still valid, by one query of the catalog."""
        return await self._run(self._sessions.holding, sessions) if sessions else set()

    def look_again(self) -> None:
        """Drop the cached states of sessions: some have ended, in any process."""
        self._looked_up.clear()

    def was_valid(self, session: LoginSession | None) -> bool:
        """Return the cached answer of `is_valid`, without waiting for the catalog."""
        if session is None:
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
            task = asyncio.ensure_future(self._look_up(session))
            self._looked_up[session] = (now + _RECHECK, task)
        return task

    async def _look_up(self, session: LoginSession) -> bool:
        return bool(await self._run(self._sessions.holding, [session]))

    async def log_in(self, handler: RequestHandler, name: str, password: str) -> Account:
        """Check a password and begin a session.

        Raises
        ------
        LoginFailed
            If the name or the password is wrong, or the account is disabled.
        TryLater
            If there were too many wrong tries, or too many are being checked.
        """
        address = handler.request.remote_ip
        known = session_cookies.unseal_known(
            handler.get_cookie(self._known_cookie) or "", self._key, self._known_cookie
        )
        browser = known.get(one_spelling(name))
        if browser is None:
            await self._unknown.wait()
        try:
            check = self._tries.begin(name, password, address=address, browser=browser)
            account = await _await_catalog(asyncio.wrap_future(check))
        except TryLater as error:
            if times := self._slowed_log.add(network_of(address)):
                facts = {"user": name[:64], "address": address, "seconds": error.seconds}
                note("login-slowed", **facts, times=times)
            raise
        except LoginFailed:
            note("login-failed", user=name[:64], address=address)
            raise
        session = await self._run(
            self._sessions.begin,
            account.name,
            browser=handler.request.headers.get("User-Agent", ""),
            address=address or "",
        )
        value = session_cookies.seal(session, self._key, self._cookie)
        _set_cookie(handler, self._cookie, value, session_cookies.DAYS)
        number = known.pop(account.name, None) or secrets.token_hex(16)
        value = session_cookies.seal_known(
            [(account.name, number), *known.items()], self._key, self._known_cookie
        )
        _set_cookie(handler, self._known_cookie, value, session_cookies.KNOWN_DAYS)
        note("login", user=account.name, address=address, session=session_id(session))
        return account

    async def log_out(self, handler: RequestHandler) -> LoginSession | None:
        """End a request's session, also for copies of its cookie; return the session."""
        session = self.session(handler)
        self.forget(handler)
        if session is not None:
            await self.end(session.user, session_id(session))
        return session

    def forget(self, handler: RequestHandler) -> None:
        """Delete the session's cookie in a request's browser."""
        handler.clear_cookie(self._cookie)

    async def end(self, user: str, session: str | None) -> None:
        """End the session of a user with this id, or all of the user's with None."""
        if session is None:
            await self._run(self._sessions.end_all, user)
            note("logout", user=user, session="all")
        elif await self._run(self._sessions.end, user, session):
            note("logout", user=user, session=session)
        # Cached states are outdated.
        self._looked_up = {
            each: entry for each, entry in self._looked_up.items() if each.user != user
        }

    async def read(
        self,
        function: "Callable[Concatenate[Catalog, P], T]",
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Run a function on the catalog in a thread and return its result."""
        return await self._run(function, self._sessions.catalog, *args, **kwargs)

    async def list_sessions(self, user: str) -> pd.DataFrame:
        """List a user's sessions, as `Sessions.list` does."""
        return await self._run(self._sessions.list, user)

    def close(self) -> None:
        """Stop the threads, after their current work."""
        self._tries.close()
        self._thread.shutdown(cancel_futures=True)
        self._looked_up.clear()
        del self._sessions, self._tries  # a lingering handler must not keep the catalog open

    async def _run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        loop = asyncio.get_running_loop()
        return await _await_catalog(
            loop.run_in_executor(self._thread, functools.partial(function, *args, **kwargs))
        )


async def _await_catalog(answer: Awaitable[T]) -> T:
    """Wait for an answer of the catalog; answer 503 if it is busy."""
    try:
        return await answer
    except CatalogBusy as error:
        _log.warning("a visitor was turned away: %s", error)
        raise HTTPError(503) from error


def _session_of(handler: RequestHandler, key: bytes, cookie: str) -> LoginSession | None:
    value = handler.get_cookie(cookie)
    if not value:
        return None
    try:
        return session_cookies.unseal(value, key, cookie)
    except NotAllowed:
        return None


def _set_cookie(handler: RequestHandler, name: str, value: str, days: int) -> None:
    handler.set_cookie(
        name,
        value,
        expires_days=days,
        httponly=True,
        samesite="Lax",
        secure=handler.request.protocol == "https",
    )
