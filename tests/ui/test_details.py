import io

import pytest

from imgurer_kernel.ui.models.details import DetailsModel
from imgurer_kernel.ui.panels.details import DetailsPanel
from imgurer_kernel.ui.session import VisitorSession
from imgurer_kernel.ui.widgets.gallery import Gallery
from imgurer_kernel.ui.widgets.tile_data import Tile
from tests.support.pictures import jpeg
from tests.support.stores import record_calls

NASTY = "<img src=x onerror=pwned()>.jpg"
PASSWORD = "correct horse"


def fill(wb):
    """1 held by ann and bob, 2 by ann alone, 3 by bob alone."""
    wb.accounts.create("root", PASSWORD, "admin")
    wb.accounts.create("ann", PASSWORD)
    wb.accounts.create("bob", PASSWORD)
    wb.upload(NASTY, jpeg(1, 160, 120), "ann")
    wb.upload("bob's own name.jpg", jpeg(1, 160, 120), "bob")
    wb.upload("ann.jpg", jpeg(2, 160, 120), "ann")
    wb.upload("bob.jpg", jpeg(3, 160, 120), "bob")


@pytest.fixture
def wb(new_store):
    return new_store(fill)


def details(wb, user, image_id):
    model = DetailsModel(VisitorSession(wb, user))
    model.image_id = image_id
    return model.details


def test_a_member_learns_of_own_copies_only(wb):
    facts = details(wb, "ann", 1).facts
    text = repr(facts)
    assert "you, " in text
    assert f"{NASTY}, uploaded" in text
    assert "bob" not in text
    assert ("Held by", "also 1 other person") in facts
    facts = details(wb, "ann", 3).facts
    assert ("Held by", "1 other person") in facts
    assert "bob's" not in repr(facts)


def test_an_admin_learns_of_all(wb):
    text = repr(details(wb, "root", 1).facts)
    assert "ann, " in text
    assert "bob, " in text
    assert "Held by" not in text


def test_the_consequence_of_forgetting_is_shown_first(wb):
    assert "1 other person holds it too" in details(wb, "ann", 1).consequence
    alone = details(wb, "ann", 2).consequence
    assert "leaves the store" in alone
    assert "trash restore" in alone
    assert alone.endswith("Files in your folders are not touched."), "they stay where they are"
    assert details(wb, "ann", 3).own == 0


def test_forgetting_is_asked_for_twice(wb):
    panel = DetailsPanel(VisitorSession(wb, "ann"), None)
    panel.model.image_id = 1
    panel.forget.click()
    assert wb.holdings(user="ann", image_id=1).shape[0] == 1
    assert "&lt;img" in panel.question.value
    assert "<img src" not in panel.question.value
    panel.cancel_button.click()
    assert panel.confirmation.layout.display == "none"
    panel.forget.click()
    panel.confirm_button.click()
    assert wb.holdings(user="ann", image_id=1).empty
    assert wb.holdings(user="bob", image_id=1).shape[0] == 1
    assert "is no longer yours" in panel.message.value
    assert panel.model.session.version == 1
    assert panel.model.details is None


def test_the_last_copy_takes_the_picture_along(wb):
    model = DetailsModel(VisitorSession(wb, "ann"))
    model.image_id = 2
    model.forget()
    assert model.message == "ann.jpg has left the store."
    assert wb.images([2]).empty


def test_a_picture_that_somebody_else_added_cannot_be_forgotten(wb):
    panel = DetailsPanel(VisitorSession(wb, "ann"), None)
    panel.model.image_id = 3
    assert panel.forget.layout.display == "none"
    panel.model.forget()
    assert "'ann' does not hold image 3" in panel.model.action_job.failure
    assert not wb.images([3]).empty


def test_forgetting_never_hits_another_picture_than_the_one_shown(wb):
    calls = record_calls(wb)
    model = DetailsModel(VisitorSession(wb, "ann"))
    model.image_id = 1
    shown = model.details
    model.image_id = 2
    model.details = shown  # as it is while the new ones are on their way
    model.forget()
    assert calls == []
    assert wb.holdings(user="ann")["image_id"].tolist() == [1, 2]


def test_an_image_that_is_gone_leaves_nothing_to_act_on(wb):
    panel = DetailsPanel(VisitorSession(wb, "ann"), None)
    panel.model.image_id = 2
    wb.forget(2, "ann")
    panel.model.image_id = 1
    panel.model.image_id = 2
    assert "not here any more" in panel.model.job.failure
    assert panel.model.details is None
    assert panel.actions.layout.display == "none"


def test_the_question_goes_with_the_picture_it_was_about(wb):
    panel = DetailsPanel(VisitorSession(wb, "ann"), None)
    panel.model.image_id = 1
    panel.forget.click()
    panel.model.image_id = 2
    assert panel.confirmation.layout.display == "none"


def test_nothing_can_be_done_before_the_details_are_there(wb):
    panel = DetailsPanel(VisitorSession(wb, "ann"), None)
    panel.model.image_id = 1
    panel.model.session.runner.run = lambda work, on_done: None  # work that takes its time
    panel.model.image_id = 2
    assert panel.model.details.image_id == 1
    assert panel.search.disabled
    assert panel.save.disabled
    assert panel.forget.disabled


def test_the_original_is_that_of_the_picture_selected_now(wb):
    panel = DetailsPanel(VisitorSession(wb, "ann"), None)
    panel.model.image_id = 1
    stale = panel.model.details
    panel.model.image_id = 2
    panel.model.details = stale
    file = panel._original()
    assert file.name == "ann.jpg"
    with file.file, wb.original(2) as original:
        data = original.read()
        assert file.file.read() == data
    assert file.size == len(data)


def test_it_follows_a_gallery_both_ways(wb):
    searched = []
    panel = DetailsPanel(VisitorSession(wb, "ann"), searched.append)
    gallery = Gallery()
    gallery.show([Tile(image_id=i, name="", detail="", alt="", thumbnail=b"") for i in (1, 2, 3)])
    panel.follow(gallery)
    gallery.selected = 2
    assert panel.model.details.name == "ann.jpg"
    panel.search.click()
    assert searched == [2]
    panel.close_button.click()
    assert gallery.selected == -1
    assert panel.model.details is None
    gallery.selected = 3
    gallery.show([])
    assert panel.model.image_id == -1


def test_a_broken_original_is_reported_beside_the_button(wb):
    from imgurer_kernel.errors import BlobDamaged

    def damaged(_):
        message = "the original no longer matches its digest"
        raise BlobDamaged(message)

    wb.original = damaged
    panel = DetailsPanel(VisitorSession(wb, "ann"), None)
    panel.model.image_id = 1
    panel.save._receive(None, {"kind": "wanted"}, [])
    assert panel._save_job.failure == "The original no longer matches its digest."
    wb.original = lambda _: io.BytesIO(b"")
