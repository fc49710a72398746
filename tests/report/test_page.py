import base64
import hashlib
import io
import itertools
import json
import re
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from imgurer_kernel.errors import BlobMissing
from imgurer_kernel.report import Report, html, page_pictures
from imgurer_kernel.report.html import page
from imgurer_kernel.report.page_data import LEFT_OUT, PART
from imgurer_kernel.report.page_pictures import PagePictures, picture_order, small
from tests.support.pictures import jpeg
from tests.support.reports import EVIL, FILE_COLUMNS, many_clusters, two_clusters, with_facts

PICTURE = jpeg(0, 200, 150)


@pytest.fixture
def clusters():
    return with_facts(two_clusters())


class Reader(HTMLParser):
    """The texts, tags and scripts that a browser would see."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.texts, self.scripts, self.script = [], [], [], None
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        self.script = dict(attributes) if tag == "script" else None

    def handle_endtag(self, tag):
        self.script = None

    def handle_data(self, data):
        if self.script is not None:
            self.scripts.append((self.script, data))
        else:
            self.texts.append(data)

    @property
    def data(self):
        data, numbers = (
            json.loads(next(text for facts, text in self.scripts if facts.get("id") == each))
            for each in ("data", "numbers")
        )
        return data | {"files": data["files"] | {"picture": numbers}}

    @property
    def pictures(self):
        """The picture of each image_id, and an empty text for one that is lost."""
        parts = [json.loads(text) for facts, text in self.scripts if facts.get("class")]
        assert all(len(part) == PART for part in parts[:-1])
        jpegs, files = list(itertools.chain(*parts)), self.data["files"]
        return {
            image_id: jpegs[k] if k >= 0 else ""
            for image_id, k in zip(files["image_id"], files["picture"], strict=True)
            if k != LEFT_OUT
        }


def read(report, clusters=None):
    return Reader("".join(page(report, clusters)))


def test_a_page_runs_its_own_script_only_and_needs_no_network(clusters):
    text = "".join(page(Report.of(clusters, thumbnail=lambda _: PICTURE)))
    seen = Reader(text)
    [policy] = [facts["content"] for tag, facts in seen.tags if "http-equiv" in facts]
    [script] = [text for facts, text in seen.scripts if not facts]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    allowed = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
    assert policy == f"{allowed}; script-src 'sha256-{digest}'"
    assert not [facts for tag, facts in seen.tags if {"src", "href", "onerror"} & set(facts)]
    assert not re.search(r"https?:", text)


@pytest.mark.long
@pytest.mark.parametrize(
    "name",
    [
        *("</script><script>x</script>", "<!--<script>", EVIL, "a\nb\x1b[31m\u202egpj.exe"),
        *("\udcff", "東京 שלום"),
    ],
)
def test_names_stay_text_and_come_whole(clusters, name):
    usual = [tag for tag, _ in read(Report.of(clusters)).tags]
    clusters["filename"] = clusters["camera"] = name
    clusters["path"] = f"/a/{name}/b.jpg"
    seen = read(Report.of(clusters))
    assert [tag for tag, _ in seen.tags] == usual
    assert seen.data["files"]["filename"] == [name] * 5
    assert seen.data["words"]["camera"] == [name]


def test_the_page_knows_files_reasons_and_dates(clusters):
    data = read(Report.of(clusters)).data
    files, words = data["files"], data["words"]
    assert [words["keeper_reason"][k] for k in files["keeper_reason"]][:2] == [
        "fewer pixels; kept: most pixels",
        "kept: most pixels",
    ]
    assert files["flags"] == [2, 1, 0, 3, 0]
    assert files["frees"] == [500, 0, 400, 0, 200]
    assert files["taken_at"][0] == 1561982400
    assert files["modified_at"][0] == 1706743800
    assert data["clusters"]["start"] == [0, 3, 5]
    assert files["keeper_id"] == [12, 12, 12, 14, 14]


def test_a_page_of_images_has_neither_paths_nor_a_plan(clusters):
    data = read(Report.of(two_clusters().drop(columns=FILE_COLUMNS))).data
    assert data["files"]["uploaded"] == [1] * 5
    assert data["files"]["file_id"] == [-1] * 5


def test_pictures_that_are_lost_or_damaged_do_not_stop_the_page(clusters):
    def thumbnail(image_id):
        if image_id == 2:
            message = "gone"
            raise BlobMissing(message)
        return PICTURE

    seen = read(Report.of(clusters, thumbnail=thumbnail))
    assert seen.pictures[2] == ""
    assert sum(bool(each) for each in seen.pictures.values()) == 4
    assert "The thumbnails of 1 images are missing in the store." in seen.texts


def test_a_page_of_some_clusters_says_so(clusters):
    seen = read(Report.of(clusters, thumbnail=lambda _: PICTURE), 1)
    assert len(seen.data["files"]["filename"]) == 3
    assert len(seen.pictures) == 3
    assert any("1 of 2 clusters are shown" in text for text in seen.texts)


def test_a_page_shows_as_many_clusters_as_it_can_hold(monkeypatch):
    report = Report.of(many_clusters(20, 5))
    monkeypatch.setattr(html, "_MOST_FILES", 62)
    seen = read(report)
    assert len(seen.data["clusters"]["id"]) == 12
    assert any("12 of 20 clusters are shown" in text for text in seen.texts)
    # Long names take more room, and the largest cluster is shown whatever it takes.
    monkeypatch.setattr(html, "_MOST_DATA", 4000)
    assert 1 <= len(read(report).data["clusters"]["id"]) < 12
    monkeypatch.setattr(html, "_MOST_FILES", 3)
    assert read(report).data["clusters"]["id"] == [0]


def test_a_page_without_clusters_says_so_and_tells_what_was_skipped(clusters):
    skipped = {"why": ["too flat"], "place": ["<b>"], "reason": ["it is"]}
    empty = clusters.iloc[:0]
    report = Report.of(empty, more={"skipped": pd.DataFrame(skipped)})
    seen = read(report)
    assert any("No duplicates were found." in text for text in seen.texts)
    assert "<b>" in seen.texts
    assert seen.data["files"]["filename"] == []


def test_pictures_without_room_are_left_out_and_counted():
    report = Report.of(many_clusters(60, 5), thumbnail=lambda _: PICTURE)
    asked = []
    pictures = PagePictures(lambda k: asked.append(k) or PICTURE, max_bytes=130 * len(PICTURE))
    order = picture_order(report.files)
    # The one that is kept and the one that the others were compared with come first.
    assert set(report.files["image_id"][report.files["is_keeper"]]) <= set(order[:120].tolist())
    shown = pictures.read(order)
    assert len(shown) == pictures.shown == len(asked) < 300
    assert pictures.left_out == 300 - pictures.shown
    assert sum(len(text) for text in shown.values()) <= 132 * len(PICTURE)
    [words] = pictures.words
    assert f"{pictures.shown:,} images" in words


def test_many_pictures_are_made_small():
    picture = small(jpeg(3, 240, 180))
    with Image.open(io.BytesIO(picture)) as image:
        assert image.width <= 120
        assert image.height <= 135
        wanted = np.asarray(Image.open(io.BytesIO(jpeg(3, 240, 180))).resize(image.size), float)
        assert np.abs(np.asarray(image, float) - wanted).mean() < 12


def test_each_file_has_its_own_picture_wherever_it_lies(monkeypatch):
    report = Report.of(many_clusters(90, 5), thumbnail=lambda image_id: b"%d" % image_id)
    seen = read(report)
    wanted = {k: base64.b64encode(b"%d" % k).decode() for k in range(1, 451)}
    assert seen.pictures == wanted
    # Of those that have no room the files say so, and the others keep theirs.
    monkeypatch.setattr(page_pictures, "_MOST", 230)
    some = read(report).pictures
    assert len(some) == 230
    assert some.items() <= wanted.items()


def explained_in(report, explain):
    reader = Reader("".join(page(report, explain=explain)))
    found = next(text for facts, text in reader.scripts if facts.get("id") == "explained")
    notes = [text for text in reader.texts if "explained by a figure" in text]
    return json.loads(found), notes


def test_figures_explain_the_pairs_that_are_least_alike():
    files = many_clusters(3, 4)
    medoids = files[files["is_medoid"]].set_index("cluster_id")["image_id"]
    copies = files[~files["is_medoid"]].reset_index(drop=True)
    pairs = pd.DataFrame(
        {"cluster_id": copies["cluster_id"], "other_id": copies["image_id"], "label": "resized"}
    )
    pairs["image_id"] = pairs["cluster_id"].map(medoids)
    pairs["score"] = np.linspace(0.99, 0.8, len(pairs))
    asked = []

    def explain(one, other):
        asked.append((one, other))
        if len(asked) == 2:
            raise BlobMissing("gone")
        return b"jpeg %d %d" % (one, other)

    report = Report.of(files, files=files, more={"pairs": pairs}, explain=explain)
    assert explained_in(report, 0) == ({}, [])
    assert asked == []
    found, notes = explained_in(report, 3)
    weakest = pairs.tail(3).iloc[::-1]
    assert asked == list(zip(weakest["other_id"], weakest["image_id"], strict=True))
    rows = report.files.loc[[int(row) for row in found], "image_id"].tolist()
    assert sorted(rows) == sorted(weakest["other_id"].iloc[[0, 2]])
    texts = {base64.b64decode(each) for each in found.values()}
    assert texts == {b"jpeg %d %d" % asked[0], b"jpeg %d %d" % asked[2]}
    assert notes == [
        (
            "2 of 9 pairs, those that are least alike, are explained by a figure; for the others "
            "compare overlays the thumbnails."
        )
    ]
    assert len(explained_in(report, 99)[0]) == 9


def test_figures_do_not_take_the_room_of_the_page(monkeypatch):
    pairs = pd.DataFrame({"cluster_id": 0, "image_id": 1, "other_id": [2, 3, 4], "score": 0.9})
    found = page_pictures.figures_of(lambda *_: bytes(300), pairs, 3, max_bytes=900)
    assert list(found) == [(0, 2), (0, 3)]
