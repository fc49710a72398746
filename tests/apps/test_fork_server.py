"""Forked kernels: their own state, their end, and starting kernels without a fork server."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import ExitStack, asynccontextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace

import psutil
import pytest
from jupyter_client.provisioning import KernelProvisionerFactory, LocalProvisioner
from traitlets.config import Config

from imgurer_kernel.apps.server import forked_kernels
from imgurer_kernel.apps.server.forked_kernels import ForkingProvisioner, ForkServer
from imgurer_kernel.apps.server.kernels import VisitorKernelManager
from imgurer_kernel.errors import ServerError

pytestmark = pytest.mark.skipif(not forked_kernels.AVAILABLE, reason="takes Linux")

PATH = os.pathsep.join(filter(None, (str(Path(__file__).parents[2]), *sys.path)))

# Its kernels do what their first argument says, instead of being kernels.
BARE = """
import sys, types
from imgurer_kernel.apps import fork_server

class IPKernelApp:
    @staticmethod
    def launch_instance(arguments):
        exec(arguments[0], {})

sys.modules["ipykernel.kernelapp"] = types.SimpleNamespace(IPKernelApp=IPKernelApp)
fork_server.MODULES = fork_server.COMPILED = ()
fork_server.main()
"""

# ... and machine code of which it has some.
CROWDED = BARE.replace(
    "fork_server.main()",
    "fork_server.COMPILED, fork_server.CROWD = ['machine_code'], 2; fork_server.main()",
)

# Writes down what it has imported before it forks.
WHOLE = """
import sys
from pathlib import Path
from imgurer_kernel.apps import fork_server

serve = fork_server.serve
def noting(control):
    Path("modules").write_text(" ".join(sys.modules))
    return serve(control)
fork_server.serve = noting
fork_server.main()
"""

FACTS = """
import gc, json, os, random, signal, socket, sys, uuid
import numpy as np
facts = {
    "environment": dict(os.environ),
    "folder": os.getcwd(),
    "numbers": [random.random(), np.random.random(), uuid.uuid4().hex],
    "files": {each: os.readlink(f"/proc/self/fd/{each}") for each in os.listdir("/proc/self/fd")
              if os.path.exists(f"/proc/self/fd/{each}")},
    "leads": os.getsid(0) == os.getpgid(0) == os.getpid(),
    "collects": gc.isenabled(),
    "interrupts": signal.getsignal(signal.SIGINT) is signal.default_int_handler,
    "arguments": sys.argv,
}
with open("facts.part", "w") as file:
    json.dump(facts, file)
os.rename("facts.part", os.environ["OUT"])
"""
SLEEP = "import time; time.sleep(60)"


@asynccontextmanager
async def forking(folder, program=BARE, environment=None):
    """A fork server that runs a program."""
    variables = environment or {"PATH": os.environ["PATH"], "PYTHONPATH": PATH}
    server = ForkServer(variables, str(folder), program=["-P", "-c", program])
    server.forked = []
    try:
        yield server
    finally:
        server.close()
        for each in server.forked:
            each.close()


async def fork(server, folder, code, **environment):
    forked = await server.fork([code, "-f", "x"], environment=environment, folder=str(folder))
    server.forked.append(forked)
    return forked


async def eventually(condition):
    """Wait for a condition, with a generous time limit, so that the test can fail."""
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.01)


async def end_of(forked):
    await eventually(lambda: forked.poll() is not None)
    return forked.wait()


def is_gone(pid):
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_each_has_its_own_environment_folder_session_and_random_numbers(tmp_path):
    async def scenario():
        facts = []
        async with forking(tmp_path) as server:
            for number in range(2):
                place = tmp_path / str(number)
                place.mkdir()
                own = {f"SECRET_{number}": f"\udcff{number}", "OUT": "facts"}
                forked = await fork(server, place, FACTS, **own)
                assert await end_of(forked) == 0
                facts.append(json.loads((place / "facts").read_text()))
                assert facts[-1]["environment"] == own
                assert facts[-1]["folder"] == str(place)
        return facts

    first, second = asyncio.run(scenario())
    assert not set(first["numbers"]) & set(second["numbers"])
    for each in (first, second):
        assert each["leads"], "an interrupt would reach other kernels"
        assert each["collects"]
        assert each["interrupts"]
        assert each["files"].pop("0") == os.devnull
        assert each["files"].keys() <= {"1", "2"}, "a file of another kernel, or of the server"
        assert each["arguments"][1:4] == [FACTS, "-f", "x"]


def test_how_it_ended_is_known(tmp_path):
    async def scenario():
        async with forking(tmp_path) as server:
            other = await fork(server, tmp_path, SLEEP)
            for code, status in (
                ("pass", 0),
                ("raise SystemExit(7)", 7),
                ("import os; os._exit(3)", 3),
                ("import os; os.kill(os.getpid(), 11)", -11),
            ):
                forked = await fork(server, tmp_path, code)
                assert await end_of(forked) == status
                assert forked.poll() == forked.wait() == status
                forked.kill()  # its number is nobody's any more: nothing happens
            for end, status in (("terminate", -signal.SIGTERM), ("kill", -signal.SIGKILL)):
                forked = await fork(server, tmp_path, SLEEP)
                assert forked.poll() is None
                getattr(forked, end)()
                assert await end_of(forked) == status
            assert other.poll() is None, "the end of one is nothing to another one"
            left = psutil.Process(server.pid).children
            await eventually(lambda: [each.pid for each in left()] == [other.pid])

    asyncio.run(scenario())


# What remains to be done at an exit, and what takes long for the objects of all modules.
LAST = """
import atexit, os, sys, threading, time
from concurrent.futures import ThreadPoolExecutor

def tell(word):
    with open("done", "a") as file:
        file.write(word + " ")

class Kept:
    def __del__(self, tell=os.mkdir):
        tell("deleted")

sys.kept = Kept()
sys.stdout = open("said", "w")
print("last words")
atexit.register(tell, "handled")
ThreadPoolExecutor().submit(time.sleep, 0)
threading.Thread(target=lambda: (time.sleep(0.2), tell("waited"))).start()
"""


@pytest.mark.parametrize("end", ["", "raise SystemExit(7)"])
def test_an_exit_waits_and_is_handled(tmp_path, end):
    async def scenario():
        async with forking(tmp_path) as server:
            return await end_of(await fork(server, tmp_path, LAST + end))

    assert asyncio.run(scenario()) == (7 if end else 0)
    assert (tmp_path / "done").read_text().split() == ["waited", "handled"]
    assert (tmp_path / "said").read_text() == "last words\n"
    assert (tmp_path / "deleted").exists() == bool(end), "each page of memory was copied"


def test_a_pid_is_not_reused_until_its_exit_was_received(tmp_path):
    async def scenario():
        async with forking(tmp_path) as server:
            forked = await fork(server, tmp_path, "pass")
            await eventually(lambda: is_gone(forked.pid))
            assert psutil.pid_exists(forked.pid)
            assert await end_of(forked) == 0
            await eventually(lambda: not psutil.pid_exists(forked.pid))

    asyncio.run(scenario())


def test_all_end_with_the_fork_server_and_the_next_ones_have_another(tmp_path):
    async def scenario():
        async with forking(tmp_path) as server:
            forked = [await fork(server, tmp_path, SLEEP) for _ in range(3)]
            first = server.pid
            os.kill(first, signal.SIGKILL)
            for each in forked:
                assert await end_of(each) == -signal.SIGKILL
            await eventually(lambda: all(is_gone(each.pid) for each in forked))
            assert await end_of(await fork(server, tmp_path, "pass")) == 0
            assert server.pid != first

    asyncio.run(scenario())


SERVER = """
import json, os, socket, subprocess, sys, time
ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
process = subprocess.Popen(sys.argv[1:4] + [sys.argv[4]], stdin=theirs, start_new_session=True)
theirs.close()
channel, other = socket.socketpair()
socket.send_fds(ours, [b"1"], [other.fileno()])
other.close()
print(process.pid, channel.recv(64).decode().split()[1], flush=True)
channel.sendall(json.dumps({"arguments": [sys.argv[5]], "environment": {}, "folder": "."}).encode())
channel.shutdown(socket.SHUT_WR)
time.sleep(60)
"""


def test_all_end_with_a_server_that_is_killed(tmp_path):
    command = [sys.executable, "-c", SERVER, sys.executable, "-P", "-c", BARE, SLEEP]
    environment = {**os.environ, "PYTHONPATH": PATH}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, cwd=tmp_path, env=environment
    ) as process:
        numbers = [int(each) for each in process.stdout.readline().split()]
        assert len(numbers) == 2
        process.kill()
    asyncio.run(eventually(lambda: all(map(is_gone, numbers))))


def test_a_process_without_a_request_exits(tmp_path):
    async def scenario():
        async with forking(tmp_path) as server:
            await end_of(await fork(server, tmp_path, "pass"))
            ours, theirs = socket.socketpair()
            with ours, theirs:
                socket.send_fds(server._control, [b"1"], [theirs.fileno()])
                assert ours.recv(64).startswith(b"kernel ")
            await eventually(lambda: not psutil.Process(server.pid).children())

    asyncio.run(scenario())


def test_cached_machine_code_is_loaded_for_later_kernels_and_none_is_compiled(tmp_path):
    code = tmp_path / "machine_code"
    code.mkdir()
    compiles = "from imgurer_kernel.common import compile_notice; compile_notice.notify()"
    for name, text in (("__init__", ""), ("a", ""), ("b", compiles), ("c", ""), ("d", "")):
        (code / f"{name}.py").write_text(text)
    shows = "import sys; open('seen', 'w').write(' '.join(sys.modules))\n" + compiles

    async def scenario():
        environment = {"PYTHONPATH": os.pathsep.join((str(tmp_path), PATH))}
        async with forking(tmp_path, CROWDED, environment) as server:
            # One after the other, as when a page is loaded again and again.
            for _ in range(600):
                assert await end_of(await fork(server, tmp_path, shows)) == 0
                seen = set((tmp_path / "seen").read_text().split())
                if "machine_code.c" in seen:
                    break
                await asyncio.sleep(0.2)
            assert "machine_code.d" in seen
            for _ in range(2):
                assert await end_of(await fork(server, tmp_path, shows)) == 0
        seen = set((tmp_path / "seen").read_text().split())
        assert not {"machine_code.a", "machine_code.b"} & seen

    asyncio.run(scenario())


def test_a_child_that_cannot_be_watched_ends_alone(tmp_path):
    program = BARE.replace(
        "fork_server.main()",
        """
import os
from pathlib import Path
watch = os.pidfd_open
def refuse(pid):
    if Path("full").exists():
        raise OSError("too many open files")
    return watch(pid)
os.pidfd_open = refuse
fork_server.main()
""",
    )

    async def scenario():
        async with forking(tmp_path, program) as server:
            other = await fork(server, tmp_path, SLEEP)
            # Whoever comes next is forked when this one is watched.
            assert await end_of(await fork(server, tmp_path, "pass")) == 0
            (tmp_path / "full").touch()
            with suppress(ServerError):  # or it was there for a moment
                await end_of(await fork(server, tmp_path, SLEEP))
            (tmp_path / "full").unlink()
            assert await end_of(await fork(server, tmp_path, "pass")) == 0
            assert other.poll() is None, "one that cannot be watched ends all"
            left = psutil.Process(server.pid).children
            await eventually(lambda: [each.pid for each in left()] == [other.pid])

    asyncio.run(scenario())


def test_one_that_never_answers_is_asked_once(tmp_path, monkeypatch):
    async def scenario():
        async with forking(tmp_path, SLEEP) as server:
            asked = asyncio.ensure_future(fork(server, tmp_path, "pass"))
            await asyncio.sleep(0)
            asked.cancel()  # as by the end of the server: no socket is left
            await asyncio.wait([asked])
            for seconds in (0.05, 60):
                monkeypatch.setattr(forked_kernels, "ANSWER_SECONDS", seconds)
                with pytest.raises(ServerError, match=r"no answer|failed before"):
                    await fork(server, tmp_path, "pass")

    started = time.monotonic()
    asyncio.run(scenario())
    assert time.monotonic() - started < 30, "it was asked again"


def test_one_that_does_not_start_is_not_started_again(tmp_path):
    async def scenario():
        async with forking(tmp_path, "open('started', 'a').write('x')") as server:
            for _ in range(2):
                with pytest.raises(ServerError):
                    await fork(server, tmp_path, "pass")
        assert (tmp_path / "started").read_text() == "x"

    asyncio.run(scenario())


class Failing:
    asked = 0

    async def fork(self, arguments, *, environment, folder):
        self.asked += 1
        raise ServerError("there is none")


@pytest.mark.parametrize(
    ("words", "asked"), [(["-m", "ipykernel_launcher", "-f", "x"], 1), (["-m", "other"], 0)]
)
def test_without_a_fork_a_kernel_is_started_as_usual(monkeypatch, words, asked):
    async def start(self, cmd, **kwargs):
        return cmd, kwargs

    monkeypatch.setattr(LocalProvisioner, "launch_kernel", start)
    kwargs = {"env": {"A": "B"}, "cwd": "."}
    for server in (Failing(), None):
        parent = SimpleNamespace(parent=SimpleNamespace(fork_server=server))
        provisioner = SimpleNamespace(parent=parent)
        provisioner = ForkingProvisioner.__new__(ForkingProvisioner)
        monkeypatch.setattr(ForkingProvisioner, "parent", parent, raising=False)
        launched = asyncio.run(provisioner.launch_kernel(["python", *words], **kwargs))
        assert launched == (["python", *words], kwargs)
        assert getattr(server, "asked", asked) == asked


@pytest.fixture
def factory():
    """jupyter_client's factory of provisioners, which is one for the whole process."""
    KernelProvisionerFactory.clear_instance()
    forked_kernels.register()
    yield
    KernelProvisionerFactory.clear_instance()


async def run(client, code, said=None):
    """How a cell ends, and what it prints."""
    said = [] if said is None else said
    reply = await client.execute_interactive(
        code, timeout=30, output_hook=lambda message: said.append(message["content"])
    )
    assert reply["content"]["status"] in {"ok", "error"}
    return reply["content"], "".join(each.get("text", "") for each in said)


def test_kernels_are_forked_from_a_process_that_holds_nothing(tmp_path, factory):
    """The life of one kernel: started, used, interrupted, restarted, stopped."""

    async def scenario(stack):
        connections = stack.enter_context(TemporaryDirectory())  # names of sockets are short
        config = Config()
        config.KernelProvisionerFactory.default_provisioner_name = forked_kernels.PROVISIONER
        config.KernelManager.transport = "ipc"
        config.KernelManager.autorestart = False
        manager = VisitorKernelManager(
            config=config,
            connection_dir=connections,
            environment={"PYTHONPATH": PATH},
            folder=str(tmp_path),
        )
        async with forking(tmp_path, WHOLE, {**os.environ, "PYTHONPATH": PATH}) as server:
            manager.fork_server = server
            first, second = [await manager.start_kernel(kernel_name="python3") for _ in range(2)]
            process = psutil.Process(server.pid)
            assert process.num_threads() == 1, "a fork has only one of them"
            assert len(process.children()) == 2
            assert Path(f"/proc/{server.pid}/fd/0").readlink() == Path(os.devnull)
            assert process.num_fds() <= 4 + 2 * 2, "standard ones, its own, and two for each"
            kernel = manager.get_kernel(first)
            client = kernel.client()
            client.start_channels()
            stack.callback(manager.context.destroy, 0)  # a failure would wait for them for ever
            stack.callback(client.context.destroy, 0)
            stack.callback(client.stop_channels)
            await client.wait_for_ready(timeout=60)
            _, said = await run(
                client,
                "import sys, imgurer_kernel.ui.dashboard, imgurer_kernel.ui.visitor\n"
                "print(*sys.modules)",
            )
            forked_with = set((tmp_path / "modules").read_text().split())
            assert set(said.split()) - forked_with <= {"runpy"}, "each kernel imports it again"
            said = []
            asked = asyncio.ensure_future(run(client, "print(0)\nwhile True: pass", said))
            await eventually(lambda: any("text" in each for each in said))
            await manager.interrupt_kernel(first)
            content, _ = await asked
            assert content["ename"] == "KeyboardInterrupt"
            number = kernel.provisioner.pid
            await manager.restart_kernel(first, now=True)
            assert kernel.provisioner.pid != number
            await client.wait_for_ready(timeout=60)
            assert (await run(client, "print(1)"))[1] == "1\n"
            os.kill(manager.get_kernel(second).provisioner.pid, signal.SIGSEGV)
            await eventually(manager.get_kernel(second).provisioner.process.poll)
            assert not await manager.is_alive(second)
            await eventually(lambda: len(process.children()) == 1)  # nobody waits for it
            assert (await run(client, "print(2)"))[1] == "2\n", "one's end is not another's"
            await manager.shutdown_kernel(first)
            await manager.shutdown_kernel(second)
            await eventually(lambda: not process.children())

    with ExitStack() as stack:
        asyncio.run(scenario(stack))
