"""A minimal front end of Jupyter that only exchanges messages, as VS Code and Colab do."""

import contextlib
import queue
import time
from pathlib import Path

import jupyter_client.manager
import pytest

ROOT = Path(__file__).parents[2]
VIEW = "application/vnd.jupyter.widget-view+json"


class FrontEnd:
    """A fake front end: the models that a kernel has opened, and messages that change them."""

    def __init__(self, client):
        self.client = client
        self.models = {}
        self.shown = None
        self.printed = ""
        self.failed = None

    def run(self, code, then=lambda: None):
        """Run a cell to its end; `then` is called after each message, and may send others."""
        self.shown, self.printed, self.failed = None, "", None
        sent = self.client.execute(code)
        self.follow(lambda message: is_end(message, sent), then)
        return self.printed

    def follow(self, ended, then=lambda: None, seconds=120):
        """Read messages of the kernel until a condition holds."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            message = self.listen(1)
            if message is None:
                continue
            then()
            if ended(message):
                return
        pytest.fail("the kernel does not answer")

    def listen(self, seconds):
        """Take the next message, or None if there is none so long."""
        try:
            message = self.client.get_iopub_msg(timeout=seconds)
        except queue.Empty:
            return None
        self.take(message)
        return message

    def until(self, so):
        """Read messages until the models fulfil a condition."""
        if not so():
            self.follow(lambda _: so())

    def take(self, message):
        content, kind = message["content"], message["msg_type"]
        if kind == "comm_open" and content["target_name"] == "jupyter.widget":
            self.models[content["comm_id"]] = with_buffers(content["data"], message["buffers"])
        elif kind == "comm_msg" and content["data"].get("method") == "update":
            changed = with_buffers(content["data"], message["buffers"])
            self.models[content["comm_id"]].update(changed)
        elif kind == "stream":
            self.printed += content["text"]
        elif kind == "error":
            self.failed = content["ename"]
        elif kind in {"execute_result", "display_data"} and VIEW in content["data"]:
            self.shown = content["data"][VIEW]["model_id"]

    def send(self, comm, data, kind="comm_msg", **more):
        """Send a message of a model, on the channel of the cells as front ends do."""
        content = {"comm_id": comm, "data": data, **more}
        message = self.client.session.msg(kind, content, metadata={"version": "1.0.0"})
        self.client.shell_channel.send(message)

    def tell(self, comm, **state):
        """Change the state of a model, as a click does."""
        self.send(comm, {"method": "update", "state": state, "buffer_paths": []})

    def custom(self, comm, content):
        self.send(comm, {"method": "custom", "content": content})

    def below(self, comm):
        """A model and those within it, by their ids."""
        found = {comm: self.models[comm]}
        for child in found[comm].get("children", ()):
            found |= self.below(child.removeprefix("IPY_MODEL_"))
        return found

    def one(self, trait):
        """Id of the only shown model that has such a trait."""
        [found] = [comm for comm, state in self.below(self.shown).items() if trait in state]
        return found


def is_end(message, sent):
    return (
        message["parent_header"].get("msg_id") == sent
        and message["msg_type"] == "status"
        and message["content"]["execution_state"] == "idle"
    )


def with_buffers(data, buffers):
    """The state of a message with its buffers in their places."""
    state = data.get("state", {})
    for path, buffer in zip(data.get("buffer_paths", ()), buffers, strict=True):
        place = state
        for step in path[:-1]:
            place = place[step]
        place[path[-1]] = bytes(buffer)
    return state


@contextlib.contextmanager
def kernel_in(folder):
    """A kernel in a folder, with ``wb`` on the store in it, driven by a `FrontEnd`."""
    manager, client = jupyter_client.manager.start_new_kernel(cwd=str(folder), startup_timeout=120)
    try:
        shown = FrontEnd(client)
        shown.manager = manager
        shown.run(
            f"import sys; sys.path.insert(0, {str(ROOT)!r})\n"
            "from imgurer_kernel import Settings, Workbench\n"
            'wb = Workbench(Settings(root="store"))'
        )
        assert shown.failed is None
        yield shown
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
