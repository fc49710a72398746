"""``python -m tests.reliability.guesses``: how long a login takes while strangers guess passwords.

A server with a login; guesses come at once, each for a name of its own, so that no account slows
them down. Meanwhile somebody logs in from a browser that has logged in before, and somebody from a
new one: at another address, and at that of the strangers. Their times are those of the form's
answer, beside the times without guesses in the same run; the client shares the processor with the
server.
"""

import argparse
import contextlib
import http.client
import socket
import statistics
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from urllib.parse import urlencode, urlsplit

from imgurer_kernel.store.catalog import Catalog
from imgurer_kernel.store.session_cookies import known_cookie_name
from imgurer_kernel.store.users import Users
from tests.e2e.servers import serving
from tests.e2e.test_http import PASSWORD, ask, log_in


def main():
    parser = argparse.ArgumentParser(
        prog="python -m tests.reliability.guesses", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("--guesses", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder, "store")
        fill(root)
        with serving(root, login=True, preheat=0) as server:
            for guesses in (0, given.guesses):
                sys.stdout.write(f"{measure(server, guesses, given.rounds)}\n")


def fill(root):
    """Make a store with three accounts."""
    root.mkdir()
    catalog = Catalog(root)
    users = Users(catalog)
    users.create("alice", PASSWORD, "admin")
    users.create("bob", PASSWORD, "member")
    users.create("carol", PASSWORD, "member")
    catalog.close()


def measure(server, guesses, rounds):
    """Log in from all browsers while so many guess, in each round; returns times, in a line."""
    cookies = log_in(server, "alice")[1]
    known = known_cookie_name(urlsplit(server.url).port)
    kept = {name: cookies[name] for name in ("_xsrf", known)}
    times = {"a known browser": [], "a new one": [], "a new one at their address": []}
    statuses = Counter()
    for number in range(rounds):
        # One browser in each round: the second one would wait for the first one's turn as well.
        bare = {"_xsrf": kept["_xsrf"]}
        for browser, cookies, name, source in (
            ("a known browser", kept, "alice", "127.0.0.1"),
            ("a new one", bare, "carol", "127.0.0.2"),
            ("a new one at their address", bare, "bob", "127.0.0.1"),
        ):
            with contextlib.ExitStack() as strangers:
                crowd = [
                    _guess(server, f"{name}{number}-{each}", strangers) for each in range(guesses)
                ]
                form = {"_xsrf": kept["_xsrf"], "name": name, "password": PASSWORD}
                started = time.monotonic()
                answer = ask(
                    server, "/login", method="POST", cookies=cookies, form=form, source=source
                )
                times[browser].append(time.monotonic() - started)
                statuses[browser, answer.status] += 1
                for each in crowd:
                    statuses["strangers", _answer(each)] += 1
    shown = ", ".join(
        f"{browser} {statistics.median(each):.2f} s (at most {max(each):.2f})"
        for browser, each in times.items()
    )
    answers = ", ".join(f"{who}: {n} x {status}" for (who, status), n in sorted(statuses.items()))
    return f"{guesses} guesses: {shown}; {answers}"


def _guess(server, name, stack):
    """Send a guess, and do not wait for its answer."""
    host = urlsplit(server.url).netloc
    form = urlencode({"_xsrf": "0" * 32, "name": name, "password": "a guess"})
    lines = (
        "POST /login HTTP/1.1",
        f"Host: {host}",
        f"Cookie: _xsrf={'0' * 32}",
        "Content-Type: application/x-www-form-urlencoded",
        f"Content-Length: {len(form)}",
        "Connection: close",
    )
    stranger = stack.enter_context(socket.create_connection(host.split(":"), timeout=60))
    stranger.sendall("\r\n".join([*lines, "", form]).encode())
    return stranger


def _answer(stranger):
    with contextlib.closing(http.client.HTTPResponse(stranger)) as answer:
        answer.begin()
        return answer.status


if __name__ == "__main__":
    main()
