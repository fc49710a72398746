"""Edited frames of clusters: which are accepted, and the errors for the others."""

import numpy as np
import pandas as pd
import pytest

from imgurer_kernel.errors import QueryError
from imgurer_kernel.report import Report
from imgurer_kernel.report.cluster_rows import cluster_rows
from imgurer_kernel.report.frames import CLUSTER_FILES
from tests.support.reports import two_clusters


@pytest.fixture
def clusters():
    frame = two_clusters().assign(file_id=range(5))
    frame.attrs["plan"] = "by hand"
    return frame


HANDLED = {
    "as it was": lambda frame: frame,
    "of objects": lambda frame: frame.astype(object),
    "of texts": lambda frame: frame.astype({"cluster_id": str, "is_medoid": str, "score": str}),
    "of floats": lambda frame: frame.astype({"cluster_id": float, "image_id": "Float64"}),
    "of categories": lambda frame: frame.astype({"cluster_id": "category"}),
    "of small numbers": lambda frame: frame.astype({"image_id": np.uint8, "score": np.float32}),
    "twice": lambda frame: pd.concat([frame, frame.iloc[::-1]]),
    "under another index": lambda frame: frame.set_index(frame["digest"].to_numpy()),
}


@pytest.mark.parametrize("how", HANDLED)
def test_edited_frames_get_their_types_back(clusters, how):
    found = cluster_rows(HANDLED[how](clusters), CLUSTER_FILES)
    numbers = clusters.select_dtypes(["number", "bool"]).columns
    pd.testing.assert_frame_equal(found[numbers], clusters[numbers], rtol=1e-6)
    assert found.attrs == {"plan": "by hand"} or how == "twice"
    assert found["filename"].tolist() == clusters["filename"].tolist()


SPOILED = {
    "a list": (lambda frame: [1, 2], "and not a list"),
    "a column": (lambda frame: frame["image_id"], "and not a Series"),
    "columns lost": (lambda frame: frame[["image_id", "score"]], "no column cluster_id, file_id"),
    "by image": (lambda frame: frame.drop(columns="file_id"), "clusters are by image here"),
    "columns twice": (lambda frame: pd.concat([frame, frame], axis=1), "2 columns 'cluster_id'"),
    "a gap": (lambda frame: frame.replace({"image_id": {9: np.nan}}), "image_id .* int64.* nan"),
    "half a cluster": (lambda frame: frame.assign(cluster_id=0.5), "cluster_id .* has 0.5"),
    "no word for yes": (lambda frame: frame.assign(is_medoid="yes"), "is_medoid .* bool.* 'yes'"),
    "lists": (lambda frame: frame.assign(bytes=[[1]] * 5), r"bytes .* has \[1\]"),
    "two answers": (
        lambda frame: pd.concat([frame, frame.assign(cluster_id=7)]),
        "file 0 is in two clusters",
    ),
}


@pytest.mark.parametrize("how", SPOILED)
def test_unusable_frames_are_refused_with_a_reason(clusters, how):
    spoil, words = SPOILED[how]
    with pytest.raises(QueryError, match=words):
        cluster_rows(spoil(clusters), CLUSTER_FILES)


def test_a_report_takes_no_other_frame(clusters):
    with pytest.raises(QueryError, match="no column cluster_id"):
        Report.of(pd.DataFrame({"image_id": [1]}))
    assert len(Report.of(clusters.astype(object)).clusters) == 2
