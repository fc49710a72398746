"""Sittings: acts and decisions that belong together, and the last step."""

import pandas as pd
import pytest

from imgurer_kernel import Workbench
from tests.review.folders import IN_PLACE, bytes_below, fill, ingest_folder, tidy


@pytest.fixture
def wb(new_place):
    return new_place(ingest_folder, **IN_PLACE)


@pytest.fixture
def folder(wb):
    return wb.settings.root.parent / "in"


def remove(wb, name, **options):
    ids = wb.files(state="present").set_index("filename")["file_id"]
    plan = pd.DataFrame([{"file_id": ids[name], "keeper_id": ids["a.jpg"]}])
    answer = wb.apply(plan, progress=False, **options)
    assert answer["status"].tolist() == ["done"]
    return answer


def pictures(wb):
    """Image ids of the picture, a smaller one, and another one."""
    ids = wb.files().set_index("filename")["image_id"]
    return int(ids["a.jpg"]), int(ids["a-small.jpg"]), int(ids["b.jpg"])


@pytest.mark.long
def test_one_workbench_is_one_sitting_and_its_undo_takes_all_of_it_back(wb, folder):
    one, small, other = pictures(wb)
    before = bytes_below(folder), tidy(wb)
    first = remove(wb, "a-copy.jpg")
    decided = wb.decide((one, other), "different")
    second = remove(wb, "a-small.jpg")
    assert first.attrs["batch"] == second.attrs["batch"] == decided["batch"].iloc[0] == wb.sitting
    undone = wb.undo(batch=wb.sitting)
    assert undone["status"].tolist() == ["undone"] * 3
    assert undone["entry_id"].isna().tolist() == [False, False, True]
    assert undone["decision_id"].dropna().tolist() == decided["decision_id"].tolist()
    assert wb.decisions().empty
    assert (bytes_below(folder), tidy(wb)) == before
    assert small


@pytest.mark.long
def test_undo_goes_back_step_by_step_over_acts_and_decisions(wb, folder):
    one, small, other = pictures(wb)
    remove(wb, "a-copy.jpg", batch="morning")
    wb.decide((one, other), "later", batch="morning")
    wb.decide([(one, other), (small, other)], "different")
    remove(wb, "a-small.jpg")
    settings = wb.settings
    wb.close()
    with Workbench(settings) as again:
        assert again.undo()["path"].str.endswith("a-small.jpg").tolist() == [True]
        assert again.undo()["decision_id"].notna().tolist() == [True, True]
        assert again.decisions()["verdict"].tolist() == ["later"]  # which they had said before
        assert len(again.undo()) == 1
        assert again.decisions().empty
        assert again.undo()["path"].str.endswith("a-copy.jpg").tolist() == [True]
        assert again.undo().empty
        assert len(bytes_below(folder, trash=False)) == 4


def test_undo_is_of_what_the_same_user_did(new_store):
    wb = new_store(fill)
    one, two = wb.images()["image_id"].tolist()
    wb.decide((one, two), "different")
    wb.decide((one, two), "same", user="ann", batch="hers")
    assert wb.undo(user="ann")["status"].tolist() == ["undone"]
    assert wb.undo(user="ann").empty
    wb.decide((one, two), "same", user="ann", batch="hers")
    assert wb.decisions()["disputed"].all()
    refused = wb.undo(batch=wb.sitting, user="ann")
    assert refused["status"].tolist() == ["refused"]
    assert "local" in refused["why"].iloc[0]
    assert len(wb.decisions()) == 2
    assert wb.undo(batch="hers")["status"].tolist() == ["undone"]  # by an admin
    assert wb.undo()["status"].tolist() == ["undone"]
    assert wb.decisions().empty


def test_two_files_of_one_name_go_in_one_sitting(wb, folder):
    data = (folder / "sub/a-copy.jpg").read_bytes()
    remove(wb, "a-copy.jpg")
    (folder / "sub/a-copy.jpg").write_bytes(data)
    wb.ingest(folder, progress=False)
    remove(wb, "a-copy.jpg")
    assert sorted(bytes_below(folder, trash=False)) == ["a.jpg", "b.jpg", "sub/a-small.jpg"]
    assert len(bytes_below(folder)) == 5


@pytest.mark.long
def test_acts_of_a_version_without_steps_are_undone_by_their_batch(wb):
    remove(wb, "a-copy.jpg", batch="one")
    remove(wb, "a-small.jpg", batch="two")
    with wb.catalog.transaction() as connection:
        connection.execute("UPDATE journal SET step = 0")
    assert wb.undo()["path"].str.endswith("a-small.jpg").tolist() == [True]
    assert wb.undo()["path"].str.endswith("a-copy.jpg").tolist() == [True]
