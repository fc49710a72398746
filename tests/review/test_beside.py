"""What belongs to a file by its name: it goes along, or is told to stay; never silently alone."""

import os
import shutil

import pandas as pd
import pytest

from imgurer_kernel.review.companion_names import NamesBeside
from imgurer_kernel.ui.models.review_steps import Preview
from tests.review.folders import IN_PLACE, LARGE, OTHER, SMALL, bytes_below
from tests.support.forms import pairs, thinned

# Files that each program writes beside a picture; the picture first.
ALONE = {
    "Takeout, its word cut": ("b.jpg", "b.jpg.supplemental-me.json"),
    "Takeout, its word gone": ("b.jpg", "b.jpg..json"),
    "Takeout, second of a name": ("b(1).jpg", "b.jpg.supplemental-metadata(1).json"),
    "Takeout, second, earlier": ("b(1).jpg", "b.jpg(1).json"),
    "Takeout, edited, second": ("b-edited(1).jpg", "b.jpg.supplemental-metadata(1).json"),
    "Takeout, long name": (f"{'b' * 44}.jpg", f"{'b' * 44}.j.json"),
    "Takeout, long name, not ASCII": (f"{'ü' * 44}.jpg", f"{'ü' * 44}.j.json"),
    "RawTherapee": ("b.jpg", "b.jpg.pp3"),
    "iPhone, edits before": ("IMG_0001.JPG", "IMG_O0001.AAE"),
    "darktable, a version": ("b.jpg", "b_01.jpg.xmp"),
    "DxO": ("b.jpg", "b.jpg.dop"),
    "Canon": ("b.jpg", "B.VRD"),
}
# The picture, its sidecar, and another file that the sidecar is of, too, or instead.
SHARED = {
    "Takeout, edited": ("b.jpg", "b.jpg.supplemental-metadata.json", "b-edited.jpg"),
    "Takeout, edited, second": ("b(1).jpg", "b.jpg(1).json", "b-bearbeitet(1).jpg"),
    "raw": ("b.jpg", "b.pp3", "b.NEF"),
    "name like a version": ("b.jpg", "b_01.jpg.xmp", "b_01.jpg"),
    "iPhone": ("IMG_0001.JPG", "IMG_O0001.AAE", "IMG_O0001.JPG"),
}


def fill(wb):
    """A picture and its copy, to which each test gives a name."""
    folder = wb.settings.root.parent / "in"
    (folder / "sub").mkdir(parents=True)
    (folder / "a.jpg").write_bytes(LARGE)
    (folder / "z.jpg").write_bytes(OTHER)
    wb.ingest(folder, progress=False)
    wb.queue(progress=False)


@pytest.fixture
def wb(new_place):
    return new_place(fill, **IN_PLACE)


@pytest.fixture
def folder(wb):
    return wb.settings.root.parent / "in"


def put(wb, folder, *names, picture=LARGE):
    """Write a picture and what lies beside it, and plan to remove it."""
    (folder / "sub" / names[0]).write_bytes(picture)
    for name in names[1:]:
        (folder / "sub" / name).write_bytes(f"of {name}".encode())
    wb.ingest(folder, progress=False)
    ids = wb.files().set_index("filename")["file_id"]
    row = {"file_id": [ids[names[0]]], "act": "trash", "keeper_id": ids["a.jpg"]}
    return pd.DataFrame(row)


@pytest.mark.parametrize("name", thinned(ALONE, 3))
def test_a_sidecar_of_any_program_goes_along_and_comes_back(wb, folder, name):
    names = ALONE[name]
    plan = put(wb, folder, *names)
    before = bytes_below(folder)
    foreseen = wb.apply(plan, dry_run=True, progress=False)
    done = wb.apply(plan, progress=False)
    assert bytes_below(folder, trash=False).keys() == {"a.jpg", "z.jpg"}
    assert foreseen["along"].tolist() == done["along"].tolist() == [names[1]]
    assert done["left"].tolist() == [""]
    wb.undo(progress=False)
    assert bytes_below(folder) == before


@pytest.mark.parametrize("names", SHARED.values(), ids=SHARED)
def test_a_sidecar_stays_with_another_file_that_it_is_of(wb, folder, names):
    plan = put(wb, folder, *names)
    done = wb.apply(plan, progress=False)
    assert {f"sub/{name}" for name in names[1:]} <= bytes_below(folder, trash=False).keys()
    assert done["along"].tolist() == [""]


def test_a_version_goes_with_the_file_of_its_own_name(wb, folder):
    plan = put(wb, folder, "b_01.jpg", "b_01.jpg.xmp", "b.jpg")
    done = wb.apply(plan, progress=False)
    assert bytes_below(folder, trash=False).keys() == {"a.jpg", "z.jpg", "sub/b.jpg"}
    assert done["along"].tolist() == ["b_01.jpg.xmp"]


@pytest.mark.parametrize(("half", "dry_run"), pairs(["B.MOV", "b.CR2", "b.wav"], [True, False]))
def test_a_video_or_raw_file_that_is_left_alone_is_told(wb, folder, half, dry_run):
    plan = put(wb, folder, "b.jpg", half, "other.mov")
    done = wb.apply(plan, dry_run=dry_run, progress=False)
    assert done["left"].tolist() == [half]
    assert f"sub/{half}" in bytes_below(folder, trash=False)


def test_a_sidecar_that_cannot_go_along_is_told(wb, folder, tmp_path):
    plan = put(wb, folder, "b.jpg")
    (tmp_path / "outside").write_bytes(b"of another folder")
    (folder / "sub/b.xmp").symlink_to(tmp_path / "outside")
    done = wb.apply(plan, progress=False)
    assert (done["along"].tolist(), done["left"].tolist()) == ([""], ["b.xmp"])


def test_what_the_trash_of_the_system_leaves_is_told(wb, folder, monkeypatch):
    pytest.importorskip("send2trash")
    monkeypatch.setattr(
        "imgurer_kernel.review.runner.send",
        lambda path: shutil.move(os.fsdecode(path), folder.parent),
    )
    plan = put(wb, folder, "b.jpg", "b.xmp").assign(act="system-trash")
    foreseen = wb.apply(plan, dry_run=True, progress=False)
    done = wb.apply(plan, progress=False)
    assert foreseen["left"].tolist() == done["left"].tolist() == ["b.xmp"]
    assert done["along"].tolist() == [""]


def test_a_refused_file_has_nothing_beside_it(wb, folder):
    plan = put(wb, folder, "b.jpg", "b.xmp", "b.mov")
    (folder / "sub/b.jpg").write_bytes(SMALL)
    done = wb.apply(plan, progress=False)
    assert done[["status", "along", "left"]].to_numpy().tolist() == [["refused", "", ""]]


@pytest.mark.parametrize(
    "beside", thinned(["b.jpg.xmp", "b.jpg.supplemental-meta.json", "b.mov", "b.CR2"], 2)
)
def test_of_equal_files_the_one_with_a_companion_is_kept(wb, folder, beside):
    put(wb, folder, "b.jpg", beside)
    plan = wb.plan(progress=False)
    assert plan["path"].tolist() == [str(folder / "a.jpg")]
    assert plan["reason"].str.contains("raw file or a video").all()


def test_a_plan_says_what_goes_along_and_what_is_left(wb, folder):
    put(wb, folder, "b.jpg", "b.jpg.xmp", "b.mov", picture=SMALL)
    plan = wb.plan(progress=False)
    assert plan[["filename", "along", "left"]].to_numpy().tolist() == [
        ["b.jpg", "b.jpg.xmp", "b.mov"]
    ]
    told = wb.preview(progress=False).attrs
    assert told["along"] == [str(folder / "sub/b.jpg.xmp")]
    assert told["left"] == [str(folder / "sub/b.mov")]
    queue = wb.queue(progress=False).assign(is_own=True)
    looked = wb.apply(plan, dry_run="quick", progress=False)
    facts = dict(Preview.of(queue, plan, looked).facts)
    assert facts["Along with them"] == "1 sidecar"
    assert facts["Left without their picture"] == "b.mov"


@pytest.mark.parametrize("name", ALONE)
def test_a_sidecar_of_any_program_is_known_by_its_name(name):
    picture, sidecar = map(os.fsencode, ALONE[name])
    assert list(NamesBeside.of([b"a.jpg", picture, sidecar]).sidecars_of(picture)) == [sidecar]


def test_names_that_only_begin_alike_are_strangers():
    names = [b"a.jpg", b"ab.jpg", b"a.jpg.html.json", b"ab.jpg.xmp", b"a b.mov", b"a_1.jpg.xmp"]
    assert list(NamesBeside.of(names).sidecars_of(b"a.jpg")) == []
    assert NamesBeside.of(names).other_halves_of(b"a.jpg") == []
