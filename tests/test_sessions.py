"""Sealed sessions and the secret that seals them."""

import os
import stat
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tornado import web

from imgurer_kernel import sessions
from imgurer_kernel.errors import NotAllowed, StorageDenied

KEY = b"k" * 64
COOKIE = sessions.cookie_name(8866)


def test_a_session_comes_back_as_it_was():
    session = sessions.begin("alice", "5f1d")
    assert sessions.unseal(sessions.seal(session, KEY, COOKIE), KEY, COOKIE) == session


def test_two_logins_are_two_sessions():
    assert sessions.begin("alice", "5f1d") != sessions.begin("alice", "5f1d")


def test_only_the_right_key_and_cookie_open_it():
    value = sessions.seal(sessions.begin("alice", "5f1d"), KEY, COOKIE)
    for key, cookie in ((b"x" * 64, COOKIE), (KEY, sessions.cookie_name(8867))):
        with pytest.raises(NotAllowed, match="log in"):
            sessions.unseal(value, key, cookie)


@settings(deadline=None)
@given(st.integers(0, 200), st.integers(1, 255))
def test_a_changed_value_is_refused(place, change):
    """No byte can be another; where a signature's digits only change case, they differ too."""
    value = sessions.seal(sessions.Session("alice", "5f1d", "0" * 32), KEY, COOKIE).encode()
    place %= len(value)
    changed = value[:place] + bytes([value[place] ^ change]) + value[place + 1 :]
    with pytest.raises(NotAllowed):
        sessions.unseal(changed.decode("latin-1"), KEY, COOKIE)


@pytest.mark.parametrize("value", ["", "alice", "2|1:0", "|" * 50, "é", "2|1:0|10:99999999999999|"])
def test_nonsense_is_refused(value):
    with pytest.raises(NotAllowed):
        sessions.unseal(value, KEY, COOKIE)


def test_an_old_session_is_over(monkeypatch):
    session = sessions.begin("alice", "5f1d")
    value = sessions.seal(session, KEY, COOKIE)
    now = web.time.time()
    monkeypatch.setattr(web.time, "time", lambda: now + (sessions.DAYS - 0.01) * 86_400)
    assert sessions.unseal(value, KEY, COOKIE) == session
    monkeypatch.setattr(web.time, "time", lambda: now + (sessions.DAYS + 0.01) * 86_400)
    with pytest.raises(NotAllowed):
        sessions.unseal(value, KEY, COOKIE)


def test_from_a_header():
    session = sessions.begin("alice", "5f1d")
    value = sessions.seal(session, KEY, COOKIE)
    header = f'_xsrf=2|x; other="a;b"; {COOKIE}="{value}"; {COOKIE}0=zzz'
    assert sessions.unseal_header(header, KEY, COOKIE) == session
    for without in ("", "a=b", f"x{COOKIE}={value}", f"{COOKIE}=", "=;=;;"):
        with pytest.raises(NotAllowed):
            sessions.unseal_header(without, KEY, COOKIE)


def test_a_kernels_token_is_its_own():
    token = sessions.kernel_token(KEY, "one")
    assert token == sessions.kernel_token(KEY, "one")
    assert token != sessions.kernel_token(KEY, "two")
    assert token != sessions.kernel_token(b"x" * 64, "one")


def test_the_secret_is_made_once_for_the_owner_only(tmp_path):
    previous = os.umask(0)
    try:
        key = sessions.secret_key(tmp_path)
    finally:
        os.umask(previous)
    assert len(key) == 64
    assert len(set(key)) > 8
    assert stat.S_IMODE((tmp_path / "secret").stat().st_mode) == 0o600
    assert sessions.secret_key(tmp_path) == key
    assert [path.name for path in tmp_path.iterdir()] == ["secret"]


def test_a_readable_secret_is_closed(tmp_path):
    key = sessions.secret_key(tmp_path)
    (tmp_path / "secret").chmod(0o644)
    assert sessions.secret_key(tmp_path) == key
    assert stat.S_IMODE((tmp_path / "secret").stat().st_mode) == 0o600


def test_two_stores_have_two_secrets(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    assert sessions.secret_key(tmp_path / "a") != sessions.secret_key(tmp_path / "b")


def test_who_comes_at_once_gets_the_same(tmp_path):
    barrier = threading.Barrier(8)
    keys = []

    def come():
        barrier.wait()
        keys.append(sessions.secret_key(tmp_path))

    threads = [threading.Thread(target=come) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(keys) == 8
    assert len(set(keys)) == 1


def test_a_damaged_secret_is_said(tmp_path):
    (tmp_path / "secret").write_bytes(b"")
    with pytest.raises(StorageDenied, match="damaged: 0 bytes"):
        sessions.secret_key(tmp_path)


def test_a_folder_that_is_not_there_is_said(tmp_path):
    with pytest.raises(StorageDenied, match="check who owns"):
        sessions.secret_key(tmp_path / "missing")
