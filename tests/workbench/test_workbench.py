import io
import pickle
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from imgurer_kernel import Settings, Workbench
from imgurer_kernel.errors import (
    ImageRejected,
    InvalidRadius,
    NotAllowed,
    QueryError,
    SourceError,
    UnknownImage,
)
from imgurer_kernel.fingerprint.extract import ALGORITHM
from imgurer_kernel.report.frames import CLUSTER_FILES
from imgurer_kernel.store.catalog import commands, generations, users
from tests.support.catalog_records import arrival, fingerprint
from tests.support.pictures import jpeg

SIMILAR = [
    "image_id", "distance", "orientation", "score", "verdict", "digest", "filename", "width",
    "height",
]  # fmt: skip


def recode(data, quality=60, scale=1.0):
    picture = Image.open(io.BytesIO(data))
    picture = picture.resize((round(picture.width * scale), round(picture.height * scale)))
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=quality)
    return out.getvalue()


@pytest.fixture
def wb(new_store):
    return new_store()


def fill(wb):
    """Images 1..6: three pictures, a re-encoded and a smaller copy of the first, a flat one."""
    for seed in range(3):
        wb.upload(f"{seed}.jpg", jpeg(seed))
    wb.upload("0 again.jpg", recode(jpeg(0)))
    wb.upload("0 small.jpg", recode(jpeg(0), 90, 0.5))
    flat = io.BytesIO()
    Image.new("RGB", (300, 200), (90, 120, 150)).save(flat, "PNG")
    wb.upload("flat.png", flat.getvalue())


@pytest.fixture
def filled(new_store):
    return new_store(fill)


def ids(frame):
    return frame["image_id"].tolist()


def test_an_empty_store_answers_everything(wb):
    assert wb.images().empty
    assert wb.browse().empty
    assert list(wb.clusters().columns) == CLUSTER_FILES
    assert wb.clusters().empty
    found = wb.similar(jpeg(0))
    assert list(found.columns) == SIMILAR
    assert found.empty
    assert wb.check(progress=False).empty
    assert wb.rebuild_index() == 0


@pytest.mark.parametrize("kind", ["id", "path", "text", "bytes", "pil", "numpy id"])
def test_a_query_of_any_kind_finds_its_duplicates(filled, tmp_path, kind):
    path = tmp_path / "query.jpg"
    path.write_bytes(jpeg(0))
    query = {
        "id": 1,
        "numpy id": np.int64(1),
        "path": path,
        "text": str(path),
        "bytes": jpeg(0),
        "pil": Image.open(io.BytesIO(jpeg(0))),
    }[kind]
    found = filled.similar(query)
    assert list(found.columns) == SIMILAR
    assert set(ids(found)) == {1, 4, 5}
    order = list(zip(found["distance"], found["image_id"], strict=True))
    assert order == sorted(order)
    # A PIL image is decoded in full, a JPEG at a fraction: a bit or two may differ.
    assert found["distance"].iloc[0] <= (2 if kind == "pil" else 0)


def test_the_same_bytes_are_exact(filled):
    found = filled.similar(jpeg(0)).set_index("image_id")
    assert found.loc[1, "verdict"] == "exact"
    assert found.loc[4, "verdict"] != "exact"


def test_limit_and_radius(filled):
    assert ids(filled.similar(1, limit=1)) == [1]
    assert set(ids(filled.similar(1, radius=128))) == {1, 2, 3, 4, 5}
    assert ids(filled.similar(2, radius=0)) == [2]


@pytest.mark.parametrize("radius", [-1, 129, 3.5, "8", True])
def test_an_invalid_radius(filled, radius):
    with pytest.raises(InvalidRadius, match="0 to 128"):
        filled.similar(1, radius=radius)
    with pytest.raises(InvalidRadius, match="0 to 128"):
        filled.clusters(radius=radius)


def test_a_thorough_search_verifies(filled):
    assert "within 32 bits" in filled.clusters(thorough=True).attrs["plan"]
    with pytest.raises(QueryError, match="thorough"):
        filled.clusters(verify=False, thorough=True)


def test_queries_that_cannot_be(filled):
    with pytest.raises(UnknownImage, match="99"):
        filled.similar(99)
    with pytest.raises(SourceError, match="nowhere"):
        filled.similar("nowhere.jpg")
    with pytest.raises(ImageRejected):
        filled.similar(b"no picture")
    with pytest.raises(QueryError, match="dict"):
        filled.similar({})


def test_a_flat_picture_is_found_by_its_bytes_only(filled):
    with filled.original(6) as original:
        data = original.read()
    assert ids(filled.similar(data)) == [6]
    other = io.BytesIO()
    Image.new("RGB", (300, 200), (200, 20, 15)).save(other, "PNG")
    assert filled.similar(other.getvalue()).empty


def test_clusters_have_a_medoid_a_keeper_and_words(filled):
    frame = filled.clusters()
    assert list(frame.columns) == CLUSTER_FILES
    assert set(ids(frame)) == {1, 4, 5}
    assert frame["cluster_id"].tolist() == [0, 0, 0]
    assert frame["is_medoid"].tolist() == [True, False, False]
    assert frame["distance_to_medoid"].iloc[0] == 0
    assert frame.loc[frame["is_keeper"], "image_id"].tolist() == [1]
    assert frame["label"].str.len().gt(0).all()


def test_what_goes_with_a_frame_of_clusters_stays_small(wb):
    # pandas copies it with each frame that is made of this one.
    wb.catalog.run(users.add_user, "ann", "member", None)
    hashes = [fingerprint(number // 2).dhash for number in range(600)]
    prints = [
        fingerprint(number, dhash=hash_, informative=True, algorithm=ALGORITHM)
        for number, hash_ in enumerate(hashes)
    ]
    arrivals = [replace(arrival(n), fingerprint=found) for n, found in enumerate(prints)]
    wb.catalog.run(commands.add, arrivals)
    frame = wb.clusters(verify=False, progress=False)
    assert frame["cluster_id"].nunique() == 300
    assert frame["diameter"].tolist() == [0] * 600
    assert set(frame.attrs) == {"plan", "searched", "uninformative", "stale", "stale_files"}
    assert max(len(pickle.dumps(value)) for value in frame.attrs.values()) < 300


@pytest.mark.long
def test_an_order_of_arrival_does_not_change_the_clusters(tmp_path):
    pictures = [jpeg(0), recode(jpeg(0)), jpeg(1), recode(jpeg(1), 70), recode(jpeg(1), 90, 0.7)]
    partitions = []
    for order in ([0, 1, 2, 3, 4], [4, 2, 0, 3, 1]):
        with Workbench(Settings(root=tmp_path / str(order[0]))) as wb:
            for position in order:
                wb.upload(str(position), pictures[position])
            frame = wb.clusters()
            partitions.append(
                {frozenset(group) for _, group in frame.groupby("cluster_id")["filename"]}
            )
    assert partitions[0] == partitions[1] == {frozenset("01"), frozenset("234")}


def test_browse_is_repeatable_by_seed(filled):
    assert ids(filled.browse(4, seed=3)) == ids(filled.browse(4, seed=3))
    assert len({tuple(ids(filled.browse(4, seed=seed))) for seed in range(8)}) > 1
    assert ids(filled.browse(3, order="newest")) == [6, 5, 4]
    assert len(filled.browse(48)) == 6


def test_thumbnails_and_originals(filled):
    picture = Image.open(io.BytesIO(filled.thumbnail(1)))
    assert picture.format == "JPEG"
    assert picture.width <= 240
    assert picture.height <= 270
    assert filled.thumbnails([2, 1])[1] == filled.thumbnail(1)
    with filled.original(1) as original:
        assert original.read() == jpeg(0)
    with pytest.raises(UnknownImage, match="77"):
        filled.thumbnail(77)


def test_an_upload_says_what_became_of_it(wb):
    assert wb.upload("a.jpg", jpeg(0)).iloc[0]["status"] == "added"
    again = wb.upload("b.jpg", io.BytesIO(jpeg(0))).iloc[0]
    assert (again["status"], again["image_id"]) == ("duplicate", 1)
    bad = wb.upload("c.jpg", b"<html>").iloc[0]
    assert bad["status"] == "rejected"
    assert bad["reason"]


def test_an_upload_over_the_limit_is_not_read_whole(tmp_path):
    class Endless(io.RawIOBase):
        def read(self, size=-1):
            assert 0 <= size <= 2000
            return bytes(size)

    with Workbench(Settings(root=tmp_path, max_bytes=1000)) as wb:
        row = wb.upload("endless", Endless()).iloc[0]
        assert row["status"] == "rejected"
        assert "1,000" in row["reason"]


@pytest.mark.long
def test_forgetting_removes_only_the_last_holding(filled):
    filled.accounts.create("ada", "a long password")
    filled.upload("mine.jpg", jpeg(0), user="ada")
    with pytest.raises(NotAllowed):
        filled.forget(2, user="ada")
    assert not filled.forget(1, user="ada")
    assert set(ids(filled.similar(4))) == {1, 4, 5}
    digest = filled.images([1])["digest"].iloc[0]
    assert filled.forget(1)
    assert not filled.blobs.exists(digest)
    assert set(ids(filled.similar(4))) == {4, 5}
    with pytest.raises(UnknownImage):
        filled.thumbnail(1)
    assert filled.upload("back.jpg", jpeg(0)).iloc[0]["status"] == "added"
    assert filled.check(progress=False).empty


def test_a_restart_loses_nothing(tmp_path):
    with Workbench(Settings(root=tmp_path)) as wb:
        wb.upload("a", jpeg(0))
        wb.upload("b", recode(jpeg(0)))
        before = wb.similar(1), wb.clusters()
    with Workbench(Settings(root=tmp_path)) as wb:
        assert wb.similar(1).equals(before[0])
        assert wb.clusters().equals(before[1])
        assert wb.rebuild_index() == 2


@pytest.mark.long
def test_another_process_shows_up_in_the_next_search(filled, tmp_path):
    assert set(ids(filled.similar(2))) == {2}
    (tmp_path / "late.jpg").write_bytes(recode(jpeg(1), 50))
    filled.catalog.release()
    subprocess.run(
        [sys.executable, "-m", "imgurer_kernel", "--root", str(filled.settings.root), "ingest",
         str(tmp_path / "late.jpg")],
        check=True,
        capture_output=True,
    )  # fmt: skip
    assert set(ids(filled.similar(2))) == {2, 7}


def test_check_finds_and_mends(filled):
    rows = filled.images().set_index("image_id")["digest"]
    filled.blobs.path(rows[1]).chmod(0o644)
    filled.blobs.path(rows[1]).write_bytes(b"bit rot")
    found = filled.check(progress=False)
    assert found["problem"].tolist() == ["damaged original"]
    assert found["image_id"].tolist() == [1]
    assert not found["repaired"].any()


def test_check_brings_an_original_back_from_its_source(wb, tmp_path):
    (tmp_path / "a.jpg").write_bytes(jpeg(0))
    row = wb.ingest(tmp_path / "a.jpg", progress=False).iloc[0]
    wb.blobs.path(row["digest"]).unlink()
    found = wb.check(repair=True, progress=False)
    assert found["problem"].tolist() == ["missing original"]
    assert found["repaired"].all()
    assert wb.check(progress=False).empty


def test_check_takes_orphans_in_again(wb, monkeypatch):
    monkeypatch.setattr("imgurer_kernel.store.maintenance.check.SETTLED", 0.0)
    wb.blobs.put(jpeg(0))
    wb.blobs.put(b"not even a picture")
    found = wb.check(repair=True, progress=False)
    assert found["problem"].tolist() == ["orphan original"] * 2
    assert sorted(found["repaired"]) == [False, True]
    assert len(wb.images()) == 1


def test_statistics_count_what_is_there(filled):
    figures = filled.statistics()
    assert figures.images == 6
    assert figures.uninformative == 1
    assert figures.bytes == filled.images()["bytes"].sum()


def test_index_info_follows_the_catalog_and_the_settings(filled):
    info = filled.index_info()
    assert (info.images, info.informative) == (6, 5)
    assert info.generation == filled.catalog.run(generations.current)
    assert set(info.frame["radius"]) == {filled.settings.radius, 24}
    filled.forget(1)
    assert filled.index_info().images == 5
