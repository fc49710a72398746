"""Connections of clients that stop in the middle of a request or an answer are closed."""

import asyncio
import contextlib
import socket
import threading
import time

import pytest
from tornado.web import Application, RequestHandler

from imgurer_kernel.apps.server import app, sockets
from imgurer_kernel.apps.server.listen import Listen

POST = b"POST / HTTP/1.1\r\nHost: localhost\r\n"
GET = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"

HALF = {
    "nothing": b"",
    "half a line": b"GET / HT",
    "a line": b"GET / HTTP/1.1\r\n",
    "half the headers": b"GET / HTTP/1.1\r\nHost: localhost\r\nA: b\r\n",
    "no text": bytes(range(256)) * 8,
    "the begin of a TLS connection": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500),
    "a long line": b"GET /" + b"a" * 60_000,
    "a line that is too long": b"GET /" + b"a" * 70_000,
    "half a body": POST + b"Content-Length: 100\r\n\r\nabc",
    "half a chunk": CHUNKED + b"5\r\nab",
    "half the size of a chunk": CHUNKED + b"0" * 50,
    "the promise of a body": POST + b"Expect: 100-continue\r\nContent-Length: 100\r\n\r\n",
    "nothing after a request": GET,
}
REPEATED = {
    "headers without end": (b"GET / HTTP/1.1\r\n", b"a: b\r\n"),
    "a body byte by byte": (POST + b"Content-Length: 100000\r\n\r\n", b"a"),
    "chunks without end": (CHUNKED, b"1\r\na\r\n"),
    "empty lines": (b"", b"\r\n"),
}


class Long(RequestHandler):
    """Answers with 100 KB."""

    def get(self):
        self.write(b"x" * 100_000)

    def post(self):
        self.get()


@pytest.fixture
def server(monkeypatch):
    """A server whose times are a second; its connections, and its address."""
    monkeypatch.setattr(app, "_REQUEST_WITHIN", 1.0)
    monkeypatch.setattr(sockets, "UNREAD_WITHIN", 1.0)
    opened = sockets.open_sockets("127.0.0.1", 0)
    loop = asyncio.new_event_loop()

    async def listen():
        listen = Listen(host="127.0.0.1", port=1, login=False)
        server = app.http_server(Application([("/", Long)]), listen)
        server.add_sockets(opened)
        return server

    serving = loop.run_until_complete(listen())
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield serving, opened[0].getsockname()
    finally:
        loop.call_soon_threadsafe(serving.stop)
        asyncio.run_coroutine_threadsafe(serving.close_all_connections(), loop).result(60)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def eventually(holds, within=30):
    """Wait until something holds, and fail if it does not in time."""
    for _ in range(10 * within):
        if holds():
            return
        time.sleep(0.1)
    assert holds()


def read_to_end(connection):
    """Read until the server closes the connection; a timeout fails the test."""
    connection.settimeout(60)
    try:
        while connection.recv(1 << 16):
            pass
    except ConnectionError:
        pass


def repeat(connection, piece, ended):
    """Send a piece over and over, slowly, until the connection is closed."""
    try:
        while not ended.wait(0.1):
            connection.sendall(piece)
    except OSError:
        pass


def test_half_requests_are_closed(server):
    _, address = server
    opened = []
    ended = threading.Event()
    try:
        for data in HALF.values():
            opened.append(socket.create_connection(address))
            opened[-1].sendall(data)
        for data, piece in REPEATED.values():
            opened.append(socket.create_connection(address))
            opened[-1].sendall(data)
            threading.Thread(target=repeat, args=(opened[-1], piece, ended)).start()
        for each in opened:
            read_to_end(each)
    finally:
        ended.set()
        for each in opened:
            each.close()


@pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="an option of Linux")
def test_the_connection_of_a_client_that_reads_no_answer_is_closed(server):
    """It was kept, with the answer, as long as the client."""
    serving, address = server
    with socket.create_connection(address) as client:
        client.settimeout(1)
        with contextlib.suppress(OSError):  # nothing more fits into the buffers of both
            while True:
                client.sendall(GET * 100)
        eventually(lambda: not serving._connections)
