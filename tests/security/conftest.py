"""Two servers that all tests of this folder share, and cookies of every kind."""

import time
from types import SimpleNamespace
from urllib.parse import urlsplit

import pytest
from argon2 import PasswordHasher
from argon2.profiles import CHEAPEST
from tornado.web import create_signed_value

from imgurer_kernel.store import session_cookies
from imgurer_kernel.store.catalog import Catalog
from imgurer_kernel.store.sessions import Sessions, session_id
from imgurer_kernel.store.users import Users
from tests.e2e.servers import serving
from tests.e2e.test_http import PASSWORD, SHOW, WHO, write_notebook

PROXY = "127.0.0.2"
"""The one address that the server with a login believes."""


@pytest.fixture(scope="session")
def small_notebook(tmp_path_factory):
    return write_notebook(tmp_path_factory.mktemp("notebook") / "dashboard.ipynb", WHO, SHOW)


@pytest.fixture(scope="session")
def accounts(tmp_path_factory):
    """A store with accounts: ada (admin), ben and cleo (members), dora (disabled)."""
    root = tmp_path_factory.mktemp("security") / "store"
    root.mkdir()
    with Catalog(root) as catalog:
        users = Users(catalog, PasswordHasher.from_parameters(CHEAPEST))
        for name in ("ada", "ben", "cleo", "dora"):
            users.create(name, PASSWORD, "admin" if name == "ada" else "member")
        sessions = Sessions(catalog)
        found = SimpleNamespace(root=root, catalog=catalog, users=users, sessions=sessions)
        found.dora = sessions.begin("dora")
        users.disable("dora")
        catalog.release()
        yield found


@pytest.fixture(scope="session")
def team(accounts, small_notebook):
    """A server with a login, behind a proxy."""
    with serving(
        accounts.root, notebook=small_notebook, login=True, preheat=0, trusted_proxies=[PROXY]
    ) as server:
        yield server


@pytest.fixture(scope="session")
def alone(tmp_path_factory, small_notebook):
    """A server without a login that has two places."""
    root = tmp_path_factory.mktemp("alone") / "store"
    with serving(root, notebook=small_notebook, preheat=0, max_kernels=2) as server:
        yield server


class Cookies:
    """Makes cookies of one server, of each kind, as a dict for a request."""

    def __init__(self, server, accounts):
        self.accounts = accounts
        self.key = session_cookies.secret_key(server.root)
        self.name = session_cookies.cookie_name(urlsplit(server.url).port)

    def of(self, session, key=None, name=None):
        """The cookie of a session, sealed for this server or otherwise."""
        return {self.name: session_cookies.seal(session, key or self.key, name or self.name)}

    def begin(self, user):
        """A session that holds."""
        session = self.accounts.sessions.begin(user)
        self.accounts.catalog.release()
        return session

    def signed(self, content, age_days=0):
        """The cookie of whatever was signed some days ago."""
        then = time.time() - age_days * 86_400
        value = create_signed_value(self.key, self.name, content, clock=lambda: then)
        return {self.name: value.decode()}

    def bad(self):
        """Invalid cookies, by kind."""
        import json

        good = self.begin("ada")
        ended = self.begin("ada")
        self.accounts.sessions.end("ada", session_id(ended))
        self.accounts.catalog.release()
        (value,) = self.of(good).values()
        content = json.dumps([good.user, good.stamp, good.number])
        return {
            "none": {},
            "empty": {self.name: ""},
            "tampered": {self.name: value[:-1] + ("0" if value[-1] != "0" else "1")},
            "expired": self.signed(content, age_days=session_cookies.DAYS + 1),
            "ended": self.of(ended),
            "disabled": self.of(self.accounts.dora),
            "another port": self.of(good, name="imgurer-1"),
            "another store": self.of(good, key=b"x" * 64),
            "another user's": self.of(type(good)("ben", good.stamp, good.number)),
            "another password": self.of(type(good)("ada", "0" * 16, good.number)),
            "never begun": self.of(session_cookies.begin("ada", good.stamp)),
            "no login": self.of(session_cookies.begin("local", "token")),
            "odd": self.signed('{"user": "ada"}'),
            "odder": self.signed("[[], null, 7]"),
            "odd bytes": self.signed(b"\xff\xfe"),
        }


@pytest.fixture(scope="session")
def cookies(team, accounts):
    return Cookies(team, accounts)
