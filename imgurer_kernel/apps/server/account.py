"""The page of a user's own sessions: list them, and log out of each."""

from collections.abc import Iterable
from typing import cast

import pandas as pd
from tornado.web import HTTPError

from imgurer_kernel.apps.server.audit import is_admin
from imgurer_kernel.apps.server.auth import PasswordIdentityProvider
from imgurer_kernel.apps.server.pages import BaseHandler
from imgurer_kernel.store import session_cookies
from imgurer_kernel.store.session_cookies import LoginSession
from imgurer_kernel.store.sessions import session_id

EVERYWHERE = "all"
"""What a page sends instead of the id of a session, to end all of them."""

_BROWSERS = ("Firefox", "Edg", "OPR", "Chrome", "Safari")
_SYSTEMS = ("Android", "iPhone", "iPad", "Windows", "Mac OS X", "Linux")
_NAMES = {"Edg": "Edge", "OPR": "Opera", "Mac OS X": "macOS"}


def browser_name(text: str) -> str:
    """Return the common name of a browser from its User-Agent, or its first words.

    >>> browser_name("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0")
    'Firefox on Linux'
    >>> browser_name("curl/8.5.0"), browser_name("")
    ('curl/8.5.0', 'An unnamed browser')
    """
    browser = next((each for each in _BROWSERS if f"{each}/" in text), "")
    system = next((each for each in _SYSTEMS if each in text), "")
    if not browser:
        return text[:40].strip() or "An unnamed browser"
    named = _NAMES.get(browser, browser)
    return f"{named} on {_NAMES.get(system, system)}" if system else named


def sessions_ended(
    owners: Iterable[LoginSession | None], user: str, which: str
) -> set[LoginSession]:
    """Choose whose kernels end: those of one of the user's sessions, by its id, or `EVERYWHERE`."""
    return {
        each
        for each in owners
        if each is not None and each.user == user and which in {EVERYWHERE, session_id(each)}
    }


class AccountHandler(BaseHandler):
    """Lists the user's sessions, and ends one or all of them."""

    async def get(self) -> None:
        """Show the list."""
        user, own = self._who()
        frame = await self._passwords.list_sessions(user)
        logins = [
            {
                "id": row["session_id"],
                "browser": browser_name(str(row["browser"])),
                "address": row["address"],
                "begun": _minute(row["begun_at"]),
                "seen": _minute(row["seen_at"]),
                "here": row["session_id"] == own,
            }
            for row in frame.to_dict("records")
        ]
        self.render_page(
            "account.html",
            user=user,
            logins=sorted(logins, key=lambda login: not login["here"]),
            days=session_cookies.DAYS,
            admin=await self._passwords.read(is_admin, user),
            note="That login is over." if self.get_query_argument("ended", "") else "",
            xsrf=self.xsrf_token.decode(),
        )

    async def post(self) -> None:
        """End one session, or all."""
        user, own = self._who()
        which = self.get_body_argument("end")
        everywhere = which == EVERYWHERE
        await self._passwords.end(user, None if everywhere else which)
        for session in sessions_ended(self.kernels.owners.values(), user, which):
            await self.kernels.end_session(session)
        if everywhere or which == own:
            self._passwords.forget(self)
            self.redirect("/login?left=1", status=303)
        else:
            self.redirect("/account?ended=1", status=303)

    @property
    def _passwords(self) -> PasswordIdentityProvider:
        return cast("PasswordIdentityProvider", self.identity_provider)

    def _who(self) -> tuple[str, str]:
        """Return the user's name and the id of the session of this request."""
        session = self.provider.session(self)
        if session is None:
            raise HTTPError(403)
        return session.user, session_id(session)


def _minute(time: pd.Timestamp) -> str:
    return time.strftime("%Y-%m-%d %H:%M")
