"""The dashboard's URLs: the page, its assets, its kernel."""

import hmac
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlencode

from jupyter_server.base.handlers import FileFindHandler
from jupyter_server.services.kernels.handlers import KernelHandler
from jupyterlab_server.themes_handler import ThemesHandler
from tornado.ioloop import IOLoop
from tornado.web import HTTPError, StaticFileHandler
from tornado.websocket import WebSocketProtocol, WebSocketProtocol13
from voila.request_info_handler import RequestInfoSocketHandler
from voila.shutdown_kernel_handler import VoilaShutdownKernelHandler
from voila.tornado.handler import TornadoVoilaHandler
from voila.tornado.kernel_websocket_handler import VoilaKernelWebsocketHandler

from imgurer_kernel.apps.server.auth import TokenIdentityProvider
from imgurer_kernel.apps.server.config import HEARTBEAT
from imgurer_kernel.apps.server.fetch_metadata import is_top_level
from imgurer_kernel.apps.server.frames import PROTOCOL, BadFrame, check_frame
from imgurer_kernel.apps.server.pages import BaseHandler
from imgurer_kernel.common.event_log import note
from imgurer_kernel.store.session_cookies import kernel_token

if TYPE_CHECKING:
    from collections.abc import Awaitable


_RETRY = 4
"""Seconds after which a page that was refused for lack of room retries.

Reloading a page needs room for one more: browsers leave the old page, and so release its kernel,
only when the new one answers. The kernel exits some 3 s later.
"""


class PageHandler(BaseHandler, TornadoVoilaHandler):  # type: ignore[misc]  # Voila has no types
    """The dashboard."""

    _left = False

    async def get(self, path: str | None = None) -> None:
        """Run the notebook for a visitor and send its output."""
        if path:
            raise HTTPError(404)
        if not is_top_level(self.request.headers):
            # An image, a frame or a prefetch: the page would not be visible.
            raise HTTPError(403)
        if self._shows_token():
            return
        user, address = self.current_user.username, self.request.remote_ip
        if not self.kernels.begin_page():
            note("page-refused", user=user, address=address, pages=self.kernels.most_pages)
            self._show_full()
            return
        note("page", user=user, address=address)
        self.xsrf_token  # noqa: B018 - reading it sets the cookie that the page's script needs
        try:
            await self.kernels.replace_dead()
            await cast("Awaitable[None]", super().get())
        except RuntimeError as error:  # of jupyter_client: the kernel died or is never ready
            raise HTTPError(500, "no kernel for a page: %s", error) from error
        finally:
            self.kernels.note_opened()

    def _shows_token(self) -> bool:
        """Redirect a request with the token to the URL without it, which is safe to share."""
        if isinstance(self.provider, TokenIdentityProvider):
            self.provider.set_cookie(self)
        if "token" not in self.request.query_arguments:
            return False
        query = [
            (name, value.decode("utf-8", "replace"))
            for name, values in self.request.query_arguments.items()
            for value in values
            if name != "token"
        ]
        self.redirect(f"/?{urlencode(query)}" if query else "/")
        return True

    def _show_full(self) -> None:
        """Answer that too many pages are open; the page that is sent retries by itself."""
        self.set_status(503)
        self.set_header("Retry-After", str(_RETRY))
        self.render_page("full.html", seconds=_RETRY, target=self.request.uri)

    async def get_generator(self, path: str | None = None) -> AsyncIterator[str]:
        """Yield the page in pieces; Voila itself would wait for a dead kernel forever.

        The kernel is checked at Voila's heartbeats: an error text is visible there, and may not be
        in other pieces.
        """
        async for piece in super().get_generator(path):
            self.kernels.note_opened()
            yield piece
            waits = HEARTBEAT in piece and not self._left
            if waits and await self.kernels.has_lost_own():
                raise HTTPError(500, "no kernel for a page: it is gone")

    def on_connection_close(self) -> None:
        """Note that the visitor has left, which explains a stopped kernel."""
        self._left = True
        super().on_connection_close()

    def send_error(self, status_code: int = 500, **kwargs: Any) -> None:  # noqa: ANN401 - tornado's
        """Report an error, within the page if sending it has begun."""
        if self._headers_written and not self._finished:
            self.finish(self.pages.render("unopened.html"))
        else:
            super().send_error(status_code, **kwargs)


class NotFoundHandler(BaseHandler):
    """All other URLs."""

    def get(self, *_: str) -> None:
        """Answer 404."""
        raise HTTPError(404)

    post = put = patch = delete = head = get


class _Refusing(BaseHandler):
    """Refuses requests without a login, instead of redirecting them: an asset is not a page."""

    async def prepare(self) -> None:  # type: ignore[override]  # the base class's switch
        await super().prepare(_redirect_to_login=False)


class AssetHandler(_Refusing, FileFindHandler):
    """Scripts and styles of Voila and the widgets."""

    # The base class caches files by path alone, for all its subclasses together.
    _static_paths: dict[str, str] = {}  # noqa: RUF012 - the base class's

    def set_headers(self) -> None:
        """Let the browser cache the file: its URL contains the version of all assets."""
        super().set_headers()
        self.set_header("Cache-Control", "private, max-age=31536000, immutable")

    async def get(self, path: str, include_body: bool = True) -> None:
        """Send a file to a logged-in user."""
        await StaticFileHandler.get(self, path, include_body)

    async def head(self, path: str) -> None:
        """Send the headers of a file to a logged-in user."""
        await StaticFileHandler.get(self, path, include_body=False)


class ExtensionHandler(AssetHandler):
    """Scripts and styles of widgets in other folders."""

    _static_paths: dict[str, str] = {}  # noqa: RUF012 - the base class's


class ThemeHandler(_Refusing, ThemesHandler):
    """JupyterLab's theme, which its widgets' styles refer to."""

    _static_paths: dict[str, str] = {}  # noqa: RUF012 - the base class's

    async def get(self, path: str, include_body: bool = True) -> None:
        """Send a file to a logged-in user."""
        await StaticFileHandler.get(self, path, include_body)

    async def head(self, path: str) -> None:
        """Send the headers of a file to a logged-in user."""
        await StaticFileHandler.get(self, path, include_body=False)


class KernelSocketHandler(BaseHandler, VoilaKernelWebsocketHandler):  # type: ignore[misc]  # Voila has no types
    """The connection between a page and its kernel."""

    async def pre_get(self) -> None:
        """Refuse other protocols, and kernels of other pages.

        Voila parses every binary message as one of the protocol v1. A message of the older
        protocol, which is used if the client does not request v1, would put it into an endless
        loop, and block all visitors.
        """
        offered = self.request.headers.get("Sec-WebSocket-Protocol", "").split(",")
        if PROTOCOL not in [each.strip() for each in offered]:
            raise HTTPError(400)
        self._session = self.check_owner(self.kernel_id)
        await super().pre_get()

    def get_websocket_protocol(self) -> WebSocketProtocol | None:
        """Leave the pings, every 30 seconds, to Jupyter.

        Tornado would send them as well, and read Jupyter's milliseconds as seconds.
        """
        protocol: WebSocketProtocol | None = super().get_websocket_protocol()
        if isinstance(protocol, WebSocketProtocol13):
            protocol.params.ping_interval = 0
        return protocol

    async def open(self, kernel_id: str) -> None:
        """Connect to the kernel."""
        self.kernels.connect(kernel_id, self)
        await super().open(kernel_id)

    def on_close(self) -> None:
        """Disconnect from the kernel."""
        self.kernels.disconnect(self.kernel_id, self)
        super().on_close()

    def on_message(self, message: str | bytes) -> None:
        """Pass a message on if the session is valid and the message is well formed."""
        if not self.provider.was_valid(self._session):
            self.close(4401, "logged out")
            IOLoop.current().add_callback(self.kernels.end_session, self._session)
            return
        try:
            check_frame(message)
        except BadFrame as bad:
            self.close(bad.code, str(bad))
            return
        super().on_message(message)


class OwnKernelHandler(BaseHandler, KernelHandler):
    """Answers requests of a page about its kernel."""

    async def get(self, kernel_id: str) -> None:
        """Describe the page's own kernel."""
        self.check_owner(kernel_id)
        await cast("Awaitable[None]", super().get(kernel_id))

    def delete(self, kernel_id: str) -> None:  # noqa: ARG002 - always refused
        """Refuse: a page stops its kernel when it is closed."""
        raise HTTPError(405)


class ShutdownHandler(BaseHandler, VoilaShutdownKernelHandler):  # type: ignore[misc]  # Voila has no types
    """Stops the kernel of a page that is closed."""

    async def post(self, kernel_id: str) -> None:
        """Stop the page's own kernel."""
        self.check_owner(kernel_id)
        await cast("Awaitable[None]", super().post(kernel_id))


class VisitorInfoHandler(RequestInfoSocketHandler):  # type: ignore[misc]  # Voila has no types
    """Sends a preheated kernel, and no other client, its visitor with the cookie."""

    def prepare(self) -> None:
        """Refuse requests without the store's secret."""
        expected = kernel_token(self.settings["cookie_secret"], self.path_kwargs["kernel_id"])
        shown = self.request.headers.get("X-Imgurer-Kernel", "")
        if not hmac.compare_digest(expected.encode(), shown.encode()):
            raise HTTPError(403)

    def open(self, kernel_id: str) -> None:
        """Answer immediately if the visitor is known already."""
        super().open(kernel_id)
        self._cache.pop(kernel_id, None)  # sent once; the cookie need not stay in memory
