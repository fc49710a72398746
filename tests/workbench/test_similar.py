"""Verified searches: copies of every kind, and unusual shapes."""

import io
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from imgurer_kernel import Settings, Workbench
from imgurer_kernel.fingerprint.hashes.dhash import ORIENTATIONS
from imgurer_kernel.matching.affine import INVERSE_ORIENTATION, compose
from imgurer_kernel.matching.clusters.solver import StarSolver
from imgurer_kernel.matching.relation import NO_DUPLICATE
from tests.support.catalogs import saved
from tests.support.copies import cropped, framed, picture, recoded
from tests.support.forms import rounds, thinned

CORPUS = Path(os.environ.get("IMGURER_CORPUS") or Path(__file__).parents[3] / "shared" / "corpus")
"""Photos beside the repository, unless the environment names another place."""

WHOLE = picture(90)
COPIES = {
    "re-encoded": recoded(WHOLE),
    "cropped": cropped(WHOLE, 0.04, 0.03, 0.04, 0.03),
    "framed": framed(WHOLE, 0.1, 0.1, 0.1, 0.1),
    "mirrored": WHOLE.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
    "turned": WHOLE.transpose(Image.Transpose.ROTATE_90),
    "gray": WHOLE.convert("L"),
    "palette": WHOLE.quantize(64),
}


QUERIES = ["framed", "cropped", "turned", "re-encoded", "whole", "mirrored", "palette", "gray"]


@pytest.fixture(scope="module")
def wb(tmp_path_factory):
    """The whole, its copies, and strangers of strange shapes."""
    with Workbench(Settings(root=tmp_path_factory.mktemp("matching"))) as wb:
        wb.upload("whole", saved(WHOLE))
        for name, image in COPIES.items():
            wb.upload(name, saved(image))
        for name, data in strange().items():
            row = wb.upload(name, data)
            assert row["status"].tolist() == ["added"], name
        yield wb


def strange():
    """Unusual pictures on which other programs fail."""
    random = np.random.default_rng(4)
    long = random.integers(0, 256, (10, 30_000), np.uint8)
    other = random.integers(0, 256, (10, 30_000), np.uint8)
    frames = [picture(95).resize((120, 90)), picture(96).resize((120, 90))]
    moving = io.BytesIO()
    frames[0].save(moving, "GIF", save_all=True, append_images=frames[1:])
    return {
        "dot": saved(Image.new("RGB", (1, 1), "red")),
        "other dot": saved(Image.new("RGB", (1, 1), "blue")),
        "long": saved(Image.fromarray(long)),
        "other long": saved(Image.fromarray(other)),
        "tall": saved(Image.fromarray(np.ascontiguousarray(other.T[:, ::-1] // 2 + 60))),
        "flat": saved(Image.new("L", (500, 400), 200)),
        "other flat": saved(Image.new("L", (500, 400), 201)),
        "still": saved(frames[0]),
        "moving": moving.getvalue(),
    }


@pytest.mark.parametrize("query", thinned(QUERIES, 8))
def test_similar_of_each_copy_finds_all_other_copies(wb, query):
    ids = dict(zip(wb.images()["filename"], wb.images()["image_id"].tolist(), strict=True))
    found = wb.similar(ids[query]).set_index("filename")["verdict"].to_dict()
    assert found.pop(query) == "exact"
    missing = {"whole", *COPIES} - {query} - {n for n, v in found.items() if v != "unverified"}
    # Turned copies are searched for from whole pictures only, not from framed ones.
    assert missing <= {"framed"} | ({"mirrored", "turned"} if query == "framed" else set())
    assert not found.keys() & strange().keys()


def test_the_orientation_is_named(wb):
    found = wb.similar(1).set_index("filename")["orientation"]
    assert found["mirrored"] == "mirrored"
    assert found["re-encoded"] == "upright"
    assert found["turned"] not in {"upright", "mirrored"}


def test_clusters_have_all_copies_and_no_other_pictures(wb):
    frame = wb.clusters(progress=False)
    groups = [set(group) for _, group in frame.groupby("cluster_id")["filename"]]
    assert {"whole", *COPIES} in groups
    assert len(groups) == 1
    assert frame.attrs["uninformative"] == (~wb.images()["informative"]).sum() >= 4


@pytest.mark.parametrize("name", thinned(strange(), 2))
def test_an_unusual_picture_is_found_by_itself_alone(wb, name):
    found = wb.similar(strange()[name])
    assert found.loc[found["distance"] == 0, "filename"].tolist()[:1]
    exact = found.loc[found["verdict"] == "exact", "filename"].tolist()
    assert exact == [name]
    others = set(found["filename"]) - {name}
    assert others <= {"still": {"moving"}, "moving": {"still"}}.get(name, set())


@pytest.mark.long
def test_evidence_for_strange_pairs(wb):
    ids = dict(zip(wb.images()["filename"], wb.images()["image_id"].tolist(), strict=True))
    for one, other in (("dot", "other dot"), ("flat", "other flat"), ("long", "tall")):
        assert not wb.evidence(ids[one], ids[other]).duplicate
    assert wb.evidence(ids["still"], ids["moving"]).label == "same cover"
    assert wb.evidence(ids["gray"], ids["whole"]).duplicate


@pytest.mark.long
def test_evidence_is_the_same_in_both_directions(wb):
    for other in range(2, 2 + len(COPIES), rounds(2, 1)):
        there, back = wb.evidence(1, other), wb.evidence(other, 1)
        assert (there.label, there.score, there.distance) == (back.label, back.score, back.distance)
        assert (there.first, there.second, back.first, back.second) == (0, 1, 0, 1)
        there_and_back = compose(np.array([there.transform]), np.array([back.transform]))
        assert there_and_back[0] == pytest.approx([1, 0, 0, 0, 1, 0], abs=1e-9)
        one, two = ORIENTATIONS.index(there.orientation), ORIENTATIONS.index(back.orientation)
        assert INVERSE_ORIENTATION[one] == two
        assert 0 < back.overlap <= 1


def test_neither_a_query_nor_a_pair_needs_the_solver_of_clusters(wb, monkeypatch):
    def refuse(*_):
        raise AssertionError

    monkeypatch.setattr(StarSolver, "__init__", refuse)
    assert {"whole", *COPIES} <= set(wb.similar(1)["filename"])
    assert wb.evidence(1, 2).duplicate


# ---- the same as clusters -----------------------------------------------------------------------


FAMILIES = rounds(1, 3)


def fill_with_edits(wb):
    """Families of copies that are near each other by windows, spots or intermediates only."""
    for seed in range(FAMILIES):
        whole = picture(110 + seed)
        edits = {
            "whole": whole,
            "half": whole.resize((180, 135)),
            "side": cropped(whole, 0.2, 0, 0, 0),
            "other side": cropped(whole, 0, 0, 0, 0.28),
            "middle": cropped(whole, 0.12, 0, 0.13, 0),
            "part": cropped(whole, 0.17, 0.1, 0.08, 0.15),
            "turned": whole.rotate(6, Image.Resampling.BICUBIC, expand=True),
            "mirrored part": ImageOps.mirror(cropped(whole, 0.1, 0.15, 0.1, 0.05)),
            "negative": ImageOps.invert(whole),
            "framed": framed(whole, 0.1, 0.12, 0.1, 0.12),
        }
        for name, image in edits.items():
            wb.upload(f"{seed} {name}", saved(image))
    for seed in range(rounds(2, 8)):
        wb.upload(f"stranger {seed}", saved(picture(130 + seed)))


PHOTO_EDITS = {
    "half": lambda whole: whole.resize((whole.width // 2, whole.height // 2)),
    "side": lambda whole: cropped(whole, 0, 0, 0.25, 0),
    "part": lambda whole: cropped(whole, 0.1, 0.2, 0.15, 0),
    "turned": lambda whole: whole.rotate(8, Image.Resampling.BICUBIC, expand=True),
    "mirrored part": lambda whole: ImageOps.mirror(cropped(whole, 0.1, 0.1, 0.1, 0.1)),
    "framed": lambda whole: framed(whole, 0.1, 0.1, 0.1, 0.1),
}


def duplicates(frame):
    return set(frame.loc[~frame["verdict"].isin([*NO_DUPLICATE, "unverified"]), "image_id"])


def disagreements(clusters, found, names):
    """Pairs of a medoid and a member of which `similar` does not find the one from the other.

    `found` has the duplicates that each image of a cluster finds.
    """
    missing = []
    for _, members in clusters.groupby("cluster_id"):
        [medoid] = set(members.loc[members["is_medoid"], "image_id"])
        for member in set(members["image_id"]) - {medoid}:
            if member not in found[medoid]:
                missing.append((names[medoid], names[member]))
            if medoid not in found[member]:
                missing.append((names[member], names[medoid]))
    return missing


def searched(wb, clusters):
    """Names of images, and the duplicates that each image of a cluster finds."""
    images = wb.images()
    names = dict(zip(images["image_id"], images["filename"], strict=True))
    return names, {each: duplicates(wb.similar(each)) for each in set(clusters["image_id"])}


@pytest.mark.long  # in the short form fewer copies are asked in all ways (test_one_answer.py)
def test_similar_finds_what_clusters_joins(new_store):
    """Every member is found from the medoid of its cluster, and that from every member."""
    wb = new_store(fill_with_edits)
    clusters = wb.clusters(progress=False)
    assert clusters["cluster_id"].nunique() == FAMILIES
    assert len(clusters) >= 9 * FAMILIES
    names, found = searched(wb, clusters)
    assert disagreements(clusters, found, names) == []
    strange = {k for k, name in names.items() if name.startswith("stranger")}
    assert strange
    assert not strange & set().union(*found.values())


@pytest.mark.long
@pytest.mark.skipif(not CORPUS.exists(), reason="no folder of photos beside the repository")
def test_similar_finds_what_clusters_joins_among_photos(new_store):
    wb = new_store()
    photos = sorted(CORPUS.glob("photos/*/*"))
    for number, path in enumerate(photos[::4]):
        with Image.open(path) as image:
            whole = image.convert("RGB")
        wb.upload(path.name, path.read_bytes())
        if number % 4 == 0:
            for name, edit in PHOTO_EDITS.items():
                wb.upload(f"{path.name} {name}", saved(edit(whole), "JPEG"))
    clusters = wb.clusters(progress=False)
    names, found = searched(wb, clusters)
    missing = disagreements(clusters, found, names)
    # By way of two pictures rather than one a search for clusters may get farther.
    assert len(missing) <= 0.005 * 2 * len(clusters), missing


@pytest.mark.long
def test_windows_and_intermediates_find_without_clusters(new_store):
    """Nothing has made spots yet; a file finds what its image would."""
    wb = new_store(fill_with_edits)
    whole, ids = (
        picture(110),
        dict(zip(wb.images()["filename"], wb.images()["image_id"], strict=True)),
    )
    for query in (saved(whole), ids["0 whole"]):
        found = duplicates(wb.similar(query))
        assert {ids[f"0 {name}"] for name in ("side", "other side", "middle", "negative")} <= found
    # Windows of what is stored, and not only those of the query.
    assert ids["0 whole"] in duplicates(wb.similar(saved(cropped(whole, 0, 0.18, 0, 0))))


def test_a_negative_is_called_edited(new_store):
    wb = new_store(fill_with_edits)
    ids = dict(zip(wb.images()["filename"], wb.images()["image_id"], strict=True))
    found = wb.similar(ids["0 whole"]).set_index("image_id")["verdict"]
    assert found[ids["0 negative"]] == "edited"
