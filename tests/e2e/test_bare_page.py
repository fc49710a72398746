"""The scripts of widgets on a bare page, connected to a kernel by comm messages only.

What a host of anywidgets is for: to import the script of a state, and hand it a model. VS Code,
Colab and marimo have such a host each; this one has nothing else.
"""

import base64
import json

import pytest
from playwright.sync_api import expect

from imgurer_kernel import Settings, Workbench
from tests.support.front_end import kernel_in
from tests.support.pictures import jpeg

pytestmark = pytest.mark.e2e

HOST = """
window.models = {};
const revive = (value) => {
  if (Array.isArray(value)) return value.map(revive);
  if (value === null || typeof value !== "object") return value;
  if ("base64" in value) {
    return new DataView(Uint8Array.from(atob(value.base64), (c) => c.charCodeAt(0)).buffer);
  }
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, revive(each)]));
};
class Model extends EventTarget {
  constructor(comm, state) { super(); Object.assign(this, { comm, state, own: {}, heard: [] }); }
  get(name) { return this.state[name]; }
  set(name, value) { this.state[name] = this.own[name] = value; this.tell(`change:${name}`); }
  save_changes() {
    const update = { method: "update", state: this.own, buffer_paths: [] };
    window.toKernel(this.comm, JSON.stringify(update));
    this.own = {};
  }
  send(content) {
    window.toKernel(this.comm, JSON.stringify({ method: "custom", content }));
  }
  on(name, call) { this.heard.push([name, call]); }
  off(name, call) {
    this.heard = this.heard.filter(([one, other]) => one !== name || (call && other !== call));
  }
  tell(name) { for (const [one, call] of [...this.heard]) if (one === name) call(); }
}
window.update = (comm, state) => {
  const model = window.models[comm];
  Object.assign(model.state, revive(state));
  for (const name of Object.keys(state)) model.tell(`change:${name}`);
};
window.show = async (comm, given) => {
  const state = revive(given);
  const model = window.models[comm] = new Model(comm, state);
  const style = document.createElement("style");
  style.textContent = state._css;
  const el = document.createElement("div");
  document.body.append(style, el);
  const url = URL.createObjectURL(new Blob([state._esm], { type: "text/javascript" }));
  let widget = (await import(url)).default;
  if (typeof widget === "function") widget = await widget();
  await widget.initialize?.({ model });
  await widget.render?.({ model, el });
};
"""


class Page:
    """A bare page that shows the anywidgets of a front end."""

    def __init__(self, page, front_end):
        self.page, self.front_end, self.said = page, front_end, []
        self.seen = {}
        page.on("pageerror", lambda error: self.said.append(str(error)))
        page.expose_function("toKernel", lambda comm, data: front_end.send(comm, json.loads(data)))

    def show(self):
        """Show the anywidgets of the last cell, one below the other, and nothing else."""
        self.said.clear()
        self.seen.clear()
        self.page.goto("about:blank")  # otherwise the script finds its own names taken
        self.page.set_content("<!DOCTYPE html><html><body></body></html>")
        self.page.add_script_tag(content=HOST)
        for comm, state in self.front_end.below(self.front_end.shown).items():
            if state["_view_module"] == "anywidget":
                self.page.evaluate("([comm, state]) => show(comm, state)", [comm, plain(state)])
                self.seen[comm] = plain(state)

    def follow(self, so):
        """Pass messages of the kernel to the page until a condition holds."""
        for _ in range(600):
            if so():
                return
            self.front_end.listen(0.1)
            for comm, before in self.seen.items():
                state = plain(self.front_end.models[comm])
                changed = {name: each for name, each in state.items() if before.get(name) != each}
                if changed:
                    self.seen[comm] = state
                    self.page.evaluate("([comm, state]) => update(comm, state)", [comm, changed])
        pytest.fail(f"the page has not come to that: {self.said}")


def plain(value):
    """A state with its bytes as a page can be given them."""
    if isinstance(value, bytes):
        return {"base64": base64.b64encode(value).decode()}
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    return [plain(each) for each in value] if isinstance(value, list | tuple) else value


@pytest.fixture(scope="module")
def front_end(browser, tmp_path_factory):
    folder = tmp_path_factory.mktemp("bare")
    with Workbench(Settings(root=folder / "store")) as wb:
        for seed in range(50):
            wb.upload(f"{seed}.jpg", jpeg(seed, 64, 48))
    with kernel_in(folder) as shown:
        yield shown


@pytest.fixture(scope="module")
def host(new_shared_page, front_end):
    return Page(new_shared_page(), front_end)


def test_a_gallery_is_selected_in_and_turns_its_pages(host, front_end):
    front_end.run("gallery = wb.gallery(wb.images())\ngallery")
    host.show()
    tiles = host.page.locator(".imgurer-tile[role=option]")
    expect(tiles).to_have_count(48)
    tiles.nth(1).click()
    tiles.nth(4).click(modifiers=["Shift"])
    words = host.page.locator(".imgurer-frame-words")
    host.follow(lambda: words.inner_text() == "50 rows · page 1 of 2 · 4 selected")
    assert front_end.run("print(gallery.selection['image_id'].tolist())") == "[2, 3, 4, 5]\n"
    host.page.get_by_role("button", name="Next").click()
    host.follow(lambda: tiles.count() == 2)
    assert host.said == []


def test_a_job_is_seen_and_cancelled(host, front_end):
    front_end.run(
        "import time\n"
        "from imgurer_kernel.ui.widgets.progress_line import ProgressLine\n"
        "def slow(task):\n"
        "    for done in range(2000):\n"
        "        task.report(done, 2000)\n"
        "        time.sleep(0.05)\n"
        "job = wb.gallery(wb.images()).session.job()\n"
        "job.start('Counting', slow, print)\n"
        "ProgressLine(job)"
    )
    host.show()
    bar, cancel = host.page.locator("progress"), host.page.get_by_role("button", name="Cancel")
    host.follow(lambda: bar.is_visible() and cancel.is_visible())
    cancel.click()
    host.follow(lambda: not bar.is_visible())
    assert front_end.run("print(job.busy)") == "False\n"
    assert host.said == []
