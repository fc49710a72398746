"""Upkeep: what is swept, and when."""

import time
from types import SimpleNamespace

import pytest

from imgurer_kernel import Settings, Workbench
from tests.support.pictures import jpeg


@pytest.mark.parametrize("repair", [False, True])
@pytest.mark.parametrize("days", [0, 3])
def test_repair_sweeps_what_crashes_have_left(tmp_path, monkeypatch, repair, days):
    with Workbench(Settings(root=tmp_path)) as wb:
        wb.upload("a.jpg", jpeg(1))
        left = tmp_path / "tmp" / "left"
        left.parent.mkdir(exist_ok=True)
        left.write_bytes(b"half a picture")
        later = SimpleNamespace(time=lambda: time.time() + days * 86_400)
        monkeypatch.setattr("imgurer_kernel.store.blobs.backends.posix.time", later)
        assert wb.check(repair=repair, progress=False).empty
        assert left.exists() is not (repair and days > 1)
