"""Login sessions of one store: begin, look up, list and end them.

A session has a signed cookie (`imgurer_kernel.store.session_cookies`) and a row of the catalog.
The row decides: a copied cookie is invalid once the row is deleted, also after a restart.
"""

import hashlib
from collections.abc import Collection
from datetime import timedelta
from typing import TYPE_CHECKING

import pandas as pd

from imgurer_kernel.errors import InvalidUserName
from imgurer_kernel.store import session_cookies
from imgurer_kernel.store.session_cookies import LoginSession
from imgurer_kernel.store.session_ends import announce
from imgurer_kernel.store.users import stamp_of, user_name

# Imported inside functions; `imgurer_kernel.store.users` gives the reason.
if TYPE_CHECKING:
    from imgurer_kernel.store.catalog import Catalog

MOST_OF_USER = 20
"""Most sessions of one user; the least recently used ones are deleted."""

MOST = 5000
"""Most sessions of a store."""

_SEEN_EVERY = timedelta(minutes=10)
"""Precision of the time at which a session was last used."""


def session_id(session: LoginSession) -> str:
    """Return the id of a session in the catalog and on its user's page: 32 hex digits.

    >>> session_id(LoginSession("ann", "5f1d", "00"))
    'f1534392279bddbf9d43dde8701cb5be'
    """
    return hashlib.sha256(session.number.encode()).hexdigest()[:32]


class Sessions:
    """The sessions of one store, on top of its catalog.

    Parameters
    ----------
    catalog
        Stores them.
    """

    def __init__(self, catalog: "Catalog") -> None:
        self.catalog = catalog

    def begin(self, user: str, *, browser: str = "", address: str = "") -> LoginSession:
        """Begin a session of an authenticated user.

        Parameters
        ----------
        browser, address
            Browser and address of the client, for the user's list; cut to 200 and 64 characters.

        Raises
        ------
        UnknownUser
            If there is no such account.
        """
        from imgurer_kernel.store.catalog import sessions as rows
        from imgurer_kernel.store.catalog import users as user_rows
        from imgurer_kernel.store.catalog.connection import now

        with self.catalog.transaction() as connection:
            stamp = stamp_of(user_rows.password_hash(connection, user))
            session = session_cookies.begin(user, stamp)
            rows.add_session(
                connection,
                session_id(session),
                user,
                ends_at=now() + timedelta(days=session_cookies.DAYS),
                browser=_one_line(browser, 200),
                address=_one_line(address, 64),
            )
            rows.sweep_sessions(connection, user, most_of_user=MOST_OF_USER, most=MOST)
        return session

    def holding(self, sessions: Collection[LoginSession]) -> set[LoginSession]:
        """Return the valid sessions: not ended, of an enabled user with the same password."""
        from imgurer_kernel.store.catalog import sessions as rows
        from imgurer_kernel.store.catalog.connection import now

        by_id = {session_id(each): each for each in sessions}
        with self.catalog.transaction() as connection:
            found = rows.holders(connection, list(by_id))
            good = {
                each
                for each in by_id
                if each in found
                and (by_id[each].user, by_id[each].stamp)
                == (found[each][0], stamp_of(found[each][1]))
            }
            rows.touch_sessions(connection, sorted(good), now() - _SEEN_EVERY)
        return {by_id[each] for each in good}

    def list(self, user: str) -> pd.DataFrame:
        """List a user's sessions that have not ended, newest first.

        Returns
        -------
        DataFrame
            session_id, begun_at (UTC), seen_at (UTC), ends_at (UTC), browser, address.

        Raises
        ------
        InvalidUserName
            If it is not a user name.
        """
        from imgurer_kernel.store.catalog import sessions as rows

        return self.catalog.run(rows.sessions_of, user_name(user))

    def end(self, user: str, session: str) -> bool:
        """End the session with an id; return False if the user has none of that id (any more)."""
        from imgurer_kernel.store.catalog import sessions as rows

        try:
            ended = bool(self.catalog.run(rows.end_session, user_name(user), session))
        except InvalidUserName:
            return False
        announce(self.catalog.path.parent)
        return ended

    def end_all(self, user: str) -> int:
        """End all sessions of a user, and return how many.

        Raises
        ------
        InvalidUserName
            If it is not a user name.
        """
        from imgurer_kernel.store.catalog import sessions as rows

        ended = self.catalog.run(rows.end_sessions, user_name(user))
        announce(self.catalog.path.parent)
        return ended


def _one_line(text: str, most: int) -> str:
    """Reduce an untrusted text to one line of printable characters."""
    return "".join(each if each.isprintable() else " " for each in text[:most]).strip()
