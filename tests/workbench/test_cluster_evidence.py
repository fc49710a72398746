"""Evidence explains every pair of a cluster, via the medoid if necessary."""

from itertools import combinations

import pytest

from imgurer_kernel import Settings, Workbench
from tests.matching.test_judgement import photo
from tests.support.forms import rounds

SEEDS = (3, 41)


@pytest.fixture(scope="module")
def wb(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    for seed in SEEDS:
        whole = photo(seed)
        w, h = whole.size
        boxes = {
            "whole": (0, 0, 1, 1),
            "left": (0, 0, 0.7, 1),
            "right": (0.3, 0, 1, 1),
            "upper": (0, 0, 1, 0.7),
            "lower": (0, 0.3, 1, 1),
            "crop of 25 %": (0.1, 0.02, 0.96, 0.88),
        }
        for name, (left, top, right, bottom) in boxes.items():
            crop = whole.crop((int(left * w), int(top * h), int(right * w), int(bottom * h)))
            crop.save(folder / f"{seed} {name}.png", compress_level=1)
    with Workbench(Settings(root=tmp_path_factory.mktemp("store"))) as opened:
        opened.ingest(folder, progress=False)
        yield opened


@pytest.fixture(scope="module")
def clusters(wb):
    return wb.clusters(progress=False)


@pytest.mark.long
def test_evidence_calls_all_pairs_of_a_cluster_duplicates(wb, clusters):
    """All pairs, and in the short form every seventh one."""
    by_way = 0
    for _, cluster in clusters.groupby("cluster_id"):
        ids = [int(image_id) for image_id in cluster["image_id"]]
        medoid = int(cluster.loc[cluster["label"] == "medoid", "image_id"].iloc[0])
        for one, other in list(combinations(ids, 2))[:: rounds(7, 1)]:
            there, back = wb.evidence(one, other), wb.evidence(other, one)
            assert there.duplicate
            assert back.duplicate
            assert there.via in {None, medoid}
            assert back.via == there.via
            by_way += there.via is not None
    assert by_way  # two halves have too little in common to show it themselves


HALVES = [("3 left.png", "3 right.png"), ("3 upper.png", "3 whole.png")]
"""Of which a picture is between the first two only."""


def test_an_explanation_names_the_picture_between(wb, clusters):
    """Of two pairs, and in the long form of all."""
    ids = clusters.set_index("filename")["image_id"].astype(int)
    names = [name for name in ids.index if name.startswith("3 ")]
    between = []
    for one, other in rounds(HALVES, [*combinations(names, 2)]):
        found = wb.explain(ids[one], ids[other])
        assert found.duplicate
        via = found.evidence.via
        assert (via is not None) == ("By way of picture" in found.words)
        between.append(via is not None)
    assert set(between) == {True, False}


def test_pictures_of_two_clusters_are_not_tied(wb, clusters):
    some = [
        cluster["image_id"].astype(int).tolist()[:2]
        for _, cluster in clusters.groupby("cluster_id")
    ]
    assert len(some) > 1
    for one in some[0]:
        assert not any(wb.evidence(one, other).duplicate for other in some[1])
