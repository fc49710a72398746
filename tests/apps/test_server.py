"""Parts of the server: configuration, addresses to listen on, and limits on password guesses."""

import errno
import inspect
import logging
import queue
import re
import signal
import socket
import tempfile
import threading
import warnings
from base64 import b64encode
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import urlsplit

import nbformat
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jupyter_client.ioloop import AsyncIOLoopKernelManager
from jupyter_client.manager import KernelManager
from jupyter_client.provisioning import KernelProvisionerFactory
from jupyter_client.restarter import KernelRestarter
from jupyter_server.base import websocket
from jupyter_server.services.kernels.kernelmanager import ServerKernelManager
from nbformat.sign import NotebookNotary
from tornado.ioloop import IOLoop
from voila.app import Voila
from voila.configuration import VoilaConfiguration
from voila.execute import VoilaExecutor
from voila.handler import VoilaHandler

from imgurer_kernel.apps.server import config as configuration
from imgurer_kernel.apps.server import serve
from imgurer_kernel.apps.server.handlers import KernelSocketHandler
from imgurer_kernel.apps.server.kernels import OwnKernelSpecManager, VisitorKernelManager, transport
from imgurer_kernel.apps.server.listen import Listen, check_listen
from imgurer_kernel.apps.server.login import safe_next
from imgurer_kernel.apps.server.proxies import read_networks
from imgurer_kernel.apps.server.rate_limit import FairWorker, Throttle
from imgurer_kernel.apps.server.shutdown import silenced, stop_on_signals
from imgurer_kernel.apps.server.sockets import open_sockets
from imgurer_kernel.errors import PortTaken, ServerError, StorageDenied, UnsafeListen
from imgurer_kernel.settings import Settings
from imgurer_kernel.ui import visitor

PROXY = read_networks(["127.0.0.1"])
LOCAL = Listen(host="127.0.0.1", port=8866, login=False)


@pytest.fixture
def store(tmp_path):
    return Settings(root=tmp_path / "store", radius=7)


@pytest.fixture
def notebook(tmp_path):
    path = tmp_path / "dashboard.ipynb"
    path.write_text("{}", encoding="utf-8")
    return path


@pytest.fixture
def no_voila(monkeypatch):
    """Fails the test where Voila would be started."""

    def refuse(*arguments, **keywords):
        pytest.fail("Voila was started")

    monkeypatch.setattr("imgurer_kernel.apps.server.app.DashboardServer", refuse)


def raise_(error):
    raise error


def configured(store, notebook, listen=LOCAL, preheat=1):
    return configuration.voila_config(
        store, listen, notebook=notebook, cookie="imgurer-8866", key=b"k" * 64, preheat=preheat
    )


# Connections to kernels -----------------------------------------------------------------------


class Connection(KernelSocketHandler):
    """Fake connection of a page to its kernel that records calls."""

    def __init__(self, settings):
        self.application = SimpleNamespace(settings=settings)
        self.request = SimpleNamespace(headers={"Sec-WebSocket-Version": "13"})
        self.ws_connection = SimpleNamespace(client_terminated=False)
        self.last_ping = self.last_pong = 0.0
        self.done = []

    def ping(self, data):
        self.done.append("asked")

    def close(self, *reason):
        self.done.append("closed")


@pytest.fixture
def connection(store, notebook):
    return Connection(configured(store, notebook).Voila.tornado_settings)


def at(seconds, connection, monkeypatch):
    loop = SimpleNamespace(current=lambda: SimpleNamespace(time=lambda: seconds))
    monkeypatch.setattr(websocket, "ioloop", SimpleNamespace(IOLoop=loop))
    connection.send_ping()
    return connection.done[-1]


def test_a_page_that_answers_keeps_its_connection(connection, monkeypatch):
    interval = connection.ping_interval / 1000
    for turn in range(1, 20):
        # A loop is always a little late.
        assert at(turn * (interval + 0.002), connection, monkeypatch) == "asked"
        connection.on_pong(b"")


def test_a_page_that_is_silent_for_long_loses_its_connection(connection, monkeypatch):
    interval = connection.ping_interval / 1000
    done = [at(turn * (interval + 0.002), connection, monkeypatch) for turn in range(1, 4)]
    assert done == ["asked", "asked", "closed"]


def test_one_of_two_asks_for_signs_of_life(connection):
    assert connection.get_websocket_protocol().params.ping_interval == 0


# Where it listens -----------------------------------------------------------------------------


def test_a_taken_port_is_said_before_anything_is_made(store, notebook, no_voila):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(PortTaken, match=f"port {port} of 127.0.0.1 is in use.*--port"):
            serve(store, port=port, open_browser=False, notebook=notebook)
    assert not store.root.exists()


@pytest.mark.parametrize(
    "host", ["0.0.0.0", "::", "192.0.2.7", "example.org", "", "127.0.0.1.evil"]
)
def test_others_come_in_by_a_login_only(store, notebook, no_voila, host):
    with pytest.raises(UnsafeListen, match="no login"):
        serve(store, host=host, port=0, open_browser=False, notebook=notebook)
    with pytest.raises(UnsafeListen, match="no login"):
        check_listen(host, login=False, insecure=True)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", ""])
def test_plain_http_needs_the_option_insecure_http(store, notebook, no_voila, host):
    with pytest.raises(UnsafeListen, match=r"plain HTTP.*--trusted-proxy.*--insecure-http"):
        serve(store, host=host, port=0, login=True, open_browser=False, notebook=notebook)
    check_listen(host, login=True, insecure=True)
    check_listen(host, login=True, trusted=read_networks(["10.0.0.1"]))
    check_listen("127.0.0.1", login=True)


def test_a_proxy_brings_in_others_who_need_a_login(store, notebook, no_voila):
    with pytest.raises(UnsafeListen, match=r"proxy forwards requests .* no login"):
        serve(store, port=0, open_browser=False, notebook=notebook, trusted_proxies=["127.0.0.1"])


@pytest.mark.parametrize("text", ["", "proxy.example", "10.0.0.1/8", "300.1.1.1", "10.0.0.0/33"])
def test_a_proxy_that_is_not_an_address_is_refused(store, notebook, no_voila, text):
    with pytest.raises(ServerError, match=r"such as 127\.0\.0\.1"):
        serve(store, port=0, login=True, notebook=notebook, trusted_proxies=[text])


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "127.8.8.8"])
def test_this_machine_needs_no_login(host):
    check_listen(host, login=False)


def test_an_address_that_is_not_this_machines(store, notebook, no_voila):
    with pytest.raises(ServerError, match=r"192\.0\.2\.7"):
        serve(
            store,
            host="192.0.2.7",
            port=0,
            login=True,
            insecure_http=True,
            open_browser=False,
            notebook=notebook,
        )


def test_a_login_without_accounts_names_the_command(store, notebook, no_voila):
    with pytest.raises(ServerError, match=r"imgurer users add NAME --role admin --root .*store"):
        serve(store, port=0, login=True, open_browser=False, notebook=notebook)


def test_a_missing_notebook_is_reported(store, tmp_path, no_voila):
    with pytest.raises(ServerError, match=r"no notebook .*none\.ipynb"):
        serve(store, port=0, open_browser=False, notebook=tmp_path / "none.ipynb")


def test_a_store_that_cannot_be_made(tmp_path, notebook, no_voila):
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageDenied, match="--root"):
        serve(Settings(root=tmp_path / "file" / "store"), port=0, notebook=notebook)


def test_a_failed_start_leaves_the_port_free(store, tmp_path, no_voila):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageDenied):
        serve(Settings(root=tmp_path / "file" / "x"), port=port, notebook=tmp_path / "file")
    with socket.socket() as again:
        again.bind(("127.0.0.1", port))


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("127.0.0.1", "http://127.0.0.1:8866/"),
        ("localhost", "http://localhost:8866/"),
        ("0.0.0.0", "http://127.0.0.1:8866/"),
        ("::1", "http://[::1]:8866/"),
        ("::", "http://[::1]:8866/"),
        ("192.0.2.7", "http://192.0.2.7:8866/"),
    ],
)
def test_the_address_that_a_person_types(host, address):
    assert Listen(host=host, port=8866, login=True).address == address


def test_a_connection_is_refused_if_no_file_can_be_opened(monkeypatch):
    full = OSError(errno.EMFILE, "too many open files")
    [listening] = open_sockets("127.0.0.1", 0)
    with listening:
        accept, answers = socket.socket.accept, [full]
        monkeypatch.setattr(
            socket.socket, "accept", lambda self: raise_(answers.pop()) if answers else accept(self)
        )
        with socket.create_connection(listening.getsockname(), timeout=10) as caller:
            with pytest.raises(ConnectionAbortedError):
                listening.accept()
            assert caller.recv(1) == b"", "it waits for ever"
        with pytest.raises(BlockingIOError):
            listening.accept()
        answers.append(full)
        with pytest.raises(BlockingIOError):  # it has given up meanwhile
            listening.accept()
        with socket.create_connection(listening.getsockname(), timeout=10):
            listening.accept()[0].close()


# What Voila is told ---------------------------------------------------------------------------


def test_nothing_of_the_store_is_served(store, notebook):
    voila = configured(store, notebook).VoilaConfiguration
    assert voila.file_allowlist == ["^$"]
    assert voila.show_tracebacks is False
    assert voila.strip_sources is True
    assert voila.allow_template_override == "NO"
    assert voila.allow_theme_override == "NO"
    assert voila.http_header_envs == ["Cookie"]
    assert voila.multi_kernel_manager_class is VisitorKernelManager
    assert voila.kernel_spec_manager_class is OwnKernelSpecManager


def test_no_configuration_is_read_from_where_the_server_starts(store, notebook):
    assert configured(store, notebook).Voila.config_file_paths == []


def test_every_option_is_one_of_the_class_that_it_names(store, notebook):
    """traitlets ignores unknown names silently: a renamed class would lose its options."""
    classes = {
        each.__name__: each
        for each in (
            Voila,
            VoilaConfiguration,
            VoilaExecutor,
            VisitorKernelManager,
            AsyncIOLoopKernelManager,
            KernelManager,
            KernelRestarter,
            KernelProvisionerFactory,
            NotebookNotary,
        )
    }
    for section, options in configured(store, notebook).items():
        known = classes[section].class_traits(config=True)
        assert set(options) <= set(known), section


def test_a_notebook_is_read_where_nothing_can_be_written(store, notebook, monkeypatch):
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(notebook / "of" / "no" / "folder"))
    notary = NotebookNotary(config=configured(store, notebook))
    assert not notary.check_signature(nbformat.v4.new_notebook())


def test_options_of_kernel_managers_reach_those_of_the_server():
    assert issubclass(ServerKernelManager, AsyncIOLoopKernelManager)


def test_idle_kernels_go(store, notebook):
    kernels = configured(store, notebook).VisitorKernelManager
    assert (kernels.cull_interval, kernels.cull_idle_timeout) == (30, 120)
    assert kernels.cull_connected is False
    assert kernels.allow_tracebacks is False


@pytest.mark.parametrize("preheat", [0, 1, 3])
def test_preheated_kernels(store, notebook, preheat):
    voila = configured(store, notebook, preheat=preheat).VoilaConfiguration
    assert voila.preheat_kernel is (preheat > 0)
    assert voila.default_pool_size == preheat


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1"])
def test_foreign_host_names_are_refused_where_there_is_no_login(store, notebook, host):
    listen = Listen(host=host, port=1, login=False)
    settings = configured(store, notebook, listen).Voila.tornado_settings
    assert settings["allow_remote_access"] is False


@pytest.mark.parametrize(
    ("listen", "remote", "wants_tls"),
    [
        (Listen(host="127.0.0.1", port=1, login=True), False, False),
        (Listen(host="127.0.0.1", port=1, login=True, trusted=PROXY), True, True),
        (Listen(host="0.0.0.0", port=1, login=True, trusted=PROXY), True, True),
        (Listen(host="0.0.0.0", port=1, login=True, insecure=True), True, False),
    ],
)
def test_remote_access_and_tls_in_the_configuration(store, notebook, listen, remote, wants_tls):
    settings = configured(store, notebook, listen).Voila.tornado_settings
    assert settings["allow_remote_access"] is remote
    assert settings["imgurer_wants_tls"] is wants_tls


def policy():
    parts = (part.split() for part in configuration.CONTENT_POLICY.split("; "))
    return {name: set(sources) for name, *sources in parts}


def test_the_content_policy_knows_this_server_only():
    sources = policy()
    for name, allowed in sources.items():
        for each in allowed:
            assert each in {"'self'", "'none'", "blob:", "data:", "'unsafe-inline'"} or (
                name == "script-src" and each.startswith("'sha256-")
            ), (name, each)
    assert sources["default-src"] == {"'self'"}
    assert sources["script-src-attr"] == {"'none'"}
    assert sources["object-src"] == {"'none'"}
    assert sources["base-uri"] == {"'none'"}
    assert sources["frame-ancestors"] == {"'none'"}


def test_no_script_is_taken_from_the_page_itself():
    assert not policy()["script-src"] & {"'unsafe-inline'", "'unsafe-eval'", "data:", "*"}


def test_voilas_one_inline_script_is_the_one_that_is_let_in():
    """It is sent in a page that takes long to load."""
    said = re.findall(r"<script>(.*?)</script>", inspect.getsource(VoilaHandler.get_generator))
    digests = {
        f"'sha256-{b64encode(sha256(script.encode()).digest()).decode()}'" for script in said
    }
    assert len(said) == 1
    assert digests == {each for each in policy()["script-src"] if each.startswith("'sha256-")}


def test_headers():
    assert configuration.HEADERS["X-Content-Type-Options"] == "nosniff"
    assert configuration.HEADERS["X-Frame-Options"] == "DENY"
    assert configuration.HEADERS["Referrer-Policy"] == "same-origin"
    assert configuration.HEADERS["Content-Security-Policy"] == configuration.CONTENT_POLICY


def test_kernels_get_the_whole_settings(store):
    variables = configuration.kernel_environment(store, LOCAL, "imgurer-8866")
    assert Settings.from_env(variables) == store
    assert variables[visitor.COOKIE_VARIABLE] == ""
    assert variables[visitor.VISITOR_INFO_VARIABLE] == "ws://127.0.0.1:8866/voila/query"
    assert all(isinstance(value, str) for value in variables.values())


def test_kernels_get_the_variables_of_the_login(store):
    listen = Listen(host="0.0.0.0", port=9, login=True)
    variables = configuration.kernel_environment(store, listen, "imgurer-9")
    assert variables[visitor.COOKIE_VARIABLE] == "imgurer-9"
    assert variables[visitor.VISITOR_INFO_VARIABLE] == "ws://127.0.0.1:9/voila/query"


def test_kernels_import_the_same_package(store, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "/somewhere")
    variables = configuration.kernel_environment(store, LOCAL, "")
    assert variables["PYTHONPATH"].split(":") == [str(configuration.PACKAGE.parent), "/somewhere"]


def test_the_template_names_no_foreign_address():
    for path in configuration.TEMPLATE.rglob("*"):
        if path.is_file():
            text = path.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
            assert "http:" not in text, path
            assert "https:" not in text, path
            assert "//cdn" not in text, path


def test_changed_assets_have_another_address(monkeypatch, tmp_path):
    before = configuration.assets_version()
    assert configuration.assets_version() == before
    static = tmp_path / "static"
    static.mkdir()
    for path in (configuration.TEMPLATE / "static").iterdir():
        (static / path.name).write_bytes(path.read_bytes())
    monkeypatch.setattr(configuration, "TEMPLATE", tmp_path)
    assert configuration.assets_version() == before
    (static / "page.js").write_text("changed")
    changed = configuration.assets_version()
    assert changed != before
    monkeypatch.setattr(configuration, "version", lambda name: "99")
    assert configuration.assets_version() not in {before, changed}


def test_the_dashboards_notebook_is_found():
    assert configuration.find_notebook().name == "dashboard.ipynb"


def test_a_notebook_that_is_nowhere_is_reported(monkeypatch, tmp_path):
    monkeypatch.setattr(configuration, "PACKAGE", tmp_path)
    with pytest.raises(ServerError, match="reinstall"):
        configuration.find_notebook()


def test_only_our_own_python_runs_kernels(tmp_path, monkeypatch):
    folder = tmp_path / "kernels" / "python3"
    folder.mkdir(parents=True)
    (folder / "kernel.json").write_text('{"argv": ["/bin/false"], "display_name": "x"}')
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    known = OwnKernelSpecManager()
    assert set(known.find_kernel_specs()) == {"python3"}
    assert known.get_kernel_spec("python3").argv[0] != "/bin/false"


# After the login ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "target"),
    [
        ("/", "/"),
        ("/?tab=search&radius=4", "/?tab=search&radius=4"),
        ("/?next=//evil.example", "/?next=//evil.example"),
        ("", "/"),
        ("//evil.example", "/"),
        ("///evil.example", "/"),
        ("/\\evil.example", "/"),
        ("\\\\evil.example", "/"),
        ("https://evil.example/", "/"),
        ("https:evil.example", "/"),
        ("javascript:alert(1)", "/"),
        ("/api/kernels", "/"),
        ("/logout", "/"),
        ("/%2f/evil.example", "/"),
        ("/\t/evil.example", "/"),
        ("/?a\r\nSet-Cookie: x=y", "/"),
        ("//[", "/"),
        ("/#//evil.example", "/"),
    ],
)
def test_the_login_redirects_to_the_dashboard_only(address, target):
    assert safe_next(address) == target


@settings(deadline=None)
@given(st.text())
def test_no_address_leads_away(text):
    for address in (text, "/" + text, "/?" + text):
        target = safe_next(address)
        assert target == "/" or target.startswith("/?")
        assert target.isprintable()
        parts = urlsplit(target)
        assert (parts.scheme, parts.netloc, parts.path) == ("", "", "/")


# Guessing passwords ---------------------------------------------------------------------------


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


def test_waiting_doubles_up_to_a_longest():
    clock = Clock()
    throttle = Throttle(free=3, longest=20, clock=clock)
    waits = []
    for _ in range(10):
        throttle.failed("a")
        waits.append(throttle.wait("a"))
    assert waits == [0, 0, 0, 2, 4, 8, 16, 20, 20, 20]
    assert throttle.wait("b") == 0
    clock.now += 15
    assert throttle.wait("a") == 5
    clock.now += 5
    assert throttle.wait("a") == 0


def test_success_and_time_forget():
    clock = Clock()
    throttle = Throttle(free=0, longest=60, clock=clock, forget=100)
    throttle.failed("a")
    assert throttle.wait("a") == 2
    throttle.succeeded("a")
    assert throttle.wait("a") == 0
    for _ in range(5):
        throttle.failed("a")
    clock.now += 101
    throttle.failed("a")
    assert throttle.wait("a") == 2


def test_a_million_failures_overflow_nothing():
    throttle = Throttle(free=0, longest=60, clock=Clock())
    for _ in range(3000):
        throttle.failed("a")
    assert throttle.wait("a") == 60


def test_a_throttle_stays_small():
    throttle = Throttle(free=0, longest=60, clock=Clock(), most=10)
    throttle.failed("old")
    for number in range(10):
        throttle.failed(number)
    assert throttle.wait("old") == 0
    assert all(throttle.wait(number) > 0 for number in range(10))


def test_the_most_recent_guesser_is_remembered_longest():
    throttle = Throttle(free=0, longest=60, clock=Clock(), most=3)
    throttle.failed("busy")
    throttle.failed("a")
    throttle.failed("busy")
    throttle.failed("b")
    throttle.failed("c")
    assert throttle.wait("busy") == 4
    assert throttle.wait("a") == 0


HISTORY = st.lists(
    st.tuples(st.sampled_from(["failed", "succeeded", "release"]), st.floats(0, 30)), max_size=12
)


def after(history):
    """A throttle with earlier failures, and its clock; each try waits as long as required."""
    clock = Clock()
    throttle = Throttle(free=2, longest=20, clock=clock)
    for end, pause in history:
        clock.now += pause + throttle.wait("a")
        throttle.reserve("a")
        getattr(throttle, end)("a")
    return throttle, clock


@given(HISTORY, st.integers(0, 40), st.floats(0, 30))
def test_tries_at_once_get_as_far_as_tries_in_turn(history, tries, pause):
    def admitted(throttle, clock, *, at_once):
        clock.now += pause
        begun = 0
        for _ in range(tries):
            if throttle.wait("a") > 0:
                break
            throttle.reserve("a")
            begun += 1
            if not at_once:
                throttle.failed("a")
        if at_once:
            for _ in range(begun):
                throttle.failed("a")
        return begun, throttle.wait("a")

    assert admitted(*after(history), at_once=True) == admitted(*after(history), at_once=False)


@given(HISTORY, st.integers(1, 5), st.floats(0, 30), st.floats(0, 30))
def test_a_released_try_has_never_been(history, tries, pause, length):
    (tried, tried_clock), (other, other_clock) = after(history), after(history)
    tried_clock.now += pause
    other_clock.now += pause
    for _ in range(tries):
        tried.reserve("a")
    tried_clock.now += length
    other_clock.now += length
    for _ in range(tries):
        tried.release("a")
    for _ in range(6):
        assert tried.wait("a") == other.wait("a")
        tried.failed("a")
        other.failed("a")


def test_a_try_whose_end_is_open_keeps_others_waiting():
    clock = Clock()
    throttle = Throttle(free=1, longest=60, clock=clock)
    for _ in range(2):
        assert throttle.wait("a") == 0
        throttle.reserve("a")
    assert throttle.wait("a") == 2
    clock.now += 1
    throttle.failed("a")
    assert throttle.wait("a") == 2, "from its end on"
    throttle.succeeded("a")
    assert throttle.wait("a") == 0


@pytest.mark.parametrize("end", ["succeeded", "release"])
def test_the_end_of_one_try_is_not_the_end_of_others(end):
    throttle = Throttle(free=0, longest=60, clock=Clock())
    for _ in range(2):
        throttle.reserve("a")
    getattr(throttle, end)("a")
    assert throttle.wait("a") == 2


def test_ends_of_tries_that_are_forgotten_change_nothing():
    throttle = Throttle(free=0, longest=60, clock=Clock(), most=1)
    throttle.reserve("a")
    throttle.reserve("b")
    throttle.release("a")
    throttle.succeeded("a")
    assert throttle.wait("a") == 0
    assert throttle.wait("b") == 2


def test_released_tries_leave_room_for_others():
    throttle = Throttle(free=0, longest=60, clock=Clock(), most=3)
    throttle.reserve("kept")
    throttle.failed("kept")
    for number in range(10):
        throttle.reserve(number)
        throttle.release(number)
    assert throttle.wait("kept") == 2


@pytest.fixture
def worker():
    made = FairWorker(waiting=2, share=3, name="test")
    yield made
    made.close()


def test_a_full_queue_is_said_at_once_and_has_room_again(worker):
    """Whether its tasks succeeded, failed or were cancelled."""
    for _ in range(3):
        gate = threading.Event()
        running = worker.submit("a", gate.wait, 30)
        waiting = [worker.submit("a", int, "no number"), worker.submit("b", int, "5")]
        with pytest.raises(queue.Full):
            worker.submit("c", int, "6")
        assert waiting[1].cancel()
        last = worker.submit("b", int, "7")
        with pytest.raises(queue.Full):
            worker.submit("c", int, "8")
        gate.set()
        assert running.result(30)
        assert isinstance(waiting[0].exception(30), ValueError)
        assert last.result(30) == 7
        worker.submit("c", int, "9").result(30)


def test_waiting_tasks_are_cancelled_on_close():
    worker, gate = FairWorker(waiting=1, share=2, name="test"), threading.Event()
    running, waiting = worker.submit("a", gate.wait, 10), worker.submit("a", int, "5")
    waiting.add_done_callback(lambda _: gate.set())
    worker.close()
    assert waiting.cancelled()
    assert running.result()


def test_a_caller_with_many_tasks_does_not_delay_others():
    """One task per turn, and no caller fills the queue alone."""
    worker, gate, done = FairWorker(waiting=9, share=5, name="test"), threading.Event(), []
    worker.submit("first", gate.wait, 30)
    futures = [worker.submit("flood", done.append, f"flood {each}") for each in range(5)]
    with pytest.raises(queue.Full):
        worker.submit("flood", done.append, "one too many")
    futures += [worker.submit(each, done.append, each) for each in ("ann", "ben")]
    gate.set()
    for future in futures:
        future.result(30)
    worker.close()
    assert done[:4] == ["flood 0", "ann", "ben", "flood 1"]
    assert len(done) == 7


def test_cancelled_tasks_leave_no_state():
    worker, gate = FairWorker(waiting=3, share=4, name="test"), threading.Event()
    running = worker.submit("a", gate.wait, 30)
    for number in range(1000):
        assert worker.submit(f"caller {number}", int, "1").cancel()
    assert sum(len(queue) for queue in worker._queues.values()) == 0
    assert dict(worker._inside) == {"a": 1}
    gate.set()
    assert running.result(30)
    worker.close()


def test_kernels_are_reached_by_files_where_these_can_be_sockets():
    with tempfile.TemporaryDirectory(
        dir="/tmp"
    ) as shallow:  # pytest's own lie deep on some systems
        assert transport(shallow) == "ipc"
        deep = Path(shallow, *["folder"] * 12)
        deep.mkdir(parents=True)
        assert transport(str(deep)) == "tcp"
        assert transport(f"{shallow}/nothing") == "tcp"
        assert [path.name for path in Path(shallow).iterdir()] == ["folder"]
        assert not list(deep.iterdir()), "what was tried is gone"


# How it ends ----------------------------------------------------------------------------------


@pytest.fixture
def signals():
    """Signals that are handled as before when the test ends."""
    numbers = [signal.SIGINT, signal.SIGTERM]
    if hasattr(signal, "SIGHUP"):
        numbers.append(signal.SIGHUP)
    before = {number: signal.getsignal(number) for number in numbers}
    yield numbers
    for number, handler in before.items():
        signal.signal(number, handler)


def test_a_server_stops_on_signals_or_when_its_terminal_closes(signals):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for number in signals:
            loop, late = IOLoop(make_current=False), []
            stop_on_signals(loop)
            loop.call_later(20, lambda: (late.append(number), loop.stop()))  # noqa: B023
            loop.add_callback(signal.raise_signal, number)
            loop.start()
            loop.close()
            assert not late, "it goes on"


def test_a_server_under_nohup_survives_its_terminal(signals):
    loop = IOLoop(make_current=False)
    signal.signal(signals[-1], signal.SIG_IGN)
    stop_on_signals(loop)
    assert (signal.getsignal(signals[-1]) is signal.SIG_IGN) is hasattr(signal, "SIGHUP")
    loop.close()


def test_tasks_that_never_began_print_no_warning(recwarn):
    async def start():
        pass

    waiting = start()
    with silenced():
        del waiting
    assert not recwarn.list


@pytest.mark.parametrize(
    ("status", "logged"), [(200, 0), (302, 0), (404, 0), (429, 0), (500, 1), (501, 1), (503, 0)]
)
def test_requests_that_the_server_failed_to_answer_are_logged(status, logged, caplog):
    """No others: a full server answers 503 to every visitor."""
    request = SimpleNamespace(method="GET", path="/somewhere")
    with caplog.at_level(logging.DEBUG, configuration.__name__):
        configuration._log_failure(SimpleNamespace(get_status=lambda: status, request=request))
    assert [each.getMessage() for each in caplog.records] == ["GET /somewhere failed"] * logged
