"""The base of all handlers, and the pages other than the notebook: login and errors."""

from base64 import b64encode
from hashlib import sha256
from types import TracebackType
from typing import Any, cast

from jinja2 import Environment, PackageLoader, StrictUndefined
from jupyter_server.base.handlers import JupyterHandler
from tornado.web import HTTPError

from imgurer_kernel.apps.server.auth import PasswordIdentityProvider, TokenIdentityProvider
from imgurer_kernel.apps.server.fetch_metadata import is_foreign
from imgurer_kernel.apps.server.kernels import VisitorKernelManager
from imgurer_kernel.apps.server.listen import is_local
from imgurer_kernel.store.session_cookies import LoginSession

_ERROR_TEXTS = {
    400: ("That does not work", "This address cannot be asked in that way."),
    403: ("This is not for you", "You have no access to this address."),
    404: ("There is nothing here", "This address leads nowhere."),
    405: ("That does not work", "This address cannot be used in that way."),
    426: (
        "Only behind TLS",
        "Over the network this server answers by https:// only. An administrator knows where.",
    ),
    503: ("Busy", "The catalog is in use for longer than usual. Try again in a moment."),
}
_OTHER_ERROR = ("Something went wrong", "The server's log says what. Reloading the page may help.")


class Pages:
    """Renders the pages other than the notebook.

    Parameters
    ----------
    style
        Stylesheet with the theme's tokens, inlined in each page, since these pages load no files.
    icon
        The icon as a data URL.
    """

    def __init__(self, style: str, icon: str) -> None:
        self._templates = Environment(
            loader=PackageLoader("imgurer_kernel.apps.server", "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        own, _, _ = self._templates.loader.get_source(self._templates, "pages.css")  # type: ignore[union-attr]
        self._style = style + own
        self._icon = icon

    @property
    def content_policy(self) -> str:
        """Content security policy of these pages: own content and forms only."""
        digest = b64encode(sha256(self._style.encode()).digest()).decode()
        return (
            f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; "
            "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
        )

    def render(self, template: str, **values: object) -> str:
        """Return one page."""
        page = self._templates.get_template(template)
        return page.render(style=self._style, icon=self._icon, **values)


class BaseHandler(JupyterHandler):
    """Identifies the sender of a request, and answers an error with a page without a traceback."""

    @property
    def provider(self) -> PasswordIdentityProvider | TokenIdentityProvider:
        """The identity provider: identifies the sender of a request, and checks sessions."""
        return cast("PasswordIdentityProvider | TokenIdentityProvider", self.identity_provider)

    @property
    def kernels(self) -> VisitorKernelManager:
        """The kernels of all visitors, with their owners."""
        return cast("VisitorKernelManager", self.kernel_manager)

    @property
    def pages(self) -> Pages:
        """The pages other than the notebook."""
        return cast("Pages", self.settings["imgurer_pages"])

    async def prepare(self, **kwargs: Any) -> Any:  # noqa: ANN401 - Jupyter's
        """Refuse requests of other sites' pages, and requests without TLS if it is required."""
        if is_foreign(self.request.headers, self.request.method):
            raise HTTPError(403)
        wants_tls = self.settings["imgurer_wants_tls"] and self.request.protocol != "https"
        if wants_tls and not is_local(self.request.remote_ip or ""):
            raise HTTPError(426)
        return await super().prepare(**kwargs)

    def log_exception(
        self,
        typ: type[BaseException] | None,
        value: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        """Log failures of the server only: anybody may send requests that are refused."""
        if not (isinstance(value, HTTPError) and value.status_code < 500):
            super().log_exception(typ, value, tb)

    def check_owner(self, kernel_id: str) -> LoginSession | None:
        """Return the session of a request if it owns the kernel.

        Raises
        ------
        HTTPError
            404 if there is no such kernel, 403 if it belongs to another session.
        """
        session = self.provider.session(self)
        if kernel_id not in self.kernels:
            raise HTTPError(404)
        if not self.kernels.claim(kernel_id, session):
            raise HTTPError(403)
        return session

    def render_page(self, template: str, **values: object) -> None:
        """Write one of our pages."""
        self.set_header("Content-Type", "text/html; charset=utf-8")
        self.set_header("Cache-Control", "no-store")
        self.set_header("Content-Security-Policy", self.pages.content_policy)
        self.finish(self.pages.render(template, **values))

    def write_error(self, status_code: int, **kwargs: Any) -> None:  # noqa: ANN401, ARG002 - tornado's
        """Write the page for an error."""
        title, sentence = _ERROR_TEXTS.get(status_code, _OTHER_ERROR)
        values = {"target": "/", "act": "To the dashboard"}
        self.render_page("error.html", title=title, sentence=sentence, **values)
