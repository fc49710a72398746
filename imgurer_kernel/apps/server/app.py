"""Start the server, print its address, and stop it with all its kernels."""

import asyncio
import gc
import logging
import os
import shutil
import socket
import threading
import webbrowser
from collections.abc import Sequence
from contextlib import ExitStack
from importlib.metadata import version
from pathlib import Path
from typing import Any

from jupyter_core.paths import jupyter_path
from tornado.ioloop import IOLoop, PeriodicCallback
from tornado.web import Application, HTTPError
from voila.app import Voila
from voila.paths import collect_static_paths, collect_template_paths
from voila.utils import get_voila_labextensions_path

from imgurer_kernel.apps.server import handlers
from imgurer_kernel.apps.server.account import AccountHandler
from imgurer_kernel.apps.server.audit import AuditHandler
from imgurer_kernel.apps.server.auth import PasswordIdentityProvider, TokenIdentityProvider
from imgurer_kernel.apps.server.config import (
    PACKAGE,
    TEMPLATE,
    assets_version,
    find_notebook,
    voila_config,
)
from imgurer_kernel.apps.server.kernels import allow_files, memory, pages_for_memory
from imgurer_kernel.apps.server.listen import Listen, check_listen
from imgurer_kernel.apps.server.login import LoginHandler, LogoutHandler, TokenHandler
from imgurer_kernel.apps.server.pages import Pages
from imgurer_kernel.apps.server.proxies import ProxiedServer, read_networks
from imgurer_kernel.apps.server.shutdown import (
    cancel_tasks,
    close_context,
    print_line,
    silenced,
    stop_on_signals,
)
from imgurer_kernel.apps.server.sockets import open_sockets
from imgurer_kernel.common.event_log import close_log, note, open_log
from imgurer_kernel.common.threads import start
from imgurer_kernel.errors import CatalogError, ServerError, StorageDenied
from imgurer_kernel.settings import Settings
from imgurer_kernel.store import place, session_cookies
from imgurer_kernel.store.session_ends import SessionEnds
from imgurer_kernel.store.sessions import Sessions
from imgurer_kernel.store.users import Users

_log = logging.getLogger(__name__)

_LEASE_WITHIN = 5.0
"""Seconds that a visitor waits for the catalog before the server answers that it is busy."""

_STOP_WITHIN = 1.5
"""Seconds that kernels get to stop before their connections are closed."""

_LOOK_EVERY = 0.5
"""Seconds after which the server notices that another process has ended sessions."""

_CLOSE_EVERY = 5.0
"""Seconds after which the page of an ended session is closed at the latest, even if silent."""

_REQUEST_WITHIN = 30.0
"""Seconds to receive a request, and to wait for the next one on a connection."""

TOKEN_VARIABLE = "IMGURER_TOKEN"  # noqa: S105 - its name
"""Variable with the token of a server without a login; by default a random one."""


def serve(  # noqa: PLR0913 - the options of a command
    settings: Settings,
    *,
    host: str = "127.0.0.1",
    port: int = 8866,
    login: bool = False,
    open_browser: bool = True,
    notebook: Path | None = None,
    preheat: int = 1,
    max_kernels: int | None = None,
    trusted_proxies: Sequence[str] = (),
    insecure_http: bool = False,
) -> None:
    """Serve the dashboard until Ctrl-C or a termination signal; call it from the main thread.

    Parameters
    ----------
    settings
        Settings of the store; they are passed to the kernels as ``IMGURER_`` variables.
    host, port
        The address to listen on; port 0 takes a free one.
    login
        Ask for a user name and a password. Without it anyone with the token of the printed address
        is the local user, and listening elsewhere is refused.
    open_browser
        Open the address in the browser.
    notebook
        Another notebook than the dashboard's.
    preheat
        Kernels started ahead for the next visitors; each takes the memory of one.
    max_kernels
        Most pages open at one time; None computes it from the memory.
    trusted_proxies
        Addresses and networks of reverse proxies whose forwarding headers are trusted.
    insecure_http
        Allow listening for other machines without TLS.

    Raises
    ------
    PortTaken, UnsafeListen, ServerError
        If the port is in use; if others could connect without a login, or without TLS; if the
        host is not an address of this machine, the notebook is missing, or there is no account.
    StorageDenied
        If the store's folder is not writable.
    """
    trusted = read_networks(trusted_proxies)
    check_listen(host, login=login, trusted=trusted, insecure=insecure_http)
    path = (notebook or find_notebook()).absolute()
    if not path.is_file():
        message = f"there is no notebook {path}"
        raise ServerError(message)
    with ExitStack() as stack:
        sockets = [stack.enter_context(each) for each in open_sockets(host, port)]
        listen = Listen(
            host=host,
            port=sockets[0].getsockname()[1],
            login=login,
            trusted=trusted,
            insecure=insecure_http,
        )
        _make_folder(settings)
        stack.callback(close_log)
        open_log(settings.root, process="server", turns=True)
        note("start", host=host, port=listen.port, login=login, version=version("imgurer"))
        stack.callback(note, "stop")
        key = session_cookies.secret_key(settings.root)
        cookie = session_cookies.cookie_name(listen.port)
        provider = (
            _password_provider(settings, key, listen.port, stack)
            if login
            else TokenIdentityProvider(
                key=key, cookie=cookie, shown=os.environ.get(TOKEN_VARIABLE, "")
            )
        )
        config = voila_config(
            settings,
            listen,
            notebook=path,
            cookie=cookie,
            key=key,
            preheat=preheat,
            most_pages=allow_files(max_kernels or pages_for_memory(memory())),
        )
        app = DashboardServer(config=config)
        app.listening = listen
        app.root = settings.root
        app.sockets = sockets
        app.provider = provider
        app.show = open_browser
        app.initialize([])
        app.start()


def _make_folder(settings: Settings) -> None:
    try:
        place.make_root(settings.root)
    except OSError as error:
        message = f"{settings.root} cannot be made: {error.strerror}; choose another --root"
        raise StorageDenied(message) from error


def _password_provider(
    settings: Settings, key: bytes, port: int, stack: ExitStack
) -> PasswordIdentityProvider:
    # Imported here: DuckDB, which a server without a login does not need.
    from imgurer_kernel.store.catalog import Catalog

    patience = min(settings.lease_timeout, _LEASE_WITHIN)
    catalog = stack.enter_context(Catalog(settings.root, lease_timeout=patience))
    users = Users(catalog)
    if not users.can_log_in():
        message = (
            "there is no account to log in with; make one first: "
            f"imgurer users add NAME --role admin --root {settings.root}"
        )
        raise ServerError(message)
    provider = PasswordIdentityProvider(
        users=users,
        sessions=Sessions(catalog),
        key=key,
        cookie=session_cookies.cookie_name(port),
        known_cookie=session_cookies.known_cookie_name(port),
    )
    stack.callback(provider.close)
    return provider


def http_server(app: Application, listen: Listen) -> ProxiedServer:
    """Return the HTTP server of an application, which limits the size and time of requests."""
    return ProxiedServer(
        app,
        trusted=listen.trusted,
        max_body_size=1 << 20,
        idle_connection_timeout=_REQUEST_WITHIN,
        body_timeout=_REQUEST_WITHIN,
    )


class DashboardServer(Voila):  # type: ignore[misc]  # Voila has no types
    """Voila with our own routes, identity provider, and shutdown."""

    listening: Listen
    root: Path
    sockets: list[socket.socket]
    provider: PasswordIdentityProvider | TokenIdentityProvider
    ends: SessionEnds
    show = False

    def setup_template_dirs(self) -> None:
        """Find the template in this package, and the one that it extends in Jupyter's folders."""
        where = {
            "template_name": self.voila_configuration.template,
            "root_dirs": [str(PACKAGE / "apps" / "server"), *jupyter_path()],
        }
        self.template_paths = collect_template_paths(["voila", "nbconvert"], prune=True, **where)
        self.template_paths.append(str(PACKAGE / "ui" / "theme"))  # the stylesheet's tokens
        self.static_paths = collect_static_paths(["voila", "nbconvert"], prune=True, **where)

    def init_settings(self) -> dict[str, Any]:
        """Return tornado's settings."""
        settings: dict[str, Any] = super().init_settings()
        self.identity_provider = self.provider
        settings |= {
            "identity_provider": self.provider,
            "imgurer_root": self.root,
            "imgurer_pages": Pages(
                style=(PACKAGE / "ui" / "theme" / "tokens.css").read_text(encoding="utf-8"),
                icon=(TEMPLATE / "icon.svg.txt").read_text(encoding="utf-8").strip(),
            ),
        }
        return settings

    def init_handlers(self) -> list[tuple[Any, ...]]:
        """Return all routes; Voila's own list would also serve files."""
        kernel = r"(?P<kernel_id>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})"
        kept = assets_version()
        labextensions = get_voila_labextensions_path()
        themes = {
            "themes_url": "/voila/api/themes",
            "path": self.themes_dir,
            "labextensions_path": labextensions,
            "no_cache_paths": ["/"],
        }
        widgets = {"path": labextensions}
        page = {
            "notebook_path": Path(self.notebook_path).name,
            "template_paths": self.template_paths,
            "config": self.config,
            "voila_configuration": self.voila_configuration,
        }
        routes: list[tuple[Any, ...]] = [
            (r"/()", handlers.PageHandler, page),
            (rf"/api/kernels/{kernel}", handlers.OwnKernelHandler),
            (rf"/api/kernels/{kernel}/channels", handlers.KernelSocketHandler),
            (rf"/voila/api/shutdown/{kernel}", handlers.ShutdownHandler),
            (rf"/voila/query/{kernel}", handlers.VisitorInfoHandler),
            (rf"/voila/static/{kept}/(.*)", handlers.AssetHandler, {"path": self.static_paths}),
            (rf"/voila/labextensions/{kept}/(.*)", handlers.ExtensionHandler, widgets),
            (r"/voila/api/themes/(.*)", handlers.ThemeHandler, themes),
        ]
        if self.listening.login:
            routes += [
                (r"/login", LoginHandler),
                (r"/logout", LogoutHandler),
                (r"/account", AccountHandler),
                (r"/audit", AuditHandler),
            ]
        else:
            routes.append((r"/login", TokenHandler))
        return [*routes, (r"/(.*)", handlers.NotFoundHandler)]

    def listen(self) -> None:
        """Serve until stopped."""
        self.ioloop = IOLoop.current()
        server = http_server(self.app, self.listening)
        server.add_sockets(self.sockets)
        stop_on_signals(self.ioloop)
        self.ioloop.add_callback(self._announce)
        self.ends = SessionEnds(self.root)
        tasks = {self._close_ended_pages: _CLOSE_EVERY, self._check_ended_sessions: _LOOK_EVERY}
        regular = [PeriodicCallback(task, every * 1000) for task, every in tasks.items()]
        for each in regular:
            each.start()
        try:
            self.ioloop.start()
        finally:
            for each in regular:
                each.stop()
            with silenced("tornado", "asyncio", __package__):
                self.ioloop.run_sync(lambda: self._end(server))
                close_context(self.kernel_manager.context)  # an idle loop does not notice it
                getattr(self.kernel_manager, "_pools", {}).clear()
                gc.collect()  # let cancelled tasks complain now, while silenced
            self.ioloop.close(all_fds=False)
            print_line("imgurer has stopped")

    def _announce(self) -> None:
        address = self.listening.address
        if isinstance(self.provider, TokenIdentityProvider):
            address += f"?token={self.provider.shown}"
        print_line(f"imgurer is at {address}")
        if self.show:
            # `webbrowser.open` waits for some browsers until they are closed.
            start(threading.Thread(target=webbrowser.open, args=(address,), daemon=True))

    async def _check_ended_sessions(self) -> None:
        """Close pages immediately whose session another process has ended."""
        if self.ends.are_new():
            self.provider.look_again()
            await self._close_ended_pages()

    async def _close_ended_pages(self) -> None:
        """Close the pages of ended sessions, including those that send nothing."""
        owners = {each for each in self.kernel_manager.owners.values() if each is not None}
        try:
            good = await self.provider.filter_valid(owners)
        except (CatalogError, HTTPError) as error:
            _log.warning("sessions could not be looked up; the next time: %s", error)
            return
        for session in owners - good:
            await self.kernel_manager.end_session(session)

    async def _end(self, server: ProxiedServer) -> None:
        server.stop()
        manager = self.kernel_manager
        kills = [asyncio.ensure_future(manager.kill(each)) for each in manager.list_kernel_ids()]
        if kills:
            await asyncio.wait(kills, timeout=_STOP_WITHIN)
        await cancel_tasks()  # a kernel that is still starting exits by itself
        if manager.fork_server:
            manager.fork_server.close()
        await server.close_all_connections()
        shutil.rmtree(self.connection_dir, ignore_errors=True)
