"""Catalogs of another version: fingerprints are recomputed before they are compared."""

import pytest

from imgurer_kernel import Settings, Workbench
from imgurer_kernel.errors import QueryError
from imgurer_kernel.fingerprint.extract import ALGORITHM
from imgurer_kernel.store.catalog import fingerprints, generations, queries
from imgurer_kernel.store.maintenance import rehash
from tests.support.pictures import jpeg
from tests.workbench.test_workbench import recode


def fill(wb):
    """Five pictures, the last a copy of the first, with fingerprints that mean nothing today."""
    for seed in range(4):
        wb.upload(f"{seed}.jpg", jpeg(seed))
    wb.upload("0 again.jpg", recode(jpeg(0)))
    wb.clusters(progress=False)
    age(wb)


@pytest.fixture
def wb(new_store):
    return new_store(fill, workers=2)


def age(wb):
    """Set the catalog back to an algorithm whose hashes, grays and flatness are all others."""

    def work(connection):
        connection.execute(
            "UPDATE images SET algorithm = 'older-0', dhash_row = 1, dhash_col = 1, "
            "trimmed_row = 1, trimmed_col = 1, informative = image_id <> 2, "
            "grays = repeat('0', 81)::BLOB, "
            "generation = (SELECT generation + 1 FROM generation)"
        )
        connection.execute("UPDATE verification SET grays = repeat('0', 4096)::BLOB")
        connection.execute("UPDATE generation SET generation = generation + 1")

    wb.catalog.run(work)


def original(wb, image_id):
    digest = wb.images([image_id])["digest"][0]
    return wb.blobs.root / "blobs" / digest[:2] / digest[2:4] / digest


def members(frame):
    return sorted(set(frame["image_id"]))


@pytest.mark.long
@pytest.mark.parametrize("verify", [True, False])
def test_clusters_are_those_of_a_new_catalog(wb, tmp_path, verify):
    assert members(wb.clusters(verify=verify, progress=False)) == [1, 5]
    assert set(wb.images()["algorithm"]) == {ALGORITHM}
    with Workbench(Settings(root=tmp_path / "new")) as new:
        for seed in range(4):
            new.upload(f"{seed}.jpg", jpeg(seed))
        ids = [1, 2, 3, 4]
        assert wb.images(ids)["dhash"].tolist() == new.images()["dhash"].tolist()
        assert (wb.catalog.run(queries.grays, ids) == new.catalog.run(queries.grays, ids)).all()
        assert (
            wb.catalog.run(queries.verification, ids) == new.catalog.run(queries.verification, ids)
        ).all()
        assert wb.images(ids)["informative"].all()


@pytest.mark.parametrize("verify", [True, False])
def test_a_search_refreshes_first(wb, verify):
    assert wb.similar(1, verify=verify, radius=10)["image_id"].tolist() == [1, 5]


def test_evidence_refreshes_first(wb):
    assert wb.evidence(1, 5).duplicate


def test_clusters_of_earlier_fingerprints_are_not_reused(wb):
    """The answer of the fixture knows these ids, with fingerprints of before."""
    wb.clusters(progress=False)
    age(wb)
    original(wb, 5).unlink()
    assert wb.clusters(progress=False).empty


def test_it_can_be_stopped_and_goes_on_where_it_was(wb, monkeypatch):
    monkeypatch.setattr(rehash, "BATCH", 2)
    told = []

    def note(done, total):
        if told[-1:] != [(done, total)]:  # it is told the same again while it waits
            told.append((done, total))

    def stop(done, total):
        note(done, total)
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        wb.clusters(progress=stop)
    assert told == [(0, 5), (2, 5)]
    assert (wb.images()["algorithm"] == ALGORITHM).sum() == 2
    told.clear()
    wb.clusters(progress=note)
    assert told[:3] == [(0, 3), (2, 3), (3, 3)]


def test_without_its_original_an_image_takes_no_part_and_is_said_to(wb):
    original(wb, 5).unlink()
    frame = wb.clusters(progress=False)
    assert frame.empty
    assert frame.attrs["stale"] == 1
    assert frame.attrs["uninformative"] == 0
    assert wb.similar(1)["image_id"].tolist() == [1]
    with pytest.raises(QueryError, match=r"image 5.*'older-0'.*check\(repair=True\)"):
        wb.similar(5)


def test_an_original_that_does_not_come_back_is_tried_once(wb, monkeypatch):
    original(wb, 5).unlink()
    wb.clusters(progress=False)
    tried = []
    monkeypatch.setattr(wb.store.decoders, "fingerprint", lambda *a, **k: tried.append(a))
    assert wb.clusters(progress=False).attrs["stale"] == 1
    assert tried == []


def test_check_finds_and_mends(wb, tmp_path):
    frame = wb.check(progress=False)
    assert frame["problem"].tolist() == ["stale fingerprint"] * 5
    assert not frame["repaired"].any()
    assert (wb.images()["algorithm"] == "older-0").all()
    original(wb, 5).unlink()
    assert wb.clusters(progress=False).attrs["stale"] == 1
    (tmp_path / "5.jpg").write_bytes(recode(jpeg(0)))
    wb.ingest(tmp_path / "5.jpg", progress=False)
    frame = wb.check(repair=True, progress=False)
    assert frame["problem"].tolist() == ["stale fingerprint"]
    assert frame["repaired"].all()
    assert wb.check(progress=False).empty
    assert members(wb.clusters(progress=False)) == [1, 5]


def test_images_that_are_gone_are_passed_over(wb):
    found = wb.catalog.run(fingerprints.load, 1)[1]
    before = wb.catalog.run(generations.current)
    wb.catalog.run(fingerprints.replace, {77: found})
    assert wb.catalog.run(generations.current) == before
    assert wb.images()["image_id"].tolist() == [1, 2, 3, 4, 5]


def test_nothing_stale_is_nothing_to_do(wb):
    wb.clusters(progress=False)
    before = wb.catalog.run(generations.current)
    wb.clusters(progress=False)
    assert wb.catalog.run(generations.current) == before
