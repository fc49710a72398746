import os
from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest

from imgurer_kernel.report.columns import COLUMNS
from imgurer_kernel.workbench.methods.report import not_measured
from tests.support.forms import thinned
from tests.support.pictures import encode, jpeg, resized, scene, solid

NOW = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)


def fill(wb):
    """A picture in four files of four kinds, another one twice, one alone, a flat one, a text."""
    folder = wb.settings.root.parent / "in"
    for name in ("a", "b"):
        (folder / name).mkdir(parents=True)
    files = {
        "a/one.jpg": jpeg(0),
        "a/=two <b>東京.jpg": jpeg(1),
        "b/one small.jpg": encode(resized(scene(0), 320, 240)),
        "b/one turned.jpg": encode(scene(0).swapaxes(0, 1)[::-1]),
        "b/one again.jpg": jpeg(0),
        "b/two.jpg": jpeg(1, quality=60),
        "b/alone.jpg": jpeg(2),
        "b/flat.png": encode(solid(), "PNG"),
        "b/notes.jpg": b"no picture",
    }
    for name, data in files.items():
        (folder / name).write_bytes(data)
        os.utime(folder / name, (1_700_000_000, 1_700_000_000))
    wb.ingest(folder, progress=False).to_pickle(folder.parent / "taken")
    wb.queue(progress=False)  # so that no test has to search and measure


@pytest.fixture
def wb(new_place):
    return new_place(fill, store="reference")


@pytest.fixture
def folder(wb):
    return wb.settings.root.parent / "in"


@pytest.fixture
def taken(folder):
    """What was reported when the folder was ingested."""
    return pd.read_pickle(folder.parent / "taken")


def report_of(wb, **options):
    return wb.report(**{"now": NOW, "progress": False} | options)


@pytest.mark.long
def test_a_report_tells_all_of_a_store(wb, folder, taken):
    report = report_of(wb, ingested=taken)
    assert report.clusters["files"].tolist() == [4, 2]
    assert report.figure("files") == 8
    assert report.figure("pictures") == 7
    assert report.files["is_keeper"].sum() == 2
    assert set(report.files["keeper_reason"].dropna()) == set(report.files["keeper_reason"])
    assert report.skipped[["why", "place"]].to_numpy().tolist() == [
        ["rejected", str(folder / "b/notes.jpg")],
        ["too flat", str(folder / "b/flat.png")],
    ]
    assert report.card.skipped == {"rejected": 1, "too flat": 1}
    assert "hashes within" in report.card.plan
    assert report.card.parameters["policy"] == "standard"
    assert report.thumbnail(int(report.files["image_id"].iloc[0])).startswith(b"\xff\xd8")


@pytest.mark.long
def test_the_evidence_of_a_pair_lays_the_copy_on_the_medoid(wb):
    pairs = report_of(wb).pairs
    assert len(pairs) == 3
    assert pairs["score"].min() > 0.79
    for pair in pairs.to_dict("records"):
        evidence = wb.evidence(pair["other_id"], pair["image_id"])
        found = [pair[f"map_{name}"] for name in "abcdef"]
        assert found == pytest.approx(evidence.transform, abs=0.03), pair["other_filename"]
        assert pair["orientation"] == evidence.orientation
        assert pair["overlap"] == pytest.approx(evidence.overlap, abs=0.05)


def test_the_pairs_of_a_queue_are_those_of_its_clusters(wb):
    """A queue labels files against the one that is kept, and pairs are with the medoid."""
    clusters = wb.clusters(progress=False)
    turned = clusters.loc[clusters["label"] == "rotated", "file_id"].iloc[0]
    queue = wb.queue(clusters, pinned=[turned], progress=False)
    assert "kept" in set(queue["label"][~queue["is_medoid"]])
    pairs = report_of(wb, clusters=queue).frames["pairs"]
    assert pairs.equals(report_of(wb, clusters=clusters).frames["pairs"])


@pytest.mark.long
def test_the_same_store_gives_the_same_report_byte_for_byte(wb, tmp_path):
    report, again = report_of(wb), report_of(wb)
    for kind in ("csv", "parquet", "json", "xlsx", "html"):
        one = report.save(tmp_path / f"a.{kind}").read_bytes()
        assert again.save(tmp_path / f"b.{kind}").read_bytes() == one, kind
    later = report_of(wb, now=NOW + timedelta(days=1))
    assert later.card.as_dict() | {"made_at": ""} == report.card.as_dict() | {"made_at": ""}


def test_a_report_keeps_what_a_plan_keeps_or_says_that_it_may_not(wb, monkeypatch):
    with wb.catalog.transaction() as connection:
        connection.execute("DELETE FROM original_facts")
    monkeypatch.setattr("imgurer_kernel.workbench.methods.report.MEASURED", 4)
    before = report_of(wb)
    assert before.card.for_cost == (not_measured(5),)
    assert before.card.parameters["measure"] is False
    assert report_of(wb, measure=False).card.for_cost == before.card.for_cost
    monkeypatch.undo()
    report, plan = report_of(wb), wb.plan(progress=False)
    assert report.card.for_cost == ()
    assert report.card.parameters["measure"] is True
    goes = report.files[~report.files["is_keeper"]]
    assert set(goes["file_id"]) == set(plan["file_id"])
    assert dict(zip(goes["file_id"], goes["keeper_reason"], strict=True)) == dict(
        zip(plan["file_id"], plan["reason"], strict=True)
    )


def test_a_report_of_folders_is_about_these(wb, folder):
    report = report_of(
        wb, folders=[folder / "a", folder / "b"], between=True, reference=folder / "a"
    )
    assert report.files["is_reference"].sum() == 2
    assert report.card.parameters["between"] is True
    assert report.card.parameters["folders"] == [str(folder / "a"), str(folder / "b")]
    only = report_of(wb, folders=folder / "b")
    assert only.figure("files") == 6
    assert not only.files["path"].str.startswith(str(folder / "a")).any()
    assert set(only.by_folder["folder"]) == {str(folder / "b")}


def test_a_report_by_plain_hashes_has_pairs_without_measures(wb):
    report = report_of(wb, verify=False)
    assert len(report.pairs)
    assert report.pairs["correlation"].isna().all()
    assert report.related.empty


def test_what_is_gone_or_changed_is_reported(wb, folder):
    (folder / "b" / "two.jpg").unlink()
    (folder / "b" / "alone.jpg").write_bytes(jpeg(5))
    stale = report_of(wb)
    assert stale.card.skipped["not on disk as they were"] == 1
    wb.ingest(folder, progress=False)
    scanned = report_of(wb)
    # What a file held before is nothing that anybody misses.
    assert scanned.skipped[["why", "place"]].to_numpy().tolist() == [
        ["rejected", str(folder / "b/notes.jpg")],
        ["missing", str(folder / "b/two.jpg")],
        ["too flat", str(folder / "b/flat.png")],
    ]
    assert scanned.diff(stale)["change"].tolist() == []
    assert len(scanned.clusters) == 1


@pytest.mark.long
def test_what_was_rejected_and_is_a_picture_now_is_no_longer_listed(wb, folder, taken):
    wb.ingest(folder, progress=False)
    assert set(report_of(wb).skipped["why"]) == {"rejected", "too flat"}
    (folder / "b" / "notes.jpg").write_bytes(jpeg(7))
    wb.ingest(folder, progress=False)
    assert set(report_of(wb).skipped["why"]) == {"too flat"}
    assert report_of(wb, ingested=taken).card.skipped["rejected"] == 1


@pytest.mark.long
def test_names_that_are_not_utf8_and_of_two_lines_are_reported(new_store, tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    names = [b"one\xff.jpg", b"zwei\nZeilen.jpg", "שלום <script>.jpg".encode()]
    for k, name in enumerate(names):
        with open(os.path.join(os.fsencode(folder), name), "wb") as file:  # noqa: PTH118, PTH123
            file.write(jpeg(0, quality=90 - k))
    wb = new_store(store="reference")
    wb.ingest(folder, progress=False)
    report = report_of(wb)
    assert report.figure("files in clusters") == 3
    for kind in ("csv", "parquet", "json", "xlsx", "html"):
        assert report.save(tmp_path / f"r.{kind}").stat().st_size > 100


@pytest.mark.parametrize("content", thinned(["nothing", "flat", "rejected"], 2))
def test_a_store_without_duplicates_has_a_report_too(new_store, tmp_path, content):
    folder = tmp_path / "in"
    folder.mkdir()
    for k in range(3):
        data = {"flat": encode(solid(90 + k), "PNG"), "rejected": b"no picture"}.get(content)
        if data:
            (folder / f"{k}.png").write_bytes(data)
    wb = new_store()
    taken = wb.ingest(folder, progress=False) if content != "nothing" else None
    report = report_of(wb, ingested=taken)
    assert len(report.clusters) == len(report.pairs) == 0
    assert set(report.skipped["why"]) == {
        "nothing": set(), "flat": {"too flat"}, "rejected": {"rejected"}
    }[content]  # fmt: skip
    for name, frame in report.frames.items():
        assert list(frame) == list(COLUMNS[name])
    assert "No duplicates" in report._repr_html_()
    for kind in ("csv", "parquet", "json", "xlsx", "html"):
        assert report.save(tmp_path / f"r.{kind}").exists()


def test_thumbnails_that_are_lost_are_told_in_the_page(wb, tmp_path):
    report = report_of(wb)
    for path in (wb.settings.root / "thumbs").rglob("*"):
        if path.is_file():
            path.unlink()
    text = report.save(tmp_path / "r.html").read_text("utf-8")
    assert "are missing in the store" in text


@pytest.mark.long
def test_decisions_stand_in_the_report(wb):
    first = report_of(wb)
    wb.decide(first.files[first.files["cluster_id"] == 1], "same")
    again = report_of(wb)
    assert again.clusters["verdict"].isna().tolist() == [True, False]
    assert isinstance(again.clusters["verdict"].dtype, pd.CategoricalDtype)


@pytest.mark.long
def test_a_picture_of_test_that_is_in_train_is_a_leak(new_store, tmp_path):
    files = {
        "train/cat/one.jpg": jpeg(0),
        "train/dog/two.jpg": jpeg(1),
        "test/cat/one small.jpg": encode(resized(scene(0), 320, 240)),
        "test/dog/three.jpg": jpeg(2),
        "other/two.jpg": jpeg(1),
    }
    for name, data in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(data)
    wb = new_store(store="reference")
    wb.ingest([tmp_path / "train", tmp_path / "test", tmp_path / "other"], progress=False)
    found = wb.leakage(tmp_path / "train", tmp_path / "test", progress=False)
    assert str(found).startswith("1 of 2 test pictures (50.0 %) has a twin in train. 0 pairs")
    assert found.exclusion == [str(tmp_path / "train/cat/one.jpg")]
    assert len(found.files) == 4
