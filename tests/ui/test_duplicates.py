import csv
import io
import re

import numpy as np
import pandas as pd
import pytest

from imgurer_kernel import Workbench
from imgurer_kernel.errors import CatalogBusy
from imgurer_kernel.ui.models import duplicates as duplicates_model
from imgurer_kernel.ui.models.cluster_summary import ORDERS, filter_and_sort
from imgurer_kernel.ui.models.duplicates import DuplicatesModel
from imgurer_kernel.ui.panels import duplicates
from imgurer_kernel.ui.panels.duplicates import DuplicatesPanel
from imgurer_kernel.ui.session import VisitorSession
from tests.support.pictures import encode, jpeg, resized, scene
from tests.support.stores import record_calls


def fill(wb):
    """A cluster of 1..3, one of 4 and 5 with more bytes, one of ann's 6 and 7, stranger 8."""
    wb.accounts.create("ann", "correct horse")
    beach, hill, lake = scene(10), scene(11, 1200, 900), scene(12)
    wb.upload("beach.jpg", encode(beach, quality=95))
    wb.upload("beach 2.jpg", encode(beach, quality=50))
    wb.upload("beach 3.png", encode(resized(beach, 160, 120), "PNG"))
    wb.upload("hill.png", encode(hill, "PNG"))
    wb.upload("HILL 2.jpg", encode(hill, quality=97))
    wb.upload("lake.jpg", encode(lake), "ann")
    wb.upload("=lake 2.jpg", encode(lake, quality=40), "ann")
    wb.upload("stranger.jpg", jpeg(3))


@pytest.fixture
def wb(new_store):
    return new_store(fill)


@pytest.fixture
def model(wb):
    model = DuplicatesModel(VisitorSession(wb))
    model.load()
    return model


def shown(model):
    return [sorted(part) for part in members(model).values()]


def members(model):
    found = {}
    for row in model.shown.members.itertuples():
        found.setdefault(row.cluster_id, []).append(row.image_id)
    return found


def test_the_figures_agree_with_the_frame(wb, model):
    totals, frame = model.clusters.totals, wb.clusters()
    assert (totals.clusters, totals.copies, totals.largest) == (3, 4, 3)
    assert totals.bytes == frame.loc[~frame["is_keeper"], "bytes"].sum()
    assert totals.bytes > 0
    kept = frame[frame["is_keeper"]].sort_values("cluster_id")
    assert model.clusters.summary["best"].tolist() == kept["filename"].tolist()


def test_the_largest_cluster_comes_first_and_its_medoid_in_it(wb, model):
    assert shown(model)[0] == [1, 2, 3]
    frame = wb.clusters()
    medoids = frame.loc[frame["is_medoid"], "image_id"].tolist()
    assert [part[0] for part in members(model).values()] == medoids


@pytest.mark.parametrize("order", ORDERS)
def test_orders_are_what_they_say(model, order):
    model.order = order
    summary = model.selected()
    key = {"size": "size", "bytes": "freed", "near": "farthest", "far": "farthest"}[order]
    values = summary[key].tolist()
    assert values == sorted(values, reverse=order != "near")
    assert list(members(model)) == summary["cluster_id"].tolist()


def test_filters_choose_by_name_and_by_holder(model):
    model.name = "hill"
    assert shown(model) == [[4, 5]]
    model.name = "LAKE"
    assert shown(model) == [[6, 7]]
    model.own_only = True
    assert shown(model) == []
    model.name = ""
    assert shown(model) == [[1, 2, 3], [4, 5]]
    model.name = "["  # no pattern
    assert shown(model) == []


def test_the_csv_holds_exactly_what_is_shown(model):
    model.order, model.own_only = "bytes", True
    table = model.table()
    assert table["image_id"].tolist() == [i for part in members(model).values() for i in part]
    assert list(table)[:4] == ["cluster_id", "file_id", "image_id", "path"]


def test_the_csv_holds_all_pages_and_all_members(model, monkeypatch):
    monkeypatch.setattr(duplicates_model, "PAGE_SIZE", 1)
    monkeypatch.setattr(duplicates_model, "MAX_TILES", 2)
    model.show_page(0)
    assert len(model.shown.members) == 2
    assert model.shown.total == 3
    assert len(model.table()) == 7


def test_the_file_is_csv_that_runs_nothing(wb):
    panel = DuplicatesPanel(wb)
    file = panel._csv()
    assert re.fullmatch(r"duplicates \d{4}-\d\d-\d\d\.csv", file.name)
    data = file.file.read()
    assert data.startswith(b"\xef\xbb\xbf")
    assert file.size == len(data)
    names = [row["filename"] for row in csv.DictReader(io.StringIO(data.decode("utf-8-sig")))]
    assert "'=lake 2.jpg" in names
    assert "HILL 2.jpg" in names


def test_pages_turn_and_stop_at_the_end(model, monkeypatch):
    monkeypatch.setattr(duplicates_model, "PAGE_SIZE", 2)
    model.show_page(0)
    assert len(members(model)) == 2
    model.show_page(1)
    assert len(members(model)) == 1
    assert model.params == {"page": "2"}
    model.show_page(9)
    assert model.page == 1
    model.name = "beach"
    assert model.page == 0


def test_the_address_brings_the_same_view_back(wb, model):
    model.order, model.name, model.own_only, model.radius = "far", "beach", True, 14
    params = dict(model.params)
    assert params == {"radius": "14", "sort": "far", "name": "beach", "mine": "yes"}
    other = DuplicatesModel(VisitorSession(wb))
    other.open(params)
    assert members(other) == members(model)
    assert other.params == params
    other.open({"sort": "<b>", "radius": "500", "page": "-4", "mine": "perhaps"})
    assert (other.order, other.radius, other.page, other.own_only) == ("size", -1, 0, False)


def test_clusters_are_looked_for_again_only_when_needed(wb, model):
    calls = record_calls(wb)
    model.open({"sort": "bytes"})
    assert calls == []
    model.session.changed()
    assert model.stale
    model.open({"sort": "bytes"})
    assert calls == []  # nothing has changed after all
    assert not model.stale
    wb.upload("another.jpg", jpeg(4))
    model.session.changed()
    model.open({"sort": "bytes"})
    assert calls == [("clusters", None)]
    model.radius = 3
    assert calls == [("clusters", None), ("clusters", 3)]


def test_where_others_have_a_picture_is_for_them_and_admins_to_know(new_store, tmp_path):
    wb = new_store()
    wb.accounts.create("ann", "correct horse")
    for user, name in (("local", "mine.jpg"), ("ann", "hers.jpg")):
        (tmp_path / name).write_bytes(jpeg(1))
        wb.ingest(tmp_path / name, user=user, progress=False)
    for visitor, paths in (
        (None, [str(tmp_path / "mine.jpg"), str(tmp_path / "hers.jpg")]),
        ("ann", [None, str(tmp_path / "hers.jpg")]),
    ):
        model = DuplicatesModel(VisitorSession(wb, visitor))
        model.load()
        table = model.table()
        assert [path if isinstance(path, str) else None for path in table["path"]] == paths
        assert table["user"].isna().tolist() == [path is None for path in paths]
        assert table["label"].tolist() == ["medoid", "identical"]
        assert model.clusters.own == {0}


def test_sorting_breaks_ties_by_cluster():
    summary = pd.DataFrame(
        {
            "cluster_id": [2, 0, 1],
            "size": [2, 2, 2],
            "freed": [5, 5, 5],
            "farthest": [1, 1, 1],
            "names": ["", "", ""],
        }
    )
    for order in ORDERS:
        assert filter_and_sort(summary, order)["cluster_id"].tolist() == [0, 1, 2]


def test_the_panel_shows_rows_figures_and_details(wb):
    searched = []
    panel = DuplicatesPanel(wb, on_search=searched.append)
    assert len(panel.list) == 3
    assert "<strong>3</strong>" in panel.totals.value
    assert panel.progress.idle_text == "1 to 3 of 3 clusters"
    assert f"8 pictures looked at · {wb.clusters().attrs['plan']}" in panel.method.value
    assert panel.save.label == "CSV of these 3 clusters"
    first = panel.list._content["rows"][0]
    assert first["label"] == "3 files"
    assert [tile["note"] for tile in first["tiles"]] == ["", "larger and JPEG", "larger and JPEG"]
    panel.list.selected = 2
    assert panel.details.model.details.name == "beach 2.jpg"
    panel.list._receive(None, {"kind": "open", "image_id": 2}, [])
    assert searched == [2]
    panel.name.value = "hill"
    assert panel.save.label == "CSV of this cluster"
    assert "of 3 in all" in panel.progress.idle_text


def test_a_search_that_was_cancelled_can_be_begun_again(wb):
    session = VisitorSession(wb)
    session.runner.run = lambda work, on_done: None  # work that takes its time
    panel = DuplicatesPanel(session)
    panel.model.load()
    assert panel.list.busy
    panel.model.job.waiting = True
    panel.progress._receive(None, {"kind": "cancel"}, [])
    assert not panel.list.busy
    assert panel.search_again.layout.display is None
    assert panel.save.layout.display == "none"
    assert "not looked for yet" in panel.list.empty_text


def test_a_large_cluster_counts_what_it_does_not_draw(wb, monkeypatch):
    monkeypatch.setattr(duplicates_model, "MAX_TILES", 2)
    panel = DuplicatesPanel(wb)
    assert panel.list._content["rows"][0]["more"] == 1


def test_empty_stores_and_stores_without_duplicates_say_which_they_are(new_store):
    wb = new_store()
    panel = DuplicatesPanel(wb)
    assert "no pictures here yet" in panel.list.empty_text
    assert panel.bar.layout.display == "none"
    wb.upload("only.jpg", jpeg(1))
    panel.search_again.click()
    assert panel.list.empty_text.startswith("No duplicates")
    panel.model.name = "x"
    assert len(panel.model.table()) == 0


def test_the_panel_says_when_the_store_has_changed(wb):
    panel = DuplicatesPanel(wb)
    assert panel.stale.value == ""
    panel.session.changed()
    assert "has changed" in panel.stale.value
    panel.search_again.click()
    assert panel.stale.value == ""


def test_pages_of_25_are_the_default():
    assert duplicates.PAGE_SIZE == 25


def test_summaries_count_like_numpy(wb, model):
    frame = wb.clusters()
    summary = model.clusters.summary
    sizes = np.bincount(frame["cluster_id"])
    assert summary["size"].tolist() == sizes.tolist()


def test_the_last_answer_is_shown_while_it_is_renewed(wb, monkeypatch):
    """At once, saying so, then the new one; another visitor's answer serves as well."""
    wb.clusters(progress=False)
    wb.upload("beach 4.jpg", encode(scene(10), quality=70))
    seen, real = [], Workbench.clusters
    panel = DuplicatesPanel(wb)  # shows the answer and waits: no event loop here
    assert not panel.model.renewing
    assert shown(panel.model)[0] == [1, 2, 3, 9]
    wb.upload("hill 3.jpg", encode(scene(11, 1200, 900), quality=60))

    def watched(self, *args, **options):
        model = panel.model
        seen.append((model.renewing, model.clusters.totals.copies, panel.stale.value))
        return real(self, *args, **options)

    monkeypatch.setattr(Workbench, "clusters", watched)
    other = DuplicatesModel(VisitorSession(wb))
    panel.model.load()
    [(renewing, copies, text)] = seen
    assert renewing
    assert copies == 5
    assert "being renewed" in text
    assert panel.model.clusters.totals.copies == 6
    assert panel.stale.value == ""
    assert not panel.model.renewing
    other.load()
    assert len(seen) == 1  # nothing was left to search
    assert other.clusters.totals.copies == 6


def test_an_answer_is_not_renewed_for_ever(wb, monkeypatch):
    panel = DuplicatesPanel(wb)
    wb.forget(2)

    def broken(*_, **__):
        assert panel.model.renewing
        raise CatalogBusy("the catalog is busy")

    monkeypatch.setattr(Workbench, "clusters", broken)
    panel.model.load()
    assert "busy" in panel.model.job.failure
    assert not panel.model.renewing
    # What was found last is still there, without what was forgotten.
    assert shown(panel.model)[0] == [1, 3]
