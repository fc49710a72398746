"""Decisions: kept for ever, applied to clusters however they are found, and undone."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgurer_kernel.errors import NotAllowed, QueryError, UnknownImage
from imgurer_kernel.matching.clusters.cluster_table import ClusterTable, LabelledClusters
from imgurer_kernel.review.decisions import set_apart, split
from tests.support.forms import rounds
from tests.support.pictures import encode, scene

SIZES = [(320, 240), (240, 180), (200, 150), (160, 120)]


def fill(wb):
    """Four sizes of one picture, image ids 1 to 4, and a stranger."""
    for width, height in SIZES:
        picture = encode(scene(3, *SIZES[0]) if width == 320 else scene(3, width, height))
        wb.upload(f"{width}.jpg", picture)
    wb.upload("other.jpg", encode(scene(8, 160, 120)))
    wb.accounts.create("ann", "a long password")
    wb.queue(progress=False)


@pytest.fixture
def wb(new_store):
    return new_store(fill)


def together(wb, **options):
    """The clusters as sets of image ids."""
    frame = wb.clusters(progress=False, **options)
    return {frozenset(part) for _, part in frame.groupby("cluster_id")["image_id"]}


@pytest.mark.long
def test_the_store_has_one_cluster(wb):
    assert together(wb) == {frozenset({1, 2, 3, 4})}


WAYS = {}, {"verify": False}, {"by": "image"}, {"radius": 20}, {"thorough": True}
"""Options of a search for clusters."""


def test_different_pictures_never_share_a_cluster_again(wb):
    made = wb.decide((1, 3), "different", reason="another moment")
    assert made[["verdict", "kind", "user", "reason"]].to_numpy().tolist() == [
        ["different", "pair", "local", "another moment"]
    ]
    for options in rounds(WAYS[:3], WAYS):
        assert not any({1, 3} <= group for group in together(wb, **options)), options
    assert {1, 2, 3, 4} >= set().union(*together(wb))
    last = wb.last_clusters()
    assert not any({1, 3} <= set(part) for _, part in last.groupby("cluster_id")["image_id"])
    # Whatever becomes of the pictures meanwhile.
    wb.forget(3)
    wb.trash.restore()
    assert not any({1, 3} <= group for group in together(wb))
    wb.forget(3)
    wb.trash.empty("0s")
    again = int(wb.upload("again.jpg", encode(scene(3, 200, 150)))["image_id"].iloc[0])
    assert again > 5
    assert not any({1, again} <= group for group in together(wb))
    wb.undecide(made["decision_id"])
    assert together(wb) == {frozenset({1, 2, 4, again})}


def test_those_that_differ_from_the_medoid_find_each_other(wb):
    frame = wb.clusters(progress=False)
    medoid = int(frame.loc[frame["is_medoid"], "image_id"].iloc[0])
    others = sorted({1, 2, 3, 4} - {medoid})
    wb.decide([(medoid, other) for other in others], "different")
    assert together(wb) == {frozenset(others)}


def test_a_cluster_of_different_pictures_is_none(wb):
    wb.decide(wb.clusters(progress=False), "different")
    assert together(wb) == set()
    assert wb.decisions()["kind"].tolist() == ["cluster"]


def test_a_decided_cluster_comes_back_when_it_has_gained_a_member(wb):
    assert set(wb.queue(progress=False)["verdict"]) == {""}
    wb.decide(wb.clusters(progress=False), "same", user="ann")
    queue = wb.queue(progress=False)
    assert set(queue["verdict"]) == {"same"}
    assert set(queue["decided_by"]) == {"ann"}
    assert not queue["new_since_decision"].any()
    # One less is no other cluster.
    wb.forget(2)
    assert set(wb.queue(progress=False)["verdict"]) == {"same"}
    wb.trash.restore()
    new = int(wb.upload("new.jpg", encode(scene(3, 280, 210)))["image_id"].iloc[0])
    queue = wb.queue(progress=False)
    assert set(queue["verdict"]) == {""}
    assert queue.loc[queue["new_since_decision"], "image_id"].tolist() == [new]


def test_two_who_disagree_are_both_shown(wb):
    wb.decide((1, 2), "same", user="ann")
    wb.decide((1, 2), "different")
    decided = wb.decisions()
    assert decided["disputed"].all()
    assert set(decided["user"]) == {"ann", "local"}
    queue = wb.queue(progress=False)
    assert set(queue.loc[queue["disputed"], "image_id"]) <= {1, 2}
    assert queue["disputed"].any()
    # What one of them calls different is not removed for the other.
    ids = wb.files().set_index("filename")["file_id"]
    plan = pd.DataFrame([{"file_id": ids["240.jpg"], "keeper_id": ids["320.jpg"]}])
    refused = wb.apply(plan, progress=False)
    assert refused["why"].iloc[0].startswith("local decided that the two are different")
    wb.decide((2, 1), "same")
    assert not wb.decisions()["disputed"].any()
    assert len(wb.decisions()) == 2
    assert wb.apply(plan, progress=False)["status"].tolist() == ["done"]


@pytest.mark.long
def test_later_postpones_and_same_makes_unrelated_pictures_removable(wb):
    wb.decide(wb.clusters(progress=False), "later")
    assert set(wb.queue(progress=False)["verdict"]) == {"later"}
    assert together(wb) == {frozenset({1, 2, 3, 4})}
    ids = wb.files().set_index("filename")["file_id"]
    plan = pd.DataFrame([{"file_id": ids["other.jpg"], "keeper_id": ids["320.jpg"]}])
    assert wb.apply(plan, progress=False)["status"].tolist() == ["refused"]
    wb.decide((1, 5), "same")
    assert wb.apply(plan, progress=False)["status"].tolist() == ["done"]


def test_accepted_arguments_of_decide(wb):
    pairs = pd.DataFrame({"first": [1, 2], "second": [5, 5]})
    assert len(wb.decide(pairs, "different")) == 2
    made = wb.decide([(1, 2), (3, 4)], "same")
    assert sorted(map(sorted, made["image_ids"])) == [[1, 2], [3, 4]]
    assert wb.decide([1, 2, 3], "same")["kind"].tolist() == ["cluster"]
    for wrong, verdict in (
        ((1, 2), "perhaps"), (1, "same"), ((1, 1), "same"), ([], "same"), ("ab", "same"),
        (pd.DataFrame({"a": [1]}), "same"), ([(1, 2, 3)], "same"),
    ):  # fmt: skip
        with pytest.raises(QueryError):
            wb.decide(wrong, verdict)
    with pytest.raises(UnknownImage):
        wb.decide((1, 99), "same")
    made = wb.decide((1, 2), "same", user="ann")["decision_id"].iloc[0]
    wb.accounts.create("bob", "a long password")
    with pytest.raises(NotAllowed):
        wb.undecide(int(made), user="bob")
    with pytest.raises(QueryError):
        wb.undecide(10_000)
    assert len(wb.undecide(int(made))) == 1
    assert wb.decisions("ann").empty


@given(st.data())
def test_splitting_leaves_no_pair_that_differs_and_loses_no_other(data):
    count = data.draw(st.integers(2, 8))
    pairs = list(combinations(range(count), 2))
    differing = data.draw(st.lists(st.sampled_from(pairs), unique=True))
    apart = {}
    for one, other in differing:
        apart.setdefault(one, set()).add(other)
        apart.setdefault(other, set()).add(one)
    scores = [
        1.0,
        *data.draw(st.lists(st.sampled_from([0.8, 0.9]), min_size=count - 1, max_size=count - 1)),
    ]

    def star(ids):
        ids = np.asarray(ids, np.int64)
        table = ClusterTable(
            sizes=np.array([len(ids)]), diameters=np.array([0]), members=ids,
            distances=np.zeros(len(ids), np.int64),
            scores=np.array([scores[k] for k in ids]), edges=np.full(len(ids), -1, np.int64),
        )  # fmt: skip
        if len(ids) < 2:
            table = ClusterTable.none()
        size = len(table.members)
        return LabelledClusters(table, np.full(size, "edited", object), np.ones(size), "", 0)

    kept, left = split(star(range(count)), apart)
    members = set(kept.clusters.members.tolist())
    assert members | set(left.tolist()) | {0} == set(range(count))
    assert not any({one, other} <= members for one, other in differing)
    if members:
        # Nobody has left without a reason.
        assert all(apart.get(image, set()) & (members | {0}) for image in left.tolist())
    whole = set_apart(star(range(count)), apart, star)
    groups = [set(cluster.members.tolist()) for cluster in whole.clusters]
    assert sum(map(len, groups)) == len(set().union(*groups)) if groups else True
    assert not any({one, other} <= group for one, other in differing for group in groups)
    assert [len(group) for group in groups] == sorted(map(len, groups), reverse=True)
