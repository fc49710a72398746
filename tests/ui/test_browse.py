import pytest

from imgurer_kernel.ui.models import browse as browse_model
from imgurer_kernel.ui.models.browse import BrowseModel
from imgurer_kernel.ui.panels import browse
from imgurer_kernel.ui.panels.browse import BrowsePanel
from imgurer_kernel.ui.session import VisitorSession
from tests.support.pictures import jpeg


def fill(wb):
    for seed in range(10):
        wb.upload(f"{seed}.jpg", jpeg(seed, 160, 120))


@pytest.fixture
def wb(new_store, monkeypatch):
    for module in (browse, browse_model):
        monkeypatch.setattr(module, "PAGE_SIZE", 4)
    return new_store(fill)


@pytest.fixture
def model(wb):
    seeds = iter(range(7, 100))
    return BrowseModel(VisitorSession(wb), new_seed=lambda: next(seeds))


def ids(model):
    return model.shown.pictures.frame["image_id"].tolist()


def test_pages_show_everything_once_and_then_start_again(model):
    model.load()
    seen = ids(model)
    for size in (4, 2):
        model.next_page()
        assert len(ids(model)) == size
        seen += ids(model)
    assert sorted(seen) == list(range(1, 11))
    assert model.shown.last
    before = model.seed
    model.next_page()
    assert model.page == 0
    assert model.seed != before


def test_the_address_brings_the_same_pictures_back(wb, model):
    model.load()
    model.next_page()
    params, seen = dict(model.params), ids(model)
    assert params == {"seed": "7", "page": "2"}
    other = BrowseModel(VisitorSession(wb))
    other.open(params)
    assert ids(other) == seen


def test_orders_begin_at_their_first_page(model):
    model.load()
    model.next_page()
    model.set_order("newest")
    assert ids(model) == [10, 9, 8, 7]
    assert model.params == {"order": "newest"}
    model.previous_page()
    assert model.page == 0


def test_back_leads_back(model):
    model.load()
    seen = ids(model)
    model.next_page()
    model.previous_page()
    assert ids(model) == seen


@pytest.mark.parametrize(
    "params",
    [
        {"order": "<b>"},
        {"seed": "x"},
        {"page": "0"},
        {"page": "999"},
        {"page": "-1"},
        {"seed": "9" * 20},
    ],
)
def test_invalid_parameters_in_a_url_still_show_pictures(model, params):
    model.open(params)
    assert model.shown.total == 10
    assert len(ids(model)) > 0


@pytest.mark.long
def test_pictures_that_went_do_not_leave_an_empty_page(wb, model):
    model.set_order("newest")
    model.next_page()
    model.next_page()
    assert model.page == 2
    for image_id in range(3, 11):
        wb.forget(image_id)
    model.load()
    assert model.page == 0
    assert ids(model) == [2, 1]


def test_the_panel_shows_where_one_is(wb):
    searched = []
    panel = BrowsePanel(wb, on_search=searched.append)
    assert len(panel.gallery) == 4
    assert panel.previous_page.disabled
    panel.next_page.click()
    assert not panel.previous_page.disabled
    panel.next_page.click()
    assert panel.progress.idle_text == "9 to 10 of 10 pictures"
    assert panel.next_page.description == "Shuffle again"
    panel.order.value = "largest"
    assert panel.model.order == "largest"
    assert panel.progress.idle_text == "1 to 4 of 10 pictures"
    image_id = panel.gallery._content["tiles"][0]["image_id"]
    panel.gallery._receive(None, {"kind": "open", "image_id": image_id}, [])
    assert searched == [image_id]


def test_the_panel_of_an_empty_store_says_what_to_do(new_store):
    clicks = []
    panel = BrowsePanel(new_store(), on_upload=lambda: clicks.append(True))
    assert "no pictures here yet" in panel.gallery.empty_text
    assert panel.bar.layout.display == "none"
    assert panel.upload.layout.display is None
    panel.upload.click()
    assert clicks == [True]


def test_one_picture_needs_no_pages(new_store):
    wb = new_store()
    wb.upload("only.jpg", jpeg(1, 160, 120))
    panel = BrowsePanel(wb)
    assert panel.progress.idle_text == "1 picture"
    assert panel.next_page.layout.display == "none"


def test_a_store_that_fails_says_so_and_keeps_what_was_shown(wb):
    from imgurer_kernel.errors import CatalogBusy

    panel = BrowsePanel(wb)

    def busy(*_, **__):
        message = "process 7 holds the catalog; try again"
        raise CatalogBusy(message)

    wb.statistics = busy
    panel.next_page.click()
    assert panel.progress.failure == "Process 7 holds the catalog; try again."
    assert len(panel.gallery) == 4
    assert not panel.gallery.busy
