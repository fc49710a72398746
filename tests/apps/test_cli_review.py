"""`imgurer review plan`, `apply`, `undo`, `decide` and `journal`."""

import csv
import json
import subprocess

import pytest

from imgurer_kernel.apps.cli.parser import main
from imgurer_kernel.common.text import human_bytes
from tests.review.folders import LARGE, SMALL, bytes_below, make_folder
from tests.support.pictures import encode, scene

SIZE = human_bytes(len(LARGE) + len(SMALL))


@pytest.fixture
def folder(tmp_path):
    return make_folder(tmp_path / "in")


@pytest.fixture
def run(tmp_path, folder, capsys, monkeypatch):
    """Run a command on a store of the folder, in its place; returns (status, output, errors)."""
    monkeypatch.setenv("IMGURER_STORE", "reference")
    root = ["--root", str(tmp_path / "store")]
    assert main([*root, "ingest", str(folder)]) == 0
    capsys.readouterr()

    def call(*words):
        status = main([*root, *map(str, words)])
        return status, *capsys.readouterr()

    return call


def test_the_same_cleaning_from_the_shell(run, folder, tmp_path):
    before = bytes_below(folder)
    status, said, _ = run("review", "plan")
    assert status == 0
    assert "2 files would go" in said
    plan = tmp_path / "plan.csv"
    assert run("review", "plan", "--out", plan)[0] == 0
    status, said, _ = run("review", "apply", plan, "--dry-run")
    assert (status, said.partition(",")[0]) == (0, "would remove 2 files")
    assert bytes_below(folder) == before
    status, said, _ = run("review", "apply", plan)
    assert status == 0
    assert sorted(bytes_below(folder, trash=False)) == ["a.jpg", "b.jpg"]
    assert "in the trash: `imgurer trash empty --older-than 30d` frees the space of what" in said
    batch = said.partition("undo ")[2].partition("`")[0]
    assert batch in run("review", "journal")[1]
    # Once more nothing is left to be done, and that is said row by row.
    status, said, _ = run("review", "apply", plan)
    assert status == 1
    assert said.count(f"already removed by sitting {batch}") == 2
    assert run("review", "undo", batch)[1] == "2 files back in place, 0 not\n"
    assert bytes_below(folder) == before
    assert run("review", "undo", "--last")[1] == "there is nothing to undo\n"
    assert run("review", "undo")[0] == 2
    assert run("review", "undo", "nobody")[0] == 1
    assert {row["state"] for row in json.loads(run("--json", "review", "journal")[1])} == {"undone"}


@pytest.mark.long
def test_a_plan_that_a_spreadsheet_has_written_again(run, folder, tmp_path):
    plan = tmp_path / "plan.csv"
    run("review", "plan", "--out", plan)
    with plan.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    kept = [row for row in rows if row["filename"] == "a-small.jpg"]
    # Semicolons, another order, columns of one's own, a row less, ids as floats, a mark.
    with plan.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file, delimiter=";")
        writer.writerow(["note", "keeper_id", "file_id", "path"])
        writer.writerows(
            ["ok", row["keeper_id"] + ".0", row["file_id"], row["path"]] for row in kept
        )
        writer.writerow(["", "", "", ""])
    assert run("review", "apply", plan)[0] == 0
    assert sorted(bytes_below(folder, trash=False)) == ["a.jpg", "b.jpg", "sub/a-copy.jpg"]


@pytest.mark.long
def test_a_line_names_a_refused_file_once(run, folder, tmp_path):
    plan = tmp_path / "plan.csv"
    run("review", "plan", "--out", plan)
    path = folder / "sub/a-copy.jpg"
    path.write_bytes(b"edited")
    status, said, _ = run("review", "apply", plan)
    assert status == 1
    assert f"refused: {path} has been changed" in said


def test_a_reason_that_many_files_share_is_said_once(run, folder, tmp_path):
    for number in range(9):
        (folder / f"again {number}.jpg").write_bytes((folder / "a.jpg").read_bytes())
    run("ingest", folder)
    plan, goal = tmp_path / "plan.csv", tmp_path / "gone"
    run("review", "plan", "--act", "move", "--out", plan)
    for more in ((), ("--dry-run",)):
        status, said, _ = run("review", "apply", plan, "--to", goal, *more)
        assert status == 1
        assert said.count(str(goal)) == 1
        assert said.startswith(
            f"refused 11 files: {goal} is not a folder; make it, or name another"
        )
        assert sum(line.startswith(f"  {folder}/") for line in said.splitlines()) == 10
        assert "\n  and 1 more; --json lists all\n" in said
        assert "11 refused" in said


def test_a_plan_that_is_not_there(run, tmp_path):
    _, _, errors = run("review", "apply", tmp_path / "plan.csv")
    assert "No such file or directory; check path" in errors
    assert "UTF-8" not in errors


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no column file_id"),
        ("file_id\n1\n", "no column keeper_id"),
        ("file_id,keeper_id\nx,1\n", "whole number"),
        ("file_id,keeper_id\n2,1\n2,1\n", "twice"),
        ("file_id,keeper_id\n1,2,3\n", "more cells"),
        ("file_id,file_id,keeper_id\n1,2,3\n", "twice"),
        ("\xff", "not UTF-8"),
        ('file_id,keeper_id\n"1,2\n', "not a table"),
    ],
)
def test_a_file_that_is_not_a_plan_is_refused(run, tmp_path, text, why):
    plan = tmp_path / "plan.csv"
    plan.write_bytes(text.encode("latin-1"))
    status, _, errors = run("review", "apply", plan)
    assert status == 1
    assert why in errors


def test_a_plan_that_names_paths_outside(run, folder, tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    plan = tmp_path / "plan.csv"
    plan.write_text(f"file_id,keeper_id,path\n3,1,{tmp_path}/mine.txt\n")
    before = bytes_below(folder)
    status, said, _ = run("review", "apply", plan)
    assert status == 1
    assert "as the plan says" in said
    assert bytes_below(folder) == before
    assert (tmp_path / "mine.txt").exists()


@pytest.mark.long
def test_a_script_moves_what_the_plan_moves(run, folder, tmp_path):
    (folder / 'it\'s a "copy" $(touch x).jpg').write_bytes((folder / "a.jpg").read_bytes())
    run("ingest", folder)
    script = tmp_path / "plan.sh"
    assert run("review", "plan", "--out", script)[0] == 0
    subprocess.run(["sh", str(script)], check=True, cwd=tmp_path)
    assert sorted(bytes_below(folder, trash=False)) == ["a.jpg", "b.jpg"]
    assert not (tmp_path / "x").exists()
    moved = bytes_below(folder / ".imgurer-trash").values()
    assert len(moved) == 3


def test_a_script_counts_what_it_does_and_names_what_it_leaves_out(run, folder, tmp_path):
    script = tmp_path / "plan.sh"
    status, said, _ = run("review", "plan", "--out", script)
    assert (status, said) == (0, f"{script}: 2 files would go, {SIZE}; nothing was done\n")
    # A link is no move, and a copy of another size can be none.
    status, said, _ = run("review", "plan", "--out", script, "--act", "link")
    assert status == 1
    assert "refused: " in said
    assert "only exact copies on disk" in said
    assert f"{script}: 0 files would go, 0 bytes; nothing was done\n1 file left out, " in said
    assert run("review", "plan", "--out", script, "--act", "move")[1].count("no folder") == 2
    (folder / "sub/a-copy.jpg").write_bytes(b"edited")
    status, said, _ = run("review", "plan", "--out", script)
    assert said.splitlines()[-1].startswith(f"{script}: 1 file would go, ")
    rows = json.loads(run("--json", "review", "plan", "--out", script)[1])
    assert [row["filename"] for row in rows] == ["a-small.jpg"]


def test_a_script_leaves_out_what_is_in_the_store(run, folder, tmp_path, monkeypatch):
    monkeypatch.setenv("IMGURER_STORE", "copy")
    script, root = tmp_path / "plan.sh", ["--root", str(tmp_path / "other")]
    assert main([*root, "ingest", str(folder)]) == 0
    status, said, _ = run(*root, "review", "plan", "--out", script)
    assert status == 0
    assert f"{script}: 0 files would go, 0 bytes; nothing was done\n2 files left out, " in said
    assert b"\nremove '" not in script.read_bytes()


@pytest.mark.long
def test_names_that_look_like_formulas(run, folder, tmp_path):
    (folder / "=cmd.jpg").write_bytes((folder / "a.jpg").read_bytes())
    (folder / "'-1.jpg").write_bytes((folder / "a.jpg").read_bytes())
    run("ingest", folder)
    plan = tmp_path / "plan.csv"
    run("review", "plan", "--out", plan, "--where", "folder NOT LIKE '%/sub'")
    assert ",=cmd" not in plan.read_text(encoding="utf-8-sig")
    assert run("review", "apply", plan)[0] == 0
    assert sorted(bytes_below(folder, trash=False)) == [
        "a.jpg", "b.jpg", "sub/a-copy.jpg", "sub/a-small.jpg",
    ]  # fmt: skip


def test_decisions_and_policies(run, folder, tmp_path):
    before = len(bytes_below(folder))
    assert run("review", "decide", "different", 1, 3, "--reason", "seen")[1] == (
        "2 pictures: different\n"
    )
    plan = tmp_path / "plan.csv"
    run("review", "plan", "--out", plan)
    assert "a-small" not in plan.read_text(encoding="utf-8-sig")
    run("review", "plan", "--out", plan, "--folders", folder / "sub")
    assert "/a.jpg" in plan.read_text(encoding="utf-8-sig").splitlines()[1].split(",")[1]
    assert run("review", "plan", "--policy", "nonsense")[0] == 1
    assert "0 files would go" in run("review", "plan", "--reference", folder)[1]
    assert len(bytes_below(folder)) == before


def test_what_lies_beside_and_what_only_removed_files_know_is_told(run, folder, tmp_path):
    packet = b"<x:xmpmeta><a xmp:Rating='4'/></x:xmpmeta>"
    (folder / "sub/a-small.jpg").write_bytes(encode(scene(3, 160, 120), xmp=packet))
    for name in ("a-small.jpg.xmp", "a-small.mov"):
        (folder / "sub" / name).write_bytes(b"of the small one")
    run("ingest", folder)
    before = bytes_below(folder)
    plan = tmp_path / "plan.csv"
    for words in (("plan",), ("plan", "--out", plan), ("apply", plan, "--dry-run")):
        said = run("review", *words)[1]
        assert "along with them: 1 sidecar\n" in said
        assert f"without their picture: {folder}/sub/a-small.mov\n" in said
        assert words[0] == "apply" or "only files that go have 1 fact (rating)" in said
    said = run("review", "apply", plan, "--sidecars")[1]
    assert said.endswith("sidecars written: 1\n")
    assert b'Rating="4"' in (folder / "a.jpg.xmp").read_bytes()
    batch = said.partition("undo ")[2].partition("`")[0]
    assert run("review", "undo", batch)[1] == (
        "2 files back in place with 1 sidecar, 1 written sidecar deleted, 0 not\n"
    )
    assert bytes_below(folder) == before
