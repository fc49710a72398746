"""Clusters by file: each file once, one keeper, and correct freed bytes."""

from collections import Counter
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imgurer_kernel.matching.clusters.cluster_table import ClusterTable, LabelledClusters
from imgurer_kernel.report import frames
from imgurer_kernel.report.frames import CLUSTER_FILES, FILE_FACTS, file_frame
from imgurer_kernel.review import keeper
from imgurer_kernel.review.keeper import file_order, has_copy_name
from tests.support.forms import rounds

DAY = pd.Timestamp("2026-01-01", tz="UTC")


def keepers(rows):
    """Keep a present file of each cluster: the first of the picture with the most bytes."""
    order = np.lexsort((np.arange(len(rows)), -rows["bytes"], rows["state"] != "present"))
    _, first = np.unique(rows["cluster_id"].to_numpy()[order], return_index=True)
    return np.isin(np.arange(len(rows)), order[first])


@dataclass
class Disk:
    """Files of images, on a disk where inodes have names and in a store that has blobs."""

    clusters: list[list[int]]
    files: list[dict] = field(default_factory=list)
    images: dict[int, int] = field(default_factory=dict)

    def add(self, image_id, kept="reference", inode=None, **facts):
        """A file of an image, whose size is its id times 1,000."""
        number = len(self.files) + 1
        self.images[image_id] = image_id * 1000
        row = {
            "file_id": number,
            "image_id": image_id,
            "path": None if kept == "upload" else f"/pictures/{number}.jpg",
            "filename": f"{number}.jpg",
            "user": "local",
            "state": "present",
            "kept": kept,
            "bytes": image_id * 1000,
            "device": None if kept == "upload" else 7,
            "inode": None if kept == "upload" else (inode or 10**18 + number),
            "links": 0,
            "is_blob": False,
            "target": None,
            "taken_in": DAY,
            "is_reference": False,
            "is_listed": True,
        }
        self.files.append(row | facts)
        return number

    def grouped(self):
        members = [image_id for cluster in self.clusters for image_id in cluster]
        sizes = [len(cluster) for cluster in self.clusters]
        first = np.cumsum([0, *sizes[:-1]]) if sizes else []
        labels = np.full(len(members), "resized", object)
        labels[np.array(first, int)] = "medoid"
        table = ClusterTable(
            sizes=np.array(sizes, np.int64),
            diameters=np.arange(len(sizes), dtype=np.int64),
            members=np.array(members, np.int64),
            distances=np.arange(len(members), dtype=np.int64),
            scores=np.ones(len(members)),
            edges=np.zeros(len(members), np.int64),
        )
        return LabelledClusters(table, labels, np.ones(len(members)), "plan", 0)

    def frame(self):
        images = pd.DataFrame(
            {
                "image_id": sorted(self.images),
                "digest": [f"{image_id:064}" for image_id in sorted(self.images)],
                "filename": "any.jpg",
                "width": 40,
                "height": 30,
                "bytes": [self.images[image_id] for image_id in sorted(self.images)],
            }
        )
        files = pd.DataFrame(self.files, columns=FILE_FACTS)
        for name in ("device", "inode"):  # through a float an inode would be another
            files[name] = pd.array([row[name] for row in self.files], "UInt64")
        return file_frame(self.grouped(), images, files, file_order, keepers)

    def freed_by(self, file_ids):
        """Compute the bytes freed on disk and in the store by removing files."""
        left = [row for row in self.files if row["file_id"] not in file_ids]
        on_disk = in_store = 0
        names, names_left = Counter(), Counter()
        held = {row["image_id"] for row in left}
        for rows, counted in ((self.files, names), (left, names_left)):
            for row in {
                (r["inode"], r["path"]) for r in rows if r["kept"] in {"link", "reference"}
            }:
                counted[row[0]] += 1
        for inode in names:
            row = next(r for r in self.files if r["inode"] == inode)
            linked = [r for r in self.files if r["inode"] == inode]
            unknown = max(r["links"] for r in linked) - names[inode] - linked[0]["is_blob"]
            blob = linked[0]["is_blob"] and linked[0]["image_id"] in held
            if not names_left[inode] and unknown <= 0 and not blob:
                on_disk += row["bytes"]
        for image_id, size in self.images.items():
            rows = [r for r in self.files if r["image_id"] == image_id]
            if any(r["kept"] in {"copy", "upload"} for r in rows) and image_id not in held:
                in_store += size
        return on_disk, in_store


@st.composite
def disks(draw):
    sizes = draw(st.lists(st.integers(2, 3), max_size=3))
    ids = iter(range(1, 100))
    disk = Disk([[next(ids) for _ in range(size)] for size in sizes])
    alone = [next(ids) for _ in range(draw(st.integers(0, 3)))]
    flags = st.booleans()
    for image_id in [*(each for cluster in disk.clusters for each in cluster), *alone]:
        is_blob = draw(st.sampled_from([False, False, True]))
        for number in range(draw(st.integers(1, 4))):
            kept = draw(st.sampled_from(["reference", "link", "copy", "upload"]))
            shared = kept in {"reference", "link"} and draw(flags)
            disk.add(
                image_id,
                kept,
                inode=10**18 + 500 + image_id if shared else None,
                links=draw(st.sampled_from([0, 0, 2, 5])) if shared else 0,
                is_blob=bool(shared and is_blob),
                is_reference=draw(st.sampled_from([False, False, True])),
                # Of an image in a cluster one file is always listed, as callers promise.
                is_listed=number == 0 or draw(st.sampled_from([True, True, False])),
                filename=draw(st.sampled_from(["a.jpg", "a (1).jpg"])),
                taken_in=DAY + pd.Timedelta(draw(st.integers(0, 2)), "D"),
            )
    return disk


@pytest.mark.long
@settings(max_examples=rounds(10, 300))
@given(disks())
def test_every_cluster_keeps_one_file_and_lists_each_once(disk):
    frame = disk.frame()
    assert list(frame.columns) == CLUSTER_FILES
    assert frame["file_id"].is_unique
    listed = pd.DataFrame(disk.files, columns=FILE_FACTS)
    listed = listed[listed["is_listed"].astype(bool)]
    several = listed["image_id"].value_counts()
    members = {each for cluster in disk.clusters for each in cluster}
    wanted = members | set(several[several > 1].index)
    assert set(frame["file_id"]) == set(listed.loc[listed["image_id"].isin(wanted), "file_id"])
    for _, cluster in frame.groupby("cluster_id"):
        assert len(cluster) > 1
        assert cluster["is_keeper"].sum() == 1
        assert cluster["is_medoid"].tolist() == [True] + [False] * (len(cluster) - 1)
        assert cluster["label"].iloc[0] == "medoid"
        assert (cluster["label"] == "identical").equals(cluster["image_id"].duplicated())
        kept = cluster.loc[cluster["is_keeper"], "image_id"].iloc[0]
        assert kept == cluster["image_id"].max(), "the most bytes: all have as many pixels"
    sizes = frame.groupby("cluster_id").size()
    assert sizes.index.tolist() == list(range(len(sizes)))
    assert sizes.is_monotonic_decreasing
    assert frame["cluster_id"].is_monotonic_increasing


@pytest.mark.long
@settings(max_examples=rounds(10, 300))
@given(disks())
def test_the_bytes_are_those_that_are_free_in_the_end(disk):
    frame = disk.frame()
    kept = frame["is_keeper"] | frame["is_reference"]
    assert (frame.loc[kept, ["frees_disk", "frees_store"]] == 0).all(axis=None)
    gone = set(frame.loc[~kept, "file_id"])
    promised = (int(frame["frees_disk"].sum()), int(frame["frees_store"].sum()))
    assert promised == disk.freed_by(gone)


@pytest.mark.long
@settings(max_examples=rounds(10, 300))
@given(disks(), st.randoms(use_true_random=False))
def test_the_order_of_the_files_changes_nothing(disk, random):
    before = disk.frame()
    random.shuffle(disk.files)
    pd.testing.assert_frame_equal(disk.frame(), before)


def test_two_names_of_one_inode_are_shown_and_free_nothing():
    disk = Disk([])
    for _ in range(2):
        disk.add(3, inode=10**18 + 1, links=2)
    frame = disk.frame()
    assert len(frame) == 2
    assert frame[["frees_disk", "frees_store"]].sum().sum() == 0


def test_neighboring_large_inodes_are_two():
    disk = Disk([])
    disk.add(3, inode=2**63 + 1)
    disk.add(3, inode=2**63 + 2)
    assert disk.frame()["frees_disk"].sum() == 3000


def test_a_name_that_nobody_ingested_keeps_the_bytes():
    disk = Disk([[2, 1]])
    disk.add(2)
    disk.add(1, links=2)
    assert disk.frame()["frees_disk"].sum() == 0


def test_a_symbolic_link_is_not_a_name_of_its_inode():
    disk = Disk([[2, 1]])
    disk.add(2)
    disk.add(1, inode=10**18 + 900, links=-1)
    assert disk.frame()["frees_disk"].sum() == 0
    disk.add(1, inode=10**18 + 900, links=1)
    assert disk.frame()["frees_disk"].sum() == 1000


def links_of(disk):
    return disk.frame().set_index("file_id")["link_of"].dropna().to_dict()


def test_names_of_one_file_are_links_of_one_of_them():
    disk = Disk([[2, 1]])
    disk.add(2)
    for _ in range(3):
        disk.add(1, inode=10**18 + 900, links=3)
    frame = disk.frame().set_index("file_id")
    assert links_of(disk) == {3: "/pictures/2.jpg", 4: "/pictures/2.jpg"}
    assert frame["frees_disk"].to_dict() == {1: 0, 2: 1000, 3: 0, 4: 0}
    disk.files[2]["is_reference"] = True
    assert links_of(disk) == {2: "/pictures/3.jpg", 4: "/pictures/3.jpg"}, "of the name that stays"
    assert disk.frame()["frees_disk"].sum() == 0


def test_the_names_of_the_kept_file_are_links_of_it():
    disk = Disk([[2, 1]])
    for _ in range(2):
        disk.add(2, inode=10**18 + 900, links=2)
    disk.add(1)
    assert links_of(disk) == {2: "/pictures/1.jpg"}


def test_a_symbolic_link_is_of_the_file_that_it_leads_to():
    disk = Disk([[2, 1]])
    disk.add(2)
    disk.add(1, inode=10**18 + 900, links=-1, target="/elsewhere/../pictures/3.jpg")
    disk.add(1, inode=10**18 + 900, links=1)
    frame = disk.frame().set_index("file_id")
    assert links_of(disk) == {2: "/pictures/3.jpg"}, "as the cluster names it"
    assert frame["frees_disk"].to_dict() == {1: 0, 2: 0, 3: 1000}, "no link frees anything"
    disk.files[2]["is_listed"] = False
    assert links_of(disk) == {2: "/elsewhere/../pictures/3.jpg"}


def test_only_present_files_in_place_are_links():
    disk = Disk([[2, 1]])
    disk.add(2)
    for kept, state in (("reference", "present"), ("reference", "missing"), ("copy", "present")):
        disk.add(1, kept, inode=10**18 + 900, links=1, state=state)
    assert links_of(disk) == {}


def test_one_path_of_two_users_is_one_file():
    disk = Disk([[2, 1]])
    disk.add(2)
    for user in ("ann", "bob"):
        disk.add(1, inode=10**18 + 900, links=1, path="/pictures/x.jpg", user=user)
    assert links_of(disk) == {3: "/pictures/x.jpg"}
    assert disk.frame()["frees_disk"].sum() == 1000


@settings(max_examples=rounds(10, 300))
@given(disks())
def test_a_link_frees_nothing_and_is_of_a_file_that_is_none(disk):
    frame = disk.frame()
    is_link = frame["link_of"].notna()
    assert frame.loc[is_link, ["frees_disk", "frees_store"]].sum().sum() == 0
    assert set(frame.loc[is_link, "link_of"]) <= set(frame.loc[~is_link, "path"])
    assert not (is_link & frame["is_keeper"]).any()


def test_one_blob_for_three_uploads_frees_once_and_not_beside_the_keeper():
    disk = Disk([[2, 1]])
    for image_id in (2, 2, 1, 1, 1):
        disk.add(image_id, "upload")
    frame = disk.frame()
    assert frame["frees_store"].tolist() == [0, 0, 1000, 0, 0]
    assert frame["frees_disk"].sum() == 0


def test_which_of_equal_files_is_kept():
    disk = Disk([])
    later = disk.add(1, filename="a.jpg", taken_in=DAY + pd.Timedelta(1, "D"))
    copied = disk.add(1, filename="a (1).jpg")
    oldest = disk.add(1, filename="a.jpg")
    frame = disk.frame()
    assert frame["file_id"].tolist() == [oldest, later, copied]
    disk.files[copied - 1]["is_reference"] = True
    frame = disk.frame()
    assert frame.loc[frame["is_keeper"], "file_id"].tolist() == [copied]


def test_a_missing_file_is_never_kept_and_frees_nothing():
    disk = Disk([[2, 1]])
    disk.add(2, state="missing")
    there = disk.add(1)
    other = disk.add(1)
    frame = disk.frame()
    assert frame.loc[frame["is_keeper"], "file_id"].tolist() == [there]
    assert frame.set_index("file_id")["frees_disk"].to_dict() == {1: 0, there: 0, other: 1000}


@pytest.mark.parametrize(
    "name",
    ["IMG (1).jpg", "IMG(12).png", "IMG - Copy.jpg", "IMG - Copy (2).jpg", "IMG_copy.jpg",
     "IMG copy 3.jpg", "Copy of IMG.jpg", "copy2_of_74.jpg", "Kopie von IMG.jpg", "IMG (copy).jpg",
     "IMG - Kopie.jpg"],
)  # fmt: skip
def test_names_of_copies(name):
    assert has_copy_name(name)


@pytest.mark.parametrize(
    "name",
    ["IMG_0001.jpg", "photocopy.jpg", "copyright notice.jpg", "party (2019).jpg", "a copy shop.jpg",
     "", ".jpg", "hardcopy.png", "1.jpg"],
)  # fmt: skip
def test_names_of_originals(name):
    assert not has_copy_name(name)


@pytest.mark.long
def test_rows_and_work_grow_with_the_number_of_files(monkeypatch):
    """One picture under many names: a row for each, and work for each name, not each pair."""
    looked = Counter()
    monkeypatch.setattr(
        keeper, "has_copy_name", lambda name: looked.update(["names"]) or has_copy_name(name)
    )
    for number in (10_000, 20_000):
        disk = Disk([])
        for _ in range(number):
            disk.add(1, filename="a (1).jpg")
        looked.clear()
        images = pd.DataFrame(
            {
                "image_id": [1],
                "digest": "d",
                "filename": "f",
                "width": 4,
                "height": 3,
                "bytes": 1000,
            }
        )
        files = pd.DataFrame(disk.files, columns=FILE_FACTS)
        frame = frames.file_frame(disk.grouped(), images, files, keeper.file_order, keepers)
        assert len(frame) == number
        assert looked["names"] == number
        assert frame["frees_disk"].sum() == 1000 * (number - 1)
