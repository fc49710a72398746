"""Servers without a login: the token, its cookie, and the error pages."""

import asyncio
from types import SimpleNamespace

import pytest

from imgurer_kernel.apps.server.auth import TokenIdentityProvider
from imgurer_kernel.apps.server.pages import BaseHandler
from imgurer_kernel.store import session_cookies

KEY, NAME = b"k" * 32, "imgurer-1"


def comes_in(cookie=None, header="", path="/", token=""):
    provider = TokenIdentityProvider(key=KEY, cookie=NAME, shown="the token")
    handler = SimpleNamespace(
        request=SimpleNamespace(headers={"Authorization": header}, path=path),
        get_cookie=lambda _: cookie,
        get_query_argument=lambda _, default: token or default,
    )
    return asyncio.run(provider.get_user(handler)) is not None


def sealed(user, stamp, key=KEY, name=NAME):
    return session_cookies.seal(session_cookies.begin(user, stamp), key, name)


def test_the_token_or_its_cookie_let_in():
    assert comes_in(sealed("local", "token"))
    assert comes_in(header="token the token")
    assert comes_in(header="Bearer the token", path="/api")
    assert comes_in(token="the token")


def test_other_credentials_are_refused():
    assert not comes_in()
    for cookie in (
        "nonsense",
        sealed("ann", "token"),
        sealed("local", "another stamp"),
        sealed("local", "token", key=b"x" * 32),
        sealed("local", "token", name="imgurer-2"),
    ):
        assert not comes_in(cookie), cookie
    assert not comes_in(header="token another")
    assert not comes_in(header="Basic the token")
    assert not comes_in(token="the token", path="/api"), "in an address that may be logged"


@pytest.mark.parametrize(
    ("status", "title"),
    [
        (400, "That does not work"),
        (403, "This is not for you"),
        (404, "There is nothing here"),
        (405, "That does not work"),
        (426, "Only behind TLS"),
        (503, "Busy"),
        (500, "Something went wrong"),
    ],
)
def test_each_error_has_a_page_in_words(status, title):
    shown = {}
    page = SimpleNamespace(render_page=lambda template, **values: shown.update(values))
    BaseHandler.write_error(page, status)
    assert shown["title"] == title
    assert shown["sentence"]
