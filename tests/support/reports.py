"""Clusters as a frame, for tests of reports."""

import pandas as pd

EVIL = '<img src=x onerror="alert(1)">.jpg'
FILE_COLUMNS = ["path", "user", "state", "is_reference", "link_of", "frees_disk", "frees_store"]


def two_clusters():
    """Two clusters by file: one of three files, of which one is an upload, and one of two."""
    return pd.DataFrame(
        {
            "cluster_id": [0, 0, 0, 1, 1],
            "image_id": [4, 2, 9, 1, 7],
            "digest": list("abcde"),
            "path": ["/a/lake.jpg", f"/a/{EVIL}", None, "/b/b.jpg", "/c/c.jpg"],
            "filename": ["lake.jpg", EVIL, "=cmd()", "b.jpg", "c.jpg"],
            "user": "local",
            "state": "present",
            "is_reference": False,
            "is_medoid": [True, False, False, True, False],
            "is_keeper": [False, True, False, True, False],
            "distance_to_medoid": [0, 3, 8, 0, 1],
            "diameter": [9, 9, 9, 2, 2],
            "score": [1.0, 0.98, 0.9, 1.0, 0.99],
            "label": ["medoid", "resized", "cropped", "medoid", "re-encoded"],
            "width": [100] * 5,
            "height": [80] * 5,
            "bytes": [500, 900, 400, 300, 200],
            "link_of": pd.Series([None] * 5, dtype="str"),
            "frees_disk": [500, 0, 0, 0, 200],
            "frees_store": [0, 0, 400, 0, 0],
        }
    )


def with_facts(clusters):
    """The same as a queue has them: with ids of files, times, formats and reasons."""
    keepers = clusters.assign(file_id=range(11, 11 + len(clusters)))
    of = keepers[keepers["is_keeper"]].set_index("cluster_id")["file_id"]
    times = pd.to_datetime("2024-01-31 23:30").tz_localize("UTC")
    return keepers.assign(
        keeper_id=keepers["cluster_id"].map(of),
        keeper_rule="pixels",
        keeper_reason=[
            "kept: most pixels" if kept else "fewer pixels; kept: most pixels"
            for kept in keepers["is_keeper"]
        ],
        kept="reference",
        format="JPEG",
        camera=None,
        taken_at=pd.Timestamp("2019-07-01 12:00"),
        modified_at=times + pd.to_timedelta(range(len(keepers)), "h"),
        taken_in=times,
        verdict="",
        decided_by="",
    )


def many_clusters(clusters, files):
    """Generated clusters as a queue has them: so many, each of so many files."""
    n = clusters * files
    number = pd.Series(range(n))
    cluster, place = number // files, number % files
    frame = pd.DataFrame(
        {
            "cluster_id": cluster,
            "image_id": number + 1,
            "digest": [f"{k:064x}" for k in range(n)],
            "path": [
                f"/home/ann/Pictures/{2000 + c % 20}/album {c % 97}/IMG_{c:05}_{k}.jpg"
                for c, k in zip(cluster, place, strict=True)
            ],
            "filename": [f"IMG_{c:05}_{k}.jpg" for c, k in zip(cluster, place, strict=True)],
            "user": "local",
            "state": "present",
            "is_reference": False,
            "is_medoid": place == 0,
            "is_keeper": place == 1 % files,
            "distance_to_medoid": place % 20,
            "diameter": 2 * files,
            "score": 1 - place / 100,
            "label": ["medoid" if k == 0 else ("resized", "cropped")[k % 2] for k in place],
            "width": 4000,
            "height": 3000,
            "bytes": 1_000_000 + number,
            "link_of": pd.Series([None] * n, dtype="str"),
            "frees_disk": 1_000_000 * (place != 1 % files),
            "frees_store": 0,
        }
    )
    return with_facts(frame)
