"""The trash from the shell: `imgurer forget`, `imgurer trash list`, `restore` and `empty`."""

import json

import pytest

from imgurer_kernel.apps.cli.parser import main
from tests.support.pictures import jpeg


@pytest.fixture
def run(tmp_path, capsys):
    """Run a command on a store of two pictures; returns (status, output, errors)."""
    for seed in range(2):
        (tmp_path / f"{seed}.jpg").write_bytes(jpeg(seed))
    root = ["--root", str(tmp_path / "store")]
    assert main([*root, "ingest", str(tmp_path / "?.jpg")]) == 0
    capsys.readouterr()

    def call(*words):
        status = main([*root, *map(str, words)])
        return status, *capsys.readouterr()

    return call


def rows(run, *words):
    status, out, _ = run("--json", *words)
    assert status == 0
    return json.loads(out)


def test_forgotten_listed_restored_and_deleted_permanently(run, tmp_path):
    status, said, _ = run("forget", 1, 2)
    assert status == 0
    assert said.startswith("2 pictures forgotten, 2 of which nobody has any more")
    first, second = sorted(rows(run, "trash", "list"), key=lambda row: row["file_id"])
    assert first["path"] == str(tmp_path / "0.jpg")
    assert "0.jpg" in run("trash", "list")[1]
    assert run("trash", "restore", first["file_id"])[1] == "1 file restored\n"
    assert run("trash", "restore", first["file_id"])[:2] == (0, "0 files restored\n")
    assert rows(run, "similar", tmp_path / "0.jpg")[0]["image_id"] == first["image_id"]
    assert run("trash", "empty", "--older-than", "30d")[1] == "0 files deleted permanently\n"
    assert rows(run, "trash", "empty", "--older-than", "0d") == [{"deleted": 1, "left": []}]
    assert run("trash", "list")[1] == "the trash is empty\n"
    assert run("trash", "restore", second["file_id"])[0] == 1
    assert run("check")[0] == 0


def test_one_file_and_all(run):
    [row] = rows(run, "forget", "--files", 2)
    assert row == {"file_id": 2, "gone": True}
    assert [row["file_id"] for row in rows(run, "trash", "restore", "--all")] == [2]


@pytest.mark.parametrize(
    "words",
    [
        ["forget"],
        ["forget", "a.jpg"],
        ["forget", "0"],
        ["trash"],
        ["trash", "empty"],
        ["trash", "empty", "--older-than", "-1d"],
        ["trash", "empty", "--older-than", "30"],
        ["trash", "restore", "1", "--all"],
    ],
)
def test_wrong_usage(run, words):
    with pytest.raises(SystemExit) as stopped:
        run(*words)
    assert stopped.value.code == 2


@pytest.mark.parametrize(
    "words", [["forget", 99], ["forget", "--files", 99], ["trash", "restore", 9]]
)
def test_unknown_ids_are_errors(run, words):
    status, out, complaint = run(*words)
    assert (status, out, complaint.count("\n")) == (1, "", 1)


def test_restoring_nothing_in_particular_is_wrong_usage(run):
    status, out, complaint = run("trash", "restore")
    assert (status, out) == (2, "")
    assert "--all" in complaint


def test_commands_that_change_files_are_in_the_log(run, tmp_path):
    run("forget", 1)
    run("trash", "restore", "--all")
    lines = (tmp_path / "store" / "log" / "events.jsonl").read_text().splitlines()
    events = [json.loads(line) for line in lines]
    assert [(it["event"], it["process"]) for it in events] == [
        ("forgotten", "command"),
        ("restored", "command"),
    ]
