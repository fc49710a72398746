"""If the system allows no more threads, fewer do the work, or the calling one."""

import pytest

from imgurer_kernel import Settings, Workbench
from imgurer_kernel.store.catalog.lock import lockfile
from tests.support.few_threads import thread_limit  # noqa: F401
from tests.support.forms import long_only
from tests.support.pictures import jpeg


@pytest.mark.parametrize("number", [0, 1, *long_only(3)])
def test_pictures_are_found_removed_and_put_back(number, tmp_path, thread_limit):  # noqa: F811
    folder = tmp_path / "pictures"
    folder.mkdir()
    for name, seed in (("a.jpg", 1), ("b.jpg", 1), ("c.jpg", 2)):
        (folder / name).write_bytes(jpeg(seed, 96, 72))
    refused = thread_limit(number)
    with Workbench(Settings(root=tmp_path / "store", store="reference", workers=4)) as wb:
        assert wb.ingest(folder, progress=False)["status"].tolist() == [
            "added",
            "duplicate",
            "added",
        ]
        assert len(wb.clusters(progress=False)) == 2
        assert wb.similar(folder / "c.jpg")["distance"].tolist() == [0]
        applied = wb.apply(wb.plan(progress=False), progress=False)
        assert applied["status"].tolist() == ["done"]
        assert len(list(folder.glob("*.jpg"))) == 2
        wb.undo(progress=False)
        assert len(list(folder.glob("*.jpg"))) == 3
    assert refused


def test_nobody_keeps_the_catalog_that_nothing_can_take_away_when_idle(tmp_path, thread_limit):  # noqa: F811
    with Workbench(Settings(root=tmp_path / "store")) as wb:
        thread_limit(0)
        wb.store.catalog.release()
        assert wb.images().empty
        assert not wb.store.catalog._lease.held


@pytest.mark.skipif(not lockfile.CAN_BLOCK, reason="there is no flock")
def test_who_waits_for_a_catalog_asks_again_and_again(tmp_path, thread_limit):  # noqa: F811
    with Workbench(Settings(root=tmp_path / "store", lease_timeout=0.2)) as wb:
        other = Workbench(Settings(root=tmp_path / "store", lease_timeout=20))
        assert wb.images().empty
        thread_limit(0)
        assert other.images().empty, "the first one's watcher gives it away"
        other.close()
