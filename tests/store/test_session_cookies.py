"""Signed session cookies, and the secret that signs them."""

import os
import stat
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tornado import web

from imgurer_kernel.errors import NotAllowed, StorageDenied
from imgurer_kernel.store import session_cookies
from tests.support.plain_disks import forbid_links

KEY = b"k" * 64
COOKIE = session_cookies.cookie_name(8866)


def test_a_session_comes_back_as_it_was():
    session = session_cookies.begin("alice", "5f1d")
    assert (
        session_cookies.unseal(session_cookies.seal(session, KEY, COOKIE), KEY, COOKIE) == session
    )


def test_two_logins_are_two_sessions():
    assert session_cookies.begin("alice", "5f1d") != session_cookies.begin("alice", "5f1d")


def test_only_the_right_key_and_cookie_open_it():
    value = session_cookies.seal(session_cookies.begin("alice", "5f1d"), KEY, COOKIE)
    for key, cookie in ((b"x" * 64, COOKIE), (KEY, session_cookies.cookie_name(8867))):
        with pytest.raises(NotAllowed, match="log in"):
            session_cookies.unseal(value, key, cookie)


@settings(deadline=None)
@given(st.integers(0, 200), st.integers(1, 255))
def test_a_changed_value_is_refused(place, change):
    """A change of any byte is refused, also one of case in the signature."""
    value = session_cookies.seal(
        session_cookies.LoginSession("alice", "5f1d", "0" * 32), KEY, COOKIE
    ).encode()
    place %= len(value)
    changed = value[:place] + bytes([value[place] ^ change]) + value[place + 1 :]
    with pytest.raises(NotAllowed):
        session_cookies.unseal(changed.decode("latin-1"), KEY, COOKIE)


@pytest.mark.parametrize("value", ["", "alice", "2|1:0", "|" * 50, "é", "2|1:0|10:99999999999999|"])
def test_nonsense_is_refused(value):
    with pytest.raises(NotAllowed):
        session_cookies.unseal(value, KEY, COOKIE)


def test_an_old_session_is_over(monkeypatch):
    session = session_cookies.begin("alice", "5f1d")
    value = session_cookies.seal(session, KEY, COOKIE)
    now = web.time.time()
    monkeypatch.setattr(web.time, "time", lambda: now + (session_cookies.DAYS - 0.01) * 86_400)
    assert session_cookies.unseal(value, KEY, COOKIE) == session
    monkeypatch.setattr(web.time, "time", lambda: now + (session_cookies.DAYS + 0.01) * 86_400)
    with pytest.raises(NotAllowed):
        session_cookies.unseal(value, KEY, COOKIE)


def test_from_a_header():
    session = session_cookies.begin("alice", "5f1d")
    value = session_cookies.seal(session, KEY, COOKIE)
    header = f'_xsrf=2|x; other="a;b"; {COOKIE}="{value}"; {COOKIE}0=zzz'
    assert session_cookies.unseal_header(header, KEY, COOKIE) == session
    for without in ("", "a=b", f"x{COOKIE}={value}", f"{COOKIE}=", "=;=;;"):
        with pytest.raises(NotAllowed):
            session_cookies.unseal_header(without, KEY, COOKIE)


def test_a_kernels_token_is_its_own():
    token = session_cookies.kernel_token(KEY, "one")
    assert token == session_cookies.kernel_token(KEY, "one")
    assert token != session_cookies.kernel_token(KEY, "two")
    assert token != session_cookies.kernel_token(b"x" * 64, "one")


def test_the_secret_is_made_once_for_the_owner_only(tmp_path):
    previous = os.umask(0)
    try:
        key = session_cookies.secret_key(tmp_path)
    finally:
        os.umask(previous)
    assert len(key) == 64
    assert len(set(key)) > 8
    assert stat.S_IMODE((tmp_path / "secret").stat().st_mode) == 0o600
    assert session_cookies.secret_key(tmp_path) == key
    assert [path.name for path in tmp_path.iterdir()] == ["secret"]


def test_a_disk_without_links_has_a_secret_too(tmp_path, monkeypatch):
    """No server was started for a store on a memory card."""
    forbid_links(monkeypatch)
    key = session_cookies.secret_key(tmp_path)
    assert session_cookies.secret_key(tmp_path) == key
    assert [path.name for path in tmp_path.iterdir()] == ["secret"]


def test_a_readable_secret_is_closed(tmp_path):
    key = session_cookies.secret_key(tmp_path)
    (tmp_path / "secret").chmod(0o644)
    assert session_cookies.secret_key(tmp_path) == key
    assert stat.S_IMODE((tmp_path / "secret").stat().st_mode) == 0o600


def test_two_stores_have_two_secrets(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    assert session_cookies.secret_key(tmp_path / "a") != session_cookies.secret_key(tmp_path / "b")


def test_simultaneous_processes_get_the_same_secret(tmp_path):
    barrier = threading.Barrier(8)
    keys = []

    def come():
        barrier.wait()
        keys.append(session_cookies.secret_key(tmp_path))

    threads = [threading.Thread(target=come) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(keys) == 8
    assert len(set(keys)) == 1


def test_a_damaged_secret_is_reported(tmp_path):
    (tmp_path / "secret").write_bytes(b"")
    with pytest.raises(StorageDenied, match="damaged: 0 bytes"):
        session_cookies.secret_key(tmp_path)


def test_a_folder_that_is_not_there_is_reported(tmp_path):
    with pytest.raises(StorageDenied, match="check who owns"):
        session_cookies.secret_key(tmp_path / "missing")


ODD = [
    *("null", "1", '"alice"', "{}", "[]", '["alice"]', '["alice", "5f1d"]', "[[], [], []]"),
    *('["alice", "5f1d", 7]', '["a", "b", "c", "d"]', "no JSON", "[" * 5000, "\ud800"),
]


@pytest.mark.parametrize("content", ODD, ids=range(len(ODD)))
def test_a_signed_value_that_is_not_a_session_is_refused(content):
    """As written by another version; it once caused a server error."""
    raw = content.encode("utf-8", "surrogatepass")
    value = web.create_signed_value(KEY, COOKIE, raw).decode()
    with pytest.raises(NotAllowed, match="log in"):
        session_cookies.unseal(value, KEY, COOKIE)
    assert isinstance(session_cookies.unseal_known(value, KEY, COOKIE), dict)


def test_a_browser_is_known_of_a_few_users():
    known = [(f"user{number}", f"{number}" * 32) for number in range(9)]
    value = session_cookies.seal_known(known, KEY, COOKIE)
    assert session_cookies.unseal_known(value, KEY, COOKIE) == dict(
        known[: session_cookies.KNOWN_USERS]
    )
    assert session_cookies.unseal_known(value, b"x" * 64, COOKIE) == {}
    assert session_cookies.unseal_known(value, KEY, "another") == {}
    assert session_cookies.unseal_known("", KEY, COOKIE) == {}


def test_no_list_of_known_users_is_a_session():
    known = session_cookies.seal_known([("alice", "5f1d"), ("a", "b")], KEY, COOKIE)
    with pytest.raises(NotAllowed):
        session_cookies.unseal(known, KEY, COOKIE)
