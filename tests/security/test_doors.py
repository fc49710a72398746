"""Attacks on a real server: its two ways to log in, and its places for pages."""

import json
import socket
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from urllib.parse import urlsplit

import pytest
from tornado.web import Application

from imgurer_kernel.apps.server.app import http_server
from imgurer_kernel.apps.server.listen import Listen
from imgurer_kernel.store.sessions import session_id
from tests.e2e.servers import TOKEN, serving
from tests.e2e.test_http import (
    PASSWORD,
    ask,
    channels,
    end_of,
    eventually,
    given_cookies,
    kernel_of,
    kernels,
    log_in,
)
from tests.security.conftest import PROXY, Cookies

pytestmark = pytest.mark.e2e

NOBODY = {"Authorization": ""}


def leave(server, page):
    """Close a page as its browser does."""
    cookies = given_cookies(page)
    path = f"/voila/api/shutdown/{kernel_of(page)}"
    form = {"_xsrf": cookies["_xsrf"]}
    assert ask(server, path, method="POST", cookies=cookies, form=form).status == 204


# Without a login ------------------------------------------------------------------------------


def test_an_image_on_another_page_starts_no_kernel(alone):
    """It once started a kernel of 125 MB each time."""
    known = given_cookies(ask(alone, f"/?token={TOKEN}", headers=NOBODY))
    for site in ("cross-site", "same-site", "same-origin"):
        headers = NOBODY | {
            "Sec-Fetch-Site": site,
            "Sec-Fetch-Mode": "no-cors",
            "Sec-Fetch-Dest": "image",
        }
        for cookies in ({}, known):
            assert ask(alone, "/", headers=headers, cookies=cookies).status in {302, 403}
    prefetch = NOBODY | {"Sec-Purpose": "prefetch;prerender"}
    assert ask(alone, "/", headers=prefetch, cookies=known).status == 403
    assert not kernels(alone)


def test_requests_without_the_token_are_asked_for_it(alone):
    for address in ("/", "/?token=", "/?token=wrong", "/?token=%FF", f"/x?token={TOKEN}"):
        response = ask(alone, address, headers=NOBODY)
        assert response.status in {302, 400}, address
        assert not any(name.startswith("imgurer") for name in given_cookies(response))
    page = ask(alone, "/login", headers=NOBODY)
    assert page.status == 403
    assert "Open the printed address" in page.body
    assert "<script" not in page.body
    assert "not the token" not in page.body
    assert not kernels(alone)


def test_a_wrong_token_is_reported(alone):
    """The same page was shown again, without a message."""
    for tried in ("wrong", "x" * 5000, "%00", "a&token=b"):
        moved = ask(alone, f"/?token={tried}", headers=NOBODY)
        page = ask(alone, moved.headers["Location"], headers=NOBODY)
        assert page.status == 403
        assert "That is not the token of this server" in page.body
        assert tried not in page.body


def test_the_token_is_exchanged_for_a_cookie_and_leaves_the_address(alone):
    response = ask(alone, f"/?token={TOKEN}&tab=search&q=a%26b", headers=NOBODY)
    assert response.status == 302
    assert response.headers["Location"] == "/?tab=search&q=a%26b"
    (cookie,) = response.headers.get_all("Set-Cookie")
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert TOKEN not in cookie
    page = ask(alone, "/", headers=NOBODY, cookies=given_cookies(response))
    assert page.status == 200
    assert TOKEN not in page.body
    leave(alone, page)
    eventually(lambda: not kernels(alone))


def test_there_are_as_many_kernels_as_places_and_a_page_says_so(alone):
    with ThreadPoolExecutor(8) as pool:
        pages = list(pool.map(lambda _: ask(alone, "/"), range(8)))
    opened = [page for page in pages if page.status == 200]
    full = [page for page in pages if page.status == 503]
    assert (len(opened), len(full)) == (2, 6)
    assert len(kernels(alone)) == 2
    for page in full:
        assert "All places are taken" in page.body
        again = f'http-equiv="refresh" content="{page.headers["Retry-After"]}; url=/"'
        assert again in page.body
        assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    leave(alone, opened[0])
    eventually(lambda: (again := ask(alone, "/")).status == 200 and not opened.append(again))
    for page in opened[1:]:
        leave(alone, page)
    eventually(lambda: not kernels(alone))


# With a login ---------------------------------------------------------------------------------


def test_a_silent_page_of_a_disabled_user_is_closed(team, accounts, cookies):
    """It was once closed only at its next message."""
    cookie = cookies.of(cookies.begin("cleo"))
    others = set(kernels(team))
    kernel = kernel_of(ask(team, "/", cookies=cookie))
    with channels(team, kernel, cookies=cookie) as silent:
        accounts.users.disable("cleo")
        accounts.catalog.release()
        code, _ = end_of(silent)
    assert code == 4401
    eventually(lambda: others.issuperset(kernels(team)))
    accounts.users.enable("cleo")
    accounts.catalog.release()


def test_one_sees_ones_logins_and_ends_one_or_all(team, cookies):
    here, there, elsewhere = (cookies.begin("ben") for _ in range(3))
    other = cookies.begin("ada")
    mine = cookies.of(here)
    page = ask(team, "/account", cookies=mine)
    assert page.status == 200
    for each in (here, there, elsewhere):
        assert session_id(each) in page.body
    assert session_id(other) not in page.body
    assert "this one" in page.body
    xsrf = given_cookies(page)["_xsrf"]
    mine |= {"_xsrf": xsrf}

    def end(which, **given):
        form = {"_xsrf": xsrf, "end": which}
        return ask(team, "/account", method="POST", cookies=mine, form=form, **given)

    assert ask(team, "/account", method="POST", cookies=mine, form={"end": "all"}).status == 403
    assert end(session_id(other)).status == 303
    assert ask(team, "/account", cookies=cookies.of(other)).status == 200, "not one's own"
    assert end(session_id(there)).headers["Location"] == "/account?ended=1"
    assert ask(team, "/account", cookies=cookies.of(there)).status == 302
    assert ask(team, "/account", cookies=cookies.of(elsewhere)).status == 200
    assert end("all").headers["Location"] == "/login?left=1"
    for each in (here, elsewhere):
        assert ask(team, "/account", cookies=cookies.of(each)).status == 302
    assert ask(team, "/account", cookies=cookies.of(other)).status == 200


def test_a_session_that_was_logged_out_stays_so_when_the_server_starts_again(
    team, accounts, small_notebook, cookies
):
    """Its cookie was valid again, since only the process knew the ended sessions."""
    left, kept = cookies.begin("ben"), cookies.begin("ben")
    assert ask(team, "/logout", cookies=cookies.of(left)).headers["Location"] == "/login?left=1"
    with serving(accounts.root, notebook=small_notebook, login=True, preheat=0) as again:
        later = Cookies(again, accounts)
        assert ask(again, "/account", cookies=later.of(left)).status == 302
        assert ask(again, "/account", cookies=later.of(kept)).status == 200


# Behind a proxy -------------------------------------------------------------------------------


def test_cookies_are_secure_behind_tls_that_the_trusted_proxy_tells_of(team, cookies):
    tls = {"X-Forwarded-For": "192.0.2.7", "X-Forwarded-Proto": "https", "Host": "pictures.example"}
    form = ask(team, "/login", source=PROXY, headers=tls)
    assert form.status == 200
    given = given_cookies(form)
    fields = {"_xsrf": given["_xsrf"], "name": "ben", "password": "correct horse"}
    response = ask(
        team, "/login", method="POST", source=PROXY, headers=tls, cookies=given, form=fields
    )
    assert response.status == 303
    ours = [each for each in response.headers.get_all("Set-Cookie") if "imgurer" in each]
    assert len(ours) == 2
    assert all("Secure" in each and "HttpOnly" in each for each in ours)
    listed = cookies.accounts.sessions.list("ben")
    cookies.accounts.catalog.release()
    assert listed["address"][0] == "192.0.2.7"


def test_forwarding_headers_of_others_are_ignored(team):
    made_up = {"X-Forwarded-For": "192.0.2.7", "X-Forwarded-Proto": "https"}
    response, _ = log_in(SimpleNamespace(url=team.url), "ben")
    assert response.status == 303
    form = ask(team, "/login", headers=made_up)
    fields = {"_xsrf": given_cookies(form)["_xsrf"], "name": "ben", "password": "correct horse"}
    response = ask(
        team, "/login", method="POST", headers=made_up, cookies=given_cookies(form), form=fields
    )
    ours = [each for each in response.headers.get_all("Set-Cookie") if "imgurer" in each]
    assert ours
    assert not any("Secure" in each for each in ours)


def test_requests_that_reached_the_proxy_without_tls_are_refused(team):
    headers = {"X-Forwarded-For": "192.0.2.7", "X-Forwarded-Proto": "http"}
    response = ask(team, "/login", source=PROXY, headers=headers)
    assert response.status == 426
    assert "https://" in response.body
    assert ask(team, "/login").status == 200, "from this machine itself"


def test_requests_that_never_end_are_ended():
    """Half a request kept its connection for an hour."""
    server = http_server(Application(), Listen(host="127.0.0.1", port=1, login=False))
    assert 0 < server.conn_params.header_timeout <= 60
    assert 0 < server.conn_params.body_timeout <= 60
    assert 0 < server.conn_params.max_header_size <= 1 << 16
    assert 0 < server.conn_params.max_body_size <= 1 << 20


ODD = {
    "two lengths": (
        b"POST /login",
        b"Content-Length: 4\r\nTransfer-Encoding: chunked",
        b"0\r\n\r\n",
    ),
    "two codings": (b"POST /login", b"Transfer-Encoding: chunked, identity", b"0\r\n\r\n"),
    "a negative length": (b"POST /login", b"Content-Length: -1", b""),
    "a signed length": (b"POST /login", b"Content-Length: +1", b"a"),
    "two hosts": (b"GET /login", b"Host: elsewhere", b""),
    "a folded header": (b"GET /login", b"X: a\r\n b", b""),
    "another server": (b"GET http://elsewhere/account", b"X: y", b""),
    "a tunnel": (b"CONNECT elsewhere:80", b"X: y", b""),
    "an echo": (b"TRACE /account", b"X: y", b""),
    "another method": (b"POST /account", b"X-HTTP-Method-Override: GET\r\nContent-Length: 0", b""),
    "no character": (b"GET /a\0b", b"X: y", b""),
    "no percent": (b"GET /%zz%00%ff", b"X: y", b""),
    "no text": (b"GET /login?next=%ff", b"X: y", b""),
    "parts without end": (
        b"POST /login",
        b"Content-Type: multipart/form-data; boundary=a\r\nContent-Length: 200000",
        b"--a\r\n" * 40_000,
    ),
    "many fields": (
        b"POST /login",
        b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 200000",
        b"a=1&" * 50_000,
    ),
    "many headers": (b"GET /account", b"\r\n".join(b"a%d: b" % n for n in range(5000)), b""),
}


@pytest.mark.parametrize("kind", ODD)
def test_odd_requests_are_refused_and_write_nothing(team, kind):
    """Anybody may send them; a line on the terminal for each would hide all else."""
    printed = len(team.lines)
    line, headers, body = ODD[kind]
    address = urlsplit(team.url)
    with socket.create_connection((address.hostname, address.port)) as connection:
        host = f"Host: {address.netloc}".encode()
        request = [line + b" HTTP/1.1", host, b"Connection: close", headers, b"", body]
        connection.sendall(b"\r\n".join(request))
        connection.settimeout(60)
        answer = b"".join(iter(lambda: connection.recv(1 << 16), b""))
    status = answer.split(b" ")[1:2]
    assert status in [[b"302"], [b"400"], [b"403"], [b"404"], [b"405"]]
    assert b"elsewhere" not in answer.partition(b"\r\n\r\n")[0]
    assert ask(team, "/login").status == 200
    assert team.lines[printed:] == []


def test_the_log_says_who_did_what_and_no_secret(team, cookies):
    wrong = "wrong \n{}"
    log_in(team, wrong, "a password that is wrong")
    response, given = log_in(team, "ben")
    assert response.status == 303
    ask(team, "/logout", cookies=given)
    text = (team.root / "log" / "events.jsonl").read_text()
    events = [json.loads(line) for line in text.splitlines()]
    kinds = [event["event"] for event in events]
    assert kinds[-3:] == ["login-failed", "login", "logout"]
    assert events[-3]["user"].startswith("wrong")
    assert (events[-2]["user"], events[-2]["address"]) == ("ben", "127.0.0.1")
    assert "start" in kinds
    secrets = [PASSWORD, "a password that is wrong", cookies.key.decode(), *given.values()]
    assert not any(secret in text for secret in secrets)
