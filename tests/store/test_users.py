"""Accounts: names, passwords, roles, and what must never be possible."""

import string
import threading
import unicodedata
from concurrent.futures import ThreadPoolExecutor

import pytest
from argon2 import PasswordHasher
from hypothesis import given, settings
from hypothesis import strategies as st

from imgurer_kernel.errors import (
    InvalidPassword,
    InvalidUserName,
    LoginFailed,
    NotAllowed,
    UnknownUser,
    UserExists,
)
from imgurer_kernel.store.catalog import Catalog
from imgurer_kernel.store.catalog import users as rows
from imgurer_kernel.store.users import Users, user_name
from tests.support.forms import rounds
from tests.support.pictures import jpeg
from tests.support.transactions import Transactions

CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
PASSWORD = "correct horse"


@pytest.fixture
def store(new_store):
    return new_store().catalog


@pytest.fixture
def users(store):
    return Users(store, CHEAP)


# Names ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("alice", "alice"),
        ("Alice", "alice"),
        ("\uff21\uff2c\uff29\uff23\uff25", "alice"),  # full-width capitals
        ("7", "7"),
        ("a.b_c-d", "a.b_c-d"),
        ("x" * 32, "x" * 32),
    ],
)
def test_a_name_has_one_spelling(text, name):
    assert user_name(text) == name


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "alice ",
        "al ice",
        ".alice",
        "-alice",
        "_alice",
        "x" * 33,
        "x" * 1_000_000,
        "a/b",
        "..",
        "a\\b",
        "a\nb",
        "alice\n",
        "a\0b",
        "<img src=x onerror=alert(1)>",
        "' OR 1=1 --",
        "\u0430lice",  # a Cyrillic letter that looks like an a
        "alice\u200b",
        "ali\u0307ce",
        "\u3164",
        "straße",
        "😀",
    ],
)
def test_invalid_user_names_are_refused(text):
    with pytest.raises(InvalidUserName, match="1 to 32 letters"):
        user_name(text)


ALPHABET = set(string.ascii_lowercase + string.digits + "._-")


@settings(deadline=None)
@given(st.text(max_size=40))
def test_normalized_names_are_plain_and_stable(text):
    try:
        name = user_name(text)
    except InvalidUserName:
        return
    assert 1 <= len(name) <= 32
    assert set(name) <= ALPHABET
    assert name[0] not in "._-"
    assert user_name(name) == name
    assert name == unicodedata.normalize("NFKC", name).casefold()


@settings(deadline=None)
@given(st.from_regex(r"\A[A-Za-z0-9][A-Za-z0-9._-]{0,31}\Z"))
def test_every_plain_name_passes(text):
    assert user_name(text) == text.lower()


def test_a_long_wrong_name_does_not_fill_the_message():
    with pytest.raises(InvalidUserName) as caught:
        user_name("x" * 10_000)
    assert len(str(caught.value)) < 300


# Accounts -------------------------------------------------------------------------------------


def test_create_and_log_in(users):
    account = users.create("Alice", PASSWORD, "admin")
    assert (account.name, account.role, account.enabled) == ("alice", "admin", True)
    assert account.last_seen is None
    entered = users.authenticate("ALICE", PASSWORD)
    assert entered.name == "alice"
    assert entered.last_seen is not None


def test_a_member_is_what_one_is_by_default(users):
    assert users.create("bob", PASSWORD).role == "member"


def test_names_differ_by_more_than_capitals(users):
    users.create("alice", PASSWORD)
    with pytest.raises(UserExists):
        users.create("ALICE", "another password")
    assert users.authenticate("alice", PASSWORD)


def test_the_name_local_is_reserved(users):
    with pytest.raises(UserExists, match="without a login"):
        users.create("Local", PASSWORD)


@pytest.mark.parametrize("password", ["", "seven77", "x" * 1025])
def test_passwords_are_neither_short_nor_endless(users, password):
    with pytest.raises(InvalidPassword, match=f"has {len(password)} characters"):
        users.create("alice", password)
    with pytest.raises(UnknownUser):
        users.get("alice")


@pytest.mark.parametrize("password", ["eight888", "x" * 1024, "pässwörd 😀", "\0" * 8])
def test_passwords_that_do(users, password):
    users.create("alice", password)
    assert users.authenticate("alice", password).name == "alice"
    with pytest.raises(LoginFailed):
        users.authenticate("alice", password[:-1])
    with pytest.raises(LoginFailed):
        users.authenticate("alice", password + "x")


def test_an_accent_may_be_typed_in_two_ways(users):
    users.create("alice", unicodedata.normalize("NFC", "pässwörter"))
    assert users.authenticate("alice", unicodedata.normalize("NFD", "pässwörter"))


def test_an_unknown_role_is_refused(users):
    with pytest.raises(NotAllowed, match="king"):
        users.create("alice", PASSWORD, "king")
    users.create("alice", PASSWORD)
    with pytest.raises(NotAllowed, match="king"):
        users.set_role("alice", "king")


def test_no_password_is_kept_readable(users, store):
    users.create("alice", PASSWORD)
    stored = store.run(rows.password_hash, "alice")
    assert stored.startswith("$argon2id$")
    assert PASSWORD not in stored


@pytest.mark.parametrize("name", ["alice", "nobody", "local", "no name", "", "x" * 10_000])
def test_a_failed_login_tells_nothing(users, name):
    users.create("alice", PASSWORD)
    users.ensure_local()
    with pytest.raises(LoginFailed) as caught:
        users.authenticate(name, "a wrong password")
    assert str(caught.value) == "The name or the password is wrong."


def test_every_login_hashes_once(store):
    calls = []

    class Counting(PasswordHasher):
        def hash(self, *arguments, **keywords):
            calls.append("hash")
            return super().hash(*arguments, **keywords)

        def verify(self, *arguments, **keywords):
            calls.append("verify")
            return super().verify(*arguments, **keywords)

    users = Users(store, Counting(time_cost=1, memory_cost=8, parallelism=1))
    users.create("alice", PASSWORD)
    users.ensure_local()
    for name in ("alice", "nobody", "no name", "local"):
        calls.clear()
        with pytest.raises(LoginFailed):
            users.authenticate(name, "a wrong password")
        assert len(calls) == 1, name


def test_a_broken_hash_admits_no_login(users, store):
    users.create("alice", PASSWORD)
    store.run(rows.set_password_hash, "alice", "not a hash")
    with pytest.raises(LoginFailed):
        users.authenticate("alice", PASSWORD)


def test_hashes_follow_the_parameters(users, store):
    users.create("alice", PASSWORD)
    before = store.run(rows.password_hash, "alice")
    dearer = Users(store, PasswordHasher(time_cost=2, memory_cost=16, parallelism=1))
    dearer.authenticate("alice", PASSWORD)
    after = store.run(rows.password_hash, "alice")
    assert after != before
    assert "m=16,t=2" in after
    dearer.authenticate("alice", PASSWORD)
    assert store.run(rows.password_hash, "alice") == after, "hashed anew without need"


def test_a_wrong_password_never_rehashes(users, store):
    users.create("alice", PASSWORD)
    before = store.run(rows.password_hash, "alice")
    dearer = Users(store, PasswordHasher(time_cost=2, memory_cost=16, parallelism=1))
    with pytest.raises(LoginFailed):
        dearer.authenticate("alice", "a wrong password")
    assert store.run(rows.password_hash, "alice") == before


def test_the_default_costs_what_rfc_9106_asks(store):
    Users(store).create("alice", PASSWORD)
    assert "$argon2id$v=19$m=65536,t=3,p=4$" in store.run(rows.password_hash, "alice")


# Disabling ------------------------------------------------------------------------------------


def test_only_the_right_password_reveals_that_an_account_is_disabled(users):
    users.create("root", PASSWORD, "admin")
    users.create("bob", PASSWORD)
    users.disable("Bob")
    assert not users.get("bob").enabled
    with pytest.raises(LoginFailed, match="wrong"):
        users.authenticate("bob", "a wrong password")
    with pytest.raises(LoginFailed, match="disabled"):
        users.authenticate("bob", PASSWORD)
    assert users.get("bob").last_seen is None
    users.enable("bob")
    assert users.authenticate("bob", PASSWORD).enabled


def test_the_last_enabled_admin_stays(users):
    users.create("ann", PASSWORD, "admin")
    users.create("bob", PASSWORD, "admin")
    users.ensure_local()  # an admin, but nobody can log in as it
    users.disable("ann")
    with pytest.raises(NotAllowed, match="bob is the last enabled admin"):
        users.disable("bob")
    with pytest.raises(NotAllowed, match="bob is the last enabled admin"):
        users.set_role("bob", "member")
    assert users.get("bob").enabled
    assert users.get("bob").role == "admin"
    users.enable("ann")
    users.set_role("bob", "member")
    assert users.get("bob").role == "member"


def test_members_are_disabled_where_there_is_no_admin(users):
    users.create("bob", PASSWORD)
    users.disable("bob")
    assert not users.get("bob").enabled


@pytest.mark.parametrize("act", ["disable", "demote"])
def test_two_admins_who_remove_each_other_at_once(tmp_path, act):
    """Exactly one of them succeeds, and the other call raises an error with the reason."""

    def remove(name):
        barrier.wait()
        with Catalog(tmp_path) as catalog:
            users = Users(catalog, CHEAP)
            try:
                users.disable(name) if act == "disable" else users.set_role(name, "member")
            except NotAllowed as error:
                return str(error)
            return ""

    barrier = threading.Barrier(2)
    with Catalog(tmp_path) as catalog, ThreadPoolExecutor(2) as pool:
        users = Users(catalog, CHEAP)
        for name in ("ann", "bob"):
            users.create(name, PASSWORD, "admin")
        for _ in range(rounds(4, 10)):
            answers = list(pool.map(remove, ("ann", "bob")))
            assert sorted(map(bool, answers)) == [False, True], answers
            assert "is the last enabled admin" in "".join(answers)
            assert len(catalog.run(rows.enabled_names, role="admin")) == 1
            for name in ("ann", "bob"):
                users.enable(name)
                users.set_role(name, "admin")


@pytest.mark.parametrize(
    ("act", "expected"),
    [
        (lambda users: users.disable("bob"), 1),
        (lambda users: users.set_role("bob", "member"), 1),
        (lambda users: users.enable("bob"), 1),
        (lambda users: users.create("eve", PASSWORD), 1),
        (lambda users: users.set_password("bob", PASSWORD), 1),
        (lambda users: users.ensure_local(), 1),
        (lambda users: users.require_enabled("bob"), 1),
        (lambda users: users.authenticate("bob", PASSWORD), 2),
    ],
)
def test_looking_and_acting_are_one_transaction(users, monkeypatch, act, expected):
    """Except for a login, which hashes in between."""
    users.create("ann", PASSWORD, "admin")
    users.create("bob", PASSWORD, "admin")
    assert Transactions().watch(monkeypatch).of(lambda: act(users)) == expected


@pytest.mark.parametrize(
    "act",
    [
        lambda users, name: users.get(name),
        lambda users, name: users.disable(name),
        lambda users, name: users.enable(name),
        lambda users, name: users.set_role(name, "admin"),
        lambda users, name: users.set_password(name, PASSWORD),
        lambda users, name: users.stamp(name),
    ],
)
def test_methods_refuse_unknown_users(users, act):
    with pytest.raises(UnknownUser):
        act(users, "nobody")
    with pytest.raises(InvalidUserName):
        act(users, "no name")


# The local account, passwords, lists -----------------------------------------------------------


def test_the_local_account(users):
    local = users.ensure_local()
    assert (local.name, local.role) == ("local", "admin")
    assert users.ensure_local() == local
    for act in (
        lambda: users.disable("local"),
        lambda: users.set_role("local", "member"),
        lambda: users.set_password("LOCAL", PASSWORD),
    ):
        with pytest.raises(NotAllowed, match="'local' stays as it is"):
            act()
    with pytest.raises(LoginFailed):
        users.authenticate("local", "")


def test_many_processes_make_the_local_account_at_once(tmp_path):
    def ensure(_):
        with Catalog(tmp_path) as catalog:
            return Users(catalog, CHEAP).ensure_local()

    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(ensure, range(8)))) == 1


def test_a_password_that_is_changed_during_a_login_stays(store, users):
    """The login has succeeded by then, and must not write its own rehashed password."""

    class Slow(PasswordHasher):
        def verify(self, *arguments):
            users.set_password("alice", "battery staple")
            return super().verify(*arguments)

    users.create("alice", PASSWORD)
    slow = Users(store, Slow(time_cost=2, memory_cost=16, parallelism=1))
    assert slow.authenticate("alice", PASSWORD).name == "alice"
    assert users.authenticate("alice", "battery staple")
    with pytest.raises(LoginFailed):
        users.authenticate("alice", PASSWORD)


def test_a_new_password(users):
    users.create("alice", PASSWORD)
    before = users.stamp("alice")
    users.set_password("Alice", "battery staple")
    assert users.stamp("alice") != before
    with pytest.raises(LoginFailed):
        users.authenticate("alice", PASSWORD)
    assert users.authenticate("alice", "battery staple")
    with pytest.raises(InvalidPassword):
        users.set_password("alice", "short")
    assert users.authenticate("alice", "battery staple")


def test_a_login_leaves_the_stamp(users):
    users.create("alice", PASSWORD)
    before = users.stamp("Alice")
    users.authenticate("alice", PASSWORD)
    assert users.stamp("alice") == before
    assert PASSWORD not in before


def test_which_accounts_can_log_in(users):
    assert not users.can_log_in()
    users.ensure_local()
    assert not users.can_log_in()
    users.create("bob", PASSWORD)
    assert users.can_log_in()
    users.disable("bob")
    assert not users.can_log_in()


def test_the_list(users):
    users.create("bob", PASSWORD)
    users.create("ann", PASSWORD, "admin")
    users.disable("bob")
    frame = users.list().set_index("name")
    assert dict(frame["role"]) == {"ann": "admin", "bob": "member"}
    assert dict(frame["enabled"]) == {"ann": True, "bob": False}
    assert not [column for column in frame if "password" in column or "hash" in column]


# Handing files over ---------------------------------------------------------------------------


def test_files_of_the_use_without_a_login_are_handed_to_an_account(new_store, tmp_path):
    wb = new_store()
    wb.accounts.create("ann", PASSWORD)
    folder = tmp_path / "pictures"
    folder.mkdir()
    (folder / "a.jpg").write_bytes(jpeg(1, 64, 48))
    (folder / "b.jpg").write_bytes(jpeg(2, 64, 48))
    wb.ingest(folder, progress=False)
    wb.upload("mine.jpg", jpeg(3, 64, 48), user="ann")
    before = wb.files().drop(columns="user")
    assert wb.accounts.adopt("ann") == 2
    assert set(wb.files()["user"]) == {"ann"}
    assert wb.files().drop(columns="user").equals(before)
    assert wb.accounts.adopt("ann") == 0
    assert set(wb.ingest(folder, user="ann", progress=False)["status"]) == {"unchanged"}


def test_a_file_that_both_have_is_one_afterwards(new_store, tmp_path):
    wb = new_store()
    wb.accounts.create("ann", PASSWORD)
    picture = tmp_path / "a.jpg"
    picture.write_bytes(jpeg(1, 64, 48))
    for user in ("local", "ann"):
        wb.ingest(picture, user=user, progress=False)
        wb.upload("up.jpg", jpeg(2, 64, 48), user=user)
    assert wb.accounts.adopt("ann") == 0
    assert sorted(wb.files()["filename"]) == ["a.jpg", "up.jpg"]
    assert wb.check(progress=False).empty


def test_files_in_the_trash_are_handed_over_too(new_store):
    wb = new_store()
    wb.accounts.create("ann", PASSWORD)
    wb.upload("a.jpg", jpeg(1, 64, 48))
    wb.forget(1)
    wb.accounts.adopt("ann")
    assert set(wb.trash.list()["user"]) == {"ann"}


@pytest.mark.parametrize(("name", "giver"), [("nobody", "local"), ("local", "nobody")])
def test_files_are_handed_between_accounts_only(new_store, name, giver):
    wb = new_store()
    wb.upload("a.jpg", jpeg(1, 64, 48))
    with pytest.raises(UnknownUser, match="nobody"):
        wb.accounts.adopt(name, giver)
