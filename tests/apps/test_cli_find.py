"""`imgurer find`: its output as text, JSON, CSV and HTML."""

import json
import os
import re

import pytest

from imgurer_kernel.apps.cli.commands import find
from imgurer_kernel.apps.cli.parser import main
from imgurer_kernel.common.text import human_bytes
from imgurer_kernel.report.writers import read_csv
from tests.review.folders import make_folder
from tests.support.pictures import encode, jpeg, resized, scene


@pytest.fixture
def complaints(tmp_path, monkeypatch, capsys):
    """Search a folder with files that are not pictures; return the lines of standard error."""
    monkeypatch.setenv("IMGURER_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "in"
    folder.mkdir()

    def call(number, *words):
        for each in range(number):
            (folder / f"{each}.jpg").write_text("no picture")
        assert main([*words, "find", str(folder)]) == 1
        return capsys.readouterr().err.splitlines()

    return call


def test_one_file_that_cannot_be_read_is_named_with_the_reason(complaints):
    head, line = complaints(1)
    assert head == "imgurer: 1 file could not be read as a picture"
    assert "/in/0.jpg: " in line
    assert line.partition("0.jpg: ")[2], "why"


def test_the_first_are_named_and_all_for_programs(complaints, monkeypatch):
    monkeypatch.setattr(find, "_SHOWN", 2)
    head, *lines, last = complaints(4)
    assert head == "imgurer: 4 files could not be read as pictures"
    assert ["0.jpg" in lines[0], "1.jpg" in lines[1], len(lines)] == [True, True, 2]
    assert "and 2 more" in last
    assert len(complaints(4, "--json")) == 5


def test_a_folder_is_called_one(tmp_path, capsys):
    find._write_rejected({str(tmp_path): "permission denied"}, 20)
    assert capsys.readouterr().err.splitlines() == [
        "imgurer: 1 folder could not be read",
        f"imgurer:   {tmp_path}: permission denied",
    ]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("IMGURER_CACHE", str(tmp_path / "cache"))
    return make_folder(tmp_path / "in")


def test_the_file_to_keep_stands_first(tmp_path, monkeypatch, capsys):
    """Whichever of them the others were compared with."""
    monkeypatch.setenv("IMGURER_CACHE", str(tmp_path / "cache"))
    places = tmp_path / "in", tmp_path / "other"
    for place in places:
        place.mkdir()
    for seed in range(4):
        best = scene(seed, 400, 300)
        (places[seed % 2] / f"{seed}.png").write_bytes(encode(best, "PNG"))
        for size in (320, 240):
            small = encode(resized(best, size, size * 3 // 4), quality=80)
            (places[1 - seed % 2] / f"{seed} {size}.jpg").write_bytes(small)
    root = ["--root", str(tmp_path / "store")]
    assert main([*root, "ingest", "--in-place", *map(str, places)]) == 0
    for command in (["find", *map(str, places)], [*root, "clusters"]):
        capsys.readouterr()
        assert main(command) == 0
        lines = capsys.readouterr().out.splitlines()
        kept = [number for number, line in enumerate(lines) if line.startswith("  keep ")]
        heads = [number for number, line in enumerate(lines) if line.startswith("3 files")]
        assert kept == [head + 1 for head in heads]
        assert len(kept) == 4


@pytest.mark.long
def test_json_has_what_could_not_be_read(folder, capsys):
    (folder / "no.jpg").write_text("no picture")
    assert main(["--json", "find", str(folder)]) == 1
    said = json.loads(capsys.readouterr().out)
    assert len(said["files"]) == 3
    [skipped] = said["skipped"]
    assert (skipped["why"], skipped["place"]) == ("rejected", str(folder / "no.jpg"))
    assert skipped["reason"]
    (folder / "no.jpg").unlink()
    assert main(["--json", "find", str(folder)]) == 0
    assert json.loads(capsys.readouterr().out)["skipped"] == []


def test_csv_is_written_to_a_file_where_one_is_named(folder, tmp_path, capsys):
    assert main(["find", str(folder), "--csv"]) == 0
    answer = capsys.readouterr().out
    out = tmp_path / "found.csv"
    assert main(["find", str(folder), "--csv", str(out)]) == 0
    assert capsys.readouterr().out.startswith(f"{out}: 1 cluster, 2 extra copies, ")
    written = out.read_bytes().decode("utf-8-sig")
    assert out.read_bytes() != written.encode(), "a mark for spreadsheets"
    assert written.splitlines() == answer.splitlines()
    assert len(read_csv(out)) == 3
    # Folders stand before it, or the first one would be taken for the file.
    with pytest.raises(SystemExit):
        main(["find", "--csv", str(folder)])
    assert "folders come before --csv" in capsys.readouterr().err
    assert main(["find", str(folder), "--csv", str(tmp_path / "no/such.csv")]) == 1
    assert "cannot be written" in capsys.readouterr().err


def test_links_are_shown_and_counted_apart(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("IMGURER_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "in"
    folder.mkdir()
    for name in ("a.jpg", "b.jpg"):
        (folder / name).write_bytes(jpeg(1))
    os.link(folder / "a.jpg", folder / "hard.jpg")
    assert main(["find", str(folder)]) == 0
    said = capsys.readouterr().out
    assert "1 extra copy and 1 link, which frees nothing, " in said
    (folder / "soft.jpg").symlink_to("a.jpg")
    assert main(["find", str(folder)]) == 0
    said = capsys.readouterr().out
    size = human_bytes(len(jpeg(1)))
    assert said.splitlines()[-1] == (
        f"1 cluster, 1 extra copy and 2 links, which free nothing, {size} on disk could be freed"
    )
    kept = re.search(r"keep +(\S+)", said)[1]
    links = re.findall(r"link +(\S+)  of (\S+)", said)
    assert len(links) == 2
    assert {of for _, of in links} <= {kept, str(folder / "a.jpg")}
    assert main(["--json", "find", str(folder)]) == 0
    rows = json.loads(capsys.readouterr().out)["files"]
    assert sorted(row["path"] for row in rows if row["link_of"]) == sorted(it for it, _ in links)


@pytest.mark.parametrize(
    ("words", "said"),
    [([], "no pictures in "), (["--min-size", "1G"], "no pictures that the options let through")],
)
def test_where_there_are_no_pictures_it_says_so(folder, tmp_path, capsys, words, said):
    empty = tmp_path / "empty"
    empty.mkdir()
    place = folder if words else empty
    assert main(["find", str(place), *words]) == 0
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith(f"imgurer: there are {said}")
    assert str(place) in captured.err
    assert main(["--json", "find", str(place), *words]) == 0
    assert json.loads(capsys.readouterr().out) == {"files": [], "skipped": []}
    (empty / "notes.txt").write_text("no picture")
    assert main(["find", str(empty)]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.splitlines() == [
        f"imgurer: there are no pictures in {empty}",
        "imgurer: 1 file of another kind was left out: a text file (1)",
    ]


@pytest.mark.long
def test_each_file_is_called_what_it_is_to_the_one_that_is_kept(folder, capsys):
    """Where the medoid is not kept, and where a copy of it is."""
    (folder / "sub/a-small.jpg").rename(folder / "sub/first.jpg")
    assert main(["find", str(folder)]) == 0
    lines = capsys.readouterr().out.splitlines()
    marks = {line.rpartition("/")[2]: line.split()[0] for line in lines if line.startswith("  ")}
    assert marks == {"a.jpg": "keep", "a-copy.jpg": "identical", "first.jpg": "resized"}
    assert main(["--json", "find", str(folder)]) == 0
    rows = json.loads(capsys.readouterr().out)["files"]
    assert {row["filename"]: row["label"] for row in rows} == marks | {"a.jpg": "kept"}
    assert [row["medoid_label"] for row in rows if row["is_medoid"]] == ["medoid"]


def test_no_file_in_the_trash_is_kept_for_one_of_the_user(folder, capsys):
    trash = folder / ".Trash-1000/files"
    trash.mkdir(parents=True)
    for path in list(folder.glob("*.jpg")):
        (trash / path.name).write_bytes(path.read_bytes())
    assert main(["find", str(folder)]) == 0
    first, said = capsys.readouterr()
    assert str(trash) not in first
    assert f"left out: {trash.parent}; name one" in said
    assert main(["find", str(folder), str(trash)]) == 0
    found, said = capsys.readouterr()
    assert str(trash) in found, "whoever names it wants it"
    assert "left out" not in said
    assert main(["find", str(folder)]) == 0
    assert capsys.readouterr().out == first, "though it is known by now"


@pytest.mark.parametrize("words", [("--reference",), ()])
def test_a_folder_that_is_not_there_is_an_error_also_below_another_one(words, folder, capsys):
    assert main(["find", str(folder), *words, str(folder / "sup")]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert f"'{folder}/sup': this path does not exist; check the spelling" in said.err


def test_sidecars_do_not_hide_damaged_pictures(folder, capsys, monkeypatch):
    monkeypatch.setattr(find, "_SHOWN", 1)
    for number in range(3):
        (folder / f"{number}.xmp").write_text("<x:xmpmeta/>")
    (folder / "1.mov").write_bytes(b"\0\0\0\x14ftypqt  " + bytes(999))
    (folder / "zero.jpg").write_bytes(b"")
    for words in (["find"], ["--root", str(folder.parent / "store"), "ingest", "--in-place"]):
        assert main([*words, str(folder)]) == 1
        said = capsys.readouterr()
        lines = (said.err if words == ["find"] else said.out).splitlines()
        assert sum("zero.jpg: the file is empty" in line for line in lines) == 1
        assert not any("xmp" in line for line in lines)
        [line] = [line for line in lines if "of other kinds" in line]
        assert "4 files of other kinds were left out: " in line
        assert "a video (1)" in line


def test_the_page_offers_no_plan_which_no_store_could_apply(folder, tmp_path, capsys):
    page = tmp_path / "found.html"
    assert main(["find", str(folder), "--html", str(page)]) == 0
    text = page.read_text()
    assert '"file_id":[-1,-1,-1]' in text.replace(" ", "")
    assert "imgurer ingest --in-place FOLDER" in text
