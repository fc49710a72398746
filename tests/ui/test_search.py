from dataclasses import replace
from hashlib import sha256

import pandas as pd
import pytest

from imgurer_kernel.errors import ImageRejected
from imgurer_kernel.ui.models import search
from imgurer_kernel.ui.models.search import SearchModel, apply_radius
from imgurer_kernel.ui.models.search_history import SearchQuery, trim_history
from imgurer_kernel.ui.panels.search import SearchPanel, nothing_found, summary
from imgurer_kernel.ui.session import VisitorSession
from imgurer_kernel.ui.widgets.radius_slider import WIDEST
from imgurer_kernel.ui.widgets.upload.receiver import Upload
from tests.support.pictures import encode, jpeg, resized, scene
from tests.support.stores import record_calls

NASTY = "<img src=x onerror=pwned()>.jpg"


def fill(wb):
    """1..4: one scene as it is, re-saved, small as PNG, and small by another user; 5..7 others."""
    wb.accounts.create("ann", "correct horse")
    pixels = scene(10)
    wb.upload(NASTY, encode(pixels))
    wb.upload("saved.jpg", encode(pixels, quality=50))
    wb.upload("small.png", encode(resized(pixels, 320, 240), "PNG"))
    wb.upload("ann's.jpg", encode(resized(pixels, 400, 300)), "ann")
    for seed in range(3):
        wb.upload(f"{seed}.jpg", jpeg(seed, 160, 120))


@pytest.fixture
def wb(new_store):
    return new_store(fill)


@pytest.fixture
def model(wb):
    return SearchModel(VisitorSession(wb))


def shown(model):
    return model.results.pictures.frame["image_id"].tolist()


def distances(model):
    return model.results.frame["distance"].tolist()


@pytest.mark.long
def test_a_search_finds_the_others_by_distance(model):
    model.search_for(1)
    assert sorted(shown(model)) == [2, 3, 4]
    assert distances(model) == sorted(distances(model))
    assert model.query.name == NASTY
    assert model.params == {"image": "1"}
    assert len(model.results.pictures.thumbnails) == 3


@pytest.mark.long
def test_the_radius_searches_again_and_stands_in_the_address(model):
    model.search_for(1)
    model.radius = 128
    assert len(shown(model)) == 6
    assert model.params == {"image": "1", "radius": "128"}
    model.radius = 999
    assert model.radius == 128
    model.radius = -3
    assert model.radius == 0


def test_filters_hide_and_count_what_they_hide(model):
    model.search_for(1)
    model.format = "PNG"
    assert shown(model) == [3]
    assert model.results.hidden == 2
    assert model.results.formats == ("JPEG", "PNG")
    model.format, model.size = "", "smaller"
    assert sorted(shown(model)) == [3, 4]
    model.size = "same"
    assert shown(model) == [2]
    model.size = "larger"
    assert shown(model) == []
    assert nothing_found(model.results).startswith("The filters hide all 3 pictures")
    model.size, model.own_only = "", True
    assert sorted(shown(model)) == [2, 3]


def test_where_nothing_is_even_loosely_alike_nobody_is_sent_on(model):
    model.format = "GIF"
    model.search_for(1)
    empty = replace(model.results, hidden=0)
    assert "Move the slider to the right" in nothing_found(empty)
    assert "the slider" not in nothing_found(replace(empty, radius=WIDEST))


def test_an_error_of_an_earlier_search_leaves_with_it(model):
    model.open({"image": "u7"})
    assert "drop it here again" in model.job.failure
    model.show_table()
    assert model.job.failure == ""


def test_verified_results_stand_before_the_others(wb, model):
    plain = wb.similar

    def verified(*arguments):
        frame = plain(*arguments)
        frame["verdict"] = "unverified"
        frame.loc[frame["image_id"] == 3, ["verdict", "distance"]] = ["cropped", 9]
        return frame

    wb.similar = verified
    panel = SearchPanel(model.session, model=model)
    model.search_for(1)
    assert shown(model)[0] == 3
    assert model.results.verified == 1
    assert panel.gallery._content["divider"] == 1
    assert summary(model.results) == "1 duplicate · 2 more look alike"


@pytest.mark.parametrize(
    ("radius", "searched", "kept"),
    [
        (10, None, [("cropped", 20), ("unverified", 9)]),
        (4, None, []),
        (9, None, [("unverified", 9)]),
        (20, 24, [("cropped", 20), ("unverified", 9), ("unverified", 15)]),
        (32, 32, [("cropped", 20), ("unverified", 9), ("unverified", 15), ("same layout", 30)]),
    ],
)
def test_the_radius_is_for_lookalikes_and_narrows_all(wb, radius, searched, kept):
    frame = pd.DataFrame(
        {
            "distance": [20, 9, 15, 30],
            "verdict": ["cropped", "unverified", "unverified", "same layout"],
        }
    )
    kept_rows = apply_radius(frame, radius, 10)
    assert list(zip(kept_rows["verdict"], kept_rows["distance"], strict=True)) == kept
    model = SearchModel(VisitorSession(wb))
    model.radius = radius
    calls = record_calls(wb)
    model.search_for(1)
    assert calls[-1] == ("similar", 1, searched)


def test_returning_to_an_earlier_search_drops_the_later_ones(model):
    for image_id in (1, 2, 3):
        model.search_for(image_id)
    assert [query.key for query in model.history] == ["1", "2", "3"]
    model.return_to(0)
    assert [query.key for query in model.history] == ["1"]
    assert model.params == {"image": "1"}
    model.return_to(0)
    model.return_to(-1)
    model.return_to(7)
    assert [query.key for query in model.history] == ["1"]


@pytest.mark.long
def test_searching_for_an_earlier_query_returns_to_it(model):
    for image_id in (1, 2, 3, 2):
        model.search_for(image_id)
    assert [query.key for query in model.history] == ["1", "2"]


@pytest.mark.long
def test_going_back_by_the_address_returns_to_an_earlier_search(model):
    model.search_for(1)
    first = dict(model.params)
    model.search_for(2)
    model.open(first)
    assert [query.key for query in model.history] == ["1"]
    model.open({"image": "3", "radius": "4"})
    assert (model.query.key, model.radius) == ("3", 4)
    model.open({})
    assert model.results is None
    assert model.history == ()
    assert model.radius == model.session.workbench.settings.radius


@pytest.mark.parametrize(
    "params", [{"image": "99"}, {"image": "u7"}, {"image": "x"}, {"image": "٣"}]
)
def test_an_address_that_leads_nowhere_says_so(model, params):
    model.search_for(1)
    model.open(params)
    assert model.job.failure
    assert "Traceback" not in model.job.failure
    assert model.results is not None  # what was there stays


def test_a_picture_that_is_not_stored_is_searched_for_and_not_kept(wb, model):
    data = encode(scene(10), quality=35)
    before = wb.statistics().images
    model.search_by(model.read("mine.jpg", data))
    assert sorted(shown(model)) == [1, 2, 3, 4]
    assert model.params == {"image": "u1"}
    assert wb.statistics().images == before
    model.search_for(1)
    model.open({"image": "u1"})
    assert model.query.picture.digest == sha256(data).hexdigest()


def test_the_same_bytes_are_the_same_file(model):
    model.search_by(model.read("again.jpg", encode(scene(10))))
    exact = model.results.frame[model.results.frame["verdict"] == "exact"]
    assert exact["image_id"].tolist() == [1]


def test_what_is_not_a_picture_cannot_be_read(model):
    with pytest.raises(ImageRejected):
        model.read("a.jpg", b"no picture")


def test_more_results_come_in_pages(model, monkeypatch):
    monkeypatch.setattr(search, "PAGE_SIZE", 2)
    model._limit = 2
    panel = SearchPanel(model.session, model=model)
    model.search_for(1)
    assert len(shown(model)) == 2
    assert len(model.results.frame) == 3
    assert panel.more_button.layout.display is None
    model.show_more()
    assert len(shown(model)) == 3
    assert panel.more_button.layout.display == "none"


def test_a_history_holds_only_so_many_steps():
    steps = tuple(
        SearchQuery(key=f"u{n}", name="", thumbnail=b"", width=1, height=1, facts=())
        for n in range(20)
    )
    assert [step.key for step in trim_history(steps)] == [f"u{n}" for n in range(8, 20)]


def test_the_panel_follows_the_model_and_the_model_the_panel(wb):
    panel = SearchPanel(wb)
    assert panel.standalone
    panel.model.search_for(1)
    assert len(panel.gallery) == 3
    panel.radius.value = 128
    assert len(panel.gallery) == 6
    panel.format.value = "PNG"
    assert len(panel.gallery) == 1
    assert "5 hidden by the filters" in panel.progress.idle_text
    panel.gallery.selected = 3
    assert panel.details.model.image_id == 3
    panel.gallery._receive(None, {"kind": "open", "image_id": 3}, [])
    assert panel.model.query.key == "3"
    assert panel.history._content["names"] == [NASTY, "small.png"]


def test_the_panel_searches_by_an_upload(wb, tmp_path):
    panel = SearchPanel(wb)
    path = tmp_path / "upload"
    path.write_bytes(encode(scene(10), quality=35))
    upload = Upload(name="mine.jpg", path=path, bytes=1, digest="d")
    verdict = panel._judge(upload)
    assert verdict.status == "ready"
    panel._search(upload, verdict)
    assert panel.model.query.name == "mine.jpg"
    path.write_bytes(b"no picture")
    verdict = panel._judge(upload)
    assert verdict.status == "rejected"
    panel._search(upload, verdict)
    assert panel.model.query.name == "mine.jpg"


def test_a_picture_that_was_forgotten_meanwhile_is_an_error_in_words(wb, model):
    model.search_for(1)
    wb.forget(1)
    model.repeat()
    assert "not here any more" in model.job.failure


def test_an_empty_store_says_what_to_do(new_store):
    clicks = []
    panel = SearchPanel(new_store(), on_upload=lambda: clicks.append(True))
    assert "no pictures to compare with" in panel.gallery.empty_text
    panel.upload_button.click()
    assert clicks == [True]
    assert panel.radius.layout.display == "none"


@pytest.mark.long
def test_a_change_of_the_store_repeats_the_search(wb):
    panel = SearchPanel(wb)
    panel.model.search_for(1)
    wb.upload("new.jpg", encode(scene(10), quality=42))
    panel.session.changed()
    assert len(panel.gallery) == 4


@pytest.mark.parametrize("size", [(300, 225), (900, 675)])  # less and more than a thumbnail
def test_a_picture_that_is_not_stored_is_compared_with_what_was_found(wb, size):
    panel = SearchPanel(wb)
    asked = encode(resized(scene(10), *size), quality=60)
    panel.model.search_by(panel.model.read("asked.jpg", asked))
    found = shown(panel.model)[0]
    panel.gallery.selected = found
    assert panel.details.compare.layout.display is None
    panel.details.show_comparison(found)
    comparison = panel.details.comparison
    assert comparison.job.failure == ""
    assert comparison.widget.active
    content = comparison.widget._content
    assert content["text"].startswith("The same picture")
    assert content["tiles"][0]["name"] == "asked.jpg"
    assert content["sizes"][0] == list(size)
    assert set(content["layers"]) == {"aligned", "beneath", "difference"}
    # Its original cannot be had, which is said, and does not stop the other one.
    sent = []
    comparison.widget.send = lambda message, buffers=None: sent.append(message)
    comparison.widget._receive(None, {"kind": "wanted", "image_id": -1}, [])
    assert "only this thumbnail" in sent[-1]["text"]
