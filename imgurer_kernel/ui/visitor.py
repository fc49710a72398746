"""Identify the visitor of this kernel.

The server passes the headers of a visitor's request to the visitor's kernel, in environment
variables. A preheated kernel is started before its visitor is known: it asks the server, and waits
for the answer.
"""

import json
import logging
import os
from pathlib import Path

from traitlets.log import get_logger
from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

from imgurer_kernel.common.event_log import open_log
from imgurer_kernel.errors import ServerError
from imgurer_kernel.store import session_cookies
from imgurer_kernel.ui.shown_error import COOKIE_VARIABLE as COOKIE_VARIABLE  # noqa: PLC0414

VISITOR_INFO_VARIABLE = "IMGURER_VISITOR_INFO"
"""Variable with the URL at which a preheated kernel waits for its visitor's headers."""

_PREHEATED = "VOILA_PREHEAT"


def visitor() -> str | None:
    """Return the name of the logged-in user; None without a login.

    A preheated kernel waits here until its visitor comes, so call it after all slow imports and
    before reading anything that should be current. Hold no catalog lease meanwhile. The name comes
    from the signed cookie, never from the URL.

    Raises
    ------
    NotAllowed
        If a login is required and the visitor's cookie has no valid session.
    ServerError
        If the server has exited while this kernel waited.
    """
    _wait_for_visitor()
    cookie = os.environ.get(COOKIE_VARIABLE, "")
    user = None
    if cookie:
        header = os.environ.get("HTTP_COOKIE", "")
        user = session_cookies.unseal_header(header, _key(), cookie).user
    if VISITOR_INFO_VARIABLE in os.environ:
        # What a page sends may be anything: the kernel's errors go to the log, and neither to the
        # page nor to the server's terminal.
        libraries = [logging.getLogger(name) for name in (get_logger().name, "tornado")]
        open_log(_root(), process="page", by=user or "", libraries=libraries)
    return user


def logout_address() -> str | None:
    """Return the URL of the log-out link; None without a login."""
    return "/logout" if os.environ.get(COOKIE_VARIABLE) else None


def _key() -> bytes:
    return session_cookies.secret_key(_root())


def _root() -> Path:
    return Path(os.environ["IMGURER_ROOT"])


def _wait_for_visitor() -> None:
    if os.environ.get(_PREHEATED) != "True" or VISITOR_INFO_VARIABLE not in os.environ:
        return
    kernel_id = os.environ["VOILA_KERNEL_ID"]
    headers = {"X-Imgurer-Kernel": session_cookies.kernel_token(_key(), kernel_id)}
    address = f"{os.environ[VISITOR_INFO_VARIABLE]}/{kernel_id}"
    try:
        # Without a proxy, which the environment may name: the server is on this machine.
        with connect(address, additional_headers=headers, proxy=None) as socket:
            request = json.loads(socket.recv())
    except (OSError, WebSocketException) as error:
        message = f"the server at {address} went away before a visitor came"
        raise ServerError(message) from error
    os.environ.update(request)
    os.environ[_PREHEATED] = "False"  # the server answers only once
