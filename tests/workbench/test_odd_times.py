"""Files of any time: broken clocks, archives and cameras leave years from 1 to 9999."""

import os

import pytest

from imgurer_kernel import Settings, Workbench, find_duplicates
from tests.support.pictures import jpeg

SECOND = 10**9
TIMES = {
    "year 1": -62_135_596_800 * SECOND,
    "year 1601": -11_644_473_600 * SECOND,
    "before all that fits": -(2**63) - 1,
    "none, to pandas": -(2**63),
    "1969": -SECOND,
    "1970": 0,
    "the last that fits": 2**63 - 1,
    "after all that fits": 2**63,
    "year 9999": 253_402_300_799 * SECOND,
}


MODES = [("reference", time) for time in TIMES] + [("copy", "year 9999"), ("link", "year 1")]


def folder_of(tmp_path, time):
    """Two equal files and another picture, all of one time."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    for name, seed in (("a.jpg", 1), ("b.jpg", 1), ("c.jpg", 2)):
        (folder / name).write_bytes(jpeg(seed, 96, 72))
        os.utime(folder / name, ns=(0, TIMES[time]))
    return folder


@pytest.mark.parametrize(("mode", "time"), MODES)
def test_files_of_any_time_are_found_removed_and_put_back(mode, time, tmp_path):
    folder = folder_of(tmp_path, time)
    with Workbench(Settings(root=tmp_path / "store")) as wb:
        assert set(wb.ingest(folder, store=mode, progress=False)["status"]) <= {
            "added",
            "duplicate",
        }
        again = wb.ingest(folder, store=mode, progress=False)
        assert set(again["status"]) <= {"unchanged"}, "its time was another one a moment ago"
        assert len(wb.clusters(progress=False)) == 2
        assert set(wb.files()["state"]) == {"present"}
        wb.report(progress=False).save(tmp_path / "report.csv")
        before = {
            path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.iterdir()
        }
        plan = wb.plan(act="trash", progress=False)
        assert list(wb.apply(plan, progress=False)["status"]) == ["done"]
        assert len(list(folder.glob("*.jpg"))) == 2
        assert list(wb.undo(progress=False)["status"]) == ["undone"]
        after = {
            path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.glob("*.jpg")
        }
        assert after == before


@pytest.mark.parametrize("time", ["year 1", "year 9999"])
def test_folders_are_compared_without_a_store(time, tmp_path):
    folder = folder_of(tmp_path, time)
    assert len(find_duplicates(folder, progress=False)) == 2
    assert len(find_duplicates(folder, progress=False)) == 2
