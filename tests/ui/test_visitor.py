"""How a kernel identifies its visitor."""

import json
import threading

import pytest
from websockets.sync.server import serve

from imgurer_kernel.common.event_log import close_log
from imgurer_kernel.errors import NotAllowed, ServerError
from imgurer_kernel.store import session_cookies
from imgurer_kernel.ui import visitor

KERNEL = "0d9c0fd0-3c2b-4ce4-9c40-3f6d1c1a0a11"
COOKIE = "imgurer-8866"


@pytest.fixture
def environment(monkeypatch, tmp_path):
    """The variables of a kernel behind a login, set one by one; all are put back."""
    for name in (
        visitor.COOKIE_VARIABLE,
        visitor.VISITOR_INFO_VARIABLE,
        "VOILA_PREHEAT",
        "VOILA_KERNEL_ID",
        "HTTP_COOKIE",
        "QUERY_STRING",
    ):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    monkeypatch.setenv("IMGURER_ROOT", str(tmp_path))
    yield monkeypatch.setenv
    close_log()


@pytest.fixture
def header(tmp_path):
    """The cookie header of who logged in as alice."""
    session = session_cookies.begin("alice", "5f1d")
    return f"{COOKIE}={session_cookies.seal(session, session_cookies.secret_key(tmp_path), COOKIE)}"


def test_without_a_login_there_is_only_the_local_user(environment):
    assert visitor.visitor() is None
    environment("HTTP_COOKIE", "imgurer-8866=whoever")
    environment(visitor.COOKIE_VARIABLE, "")
    assert visitor.visitor() is None
    assert visitor.logout_address() is None


def test_the_cookie_tells(environment, header):
    environment(visitor.COOKIE_VARIABLE, COOKIE)
    environment("HTTP_COOKIE", header)
    assert visitor.visitor() == "alice"
    assert visitor.logout_address() == "/logout"


@pytest.mark.parametrize("forged", ["", "imgurer-8866=alice", "imgurer-8866=2|1:0|x"])
def test_no_valid_cookie_is_nobody(environment, header, forged):
    environment(visitor.COOKIE_VARIABLE, COOKIE)
    environment("HTTP_COOKIE", forged)
    environment("QUERY_STRING", "user=alice&visitor=alice&imgurer-8866=" + header)
    with pytest.raises(NotAllowed):
        visitor.visitor()


def test_another_stores_cookie_is_nobody(environment, tmp_path):
    (tmp_path / "other").mkdir()
    key = session_cookies.secret_key(tmp_path / "other")
    environment(visitor.COOKIE_VARIABLE, COOKIE)
    sealed = session_cookies.seal(session_cookies.begin("alice", ""), key, COOKIE)
    environment("HTTP_COOKIE", f"{COOKIE}={sealed}")
    with pytest.raises(NotAllowed):
        visitor.visitor()


@pytest.fixture
def preheated(environment):
    """Start a fake server for the wait; it sends the given headers, or exits."""
    running = []

    def start(send):
        def handle(connection):
            seen.append((connection.request.path, connection.request.headers["X-Imgurer-Kernel"]))
            if send is not None:
                connection.send(json.dumps(send))

        seen = []
        server = serve(handle, "127.0.0.1", 0)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        running.append((server, thread))
        port = server.socket.getsockname()[1]
        environment(visitor.VISITOR_INFO_VARIABLE, f"ws://127.0.0.1:{port}/voila/query")
        environment("VOILA_PREHEAT", "True")
        environment("VOILA_KERNEL_ID", KERNEL)
        return seen

    yield start
    for server, thread in running:
        server.shutdown()
        thread.join()


def test_a_preheated_kernel_waits_for_its_visitor(environment, preheated, header, tmp_path):
    environment(visitor.COOKIE_VARIABLE, COOKIE)
    environment("HTTP_COOKIE", "that of the visitor before")
    seen = preheated({"HTTP_COOKIE": header, "QUERY_STRING": "tab=browse"})
    assert visitor.visitor() == "alice"
    assert visitor.visitor() == "alice"
    token = session_cookies.kernel_token(session_cookies.secret_key(tmp_path), KERNEL)
    assert seen == [(f"/voila/query/{KERNEL}", token)], "asked once, with the token"


def test_a_server_that_goes_away_is_reported(preheated):
    preheated(None)
    with pytest.raises(ServerError, match="went away before a visitor came"):
        visitor.visitor()


def test_a_server_that_is_not_there_is_reported(environment):
    environment("VOILA_PREHEAT", "True")
    environment("VOILA_KERNEL_ID", KERNEL)
    environment(visitor.VISITOR_INFO_VARIABLE, "ws://127.0.0.1:9/voila/query")
    with pytest.raises(ServerError, match=r"127\.0\.0\.1:9"):
        visitor.visitor()
