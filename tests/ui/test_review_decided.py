import pytest

from imgurer_kernel.ui import ReviewPanel
from tests.support.pictures import encode, scene


def fill(wb):
    for seed in (1, 2):
        picture = scene(seed, 320, 240)
        wb.upload(f"{seed} best.jpg", encode(picture, quality=95))
        wb.upload(f"{seed} copy.jpg", encode(picture, quality=50))


@pytest.fixture
def panel(new_store):
    return ReviewPanel(new_store(fill))


@pytest.mark.long
def test_what_was_decided_is_a_frame_in_its_order(panel):
    model = panel.model
    assert panel.decided.empty
    first, second = model.listed
    model.decide([second], "different")
    model.remove_others(first)
    decided = panel.decided
    assert decided["cluster_id"].tolist() == [second, second, first, first]
    assert decided["decided"].iloc[-1].startswith("Kept 1, removed 1")
    assert decided["decided"].iloc[0] != decided["decided"].iloc[-1]
    assert set(decided.columns) == {*model.queue.files.columns, "decided"}
    model.undo()
    assert set(panel.decided["cluster_id"]) == {second}


@pytest.mark.long
def test_before_the_queue_is_read_nothing_is_decided(new_store):
    panel = ReviewPanel(new_store(fill))
    panel.model.queue = None
    assert panel.decided.empty
