"""What the handlers answer, without a server: pages, connections to kernels, logins."""

import asyncio
from types import SimpleNamespace

import pytest
from tornado.web import HTTPError

from imgurer_kernel.apps.server import app, handlers, pages
from imgurer_kernel.apps.server.account import AccountHandler
from imgurer_kernel.apps.server.handlers import KernelSocketHandler, PageHandler
from imgurer_kernel.apps.server.kernels import VisitorKernelManager
from imgurer_kernel.apps.server.login import LoginHandler
from imgurer_kernel.apps.server.login_tries import TooManyTries
from imgurer_kernel.apps.server.shutdown import cancel_tasks
from imgurer_kernel.errors import LoginFailed
from imgurer_kernel.store.session_cookies import LoginSession
from imgurer_kernel.store.sessions import session_id

TOP_LEVEL = {"Sec-Fetch-Dest": "document", "Sec-Fetch-Mode": "navigate"}
ANN, BEN = LoginSession("ann", "5f1d", "1"), LoginSession("ben", "5f1d", "2")


async def nothing(*_):
    pass


class Answering:
    """What handlers ask of tornado; records what they answer."""

    current_user = SimpleNamespace(username="ann")
    xsrf_token = b"secret"
    provider = password_provider = kernels = None
    settings = {"imgurer_wants_tls": True}  # noqa: RUF012 - a double of tornado's

    def __init__(self, headers=(), query=(), body=()):
        self.request = SimpleNamespace(
            headers=dict(headers), query_arguments=dict(query), remote_ip="", uri="/", method="POST"
        )
        self.body, self.answers = dict(body), []

    def get_body_argument(self, name, default="", **_):
        return self.body.get(name, default)

    def set_status(self, status):
        self.answers.append(status)

    def set_header(self, name, value):
        self.answers.append((name, value))

    def redirect(self, target, **_):
        self.answers.append(target)

    def close(self, *why):
        self.answers.append(why)

    def render_page(self, template, **values):
        self.answers.append((template, values.get("problem", "")))


class Page(Answering, PageHandler):
    """A page, for which there is room."""

    kernels = SimpleNamespace(
        most_pages=1, begin_page=lambda: True, note_opened=lambda: None, replace_dead=nothing
    )


class Socket(Answering, KernelSocketHandler):
    """A connection of a page to its kernel."""

    provider = SimpleNamespace(was_valid=lambda _: True)
    _session = ANN


class Login(Answering, LoginHandler):
    """The form, whose passwords `password_provider` checks."""


class OwnAccount(Answering, AccountHandler):
    """The page of a user's own sessions."""


@pytest.fixture
def shown(monkeypatch):
    """What Voila shows: the page; `shown.failure` is raised instead."""
    shown = SimpleNamespace(failure=None)

    async def get(self, path=None):
        if shown.failure is not None:
            raise shown.failure
        self.answers.append("page")

    monkeypatch.setattr(handlers.TornadoVoilaHandler, "get", get)
    return shown


def answers_of(page, *path):
    try:
        asyncio.run(page.get(*path))
    except HTTPError as error:
        return [*page.answers, error.status_code]
    return page.answers


def test_a_page_is_shown_to_those_who_would_see_it(shown):
    assert answers_of(Page(TOP_LEVEL)) == ["page"]
    assert answers_of(Page(TOP_LEVEL), "tree") == [404]
    assert answers_of(Page({"Sec-Fetch-Dest": "image", "Sec-Fetch-Mode": "no-cors"})) == [403]


def test_the_address_of_a_page_loses_the_token(shown):
    page = Page(TOP_LEVEL, {"token": [b"secret"], "tab": [b"search"]})
    assert answers_of(page) == ["/?tab=search"]
    assert answers_of(Page(TOP_LEVEL, {"tab": [b"search"]})) == ["page"]


def test_a_page_without_a_kernel_is_a_failure_of_the_server(shown):
    shown.failure = RuntimeError("the kernel died")
    assert answers_of(Page(TOP_LEVEL)) == [500]


@pytest.mark.parametrize("frame", ["text", b"\0" * 7])
def test_a_message_that_is_none_ends_the_connection(frame):
    socket = Socket()
    socket.on_message(frame)
    [(code, why)] = socket.answers
    assert code in {1003, 1007}
    assert why


@pytest.mark.parametrize(
    ("failure", "status"),
    [
        (LoginFailed("The name is wrong."), [401]),
        (TooManyTries(7), [401, 429, ("Retry-After", "7")]),
    ],
)
def test_a_failed_login_shows_the_form_again(failure, status):
    async def refuse(*_):
        raise failure

    login = Login(body={"name": "ann", "next": "/"})
    login.password_provider = SimpleNamespace(log_in=refuse)
    asyncio.run(login.post())
    assert login.answers == [*status, ("login.html", str(failure))]


def test_a_form_that_was_open_for_too_long_is_shown_again():
    login = Login()
    login.write_error(403)
    [(template, problem)] = login.answers
    assert template == "login.html"
    assert "open for too long" in problem
    login = Login()
    login.write_error(402)
    assert login.answers == [("error.html", "")]


def test_an_account_is_of_somebody_who_is_logged_in():
    page = OwnAccount()
    page.provider = SimpleNamespace(session=lambda _: ANN)
    assert page._who() == ("ann", session_id(ANN))
    page.provider = SimpleNamespace(session=lambda _: None)
    with pytest.raises(HTTPError) as refused:
        page._who()
    assert refused.value.status_code == 403


@pytest.mark.parametrize(("own", "other"), [(ANN, BEN), (BEN, ANN), (None, ANN), (ANN, None)])
def test_a_kernel_is_of_the_session_that_came_first(own, other):
    manager = VisitorKernelManager()
    assert manager.claim("5", own)
    assert not manager.claim("5", other)
    assert manager.claim("5", own)


def test_the_pages_of_a_server_have_its_icon_and_the_tokens_of_the_theme(monkeypatch):
    monkeypatch.setattr(app.Voila, "init_settings", lambda _: {"autoreload": False})
    server = app.DashboardServer.__new__(app.DashboardServer)
    server.provider, server.root = "who comes in", "store"
    settings = server.init_settings()
    page = settings.pop("imgurer_pages").render("full.html", seconds=3, target="/")
    assert "data:image/svg+xml" in page
    assert ":where(.imgurer" in page
    assert settings == {
        "autoreload": False, "identity_provider": "who comes in", "imgurer_root": "store",
    }  # fmt: skip


def test_all_other_tasks_end_also_those_that_go_on_once():
    ended = []

    async def stubborn(name, times):
        for _ in range(times):
            try:
                await asyncio.sleep(1)
            except asyncio.CancelledError:
                ended.append(name)

    async def scenario():
        tasks = [asyncio.create_task(stubborn(f"{times}", times)) for times in (1, 2)]
        await asyncio.sleep(0)
        await cancel_tasks()
        return [task.done() for task in tasks]

    assert asyncio.run(scenario()) == [True, True]
    assert sorted(ended) == ["1", "2", "2"]


@pytest.mark.parametrize(
    ("facts", "status"),
    [
        ({}, None),
        ({"protocol": "http"}, 426),
        ({"protocol": "http", "remote_ip": ""}, 426),
        ({"protocol": "http", "remote_ip": "127.0.0.1"}, None),
        ({"headers": {"Sec-Fetch-Site": "cross-site"}}, 403),
    ],
)
def test_who_is_answered_without_tls_or_for_another_sites_page(monkeypatch, facts, status):
    monkeypatch.setattr(pages.JupyterHandler, "prepare", nothing)
    request = {"headers": {}, "method": "GET", "protocol": "https", "remote_ip": "192.0.2.1"}
    page = Page()
    page.request = SimpleNamespace(**(request | facts))
    if status is None:
        asyncio.run(pages.BaseHandler.prepare(page))
        return
    with pytest.raises(HTTPError) as refused:
        asyncio.run(pages.BaseHandler.prepare(page))
    assert refused.value.status_code == status
