import re
import secrets
from pathlib import Path

import pytest

from imgurer_kernel.ui.models import recent_uploads
from imgurer_kernel.ui.models.recent_uploads import RecentUpload, RecentUploads
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


def arrived(name):
    return Upload(name=name, path=Path(secrets.token_hex(8)), bytes=1, digest="")


def test_a_new_picture_is_added_for_its_user(wb, judge):
    verdict = judge(jpeg(1))
    assert (verdict.status, verdict.text) == ("added", "Added")
    assert verdict.thumbnail
    assert wb.holdings(user="ann")["image_id"].tolist() == [verdict.image_id]


def test_the_same_bytes_are_already_here(judge):
    verdict = judge(encode(scene(10)))
    assert verdict.status == "duplicate"
    assert verdict.match_image_id == verdict.image_id == 1
    assert verdict.match_thumbnail
    assert verdict.match_text == "added by you and 1 other person"


def test_an_admin_learns_who_added_the_match(judge):
    assert judge(encode(scene(10)), "root").match_text == "added by you and bob"


def test_a_near_duplicate_shows_its_nearest(judge):
    verdict = judge(encode(scene(10), quality=45), compare=True)
    assert verdict.status == "near"
    assert re.fullmatch(r"Added; near duplicate, re-encoded, \d of 128 bits", verdict.text)
    assert verdict.match_image_id == 1
    assert verdict.match_text == "beach.jpg, added by 1 other person"


def test_what_was_forgotten_before_it_was_compared_is_like_nothing(wb, judge):
    verdict = judge(jpeg(1))
    wb.forget(verdict.image_id, "ann")
    assert UploadModel(VisitorSession(wb, "ann")).compare(verdict) is None


def test_what_only_looks_alike_is_not_a_duplicate(wb, judge, monkeypatch):
    plain = wb.similar
    monkeypatch.setattr(wb, "similar", lambda query: plain(query).assign(verdict="unverified"))
    assert judge(encode(scene(10), quality=45), compare=True).status == "added"


def test_what_is_not_a_picture_is_rejected_with_the_reason(wb, judge):
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
        assert panel.session.ingesting == 1
        for verdict in verdicts:
            panel._note(arrived("a.jpg"), verdict)
        panel.model.finish()
        assert panel.session.ingesting == 0

    uploaded()
    uploaded(judge(b"no picture"))
    assert heard == []
    uploaded(judge(jpeg(1)), judge(jpeg(2)))
    assert heard == [1]
    uploaded()
    assert heard == [1]


def test_limits_are_reported(wb):
    panel = UploadPanel(wb, "ann")
    assert "HEIC" in panel.about.value
    assert panel.control.max_bytes == wb.settings.max_bytes


def upload_some(panel, judge):
    """A rejected file between two new ones, of which the last is found to be a near duplicate."""
    panel.model.begin()
    for name, data in (
        ("new.jpg", jpeg(1)),
        ("broken.jpg", b"no"),
        ("near.jpg", encode(scene(10))),
    ):
        upload = arrived(name)
        panel._note(upload, judge(data))
    better = judge(encode(scene(10), quality=45), compare=True)
    panel._note_better(upload, better)
    panel.model.finish()


def test_what_was_taken_is_a_frame(wb, judge):
    panel = UploadPanel(wb, "ann")
    assert panel.taken.empty
    upload_some(panel, judge)
    taken = panel.taken
    assert taken["name"].tolist() == ["new.jpg", "broken.jpg", "near.jpg"]
    assert taken["status"].tolist() == ["added", "rejected", "near"]
    assert taken["image_id"].isna().tolist() == [False, True, False]
    assert taken["match_id"].tolist()[2] == 1
    assert str(taken["at"].dtype).endswith("UTC]")
    assert taken.dtypes.equals(UploadPanel(wb, "ann").taken.dtypes)


def test_the_list_survives_a_reload_rejected_on_top(wb, judge):
    upload_some(UploadPanel(wb, "ann"), judge)
    opened = []
    panel = UploadPanel(wb, "ann", on_open=opened.append)
    rows = panel.earlier.content["rows"]
    assert [row["name"] for row in rows] == ["broken.jpg", "near.jpg", "new.jpg"]
    assert rows[0]["text"].startswith("Rejected: ")
    assert rows[1]["match_text"].startswith("beach.jpg, added by")
    assert [row["lengths"][0] > 0 for row in rows] == [False, True, True]
    panel.earlier._receive(None, {"kind": "open", "value": rows[1]["key"]}, [])
    panel.earlier._receive(None, {"kind": "open", "value": rows[0]["key"]}, [])
    panel.earlier._receive(None, {"kind": "match", "value": 1}, [])
    assert opened == [panel.model.earlier[1].image_id, 1]
    panel.earlier.shown = "rejected"
    assert [row["name"] for row in panel.earlier.content["rows"]] == ["broken.jpg"]
    assert UploadPanel(wb, "bob").earlier.layout.display == "none"


@pytest.mark.parametrize("where", ["rows of this page", "rows before"])
def test_a_list_that_was_cleared_does_not_come_back_and_the_pictures_stay(wb, judge, where):
    upload_some(UploadPanel(wb, "ann"), judge)
    panel = UploadPanel(wb, "ann")
    upload_some(panel, judge)
    images = wb.statistics().images
    sender = panel.control if where == "rows of this page" else panel.earlier
    sender._receive(None, {"kind": "cleared" if sender is panel.control else "clear"}, [])
    assert panel.taken.empty
    assert panel.earlier.layout.display == "none"
    panel.model.finish()
    assert UploadPanel(wb, "ann").earlier.layout.display == "none"
    assert wb.statistics().images == images


@pytest.mark.long
def test_a_second_page_adds_to_the_list(wb, judge):
    upload_some(UploadPanel(wb, "ann"), judge)
    panel = UploadPanel(wb, "ann")
    panel._note(arrived("later.jpg"), judge(jpeg(5)))
    panel.model.keep()
    names = [taken.name for taken in UploadPanel(wb, "ann").model.earlier]
    assert names == ["broken.jpg", "near.jpg", "later.jpg", "new.jpg"]


def test_what_is_gone_since_keeps_its_row(wb, judge):
    panel = UploadPanel(wb, "ann")
    verdict = judge(jpeg(1))
    panel._note(arrived("new.jpg"), verdict)
    panel.model.keep()
    wb.forget(verdict.image_id, "ann")
    [row] = UploadPanel(wb, "ann").earlier.content["rows"]
    assert (row["name"], row["lengths"]) == ("new.jpg", [0, 0])


def taken(number, status="added"):
    return RecentUpload(
        name=f"{number}.jpg", status=status, text="", image_id=number, match_id=-1, match="",
        at=f"2026-01-01T00:00:{number:02}+00:00",
    )  # fmt: skip


def test_only_so_many_are_kept_and_rejected_ones_longest(tmp_path, monkeypatch):
    monkeypatch.setattr(recent_uploads, "MAX_KEPT", 3)
    recent = RecentUploads(tmp_path, "ann")
    recent.save([taken(0, "rejected"), *map(taken, range(1, 9))])
    assert [each.name for each in recent.load()] == ["0.jpg", "8.jpg", "7.jpg"]


@pytest.mark.parametrize(
    "facts",
    [{}, {"taken": 3}, {"taken": [{}]}, {"taken": [{"name": "a"}]}, {"taken": [["name", "a"]]}],
)
def test_a_record_of_another_version_is_none(tmp_path, facts):
    recent = RecentUploads(tmp_path, "ann")
    recent._data.save(facts, {})
    assert recent.load() == []
    recent.save([taken(1)])
    assert len(recent.load()) == 1


def test_a_disk_that_keeps_nothing_takes_pictures_all_the_same(tmp_path):
    (tmp_path / "derived").write_bytes(b"")
    recent = RecentUploads(tmp_path, "ann")
    recent.save([taken(1)])
    assert recent.load() == []
