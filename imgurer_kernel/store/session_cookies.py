"""Login sessions as signed cookies: the server signs them; the server and its kernels check them.

It lies in this room because its key is a file of the store (``root/secret``), and because the
server above and the widgets, which do not know each other, both need it.
"""

import hashlib
import hmac
import json
import os
import secrets
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tornado.httputil import parse_cookie
from tornado.web import create_signed_value, decode_signed_value

from imgurer_kernel.errors import NotAllowed, StorageDenied

DAYS = 7
"""How long a session lasts at most."""


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
        Random, to tell one login of a user from another.
    """

    user: str
    stamp: str
    number: str


def begin(user: str, stamp: str) -> LoginSession:
    """Return a new session."""
    return LoginSession(user, stamp, secrets.token_hex(16))


def cookie_name(port: int) -> str:
    """Return the name of the cookie of the server on a port: cookies of one host share ports.

    >>> cookie_name(8866)
    'imgurer-8866'
    """
    return f"imgurer-{port}"


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
        path.chmod(0o600)  # also one that was copied here with other rights
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
        # A link never replaces what another process has just made, and is never half-written.
        with suppress(FileExistsError):
            os.link(name, path)
    finally:
        Path(name).unlink()


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
        If the signature is wrong, was made for another cookie, or is older than `DAYS`.
    """
    opened = decode_signed_value(key, cookie, value, max_age_days=DAYS)
    if opened is None:
        message = "you are not logged in, or no longer; log in again"
        raise NotAllowed(message)
    return LoginSession(*json.loads(opened))


def unseal_header(header: str, key: bytes, cookie: str) -> LoginSession:
    """Return the session in a Cookie header.

    Raises
    ------
    NotAllowed
        As `unseal`, also if the header has no such cookie.
    """
    return unseal(parse_cookie(header).get(cookie, ""), key, cookie)


def kernel_token(key: bytes, kernel_id: str) -> str:
    """Return what a kernel shows to be told of its visitor; only who has the secret can make it."""
    return hmac.new(key, f"kernel {kernel_id}".encode(), hashlib.sha256).hexdigest()
