"""Changing one's own password: guesses of the old one are slowed down, of all pages together."""

from datetime import timedelta

import pytest

from imgurer_kernel.errors import InvalidPassword, LoginFailed
from imgurer_kernel.store import password_change
from imgurer_kernel.store.catalog import Catalog, connection, password_tries
from imgurer_kernel.store.password_change import FREE, LONGEST, change_password
from imgurer_kernel.store.users import Users
from tests.support.stores import QUICK

OLD, NEW = "correct horse", "another horse"


@pytest.fixture
def clock(monkeypatch):
    """A clock that only moves when it is set."""
    time = [connection.now()]
    for module in (connection, password_tries):
        monkeypatch.setattr(module, "now", lambda: time[0])
    return time


@pytest.fixture
def users(tmp_path, clock):
    with Catalog(tmp_path) as catalog:
        made = Users(catalog, hasher=QUICK)
        made.create("ann", OLD)
        made.create("ben", OLD)
        yield made


def guess(users, times):
    answers = []
    for _ in range(times):
        with pytest.raises(LoginFailed) as raised:
            change_password(users, "ann", "wrong horse", NEW)
        answers.append("Too many" in str(raised.value))
    return answers


def test_guesses_are_slowed_down_and_the_right_one_waits_too(users, clock):
    assert guess(users, FREE + 3) == [False] * FREE + [True] * 3
    with pytest.raises(LoginFailed, match="Wait 2 s"):
        change_password(users, "ann", OLD, NEW)
    users.authenticate("ann", OLD)  # the login counts for itself
    change_password(users, "ben", OLD, NEW)  # and nobody else waits
    clock[0] += timedelta(seconds=2)
    assert guess(users, 1) == [False]
    with pytest.raises(LoginFailed, match="Wait 4 s"):
        change_password(users, "ann", OLD, NEW)
    clock[0] += timedelta(seconds=4)
    change_password(users, "ann", OLD, NEW)
    users.authenticate("ann", NEW)
    assert guess(users, FREE) == [False] * FREE  # what was right has forgiven the others


def test_a_day_has_few_guesses(users, clock):
    end, tried = clock[0] + timedelta(days=1), 0
    while clock[0] < end:
        with users.catalog.transaction() as opened:
            count, _ = password_tries.failures(opened, "ann", password_change.FORGET)
            password_tries.set_failures(opened, "ann", count + 1)
        tried += 1
        if count + 1 >= FREE:
            clock[0] += min(LONGEST, timedelta(seconds=2.0 ** min(count + 2 - FREE, 20)))
    assert tried < 120
    clock[0] += timedelta(hours=2)
    assert guess(users, FREE + 1) == [False] * FREE + [True]


def test_another_process_goes_on_counting(users, tmp_path):
    guess(users, FREE)
    users.catalog.close()
    with Catalog(tmp_path) as another, pytest.raises(LoginFailed, match="Too many"):
        change_password(Users(another, hasher=QUICK), "ann", OLD, NEW)


def test_an_invalid_new_password_costs_no_try(users):
    for _ in range(FREE + 1):
        with pytest.raises(InvalidPassword):
            change_password(users, "ann", "wrong horse", "short")
    change_password(users, "ann", OLD, NEW)
