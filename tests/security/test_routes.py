"""Every route of the application is tried with and without each kind of cookie.

What is not in the table is refused to be there: a route that a new version of Voila or Jupyter
brings along, or a new one of ours, fails until somebody has judged it.
"""

import pytest

from tests.e2e.test_http import KEPT, NO_KERNEL, ask
from tests.security.routes import routes_of

pytestmark = pytest.mark.e2e

TO_LOGIN, REFUSED = "to the login", 403

# Handler: an address of it; what a visitor without a login gets by GET; what a member gets.
JUDGED = {
    "PageHandler": ("/", TO_LOGIN, None),  # a member's starts a kernel: test_http
    "OwnKernelHandler": (f"/api/kernels/{NO_KERNEL}", REFUSED, 404),
    "KernelSocketHandler": (f"/api/kernels/{NO_KERNEL}/channels", REFUSED, 400),
    "ShutdownHandler": (f"/voila/api/shutdown/{NO_KERNEL}", REFUSED, 405),
    "VisitorInfoHandler": (f"/voila/query/{NO_KERNEL}", REFUSED, REFUSED),
    "AssetHandler": (f"/voila/static/{KEPT}/voila.js", REFUSED, 200),
    "ExtensionHandler": (f"/voila/labextensions/{KEPT}/anywidget/package.json", REFUSED, 200),
    "ThemeHandler": (
        "/voila/api/themes/@jupyterlab/theme-light-extension/index.css",
        REFUSED,
        200,
    ),
    "AccountHandler": ("/account", TO_LOGIN, 200),
    "AuditHandler": ("/audit", TO_LOGIN, {"ben": 403, "ada": 200}),
    "LoginHandler": ("/login", 200, 302),
    "LogoutHandler": ("/logout", 302, None),  # ends the session: test_doors
    "NotFoundHandler": ("/anything", TO_LOGIN, 404),
}
OF_LOGIN = {"AccountHandler", "AuditHandler", "LoginHandler", "LogoutHandler"}
WITHOUT_LOGIN = (JUDGED.keys() - OF_LOGIN) | {"TokenHandler"}
VERBS = ("HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")


def test_every_route_has_been_judged(accounts, tmp_path):
    accounts.catalog.release()
    with_login = routes_of(accounts.root, login=True)
    assert {handler for _, handler in with_login} == JUDGED.keys()
    assert len(with_login) == len(JUDGED), "each handler has one address"
    (tmp_path / "store").mkdir()
    without = routes_of(tmp_path / "store", login=False)
    assert {handler for _, handler in without} == WITHOUT_LOGIN


def outcome(response):
    """Status of an answer; a way to the login as words."""
    if response.status == 302 and response.headers["Location"].startswith("/login?next="):
        return TO_LOGIN
    return response.status


def test_no_route_serves_requests_without_a_valid_cookie(team, cookies):
    got = {}
    for kind, cookie in cookies.bad().items():
        for handler, (address, expected, _) in JUDGED.items():
            response = ask(team, address, cookies=cookie, headers={"Authorization": ""})
            if outcome(response) != expected:
                got[kind, handler] = outcome(response)
            assert "Traceback" not in response.body
    assert got == {}


@pytest.mark.parametrize("verb", VERBS)
def test_no_verb_does_anything_without_a_good_cookie(team, cookies, verb):
    """Also not with the token of a server that has no login."""
    kinds = cookies.bad()
    got = {}
    for kind in ("none", "tampered", "ended", "disabled"):
        for handler, (address, _, _) in JUDGED.items():
            status = outcome(ask(team, address, method=verb, cookies=kinds[kind]))
            if status not in {TO_LOGIN, 403, 404, 405}:
                got[kind, handler] = status
    if verb == "OPTIONS":  # Jupyter says what may be asked of its API, to nobody's gain
        assert {handler for _, handler in got} <= {"OwnKernelHandler", "ShutdownHandler"}
    else:
        assert got == {}


@pytest.mark.parametrize("user", ["ben", "ada"])
def test_routes_serve_logged_in_users_as_in_the_table(team, cookies, user):
    cookie = cookies.of(cookies.begin(user))
    got, told = {}, {}
    for handler, (address, _, expected) in JUDGED.items():
        if expected is not None:
            got[handler] = outcome(ask(team, address, cookies=cookie))
            told[handler] = expected[user] if isinstance(expected, dict) else expected
    assert got == told


def test_another_sites_page_gets_nothing_with_a_good_cookie(team, cookies):
    """An image, a script, a form, a frame: browsers may send the cookie along, from other ports."""
    cookie = cookies.of(cookies.begin("ada"))
    for mode, dest in (("no-cors", "image"), ("cors", "empty"), ("navigate", "iframe")):
        for site in ("same-site", "cross-site"):
            headers = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": mode, "Sec-Fetch-Dest": dest}
            for handler, (address, _, _) in JUDGED.items():
                for method in ("GET", "POST"):
                    response = ask(team, address, method=method, cookies=cookie, headers=headers)
                    assert response.status == 403, (handler, method, headers)
