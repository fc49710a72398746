"""Related pictures that are not duplicates: of a picture, and of a store."""

import pytest
from PIL import Image

from imgurer_kernel import Settings, Workbench
from tests.matching.test_judgement import IRELAND, ITALY, flag, photo, with_sticker
from tests.support.forms import rounds

COLUMNS = [
    "image_id",
    "other_id",
    "relation",
    "distance",
    "orientation",
    "score",
    "filename",
    "other_filename",
]


@pytest.fixture(scope="module")
def wb(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    flag(*IRELAND).save(folder / "ireland.png")
    flag(*ITALY).save(folder / "italy.png")
    flag(*ITALY).resize((240, 160), Image.Resampling.BOX).save(folder / "italy_small.png")
    photo(3).save(folder / "photo.png")
    with_sticker(photo(3)).save(folder / "sticker.png")
    photo(3).convert("L").save(folder / "gray.png")
    with Workbench(Settings(root=tmp_path_factory.mktemp("store"))) as opened:
        opened.ingest(folder, progress=False)
        yield opened


@pytest.mark.long
def test_clusters_join_what_is_the_same_and_no_more(wb):
    found = wb.clusters(progress=False)
    groups = found.groupby("cluster_id")["filename"].agg(set).tolist()
    assert {"italy.png", "italy_small.png"} in groups
    assert {"photo.png", "sticker.png", "gray.png"} in groups
    assert len(groups) == 2


def test_related_pairs_of_a_store(wb):
    found = wb.related(progress=False)
    assert found.columns.tolist() == COLUMNS
    assert set(found["relation"]) == {"colour variant"}
    pairs = {frozenset(pair) for pair in found[["filename", "other_filename"]].to_numpy().tolist()}
    assert frozenset(("ireland.png", "italy.png")) in pairs
    assert (found["image_id"] < found["other_id"]).all()


def test_what_is_related_to_one_picture(wb):
    ids = wb.images().set_index("filename")["image_id"]
    found = wb.related(int(ids["ireland.png"]), progress=False)
    assert set(found["filename"]) == {"italy.png", "italy_small.png"}
    assert set(found["relation"]) == {"colour variant"}
    assert wb.related(int(ids["photo.png"]), progress=False).empty


@pytest.mark.long
def test_evidence_search_and_clusters_say_the_same(wb):
    ids = wb.images().set_index("filename")["image_id"].astype(int)
    for one in ids[:: rounds(2, 1)]:
        similar = wb.similar(one).set_index("image_id")["verdict"]
        for other in ids:
            if other in similar.index and other != one:
                said = wb.evidence(one, other)
                assert said.duplicate == wb.evidence(other, one).duplicate
                near = similar[other] not in {"unverified", "colour variant"}
                assert said.duplicate == near


def test_evidence_says_with_what_a_copy_was_edited(wb):
    ids = wb.images().set_index("filename")["image_id"].astype(int)
    gray = wb.evidence(ids["photo.png"], ids["gray.png"])
    assert (gray.label, gray.detail) == ("edited", "gray")
    covered = wb.evidence(ids["photo.png"], ids["sticker.png"])
    assert covered.label == "edited"
    assert "covered at the lower right" in covered.detail
    assert wb.evidence(ids["italy.png"], ids["ireland.png"]).label == "colour variant"
