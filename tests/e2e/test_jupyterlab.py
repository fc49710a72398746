"""A notebook in JupyterLab: restarted and run, a selection by the mouse, and its frame."""

import contextlib
import os
import re
import socket
import subprocess
import sys
import time
import urllib.request

import nbformat
import pytest
from playwright.sync_api import TimeoutError as PageTimeout
from playwright.sync_api import expect

from imgurer_kernel import Settings, Workbench
from tests.e2e.servers import REPOSITORY
from tests.support.pictures import jpeg

pytestmark = pytest.mark.e2e
pytest.importorskip("jupyterlab")

SHOW = """from imgurer_kernel import Settings, Workbench
wb = Workbench(Settings(root="store"))
gallery = wb.gallery(wb.images())
gallery"""
READ = 'print("selected", gallery.selection["image_id"].tolist())'
OPTIONS = (
    "--no-browser",
    "--allow-root",
    "--ServerApp.port_retries=0",
    "--IdentityProvider.token=",
    "--ServerApp.disable_check_xsrf=True",
    "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
)


@contextlib.contextmanager
def lab(folder):
    """Run JupyterLab in a folder, with settings of its own, until the block ends."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    own = {
        name: str(folder / ".jupyter" / name)
        for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_RUNTIME_DIR", "JUPYTERLAB_SETTINGS_DIR",
                     "JUPYTERLAB_WORKSPACES_DIR", "IPYTHONDIR")
    }  # fmt: skip
    # Else it asks, over the notebook, whether to fetch news.
    extension = "@jupyterlab/apputils-extension"
    asked = folder / ".jupyter" / "JUPYTERLAB_SETTINGS_DIR" / extension
    asked.mkdir(parents=True)
    (asked / "notification.jupyterlab-settings").write_text('{"fetchNews": "false"}')
    path = os.pathsep.join(filter(None, (str(REPOSITORY), os.environ.get("PYTHONPATH"))))
    process = subprocess.Popen(
        [sys.executable, "-m", "jupyterlab", f"--port={port}", *OPTIONS],
        cwd=folder,
        env={**os.environ, **own, "PYTHONPATH": path},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(600):
            assert process.poll() is None, "JupyterLab has ended"
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"{url}/api", timeout=5).close()
                break
            time.sleep(0.2)
        yield url
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def restart_and_run_all(page):
    """Choose it from the menu, which does nothing while the kernel is not at the notebook yet."""
    for _ in range(10):
        page.get_by_role("menuitem", name="Run", exact=True).click()
        page.get_by_role("menuitem", name=re.compile("^Restart Kernel and Run All Cells")).click()
        with contextlib.suppress(PageTimeout):
            page.get_by_role("button", name="Confirm Kernel Restart").click(timeout=10_000)
            return
    pytest.fail("JupyterLab does not ask whether to restart the kernel")


def test_a_selection_by_the_mouse_is_a_frame_in_the_next_cell(new_page, tmp_path):
    with Workbench(Settings(root=tmp_path / "store")) as wb:
        for seed in range(8):
            wb.upload(f"{seed}.jpg", jpeg(seed, 64, 48))
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    cells = [nbformat.v4.new_code_cell(source) for source in (SHOW, READ)]
    notebook = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})
    nbformat.write(notebook, tmp_path / "explore.ipynb")
    with lab(tmp_path) as url:
        page = new_page(viewport={"width": 1280, "height": 1000})
        page.goto(f"{url}/lab/tree/explore.ipynb")
        # The kernel is asked for after the cells are there, and only then can be restarted.
        expect(page.locator(".jp-Notebook-ExecutionIndicator[data-status=idle]")).to_be_visible(
            timeout=120_000
        )
        restart_and_run_all(page)
        tiles = page.locator(".imgurer-tile[role=option]")
        expect(tiles).to_have_count(8, timeout=120_000)
        printed = page.locator(".jp-OutputArea-output", has_text="selected [")
        expect(printed).to_have_text(re.compile(r"selected \[\]"))
        tiles.nth(1).click()
        tiles.nth(4).click(modifiers=["Shift"])
        tiles.nth(6).click(modifiers=["Control"])
        tiles.nth(2).click(modifiers=["Control"])
        expect(page.locator(".imgurer-frame-words")).to_have_text("8 rows · 4 selected")
        page.locator(".jp-CodeCell .cm-content").nth(1).click()
        page.keyboard.press("Control+Enter")
        expect(printed).to_have_text(re.compile(r"selected \[2, 4, 5, 7\]"), timeout=60_000)
        # The keys of the gallery are not those of the notebook.
        tiles.nth(0).focus()
        page.keyboard.press("Control+a")
        expect(page.locator(".imgurer-frame-words")).to_have_text("8 rows · 8 selected")
        page.keyboard.press("Escape")
        page.keyboard.press("ArrowRight")
        page.keyboard.press(" ")
        expect(tiles.nth(1)).to_have_attribute("aria-selected", "true")
        expect(page.locator(".imgurer-frame-words")).to_have_text("8 rows · 1 selected")
