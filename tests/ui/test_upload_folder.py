"""A folder on the machine: the model behind it, and its part of the upload panel."""

import shutil
from pathlib import Path

import pandas as pd
import pytest

from imgurer_kernel.errors import StorageFull
from imgurer_kernel.ui.models import folder_intake
from imgurer_kernel.ui.models.folder_intake import FolderModel
from imgurer_kernel.ui.models.folder_result import MAX_ROWS, STATUSES, LastResult, folder_result
from imgurer_kernel.ui.models.review import ReviewModel
from imgurer_kernel.ui.panels.browse import BrowsePanel
from imgurer_kernel.ui.panels.folder_intake import COSTS, FolderPanel
from imgurer_kernel.ui.session import VisitorSession
from tests.support.forms import long_only
from tests.support.pictures import encode, resized, scene

PASSWORD = "correct horse"


def fill(wb):
    wb.accounts.create("root", PASSWORD, "admin")
    wb.accounts.create("ann", PASSWORD)


@pytest.fixture
def wb(new_store):
    return new_store(fill)


@pytest.fixture
def pictures(tmp_path):
    folder = tmp_path / "pictures"
    (folder / "sub").mkdir(parents=True)
    for seed in range(3):
        (folder / f"{seed}.jpg").write_bytes(encode(scene(seed, 160, 120)))
    (folder / "note.jpg").write_text("no picture")
    (folder / "0.jpg.xmp").write_text("of a picture")
    shutil.copy(folder / "0.jpg", folder / "sub" / "again.jpg")
    return folder


def model_of(wb, user=None):
    return FolderModel(VisitorSession(wb, user))


def statuses(model):
    return {f"{row.folder}/{row.name}".lstrip("/"): row.status for row in model.result.rows}


def texts(model):
    return {row.name: row.text for row in model.result.rows}


@pytest.mark.long
def test_a_folder_is_ingested_and_every_file_has_a_result(wb, pictures):
    model = model_of(wb)
    model.ingest(str(pictures), "place")
    assert next(iter(statuses(model).items())) == ("note.jpg", "rejected")
    assert statuses(model) == {
        "note.jpg": "rejected",
        "0.jpg": "added",
        "1.jpg": "added",
        "2.jpg": "added",
        "sub/again.jpg": "duplicate",
    }
    assert "text file" in texts(model)["note.jpg"]
    assert texts(model)["again.jpg"] == "already here: same bytes as 0.jpg"
    assert model.result.counts == {"rejected": 1, "added": 3, "duplicate": 1}
    assert model.result.summary.endswith(": 5 files · 1 rejected · 3 added · 1 already here")
    assert model.result.remark == "1 file of another kind was left out: a text file (1)."
    assert not model.running
    assert model.problem == model.job.failure == ""


@pytest.mark.long
def test_a_second_run_says_what_became_of_the_files_since(wb, pictures):
    model = model_of(wb)
    model.ingest(str(pictures), "place")
    (pictures / "0.jpg").rename(pictures / "sub" / "moved.jpg")
    (pictures / "1.jpg").unlink()
    (pictures / "2.jpg").write_bytes(encode(scene(9, 160, 120)))
    model.ingest(str(pictures), "place")
    assert statuses(model) == {
        "note.jpg": "rejected",
        "1.jpg": "missing",
        "2.jpg": "changed",
        "sub/moved.jpg": "moved",
    }
    assert list(model.result.counts) == ["rejected", "missing", "changed", "moved", "unchanged"]


@pytest.mark.parametrize(
    ("setting", "keeping", "kept"),
    [
        ("copy", "place", "reference"),
        ("reference", "kept", "copy"),
        *long_only(("copy", "kept", "copy"), ("link", "kept", "link")),
    ],
)
def test_files_stay_in_place_or_are_kept(new_store, pictures, setting, keeping, kept):
    wb = new_store(store=setting)
    model = model_of(wb)
    assert model.default_keeping == ("place" if setting == "reference" else "kept")
    model.ingest(str(pictures), keeping)
    assert set(wb.files()["kept"]) == {kept}
    assert wb.check().empty


def test_files_belong_to_the_admin_who_named_the_folder(wb, pictures):
    model_of(wb, "root").ingest(str(pictures), "place")
    assert set(wb.files()["user"]) == {"root"}


def test_a_member_is_refused_by_the_model(wb, pictures):
    model = model_of(wb, "ann")
    model.load()
    assert not model.allowed
    model.ingest(str(pictures), "place")
    assert "Only admins" in model.problem
    assert wb.statistics().images == 0
    assert model.result is None
    assert not model.running


def test_who_was_an_admin_when_the_page_was_opened_is_asked_again(wb, pictures):
    wb.accounts.create("boss", PASSWORD, "admin")
    model = model_of(wb, "root")
    model.load()
    assert model.allowed
    wb.accounts.set_role("root", "member")
    model.ingest(str(pictures), "place")
    assert "Only admins" in model.problem
    assert wb.statistics().images == 0


@pytest.mark.long
def test_a_useless_path_is_reported_and_the_last_result_stays(wb, pictures):
    model = model_of(wb)
    model.ingest(str(pictures), "place")
    result, version = model.result, model.session.version
    for text in ("", "pictures", str(pictures / "gone"), str(wb.settings.root)):
        model.ingest(text, "place")
        assert model.problem
        assert model.result is result
        assert not model.running
    assert model.session.version == version  # nothing was read, so nothing is read anew
    model.ingest(str(pictures), "place")
    assert model.problem == ""


def test_an_error_of_the_store_ends_the_run_and_the_rest_hears_of_what_is_done(
    wb, pictures, monkeypatch
):
    def full(*_, **__):
        raise StorageFull("no space is left")

    monkeypatch.setattr(wb, "ingest", full)
    model = model_of(wb)
    model.ingest(str(pictures), "place")
    assert model.job.failure == "No space is left."
    assert (model.running, model.session.ingesting, model.session.version) == (False, 0, 1)


def test_a_cancel_ends_the_run_and_keeps_what_was_done(wb, pictures, monkeypatch):
    model = model_of(wb)
    ingest = wb.ingest

    def cancelled(*sources, **options):
        def progress(done, total):
            model.job.cancel()
            options_progress(done, total)

        options_progress = options.pop("progress")
        return ingest(*sources, progress=progress, **options)

    monkeypatch.setattr(wb, "ingest", cancelled)
    model.ingest(str(pictures), "place")
    assert model.result.stopped
    assert "Cancelled" in model.result.remark
    assert model.job.failure == ""
    assert not model.running
    assert wb.statistics().images == model.result.counts["added"]
    assert not model.near_job.busy


def test_one_folder_at_a_time(wb, pictures, monkeypatch):
    model = model_of(wb)
    model.running = True
    model.ingest(str(pictures), "place")
    assert wb.statistics().images == 0


def test_near_duplicates_are_named(wb, pictures):
    (pictures / "small.png").write_bytes(encode(resized(scene(1, 160, 120), 120, 90), "PNG"))
    model = model_of(wb)
    model.ingest(str(pictures), "place")
    assert texts(model)["small.png"] == "added; near duplicate of 1.jpg"
    assert texts(model)["1.jpg"] == "added; near duplicate of small.png"
    assert texts(model)["2.jpg"] == "added"


def test_only_the_first_added_files_are_compared(wb, pictures, monkeypatch):
    monkeypatch.setattr(folder_intake, "MAX_COMPARED", 2)
    asked = []
    monkeypatch.setattr(folder_intake, "nearest_same", lambda _, image_id: asked.append(image_id))
    model_of(wb).ingest(str(pictures), "place")
    assert len(asked) == 2


def frame(*rows):
    columns = ["source", "status", "reason", "image_id"]
    return pd.DataFrame(rows, columns=columns).astype({"image_id": "Int64"})


def test_of_thousands_of_files_some_are_listed_and_the_rest_are_counted():
    added = [(f"/p/{place}.jpg", "added", "", place) for place in range(5000)]
    same = [(f"/p/{place}.png", "unchanged", "unchanged", place) for place in range(7000)]
    bad = [("/p/bad.txt", "rejected", "no picture", None)]
    result = folder_result(Path("/p"), frame(*same, *added, *bad))
    assert len(result.rows) == MAX_ROWS
    assert result.rows[0].status == "rejected"
    assert result.counts == {"rejected": 1, "added": 5000, "unchanged": 7000}
    assert result.remark == "4,701 more files not listed here."


def test_the_words_of_all_statuses_are_known():
    from typing import get_args

    from imgurer_kernel.store.ingest.intake import Status

    assert set(STATUSES) == set(get_args(Status))


def test_an_empty_folder_is_not_an_error(wb, tmp_path):
    (tmp_path / "empty").mkdir()
    model = model_of(wb)
    model.ingest(str(tmp_path / "empty"), "place")
    assert model.result.rows == ()
    assert model.result.summary.endswith("empty: 0 files")


def test_nothing_is_claimed_while_a_folder_is_ingested(wb, pictures, monkeypatch):
    session = VisitorSession(wb)
    model, review, browse = FolderModel(session), ReviewModel(session), BrowsePanel(session)
    review.load()
    browse.model.load()
    seen = []

    def look(*sources, **options):
        seen.append((session.ingesting, review.empty_text, browse.gallery.empty_text))
        return frame()

    assert "no pictures here yet" in review.empty_text
    monkeypatch.setattr(wb, "ingest", look)
    model.ingest(str(pictures), "place")
    [(ingesting, said, shown)] = seen
    assert ingesting == 1
    assert said.startswith("Pictures are being ingested.")
    assert shown.startswith("Pictures are being ingested.")
    assert session.ingesting == 0
    assert "no pictures here yet" in browse.gallery.empty_text
    assert review.stale
    assert "Sort again" in review.empty_text


def test_the_result_survives_a_reload_and_is_the_admins_own(wb, pictures):
    (pictures / "small.png").write_bytes(encode(resized(scene(1, 160, 120), 120, 90), "PNG"))
    first = model_of(wb, "root")
    first.ingest(str(pictures), "place")
    again, other = model_of(wb, "root"), model_of(wb)
    again.load()
    other.load()
    assert again.result.rows == first.result.rows
    assert "near duplicate" in texts(again)["small.png"]
    assert again.result.summary == first.result.summary
    assert again.result.remark.startswith("This was on ")
    assert other.result is None
    wb.accounts.create("boss", PASSWORD, "admin")
    wb.accounts.set_role("root", "member")
    lost = model_of(wb, "root")
    lost.load()
    assert lost.result is None


def test_a_result_that_cannot_be_kept_is_shown_all_the_same(wb, pictures):
    (wb.settings.root / "derived").mkdir(exist_ok=True)
    (wb.settings.root / "derived" / "folders").write_text("in the way")
    model = model_of(wb)
    model.ingest(str(pictures), "place")
    assert model.result.counts["added"] == 3
    assert model.job.failure == ""
    again = model_of(wb)
    again.load()
    assert again.allowed
    assert again.result is None


@pytest.mark.parametrize("facts", [{}, {"rows": [], "at": "soon"}, {"rows": 3}, {"rows": [{}]}])
def test_what_another_version_has_kept_is_not_a_result(tmp_path, facts):
    LastResult(tmp_path, "ann")._data.save(facts, {})
    assert LastResult(tmp_path, "ann").load() is None


def test_the_panel_is_for_admins(wb):
    assert FolderPanel(wb, "ann").layout.display == "none"
    assert FolderPanel(wb, "root").layout.display is None
    assert FolderPanel(wb).layout.display is None


def test_the_panel_ingests_the_typed_folder(wb, pictures):
    opened = []
    panel = FolderPanel(wb, "root", on_open=opened.append)
    panel.path.value = f" {pictures} "
    panel.keeping.value = "place"
    assert COSTS["place"] in panel.costs.value
    panel.path._handle_custom_msg({"event": "submit"}, [])
    assert panel.rows.layout.display is None
    content = panel.rows.content
    assert content["totals"] == [
        ["rejected", "1 rejected"],
        ["added", "3 added"],
        ["duplicate", "1 already here"],
    ]
    assert [row["meaning"] for row in content["rows"]][:2] == ["failed", "done"]
    shown = content["rows"][1]["image_id"]
    for image_id in (shown, 999, -1):
        panel.rows._handle_custom_msg({"image_id": image_id}, [])
    assert opened == [shown]


def test_the_panel_says_what_is_wrong_beside_the_field(wb):
    panel = FolderPanel(wb, "root")
    panel.path.value = "/no/<b>such</b>/folder"
    panel.button.click()
    assert "There is no folder /no/&lt;b&gt;such" in panel.problem.value
    assert panel.problem.layout.display is None
    assert panel.rows.layout.display == "none"


def test_the_fields_wait_while_a_folder_is_ingested(wb, pictures, monkeypatch):
    panel = FolderPanel(wb, "root")
    seen = []
    monkeypatch.setattr(
        wb, "ingest", lambda *_, **__: seen.append(panel.button.disabled) or frame()
    )
    panel.path.value = str(pictures)
    panel.button.click()
    assert seen == [True]
    assert not panel.button.disabled
