"""Any sequence of decisions and acts with its undo leaves store and folder as they were."""

from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from imgurer_kernel import Settings, Workbench
from tests.review.folders import LARGE, SMALL, bytes_below, make_folder, tidy
from tests.support.pictures import encode, scene

ACTS = ["trash", "link", "move"]
NAMES = ["a.jpg", "a-copy.jpg", "a-small.jpg", "b.jpg", "up.jpg", "up-large.jpg", "up-ann.jpg"]


class Sittings(RuleBasedStateMachine):
    """One store, which each run leaves as it was; `before` says how that is."""

    wb: Workbench
    folder: Path
    goal: Path
    before: tuple
    ids: dict

    def there(self):
        """Names of the files that exist at their paths."""
        return set(self.wb.files(state="present")["filename"])

    @rule(data=st.data(), act=st.sampled_from(ACTS), keeper=st.sampled_from(NAMES))
    def remove(self, data, act, keeper):
        """Remove some files for a keeper; rows that are not allowed are refused one by one."""
        gone = data.draw(st.lists(st.sampled_from(NAMES), unique=True, min_size=1, max_size=3))
        there = self.there()
        # The act for what the store has is another one than that for what is on disk.
        acts = ["forget" if name.startswith("up") else act for name in gone]
        ids = [self.ids[name] for name in gone]
        plan = pd.DataFrame({"file_id": ids, "keeper_id": self.ids[keeper], "act": acts})
        answer = self.wb.apply(plan, to=self.goal, progress=False)
        if keeper not in there or keeper in gone or keeper == "b.jpg":
            there = set()
        allowed = {self.ids[name] for name in set(gone) & there - {"b.jpg"}}
        assert set(answer.loc[answer["status"] == "done", "file_id"]) <= allowed

    @rule(
        pair=st.lists(st.sampled_from([1, 2, 3]), min_size=2, max_size=2, unique=True),
        verdict=st.sampled_from(["same", "different", "later"]),
    )
    def decide(self, pair, verdict):
        """The unrelated picture is never decided to be the same, which would allow its removal."""
        files = self.wb.files(state="present")
        stranger = set(files.loc[files["filename"] == "b.jpg", "image_id"])
        if set(pair) <= set(files["image_id"]) and not (verdict == "same" and stranger & set(pair)):
            self.wb.decide(tuple(pair), verdict)

    @precondition(lambda self: (self.wb.journal()["state"] == "done").any())
    @rule(data=st.data())
    def undo_one(self, data):
        done = self.wb.journal().query("state == 'done'")["entry_id"]
        self.wb.undo(data.draw(st.sampled_from(done.tolist())))

    @rule()
    def undo_last(self):
        assert set(self.wb.undo()["status"]) <= {"undone"}

    @rule()
    def scan(self):
        """A scan finds nothing new: removed files are not missing, none comes from the trash."""
        assert set(self.wb.ingest(self.folder, progress=False)["status"]) <= {"unchanged"}

    @invariant()
    def nothing_is_lost(self):
        left = {*bytes_below(self.folder).values(), *bytes_below(self.goal).values()}
        assert left == set(self.before[0].values())
        there = self.there()
        assert "b.jpg" in there
        assert there & {"a.jpg", "a-copy.jpg", "a-small.jpg", "up.jpg", "up-large.jpg"}

    def teardown(self):
        while not (undone := self.wb.undo()).empty:
            assert set(undone["status"]) == {"undone"}
        decided = self.wb.decisions()["decision_id"].tolist()
        if decided:
            self.wb.undecide(decided)
        assert state_of(self.wb, self.folder) == self.before
        assert self.wb.check(progress=False).empty
        assert bytes_below(self.goal) == {}


def state_of(wb, folder):
    folders = sorted(str(path) for path in folder.rglob("*") if path.is_dir())
    return bytes_below(folder), tidy(wb), folders, wb.clusters(progress=False).to_csv()


@pytest.mark.parametrize("examples", [2, pytest.param(100, marks=pytest.mark.long)])
def test_undo(examples):
    with TemporaryDirectory() as scratch:
        root = Path(scratch)
        folder, goal = make_folder(root / "in"), root / "goal"
        goal.mkdir()
        with Workbench(Settings(root=root / "store", store="reference", workers=1)) as wb:
            wb.ingest(folder, progress=False)
            wb.upload("up.jpg", SMALL)
            wb.upload("up-large.jpg", LARGE)
            wb.accounts.create("ann", "a long password")
            wb.upload("up-ann.jpg", encode(scene(3, 240, 180)), "ann")
            ids = wb.files().set_index("filename")["file_id"].to_dict()
            given = {"wb": wb, "folder": folder, "goal": goal, "ids": ids}
            given["before"] = state_of(wb, folder)
            run_state_machine_as_test(
                type("SittingsHere", (Sittings,), given),
                settings=settings(
                    max_examples=examples,
                    stateful_step_count=8,
                    deadline=None,
                    suppress_health_check=list(HealthCheck),
                ),
            )
