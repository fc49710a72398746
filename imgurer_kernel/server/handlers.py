"""All that has an address: the page, its assets, its kernel, and the login."""

import hmac
from importlib.resources import files
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

from jinja2 import Environment, PackageLoader, StrictUndefined
from jupyter_server.auth.decorator import allow_unauthenticated
from jupyter_server.base.handlers import FileFindHandler, JupyterHandler
from jupyter_server.services.kernels.handlers import KernelHandler
from jupyterlab_server.themes_handler import ThemesHandler
from tornado.ioloop import IOLoop
from tornado.web import HTTPError, StaticFileHandler
from voila.request_info_handler import RequestInfoSocketHandler
from voila.shutdown_kernel_handler import VoilaShutdownKernelHandler
from voila.tornado.handler import TornadoVoilaHandler
from voila.tornado.kernel_websocket_handler import VoilaKernelWebsocketHandler

from imgurer_kernel.errors import LoginFailed
from imgurer_kernel.server.door import Members, OpenDoor, TooManyTries
from imgurer_kernel.server.kernels import Kernels
from imgurer_kernel.sessions import Session, kernel_token

if TYPE_CHECKING:
    from collections.abc import Awaitable

_WORDS = {
    401: ("Please log in", "This page is for people with an account here."),
    403: ("This is not for you", "You have no access to this address."),
    404: ("There is nothing here", "This address leads nowhere."),
    405: ("That does not work", "This address cannot be used in that way."),
    503: ("Busy", "The catalog is in use for longer than usual. Try again in a moment."),
}
_OTHERWISE = ("Something went wrong", "The server's log says more. Reloading the page may help.")


def pages() -> Environment:
    """Return the templates of the pages that are no notebook."""
    return Environment(
        loader=PackageLoader("imgurer_kernel.server", "pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def tokens() -> str:
    """Return the stylesheet with the product's colours, sizes and spaces."""
    return files("imgurer_kernel.ui").joinpath("static", "tokens.css").read_text(encoding="utf-8")


def safe_next(address: str) -> str:
    r"""Return where to go after the login: the page itself with a query, and nowhere else.

    >>> safe_next("/?tab=search")
    '/?tab=search'
    >>> safe_next("//evil.example/?tab=search"), safe_next("/\\evil.example"), safe_next("/api")
    ('/', '/', '/')
    """
    try:
        parts = urlsplit(address)
    except ValueError:
        return "/"
    if parts.scheme or parts.netloc or parts.path != "/" or not address.isprintable():
        return "/"
    return f"/?{parts.query}" if parts.query else "/"


class Worded(JupyterHandler):
    """Says in words what went wrong, and never shows a traceback."""

    @property
    def door(self) -> Members | OpenDoor:
        """Who may come in."""
        return cast("Members | OpenDoor", self.identity_provider)

    @property
    def kernels(self) -> Kernels:
        """The kernels, with their owners."""
        return cast("Kernels", self.kernel_manager)

    def check_owner(self, kernel_id: str) -> Session | None:
        """Return the session of a request that is about a kernel of its own; refuse any other."""
        session = self.door.session(self)
        if kernel_id not in self.kernels:
            raise HTTPError(404)
        if not self.kernels.claim(kernel_id, session):
            raise HTTPError(403)
        return session

    def render_page(self, template: str, **values: object) -> None:
        """Write one of our pages."""
        self.set_header("Content-Type", "text/html; charset=utf-8")
        self.set_header("Cache-Control", "no-store")
        page = self.settings["imgurer_pages"].get_template(template)
        self.finish(page.render(tokens=self.settings["imgurer_tokens"], **values))

    def write_error(self, status_code: int, **kwargs: Any) -> None:  # noqa: ANN401, ARG002 - tornado's
        """Write the page for an error."""
        title, sentence = _WORDS.get(status_code, _OTHERWISE)
        self.render_page("error.html", title=title, sentence=sentence)


class Page(Worded, TornadoVoilaHandler):  # type: ignore[misc]  # Voila has no types
    """The dashboard."""

    async def get(self, path: str | None = None) -> None:
        """Run the notebook for a visitor and send what it shows."""
        if path:
            raise HTTPError(404)
        await cast("Awaitable[None]", super().get())


class Missing(Worded):
    """Every other address."""

    def get(self, *_: str) -> None:
        """Say that there is nothing."""
        raise HTTPError(404)

    post = put = patch = delete = head = get


class _Refusing(Worded):
    """Refuses who is not logged in, instead of leading to the login: nobody looks at an asset."""

    async def prepare(self) -> None:  # type: ignore[override]  # the base class's switch
        await super().prepare(_redirect_to_login=False)


class Assets(_Refusing, FileFindHandler):
    """Scripts and styles of Voila and the widgets."""

    # The base class remembers what it found by path alone, for all its subclasses together.
    _static_paths: dict[str, str] = {}  # noqa: RUF012 - the base class's

    async def get(self, path: str, include_body: bool = True) -> None:
        """Send a file to who is logged in."""
        await StaticFileHandler.get(self, path, include_body)

    async def head(self, path: str) -> None:
        """Send a file's headers to who is logged in."""
        await StaticFileHandler.get(self, path, include_body=False)


class Themes(_Refusing, ThemesHandler):
    """JupyterLab's theme, which its widgets' styles refer to."""

    _static_paths: dict[str, str] = {}  # noqa: RUF012 - the base class's

    async def get(self, path: str, include_body: bool = True) -> None:
        """Send a file to who is logged in."""
        await StaticFileHandler.get(self, path, include_body)

    async def head(self, path: str) -> None:
        """Send a file's headers to who is logged in."""
        await StaticFileHandler.get(self, path, include_body=False)


class Channels(Worded, VoilaKernelWebsocketHandler):  # type: ignore[misc]  # Voila has no types
    """The connection between a page and its kernel."""

    async def pre_get(self) -> None:
        """Refuse a kernel that is not there, or somebody else's."""
        self._session = self.check_owner(self.kernel_id)
        await super().pre_get()

    def on_message(self, message: str | bytes) -> None:
        """Pass a message on, as long as the session is good."""
        if not self.door.seems_good(self._session):
            self.close(4401, "logged out")
            IOLoop.current().add_callback(self.kernels.end_session, self._session)
        else:
            super().on_message(message)


class Kernel(Worded, KernelHandler):
    """What a page asks about its kernel."""

    async def get(self, kernel_id: str) -> None:
        """Describe a kernel that is one's own."""
        self.check_owner(kernel_id)
        await cast("Awaitable[None]", super().get(kernel_id))

    def delete(self, kernel_id: str) -> None:  # noqa: ARG002 - never
        """Refuse: a page stops its kernel when it is closed."""
        raise HTTPError(405)


class Shutdown(Worded, VoilaShutdownKernelHandler):  # type: ignore[misc]  # Voila has no types
    """Stops the kernel of a page that is closed."""

    async def post(self, kernel_id: str) -> None:
        """Stop a kernel that is one's own."""
        self.check_owner(kernel_id)
        await cast("Awaitable[None]", super().post(kernel_id))


class Arrivals(RequestInfoSocketHandler):  # type: ignore[misc]  # Voila has no types
    """Tells a preheated kernel of its visitor, cookie included, and nobody else."""

    def prepare(self) -> None:
        """Refuse who does not know the store's secret."""
        expected = kernel_token(self.settings["cookie_secret"], self.path_kwargs["kernel_id"])
        shown = self.request.headers.get("X-Imgurer-Kernel", "")
        if not hmac.compare_digest(expected.encode(), shown.encode()):
            raise HTTPError(403)

    def open(self, kernel_id: str) -> None:
        """Tell at once if the visitor is there already."""
        super().open(kernel_id)
        self._cache.pop(kernel_id, None)  # told once; the cookie need not stay in memory


class Login(Worded):
    """The page with user name and password."""

    @property
    def members(self) -> Members:
        """The door, which has a lock where there is a login."""
        return cast("Members", self.identity_provider)

    @allow_unauthenticated
    async def get(self) -> None:
        """Show it, unless one is logged in."""
        target = safe_next(self.get_query_argument("next", "/"))
        if self.current_user:
            self.redirect(target)
            return
        note = "You are logged out." if self.get_query_argument("left", "") else ""
        self._show(target, note=note)

    @allow_unauthenticated
    async def post(self) -> None:
        """Begin a session and go to the page."""
        target = safe_next(self.get_body_argument("next", "/"))
        name = self.get_body_argument("name", "")
        try:
            await self.members.log_in(
                self, name, self.get_body_argument("password", "", strip=False)
            )
        except LoginFailed as error:
            self.set_status(401)
            if isinstance(error, TooManyTries):
                self.set_status(429)
                self.set_header("Retry-After", str(error.seconds))
            self._show(target, name=name, problem=str(error))
            return
        self.redirect(target, status=303)

    def _show(self, target: str, *, name: str = "", problem: str = "", note: str = "") -> None:
        self.render_page(
            "login.html",
            target=target,
            name=name,
            problem=problem,
            note=note,
            xsrf=self.xsrf_token.decode(),
        )


class Logout(Login):
    """Ends a session and its kernels."""

    @allow_unauthenticated
    async def get(self) -> None:
        """End the session, if a link of our own was followed."""
        # A foreign page could log people out otherwise; that is no more than a nuisance.
        if self.request.headers.get("Sec-Fetch-Site", "none") not in {"none", "same-origin"}:
            self.redirect("/")
            return
        session = self.members.log_out(self)
        if session is not None:
            await self.kernels.end_session(session)
        self.redirect("/login?left=1")
