"""Accounts: who may log in, as what, and with which password."""

import hashlib
import re
import unicodedata
from contextlib import suppress
from typing import Protocol, cast

import pandas as pd
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from imgurer_kernel.common.records import Account, Role
from imgurer_kernel.errors import (
    InvalidPassword,
    InvalidUserName,
    LoginFailed,
    NotAllowed,
    UnknownUser,
    UserExists,
)

LOCAL = "local"
"""The account of the single-user mode; it has no password, so nobody logs in as it."""

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,31}")
_ROLES = ("admin", "member")
_PASSWORD_LENGTHS = range(8, 1025)
_WRONG = "The name or the password is wrong."


class AccountStore(Protocol):
    """What of the catalog is needed here."""

    def add_user(self, name: str, role: Role, password_hash: str | None) -> object:
        """Write a new account; `UserExists` if the name is taken."""

    def account(self, name: str) -> Account:
        """Read one account; `UnknownUser` if there is none."""

    def accounts(self) -> pd.DataFrame:
        """All accounts: name, role, enabled, created_at, last_seen, pictures, bytes."""

    def password_hash(self, name: str) -> str | None:
        """The hash of an account's password, None where it has no password."""

    def set_password_hash(self, name: str, password_hash: str) -> object:
        """Replace it."""

    def set_role(self, name: str, role: Role) -> object:
        """Make the account an admin's or a member's."""

    def set_enabled(self, name: str, enabled: bool) -> object:
        """Switch the account on or off."""

    def touch_user(self, name: str) -> object:
        """Note that the user was here now."""


def user_name(text: str) -> str:
    """Return the one spelling under which a user name is stored and compared.

    Full-width and other compatibility forms become plain ones (NFKC), capitals small. Letters
    are a to z: no two accounts can then look alike, and none can contain what is not seen.

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
        message = (
            f"{shown!r} cannot be a user name; use 1 to 32 letters a to z, digits, dots, "
            "underscores and hyphens, starting with a letter or a digit"
        )
        raise InvalidUserName(message)
    return name


def _spelled(password: str) -> str:
    # Keyboards differ in whether an accent is a character of its own (RFC 8265, section 4).
    return unicodedata.normalize("NFC", password)


def _new_password(password: str) -> str:
    length = len(_spelled(password))
    if length not in _PASSWORD_LENGTHS:
        message = (
            f"the password has {length} characters; it must have "
            f"{_PASSWORD_LENGTHS.start} to {_PASSWORD_LENGTHS.stop - 1}"
        )
        raise InvalidPassword(message)
    return _spelled(password)


class Users:
    """The accounts of one store, on top of its catalog.

    Parameters
    ----------
    catalog
        Where the accounts are kept.
    hasher
        Argon2 parameters; None takes those that argon2-cffi recommends (RFC 9106). A password
        that was hashed with others is hashed anew when its owner logs in.

    Notes
    -----
    A password hash costs some 50 ms and 64 MiB by intention. Logging in takes as long for a
    name that nobody has as for one that exists, so that time tells nothing.
    """

    def __init__(self, catalog: AccountStore, hasher: PasswordHasher | None = None) -> None:
        self._catalog = catalog
        self._hasher = hasher or PasswordHasher()

    def create(self, name: str, password: str, role: Role = "member") -> Account:
        """Make an account that can log in.

        Raises
        ------
        InvalidUserName, InvalidPassword, UserExists
            If the name is none, the password too short or too long, or the name taken.
        """
        name = user_name(name)
        if name == LOCAL:
            message = f"{LOCAL!r} is kept for the use without a login; choose another name"
            raise UserExists(message)
        _check_role(role)
        self._catalog.add_user(name, role, self._hasher.hash(_new_password(password)))
        return self._catalog.account(name)

    def ensure_local(self) -> Account:
        """Return the account of the single-user mode, made if it is not there yet."""
        try:
            return self._catalog.account(LOCAL)
        except UnknownUser:
            pass
        with suppress(UserExists):  # another process may be faster
            self._catalog.add_user(LOCAL, "admin", None)
        return self._catalog.account(LOCAL)

    def get(self, name: str) -> Account:
        """Return one account.

        Raises
        ------
        InvalidUserName, UnknownUser
            If that is no user name, or nobody's.
        """
        return self._catalog.account(user_name(name))

    def acting(self, name: str | None) -> str:
        """The name of the account that acts, by default the local one.

        Raises
        ------
        InvalidUserName, UnknownUser, NotAllowed
            If that is no user, or a disabled one.
        """
        account = self.ensure_local() if name in {None, LOCAL} else self.get(str(name))
        if not account.enabled:
            message = f"the account {account.name!r} is disabled; an admin can enable it again"
            raise NotAllowed(message)
        return account.name

    def list(self) -> pd.DataFrame:
        """All accounts with what each one holds: name, role, enabled, created_at, last_seen,
        pictures, bytes.
        """  # noqa: D205 - the columns belong to the sentence
        return self._catalog.accounts()

    def authenticate(self, name: str, password: str) -> Account:
        """Return the account of someone who proves to own it.

        Raises
        ------
        LoginFailed
            If the name or the password is wrong, or the account is disabled; that it is
            disabled is told only to who knows the password.
        """
        password = _spelled(password)
        try:
            name = user_name(name)
            account = self._catalog.account(name)
            stored = self._catalog.password_hash(name)
        except (InvalidUserName, UnknownUser) as error:
            self._hasher.hash(password[: _PASSWORD_LENGTHS.stop])
            raise LoginFailed(_WRONG) from error
        if stored is None:
            self._hasher.hash(password[: _PASSWORD_LENGTHS.stop])
            raise LoginFailed(_WRONG)
        try:
            self._hasher.verify(stored, password[: _PASSWORD_LENGTHS.stop])
        except (VerificationError, InvalidHashError) as error:
            raise LoginFailed(_WRONG) from error
        if not account.enabled:
            message = f"The account {name} is disabled. An administrator can enable it again."
            raise LoginFailed(message)
        if self._hasher.check_needs_rehash(stored):
            self._catalog.set_password_hash(name, self._hasher.hash(password))
        self._catalog.touch_user(name)
        return self._catalog.account(name)

    def stamp(self, name: str) -> str:
        """Return what changes with the password: a session begun under another is over.

        Raises
        ------
        UnknownUser
            If there is no such account.
        """
        stored = self._catalog.password_hash(user_name(name))
        return hashlib.sha256((stored or "").encode()).hexdigest()[:16]

    def can_log_in(self) -> bool:
        """Whether there is any account to log in with."""
        accounts = self._catalog.accounts()
        return bool((accounts["enabled"].astype(bool) & (accounts["name"] != LOCAL)).any())

    def set_password(self, name: str, password: str) -> None:
        """Give an account another password, which ends its sessions.

        Raises
        ------
        InvalidPassword, UnknownUser, NotAllowed
            If the password is too short or too long, there is no such account, or it is the
            local one.
        """
        name = self._of_someone(name)
        self._catalog.set_password_hash(name, self._hasher.hash(_new_password(password)))

    def disable(self, name: str) -> None:
        """Lock an account: its sessions end, its pictures stay.

        Raises
        ------
        UnknownUser, NotAllowed
            If there is no such account, or it is the last enabled admin's or the local one.
        """
        name = self._of_someone(name)
        was_admin = self._spare_last_admin(name)
        self._catalog.set_enabled(name, False)
        if was_admin and not self._admins():
            self._catalog.set_enabled(name, True)
            raise NotAllowed(_last_admin(name))

    def enable(self, name: str) -> None:
        """Unlock an account.

        Raises
        ------
        UnknownUser
            If there is no such account.
        """
        self._catalog.set_enabled(self.get(name).name, True)

    def set_role(self, name: str, role: Role) -> None:
        """Make an account an admin's or a member's.

        Raises
        ------
        UnknownUser, NotAllowed
            If there is no such account or role, or it is the last enabled admin's or the local
            one.
        """
        _check_role(role)
        name = self._of_someone(name)
        if role == "admin":
            self._catalog.set_role(name, role)
            return
        was_admin = self._spare_last_admin(name)
        self._catalog.set_role(name, role)
        if was_admin and not self._admins():
            self._catalog.set_role(name, "admin")
            raise NotAllowed(_last_admin(name))

    def _of_someone(self, name: str) -> str:
        name = self.get(name).name
        if name == LOCAL:
            message = f"the account {LOCAL!r} stays as it is: it is for the use without a login"
            raise NotAllowed(message)
        return name

    def _admins(self) -> set[str]:
        """Names of the enabled admins that can log in."""
        accounts = self._catalog.accounts()
        chosen = accounts["enabled"].astype(bool) & (accounts["role"] == "admin")
        return cast("set[str]", set(accounts.loc[chosen, "name"])) - {LOCAL}

    def _spare_last_admin(self, name: str) -> bool:
        """Refuse for the last enabled admin; otherwise tell whether this one is an admin."""
        # Two processes could each take the other's admin away between this look and the act:
        # the callers look again afterwards, and at least one of the two then takes it back.
        admins = self._admins()
        if admins == {name}:
            raise NotAllowed(_last_admin(name))
        return name in admins


def _check_role(role: Role) -> None:
    if role not in _ROLES:
        message = f"there is no role {role!r}; it must be one of {', '.join(_ROLES)}"
        raise NotAllowed(message)


def _last_admin(name: str) -> str:
    return f"{name} is the last enabled admin; make another account an admin first"
