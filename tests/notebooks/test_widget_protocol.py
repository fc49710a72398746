"""Widgets by the messages that every front end of Jupyter speaks: VS Code, Colab, Notebook, Lab.

A kernel is driven here as such a front end does, by comm messages alone. It knows no extension, no
page and nothing of JupyterLab; what it shows comes from the states of models, in which anywidgets
have their script and stylesheet. `tests/e2e/test_bare_page.py` runs these scripts.
"""

import re
import time

import pytest

from imgurer_kernel import Settings, Workbench
from tests.support.front_end import kernel_in
from tests.support.pictures import jpeg

# What a front end has: the stock widgets, and the one module that runs the script of a state.
MODULES = {"@jupyter-widgets/base", "@jupyter-widgets/controls", "anywidget"}


@pytest.fixture(scope="module")
def front_end(tmp_path_factory):
    """A kernel with a workbench on 50 pictures, two pages of a gallery."""
    folder = tmp_path_factory.mktemp("protocol")
    with Workbench(Settings(root=folder / "store")) as wb:
        for seed in range(50):
            wb.upload(f"{seed}.jpg", jpeg(seed, 64, 48))
    (folder / "more").mkdir()
    for seed in range(50, 53):
        (folder / "more" / f"{seed}.jpg").write_bytes(jpeg(seed, 64, 48))
    with kernel_in(folder) as shown:
        yield shown


PANELS = {
    "gallery": "wb.gallery(wb.images())",
    "review": "wb.review()",
    "compare": "wb.compare(1, 2)",
    "search": "__import__('imgurer_kernel.ui').ui.SearchPanel(wb)",
    "upload": "__import__('imgurer_kernel.ui').ui.UploadPanel(wb)",
    "browse": "__import__('imgurer_kernel.ui').ui.BrowsePanel(wb)",
}


@pytest.mark.parametrize("panel", PANELS)
def test_a_panel_is_shown_by_the_states_of_its_models_alone(front_end, panel):
    front_end.run(PANELS[panel])
    assert front_end.failed is None
    assert front_end.printed == ""  # no script printed, no page of its own displayed
    models = front_end.below(front_end.shown)
    ours = 0
    for state in models.values():
        assert {state["_model_module"], state["_view_module"]} <= MODULES
        assert state["_view_module_version"]
        if state["_view_module"] != "anywidget":
            continue
        ours += 1
        script = re.sub(r"//.*", "", state["_esm"])
        assert re.search(r"^export default ", script, re.MULTILINE)
        # It is all there: nothing is fetched, and no front end is known by its name.
        assert not re.search(r"^\s*import\b|\bimport\(|\brequire\(", script, re.MULTILINE)
        assert not re.search("jupyterlab|vscode|colab|requirejs", script, re.IGNORECASE)
        assert not re.search(r"url\((?!['\"]?data:|['\"]?#)|@import", state["_css"])
    assert ours


def test_a_front_end_that_comes_later_asks_for_all_states(front_end):
    front_end.run("late = wb.gallery(wb.images())\nlate")
    wanted = front_end.below(front_end.shown)
    front_end.send("control", {}, "comm_open", target_name="jupyter.widget.control")
    front_end.send("control", {"method": "request_states"})
    told = {}

    def answered(message):
        content = message["content"]
        if message["msg_type"] == "comm_msg" and content["comm_id"] == "control":
            told.update(content["data"]["states"])
        return bool(told)

    front_end.follow(answered)
    assert set(wanted) <= set(told)
    for comm, state in wanted.items():
        assert told[comm]["model_name"] == state["_model_name"]
        assert told[comm]["state"].get("_esm") == state.get("_esm")


def test_its_selection_is_a_frame_in_the_next_cell(front_end):
    front_end.run("gallery = wb.gallery(wb.images())\ngallery")
    widget = front_end.one("ranges")
    content = front_end.models[widget]["_content"]
    assert (len(content["tiles"]), content["blob"][:2]) == (48, b"\xff\xd8")
    front_end.tell(widget, ranges=[[4, 2], [1, 3], [2, 4]])
    # What makes no sense is put right, and the front end is told so.
    front_end.until(lambda: front_end.models[widget]["ranges"] == [[1, 4]])
    assert front_end.run("print(gallery.selection['image_id'].tolist())") == "[2, 3, 4]\n"


def test_a_message_of_its_own_is_answered(front_end):
    front_end.run("pages = wb.gallery(wb.images())\npages")
    widget = front_end.one("ranges")
    front_end.custom(widget, {"kind": "page", "value": 1})
    front_end.until(lambda: front_end.models[widget]["page"] == 1)
    assert [tile["name"] for tile in front_end.models[widget]["_content"]["tiles"]] == [
        "48.jpg",
        "49.jpg",
    ]


SLOW = """
import time
def slow(task):
    for done in range(2000):
        task.report(done, 2000)
        time.sleep(0.02)
job = gallery.session.job()
from imgurer_kernel.ui.widgets.progress_line import ProgressLine
line = ProgressLine(job)
job.start("Counting", slow, print)
line"""


def test_progress_is_sent_and_cancel_received_while_the_kernel_is_idle(front_end):
    front_end.run("gallery = wb.gallery(wb.images().head(1))" + SLOW)
    widget = front_end.shown
    state = front_end.models[widget]
    front_end.until(lambda: state["shown"] and state["done"] > 5)
    assert (state["label"], state["total"]) == ("Counting", 2000)
    front_end.custom(widget, {"kind": "cancel"})
    front_end.until(lambda: not state["shown"])
    assert front_end.run("print(job.busy, job.failure)") == "False \n"


def test_a_bar_of_a_cell_is_a_stock_widget(front_end):
    front_end.run("wb.ingest('more')")
    [bar] = [state for state in front_end.models.values() if state.get("bar_style") == "success"]
    assert bar["_view_module"] == "@jupyter-widgets/controls"
    assert bar["value"] == bar["max"] == 3


@pytest.mark.long
def test_a_cell_that_lays_out_a_map_is_interrupted(front_end):
    front_end.run(
        "from imgurer_kernel.report import layout_process as process\n"
        "process._START = 'import time; time.sleep(300)'\n"
    )
    asked = []

    def interrupt():
        if "begun" in front_end.printed and not asked:
            asked.append(time.monotonic())
            front_end.manager.interrupt_kernel()

    front_end.run("print('begun', flush=True)\nwb.map(wb.clusters(verify=False))", interrupt)
    assert front_end.failed == "KeyboardInterrupt"
    assert front_end.run("print(len(wb.images()))") == "53\n"
