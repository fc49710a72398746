"""Change a user's own password, which requires the present one; guesses are slowed down.

So a person who finds a page open, or has copied its cookie, cannot take over the account. Tries
are counted in the catalog, for all pages of a user together.
"""

from datetime import timedelta

from imgurer_kernel.common.event_log import note
from imgurer_kernel.errors import LoginFailed
from imgurer_kernel.store.passwords import checked_password
from imgurer_kernel.store.users import Users

FREE = 4
"""Wrong guesses without a wait."""

LONGEST = timedelta(minutes=15)
"""Longest wait: a hundred guesses a day."""

FORGET = timedelta(hours=1)
"""Time without a wrong guess after which the count is reset."""


def change_password(users: Users, name: str, old: str, new: str) -> None:
    """Give an account another password, which ends its sessions.

    Raises
    ------
    LoginFailed
        If the old password is wrong, or there were too many wrong ones; a right one has to wait,
        too.
    InvalidPassword, UnknownUser, NotAllowed
        As `Users.set_password` does.

    Examples
    --------
    >>> change_password(wb.accounts, "ann", "correct horse", "another horse")  # doctest: +SKIP
    """
    from imgurer_kernel.store.catalog import password_tries as rows
    from imgurer_kernel.store.catalog.connection import now

    checked_password(new)
    # Counted before the password is checked, and in the transaction that computes the wait, so that
    # simultaneous tries are limited like consecutive ones.
    with users.catalog.transaction() as connection:
        count, failed_at = rows.failures(connection, name, FORGET)
        wait = timedelta()
        if count >= FREE:
            pause = min(LONGEST, timedelta(seconds=2.0 ** min(count - FREE + 1, 20)))
            wait = failed_at + pause - now()
        if wait <= timedelta():
            rows.set_failures(connection, name, count + 1)
    if wait > timedelta():
        seconds = max(1, round(wait.total_seconds()))
        message = f"Too many wrong passwords. Wait {seconds} s, then try again."
        raise LoginFailed(message)
    try:
        account = users.authenticate(name, old)
    except LoginFailed:
        note("password-refused", user=name)
        raise
    users.set_password(account.name, new)
    users.catalog.run(rows.set_failures, name, 0)
