"""Several processes on one store: nothing is lost, and no partial change is visible."""

import subprocess
import sys

import pytest

from imgurer_kernel import Settings, Workbench
from tests.support.pictures import jpeg

PROGRAM = """
import sys
from imgurer_kernel import Settings, Workbench
root, folder, number = sys.argv[1], sys.argv[2], int(sys.argv[3])
with Workbench(Settings(root=root, workers=1)) as wb:
    wb.ingest(f"{folder}/{number}-*.jpg", progress=False)
    shared = wb.ingest(f"{folder}/shared-*.jpg", progress=False)
    own = wb.ingest(f"{folder}/{number}-*.jpg", progress=False)
    assert own["status"].isin(["duplicate", "unchanged"]).all(), own
    for image_id in own["image_id"]:
        found = wb.similar(int(image_id), radius=0)
        assert image_id in set(found["image_id"]), (image_id, found)
    print(*sorted(set(shared["image_id"])))
"""


@pytest.mark.long  # in the short form a crowd does it, among other things (test_short.py)
def test_several_processes_that_ingest_and_search_at_once(tmp_path):
    count = 8
    folder = tmp_path / "in"
    folder.mkdir()
    for number in range(count):
        for part in range(3):
            data = jpeg(number, 320, 240) + bytes([part])
            (folder / f"{number}-{part}.jpg").write_bytes(data)
    for part in range(4):
        (folder / f"shared-{part}.jpg").write_bytes(jpeg(count, 320, 240) + bytes([part]))
    root = tmp_path / "store"
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(root), str(folder), str(number)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for number in range(count)
    ]
    outputs = [process.communicate(timeout=300) for process in processes]
    for process, (_, errors) in zip(processes, outputs, strict=True):
        assert process.returncode == 0, errors
    # Everybody got the same ids for the files that all of them ingested.
    assert len({output for output, _ in outputs}) == 1
    with Workbench(Settings(root=root)) as wb:
        images = wb.images()
        assert len(images) == images["digest"].nunique() == count * 3 + 4
        assert wb.check(progress=False).empty
        assert len(wb.clusters(radius=0)) == count * 3 + 4


@pytest.mark.long  # in the short form a crowd does it, among other things (test_short.py)
def test_a_picture_that_one_forgets_while_another_brings_it_keeps_its_bytes(tmp_path):
    (tmp_path / "a.jpg").write_bytes(jpeg(0))
    root = tmp_path / "store"
    with Workbench(Settings(root=root)) as wb:
        wb.accounts.create("ada", "a long password")
    bring = (
        "import sys\nfrom imgurer_kernel import Settings, Workbench\n"
        "wb = Workbench(Settings(root=sys.argv[1], workers=1))\n"
        "for _ in range(30):\n"
        "    row = wb.upload('a.jpg', open(sys.argv[2], 'rb'), user=sys.argv[3]).iloc[0]\n"
        "    with wb.original(row['image_id']) as original:\n"
        "        assert original.read(2) == b'\\xff\\xd8'\n"
        "    wb.forget(int(row['image_id']), user=sys.argv[3])\n"
    )
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", bring, str(root), str(tmp_path / "a.jpg"), user],
            stderr=subprocess.PIPE,
            text=True,
        )
        for user in ("local", "ada")
    ]
    for process in processes:
        _, errors = process.communicate(timeout=300)
        assert process.returncode == 0, errors
    with Workbench(Settings(root=root)) as wb:
        assert wb.images().empty
        assert wb.check(progress=False).empty
