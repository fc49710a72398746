import json

import pandas as pd
import pytest

from imgurer_kernel.errors import SourceError, StorageDenied
from imgurer_kernel.report import cluster_table, export, summary, to_csv, to_html

EVIL = '<img src=x onerror="alert(1)">.jpg'


@pytest.fixture
def clusters():
    return pd.DataFrame(
        {
            "cluster_id": [0, 0, 0, 1, 1],
            "image_id": [4, 2, 9, 1, 7],
            "digest": list("abcde"),
            "filename": ["lake.jpg", EVIL, "=cmd()", "b.jpg", "c.jpg"],
            "is_medoid": [True, False, False, True, False],
            "is_keeper": [False, True, False, True, False],
            "distance_to_medoid": [0, 3, 8, 0, 1],
            "score": [1.0, 0.98, 0.9, 1.0, 0.99],
            "label": ["medoid", "resized", "cropped", "medoid", "re-encoded"],
            "width": [100] * 5,
            "height": [80] * 5,
            "bytes": [500, 900, 400, 300, 200],
        }
    )


def test_summary_of_clusters_and_of_none(clusters):
    assert summary(clusters).to_dict() == {
        "clusters": 2,
        "pictures in clusters": 5,
        "extra copies": 3,
        "bytes to be freed": 500 + 400 + 200,
        "largest cluster": 3,
    }
    assert set(summary(clusters.iloc[:0])) == {0}


def test_one_row_for_each_cluster(clusters):
    table = cluster_table(clusters)
    assert table["pictures"].tolist() == [3, 2]
    assert table["medoid"].tolist() == ["lake.jpg", "b.jpg"]
    assert table["keeper"].tolist() == [EVIL, "b.jpg"]
    assert table["largest_distance"].tolist() == [8, 1]
    assert table["frees"].tolist() == [900, 200]
    assert cluster_table(clusters.iloc[:0]).empty


def test_csv_holds_everything_and_no_formula(clusters, tmp_path):
    path = export(clusters, tmp_path / "r.csv")
    back = pd.read_csv(path)
    assert back["filename"].tolist() == ["lake.jpg", EVIL, "'=cmd()", "b.jpg", "c.jpg"]
    assert back.drop(columns="filename").equals(
        clusters.drop(columns="filename").astype(back.drop(columns="filename").dtypes)
    )


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_every_formula_start_is_disarmed(start):
    assert f"'{start}x" in to_csv(pd.DataFrame({"filename": [f"{start}x"]}))


def test_json_reads_back(clusters, tmp_path):
    rows = json.loads(export(clusters, tmp_path / "r.json").read_text(encoding="utf-8"))
    assert rows[1]["filename"] == EVIL
    assert rows[1]["is_keeper"] is True


def test_html_escapes_names_and_needs_nothing_else(clusters, tmp_path):
    text = export(clusters, tmp_path / "r.html", thumbnail=lambda image_id: b"jpeg").read_text(
        encoding="utf-8"
    )
    assert "onerror=&quot;alert(1)&quot;" in text
    assert "<img src=x" not in text
    assert text.count('src="data:image/jpeg;base64,') == 5
    assert "//" not in text
    assert "would be kept" in text
    assert "No duplicates" in to_html(clusters.iloc[:0])


def test_other_suffixes_and_places_are_refused(clusters, tmp_path):
    with pytest.raises(SourceError, match=r"\.xlsx"):
        export(clusters, tmp_path / "r.xlsx")
    with pytest.raises(StorageDenied, match="nowhere"):
        export(clusters, tmp_path / "nowhere" / "r.csv")
