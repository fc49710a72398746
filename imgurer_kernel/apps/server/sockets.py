"""Open the sockets that the server listens on, and explain failures."""

import errno
import os
import socket
from typing import Any

from imgurer_kernel.errors import PortTaken, ServerError

UNREAD_WITHIN = 60.0
"""Seconds that a client may leave an answer unread before its connection is closed (on Linux).

Otherwise a client that never reads would keep its connection, and the answer, forever.
"""


class ListeningSocket(socket.socket):
    """Refuses connections while this process can open no more files.

    Otherwise a waiting client would wake the loop up again and again, and each time be logged. One
    spare file is kept open, and closed to accept and close such a connection.
    """

    def __init__(self, *arguments: Any, **keywords: Any) -> None:  # noqa: ANN401 - socket's
        super().__init__(*arguments, **keywords)
        self._spare = os.open(os.devnull, os.O_RDONLY)

    def accept(self) -> tuple[socket.socket, Any]:
        """Accept a connection; raise ConnectionAbortedError for one that was refused."""
        try:
            return super().accept()
        except OSError as error:
            if error.errno not in {errno.EMFILE, errno.ENFILE}:
                raise
            os.close(self._spare)
            try:
                refused, _ = super().accept()
                refused.close()
            finally:
                self._spare = os.open(os.devnull, os.O_RDONLY)
            raise ConnectionAbortedError from error

    def close(self) -> None:
        """Stop listening."""
        if self.fileno() != -1:
            os.close(self._spare)
        super().close()


def open_sockets(host: str, port: int) -> list[socket.socket]:
    """Open sockets that listen on every address of a host, all on one port.

    Parameters
    ----------
    host
        Address or name; a name such as ``localhost`` may have an IPv4 and an IPv6 address.
    port
        0 takes a free port.

    Raises
    ------
    PortTaken
        If another program listens there, or this user may not.
    ServerError
        If the host is not an address of this machine.
    """
    try:
        addresses = socket.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
    except (socket.gaierror, UnicodeError) as error:
        message = f"{host!r} is not an address of this machine; use 127.0.0.1"
        raise ServerError(message) from error
    opened: list[socket.socket] = []
    try:
        for family, address in dict.fromkeys((each[0], each[4][0]) for each in addresses):
            listening = _listen(family, str(address), port)
            listening.setblocking(False)
            opened.append(listening)
            port = listening.getsockname()[1]
    except OSError as error:
        # IPv6 may be disabled; the IPv4 address is enough.
        if opened and error.errno in {errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT}:
            return opened
        for each in opened:
            each.close()
        raise _map_error(host, port, error) from error
    return opened


def _listen(family: int, address: str, port: int) -> socket.socket:
    options = {"dualstack_ipv6": False} if family == socket.AF_INET6 else {}
    listening = socket.create_server((address, port), family=family, **options)
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        # Accepted connections inherit it.
        milliseconds = round(UNREAD_WITHIN * 1000)
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, milliseconds)
    return ListeningSocket(fileno=listening.detach())


def _map_error(host: str, port: int, error: OSError) -> ServerError:
    if error.errno == errno.EADDRINUSE:
        return PortTaken(
            f"port {port} of {host} is in use: by another imgurer, or another program; stop that "
            f"one, or choose another port: --port {port + 1}"
        )
    if error.errno in {errno.EACCES, errno.EPERM}:
        return PortTaken(
            f"port {port} may not be used by this user; choose one above 1023: --port 8866"
        )
    return ServerError(f"{host}:{port} cannot be listened on: {error.strerror}; use 127.0.0.1")
