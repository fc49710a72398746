"""Files of any time: broken clocks, archives and cameras leave years from 1 to 9999."""

import os

import pytest

from imgurer_kernel import Settings, Workbench, find_duplicates
from tests.support.forms import long_only, thinned
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


MODES = [("reference", [*TIMES]), *long_only(("copy", ["year 9999"]), ("link", ["year 1"]))]


def folder_of(tmp_path, *times):
    """For each time two equal files and another picture."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number, time in enumerate(times):
        for name, seed in (("a", 2 * number), ("b", 2 * number), ("c", 2 * number + 1)):
            path = folder / f"{name}, {time}.jpg"
            path.write_bytes(jpeg(1 + seed, 96, 72))
            os.utime(path, ns=(0, TIMES[time]))
    return folder


@pytest.mark.parametrize(("mode", "times"), MODES)
def test_files_of_any_time_are_found_removed_and_put_back(mode, times, tmp_path):
    folder = folder_of(tmp_path, *times)
    with Workbench(Settings(root=tmp_path / "store")) as wb:
        status = wb.ingest(folder, store=mode, progress=False)["status"]
        assert set(status) == {"added", "duplicate"}
        again = wb.ingest(folder, store=mode, progress=False)
        assert set(again["status"]) == {"unchanged"}, "its time was another one a moment ago"
        assert len(wb.clusters(progress=False)) == 2 * len(times)
        assert set(wb.files()["state"]) == {"present"}
        wb.report(progress=False).save(tmp_path / "report.csv")
        before = {
            path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.iterdir()
        }
        plan = wb.plan(act="trash", progress=False)
        assert list(wb.apply(plan, progress=False)["status"]) == ["done"] * len(times)
        assert len(list(folder.glob("*.jpg"))) == 2 * len(times)
        assert list(wb.undo(progress=False)["status"]) == ["undone"] * len(times)
        after = {
            path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.glob("*.jpg")
        }
        assert after == before


@pytest.mark.parametrize("time", thinned(["year 1", "year 9999"], 2))
def test_folders_are_compared_without_a_store(time, tmp_path, monkeypatch):
    monkeypatch.setenv("IMGURER_CACHE", str(tmp_path / "cache"))
    folder = folder_of(tmp_path, time)
    assert len(find_duplicates(folder, progress=False)) == 2
    assert len(find_duplicates(folder, progress=False)) == 2
