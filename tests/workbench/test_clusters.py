"""Clusters of a store: repeated, after changes, and during changes by others."""

import io

import numpy as np
import pytest
from PIL import Image

from imgurer_kernel import Settings, Workbench
from imgurer_kernel.errors import UnknownImage
from imgurer_kernel.store.catalog import queries
from imgurer_kernel.workbench.pictures.image_loader import ImageLoader
from tests.support.copies import framed
from tests.support.forms import thinned
from tests.support.pictures import jpeg
from tests.workbench.test_workbench import recode


@pytest.fixture
def reads(monkeypatch):
    """The ids of the pictures and thumbnails that are read."""
    found = {"verification": [], "thumbnails": []}
    for name, ids in found.items():
        before = getattr(ImageLoader, name)

        def counted(self, image_ids, *digests, before=before, ids=ids):
            ids.extend(image_ids.tolist())
            return before(self, image_ids, *digests)

        monkeypatch.setattr(ImageLoader, name, counted)
    return found["verification"]


def fill(wb):
    """Images 1..6: three pictures, and a copy of each."""
    for seed in range(3):
        wb.upload(f"{seed}.jpg", jpeg(seed))
        wb.upload(f"{seed} again.jpg", recode(jpeg(seed)))


@pytest.fixture
def wb(new_store, reads):
    return new_store(fill)


def groups(wb, **options):
    frame = wb.clusters(progress=False, **options)
    return {frozenset(group) for _, group in frame.groupby("cluster_id")["image_id"]}


PAIRS = {frozenset({1, 2}), frozenset({3, 4}), frozenset({5, 6})}


@pytest.mark.long
def test_a_second_search_reads_no_picture(wb, reads):
    first = wb.clusters(progress=False)
    assert set(reads) == {1, 2, 3, 4, 5, 6}
    reads.clear()
    told = []
    again = wb.clusters(progress=lambda *what: told.append(what))
    assert reads == []
    assert told == []
    assert again.equals(first)
    assert again.attrs == first.attrs


@pytest.mark.long
def test_another_holding_of_the_same_picture_is_nothing_new(wb, reads):
    wb.clusters(progress=False)
    reads.clear()
    wb.accounts.create("ann", "a long password")
    wb.upload("mine.jpg", jpeg(1), "ann")
    assert groups(wb) == PAIRS
    assert reads == []


@pytest.mark.long
def test_a_new_picture_costs_what_is_near_it(wb, reads):
    wb.clusters(progress=False)
    reads.clear()
    wb.upload("1 small.jpg", recode(jpeg(1), 80, 0.6))
    assert groups(wb) == PAIRS - {frozenset({3, 4})} | {frozenset({3, 4, 7})}
    assert set(reads) <= {3, 4, 7}
    reads.clear()
    wb.upload("stranger.jpg", jpeg(9))
    assert len(groups(wb)) == 3
    assert set(reads) == {8}


@pytest.mark.long
def test_words_and_borders_are_the_same_as_in_a_new_process(wb):
    wb.clusters(progress=False)
    wb.upload("1 small.jpg", recode(jpeg(1), 80, 0.6))
    followed = wb.clusters(progress=False)
    with Workbench(wb.settings) as other:
        anew = other.clusters(progress=False)
    assert followed.drop(columns="score").equals(anew.drop(columns="score"))
    assert followed["score"].tolist() == pytest.approx(anew["score"].tolist(), abs=1e-5)


@pytest.mark.long
def test_forgetting_takes_effect(wb, reads):
    wb.clusters(progress=False)
    reads.clear()
    wb.forget(3)
    assert groups(wb) == PAIRS - {frozenset({3, 4})}
    assert reads == []


@pytest.mark.long
def test_images_can_be_left_out_of_one_answer(wb, reads):
    """As the clusters of a store that never had them; the next answer has them again."""
    wb.upload("1 small.jpg", recode(jpeg(1), 80, 0.6))
    everything = wb.clusters(progress=False)
    reads.clear()
    for without, expected in (
        ([3], PAIRS - {frozenset({3, 4})} | {frozenset({4, 7})}),
        ([3, 7, 1, 99], {frozenset({5, 6})}),
        ([99], PAIRS - {frozenset({3, 4})} | {frozenset({3, 4, 7})}),
    ):
        search = wb._search
        hashes = search.index.hashes()
        found = search.cluster_service.find(
            hashes,
            wb.catalog.run(queries.digest_ranks),
            None,
            thorough=False,
            progress=lambda *_: None,
            without=np.array(without),
        )
        assert {frozenset(cluster.members.tolist()) for cluster in found.clusters} == expected
    assert wb.clusters(progress=False).equals(everything)


@pytest.mark.long
def test_what_was_stopped_is_done_the_next_time(wb):
    def stop(done, total):
        if total and done == total:
            raise KeyboardInterrupt

    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            wb.clusters(progress=stop)
    assert groups(wb) == PAIRS
    wb.upload("1 small.jpg", recode(jpeg(1), 80, 0.6))
    with pytest.raises(KeyboardInterrupt):
        wb.clusters(progress=stop)
    assert frozenset({3, 4, 7}) in groups(wb)


def test_each_kind_of_search_has_its_own_answer(wb):
    assert groups(wb) == PAIRS
    assert groups(wb, radius=0) <= PAIRS
    assert groups(wb, thorough=True) == PAIRS
    assert groups(wb) == PAIRS
    assert "within 0 bits" in wb.clusters(radius=0, progress=False).attrs["plan"]


def test_an_image_that_is_forgotten_meanwhile_is_left_out(wb, monkeypatch):
    before = ImageLoader.verification

    def forgetting(self, image_ids):
        monkeypatch.setattr(ImageLoader, "verification", before)
        wb.forget(4)
        return before(self, image_ids)

    monkeypatch.setattr(ImageLoader, "verification", forgetting)
    assert groups(wb) == PAIRS - {frozenset({3, 4})}


def test_a_picture_that_is_missing_in_the_catalog_is_an_error(wb):
    wb.catalog.run(
        lambda connection: connection.execute("DELETE FROM verification WHERE image_id = 4")
    )
    with pytest.raises(UnknownImage, match="4"):
        wb.clusters(progress=False)


@pytest.mark.parametrize("copies_first", thinned([True, False], 2))
def test_no_framed_copy_is_the_best_however_large(tmp_path, copies_first):
    data = jpeg(7, 320, 240)
    picture = Image.open(io.BytesIO(data))
    width, height = picture.size
    files = [("plain.jpg", data)]
    for name, thick in (("framed.png", (0.1, 0.1)), ("letterboxed.png", (0, 0.12))):
        out = io.BytesIO()
        framed(picture, *thick, *thick).save(out, "PNG")
        files.append((name, out.getvalue()))
    with Workbench(Settings(root=tmp_path / "store")) as wb:
        for name, data in files[:: -1 if copies_first else 1]:
            wb.upload(name, data)
            frame = wb.clusters(progress=False)
        assert len(frame) == 3
        kept = frame[frame["is_keeper"]]
        assert kept["filename"].tolist() == ["plain.jpg"]
        assert (frame["bytes"] >= int(kept["bytes"].iloc[0])).all()
        # Nor is an enlargement in a frame, though it shows more pixels.
        large = framed(picture.resize((2 * width, 2 * height)), 0.1, 0.1, 0.1, 0.1)
        out = io.BytesIO()
        large.save(out, "JPEG")
        wb.upload("large.jpg", out.getvalue())
        by_image, frame = (wb.clusters(by=by, progress=False) for by in ("image", "file"))
        for each in (by_image, frame, wb.queue(frame, progress=False)):
            assert each.loc[each["is_keeper"], "filename"].tolist() == ["plain.jpg"]
