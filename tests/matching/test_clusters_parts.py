"""Parts via a cluster: pictures compared with its medoid, or with two of its members."""

from dataclasses import replace

import numpy as np
import pytest

from imgurer_kernel.matching.affine import compose, invert
from imgurer_kernel.matching.candidates import Candidates
from imgurer_kernel.matching.clusters.budget import SearchScope
from imgurer_kernel.matching.clusters.cluster_table import ClusterTable
from imgurer_kernel.matching.clusters.incremental import ClusterResult, ImageState
from imgurer_kernel.matching.clusters.parts import parts_of_clusters
from imgurer_kernel.matching.pair_table import PART_OF, SAME, Pairs
from imgurer_kernel.matching.relation import Relation
from imgurer_kernel.matching.result_cache import ResultCache


def scaled(by, move=0.0):
    return np.array([by, 0, move, 0, by, 0])


def found(rows, clusters):
    """A result of pairs (first, second, status, agreement, map), and clusters by their ids."""
    first, second, status, agreement, maps = (list(column) for column in zip(*rows, strict=True))
    n = len(rows)
    pairs = Pairs.untested(*np.array([first, second, [9] * n, [0] * n], np.int64))
    pairs.status[:], pairs.measures[:, 1], pairs.maps[:] = status, agreement, maps
    place = {pair: k for k, pair in enumerate(zip(first, second, strict=True))}
    edges = [
        -1 if k == 0 else place[tuple(sorted((each[0], member)))]
        for each in clusters
        for k, member in enumerate(each)
    ]
    members = np.array([member for each in clusters for member in each])
    ids = np.unique([*first, *second])
    table = ClusterTable(
        sizes=np.array([len(each) for each in clusters]),
        diameters=np.zeros(len(clusters), np.int64),
        members=members,
        distances=np.zeros(len(members), np.int64),
        scores=np.ones(len(members)),
        edges=np.array(edges),
    )
    turned = np.zeros((len(ids), 8, 2), np.uint64)
    turned[1:, :, 0] = 7  # three bits from the first image
    state = ImageState(
        image_ids=ids,
        hashes=np.zeros((len(ids), 4), np.uint64),
        turned=turned,
        windows=None,
        content=np.zeros((len(ids), 4), np.int64),
        within_frame=np.ones(len(ids)),
        represented=np.zeros(len(ids), bool),
    )
    return ClusterResult(
        clusters=table,
        pairs=pairs,
        scope=SearchScope(radius=24),
        uninformative=0,
        candidates=Candidates.none(),
        images=state,
        comparisons=ResultCache(1),
        judgements=ResultCache(1),
        original_judgements=ResultCache(1),
    )


COPY = (10, 20, SAME, 0.9, scaled(2.0))
OTHER_COPY = (20, 30, SAME, 0.95, scaled(0.5, 0.1))
COLLAGE = (5, 20, PART_OF, 0.8, scaled(3.0, 0.2))


def test_a_picture_with_a_part_of_the_medoid_is_related_to_each_member():
    parts = parts_of_clusters(found([COPY, OTHER_COPY, COLLAGE], [[20, 10, 30]]))
    assert list(zip(parts.first.tolist(), parts.second.tolist(), strict=True)) == [(5, 10), (5, 30)]
    assert (parts.status == PART_OF).all()
    assert parts.measures[:, 1].tolist() == pytest.approx([0.8, 0.8])
    assert parts.distance.tolist() == [3, 3]
    to_medoid = COLLAGE[-1][None]
    assert np.allclose(parts.maps[0], compose(to_medoid, invert(COPY[-1][None])))
    assert np.allclose(parts.maps[1], compose(to_medoid, OTHER_COPY[-1][None]))


def test_two_pictures_with_a_part_of_the_medoid_are_related_to_each_member():
    collages = [COLLAGE, (6, *COLLAGE[1:])]
    parts = parts_of_clusters(found([COPY, OTHER_COPY, *collages], [[20, 10, 30]]))
    ends = set(zip(parts.first.tolist(), parts.second.tolist(), strict=True))
    assert ends == {(5, 10), (5, 30), (6, 10), (6, 30)}


def test_one_member_is_not_enough_and_two_are():
    by_member = (5, 10, PART_OF, 0.8, scaled(3.0))
    one = found([COPY, OTHER_COPY, by_member], [[20, 10, 30]])
    assert len(parts_of_clusters(one)) == 0
    two = found([COPY, OTHER_COPY, by_member, (5, 30, PART_OF, 0.9, scaled(1.0))], [[20, 10, 30]])
    parts = parts_of_clusters(two)
    assert list(zip(parts.first.tolist(), parts.second.tolist(), strict=True)) == [(5, 20)]
    # By way of the member that agrees best, and from that to the medoid.
    assert np.allclose(parts.maps[0], compose(scaled(1.0)[None], invert(OTHER_COPY[-1][None])))


def test_known_relations_do_not_change():
    known = (5, 10, Relation.ANOTHER_TAKE, 0.7, scaled(1.0))
    parts = parts_of_clusters(found([COPY, OTHER_COPY, COLLAGE, known], [[20, 10, 30]]))
    assert list(zip(parts.first.tolist(), parts.second.tolist(), strict=True)) == [(5, 30)]


def test_members_of_one_cluster_are_not_parts_of_each_other():
    inside = (10, 30, PART_OF, 0.7, scaled(1.0))
    assert len(parts_of_clusters(found([COPY, OTHER_COPY, inside], [[20, 10, 30]]))) == 0


def test_only_pairs_of_two_images_are_looked_for():
    result = found([COPY, OTHER_COPY, COLLAGE], [[20, 10, 30]])
    whole = parts_of_clusters(result)
    for row, ends in enumerate(((5, 10), (5, 30))):
        for only in (ends, ends[::-1]):
            part = parts_of_clusters(result, np.array(only))
            assert len(part) == 1
            assert np.array_equal(part.maps[0], whole.maps[row])
    assert len(parts_of_clusters(result, np.array([10, 30]))) == 0
    assert len(parts_of_clusters(result, np.array([5, 20]))) == 0


def test_without_clusters_or_parts_there_are_none():
    assert len(parts_of_clusters(found([COPY, OTHER_COPY], [[20, 10, 30]]))) == 0
    lone = found([COPY, COLLAGE], [[20, 10]])
    assert len(parts_of_clusters(replace(lone, clusters=ClusterTable.none()))) == 0
