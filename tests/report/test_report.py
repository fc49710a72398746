import json
from datetime import UTC, datetime, timedelta

import duckdb
import openpyxl
import pandas as pd
import pytest

from imgurer_kernel.errors import BlobMissing, QueryError, SourceError, StorageDenied
from imgurer_kernel.report import Report
from imgurer_kernel.report.changes import cluster_changes
from imgurer_kernel.report.columns import COLUMNS
from imgurer_kernel.report.run_card import RunCard, versions
from imgurer_kernel.report.writers import read_csv
from tests.support.forms import thinned
from tests.support.pictures import jpeg
from tests.support.reports import EVIL, FILE_COLUMNS, two_clusters, with_facts

NOW = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
PICTURE = jpeg(0, 64, 48)


@pytest.fixture
def clusters():
    return with_facts(two_clusters())


def report_of(clusters, **options):
    card = RunCard(made_at=NOW, versions=versions(), parameters={"radius": None})
    return Report.of(clusters, **{"card": card, "thumbnail": lambda _: PICTURE} | options)


@pytest.mark.parametrize("rows", [5, 0])
@pytest.mark.parametrize("by_image", [False, True])
def test_every_frame_has_the_columns_and_types_that_are_promised(clusters, rows, by_image):
    given = two_clusters().drop(columns=FILE_COLUMNS) if by_image else clusters
    report = report_of(given.iloc[:rows])
    for name, frame in report.frames.items():
        promised = {column: dtype for column, (dtype, _) in COLUMNS[name].items()}
        assert {column: str(dtype) for column, dtype in frame.dtypes.items()} == promised, name
        assert frame.index.equals(pd.RangeIndex(len(frame)))


def test_the_content_of_the_frames(clusters):
    report = report_of(clusters)
    assert report.figure("extra copies") == 3
    first, second = report.clusters.to_dict("records")
    assert (first["files"], first["folders"], first["kinds"]) == (3, 2, "cropped, resized")
    assert (first["keeper_id"], first["keeper_reason"]) == (12, "kept: most pixels")
    assert (first["medoid_id"], second["weakest_score"]) == (4, 0.99)
    assert report.files["folder"].fillna("-").tolist() == ["/a", "/a", "-", "/b", "/c"]
    freed = report.by_folder.fillna("-")[["folder", "frees_disk", "frees_store"]]
    assert freed.to_numpy().tolist() == [
        *(["/a", 500, 0], ["-", 0, 400], ["/c", 200, 0], ["/b", 0, 0]),
    ]
    assert report.sizes["clusters"].tolist() == [1, 1]
    months = report.by_month.set_index(report.by_month["month"].dt.strftime("%Y-%m"))
    assert months["taken"].to_dict()["2019-07"] == 2
    assert months["copied"].sum() == months["taken_in"].sum() == 3
    # Half past eleven at night of the last of January is January.
    assert months["taken_in"].to_dict()["2024-01"] == 3


def test_files_that_are_in_no_cluster_count_where_they_are(clusters):
    files = clusters[["path", "user", "format"]]
    alone = pd.DataFrame({"path": ["/z/alone.png"], "user": "eve", "format": "PNG"})
    report = report_of(clusters, files=pd.concat([files, alone], ignore_index=True))
    by_user = report.by_user.set_index("user")
    assert by_user.loc["eve"].tolist() == [1, 0, 0, 0, 0]
    assert by_user.loc["local", ["files", "in_clusters"]].tolist() == [5, 5]
    assert report.formats["format"].tolist() == ["JPEG", "PNG"]


def test_the_order_of_files_that_are_known_decides_nothing(clusters):
    files = clusters[["path", "user", "format"]]
    one, other = report_of(clusters, files=files), report_of(clusters, files=files.iloc[::-1])
    for name, frame in one.frames.items():
        pd.testing.assert_frame_equal(frame, other.frames[name])


@pytest.mark.parametrize("kind", thinned(["csv", "parquet", "html", "json", "xlsx"], 4))
def test_equal_reports_are_equal_files(clusters, tmp_path, kind, monkeypatch):
    one = report_of(clusters).save(tmp_path / f"one.{kind}").read_bytes()
    # Files within an archive bear times of their own.
    monkeypatch.setattr("time.localtime", lambda *_: (2030, 5, 6, 7, 8, 9, 0, 126, 0))
    assert report_of(clusters.copy()).save(tmp_path / f"two.{kind}").read_bytes() == one
    later = RunCard(made_at=NOW + timedelta(days=1), versions=versions())
    other = report_of(clusters, card=later).save(tmp_path / f"three.{kind}").read_bytes()
    assert (other == one) == (kind in {"csv", "parquet"})


def test_every_kind_of_file_reads_back(clusters, tmp_path):
    report = report_of(clusters)
    assert read_csv(report.save(tmp_path / "a.csv"))["filename"].tolist() == [
        *("lake.jpg", EVIL, "=cmd()", "b.jpg", "c.jpg"),
    ]
    table = duckdb.read_parquet(str(report.save(tmp_path / "a.parquet", frame="clusters")))
    assert table.columns == list(report.clusters)
    whole = json.loads(report.save(tmp_path / "a.json").read_text("utf-8"))
    assert list(whole) == ["card", *COLUMNS]
    assert whole["files"][1]["filename"] == EVIL
    assert whole["card"]["made_at"] == NOW.isoformat()
    book = openpyxl.load_workbook(report.save(tmp_path / "a.xlsx"))
    assert book.sheetnames == [*COLUMNS, "card"]
    assert book["files"].max_row == 6
    assert report.save(tmp_path / "A.HTML").read_text("utf-8").startswith("<!DOCTYPE html>")


def test_csv_says_that_it_is_utf8_as_spreadsheets_want_it(clusters, tmp_path):
    clusters["filename"] = "Zürich \U0001f986.jpg"
    data = report_of(clusters).save(tmp_path / "r.csv").read_bytes()
    assert data.startswith(b"\xef\xbb\xbfcluster_id,")
    assert "Zürich \U0001f986.jpg" in data.decode("utf-8-sig")


def test_invalid_files_and_frames_are_refused(clusters, tmp_path):
    report = report_of(clusters)
    for name, words in (("r.txt", r"\.xlsx"), ("report", "nothing")):
        with pytest.raises(SourceError, match=words):
            report.save(tmp_path / name)
    with pytest.raises(QueryError, match="by_month"):
        report.save(tmp_path / "r.csv", frame="nonsense")
    with pytest.raises(StorageDenied, match="nowhere"):
        report.save(tmp_path / "nowhere" / "r.csv")


def test_a_report_that_fails_leaves_the_old_one(clusters, tmp_path):
    path = report_of(clusters).save(tmp_path / "r.html")
    before = path.read_bytes()

    def thumbnail(_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        report_of(clusters, thumbnail=thumbnail).save(path)
    assert path.read_bytes() == before
    assert [each.name for each in tmp_path.iterdir()] == ["r.html"]


def test_a_notebook_shows_figures_and_pictures_and_no_markup_of_names(clusters):
    shown = report_of(clusters)._repr_html_()
    assert EVIL not in shown
    assert "&lt;img src=x onerror=" in shown
    assert shown.count("data:image/jpeg") == 5 + 2  # pictures and plots
    many = pd.concat(
        [clusters.assign(cluster_id=2 * k + clusters["cluster_id"]) for k in range(50)],
        ignore_index=True,
    )
    many["file_id"] = range(len(many))
    big = report_of(many)._repr_html_()
    assert big.count("data:image/jpeg") <= 4 * 6 + 2
    assert "96 more clusters" in big


def test_a_notebook_shows_a_report_without_clusters_and_without_pictures(clusters):
    assert "No duplicates were found" in report_of(clusters.iloc[:0])._repr_html_()

    def lost(_):
        message = "gone"
        raise BlobMissing(message)

    for thumbnail in (None, lost):
        shown = report_of(clusters, thumbnail=thumbnail)._repr_html_()
        assert "lake.jpg" in shown


def test_new_solved_and_changed_clusters(clusters):
    before = two_clusters()
    now = before[before["cluster_id"] == 1].assign(cluster_id=0)
    grown = pd.concat(
        [now, now.iloc[:1].assign(path="/d/d.jpg", digest="z", is_keeper=False)], ignore_index=True
    )
    other = now.assign(cluster_id=1, path=["/n/1.jpg", "/n/2.jpg"], digest=["x", "y"])
    changes = cluster_changes(pd.concat([grown, other], ignore_index=True), before)
    assert changes["change"].tolist() == ["new", "solved", "changed"]
    assert changes["cluster_id"].fillna(-1).tolist() == [1, -1, 0]
    assert changes["before_id"].fillna(-1).tolist() == [-1, 0, 1]
    assert changes["gained"].iloc[2] == "/d/d.jpg"
    assert changes["keeper_changed"].tolist() == [False, False, False]
    assert changes.attrs == {"new": 1, "solved": 1, "changed": 1, "same": 0}


def test_nothing_has_changed_against_itself_and_all_against_nothing(clusters):
    report, empty = report_of(clusters), report_of(clusters.iloc[:0])
    assert report.diff(report).attrs == {"new": 0, "solved": 0, "changed": 0, "same": 2}
    assert report.diff(empty).attrs["new"] == 2
    assert empty.diff(report)["change"].tolist() == ["solved", "solved"]
    pinned = clusters.assign(is_keeper=[True, False, False, True, False])
    [change] = report_of(pinned).diff(report).to_dict("records")
    assert change["keeper_changed"]
    assert (change["gained"], change["lost"]) == ("", "")


def test_a_cluster_that_has_split_goes_on_as_its_larger_part(clusters):
    before = two_clusters().iloc[[0, 1, 2, 0, 1]].reset_index(drop=True)
    before = before.assign(
        cluster_id=0, path=[f"/{k}" for k in range(5)], is_keeper=[True, *[False] * 4]
    )
    now = before.assign(cluster_id=[0, 0, 1, 1, 1])
    changes = cluster_changes(now, before)
    assert changes[["change", "cluster_id"]].to_numpy().tolist() == [["new", 0], ["changed", 1]]


def test_the_card_says_what_may_matter():
    found = versions()
    assert {"python", "numpy", "pandas", "duckdb"} <= set(found)
    card = RunCard(made_at=NOW, skipped={"rejected": 2}, for_cost=("no crops",))
    assert json.loads(json.dumps(card.as_dict()))["for_cost"] == ["no crops"]
    assert ("skipped", "rejected", "2") in list(card.frame().itertuples(index=False, name=None))
