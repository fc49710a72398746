"""Login sessions in the catalog: what ends them, and how many there may be."""

from datetime import timedelta

import pytest
from argon2 import PasswordHasher
from argon2.profiles import CHEAPEST

from imgurer_kernel.errors import UnknownUser
from imgurer_kernel.store import sessions as module
from imgurer_kernel.store.catalog import Catalog, connection
from imgurer_kernel.store.catalog import sessions as rows
from imgurer_kernel.store.sessions import Sessions, session_id
from imgurer_kernel.store.users import Users

PASSWORD = "correct horse"


@pytest.fixture(scope="module")
def catalog(tmp_path_factory):
    with Catalog(tmp_path_factory.mktemp("sessions")) as catalog:
        users = Users(catalog, PasswordHasher.from_parameters(CHEAPEST))
        for name, role in (("ann", "admin"), ("ben", "member"), ("cleo", "member")):
            users.create(name, PASSWORD, role)
        yield catalog


@pytest.fixture
def users(catalog):
    return Users(catalog, PasswordHasher.from_parameters(CHEAPEST))


@pytest.fixture
def sessions(catalog):
    made = Sessions(catalog)
    for name in ("ann", "ben", "cleo"):
        made.end_all(name)
    return made


def test_a_session_holds_until_it_is_ended_also_for_who_has_its_cookie(catalog, sessions):
    first, second = sessions.begin("ben"), sessions.begin("ben")
    assert sessions.holding([first, second]) == {first, second}
    assert sessions.end("ben", session_id(first))
    assert not sessions.end("ben", session_id(first)), "it is over already"
    catalog.release()  # what is left is what a restart finds
    assert Sessions(catalog).holding([first, second]) == {second}


def test_a_session_that_never_began_is_invalid(sessions):
    session = sessions.begin("ben")
    forged = type(session)("ann", session.stamp, session.number)
    stale = type(session)("ben", "0" * 16, session.number)
    foreign = type(session)("ben", session.stamp, "f" * 32)
    assert sessions.holding([forged]) == set()
    assert sessions.holding([stale, foreign]) == set()
    assert sessions.holding([]) == set()
    with pytest.raises(UnknownUser):
        sessions.begin("nobody")


def test_logging_out_everywhere_ends_all_sessions_of_one_user_only(sessions):
    own = [sessions.begin("ben") for _ in range(3)]
    other = sessions.begin("cleo")
    assert sessions.end_all("ben") == 3
    assert sessions.end_all("ben") == 0
    assert sessions.holding([*own, other]) == {other}


def test_users_cannot_end_sessions_of_others(sessions):
    session = sessions.begin("ben")
    assert not sessions.end("cleo", session_id(session))
    assert not sessions.end("../ben", session_id(session))
    assert sessions.holding([session]) == {session}


def test_an_account_that_is_disabled_or_has_another_password_has_no_sessions(sessions, users):
    session = sessions.begin("ben")
    users.disable("ben")
    assert sessions.holding([session]) == set()
    users.enable("ben")
    assert sessions.holding([session]) == {session}
    users.set_password("ben", "another password")
    assert sessions.holding([session]) == set()


def at(monkeypatch, later):
    real = connection.now()
    for place in (connection, rows):
        monkeypatch.setattr(place, "now", lambda: real + later)


def test_a_session_is_over_after_its_days_and_leaves_no_row(catalog, sessions, monkeypatch):
    session = sessions.begin("ben")
    at(monkeypatch, timedelta(days=6, hours=23))
    assert sessions.holding([session]) == {session}
    at(monkeypatch, timedelta(days=7, hours=1))
    assert sessions.holding([session]) == set()
    assert len(sessions.list("ben")) == 0
    sessions.begin("cleo")
    with catalog.transaction() as opened:
        count = opened.execute("SELECT count(*) FROM sessions WHERE user_name = 'ben'").fetchone()
    assert count == (0,)


def test_the_list_says_where_one_is_logged_in_on_one_line_each(sessions, monkeypatch):
    sessions.begin("ben", browser="Fire\nfox \x1b[31m" + "x" * 1000, address="192.0.2.1")
    at(monkeypatch, timedelta(minutes=1))
    sessions.begin("ben", browser="Chrome", address="192.0.2.2")
    sessions.begin("cleo")
    listed = sessions.list("Ben")
    assert listed["browser"].tolist()[0] == "Chrome"
    assert listed["browser"].tolist()[1].startswith("Fire fox")
    assert listed["browser"].str.len().max() <= 200
    assert all(each.isprintable() for each in listed["browser"])
    assert listed["address"].tolist() == ["192.0.2.2", "192.0.2.1"]
    assert set(listed["session_id"].str.len()) == {32}


def test_when_a_session_was_used_is_kept_to_ten_minutes(sessions, monkeypatch):
    session = sessions.begin("ben")
    before = sessions.list("ben")["seen_at"][0]
    at(monkeypatch, timedelta(minutes=9))
    sessions.holding([session])
    assert sessions.list("ben")["seen_at"][0] == before
    at(monkeypatch, timedelta(minutes=11))
    sessions.holding([session])
    assert sessions.list("ben")["seen_at"][0] > before + timedelta(minutes=10)


def test_a_user_has_no_more_sessions_than_a_number_the_least_used_go(sessions, monkeypatch):
    monkeypatch.setattr(module, "MOST_OF_USER", 3)
    other = sessions.begin("cleo")
    begun = []
    for minute in range(5):
        at(monkeypatch, timedelta(minutes=minute))
        begun.append(sessions.begin("ben"))
    assert sessions.holding([*begun, other]) == {*begun[2:], other}


def test_a_store_has_no_more_sessions_than_a_number(sessions, monkeypatch):
    monkeypatch.setattr(module, "MOST", 2)
    begun = []
    for minute, name in enumerate(("ann", "ben", "cleo")):
        at(monkeypatch, timedelta(minutes=minute))
        begun.append(sessions.begin(name))
    assert sessions.holding(begun) == set(begun[1:])


def test_no_cookie_can_be_made_from_what_the_catalog_has(catalog, sessions):
    """A cookie has the number of its session; the catalog has a digest of it only."""
    session = sessions.begin("ann", browser="Firefox", address="192.0.2.1")
    kept = catalog.run(lambda connection: connection.execute("FROM sessions").fetchall())
    assert session_id(session) in str(kept)
    assert session.number not in str(kept)
    assert session_id(session) not in session.number
