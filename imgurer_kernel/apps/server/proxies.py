"""Find the client of a request behind a proxy, by the headers of trusted proxies only."""

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Any, TypeAlias

from tornado.httpserver import HTTPServer
from tornado.httputil import (
    HTTPConnection,
    HTTPHeaders,
    HTTPMessageDelegate,
    RequestStartLine,
    ResponseStartLine,
)

from imgurer_kernel.errors import ServerError

Network: TypeAlias = IPv4Network | IPv6Network


def read_networks(texts: Sequence[str]) -> tuple[Network, ...]:
    """Parse networks, given as addresses or in CIDR notation.

    Raises
    ------
    ServerError
        If one is neither.

    Examples
    --------
    >>> read_networks(["127.0.0.1", "10.0.0.0/8"])
    (IPv4Network('127.0.0.1/32'), IPv4Network('10.0.0.0/8'))
    """
    try:
        return tuple(ip_network(text.strip()) for text in texts)
    except ValueError as error:
        message = (
            f"a trusted proxy is an address or a network, such as 127.0.0.1 or 10.0.0.0/8: {error}"
        )
        raise ServerError(message) from error


def is_in(address: str, networks: Sequence[Network]) -> bool:
    """Return whether an address is in one of some networks; False for an invalid address.

    >>> is_in("::ffff:10.1.2.3", read_networks(["10.0.0.0/8"])), is_in("unix", [])
    (True, False)
    """
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(parsed, "ipv4_mapped", None) or parsed
    return any(mapped in network for network in networks)


def sent_by(
    peer: str, protocol: str, headers: HTTPHeaders, trusted: Sequence[Network]
) -> tuple[str, str]:
    """Return the client's address of a request and the protocol that it used.

    Parameters
    ----------
    peer, protocol
        Address and protocol of the connection itself.
    headers
        Headers of the request. They count only if the peer is trusted. Of the addresses that the
        request has passed, the last untrusted one is the client: those before it may be forged.
    trusted
        Networks of the proxies.

    Examples
    --------
    >>> headers = HTTPHeaders({"X-Forwarded-For": "1.1.1.1, 192.0.2.7"})
    >>> headers["X-Forwarded-Proto"] = "https"
    >>> sent_by("127.0.0.1", "http", headers, read_networks(["127.0.0.1"]))
    ('192.0.2.7', 'https')
    >>> sent_by("192.0.2.9", "http", headers, read_networks(["127.0.0.1"]))
    ('192.0.2.9', 'http')
    """
    if not is_in(peer, trusted):
        return peer, protocol
    sender = peer
    for text in reversed(headers.get("X-Forwarded-For", "").split(",")):
        candidate = text.strip()
        try:
            ip_address(candidate)
        except ValueError:
            break
        sender = candidate
        if not is_in(candidate, trusted):
            break
    forwarded = headers.get("X-Forwarded-Proto", "").rpartition(",")[2].strip().lower()
    return sender, forwarded if forwarded in {"http", "https"} else protocol


class ProxiedServer(HTTPServer):
    """An HTTP server that reads forwarding headers of trusted proxies only.

    Tornado's own ``xheaders`` would trust every client.
    """

    def initialize(self, *args: Any, trusted: Sequence[Network] = (), **kwargs: Any) -> None:  # noqa: ANN401 - tornado's
        """Set the trusted networks, besides the options of the base class."""
        self._trusted = trusted
        super().initialize(*args, **kwargs)

    def start_request(
        self, server_conn: object, request_conn: HTTPConnection
    ) -> HTTPMessageDelegate:
        """Begin a request, whose client is read from its headers."""
        delegate = super().start_request(server_conn, request_conn)
        return _Forwarded(delegate, request_conn, self._trusted) if self._trusted else delegate


class _Forwarded(HTTPMessageDelegate):
    """Passes a request on once its client is known."""

    def __init__(
        self, delegate: HTTPMessageDelegate, connection: HTTPConnection, trusted: Sequence[Network]
    ) -> None:
        self._delegate = delegate
        self._context: Any = getattr(connection, "context")  # noqa: B009 - no declared attribute
        self._trusted = trusted
        # A connection of a proxy carries requests of many clients.
        self._peer, self._protocol = self._context.remote_ip, self._context.protocol

    def headers_received(
        self, start_line: RequestStartLine | ResponseStartLine, headers: HTTPHeaders
    ) -> Any:  # noqa: ANN401 - tornado's
        self._context.remote_ip, self._context.protocol = sent_by(
            self._peer, self._protocol, headers, self._trusted
        )
        return self._delegate.headers_received(start_line, headers)

    def data_received(self, chunk: bytes) -> Any:  # noqa: ANN401 - tornado's
        return self._delegate.data_received(chunk)

    def finish(self) -> None:
        self._delegate.finish()
        self._restore()

    def on_connection_close(self) -> None:
        self._delegate.on_connection_close()
        self._restore()

    def _restore(self) -> None:
        self._context.remote_ip, self._context.protocol = self._peer, self._protocol
