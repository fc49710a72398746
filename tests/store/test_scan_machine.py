"""Random changes of files between scans, against a model of the disk, in all modes."""

import os
import shutil
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from imgurer_kernel import Settings, Workbench
from imgurer_kernel.errors import BlobDamaged, BlobMissing
from tests.support.forms import rounds
from tests.support.pictures import jpeg

PICTURES = [jpeg(seed, 24, 20) for seed in range(4)]
JUNK = b"no picture at all"
NAMES = ["a.jpg", "b.jpg", "sub/a.jpg", "sub/c.jpg"]
FAST = Path("/dev/shm")


class Scans(RuleBasedStateMachine):
    """Files of one folder, and what a store knows of them after each scan."""

    mode = "reference"

    def __init__(self):
        super().__init__()
        self.scratch = TemporaryDirectory(dir=FAST if FAST.is_dir() else None)
        self.root = Path(self.scratch.name) / "in"
        (self.root / "sub").mkdir(parents=True)
        self.wb = Workbench(Settings(root=Path(self.scratch.name) / "store", workers=1))
        self.clock = count(1_600_000_000)
        self.away = False
        self.disk = {}  # name -> bytes, as it is on the disk, or would be if that were mounted
        self.seen = {}  # name -> bytes of the pictures that the last scan found there
        self.ever = set()  # of all pictures that were ever ingested

    def teardown(self):
        self.wb.close()
        self.scratch.cleanup()

    # What people do -------------------------------------------------------------------------

    def _stamp(self, name):
        """A distinct modification time for each written file, for any resolution of the clock."""
        second = next(self.clock)
        os.utime(self.root / name, (second, second))

    @precondition(lambda self: not self.away)
    @rule(name=st.sampled_from(NAMES), picture=st.sampled_from([*PICTURES, JUNK]))
    def replace(self, name, picture):
        """A new file takes the place of what was there, or of nothing."""
        new = self.root / "sub" / "new"
        new.write_bytes(picture)
        new.rename(self.root / name)
        self._stamp(name)
        self.disk[name] = picture

    @precondition(lambda self: not self.away and self.disk)
    @rule(data=st.data(), picture=st.sampled_from([*PICTURES, JUNK]))
    def edit(self, data, picture):
        """A program writes into a file: its other names change with it."""
        name = data.draw(st.sampled_from(sorted(self.disk)))
        with (self.root / name).open("r+b") as file:
            file.write(picture)
            file.truncate()
        self._stamp(name)
        self.disk[name] = picture

    @precondition(lambda self: not self.away and self.disk)
    @rule(data=st.data())
    def delete(self, data):
        name = data.draw(st.sampled_from(sorted(self.disk)))
        (self.root / name).unlink()
        del self.disk[name]

    @precondition(lambda self: not self.away and self.disk)
    @rule(data=st.data(), to=st.sampled_from(NAMES))
    def move(self, data, to):
        name = data.draw(st.sampled_from(sorted(self.disk)))
        (self.root / name).rename(self.root / to)
        self.disk[to] = self.disk.pop(name)

    @precondition(lambda self: not self.away and self.disk)
    @rule(data=st.data(), to=st.sampled_from(NAMES))
    def copy(self, data, to):
        name = data.draw(st.sampled_from(sorted(self.disk)))
        if name != to:
            (self.root / to).unlink(missing_ok=True)
            shutil.copyfile(self.root / name, self.root / to)
            self._stamp(to)
            self.disk[to] = self.disk[name]

    @precondition(lambda self: not self.away and self.disk)
    @rule()
    def unmount(self):
        """Unmount the drive: its folder stays, and is empty."""
        self.root.rename(self.root.with_name("drive"))
        self.root.mkdir()
        self.away = True

    @precondition(lambda self: self.away)
    @rule()
    def mount(self):
        self.root.rmdir()
        self.root.with_name("drive").rename(self.root)
        self.away = False

    # What the program does ------------------------------------------------------------------

    @rule(checksum=st.booleans())
    def scan(self, checksum):
        frame = self.wb.ingest(self.root, store=self.mode, progress=False, checksum=checksum)
        counts = frame.attrs
        if self.away:
            # What nothing is known of is not missed.
            assert counts == ({"rejected": 1} if self._known() else {})
            return
        pictures = {name: data for name, data in self.disk.items() if data != JUNK}
        gone = {name for name in self.seen if name not in self.disk}
        assert counts.get("rejected", 0) == list(self.disk.values()).count(JUNK)
        assert counts.get("missing", 0) <= len(gone)
        assert len(frame) == len(self.disk) + counts.get("missing", 0)
        self.seen = pictures
        self.ever |= set(pictures.values())
        self.check()

    @precondition(lambda self: self.away)
    @rule()
    def prune(self):
        self.wb.ingest(self.root, store=self.mode, progress=False, prune=True)
        self.seen = {}
        self.check()

    # What must be true ----------------------------------------------------------------------

    def _known(self):
        return self.wb.files()["path"].notna().any()

    def _files(self):
        frame = self.wb.files(folder=self.root)
        column = "source_state"
        present = frame[frame[column] == "present"]
        digests = self.wb.images().set_index("image_id")["bytes"]
        assert set(present["image_id"]) <= set(digests.index)
        return present

    def check(self):
        """After a scan: a present file for each picture on the disk, and no other."""
        present = self._files()
        places = {str(Path(path).relative_to(self.root)) for path in present["path"]}
        assert places == set(self.seen)
        assert len(present) == len(places), "one file has one row"
        assert self.wb.files()["file_id"].is_unique
        active = set(self.wb.browse(99)["image_id"])
        current = self.wb.files(state="present")
        assert active == set(current["image_id"])
        if self.mode != "copy":
            assert active == set(present["image_id"])
            assert len(active) == len(set(self.seen.values()))
        for path, image_id in zip(present["path"], present["image_id"], strict=True):
            with self.wb.original(image_id) as file:
                assert file.read() == self.seen[str(Path(path).relative_to(self.root))]

    @invariant()
    def no_original_has_the_bytes_of_another_picture(self):
        import hashlib

        images = self.wb.images()
        for image_id, digest in zip(images["image_id"], images["digest"], strict=True):
            try:
                file = self.wb.original(image_id)
            except (BlobMissing, BlobDamaged):
                assert self.mode != "copy", "the store has its own"
                continue
            with file:
                assert hashlib.sha256(file.read()).hexdigest() == digest


@pytest.mark.parametrize("mode", ["copy", "link", "reference"])
def test_scans(mode):
    machine = type(f"Scans_{mode}", (Scans,), {"mode": mode})
    machine.TestCase.settings = settings(
        max_examples=rounds(2, 20),
        stateful_step_count=rounds(8, 12),
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    machine.TestCase("runTest").runTest()
