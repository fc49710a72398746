"""Login sessions as signed cookies: the server signs them; the server and its kernels check them.

It is in this package because its key is a file of the store (``root/secret``), and because both
the server and the widgets, which must not import each other, need it.
"""

import hashlib
import hmac
import json
import os
import secrets
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tornado.httputil import parse_cookie
from tornado.web import create_signed_value, decode_signed_value

from imgurer_kernel.errors import NotAllowed, StorageDenied

DAYS = 7
"""Longest duration of a session."""

KNOWN_DAYS = 365
"""How long a browser is remembered after its last login."""

KNOWN_USERS = 4
"""Most users for whom one browser is remembered: a family's computer."""

_NOT_LOGGED_IN = "you are not logged in, or no longer; log in again"


@dataclass(frozen=True, slots=True)
class LoginSession:
    """One login.

    Attributes
    ----------
    user
        Name of the account.
    stamp
        `Users.stamp` at the time of the login; another one now means another password.
    number
        Random; distinguishes the logins of a user.
    """

    user: str
    stamp: str
    number: str


def begin(user: str, stamp: str) -> LoginSession:
    """Return a new session."""
    return LoginSession(user, stamp, secrets.token_hex(16))


def cookie_name(port: int) -> str:
    """Return the name of the cookie of the server on a port: all ports of a host share cookies.

    >>> cookie_name(8866)
    'imgurer-8866'
    """
    return f"imgurer-{port}"


def known_cookie_name(port: int) -> str:
    """Return the name of the cookie that remembers the users who logged in with a browser.

    >>> known_cookie_name(8866)
    'imgurer_known-8866'
    """
    return f"imgurer_known-{port}"


def secret_key(root: Path) -> bytes:
    """Return the store's secret, made at first use: 64 hex digits in ``root/secret``, mode 0600.

    Raises
    ------
    StorageDenied
        If the file can neither be read nor made.
    """
    path = root / "secret"
    try:
        if not path.exists():
            _write_secret(path)
        path.chmod(0o600)  # it may have been copied here with other permissions
        key = path.read_bytes().strip()
    except OSError as error:
        message = f"{path} cannot be read or written: {error.strerror}; check who owns the folder"
        raise StorageDenied(message) from error
    if len(key) < 32:
        message = f"{path} is damaged: {len(key)} bytes, not 64; delete it, and all log in again"
        raise StorageDenied(message)
    return key


def _write_secret(path: Path) -> None:
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".secret-")  # made with mode 0600
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_hex(32).encode())
        # A link never replaces a file that another process has just made, and is never incomplete.
        try:
            os.link(name, path)
        except FileExistsError:
            return
        except OSError:  # memory cards have no links
            if not path.exists():
                Path(name).rename(path)
    finally:
        Path(name).unlink(missing_ok=True)


def seal(session: LoginSession, key: bytes, cookie: str) -> str:
    """Return the cookie's value for a session, signed.

    >>> session = begin("alice", "5f1d")
    >>> unseal(seal(session, b"k" * 32, "imgurer-8866"), b"k" * 32, "imgurer-8866") == session
    True
    """
    value = json.dumps([session.user, session.stamp, session.number])
    return create_signed_value(key, cookie, value).decode()


def unseal(value: str, key: bytes, cookie: str) -> LoginSession:
    """Return the session in a cookie's value.

    Raises
    ------
    NotAllowed
        If the signature is wrong, was made for another cookie, or is older than `DAYS`; or if the
        signed value is not a session, as that of another version may be.
    """
    parts = _open(value, key, cookie, DAYS)
    if len(parts) != 3 or not all(isinstance(part, str) for part in parts):
        raise NotAllowed(_NOT_LOGGED_IN)
    return LoginSession(*parts)


def seal_known(known: Sequence[tuple[str, str]], key: bytes, cookie: str) -> str:
    """Return the value of the cookie that remembers the users who logged in with a browser.

    Parameters
    ----------
    known
        Users' names, each with a random number; only the first `KNOWN_USERS` are included.

    Examples
    --------
    >>> value = seal_known([("alice", "5f1d")], b"k" * 32, "known")
    >>> unseal_known(value, b"k" * 32, "known")
    {'alice': '5f1d'}
    """
    return create_signed_value(key, cookie, json.dumps(list(known)[:KNOWN_USERS])).decode()


def unseal_known(value: str, key: bytes, cookie: str) -> dict[str, str]:
    """Return the user names in such a cookie; none if it is invalid or older than `KNOWN_DAYS`.

    It grants less than a session: only logins that do not wait behind wrong guesses of others.
    """
    try:
        pairs = _open(value, key, cookie, KNOWN_DAYS)
        return {str(name): str(number) for name, number in pairs[:KNOWN_USERS]}
    except (NotAllowed, TypeError, ValueError):
        return {}


def _open(value: str, key: bytes, cookie: str, days: int) -> list[Any]:
    """Return the signed list; raises `NotAllowed` for anything else."""
    opened = decode_signed_value(key, cookie, value, max_age_days=days)
    try:
        parts = json.loads(opened) if opened is not None else None
    except (ValueError, RecursionError) as error:
        raise NotAllowed(_NOT_LOGGED_IN) from error
    if not isinstance(parts, list):
        raise NotAllowed(_NOT_LOGGED_IN)
    return parts


def unseal_header(header: str, key: bytes, cookie: str) -> LoginSession:
    """Return the session in a Cookie header.

    Raises
    ------
    NotAllowed
        As `unseal`, also if the header has no such cookie.
    """
    return unseal(parse_cookie(header).get(cookie, ""), key, cookie)


def kernel_token(key: bytes, kernel_id: str) -> str:
    """Return the token that identifies a kernel to the server; making it requires the secret."""
    return hmac.new(key, f"kernel {kernel_id}".encode(), hashlib.sha256).hexdigest()
