"""Screen, pandas and shell leave the same folder after the same cleaning."""

import pytest

from imgurer_kernel import Settings, Workbench
from imgurer_kernel.apps.cli.parser import main
from imgurer_kernel.review.plan import write_plan
from tests.review.folders import bytes_below
from tests.support.forms import rounds
from tests.support.pictures import encode, resized, scene


def make_pictures(folder):
    """Copies of two pictures in other folders, a smaller one with a sidecar, and one alone."""
    (folder / "copies").mkdir(parents=True)
    for seed in (71, 72):
        picture = scene(seed, 240, 180)
        data = encode(picture, quality=95)
        (folder / f"{seed}.jpg").write_bytes(data)
        (folder / "copies" / f"{seed} (1).jpg").write_bytes(data)
        (folder / "copies" / f"{seed} small.png").write_bytes(
            encode(resized(picture, 120, 90), "PNG")
        )
    (folder / "copies" / "71 small.xmp").write_bytes(b"<edits/>")
    (folder / "alone.jpg").write_bytes(encode(scene(79, 240, 180)))


def by_the_screen(wb, _):
    """What the page sends for the key x, as in the dashboard and below a cell of a notebook."""
    panel = wb.review()
    for cluster_id in list(panel.model.listed):
        message = {"kind": "act", "act": "remove_others", "cluster_id": cluster_id}
        panel.board._receive(None, message, [])
    assert not panel.model.acts.failure


def by_preview(wb, _):
    """Everything that the filter shows, after its preview."""
    panel = wb.review()
    for act in ("preview", "confirm"):
        panel.board._receive(None, {"kind": "act", "act": act}, [])


def by_pandas(wb, _):
    """A plan of one's own, made of the frame of the queue."""
    queue = wb.queue(progress=False)
    plan = queue.loc[queue["file_id"] != queue["keeper_id"], ["file_id", "keeper_id"]]
    wb.apply(plan.assign(act="trash"), progress=False)


def by_one_call(wb, _):
    wb.apply(wb.plan(progress=False), progress=False)


def by_a_spreadsheet(wb, folder):
    wb.apply(write_plan(wb.plan(progress=False), folder / "plan.csv"), progress=False)


def by_the_shell(wb, folder):
    wb.close()
    root, plan = str(wb.settings.root), str(folder / "plan.csv")
    assert main(["--root", root, "review", "plan", "--out", plan]) == 0
    assert main(["--root", root, "review", "apply", plan]) == 0


# The shell writes and reads the table of a spreadsheet, too.
WAYS = rounds(
    [by_the_screen, by_pandas, by_one_call, by_the_shell],
    [by_the_screen, by_preview, by_pandas, by_one_call, by_a_spreadsheet, by_the_shell],
)


@pytest.fixture(scope="module")
def left(tmp_path_factory):
    """The files that each way leaves in the folder and puts into the trash folder."""
    found = {}
    for way in WAYS:
        base = tmp_path_factory.mktemp(way.__name__)
        make_pictures(base / "in")
        with Workbench(Settings(root=base / "store", store="reference", workers=1)) as wb:
            wb.ingest(base / "in", progress=False)
            way(wb, base)
        everything = bytes_below(base / "in")
        here = bytes_below(base / "in", trash=False)
        # Below the folder of the sitting, whose name is another one each time.
        gone = {name.split("/", 2)[2]: everything[name] for name in everything.keys() - here.keys()}
        found[way] = here, gone
    return found


def test_all_ways_leave_the_same(left):
    here, gone = left[by_one_call]
    assert here.keys() == {"71.jpg", "72.jpg", "alone.jpg"}
    copies = {f"copies/{seed} {what}" for seed in (71, 72) for what in ("(1).jpg", "small.png")}
    assert gone.keys() == copies | {"copies/71 small.xmp"}
    for way in WAYS:
        assert left[way] == (here, gone), way.__name__
