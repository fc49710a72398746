"""Who the visitor of this kernel is.

The server passes a visitor's request headers on to the kernel that it gives them. A preheated
kernel was started before anyone came: it asks the server, and waits, until someone does.
"""

import json
import os
from pathlib import Path
from urllib.parse import parse_qs

from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

from imgurer_kernel.errors import ServerError
from imgurer_kernel.store import session_cookies

LOGIN = "IMGURER_LOGIN"
"""Variable with the name of the session's cookie; not set where there is no login."""

ARRIVALS = "IMGURER_ARRIVALS"
"""Variable with the address at which a preheated kernel waits for its visitor."""

_PREHEATED = "VOILA_PREHEAT"


def visitor() -> str | None:
    """Return the name of who is logged in; None where there is no login, for the local user.

    Waits in a preheated kernel until the visitor is there, so call it after all slow imports and
    before anything is read that should be fresh. No catalog lease may be held meanwhile. The
    name comes from the signed cookie, never from the address.

    Raises
    ------
    NotAllowed
        If there is a login and no valid session in the visitor's cookie.
    ServerError
        If the server went away while this kernel waited.
    """
    _await_arrival()
    cookie = os.environ.get(LOGIN, "")
    if not cookie:
        return None
    header = os.environ.get("HTTP_COOKIE", "")
    return session_cookies.unseal_header(header, _key(), cookie).user


def query() -> dict[str, str]:
    """Return the query of the visitor's address, the last value of each name.

    For the state of the view only: anyone can write anything there. Waits as `visitor` does.
    """
    _await_arrival()
    fields = parse_qs(os.environ.get("QUERY_STRING", ""), max_num_fields=100)
    return {name: values[-1] for name, values in fields.items()}


def logout_address() -> str | None:
    """Return where a log-out link leads; None where there is no login."""
    return "/logout" if os.environ.get(LOGIN) else None


def _key() -> bytes:
    return session_cookies.secret_key(Path(os.environ["IMGURER_ROOT"]))


def _await_arrival() -> None:
    if os.environ.get(_PREHEATED) != "True" or ARRIVALS not in os.environ:
        return
    kernel_id = os.environ["VOILA_KERNEL_ID"]
    headers = {"X-Imgurer-Kernel": session_cookies.kernel_token(_key(), kernel_id)}
    address = f"{os.environ[ARRIVALS]}/{kernel_id}"
    try:
        with connect(address, additional_headers=headers, proxy=None) as socket:
            request = json.loads(socket.recv())
    except (OSError, WebSocketException) as error:
        message = f"the server at {address} went away before a visitor came"
        raise ServerError(message) from error
    os.environ.update(request)
    os.environ[_PREHEATED] = "False"  # the visitor is here: nobody waits a second time
