import io
import json
import subprocess
import sys
import tarfile

import pytest
from pictures import encode, jpeg, resized, scene

from imgurer_kernel import Settings, Workbench
from imgurer_kernel.cli import main


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "a.jpg").write_bytes(jpeg(0))
    (folder / "a small.jpg").write_bytes(encode(resized(scene(0), 320, 240)))
    (folder / "b.jpg").write_bytes(jpeg(1))
    return folder


@pytest.fixture
def run(tmp_path, capsys):
    """Run a command on a store; returns (status, output, errors)."""

    def call(*words, root=tmp_path / "store"):
        status = main(["--root", str(root), *map(str, words)])
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return call


def answer(run, *words, **kwargs):
    status, out, err = run("--json", *words, **kwargs)
    assert err == ""
    return status, json.loads(out)


def test_ingest_counts_and_says_what_was_rejected(run, folder):
    status, out, _ = run("ingest", folder)
    assert (status, out) == (0, "3 added, 0 already here, 0 rejected\n")
    (folder / "notes.jpg").write_text("no picture")
    status, out, _ = run("ingest", folder)
    assert status == 1
    assert "notes.jpg" in out
    assert "0 added, 3 already here, 1 rejected" in out


def test_json_has_no_nan_and_whole_ids(run, folder):
    (folder / "notes.jpg").write_text("no picture")
    status, rows = answer(run, "ingest", folder)
    assert status == 1
    assert [row["image_id"] for row in rows] == [1, 2, 3, None]
    assert rows[3]["digest"] is None


def test_similar_by_file_and_by_id(run, folder):
    run("ingest", folder)
    status, rows = answer(run, "similar", folder / "a.jpg")
    assert status == 0
    assert {row["filename"] for row in rows} == {"a.jpg", "a small.jpg"}
    [nearest] = answer(run, "similar", rows[0]["image_id"], "--limit", 1)[1]
    assert nearest["image_id"] == rows[0]["image_id"]


def test_clusters(run, folder):
    run("ingest", folder)
    status, rows = answer(run, "clusters")
    assert status == 0
    assert {row["filename"] for row in rows} == {"a.jpg", "a small.jpg"}
    assert "1 clusters, 1 extra copies" in run("clusters")[1]
    assert "0 clusters" in run("clusters", root=folder / "other")[1]


@pytest.mark.parametrize("suffix", ["csv", "json", "html"])
def test_report(run, folder, tmp_path, suffix):
    run("ingest", folder)
    out = tmp_path / f"report.{suffix}"
    assert run("report", "--out", out)[0] == 0
    assert "a small.jpg" in out.read_text(encoding="utf-8")


def test_users(run, folder, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO("correct horse\n"))
    assert run("users", "add", "ada", "--role", "admin", "--password-stdin")[0] == 0
    monkeypatch.setattr("getpass.getpass", lambda prompt: "battery staple")
    assert run("users", "add", "bob")[0] == 0
    assert run("users", "passwd", "bob")[0] == 0
    assert run("users", "disable", "bob")[0] == 0
    rows = {row["name"]: row for row in answer(run, "users", "list")[1]}
    assert rows["ada"]["role"] == "admin"
    assert rows["bob"]["enabled"] is False
    assert run("users", "enable", "bob")[0] == 0
    assert run("ingest", folder, "--user", "ada")[0] == 0
    assert answer(run, "users", "list")[1][0]["pictures"] == 3


def test_passwords_that_differ_change_nothing(run, monkeypatch):
    typed = iter(["one password", "another one"])
    monkeypatch.setattr("getpass.getpass", lambda prompt: next(typed))
    status, _, err = run("users", "add", "ada")
    assert status == 1
    assert "differ" in err
    assert answer(run, "users", "list")[1] == []


def test_check_and_rebuild_index(run, folder, tmp_path):
    run("ingest", folder)
    assert run("check")[0] == 0
    assert answer(run, "rebuild-index") == (0, [{"images": 3}])
    with Workbench(Settings(root=tmp_path / "store")) as wb:
        blob = wb.blobs.path(wb.images()["digest"].iloc[0])
    blob.unlink()
    status, rows = answer(run, "check")
    assert status == 1
    assert rows[0]["problem"] == "missing original"
    assert run("check", "--repair")[0] == 0
    assert blob.exists()


def test_export_and_import_carry_a_store_over(run, folder, tmp_path):
    run("ingest", folder)
    tar = tmp_path / "store.tar"
    assert run("export", "--out", tar)[0] == 0
    status, rows = answer(run, "import", tar, root=tmp_path / "second")
    assert status == 0
    assert [row["status"] for row in rows] == ["added"] * 3
    with (
        Workbench(Settings(root=tmp_path / "store")) as first,
        Workbench(Settings(root=tmp_path / "second")) as second,
    ):
        columns = ["digest", "filename", "dhash"]
        assert second.images()[columns].equals(first.images()[columns])


def test_an_archive_cannot_write_outside(run, tmp_path):
    tar = tmp_path / "evil.tar"
    with tarfile.open(tar, "w") as archive:
        for name, data in (
            ("holdings.csv", b"user,digest,filename\nlocal,../../evil,x.jpg\n"),
            ("originals/../../evil", b"x"),
        ):
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    status, _, err = run("import", tar)
    assert status == 1
    assert "no archive" in err
    assert not (tmp_path.parent / "evil").exists()


@pytest.mark.parametrize(
    "words", [[], ["nonsense"], ["ingest"], ["users"], ["similar", "--radius", "x"]]
)
def test_wrong_usage(words, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(words)
    assert stopped.value.code == 2
    assert "usage" in capsys.readouterr().err


def test_errors_are_one_line_without_a_traceback(run, tmp_path):
    for words in (
        ["ingest", tmp_path / "nowhere"],
        ["similar", 99],
        ["similar", 1, "--radius", 999],
    ):
        status, out, err = run(*words)
        assert status == 1
        assert out == ""
        assert err.startswith("imgurer: ")
        assert len(err.splitlines()) == 1


def test_root_may_stand_behind_the_command(folder, tmp_path, capsys):
    assert main(["ingest", str(folder), "--root", str(tmp_path / "x")]) == 0
    assert (tmp_path / "x" / "catalog.duckdb").exists()


def test_as_a_module_in_a_process_of_its_own(folder, tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "imgurer_kernel", "--root", str(tmp_path / "s"), "--json",
         "ingest", str(folder)],
        capture_output=True,
        text=True,
        check=True,
    )  # fmt: skip
    assert len(json.loads(done.stdout)) == 3
    assert done.stderr == ""
