"""Animations, pages and damage through the workbench: distinguished, reported, stored, renewed."""

import shutil

import duckdb
import numpy as np
import pandas as pd
import pytest

from imgurer_kernel import Settings, Workbench
from imgurer_kernel.fingerprint.extract import ALGORITHM
from imgurer_kernel.matching import representatives
from imgurer_kernel.store.catalog import Catalog, fingerprints, generations, schema
from imgurer_kernel.workbench.pictures.live_index import LiveIndex
from tests.fingerprint.test_animation import saved, scenes
from tests.fingerprint.test_damage import out_of_step
from tests.support.forms import rounds
from tests.support.pictures import encode, scene

SIZE = (240, 180)


def film(*seeds, kind="GIF", size=SIZE, **options):
    frames = [frame.resize(size) for frame in scenes(*seeds, size=SIZE)]
    return saved(frames, kind, **options)


FILES = {
    "still.png": encode(scene(1, *SIZE), "PNG"),
    "still.jpg": encode(scene(1, *SIZE), quality=80),
    "a.gif": film(1, 2, 3),
    "a.webp": film(1, 2, 3, kind="WEBP", quality=80),
    "a small.gif": film(1, 2, 3, size=(120, 90)),
    "b.gif": film(1, 4, 5),
    "c.webp": film(1, 6, 7, 8, kind="WEBP"),
    "pages.tif": film(1, 9, 10, kind="TIFF"),
}
"""All begin alike; those with one letter are copies of each other."""


@pytest.fixture(scope="module")
def wb(tmp_path_factory):
    with Workbench(Settings(root=tmp_path_factory.mktemp("store"), workers=2)) as wb:
        for name, data in FILES.items():
            wb.upload(name, data)
        yield wb


def together(frame):
    return {frozenset(part["filename"]) for _, part in frame.groupby("cluster_id")}


@pytest.mark.long
@pytest.mark.parametrize("thorough", [False, True])
def test_only_those_with_the_same_frames_are_in_one_cluster(wb, thorough):
    assert together(wb.clusters(thorough=thorough, progress=False)) == {
        frozenset({"still.png", "still.jpg"}),
        frozenset({"a.gif", "a.webp", "a small.gif"}),
    }


def test_a_search_calls_the_others_same_cover(wb):
    for name in list(FILES)[:: rounds(2, 1)]:
        found = wb.similar(FILES[name]).set_index("filename")["verdict"]
        letter = name[0]
        for other, verdict in found.items():
            assert (verdict == "same cover") == (other[0] != letter), (name, other, verdict)
        assert set(found.index) == set(FILES)


def test_evidence_is_not_a_duplicate(wb):
    ids = dict(zip(wb.images()["filename"], wb.images()["image_id"], strict=True))
    found = wb.evidence(ids["a.gif"], ids["b.gif"])
    assert (found.label, found.duplicate) == ("same cover", False)
    assert found.score > 0.9
    assert wb.evidence(ids["a.gif"], ids["a.webp"]).duplicate
    assert not wb.evidence(ids["still.jpg"], ids["a.webp"]).duplicate
    assert "first page or frame" in wb.explain(ids["a.gif"], ids["b.gif"]).headline


def test_facts_of_frames_are_shown(wb):
    frame = wb.images().set_index("filename")
    assert frame.loc["a.gif", ["frames", "duration_ms"]].tolist() == [3, 300]
    assert frame.loc["still.jpg", ["frames", "duration_ms"]].tolist() == [1, 0]
    assert not frame["damaged"].any()


@pytest.mark.long
def test_many_with_one_first_frame_do_not_stand_for_each_other(tmp_path, monkeypatch):
    """More than are compared one by one: a copy is found among them still.

    The long form has as many as that takes; the short one has few, and lowers the limit.
    """
    few = rounds(5, representatives.MAX_DUPLICATES)
    monkeypatch.setattr(representatives, "MAX_DUPLICATES", few)
    small = (64, 48)
    with Workbench(Settings(root=tmp_path / "store", workers=2)) as wb:
        folder = tmp_path / "films"
        folder.mkdir()
        for seed in rounds(range(26, 33), range(2, 42)):
            (folder / f"{seed}.gif").write_bytes(film(1, seed, size=small))
        (folder / "copy.webp").write_bytes(film(1, 30, kind="WEBP", size=small, lossless=True))
        wb.ingest(folder, progress=False)
        assert together(wb.clusters(progress=False)) == {frozenset({"30.gif", "copy.webp"})}


@pytest.mark.long
def test_what_comes_and_goes_later(tmp_path):
    with Workbench(Settings(root=tmp_path / "store", workers=2)) as wb:
        wb.upload("a.gif", FILES["a.gif"])
        assert wb.clusters(progress=False).empty
        wb.upload("b.gif", FILES["b.gif"])
        assert wb.clusters(progress=False).empty
        wb.upload("a.webp", FILES["a.webp"])
        assert together(wb.clusters(progress=False)) == {frozenset({"a.gif", "a.webp"})}
        [image_id] = wb.images().loc[wb.images()["filename"] == "a.webp", "image_id"]
        before = wb.catalog.run(fingerprints.load, image_id)
        wb.forget(image_id)
        assert wb.clusters(progress=False).empty
        wb.trash.restore(wb.trash.list()["file_id"])
        assert wb.catalog.run(fingerprints.load, image_id) == before
        assert together(wb.clusters(progress=False)) == {frozenset({"a.gif", "a.webp"})}
        # An index that followed all that knows the same as one that is new.
        fresh = LiveIndex(wb.catalog, ALGORITHM).hashes()
        assert wb._search.index.hashes().identity == fresh.identity
        assert fresh.frames.image_ids.tolist() == [1, 2, 3]


# ---- damage


def test_damage_is_told_when_a_file_is_ingested_and_later(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    whole = encode(scene(3), quality=85)
    damaged = list(out_of_step(whole))
    (folder / "whole.jpg").write_bytes(whole)
    for k, data in enumerate(damaged):
        (folder / f"damaged {k}.jpg").write_bytes(data)
    with Workbench(Settings(root=tmp_path / "store")) as wb:
        taken = wb.ingest(folder, progress=False)
        assert set(taken["status"]) == {"added"}
        is_damaged = taken["source"].str.contains("damaged ")
        assert (taken["reason"].str.startswith("damaged: the data") == is_damaged).all()
        assert (taken.loc[~is_damaged, "reason"] == "").all()
        for frame in (wb.images(), wb.files()):
            named = frame["filename"].str.startswith("damaged")
            assert (frame["damaged"] == named).all()
            assert frame.loc[named, "damage"].str.startswith("the data").all()
            assert frame.loc[~named, "damage"].isna().all()


# ---- catalogs of before


def aged(root, old_root, monkeypatch):
    """A store as the version before frames were looked at has left it, with the same files."""
    every = schema.migrations
    monkeypatch.setattr(schema, "migrations", lambda: every()[:4])
    with Catalog(old_root) as catalog:
        path = catalog.path
        catalog.run(generations.current)
    monkeypatch.undo()
    # Only then: a catalog is not begun beside originals that had one.
    not_derived = shutil.ignore_patterns("catalog*", "clusters", "snapshots")
    shutil.copytree(root, old_root, ignore=not_derived, dirs_exist_ok=True)
    with duckdb.connect(path) as connection:
        connection.execute(f"ATTACH '{root / path.name}' AS newer (READ_ONLY)")
        for table in ("users", "images", "verification", "files", "generation"):
            known = connection.execute(f"SELECT * FROM {table} LIMIT 0").fetchnumpy()
            names = ", ".join(f'"{name}"' for name in known)
            connection.execute(f"DELETE FROM {table}")
            connection.execute(f"INSERT INTO {table} BY NAME SELECT {names} FROM newer.{table}")
        connection.execute("UPDATE images SET algorithm = 'dhash-128-lanczos-2'")


@pytest.mark.long
def test_a_catalog_of_before_is_renewed_when_it_is_searched(tmp_path, monkeypatch):
    with Workbench(Settings(root=tmp_path / "new", workers=2)) as wb:
        for name in ("a.gif", "b.gif", "a.webp"):
            wb.upload(name, FILES[name])
        expected = wb.images()
    aged(tmp_path / "new", tmp_path / "old", monkeypatch)
    with Workbench(Settings(root=tmp_path / "old", workers=2)) as wb:
        assert wb.images()["duration_ms"].tolist() == [0] * 3
        assert wb.forget(3) is not None
        wb.trash.restore(wb.trash.list()["file_id"])
        assert wb.images()["algorithm"].tolist() == ["dhash-128-lanczos-2"] * 3
        assert together(wb.clusters(progress=False)) == {frozenset({"a.gif", "a.webp"})}
        pd.testing.assert_frame_equal(wb.images(), expected)


def test_changes_name_the_animations_only(tmp_path):
    with Workbench(Settings(root=tmp_path / "store", workers=2)) as wb:
        for name in ("still.png", "a.gif", "b.gif"):
            wb.upload(name, FILES[name])
        found = wb.catalog.run(generations.changes, 0).frames
        assert found.image_ids.tolist() == [2, 3]
        keys = found.of(np.array([1, 3, 7]))
        assert keys.any(axis=1).tolist() == [False, True, False]
        assert (keys[1] == found.keys[1]).all()
