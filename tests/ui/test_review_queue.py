"""A queue with some changed clusters equals one made from all rows."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imgurer_kernel.ui.models.review_queue import QueueFilter, ReviewQueue, select
from tests.support.forms import rounds

FILES = 3


def rows_of_queue(clusters, state="present"):
    """Clusters of three files each, the last of which is another name of the first one's inode."""
    number = np.arange(clusters * FILES)
    frame = pd.DataFrame(
        {
            "cluster_id": number // FILES,
            "file_id": number + 100,
            "image_id": number - (number % FILES == FILES - 1) * (FILES - 1),
            "keeper_id": number // FILES * FILES + 100,
            "bytes": 10 + number,
            "score": 1 - number / 1000,
            "frees_disk": np.where(number % FILES == 1, 10 + number, 0),
            "frees_store": 0,
            "is_keeper": number % FILES == 0,
            "is_reference": False,
            "is_link": False,
            "disk_file": number - (number % FILES == FILES - 1) * (FILES - 1),
            "disputed": False,
            "new_since_decision": False,
            "taken_at": pd.Timestamp("2020-01-01") + pd.to_timedelta(number, "D"),
        }
    )
    texts = {"state": state, "kept": "reference", "user": "ann", "verdict": "", "folder": "/in"}
    names = [f"{each}.jpg" for each in number]
    frame = frame.assign(**texts, filename=names, path=[f"/in/{name}" for name in names])
    return frame.assign(
        label=np.where(frame["is_keeper"], "kept", "resized"), camera=pd.Series(dtype="str")
    )


def keeping(queue, cluster_id, place):
    members = queue.rows(cluster_id)
    return members.assign(keeper_id=members["file_id"].iloc[place])


@pytest.mark.long
@settings(max_examples=rounds(6, 500))
@given(
    changes=st.lists(st.tuples(st.integers(0, 3), st.integers(0, FILES - 1)), max_size=6),
)
def test_changes_come_to_the_queue_of_all_rows(changes):
    queue = ReviewQueue.of(rows_of_queue(4), 12, "")
    expected = queue.read
    for cluster_id, place in changes:
        fresh = keeping(queue, cluster_id, place)
        queue = queue.replaced(fresh)
        kept = fresh["keeper_id"].iloc[0]
        keepers = expected["keeper_id"].where(expected["cluster_id"] != cluster_id, kept)
        expected = expected.assign(keeper_id=keepers)
    whole = ReviewQueue.of(expected, 12, "")
    pd.testing.assert_frame_equal(queue.files, whole.files)
    pd.testing.assert_frame_equal(queue.clusters, whole.clusters)
    for cluster_id in range(4):
        assert queue.members(cluster_id)["file_id"].tolist() == (
            whole.members(cluster_id)["file_id"].tolist()
        )


def test_what_is_freed_does_not_depend_on_what_was_kept_in_between():
    queue = ReviewQueue.of(rows_of_queue(1), 3, "")
    before = queue.clusters["frees"].tolist()
    for place in (1, 2, 0):
        queue = queue.replaced(keeping(queue, 0, place))
    assert queue.clusters["frees"].tolist() == before == [11]


def test_the_rows_of_what_does_not_change_are_not_made_again():
    queue = ReviewQueue.of(rows_of_queue(4), 12, "")
    changed = queue.replaced(keeping(queue, 1, 2))
    assert changed.read is queue.read
    assert set(changed.changed) == {1}
    assert changed.choices is queue.choices
    assert changed.clusters_of([100, 104]) == [0, 1]


def test_clusters_that_change_together_are_taken_together():
    queue = ReviewQueue.of(rows_of_queue(40), 120, "")
    queue = queue.replaced(queue.members_of(range(10))).replaced(keeping(queue, 30, 1))
    assert len({id(frame) for frame, _ in queue.changed.values()}) == 2
    ids = [12, 30, 3, 1]
    files = queue.members_of(ids)
    alone = [queue.members(each) for each in ids]
    pd.testing.assert_frame_equal(files, pd.concat(alone, ignore_index=True))


def test_an_empty_queue_has_nothing_to_choose_from():
    queue = ReviewQueue.of(rows_of_queue(0), 0, "")
    assert queue.files.empty
    assert queue.clusters.empty
    assert queue.members_of([]).empty
    assert set(queue.choices.values()) == {()}


def test_texts_are_made_when_they_are_searched_for_and_follow_changes():
    queue = ReviewQueue.of(rows_of_queue(4), 12, "")
    assert queue.searched(QueueFilter(show="all")) is queue.clusters
    assert "lines" not in queue.texts.__dict__
    wanted = QueueFilter(show="all", text="N/7.JPG")
    assert select(queue.searched(wanted), wanted, "bytes") == [2]
    rest = queue.rows(2).iloc[:1]
    assert select(queue.replaced(rest).searched(wanted), wanted, "bytes") == []
    assert select(
        queue.replaced(rest).replaced(queue.rows(2)).searched(wanted), wanted, "size"
    ) == [2]
