"""A real server over HTTP: what it serves, to whom, and what it never serves."""

import contextlib
import http.client
import json
import re
import signal
import socket
import struct
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlencode, urlsplit
from uuid import uuid4

import psutil
import pytest
from jupyter_server.services.kernels.connection.base import (
    deserialize_msg_from_ws_v1,
    serialize_msg_to_ws_v1,
)
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from imgurer_kernel.apps.server.config import assets_version
from imgurer_kernel.apps.server.frames import READ_BYTES
from imgurer_kernel.store import session_cookies
from imgurer_kernel.store.catalog import Catalog
from imgurer_kernel.store.users import Users
from tests.e2e.servers import TOKEN, serving

PASSWORD = "correct horse"
SECRET_BYTES = b"the bytes of a picture that is nobody else's business"
KEPT = assets_version()
SCRIPT = f"/voila/static/{KEPT}/voila.js"
NO_KERNEL = "00000000-0000-4000-8000-000000000000"
PROTOCOL = "v1.kernel.websocket.jupyter.org"


def write_notebook(path, *sources):
    """A notebook with these code cells."""
    cells = [
        {
            "cell_type": "code",
            "id": f"cell-{number}",
            "execution_count": None,
            "metadata": {},
            "outputs": [],
            "source": source,
        }
        for number, source in enumerate(sources)
    ]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    book = {"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}
    path.write_text(json.dumps(book), encoding="utf-8")
    return path


WHO = """
import os
from IPython.display import HTML
from imgurer_kernel.settings import Settings
from imgurer_kernel.ui import visitor
"""
SHOW = """
who = visitor.visitor()
radius = Settings.from_env().radius
HTML(f"<p>visitor={who} cwd={os.getcwd()} radius={radius}</p>")
"""


def ask(server, path, *, method="GET", headers=None, cookies=None, form=None, source="127.0.0.1"):
    """Send one request unchanged; return the response with its body read.

    A server without a login is shown its token, unless the headers say otherwise.
    """
    headers = {"Authorization": f"token {TOKEN}"} | dict(headers or {})
    if cookies:
        headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in cookies.items())
    body = None
    if form is not None:
        body = urlencode(form)
        headers["Content-Type"] = "application/x-www-form-urlencoded"
    port = urlsplit(server.url).port
    connection = http.client.HTTPConnection(
        "127.0.0.1", port, timeout=60, source_address=(source, 0)
    )
    try:
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        response.body = response.read().decode("utf-8", "replace")
        return response
    finally:
        connection.close()


def given_cookies(response):
    """Name and value of each cookie that a response sets."""
    pairs = (
        each.split(";")[0].split("=", 1) for each in response.headers.get_all("Set-Cookie", [])
    )
    return dict(pairs)


def kernel_of(page):
    return re.search(r'"kernelId": "([0-9a-f-]{36})"', page.body)[1]


def channels(server, kernel, *, cookies=None, origin=None, protocols=(PROTOCOL,)):
    """The connection to a kernel."""
    headers = {"Authorization": f"token {TOKEN}"}
    if cookies:
        headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in cookies.items())
    address = (
        f"{server.url.replace('http', 'ws')}api/kernels/{kernel}/channels?session_id={uuid4()}"
    )
    return connect(
        address,
        additional_headers=headers,
        origin=origin,
        subprotocols=list(protocols) or None,
        proxy=None,
        open_timeout=30,
    )


def refused(status, *arguments, **keywords):
    with pytest.raises(InvalidStatus) as caught:
        channels(*arguments, **keywords)
    assert caught.value.response.status_code == status


def eventually(condition, seconds=30):
    """Wait for a condition, with a generous time limit, so that the test can fail."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "did not happen"
        time.sleep(0.1)


@pytest.fixture(scope="module")
def notebook(tmp_path_factory):
    return write_notebook(tmp_path_factory.mktemp("notebook") / "dashboard.ipynb", WHO, SHOW)


def fill(root):
    """A store with one blob that no URL may serve."""
    blob = root / "blobs" / "ab" / "cd" / ("abcd" + "0" * 60)
    blob.parent.mkdir(parents=True)
    blob.write_bytes(SECRET_BYTES)
    (root / "picture.png").write_bytes(SECRET_BYTES)


@pytest.fixture(scope="module")
def open_server(tmp_path_factory, notebook):
    """A server without a login."""
    root = tmp_path_factory.mktemp("open") / "store"
    root.mkdir()
    fill(root)
    with serving(root, notebook=notebook, environment={"IMGURER_RADIUS": "3"}) as server:
        yield server


@pytest.fixture(scope="module")
def members(tmp_path_factory):
    """The store of a server with a login, and its accounts."""
    root = tmp_path_factory.mktemp("members") / "store"
    root.mkdir()
    catalog = Catalog(root)
    users = Users(catalog)
    for name in ("alice", "bob", "carol", "dave"):
        users.create(name, PASSWORD, "admin" if name == "alice" else "member")
    catalog.release()
    fill(root)
    yield root, users, catalog
    catalog.close()


@pytest.fixture(scope="module")
def login_server(members, notebook):
    """A server with a login."""
    with serving(members[0], notebook=notebook, login=True) as server:
        yield server


def log_in(server, name, password=PASSWORD, target="/"):
    """Log in as a browser does; returns the response and the cookies."""
    form = ask(server, "/login")
    cookies = given_cookies(form)
    token = re.search(r'name="_xsrf" value="([^"]+)"', form.body)[1]
    fields = {"_xsrf": token, "name": name, "password": password, "next": target}
    response = ask(server, "/login", method="POST", cookies=cookies, form=fields)
    return response, cookies | given_cookies(response)


# Without a login ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def open_page(open_server):
    """A page of the server without a login, for read-only tests; its kernel is not culled."""
    page = ask(open_server, "/?tab=search")
    with channels(open_server, kernel_of(page)):
        yield page


@pytest.fixture(scope="module")
def open_kernel(open_page):
    """The kernel of that page."""
    return kernel_of(open_page)


def test_the_page(open_server, open_page):
    page = open_page
    assert page.status == 200
    assert "<title>imgurer</title>" in page.body
    assert f"cwd={open_server.root} " in page.body
    assert "visitor=None" in page.body
    assert "radius=10" in page.body, "the server's own environment won over its settings"
    assert "os.getcwd" not in page.body, "the source is in the page"
    assert page.headers["Cache-Control"].startswith("no-cache, no-store")


def test_two_visitors_have_two_kernels_that_go_with_their_pages(open_server):
    kernels = []
    for _ in range(2):
        page = ask(open_server, "/")
        kernels.append((kernel_of(page), given_cookies(page)))
    (first, cookies), (second, _) = kernels
    assert first != second
    address = f"/voila/api/shutdown/{first}"
    assert ask(open_server, address, method="POST").status == 403, "no token, as from another site"
    assert ask(open_server, f"/api/kernels/{first}").status == 200
    form = {"_xsrf": cookies["_xsrf"]}
    assert ask(open_server, address, method="POST", cookies=cookies, form=form).status == 204
    assert ask(open_server, f"/api/kernels/{first}").status == 404
    assert ask(open_server, f"/api/kernels/{second}").status == 200


def listening(process):
    """Ports that a process has opened for others to connect to."""
    connections = psutil.Process(process).net_connections("inet")
    return [each.laddr.port for each in connections if each.status == psutil.CONN_LISTEN]


def test_a_kernel_uses_no_port_that_could_be_taken(open_server, open_page):
    """If the port for output was taken, the kernel and its page hung.

    The one port of a kernel is for its own children; it is chosen when it is opened.
    """
    assert listening(open_server.process.pid) == [urlsplit(open_server.url).port]
    assert kernels(open_server)
    assert all(len(listening(kernel)) <= 1 for kernel in kernels(open_server))


def test_assets_are_cached_by_the_browser_only(open_server, open_page):
    headers = ask(open_server, SCRIPT).headers
    assert headers["Cache-Control"] == "private, max-age=31536000, immutable"
    assert SCRIPT in open_page.body


@pytest.mark.parametrize("path", ["/", SCRIPT, "/nothing"])
def test_every_answer_has_the_headers(open_server, open_page, path):
    headers = (open_page if path == "/" else ask(open_server, path)).headers
    assert "script-src-attr 'none'" in headers["Content-Security-Policy"] or (
        "default-src 'none'" in headers["Content-Security-Policy"]
    )
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "same-origin"


@pytest.mark.parametrize("path", ["/", SCRIPT, f"/api/kernels/{NO_KERNEL}", "/x"])
@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example:80", "192.0.2.7"])
def test_a_foreign_name_for_this_machine_gets_nothing(open_server, path, host):
    response = ask(open_server, path, headers={"Host": host})
    assert response.status == 403
    assert "You have no access" in response.body


@pytest.mark.parametrize("host", ["localhost", "localhost:80", "[::1]:80", "127.0.0.1"])
def test_our_own_names_are_welcome(open_server, host):
    assert ask(open_server, SCRIPT, headers={"Host": host}).status == 200


def test_another_sites_script_does_not_reach_a_kernel(open_server, open_kernel):
    kernel = open_kernel
    refused(403, open_server, kernel, origin="http://evil.example")
    refused(403, open_server, kernel, origin="null")
    with channels(open_server, kernel, origin=open_server.url.rstrip("/")):
        pass
    refused(404, open_server, NO_KERNEL)


ELSEWHERE = (
    "/voila/files/picture.png",
    "/voila/files/dashboard.ipynb",
    "/voila/files/../picture.png",
    "/files/picture.png",
    "/static/picture.png",
    "/picture.png",
    "/catalog.duckdb",
    "/secret",
    "/blobs/ab/cd/abcd" + "0" * 60,
    "/dashboard.ipynb",
    "/voila/render/dashboard.ipynb",
    "/voila/tree",
    "/api/contents",
    "/api/contents/picture.png",
    "/api/sessions",
    "/api/kernels",
    "/api/kernelspecs",
    "/api/me",
    "/voila/static/voila.js",
    "/voila/static/0123456789abcdef/voila.js",
    "/voila/templates/imgurer/static/page.js",
    "/voila/templates/../static/page.js",
    "/voila/execution/" + NO_KERNEL,
    "/terminals/websocket/1",
    "/metrics",
    "/account",
    "/logout",
    "/%00",
    "/%F0%9F%98%80",
)


@pytest.mark.parametrize("path", ELSEWHERE, ids=range(len(ELSEWHERE)))
def test_other_urls_are_not_found(open_server, path):
    response = ask(open_server, path)
    assert response.status == 404
    assert "Traceback" not in response.body
    assert "There is nothing here" in response.body


CLIMBS = [
    prefix + climb
    for prefix in (f"/voila/static/{KEPT}/", f"/voila/labextensions/{KEPT}/", "/voila/api/themes/")
    for climb in (
        "../" * 12 + "{target}",
        "%2e%2e/" * 12 + "{target}",
        "..%2f" * 12 + "{target}",
        "..\\" * 12 + "{target}",
        "/{target}",
        "%2f{target}",
        "//{target}",
        "{target}",
        "anywidget/" + "../" * 14 + "{target}",
        "voila.js/../" + "../" * 14 + "{target}",
    )
]


@pytest.mark.parametrize("climb", CLIMBS)
@pytest.mark.parametrize("wanted", ["picture.png", "secret", "blobs/ab/cd/abcd" + "0" * 60])
def test_no_path_leads_out_of_the_assets(open_server, climb, wanted):
    target = str(open_server.root / wanted).lstrip("/")
    response = ask(open_server, climb.replace("{target}", target))
    assert response.status in {403, 404}
    assert SECRET_BYTES.decode() not in response.body
    assert (open_server.root / "secret").read_text() not in response.body


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "HEAD"])
@pytest.mark.parametrize("path", ["/", "/api/kernels", SCRIPT, "/x"])
def test_no_other_verb_does_anything(open_server, method, path):
    response = ask(open_server, path, method=method)
    if (method, path) == ("HEAD", SCRIPT):
        assert response.status == 200
    else:
        assert response.status in {204, 403, 404, 405}
    assert "Traceback" not in response.body


def test_only_the_kernel_itself_can_wait_for_its_visitor(open_server):
    """The message to a preheated kernel contains the visitor's cookie."""
    address = f"{open_server.url.replace('http', 'ws')}voila/query/{NO_KERNEL}"
    token = session_cookies.kernel_token(session_cookies.secret_key(open_server.root), NO_KERNEL)
    for headers in ({}, {"X-Imgurer-Kernel": "x"}, {"X-Imgurer-Kernel": token[:-1]}):
        with pytest.raises(InvalidStatus) as caught:
            connect(address, additional_headers=headers, proxy=None)
        assert caught.value.response.status_code == 403
    with connect(address, additional_headers={"X-Imgurer-Kernel": token}, proxy=None):
        pass


def test_the_query_cannot_change_the_template(open_server):
    page = ask(open_server, "/?template=reveal&theme=dark&voila-template=base")
    assert page.status == 200
    assert 'id="loading"' in page.body
    assert "reveal.js" not in page.body


def test_no_address_of_the_page_is_foreign(open_page):
    page = open_page.body
    addresses = re.findall(r"""(?:src|href|action)=["']([^"']+)""", page)
    assert addresses
    assert all(each.startswith(("/", "data:")) and not each.startswith("//") for each in addresses)
    assert "<script>" not in page, "an inline script, which the content policy refuses"


# What a page may send to its kernel ------------------------------------------------------------


def message(*buffers, kind="kernel_info_request", number="1", channel="shell"):
    """A frame as Jupyter's own front end sends it."""
    header = {"msg_id": number, "msg_type": kind, "username": "", "session": "x"}
    header |= {"date": "2026-01-01T00:00:00Z", "version": "5.3"}
    parts = [json.dumps(each).encode() for each in (header, {}, {}, {})]
    return serialize_msg_to_ws_v1([*parts, *buffers], channel)


def wait_for_answer(connection, number):
    """Read until the kernel has said that it is done with a message."""
    while True:
        _, parts = deserialize_msg_from_ws_v1(connection.recv(timeout=60))
        if json.loads(parts[1]).get("msg_id") == number and b'"idle"' in parts[3]:
            return


def end_of(connection):
    """Read until the server closes; the code and the reason that it gives, None for none."""
    try:
        while True:
            connection.recv(timeout=60)
    except ConnectionClosed as closed:
        return closed.rcvd and (closed.rcvd.code, closed.rcvd.reason)


@pytest.mark.parametrize("protocols", [(), ("v2.kernel.websocket.jupyter.org",), (PROTOCOL + "x",)])
def test_a_socket_that_does_not_speak_the_protocol_is_refused(open_server, open_kernel, protocols):
    """Its messages were parsed all the same: one with a buffer blocked the server."""
    refused(400, open_server, open_kernel, protocols=protocols)
    with channels(open_server, open_kernel, protocols=(*protocols, PROTOCOL)) as connection:
        assert connection.subprotocol == PROTOCOL


GOOD = message(b"a buffer")
BAD_FRAMES = {
    "an endless table": (1007, struct.pack("<Q", 1 << 60)),
    "a table that is cut off": (1007, struct.pack("<7Q", 7, *[64] * 6)),
    "nothing": (1007, b""),
    "no table": (1007, b"\x06"),
    "a length beyond the end": (1007, GOOD[:24] + struct.pack("<Q", 1 << 63) + GOOD[32:]),
    "cut off": (1007, GOOD[:-1]),
    "a channel that is no text": (1007, GOOD.replace(b"shell", b"sh\xffll")),
    "no such channel": (1007, message(channel="sheet")),
    "a channel that only listens": (1007, message(channel="iopub")),
    "a header that is no JSON": (1007, GOOD.replace(b'{"msg_id"', b'["msg_id"')),
    "too many buffers": (1007, message(*[b""] * 250_000)),
    "a text": (1003, "hello"),
    "a message of the protocol before": (1003, json.dumps({"channel": "shell", "header": {}})),
    "too much": (1009, message(b"x" * (3 << 20))),
}


def test_a_malformed_frame_closes_its_own_socket_with_a_reason(open_server, open_kernel):
    """A frame with an endless table blocked the server."""
    got = {}
    with channels(open_server, open_kernel) as bystander:
        for name, (_, frame) in BAD_FRAMES.items():
            with channels(open_server, open_kernel) as connection:
                connection.send(frame)
                assert ask(open_server, "/nothing").status == 404, name
                got[name] = end_of(connection)
        bystander.send(message(number="after"))
        wait_for_answer(bystander, "after")
    assert {name: end and end[0] for name, end in got.items()} == {
        name: code for name, (code, _) in BAD_FRAMES.items()
    }
    assert all(len(reason) > 10 for _, reason in got.values())
    assert not any("Traceback" in line for line in open_server.lines)


@pytest.mark.parametrize("size", [READ_BYTES + 1, 1 << 33, (1 << 63) - 1])
def test_a_frame_that_is_announced_as_too_long_is_not_waited_for(open_server, open_kernel, size):
    with channels(open_server, open_kernel) as connection:
        connection.socket.sendall(b"\x82\xff" + struct.pack(">Q", size) + b"mask" + b"x" * 1000)
        assert end_of(connection) in {None, (1009, "message too big")}, "cut off, or told so"


def test_a_chunk_of_an_upload_passes(open_server, open_kernel):
    with channels(open_server, open_kernel) as connection:
        connection.send(message(b"x" * (1 << 20), kind="comm_msg", number="chunk"))
        wait_for_answer(connection, "chunk")


# A broken notebook, and the end ---------------------------------------------------------------


def test_a_broken_notebook_shows_words_and_no_traceback(tmp_path):
    broken = (
        "import sys\nprint('on the way')\nprint('oh', file=sys.stderr)\nraise ValueError('/a/b')"
    )
    notebook = write_notebook(tmp_path / "broken.ipynb", "first = 1", broken, "print('after')")
    with serving(tmp_path / "store", notebook=notebook) as server:
        page = ask(server, "/")
    assert page.status == 200
    assert "The dashboard could not be opened" in page.body
    for word in ("Traceback", "ValueError", "/a/b", "on the way", "ExecutionError", "raise V"):
        assert word not in page.body, word
    assert any("ValueError" in line for line in server.lines), "the log says what"


def test_errors_of_the_package_are_shown(tmp_path):
    """They are written for users; file names in them are escaped."""
    raising = (
        "from imgurer_kernel.errors import CatalogBusy\nraise CatalogBusy('held by <img src=x>')"
    )
    notebook = write_notebook(tmp_path / "busy.ipynb", raising)
    with serving(tmp_path / "store", notebook=notebook, preheat=0) as server:
        page = ask(server, "/")
    assert "held by &lt;img src=x&gt;" in page.body
    assert "<img" not in page.body
    assert "Traceback" not in page.body


def kernels(server):
    """Numbers of the processes of a server's kernels that run, forked or started."""
    found = []
    for each in psutil.Process(server.process.pid).children(recursive=True):
        with contextlib.suppress(psutil.Error):  # it may end meanwhile
            if each.name() == "imgurer-kernel" or "ipykernel_launcher" in each.cmdline():
                found.append(each.pid)
    return found


def test_the_end_is_clean(members, notebook):
    """With an open page, its kernel idle, another kernel waiting, and the catalog in use."""
    with serving(members[0], notebook=notebook, login=True, forked=False) as server:
        _, cookies = log_in(server, "alice")
        kernel = kernel_of(ask(server, "/", cookies=cookies))
        with channels(server, kernel, cookies=cookies):
            eventually(lambda: len(kernels(server)) == 2)
            family = psutil.Process(server.process.pid).children(recursive=True)
            server.process.send_signal(signal.SIGINT)
            server.process.wait(30)
    assert server.process.returncode == 0
    assert server.lines == [f"imgurer is at {server.url}", "imgurer has stopped"]
    eventually(lambda: not any(each.is_running() for each in family))


@pytest.mark.long
def test_an_end_while_a_page_is_closed_is_clean(tmp_path, notebook):
    """Its kernel is being stopped already, by its page and by a second request."""
    with serving(tmp_path / "store", notebook=notebook, forked=False) as server:
        page = ask(server, "/")
        cookies = given_cookies(page)
        raw = f"_xsrf={cookies['_xsrf']}"
        lines = (
            f"POST /voila/api/shutdown/{kernel_of(page)} HTTP/1.1",
            "Host: 127.0.0.1",
            f"Cookie: {raw}",
            "Content-Type: application/x-www-form-urlencoded",
            f"Content-Length: {len(raw)}",
            "",
            raw,
        )
        beacons = []
        for _ in range(2):  # sent without waiting for an answer, as a page that is closed does
            beacon = socket.create_connection(("127.0.0.1", urlsplit(server.url).port))
            beacon.sendall("\r\n".join(lines).encode())
            beacons.append(beacon)
        time.sleep(0.1)
        server.process.send_signal(signal.SIGINT)
        server.process.wait(30)
        for beacon in beacons:
            beacon.close()
    assert server.process.returncode == 0
    assert server.lines == [f"imgurer is at {server.url}?token={TOKEN}", "imgurer has stopped"]


@pytest.mark.parametrize(
    "number", [pytest.param(signal.SIGINT, marks=pytest.mark.long), signal.SIGTERM]
)
def test_an_end_at_once_is_clean(tmp_path, notebook, number):
    """During the start of two kernels."""
    with serving(tmp_path / "store", notebook=notebook, preheat=2, forked=False) as server:
        server.process.send_signal(number)
        server.process.wait(30)
    assert server.process.returncode == 0
    assert server.lines == [f"imgurer is at {server.url}?token={TOKEN}", "imgurer has stopped"]


# With a login ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def alices(login_server):
    """The cookies of alice, and a page of hers for read-only tests."""
    _, cookies = log_in(login_server, "alice")
    page = ask(login_server, "/", cookies=cookies)
    with channels(login_server, kernel_of(page), cookies=cookies):
        yield cookies, page


def test_visitors_without_a_session_are_redirected_to_the_login(login_server):
    response = ask(login_server, "/?tab=search")
    assert response.status == 302
    assert response.headers["Location"] == "/login?next=%2F%3Ftab%3Dsearch"


@pytest.mark.parametrize(
    "path",
    [
        SCRIPT,
        f"/voila/static/{KEPT}/page.js",
        f"/voila/labextensions/{KEPT}/anywidget/package.json",
        "/voila/api/themes/@jupyterlab/theme-light-extension/index.css",
        f"/voila/api/shutdown/{NO_KERNEL}",
        "/voila/files/picture.png",
        "/api/kernels",
        f"/api/kernels/{NO_KERNEL}",
        "/picture.png",
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "DELETE"])
def test_nothing_is_for_who_is_not_logged_in(login_server, path, method):
    response = ask(login_server, path, method=method)
    assert response.status in {302, 403}
    if response.status == 302:
        assert response.headers["Location"].startswith("/login?next=")


def test_no_kernel_is_for_who_is_not_logged_in(login_server, alices):
    cookies, page = alices
    kernel = kernel_of(page)
    refused(403, login_server, kernel)
    refused(403, login_server, NO_KERNEL)
    assert ask(login_server, f"/api/kernels/{kernel}").status in {302, 403}
    assert ask(login_server, f"/api/kernels/{kernel}", cookies=cookies).status == 200


def test_the_login_page_loads_no_other_file(login_server):
    page = ask(login_server, "/login?next=//evil.example")
    assert page.status == 200
    assert "<script" not in page.body
    assert 'name="next" value="/"' in page.body
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "'unsafe-inline'" not in policy
    assert page.headers["Cache-Control"] == "no-store"


def test_the_login(login_server, alices):
    response, cookies = log_in(login_server, "Alice", target="/?tab=browse")
    assert response.status == 303
    assert response.headers["Location"] == "/?tab=browse"
    (cookie,) = (each for each in response.headers.get_all("Set-Cookie") if "imgurer-" in each)
    port = urlsplit(login_server.url).port
    assert cookie.startswith(f"imgurer-{port}=")
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Secure" not in cookie, "over http it would never come back"
    _, page = alices
    assert "visitor=alice" in page.body
    again = ask(login_server, "/login?next=/%3Ftab%3Dx", cookies=cookies)
    assert (again.status, again.headers["Location"]) == (302, "/?tab=x")


def test_a_wrong_password(login_server):
    response, cookies = log_in(login_server, "alice", "a wrong password")
    assert response.status == 401
    assert "The name or the password is wrong." in response.body
    assert 'value="alice"' in response.body
    assert "a wrong password" not in response.body
    assert not any(name.startswith("imgurer-") for name in cookies)
    assert ask(login_server, "/", cookies=cookies).status == 302


def test_typed_names_are_escaped(login_server):
    response, _ = log_in(login_server, '"><img src=x onerror=alert(1)>')
    assert "<img" not in response.body
    assert "&lt;img" in response.body


def test_a_login_from_another_site_is_refused(login_server):
    fields = {"name": "alice", "password": PASSWORD}
    response = ask(login_server, "/login", method="POST", form=fields)
    assert response.status == 403
    assert not any("imgurer-" in name for name in given_cookies(response))
    form = ask(login_server, "/login")
    token = re.search(r'name="_xsrf" value="([^"]+)"', form.body)[1]
    response = ask(
        login_server,
        "/login",
        method="POST",
        cookies=given_cookies(form),
        form=fields | {"_xsrf": token},
        headers={"Origin": "http://evil.example"},
    )
    assert response.status in {403, 404}


def test_a_forged_cookie_is_refused(login_server, tmp_path):
    name = f"imgurer-{urlsplit(login_server.url).port}"
    forged = session_cookies.seal(
        session_cookies.begin("alice", ""), session_cookies.secret_key(tmp_path), name
    )
    key = session_cookies.secret_key(login_server.root)
    other_port = session_cookies.seal(session_cookies.begin("alice", ""), key, "imgurer-1")
    other_password = session_cookies.seal(session_cookies.begin("alice", "0" * 16), key, name)
    nobody = session_cookies.seal(session_cookies.begin("nobody", ""), key, name)
    for value in (forged, other_port, other_password, nobody, "alice", ""):
        assert ask(login_server, "/", cookies={name: value}).status == 302


def test_a_user_has_no_access_to_anothers_kernel(login_server, alices):
    alice, page = alices
    _, bob = log_in(login_server, "bob")
    kernel = kernel_of(page)
    with channels(login_server, kernel, cookies=alice):
        refused(403, login_server, kernel, cookies=bob)
        assert ask(login_server, f"/api/kernels/{kernel}", cookies=bob).status == 403
        form = {"_xsrf": bob["_xsrf"]}
        address = f"/voila/api/shutdown/{kernel}"
        assert ask(login_server, address, method="POST", cookies=bob, form=form).status == 403
        assert ask(login_server, f"/api/kernels/{kernel}", cookies=alice).status == 200


def is_closed(connection):
    """Return whether the socket of an ended session is closed at its next message."""
    try:
        connection.send(message())
        while True:
            connection.recv(timeout=0.2)
    except TimeoutError:
        return False
    except ConnectionClosed as closed:
        return closed.rcvd is not None and closed.rcvd.code == 4401


@pytest.mark.parametrize(
    ("name", "act", "undo"),
    [
        ("carol", lambda users: users.disable("carol"), lambda users: users.enable("carol")),
        (
            "dave",
            lambda users: users.set_password("dave", "another password"),
            lambda users: users.set_password("dave", PASSWORD),
        ),
    ],
)
def test_a_session_ends_with_its_account(login_server, members, name, act, undo):
    _, users, catalog = members
    _, cookies = log_in(login_server, name)
    kernel = kernel_of(ask(login_server, "/", cookies=cookies))
    with channels(login_server, kernel, cookies=cookies) as connection:
        assert not is_closed(connection)
        act(users)
        catalog.release()
        eventually(lambda: is_closed(connection))
    eventually(lambda: ask(login_server, "/", cookies=cookies).status == 302)
    eventually(lambda: ask(login_server, f"/api/kernels/{kernel}", cookies=cookies).status != 200)
    response, _ = log_in(login_server, name)
    assert response.status == 401
    undo(users)
    catalog.release()
    response, _ = log_in(login_server, name)
    assert response.status == 303


def test_the_login_of_a_disabled_account_gives_the_reason(login_server, members):
    _, users, catalog = members
    users.disable("bob")
    catalog.release()
    response, _ = log_in(login_server, "bob")
    users.enable("bob")
    catalog.release()
    assert response.status == 401
    assert "The account bob is disabled." in response.body


def test_logging_out_ends_the_session_and_its_kernels(login_server):
    _, cookies = log_in(login_server, "alice")
    _, other = log_in(login_server, "alice")
    kernel = kernel_of(ask(login_server, "/", cookies=cookies))
    elsewhere = kernel_of(ask(login_server, "/", cookies=other))
    for each, whose in ((kernel, cookies), (elsewhere, other)):
        assert ask(login_server, f"/api/kernels/{each}", cookies=whose).status == 200
    foreign = {"Sec-Fetch-Site": "cross-site"}
    assert ask(login_server, "/logout", cookies=cookies, headers=foreign).status == 403
    foreign |= {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    response = ask(login_server, "/logout", cookies=cookies, headers=foreign)
    assert response.headers["Location"] == "/"
    assert ask(login_server, f"/api/kernels/{kernel}", cookies=cookies).status == 200
    response = ask(login_server, "/logout", cookies=cookies)
    assert response.headers["Location"] == "/login?left=1"
    assert given_cookies(response)[f"imgurer-{urlsplit(login_server.url).port}"] == '""'
    assert ask(login_server, "/", cookies=cookies).status == 302, "the cookie was copied before"
    assert ask(login_server, f"/api/kernels/{kernel}", cookies=other).status == 404
    assert ask(login_server, f"/api/kernels/{elsewhere}", cookies=other).status == 200
    assert "You are logged out." in ask(login_server, "/login?left=1").body


def test_a_full_queue_is_answered_at_once(login_server):
    """New clients are refused; logged-in users notice nothing."""
    _, bob = log_in(login_server, "bob")
    port = urlsplit(login_server.url).port
    xsrf = given_cookies(ask(login_server, "/login"))["_xsrf"]
    answers = []
    with contextlib.ExitStack() as stack:
        crowd = [stack.enter_context(socket.socket()) for _ in range(120)]
        for number, stranger in enumerate(crowd, start=1):
            try:
                stranger.bind((f"127.0.77.{number}", 0))  # each from an address of its own
            except OSError:
                pytest.skip("this system has one loopback address only")
            stranger.settimeout(60)
            stranger.connect(("127.0.0.1", port))
        for number, stranger in enumerate(crowd):
            form = urlencode({"_xsrf": xsrf, "name": f"stranger{number}", "password": "a guess"})
            lines = (
                "POST /login HTTP/1.1",
                f"Host: 127.0.0.1:{port}",
                f"Cookie: _xsrf={xsrf}",
                "Content-Type: application/x-www-form-urlencoded",
                f"Content-Length: {len(form)}",
                "Connection: close",
            )
            stranger.sendall("\r\n".join([*lines, "", form]).encode())
        assert ask(login_server, "/login", cookies=bob).status == 302
        for stranger in crowd:
            answer = stack.enter_context(http.client.HTTPResponse(stranger))
            answer.begin()
            answers.append((answer.status, answer.headers["Retry-After"], answer.read().decode()))
    assert Counter(status for status, _, _ in answers).keys() == {401, 429}
    full = [(wait, body) for status, wait, body in answers if status == 429]
    assert len(full) > 60
    assert {wait for wait, _ in full} == {"2"}
    words = "Too many people want to log in at this moment. Wait 2 seconds, then try again."
    assert all(words in body and 'role="alert"' in body for _, body in full)


@pytest.fixture(scope="module")
def guessed_server(members, notebook):
    """A server for tests with many guesses; other servers get fewer."""
    with serving(members[0], notebook=notebook, login=True, preheat=0) as server:
        yield server


def test_guessing_is_slowed_down(guessed_server):
    for _ in range(5):
        response, _ = log_in(guessed_server, "Alice", "a wrong password")
        assert response.status == 401
    response, cookies = log_in(guessed_server, "alice")
    assert response.status == 429, "even the right password has to wait"
    assert 1 <= int(response.headers["Retry-After"]) <= 2
    assert "Too many wrong tries. Wait" in response.body
    assert ask(guessed_server, "/", cookies=cookies).status == 302
    response, _ = log_in(guessed_server, "bob")
    assert response.status == 303, "others are not kept out"
    eventually(lambda: log_in(guessed_server, "alice")[0].status == 303)


def test_guesses_in_parallel_are_slowed_down_as_those_in_turn_are(guessed_server):
    """Each was checked before the first had failed, and all other logins waited."""
    _, cookies = log_in(guessed_server, "bob")
    token = {"_xsrf": cookies["_xsrf"], "name": "alice"}

    def guess(password):
        form = token | {"password": password}
        mine = {"_xsrf": token["_xsrf"]}
        return ask(guessed_server, "/login", method="POST", cookies=mine, form=form).status

    with ThreadPoolExecutor(200) as pool:
        guesses = [f"wrong password {number}" for number in range(199)] + [PASSWORD]
        statuses = list(pool.map(guess, guesses))
    assert statuses[-1] in {429, 303}
    assert Counter(statuses)[429] >= 190
    assert ask(guessed_server, "/", cookies=cookies).status == 200, "others are not kept out"
