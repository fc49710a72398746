"""A server notices at once that another process has ended sessions."""

import asyncio
from types import SimpleNamespace

from argon2 import PasswordHasher
from argon2.profiles import CHEAPEST

from imgurer_kernel.apps.server.app import DashboardServer
from imgurer_kernel.store.catalog import Catalog
from imgurer_kernel.store.session_ends import SessionEnds, announce
from imgurer_kernel.store.sessions import Sessions, session_id
from imgurer_kernel.store.users import Users


def test_another_processs_word_that_sessions_ended_is_heard_at_once(tmp_path):
    """Not after the five seconds in which every session is looked up."""
    users = Users(Catalog(tmp_path), PasswordHasher.from_parameters(CHEAPEST))
    ends = SessionEnds(tmp_path)
    told = []
    server = SimpleNamespace(
        ends=ends,
        provider=SimpleNamespace(look_again=lambda: told.append("again")),
        _close_ended_pages=lambda: asyncio.sleep(0, told.append("closed")),
    )

    def noticed(deed):
        told.clear()
        deed()
        asyncio.run(DashboardServer._check_ended_sessions(server))
        return told

    with users.catalog:
        users.create("ada", "correct horse", "admin")
        users.create("ben", "correct horse")
        sessions = Sessions(users.catalog)
        begun = sessions.begin("ben")
        assert noticed(lambda: sessions.begin("ben")) == []
        assert noticed(lambda: users.create("cleo", "correct horse")) == []
        for deed in (
            lambda: sessions.end("ben", session_id(begun)),
            lambda: sessions.end_all("ben"),
            lambda: users.set_password("ben", "another horse"),
            lambda: users.disable("ben"),
        ):
            assert noticed(deed) == ["again", "closed"]
            assert noticed(lambda: None) == []


def test_each_word_is_one_however_soon_the_next_comes(tmp_path):
    ends = SessionEnds(tmp_path)
    for _ in range(50):
        announce(tmp_path)
        assert ends.are_new()
    assert not ends.are_new()
    announce(tmp_path / "no such folder")  # a store that cannot be written
