import pandas as pd
import pytest

from imgurer_kernel import ui
from imgurer_kernel.errors import QueryError
from imgurer_kernel.ui.panels.pictures import pictures
from tests.support.pictures import jpeg


def fill(wb):
    for seed in range(4):
        wb.upload(f"{seed}.jpg", jpeg(seed, 160, 120))


@pytest.fixture
def wb(new_store):
    return new_store(fill)


def ids(gallery):
    return [tile["image_id"] for tile in gallery._content["tiles"]]


def test_a_frames_pictures_are_shown_in_its_order(wb):
    frame = pd.DataFrame({"image_id": [3, 1, 3, 99], "anything": 0})
    assert ids(pictures(wb, frame)) == [3, 1]
    assert ids(pictures(wb, wb.browse(4, order="newest"), limit=2)) == [4, 3]
    assert ids(pictures(wb, wb.images().head(0))) == []


def test_results_of_a_search_show_what_they_are(wb):
    gallery = pictures(wb, wb.similar(1, 128))
    assert ids(gallery)[0] == 1
    assert gallery._content["tiles"][0]["badge"] == "Exact copy"
    assert gallery._content["tiles"][1]["badge"] in {"Exact copy", "Same picture", "Looks alike"}


def test_a_frame_without_ids_is_refused_in_words(wb):
    with pytest.raises(QueryError, match="no image_id; it has a"):
        pictures(wb, pd.DataFrame({"a": [1]}))


def test_everything_that_is_promised_can_be_imported():
    for name in ui.__all__:
        assert callable(getattr(ui, name))
    with pytest.raises(AttributeError, match="nothing"):
        _ = ui.nothing
