"""A notebook in JupyterLab: run after a restart, with a selection by mouse as a frame."""

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
# Odd ids at the left and even ones at the right, without a layout to wait for.
MAP = """from imgurer_kernel import Settings, Workbench
from imgurer_kernel.report.likeness_map import LikenessMap
wb = Workbench(Settings(root="store"))
frame = wb.images()[["image_id", "filename"]]
frame["x"] = 1.0 - frame["image_id"] % 2
frame["y"] = (frame["image_id"] - 1) // 2 / 3
frame["cluster_id"] = (frame["image_id"] // 3).astype("Int64").where(frame["image_id"] > 2)
shown = wb.map(LikenessMap(frame=frame, thumbnail=wb.thumbnail))
shown"""
ON_MAP = 'print("selected", shown.selection["image_id"].tolist())'
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
    # Else it asks, over the notebook, whether to fetch news and whether to restart the kernel.
    extension = "@jupyterlab/apputils-extension"
    asked = folder / ".jupyter" / "JUPYTERLAB_SETTINGS_DIR" / extension
    asked.mkdir(parents=True)
    (asked / "notification.jupyterlab-settings").write_text('{"fetchNews": "false"}')
    skipped = '{"skipKernelRestartDialog": true}'
    (asked / "sessionDialogs.jupyterlab-settings").write_text(skipped)
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
    first = page.locator(".jp-InputPrompt").first
    for _ in range(10):
        page.get_by_role("menuitem", name="Run", exact=True).click()
        page.get_by_role("menuitem", name=re.compile("^Restart Kernel and Run All Cells")).click()
        with contextlib.suppress(AssertionError):
            expect(first).to_have_text(re.compile(r"^\[[*\d]+\]:"), timeout=40_000)
            return
    pytest.fail("JupyterLab does not run the cells")


@pytest.fixture(scope="module")
def notebooks(browser, tmp_path_factory):
    """JupyterLab in a folder with a store of eight pictures, and the notebooks of these tests."""
    folder = tmp_path_factory.mktemp("lab")
    with Workbench(Settings(root=folder / "store")) as wb:
        for seed in range(8):
            wb.upload(f"{seed}.jpg", jpeg(seed, 64, 48))
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    for name, sources in {"explore": (SHOW, READ), "map": (MAP, ON_MAP)}.items():
        cells = [nbformat.v4.new_code_cell(source) for source in sources]
        notebook = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})
        nbformat.write(notebook, folder / f"{name}.ipynb")
    with lab(folder) as url:
        yield url


def accept(dialog):
    dialog.locator(".jp-mod-accept").last.click()


def opened(new_page, url, name, shown):
    """A notebook after its kernel was restarted and all of it was run, so that a widget is shown.

    What a kernel says of its widgets before JupyterLab listens, which happens on a busy machine, is
    lost to it: who sees nothing runs all once more.
    """
    page = new_page(viewport={"width": 1280, "height": 1000})
    # What a busy machine makes it ask, such as whether to wait for the kernel, lies over all else.
    page.add_locator_handler(page.locator(".jp-Dialog"), accept)
    page.goto(f"{url}/lab/tree/{name}.ipynb?reset")
    # The kernel is asked for after the cells are there, and only then can be restarted.
    expect(page.locator(".jp-Notebook-ExecutionIndicator[data-status=idle]")).to_be_visible(
        timeout=120_000
    )
    for _ in range(3):
        restart_and_run_all(page)
        with contextlib.suppress(AssertionError):
            expect(page.locator(shown).first).to_be_visible(timeout=40_000)
            return page
    pytest.fail("JupyterLab shows no widget")


def run_last_cell(page):
    page.locator(".jp-CodeCell .cm-content").nth(1).click()
    page.keyboard.press("Control+Enter")


@pytest.mark.long  # in the short form on the map, and in the gallery of a bare page
def test_a_selection_by_the_mouse_is_a_frame_in_the_next_cell(new_page, notebooks):
    page = opened(new_page, notebooks, "explore", ".imgurer-tile[role=option]")
    tiles = page.locator(".imgurer-tile[role=option]")
    expect(tiles).to_have_count(8)
    printed = page.locator(".jp-OutputArea-output", has_text="selected [")
    expect(printed).to_have_text(re.compile(r"selected \[\]"))
    tiles.nth(1).click()
    tiles.nth(4).click(modifiers=["Shift"])
    tiles.nth(6).click(modifiers=["Control"])
    tiles.nth(2).click(modifiers=["Control"])
    expect(page.locator(".imgurer-frame-words")).to_have_text("8 rows · 4 selected")
    run_last_cell(page)
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


def test_a_lasso_on_the_map_is_a_frame_in_the_next_cell(new_page, notebooks):
    page = opened(new_page, notebooks, "map", ".imgurer-map-words")
    words = page.locator(".imgurer-map-words")
    expect(words).to_have_text("8 pictures · 0 selected")
    # All are in view, and their thumbnails come by themselves.
    expect(page.locator(".imgurer-map")).to_have_attribute("data-waiting", "0")
    canvas = page.locator(".imgurer-map-canvas")
    frame = canvas.bounding_box()
    width, height = frame["width"], frame["height"]

    def drag(*corners):
        """From the first corner to the others, in shares of the map's width and height."""
        places = [(frame["x"] + x * width, frame["y"] + y * height) for x, y in corners]
        page.mouse.move(*places[0])
        page.mouse.down()
        for place in places[1:]:
            page.mouse.move(*place, steps=4)
        page.mouse.up()

    page.get_by_role("button", name="Box").click()
    drag((0.01, 0.01), (0.5, 0.99))
    expect(words).to_have_text("8 pictures · 4 selected")
    run_last_cell(page)
    printed = page.locator(".jp-OutputArea-output", has_text="selected [")
    expect(printed).to_have_text(re.compile(r"selected \[1, 3, 5, 7\]"), timeout=60_000)
    page.get_by_role("button", name="Lasso").click()
    drag((0.52, 0.02), (0.98, 0.02), (0.98, 0.98), (0.52, 0.98))
    run_last_cell(page)
    expect(printed).to_have_text(re.compile(r"selected \[2, 4, 6, 8\]"), timeout=60_000)
    # Keys move and look closer; what is in view can be selected without a pointer.
    canvas.focus()
    for key in ("+", "+", "+", "+", *["ArrowRight"] * 3):
        page.keyboard.press(key)
    expect(words).to_have_text(re.compile(r"^8 pictures · \d in view · 4 selected$"))
    page.keyboard.press("0")
    page.keyboard.press("v")
    expect(words).to_have_text("8 pictures · 8 selected")
    page.keyboard.press("Escape")
    expect(words).to_have_text("8 pictures · 0 selected")
