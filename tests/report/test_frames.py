import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from imgurer_kernel.matching.clusters.cluster_table import ClusterTable, LabelledClusters
from imgurer_kernel.matching.clusters.star_cover import star_clusters
from imgurer_kernel.report.frames import (
    CLUSTERS,
    SIMILAR,
    cluster_frame,
    similar_frame,
)


def keepers(members):
    """Of each cluster the one with the most pixels within its frame, then bytes, then the first."""
    shown = members["width"] * members["height"] * members["within_frame"]
    order = np.lexsort((members["image_id"], -members["bytes"], -shown))
    _, first = np.unique(members["cluster_id"].to_numpy()[order], return_index=True)
    return np.isin(np.arange(len(members)), order[first])


IMAGES = pd.DataFrame(
    {
        "image_id": [1, 2, 3, 4, 5],
        "digest": list("abcde"),
        "filename": [f"{i}.jpg" for i in range(1, 6)],
        "width": [100, 200, 100, 50, 50],
        "height": [100, 100, 200, 50, 50],
        "bytes": [9, 7, 8, 6, 5],
    }
)


def test_similar_is_sorted_by_distance_then_id():
    found = pd.DataFrame(
        {
            "image_id": [4, 5, 2],
            "distance": [3, 0, 3],
            "orientation": "upright",
            "score": np.nan,
            "verdict": "x",
        }
    )
    frame = similar_frame(found, IMAGES)
    assert list(frame.columns) == SIMILAR
    assert frame["image_id"].tolist() == [5, 2, 4]


def test_clusters_are_numbered_and_their_members_in_order():
    found = star_clusters([1, 2, 4], [2, 3, 5], [4, 2, 1])
    labels = np.where(found.edges < 0, "medoid", "near").astype(object)
    frame = cluster_frame(LabelledClusters(found, labels, np.ones(5), "plan", 0), IMAGES, keepers)
    assert list(frame.columns) == CLUSTERS
    assert frame["cluster_id"].tolist() == [0, 0, 0, 1, 1]
    assert frame["image_id"].tolist() == [2, 3, 1, 4, 5]
    assert frame["is_medoid"].tolist() == [True, False, False, True, False]
    assert frame.loc[frame["is_keeper"], "image_id"].tolist() == [3, 4]
    assert frame["distance_to_medoid"].tolist() == [0, 2, 4, 0, 1]
    assert frame["diameter"].tolist() == [6, 6, 6, 1, 1]


def test_no_clusters_is_an_empty_frame_of_the_same_kind():
    frame = cluster_frame(
        LabelledClusters(ClusterTable.none(), np.empty(0, object), np.empty(0), "plan", 0),
        IMAGES.iloc[:0],
        keepers,
    )
    assert list(frame.columns) == CLUSTERS
    assert frame.empty


@given(
    st.lists(st.integers(2, 4), max_size=4),
    st.randoms(use_true_random=False),
)
def test_each_cluster_keeps_what_the_policy_keeps(sizes, random):
    ids = list(range(1, sum(sizes) + 1))
    random.shuffle(ids)
    images = pd.DataFrame(
        {
            "image_id": sorted(ids),
            "digest": "d",
            "filename": "f",
            "width": [random.choice([1, 2]) for _ in ids],
            "height": 3,
            "bytes": [random.choice([5, 6]) for _ in ids],
        }
    )
    within = np.array([random.choice([0.5, 1.0]) for _ in ids])
    clusters = ClusterTable(
        sizes=np.array(sizes, np.int64),
        diameters=np.zeros(len(sizes), np.int64),
        members=np.array(ids, np.int64),
        distances=np.zeros(len(ids), np.int64),
        scores=np.zeros(len(ids)),
        edges=np.zeros(len(ids), np.int64),
    )
    labels = np.full(len(ids), "x", object)
    frame = cluster_frame(LabelledClusters(clusters, labels, within, "plan", 0), images, keepers)
    frame["within_frame"] = within
    shown = frame["width"] * frame["height"] * frame["within_frame"]
    ranked = frame.assign(shown=shown, older=-frame["image_id"])
    best = ranked.sort_values(["shown", "bytes", "older"]).groupby("cluster_id")["image_id"].last()
    assert frame.loc[frame["is_keeper"], "image_id"].tolist() == best.tolist()
