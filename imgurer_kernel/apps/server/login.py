"""The login page with user name and password, the token page, and logging out."""

from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

from jupyter_server.auth.decorator import allow_unauthenticated

from imgurer_kernel.apps.server.auth import PasswordIdentityProvider
from imgurer_kernel.apps.server.login_tries import TryLater
from imgurer_kernel.apps.server.pages import BaseHandler
from imgurer_kernel.errors import LoginFailed


def safe_next(address: str) -> str:
    r"""Return where to go after the login: the dashboard's own path with a query, or ``/``.

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


class LoginHandler(BaseHandler):
    """The page with user name and password."""

    @property
    def password_provider(self) -> PasswordIdentityProvider:
        """The identity provider; this page is served only with the one for passwords."""
        return cast("PasswordIdentityProvider", self.identity_provider)

    @allow_unauthenticated
    async def get(self) -> None:
        """Show it, unless the user is logged in."""
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
            await self.password_provider.log_in(
                self, name, self.get_body_argument("password", "", strip=False)
            )
        except LoginFailed as error:
            self.set_status(401)
            if isinstance(error, TryLater):
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

    def write_error(self, status_code: int, **kwargs: Any) -> None:  # noqa: ANN401 - tornado's
        """Show the form again if its XSRF token had expired."""
        if status_code == 403 and self.request.method == "POST":
            self._show("/", problem="This page was open for too long. Please try again.")
        else:
            super().write_error(status_code, **kwargs)


class TokenHandler(BaseHandler):
    """The page for requests without the token, on a server without a login."""

    @allow_unauthenticated
    async def get(self) -> None:
        """Ask for the token, unless the browser has its cookie."""
        if self.current_user:
            self.redirect("/")
            return
        self.set_status(403)
        asked = urlsplit(safe_next(self.get_query_argument("next", "/"))).query
        self.render_page("token.html", wrong="token" in parse_qs(asked))


class LogoutHandler(LoginHandler):
    """Ends a session and its kernels."""

    @allow_unauthenticated
    async def get(self) -> None:
        """End the session, if the request comes from a page of this server."""
        # A link on a foreign page could log users out otherwise; a nuisance only.
        if self.request.headers.get("Sec-Fetch-Site", "none") not in {"none", "same-origin"}:
            self.redirect("/")
            return
        session = await self.password_provider.log_out(self)
        if session is not None:
            await self.kernels.end_session(session)
        self.redirect("/login?left=1")
