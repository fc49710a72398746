"""Small twins of the kinds of cases that are about files: drawn here, so that they always run."""

import json
import os
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image

from imgurer_kernel import Settings, Workbench
from imgurer_kernel.apps.cli.parser import main
from tests.support.pictures import encode, jpeg, scene


@pytest.fixture
def wb(tmp_path):
    with Workbench(Settings(root=tmp_path / "store", store="reference")) as wb:
        yield wb


def write(path, data):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def test_exact_copies_and_hard_links(wb, tmp_path):
    """Case 19: byte copies are a cluster, a hard link is shown and frees nothing."""
    library, new = tmp_path / "in" / "library", tmp_path / "in" / "new"
    for path in (library / "a.jpg", new / "copy_of_a.jpg", new / "copy2_of_a.jpg"):
        write(path, jpeg(1))
    os.link(write(library / "b.jpg", jpeg(2)), library / "hardlink.jpg")
    write(new / "reencoded b.jpg", encode(scene(2), quality=60))
    wb.ingest(tmp_path / "in", progress=False)
    frame = wb.clusters(progress=False)
    assert frame.groupby("cluster_id").size().tolist() == [3, 3]
    groups = [set(part["filename"]) for _, part in frame.groupby("cluster_id")]
    assert {"a.jpg", "copy_of_a.jpg", "copy2_of_a.jpg"} in groups
    assert {"b.jpg", "hardlink.jpg", "reencoded b.jpg"} in groups
    rows = frame.set_index("filename")
    assert rows.index[rows["is_keeper"]].tolist().count("a.jpg") == 1, "no copy's name is kept"
    assert rows.loc["copy_of_a.jpg", "frees_disk"] == len(jpeg(1))
    assert rows.loc["copy2_of_a.jpg", "frees_disk"] == len(jpeg(1))
    assert rows.loc[["b.jpg", "hardlink.jpg"], "frees_disk"].sum() == 0
    assert rows.loc["reencoded b.jpg", "frees_disk"] == rows.loc["reencoded b.jpg", "bytes"]


def test_same_names_in_three_folders(tmp_path, capsys):
    """Case 41: clusters, JSON and report tell three files of one name apart by their paths."""
    paths = [
        str(write(tmp_path / "in" / f"DCIM{k}" / "IMG_0001.jpg", encode(scene(3), quality=90 - k)))
        for k in range(3)
    ]
    root = ["--root", str(tmp_path / "store")]
    assert main([*root, "ingest", str(tmp_path / "in")]) == 0
    capsys.readouterr()
    assert main([*root, "clusters"]) == 0
    shown = capsys.readouterr().out
    assert main([*root, "--json", "clusters"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert sorted(row["path"] for row in rows) == paths
    for suffix in ("csv", "html"):
        assert main([*root, "report", "--out", str(tmp_path / f"report.{suffix}")]) == 0
    table = pd.read_csv(tmp_path / "report.csv")
    assert sorted(table["path"]) == paths
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    for path in paths:
        assert path in shown
        assert json.dumps(str(Path(path).parent)) in page


def test_of_two_equal_files_the_first_is_added(wb, tmp_path):
    """Case 44: the first has no reason, the second says whose bytes it has."""
    write(tmp_path / "in" / "a.jpg", jpeg(4))
    write(tmp_path / "in" / "b.jpg", jpeg(4))
    frame = wb.ingest(tmp_path / "in", progress=False)
    assert frame["status"].tolist() == ["added", "duplicate"]
    assert frame["reason"].iloc[0] == ""
    assert "a.jpg" in frame["reason"].iloc[1]


def test_flat_pictures_are_the_same_by_their_pixels_alone(wb, tmp_path):
    """Case 14: one colour in two formats is one picture; another colour, another size is none."""
    folder = tmp_path / "in"
    folder.mkdir()
    Image.new("RGB", (64, 48), (0, 0, 254)).save(folder / "blue.png")
    Image.new("RGB", (64, 48), (0, 0, 254)).save(folder / "blue.jpg", quality=100)
    Image.new("RGB", (64, 48), "white").save(folder / "white.png")
    Image.new("RGB", (32, 24), (0, 0, 254)).save(folder / "blue_small.png")
    wb.ingest(folder, progress=False)
    frame = wb.clusters(progress=False)
    assert sorted(Path(path).name for path in frame["path"]) == ["blue.jpg", "blue.png"]
