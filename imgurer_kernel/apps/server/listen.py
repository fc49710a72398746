"""Choose the address that the server listens on, and refuse an unsafe one."""

from dataclasses import dataclass
from ipaddress import ip_address

from imgurer_kernel.apps.server.proxies import Network
from imgurer_kernel.errors import UnsafeListen


@dataclass(frozen=True, slots=True, kw_only=True)
class Listen:
    """The address that the server listens on, and who can reach it.

    Attributes
    ----------
    host, port
        Address or name, and the port that is open, never 0.
    login
        Whether a login is asked for.
    trusted
        Networks of the trusted proxies, whose forwarding headers name the client.
    insecure
        Whether passwords and pictures may cross the network unencrypted.
    """

    host: str
    port: int
    login: bool
    trusted: tuple[Network, ...] = ()
    insecure: bool = False

    @property
    def address(self) -> str:
        """The address to type into a browser on this machine."""
        host = {"0.0.0.0": "127.0.0.1", "::": "[::1]", "": "127.0.0.1"}.get(self.host, self.host)  # noqa: S104
        return f"http://{f'[{host}]' if ':' in host and '[' not in host else host}:{self.port}/"

    @property
    def local(self) -> bool:
        """Whether only this machine can connect to it."""
        return is_local(self.host)

    @property
    def reached(self) -> bool:
        """Whether other machines reach it, directly or through a proxy."""
        return not self.local or bool(self.trusted)

    @property
    def wants_tls(self) -> bool:
        """Whether requests of other machines must use TLS."""
        return self.reached and not self.insecure


def is_local(host: str) -> bool:
    """Return whether only this machine can reach a host.

    >>> is_local("127.0.0.1"), is_local("localhost"), is_local("::1"), is_local("0.0.0.0")
    (True, True, True, False)
    """
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def check_listen(
    host: str, *, login: bool, trusted: tuple[Network, ...] = (), insecure: bool = False
) -> None:
    """Refuse to listen for other machines without a login, or without TLS.

    Raises
    ------
    UnsafeListen
        If other machines could connect without a login, or passwords would cross the network
        unencrypted.
    """
    where = f"{host or 'every address'} can be reached from other machines"
    if not login and (trusted or not is_local(host)):
        if is_local(host):
            where = "a proxy forwards requests of other machines"
        message = (
            f"{where}, and there is no login: anyone there could see and change everything. Add a "
            "login (--login), or listen on 127.0.0.1 without a proxy"
        )
        raise UnsafeListen(message)
    if not is_local(host) and not trusted and not insecure:
        message = (
            f"{where}, and plain HTTP shows passwords and pictures to anyone on the way. Listen on "
            "127.0.0.1 behind a reverse proxy with TLS (--trusted-proxy 127.0.0.1; "
            "docs/howto/serve.md shows one), or, in a network where you trust everyone, pass "
            "--insecure-http"
        )
        raise UnsafeListen(message)
