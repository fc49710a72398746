"""Acts are in the event log: one event for each call, with its user."""

import json

import pandas as pd
import pytest

from imgurer_kernel.apps.server.audit import read_audit
from imgurer_kernel.common.event_log import close_log, open_log, path_of
from tests.review.folders import fill


@pytest.fixture(autouse=True)
def closed():
    yield
    close_log()


def test_acts_and_what_takes_them_back_are_in_the_log_and_in_the_audit(new_store):
    wb = new_store(fill)
    root = wb.settings.root
    open_log(root, process="page", by="ann")
    plan = pd.DataFrame([{"file_id": 2, "keeper_id": 1, "act": "forget"}])
    wb.apply(plan, user="ann", dry_run=True, progress=False)  # nothing is done by that
    wb.apply(plan, user="ann", progress=False)
    wb.undo(user="ann", progress=False)
    made = wb.decide((1, 2), "different", user="ann")
    wb.undecide(made["decision_id"].tolist(), user="ann")
    wb.forget(file_id=2, user="ann")
    wb.trash.restore(2, user="ann")
    wb.forget(file_id=2, user="ann")
    wb.trash.empty("0s")
    events = [json.loads(line) for line in path_of(root).read_text().splitlines()]
    told = [
        {key: value for key, value in event.items() if key not in {"at", "process", "by", "digest"}}
        for event in events
    ]
    sitting = wb.sitting
    assert told == [
        {"event": "acted", "user": "ann", "sitting": sitting, "acts": "forget", "done": 1},
        {"event": "undone", "user": "ann", "acts": "forget", "undone": 1},
        {"event": "decision-undone", "user": "ann", "decisions": 1},
        {"event": "forgotten", "user": "ann", "file": 2},
        {"event": "restored", "user": "ann", "files": 1, "first": "small.jpg"},
        {"event": "forgotten", "user": "ann", "file": 2},
        {"event": "trash-emptied", "user": "local", "deleted": 1, "left": 0},
    ]
    shown = {(row.user, row.what) for row in read_audit(wb.catalog, "local", root)}
    assert shown >= {("ann", event["event"]) for event in told}
    assert ("ann", "forget (undone)") in shown
