"""Searching with a look at the pictures: copies of every kind, and strange shapes."""

import io

import numpy as np
import pytest
from PIL import Image

from imgurer_kernel import Settings, Workbench
from imgurer_kernel.fingerprint.hashes.dhash import ORIENTATIONS
from imgurer_kernel.matching.affine import INVERSE_ORIENTATION, compose
from imgurer_kernel.matching.clusters.solver import StarSolver
from tests.support.catalogs import saved
from tests.support.copies import cropped, framed, picture, recoded

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
    """Pictures that other programs trip over."""
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


@pytest.mark.parametrize("query", ["whole", *COPIES])
def test_every_copy_finds_every_other(wb, query):
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


def test_clusters_take_in_all_copies_and_no_strangers(wb):
    frame = wb.clusters(progress=False)
    groups = [set(group) for _, group in frame.groupby("cluster_id")["filename"]]
    assert {"whole", *COPIES} in groups
    assert len(groups) == 1
    assert frame.attrs["uninformative"] == (~wb.images()["informative"]).sum() >= 4


@pytest.mark.parametrize("name", strange())
def test_what_is_strange_finds_itself(wb, name):
    found = wb.similar(strange()[name])
    assert found.loc[found["distance"] == 0, "filename"].tolist()[:1]
    exact = found.loc[found["verdict"] == "exact", "filename"].tolist()
    assert exact == [name]
    others = set(found["filename"]) - {name}
    assert others <= {"still": {"moving"}, "moving": {"still"}}.get(name, set())


def test_evidence_for_strange_pairs(wb):
    ids = dict(zip(wb.images()["filename"], wb.images()["image_id"].tolist(), strict=True))
    for one, other in (("dot", "other dot"), ("flat", "other flat"), ("long", "tall")):
        assert not wb.evidence(ids[one], ids[other]).duplicate
    assert wb.evidence(ids["still"], ids["moving"]).label == "same cover"
    assert wb.evidence(ids["gray"], ids["whole"]).duplicate


def test_evidence_is_the_same_in_both_directions(wb):
    for other in range(2, 2 + len(COPIES)):
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
