import pytest

from imgurer_kernel.report.clusters import cluster_table, summary
from tests.support.reports import EVIL, FILE_COLUMNS, two_clusters


@pytest.fixture
def clusters():
    return two_clusters()


def test_summary_of_clusters_and_of_none(clusters):
    assert summary(clusters).to_dict() == {
        "clusters": 2,
        "files in clusters": 5,
        "extra copies": 3,
        "links": 0,
        "bytes freed on disk": 500 + 200,
        "bytes freed in the store": 400,
        "largest cluster": 3,
    }
    assert set(summary(clusters.iloc[:0])) == {0}
    by_image = clusters.drop(columns=FILE_COLUMNS)
    assert summary(by_image)["bytes freed in the store"] == 500 + 400 + 200
    assert summary(by_image)["bytes freed on disk"] == 0


def test_a_file_of_a_reference_folder_is_not_an_extra_copy(clusters):
    clusters["is_reference"] = [True, False, False, False, False]
    assert summary(clusters)["extra copies"] == 2


def test_a_link_is_not_an_extra_copy(clusters):
    clusters["link_of"] = [None, None, "/a/lake.jpg", None, "/b/b.jpg"]
    assert summary(clusters)[["extra copies", "links"]].tolist() == [1, 2]
    # A link that is kept, or stays as a reference, is not counted among what could go.
    clusters["link_of"] = ["/a/x.jpg", "/a/x.jpg", None, None, None]
    clusters["is_reference"] = [True, False, False, False, False]
    assert summary(clusters)[["extra copies", "links"]].tolist() == [2, 0]


def test_one_row_for_each_cluster(clusters):
    table = cluster_table(clusters)
    assert table["files"].tolist() == [3, 2]
    assert table["keeper_path"].tolist() == [f"/a/{EVIL}", "/b/b.jpg"]
    assert table["medoid"].tolist() == ["lake.jpg", "b.jpg"]
    assert table["keeper"].tolist() == [EVIL, "b.jpg"]
    assert table["largest_distance"].tolist() == [8, 1]
    assert table["diameter"].tolist() == [9, 2]
    assert table["weakest_link"].tolist() == ["=cmd()", "c.jpg"]
    assert table["frees_disk"].tolist() == [500, 200]
    assert table["frees_store"].tolist() == [400, 0]
    by_image = cluster_table(clusters.drop(columns=FILE_COLUMNS))
    assert by_image["frees_store"].tolist() == [900, 200]
    assert cluster_table(clusters.iloc[:0]).empty


def test_some_clusters_keep_their_diameters(clusters):
    assert cluster_table(clusters[clusters["cluster_id"] == 1])["diameter"].tolist() == [2]
