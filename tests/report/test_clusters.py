import csv
import io
import json
from html.parser import HTMLParser

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgurer_kernel.errors import BlobMissing, SourceError, StorageDenied
from imgurer_kernel.report.clusters import (
    cluster_table,
    export,
    summary,
    to_csv,
    to_html,
    to_json,
)
from imgurer_kernel.report.html import page

FILE_COLUMNS = ["path", "user", "state", "is_reference", "frees_disk", "frees_store"]
EVIL = '<img src=x onerror="alert(1)">.jpg'


@pytest.fixture
def clusters():
    return pd.DataFrame(
        {
            "cluster_id": [0, 0, 0, 1, 1],
            "image_id": [4, 2, 9, 1, 7],
            "digest": list("abcde"),
            "path": ["/a/lake.jpg", f"/a/{EVIL}", None, "/b/b.jpg", "/c/c.jpg"],
            "filename": ["lake.jpg", EVIL, "=cmd()", "b.jpg", "c.jpg"],
            "user": "local",
            "state": "present",
            "is_reference": False,
            "is_medoid": [True, False, False, True, False],
            "is_keeper": [False, True, False, True, False],
            "distance_to_medoid": [0, 3, 8, 0, 1],
            "diameter": [9, 9, 9, 2, 2],
            "score": [1.0, 0.98, 0.9, 1.0, 0.99],
            "label": ["medoid", "resized", "cropped", "medoid", "re-encoded"],
            "width": [100] * 5,
            "height": [80] * 5,
            "bytes": [500, 900, 400, 300, 200],
            "frees_disk": [500, 0, 0, 0, 200],
            "frees_store": [0, 0, 400, 0, 0],
        }
    )


def test_summary_of_clusters_and_of_none(clusters):
    assert summary(clusters).to_dict() == {
        "clusters": 2,
        "files in clusters": 5,
        "extra copies": 3,
        "bytes freed on disk": 500 + 200,
        "bytes freed in the store": 400,
        "largest cluster": 3,
    }
    assert set(summary(clusters.iloc[:0])) == {0}
    by_image = clusters.drop(columns=FILE_COLUMNS)
    assert summary(by_image)["bytes freed in the store"] == 500 + 400 + 200
    assert summary(by_image)["bytes freed on disk"] == 0


def test_a_file_of_a_reference_folder_is_no_extra_copy(clusters):
    clusters["is_reference"] = [True, False, False, False, False]
    assert summary(clusters)["extra copies"] == 2


def test_one_row_for_each_cluster(clusters):
    table = cluster_table(clusters)
    assert table["files"].tolist() == [3, 2]
    assert table["keeper_path"].tolist() == [f"/a/{EVIL}", "/b/b.jpg"]
    assert table["medoid"].tolist() == ["lake.jpg", "b.jpg"]
    assert table["keeper"].tolist() == [EVIL, "b.jpg"]
    assert table["largest_distance"].tolist() == [8, 1]
    assert table["diameter"].tolist() == [9, 2]
    assert table["weakest_link"].tolist() == ["=cmd()", "c.jpg"]
    assert table["frees_disk"].tolist() == [500, 200]
    assert table["frees_store"].tolist() == [400, 0]
    by_image = cluster_table(clusters.drop(columns=FILE_COLUMNS))
    assert by_image["frees_store"].tolist() == [900, 200]
    assert cluster_table(clusters.iloc[:0]).empty


def test_some_clusters_keep_their_diameters(clusters):
    assert cluster_table(clusters[clusters["cluster_id"] == 1])["diameter"].tolist() == [2]


def test_csv_holds_everything_and_no_formula(clusters, tmp_path):
    path = export(clusters, tmp_path / "r.csv")
    back = pd.read_csv(path)
    assert back["filename"].tolist() == ["lake.jpg", EVIL, "'=cmd()", "b.jpg", "c.jpg"]
    facts = back.drop(columns="filename")
    pd.testing.assert_frame_equal(facts, clusters.drop(columns="filename").astype(facts.dtypes))


def test_csv_says_that_it_is_utf8_as_spreadsheets_want_it(clusters, tmp_path):
    clusters["filename"] = "Zürich \U0001f986.jpg"
    data = export(clusters, tmp_path / "r.csv").read_bytes()
    assert data.startswith(b"\xef\xbb\xbfcluster_id,")
    assert "Zürich \U0001f986.jpg" in data.decode("utf-8-sig")


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", " =", "\t@", "\uff1d"])
def test_every_formula_start_is_disarmed(start):
    text = to_csv(pd.DataFrame({"filename": [f"{start}x"]}))
    assert list(csv.reader(io.StringIO(text, newline="")))[1] == [f"'{start}x"]


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_no_text_is_lost_in_csv_and_none_is_a_formula(name):
    text = to_csv(pd.DataFrame({"filename": [name]}))
    (back,) = list(csv.reader(io.StringIO(text, newline="")))[1]
    assert back in {name, f"'{name}"}
    assert not back.lstrip().startswith(("=", "+", "-", "@"))


def test_numbers_stay_numbers_in_csv():
    assert to_csv(pd.DataFrame({"latitude": [-33.9]})) == "latitude\r\n-33.9\r\n"


def test_json_reads_back(clusters, tmp_path):
    rows = json.loads(export(clusters, tmp_path / "r.json").read_text(encoding="utf-8"))
    assert rows[1]["filename"] == EVIL
    assert rows[1]["is_keeper"] is True


def test_json_has_null_for_what_is_missing_and_whole_ids():
    frame = pd.DataFrame(
        {
            "image_id": pd.array([2**53 + 1, None], "Int64"),
            "score": [float("nan"), float("inf")],
            "name": ['a\n"b"', None],
            "when": [pd.Timestamp("2026-01-02 03:04:05"), pd.NaT],
        }
    )
    text = to_json(frame)
    assert "NaN" not in text
    assert json.loads(text) == [
        {"image_id": 2**53 + 1, "score": None, "name": 'a\n"b"', "when": "2026-01-02T03:04:05.000"},
        {"image_id": None, "score": None, "name": None, "when": None},
    ]
    assert json.loads(to_json(frame.iloc[:0])) == []


class Reader(HTMLParser):
    """The texts, tags and attributes that a browser would see."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.texts = [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_data(self, data):
        self.texts.append(data)


def test_html_escapes_names_and_needs_nothing_else(clusters, tmp_path):
    path = export(clusters, tmp_path / "r.html", thumbnail=lambda image_id: b"jpeg")
    text = path.read_text(encoding="utf-8")
    seen = Reader(text)
    pictures = [facts for tag, facts in seen.tags if tag == "img"]
    assert [facts["src"] for facts in pictures] == ["data:image/jpeg;base64,anBlZw=="] * 5
    assert pictures[1]["alt"] == f"{EVIL}, 100 by 80, resized"
    assert EVIL in seen.texts
    assert not [tag for tag, facts in seen.tags if tag in {"script", "link"} or "onerror" in facts]
    assert "//" not in text
    assert sum("would be kept" in words for words in seen.texts) == 2


@pytest.mark.parametrize(
    "name", ["</bdi><script>x</script>", "a\nb\x1b[31m\u202egpj.exe", "\"' x=1"]
)
def test_names_stay_text(clusters, name):
    clusters["filename"] = name
    seen = Reader(to_html(clusters, thumbnail=lambda image_id: b"jpeg"))
    shown = "".join(c if c.isprintable() else "\ufffd" for c in name)
    assert seen.texts.count(shown) == 5
    assert {tag for tag, _ in seen.tags} == {tag for tag, _ in Reader(to_html(clusters)).tags} | {
        "img"
    }


def test_html_says_what_differs_in_words(clusters):
    clusters.loc[1, "width"] = 50
    clusters.loc[2, "label"] = "near by dHash"
    texts = Reader(to_html(clusters)).texts
    assert "smaller, resized" in texts
    assert "fewer bytes" in texts
    assert "8 of 128 bits" in texts
    assert "2.3 kB" not in texts
    assert [words for words in texts if words.startswith("could free")] == [
        "could free 500 bytes on disk and 400 bytes in the store",
        "could free 200 bytes on disk",
    ]


def test_html_shows_paths_shortened_and_whole_and_what_a_file_is(clusters):
    folder = "/home/ann/Pictures/holidays/2019/camera/export/whatsapp"
    clusters.loc[4, ["path", "label", "state"]] = [f"{folder}/c.jpg", "identical", "missing"]
    clusters.loc[0, "is_reference"] = True
    seen = Reader(to_html(clusters))
    assert "/home/…/2019/camera/export/whatsapp" in seen.texts
    assert f"{folder}/c.jpg" in seen.texts
    assert [facts["title"] for tag, facts in seen.tags if tag == "bdi" and "title" in facts] == [
        path for path in clusters["path"] if isinstance(path, str)
    ]
    assert {"identical", "missing", "in a reference folder"} <= set(seen.texts)


def test_html_of_images_has_no_paths(clusters):
    seen = Reader(to_html(clusters.drop(columns=FILE_COLUMNS)))
    assert not [tag for tag, _ in seen.tags if tag == "details"]
    assert "could free 900 bytes in the store" in seen.texts


def test_a_picture_that_is_missing_in_the_store_does_not_stop_the_report(clusters):
    def thumbnail(image_id):
        if image_id == 2:
            message = "gone"
            raise BlobMissing(message)
        return b"jpeg"

    seen = Reader(to_html(clusters, thumbnail))
    assert sum(tag == "img" for tag, _ in seen.tags) == 4
    assert "its picture is missing in the store" in seen.texts


def test_html_of_many_clusters_says_what_it_leaves_out(clusters, tmp_path):
    text = to_html(clusters, limit=1)
    assert text.count("<section") == 1
    assert "1 of 2 clusters are shown" in text
    assert to_html(clusters, limit=2).count("<section") == 2
    assert "are shown" not in to_html(clusters, limit=None)
    assert len(pd.read_csv(export(clusters, tmp_path / "r.csv", limit=1))) == 5


def test_a_page_holds_one_picture_at_a_time(clusters):
    asked, shown = [], 0

    def thumbnail(image_id):
        asked.append(image_id)
        return b"jpeg"

    for part in page(clusters, {}, thumbnail, None):
        shown += part.count("<img")
        assert shown <= len(asked) <= shown + 1
    assert asked == clusters["image_id"].tolist()


def test_clusters_beyond_the_limit_cost_no_picture(clusters):
    asked = []
    to_html(clusters, lambda image_id: asked.append(image_id) or b"jpeg", limit=1)
    assert asked == [4, 2, 9]


def test_no_clusters_make_a_page_too(clusters):
    assert "No duplicates were found." in Reader(to_html(clusters.iloc[:0])).texts


def test_other_suffixes_and_places_are_refused(clusters, tmp_path):
    with pytest.raises(SourceError, match=r"\.xlsx"):
        export(clusters, tmp_path / "r.xlsx")
    with pytest.raises(SourceError, match="nothing"):
        export(clusters, tmp_path / "report")
    with pytest.raises(StorageDenied, match="nowhere"):
        export(clusters, tmp_path / "nowhere" / "r.csv")


def test_a_report_that_fails_leaves_the_old_one(clusters, tmp_path):
    path = export(clusters, tmp_path / "r.html")
    before = path.read_bytes()

    def thumbnail(_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        export(clusters, path, thumbnail=thumbnail)
    assert path.read_bytes() == before
    assert [each.name for each in tmp_path.iterdir()] == ["r.html"]
