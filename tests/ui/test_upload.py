import re

import pytest

from imgurer_kernel.ui.models.upload import UploadModel
from imgurer_kernel.ui.panels.upload import UploadPanel
from imgurer_kernel.ui.session import VisitorSession
from imgurer_kernel.ui.widgets.upload.receiver import Upload
from tests.support.pictures import encode, jpeg, scene

PASSWORD = "correct horse"


def fill(wb):
    wb.accounts.create("root", PASSWORD, "admin")
    wb.accounts.create("ann", PASSWORD)
    wb.accounts.create("bob", PASSWORD)
    wb.upload("beach.jpg", encode(scene(10)), "bob")


@pytest.fixture
def wb(new_store):
    return new_store(fill)


@pytest.fixture
def judge(wb, tmp_path):
    def judged(data, user="ann", name="new.jpg", *, compare=False):
        path = tmp_path / "part"
        path.write_bytes(data)
        model = UploadModel(VisitorSession(wb, user))
        verdict = model.judge(Upload(name=name, path=path, bytes=len(data), digest=""))
        better = model.compare(verdict) if compare and verdict.status == "added" else None
        return better or verdict

    return judged


def test_a_new_picture_is_added_for_its_user(wb, judge):
    verdict = judge(jpeg(1))
    assert (verdict.status, verdict.text) == ("added", "Added")
    assert verdict.thumbnail
    assert wb.holdings(user="ann")["image_id"].tolist() == [verdict.image_id]


def test_the_same_bytes_are_already_here(judge):
    verdict = judge(encode(scene(10)))
    assert verdict.status == "duplicate"
    assert verdict.twin_image_id == verdict.image_id == 1
    assert verdict.twin_thumbnail
    assert verdict.twin_text == "brought by you and 1 other person"


def test_an_admin_learns_who_brought_the_twin(judge):
    assert judge(encode(scene(10)), "root").twin_text == "brought by you and bob"


def test_a_near_duplicate_shows_its_nearest(judge):
    verdict = judge(encode(scene(10), quality=45), compare=True)
    assert verdict.status == "near"
    assert re.fullmatch(r"Added; near duplicate, re-encoded, \d of 128 bits", verdict.text)
    assert verdict.twin_image_id == 1
    assert verdict.twin_text == "beach.jpg, brought by 1 other person"


def test_what_was_forgotten_before_it_was_compared_is_like_nothing(wb, judge):
    verdict = judge(jpeg(1))
    wb.forget(verdict.image_id, "ann")
    assert UploadModel(VisitorSession(wb, "ann")).compare(verdict) is None


def test_what_only_looks_alike_is_no_duplicate(wb, judge, monkeypatch):
    plain = wb.similar
    monkeypatch.setattr(wb, "similar", lambda query: plain(query).assign(verdict="unverified"))
    assert judge(encode(scene(10), quality=45), compare=True).status == "added"


def test_what_is_no_picture_is_rejected_with_the_reason(wb, judge):
    verdict = judge(b"no picture at all")
    assert verdict.status == "rejected"
    assert verdict.text.startswith("Rejected: ")
    assert len(verdict.text) > len("Rejected: ")
    assert wb.statistics().images == 1


def test_the_rest_of_the_dashboard_hears_once_and_only_of_changes(wb, judge):
    panel = UploadPanel(wb, "ann")
    heard = []
    panel.session.observe(lambda change: heard.append(change["new"]), "version")

    def uploaded(*verdicts):
        panel.model.begin()
        assert panel.session.taking_in == 1
        for verdict in verdicts:
            panel._count(None, verdict)
        panel.model.finish()
        assert panel.session.taking_in == 0

    uploaded()
    uploaded(judge(b"no picture"))
    assert heard == []
    uploaded(judge(jpeg(1)), judge(jpeg(2)))
    assert heard == [1]
    uploaded()
    assert heard == [1]


def test_limits_are_said(wb):
    panel = UploadPanel(wb, "ann")
    assert "HEIC" in panel.about.value
    assert panel.control.max_bytes == wb.settings.max_bytes
