"""Accounts: create, authenticate, enable, disable, change roles and passwords."""

import hashlib
import re
import unicodedata
from typing import TYPE_CHECKING

import pandas as pd
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from imgurer_kernel.common.event_log import note
from imgurer_kernel.common.records import Account, Role
from imgurer_kernel.errors import (
    InvalidUserName,
    LoginFailed,
    NotAllowed,
    UnknownUser,
    UserExists,
)
from imgurer_kernel.store.passwords import (
    PASSWORD_LENGTHS,
    checked_password,
    normalized_password,
)
from imgurer_kernel.store.session_ends import announce

# The catalog is imported inside functions: objects of the server outlive the interpreter's modules,
# and would keep DuckDB's types alive through this module, which then print errors on stderr.
if TYPE_CHECKING:
    from imgurer_kernel.store.catalog import Catalog, Connection

LOCAL = "local"
"""The account of the single-user mode; it has no password, so a login as it is impossible."""

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,31}")
_ROLES = ("admin", "member")
# The same message for a wrong name and a wrong password: it must not reveal which names exist.
_WRONG = "The name or the password is wrong."


def user_name(text: str) -> str:
    """Normalize a user name to the form that is stored and compared.

    Full-width and other compatibility forms become plain ones (NFKC), capitals lower case. Only
    letters a to z are allowed, so that no two names look alike or have invisible characters.

    Raises
    ------
    InvalidUserName
        If that is not 1 to 32 letters, digits, dots, underscores and hyphens that start with a
        letter or a digit.

    Examples
    --------
    >>> user_name("Alice.B")
    'alice.b'
    >>> user_name("../etc")
    Traceback (most recent call last):
    imgurer_kernel.errors.InvalidUserName: '../etc' cannot be a user name; use 1 to 32 letters \
a to z, digits, dots, underscores and hyphens, starting with a letter or a digit
    """
    name = unicodedata.normalize("NFKC", text).lower() if len(text) <= 128 else ""
    if not _NAME.fullmatch(name):
        shown = text if len(text) <= 40 else text[:40] + "..."
        said = f"{shown!r} cannot be a user name" if text.strip() else "no user name was given"
        message = (
            f"{said}; use 1 to 32 letters a to z, digits, dots, "
            "underscores and hyphens, starting with a letter or a digit"
        )
        raise InvalidUserName(message)
    return name


def stamp_of(password_hash: str | None) -> str:
    """Return a text that changes with a password hash: 16 hex digits of its SHA-256."""
    return hashlib.sha256((password_hash or "").encode()).hexdigest()[:16]


class Users:
    """The accounts of one store, on top of its catalog.

    Each method that changes accounts checks and changes them in one transaction, so that two
    processes cannot, for example, remove the last two admins at the same time.

    Parameters
    ----------
    catalog
        Stores the accounts.
    hasher
        Argon2 parameters; None for the defaults of argon2-cffi (RFC 9106). A password that was
        hashed with others is hashed again when its owner logs in.

    Notes
    -----
    A password hash intentionally costs some 50 ms and 64 MiB, and is computed outside of
    transactions. A login takes equally long for names with and without an account, so that its
    time does not reveal which names exist.
    """

    def __init__(self, catalog: "Catalog", hasher: PasswordHasher | None = None) -> None:
        self.catalog = catalog
        self._hasher = hasher or PasswordHasher()

    def create(self, name: str, password: str, role: Role = "member") -> Account:
        """Create an account that can log in.

        Raises
        ------
        InvalidUserName, InvalidPassword, UserExists
            If the name is invalid or taken, or the password is too short or too long.
        """
        from imgurer_kernel.store.catalog import users as rows

        name = user_name(name)
        if name == LOCAL:
            message = f"{LOCAL!r} is kept for the use without a login; choose another name"
            raise UserExists(message)
        _check_role(role)
        password_hash = self._hasher.hash(checked_password(password))
        with self.catalog.transaction() as connection:
            rows.add_user(connection, name, role, password_hash)
            made = rows.account(connection, name)
        note("account-made", user=name, role=role)
        return made

    def ensure_local(self) -> Account:
        """Return the account of the single-user mode, created at first use."""
        from imgurer_kernel.store.catalog import users as rows

        return self.catalog.run(rows.account_or_new, LOCAL, "admin")

    def get(self, name: str) -> Account:
        """Return one account.

        Raises
        ------
        InvalidUserName, UnknownUser
            If it is not a user name, or there is no such account.
        """
        from imgurer_kernel.store.catalog import users as rows

        return self.catalog.run(rows.account, user_name(name))

    def require_enabled(self, name: str | None) -> str:
        """Return the name of an enabled account, by default the local one.

        Raises
        ------
        InvalidUserName, UnknownUser, NotAllowed
            If there is no such user, or the account is disabled.
        """
        return self.catalog.run(enabled_name, name)

    def adopt(self, name: str, giver: str = LOCAL) -> int:
        """Give an account the files ingested without a login, or those of another account.

        Returns
        -------
        The number of files that were given to the account.

        Raises
        ------
        InvalidUserName, UnknownUser
            If one of them does not exist.
        """
        from imgurer_kernel.store.catalog import users as rows

        with self.catalog.transaction() as connection:
            taker, source = (rows.account(connection, user_name(each)) for each in (name, giver))
            if taker.name == source.name:
                return 0
            moved = rows.hand_over(connection, source.name, taker.name)
        note("files-handed-over", user=taker.name, giver=source.name, files=moved)
        return moved

    def list(self) -> pd.DataFrame:
        """List all accounts by name: role, enabled, created_at, last_seen, pictures, bytes."""
        from imgurer_kernel.store.catalog import users as rows

        return self.catalog.run(rows.accounts)

    def authenticate(self, name: str, password: str) -> Account:
        """Return the account if the password is right.

        Raises
        ------
        LoginFailed
            If the name or the password is wrong, or the account is disabled; the latter is
            reported only if the password is right.
        """
        from imgurer_kernel.store.catalog import users as rows

        password = normalized_password(password)
        # Passwords beyond the allowed length are cut: they are wrong, and must not cost more time.
        tried = password[: PASSWORD_LENGTHS.stop]
        try:
            name = user_name(name)
            with self.catalog.transaction() as connection:
                account = rows.account(connection, name)
                stored = rows.password_hash(connection, name)
        except (InvalidUserName, UnknownUser) as error:
            self._hasher.hash(tried)  # takes as long as a verification
            raise LoginFailed(_WRONG) from error
        if stored is None:
            self._hasher.hash(tried)
            raise LoginFailed(_WRONG)
        try:
            self._hasher.verify(stored, tried)
        except (VerificationError, InvalidHashError) as error:
            raise LoginFailed(_WRONG) from error
        if not account.enabled:
            message = f"The account {name} is disabled. An administrator can enable it again."
            raise LoginFailed(message)
        outdated = self._hasher.check_needs_rehash(stored)
        rehashed = self._hasher.hash(password) if outdated else stored
        with self.catalog.transaction() as connection:
            # The password may have been changed since it was read: the new one stays.
            if outdated and rows.password_hash(connection, name) == stored:
                rows.set_password_hash(connection, name, rehashed)
            rows.touch_user(connection, name)
            return rows.account(connection, name)

    def stamp(self, name: str) -> str:
        """Return a text that changes with the password; sessions with another one are invalid.

        Raises
        ------
        UnknownUser
            If there is no such account.
        """
        from imgurer_kernel.store.catalog import users as rows

        return stamp_of(self.catalog.run(rows.password_hash, user_name(name)))

    def can_log_in(self) -> bool:
        """Return whether there is any account to log in with."""
        from imgurer_kernel.store.catalog import users as rows

        return bool(self.catalog.run(rows.enabled_names) - {LOCAL})

    def set_password(self, name: str, password: str) -> None:
        """Set an account's password, which ends its sessions.

        Raises
        ------
        InvalidPassword, UnknownUser, NotAllowed
            If the password is too short or too long, there is no such account, or it is the
            local one.
        """
        from imgurer_kernel.store.catalog import users as rows

        name = _login_name(name)
        self.catalog.run(
            rows.set_password_hash, name, self._hasher.hash(checked_password(password))
        )
        announce(self.catalog.path.parent)
        note("password-set", user=name)

    def disable(self, name: str) -> None:
        """Disable an account: its sessions end, its pictures stay.

        Raises
        ------
        UnknownUser, NotAllowed
            If there is no such account, or it is the last enabled admin's or the local one.
        """
        from imgurer_kernel.store.catalog import users as rows

        name = _login_name(name)
        with self.catalog.transaction() as connection:
            _keep_last_admin(connection, name)
            rows.set_enabled(connection, name, False)
        announce(self.catalog.path.parent)
        note("account-disabled", user=name)

    def enable(self, name: str) -> None:
        """Enable an account.

        Raises
        ------
        UnknownUser
            If there is no such account.
        """
        from imgurer_kernel.store.catalog import users as rows

        name = user_name(name)
        self.catalog.run(rows.set_enabled, name, True)
        note("account-enabled", user=name)

    def set_role(self, name: str, role: Role) -> None:
        """Set the role of an account.

        Raises
        ------
        UnknownUser, NotAllowed
            If there is no such account or role, or it is the last enabled admin's or local.
        """
        from imgurer_kernel.store.catalog import users as rows

        _check_role(role)
        name = _login_name(name)
        with self.catalog.transaction() as connection:
            if role != "admin":
                _keep_last_admin(connection, name)
            rows.set_role(connection, name, role)
        note("role-set", user=name, role=role)


def _login_name(name: str) -> str:
    """Return the name of an account with a login; raise `NotAllowed` for the local one."""
    name = user_name(name)
    if name == LOCAL:
        message = f"the account {LOCAL!r} stays as it is: it is for the use without a login"
        raise NotAllowed(message)
    return name


def _check_role(role: Role) -> None:
    if role not in _ROLES:
        message = f"there is no role {role!r}; it must be one of {', '.join(_ROLES)}"
        raise NotAllowed(message)


def _keep_last_admin(connection: "Connection", name: str) -> None:
    """Raise `NotAllowed` for the last enabled admin that can log in."""
    from imgurer_kernel.store.catalog import users as rows

    if rows.enabled_names(connection, role="admin") - {LOCAL} == {name}:
        message = f"{name} is the last enabled admin; make another account an admin first"
        raise NotAllowed(message)


def enabled_name(connection: "Connection", name: str | None) -> str:
    """Do the same as `Users.require_enabled`, within a transaction."""
    from imgurer_kernel.store.catalog import users as rows

    if name is None or name == LOCAL:
        account = rows.account_or_new(connection, LOCAL, "admin")
    else:
        account = rows.account(connection, user_name(name))
    if not account.enabled:
        message = f"the account {account.name!r} is disabled; an admin can enable it again"
        raise NotAllowed(message)
    return account.name
