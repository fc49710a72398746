import io
import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pandas as pd
import pytest

from imgurer_kernel import Settings, Workbench
from imgurer_kernel.apps.cli.commands import COMMANDS, GROUPS
from imgurer_kernel.apps.cli.parser import build_parser, main
from imgurer_kernel.report.evaluation.transforms import TRANSFORMS
from imgurer_kernel.workbench.search import calibrate
from tests.support.forms import pairs, thinned
from tests.support.pictures import encode, jpeg, resized, scene


def write_pictures(folder):
    """A picture, a smaller copy of it, and another one."""
    folder.mkdir()
    (folder / "a.jpg").write_bytes(jpeg(0))
    (folder / "a small.jpg").write_bytes(encode(resized(scene(0), 320, 240)))
    (folder / "b.jpg").write_bytes(jpeg(1))
    return folder


@pytest.fixture
def folder(tmp_path):
    return write_pictures(tmp_path / "in")


def fill(wb):
    """The pictures of `folder`, in order of their names as a command ingests them."""
    folder = write_pictures(wb.settings.root.with_name(f"{wb.settings.root.name} in"))
    wb.ingest(folder, progress=False)
    wb.queue(progress=False)  # so that no test has to search and measure


@pytest.fixture
def ingested(new_store, tmp_path):
    """The store that `run` uses has the pictures of `folder`."""
    wb = new_store(fill)
    wb.close()
    wb.settings.root.rename(tmp_path / "store")


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
    # The first command that needs a store says that it made one.
    assert "".join(line for line in err.splitlines() if "a new one was made" not in line) == ""
    return status, json.loads(out)


def test_ingest_says_what_was_damaged(run, tmp_path):
    whole = encode(scene(3), quality=85)
    folder = tmp_path / "pictures"
    folder.mkdir()
    (folder / "whole.jpg").write_bytes(whole)
    middle = len(whole) // 2
    (folder / "broken.jpg").write_bytes(whole[:middle] + whole[middle + 400 :])
    _, out, _ = run("ingest", folder)
    damaged, figures = out.splitlines()
    assert damaged.startswith(f"added {folder / 'broken.jpg'}: damaged: the data")
    assert figures == "2 added, 0 already here, 0 rejected"


def test_ingest_counts_and_says_what_was_rejected(run, folder):
    status, out, _ = run("ingest", folder)
    assert (status, out) == (0, "3 added, 0 already here, 0 rejected\n")
    (folder / "notes.jpg").write_text("no picture")
    status, out, _ = run("ingest", folder)
    assert status == 1
    rejected, figures = out.splitlines()
    assert rejected.startswith(f"rejected {folder / 'notes.jpg'}: ")
    assert figures == "0 added, 0 already here, 1 rejected, 3 unchanged"


def test_ingest_says_what_has_become_of_files(run, folder):
    names = sorted(path.name for path in folder.glob("*.jpg"))
    assert run("ingest", folder, "--in-place", "--exclude", "*.txt")[0] == 0
    (folder / names[0]).unlink()
    (folder / names[1]).rename(folder / "moved.jpg")
    (folder / names[2]).write_bytes(jpeg(99))
    status, out, _ = run("ingest", folder, "--checksum", "--min-size", 1)
    assert status == 0
    *told, figures = out.splitlines()
    assert sorted(told) == [
        f"changed {folder / names[2]}",
        f"missing {folder / names[0]}",
        f"moved {folder / 'moved.jpg'}",
    ]
    assert figures == "0 added, 0 already here, 0 rejected, 1 changed, 1 moved, 1 missing"
    for path in folder.iterdir():
        path.unlink()
    status, out, _ = run("ingest", folder)
    assert (status, "is the drive mounted?" in out) == (1, True)
    status, out, _ = run("ingest", folder, "--prune")
    assert (status, out.splitlines()[-1]) == (0, "0 added, 0 already here, 0 rejected, 2 missing")
    with pytest.raises(SystemExit):
        run("ingest", folder, "--copy", "--link")


def test_json_has_no_nan_and_whole_ids(run, folder):
    (folder / "notes.jpg").write_text("no picture")
    status, rows = answer(run, "ingest", folder)
    assert status == 1
    assert [row["image_id"] for row in rows] == [1, 2, 3, None]
    assert rows[3]["digest"] is None


def test_lookup_says_what_is_here_and_what_is_not(run, folder, tmp_path):
    run("ingest", folder / "a.jpg")
    (tmp_path / "broken.jpg").write_bytes(b"no picture")
    status, rows = answer(run, "lookup", folder / "a.jpg", tmp_path / "broken.jpg")
    assert status == 1
    assert [row["status"] for row in rows] == ["exact", "rejected"]
    assert rows[0]["filename"] == "a.jpg"


def test_similar_by_file_and_by_id(run, folder):
    run("ingest", folder)
    status, rows = answer(run, "similar", folder / "a.jpg")
    assert status == 0
    assert {row["filename"] for row in rows} == {"a.jpg", "a small.jpg"}
    [nearest] = answer(run, "similar", rows[0]["image_id"], "--limit", 1)[1]
    assert nearest["image_id"] == rows[0]["image_id"]


@pytest.mark.long
def test_clusters(run, ingested):
    status, rows = answer(run, "clusters")
    assert status == 0
    assert {row["filename"] for row in rows} == {"a.jpg", "a small.jpg"}
    assert "1 cluster, 1 extra copy" in run("clusters")[1]
    assert run("clusters", "--radius", 0)[1].splitlines()[-1].endswith("could be freed")


def test_an_empty_store_has_no_clusters(run, tmp_path):
    with Workbench(Settings(root=tmp_path / "store")) as wb:
        wb.statistics()
    assert run("clusters")[1].splitlines()[-1] == (
        "0 clusters, 0 extra copies, 0 bytes could be freed"
    )
    assert answer(run, "clusters") == (0, [])


def test_options_set_how_far_clusters_and_similar_search(run, ingested, tmp_path):
    everything = (
        "\nlooked for re-encoded, resized, turned, mirrored, framed, edited and cropped copies"
    )
    for words in ([], ["--thorough"], ["--radius", 30]):
        assert everything in run("clusters", *words)[1]
    assert "if not much edited\n" in run("clusters", "--radius", 8)[1]
    assert (
        "looked for pictures of similar hashes, without comparing them\n"
        in run("clusters", "--no-verify", "--radius", 7)[1]
    )
    rows = answer(run, "clusters", "--no-verify")[1]
    assert {row["label"] for row in rows} == {"medoid", "near by dHash"}
    run("report", "--no-verify", "--out", tmp_path / "report.csv")
    assert "near by dHash" in (tmp_path / "report.csv").read_text(encoding="utf-8-sig")
    verdicts = {row["verdict"] for row in answer(run, "similar", 1, "--no-verify")[1]}
    assert verdicts == {"exact", "unverified"}


@pytest.mark.parametrize("suffix", thinned(["csv", "json", "html", "xlsx", "parquet"], 5))
def test_report(run, ingested, tmp_path, suffix):
    out = tmp_path / f"report.{suffix}"
    status, said, _ = run("report", "--out", out)
    assert status == 0
    assert said.startswith(f"{out}: 1 cluster, 1 extra copy, ")
    if suffix not in {"parquet", "xlsx"}:  # which are compressed
        assert "a small.jpg" in out.read_text(encoding="utf-8-sig")
    [row] = answer(run, "report", "--out", out)[1]
    assert (row["written"], row["clusters"], row["extra_copies"]) == (str(out), 1, 1)


def test_a_page_has_the_figures_that_are_asked_for(run, ingested, tmp_path):
    pages = [tmp_path / "plain.html", tmp_path / "explained.html"]
    run("report", "--out", pages[0])
    assert run("report", "--explain", 3, "--out", pages[1])[0] == 0
    words = "1 pair explained by a figure"
    assert [words in page.read_text(encoding="utf-8") for page in pages] == [False, True]
    status, _, err = run("report", "--explain", 1, "--out", tmp_path / "files.csv")
    assert (status, "name an .html file" in err) == (1, True)
    with pytest.raises(SystemExit):
        run("report", "--explain", -1, "--out", pages[1])


def test_a_report_has_any_of_its_tables(run, ingested, tmp_path):
    run("report", "--table", "clusters", "--measure", "--out", tmp_path / "clusters.csv")
    [row] = pd.read_csv(tmp_path / "clusters.csv").to_dict("records")
    assert (row["files"], row["keeper"]) == (2, "a.jpg")
    with pytest.raises(SystemExit):
        run("report", "--table", "nonsense", "--out", tmp_path / "clusters.csv")


@pytest.mark.long
def test_a_report_shows_the_pictures(run, ingested, tmp_path):
    run("report", "--out", tmp_path / "report.html")
    assert (tmp_path / "report.html").read_text().count('"/9j/') == 2


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


def test_account_commands_answer_programs_with_the_account(run, monkeypatch):
    for words in (["add", "Ada", "--password-stdin"], ["passwd", "ada", "--password-stdin"]):
        monkeypatch.setattr("sys.stdin", io.StringIO("correct horse\r\n"))
        [row] = answer(run, "users", *words)[1]
        assert (row["name"], row["role"], row["enabled"]) == ("ada", "member", True)
    assert answer(run, "users", "disable", "ada")[1][0]["enabled"] is False
    assert answer(run, "users", "enable", "ada")[1][0]["enabled"] is True


@pytest.mark.long
def test_the_password_from_standard_input_is_the_first_line(run, monkeypatch, tmp_path):
    monkeypatch.setattr("sys.stdin", io.StringIO(" correct horse \r\nmore\n"))
    run("users", "add", "ada", "--password-stdin")
    with Workbench(Settings(root=tmp_path / "store")) as wb:
        assert wb.accounts.authenticate("ada", " correct horse ").name == "ada"


@pytest.mark.parametrize(
    "words", [["add", "ada", "--role", "king"], ["add"], ["add", "a", "secret"]]
)
def test_no_password_is_an_argument_and_no_role_is_made_up(run, words):
    with pytest.raises(SystemExit) as stopped:
        run("users", *words)
    assert stopped.value.code == 2


def test_no_terminal_to_type_a_password_on(run, monkeypatch):
    def nobody(prompt):
        raise EOFError

    monkeypatch.setattr("getpass.getpass", nobody)
    status, _, err = run("users", "add", "ada")
    assert status == 1
    assert "--password-stdin" in err


def test_passwords_that_differ_change_nothing(run, monkeypatch, folder):
    typed = iter(["one password", "another one"])
    monkeypatch.setattr("getpass.getpass", lambda prompt: next(typed))
    status, _, err = run("users", "add", "ada")
    assert status == 1
    assert "differ" in err
    run("ingest", "--user", "ada", folder)
    assert answer(run, "users", "list")[1] == []


def test_check_and_rebuild_index(run, ingested, tmp_path):
    assert run("check")[0] == 0
    assert answer(run, "rebuild-index") == (0, [{"images": 3}])
    with Workbench(Settings(root=tmp_path / "store")) as wb:
        blob = wb.blobs.path(wb.images()["digest"].iloc[0])
    blob.unlink()
    status, rows = answer(run, "check")
    assert status == 1
    assert rows[0]["problem"] == "missing original"
    status, out, _ = run("check", "--repair")
    assert status == 0
    assert out.startswith("missing original: ")
    assert out.splitlines()[-2].endswith(" (repaired)")
    assert out.splitlines()[-1] == "3 originals checked, 1 finding, 0 not repaired"
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
    assert "not an archive" in err
    assert not (tmp_path.parent / "evil").exists()


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["nonsense"],
        ["ingest"],
        ["users"],
        ["similar", "--radius", "x"],
        ["similar", "1", "--radius", "129"],
        ["similar", "1", "--radius", "-1"],
        ["similar", "1", "--limit", "0"],
        ["clusters", "--radius", "9" * 5000],
        ["clusters", "--no-verify", "--thorough"],
        ["report"],
        ["report", "--out", "duplicates.txt"],
        ["serve", "--port", "65536"],
        ["--roo", "x", "clusters"],
    ],
)
def test_wrong_usage(words, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(words)
    assert stopped.value.code == 2
    assert "usage" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["clusters"], ["review", "plan"], ["find", "."]])
def test_an_option_that_there_is_not_is_answered_by_the_usage_of_the_command(words, capsys):
    with pytest.raises(SystemExit) as stop:
        main([*words, "--nothing"])
    assert stop.value.code == 2
    said = capsys.readouterr().err
    command = " ".join(words[:1] if words[0] == "find" else words)
    assert said.startswith(f"usage: imgurer {command} ")
    assert said.endswith(f"imgurer {command}: error: unrecognized arguments: --nothing\n")


def test_a_setting_that_cannot_work_is_wrong_usage(run, monkeypatch):
    monkeypatch.setenv("IMGURER_RADIUS", "wide")
    status, out, err = run("clusters")
    assert (status, out) == (2, "")
    assert err == "imgurer: IMGURER_RADIUS is 'wide'; it must be a number\n"


ERRORS = (
    ["ingest", "nowhere\n\x1b[31m.jpg"],
    ["ingest", "http://example.org/a.jpg"],
    ["similar", "99"],
    ["similar", "nowhere.jpg"],
    ["users", "passwd", "nobody"],
    ["users", "disable", "local"],
    ["import", "nowhere.tar"],
    ["export", "--out", "nowhere/store.tar"],
    ["report", "--out", "nowhere/report.csv"],
)


@pytest.mark.parametrize(("words", "json_too"), pairs(ERRORS, [[], ["--json"]]))
def test_errors_are_one_line_without_a_traceback(run, words, json_too, tmp_path):
    with Workbench(Settings(root=tmp_path / "store")) as wb:
        wb.statistics()
    status, out, err = run(*json_too, *words)
    assert status == 1
    assert out == ""
    assert err.startswith("imgurer: ")
    assert err.removesuffix("\n").isprintable()


def test_names_do_not_steer_the_terminal(run, tmp_path):
    folder = tmp_path / "odd"
    folder.mkdir()
    (folder / "two\nlines\x1b[31m\u202e.jpg").write_text("no picture")
    status, out, _ = run("ingest", folder)
    assert status == 1
    assert all(line.isprintable() for line in out.splitlines())
    [row] = answer(run, "ingest", folder)[1]
    assert row["source"].endswith("two\nlines\x1b[31m\u202e.jpg")


def test_names_that_are_not_text_are_readable_and_valid_json(run, tmp_path):
    folder = tmp_path / "odd"
    folder.mkdir()
    path = folder / os.fsdecode(b"caf\xe9.jpg")
    path.write_bytes(jpeg(1))
    [row] = answer(run, "ingest", folder)[1]
    assert row["status"] == "added"
    assert row["source"].endswith("caf\\xe9.jpg")
    assert answer(run, "ingest", path)[1][0]["status"] == "unchanged"


def test_an_interrupt_says_so(run, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(Workbench, "ingest", interrupted)
    assert run("ingest", "x") == (130, "", "imgurer: interrupted; what was done is kept\n")


def test_serve_hands_everything_on(run, monkeypatch, tmp_path):
    calls = []
    monkeypatch.setattr("imgurer_kernel.apps.server.serve", lambda *a, **k: calls.append((a, k)))
    words = ["--port", 0, "--no-browser", "--login", "--host", "0.0.0.0", "--max-kernels", 7]
    proxies = ["--trusted-proxy", "10.0.0.1", "--trusted-proxy", "10.1.0.0/16", "--insecure-http"]
    assert run("serve", *words, *proxies)[0] == 0
    [(settings,), options] = calls[0]
    assert settings.root == tmp_path / "store"
    assert options == {
        "host": "0.0.0.0",
        "port": 0,
        "login": True,
        "open_browser": False,
        "max_kernels": 7,
        "trusted_proxies": ["10.0.0.1", "10.1.0.0/16"],
        "insecure_http": True,
    }


def test_serve_fills_an_empty_store_with_samples_and_no_other(run, folder, monkeypatch, tmp_path):
    monkeypatch.setattr("imgurer_kernel.apps.server.serve", lambda *_, **__: None)
    made = []

    def make_samples(where):
        made.append(where)
        return pd.DataFrame({"path": sorted(str(path) for path in folder.iterdir())})

    monkeypatch.setattr("imgurer_kernel.report.evaluation.samples.make_samples", make_samples)
    for _ in range(2):
        assert run("serve", "--samples", tmp_path / "samples")[0] == 0
    assert made == [str(tmp_path / "samples")]
    assert answer(run, "rebuild-index") == (0, [{"images": 3}])


def test_every_command_has_help(capsys):
    names = [command.name.split() for command in COMMANDS]
    assert len(names) > 15
    for words in [*names, *([group] for group in GROUPS)]:
        with pytest.raises(SystemExit) as stopped:
            main([*words, "--help"])
        assert stopped.value.code == 0
        shown = capsys.readouterr().out
        assert shown.startswith("usage: imgurer")
        if len(words) > 1 or words[0] not in GROUPS:
            assert "--root" in shown
            assert "--json" in shown


def test_every_command_is_declared_once_with_a_line_of_help():
    names = [command.name for command in COMMANDS]
    assert len(set(names)) == len(names)
    assert all(command.help.endswith(".") for command in COMMANDS)
    used = {name.rpartition(" ")[0] for name in names} - {""}
    assert used == set(GROUPS)


def test_the_common_options_belong_to_every_command_and_none_is_hidden_by_a_default():
    for words in (["--root", "x", "--json", "check"], ["check", "--root", "x", "--json"]):
        arguments = build_parser().parse_args(words)
        assert (arguments.root, arguments.json) == ("x", True)
    assert not hasattr(build_parser().parse_args(["check"]), "root")


def test_root_may_stand_behind_the_command(folder, tmp_path, capsys):
    assert main(["ingest", str(folder), "--root", str(tmp_path / "x")]) == 0
    assert (tmp_path / "x" / "catalog.duckdb").exists()
    assert main(["users", "--root", str(tmp_path / "x"), "--json", "list"]) == 0
    assert main(["--root", "elsewhere", "users", "list", "--root", str(tmp_path / "x")]) == 0
    assert not Path("elsewhere").exists()


@pytest.mark.long
def test_as_a_module_in_a_process_of_its_own(folder, tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "imgurer_kernel", "--root", str(tmp_path / "s"), "--json",
         "ingest", str(folder)],
        capture_output=True,
        text=True,
        check=True,
    )  # fmt: skip
    assert len(json.loads(done.stdout)) == 3
    assert done.stderr.count("\n") == 1


def start(*words, **options):
    command = [sys.executable, "-m", "imgurer_kernel", *map(str, words)]
    return subprocess.run(command, check=False, capture_output=True, **options)


@pytest.mark.long
def test_a_reader_that_goes_away_causes_no_traceback(run, folder, tmp_path):
    run("ingest", folder)
    shell = f"'{sys.executable}' -m imgurer_kernel --root '{tmp_path / 'store'}' --json users list"
    done = subprocess.run(
        ["bash", "-c", f"{shell} | true; echo ${{PIPESTATUS[0]}}"],
        check=True,
        capture_output=True,
        text=True,
    )
    assert done.stderr == ""
    assert done.stdout == "141\n"


@pytest.mark.long
def test_a_terminal_without_unicode(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "Zürich \U0001f986.jpg").write_bytes(jpeg(0))
    ascii_only = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = start("--root", tmp_path / "s", "--json", "ingest", folder, env=ascii_only)
    assert done.stderr.count(b"\n") == 1
    [row] = json.loads(done.stdout.decode("ascii"))
    assert row["source"].endswith("Zürich \U0001f986.jpg")
    assert main(["--root", str(tmp_path / "s"), "forget", "1"]) == 0
    done = start("--root", tmp_path / "s", "trash", "list", env=ascii_only)
    assert done.returncode == 0
    assert b"Z\\xfcrich" in done.stdout


@pytest.mark.long
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs Linux's /dev/full")
def test_an_answer_that_cannot_be_written_is_an_error(tmp_path):
    with Workbench(Settings(root=tmp_path / "s")) as wb:
        wb.statistics()
    with Path("/dev/full").open("wb") as full:
        command = [sys.executable, "-m", "imgurer_kernel", "--root", str(tmp_path / "s")]
        done = subprocess.run(
            [*command, "clusters"], check=False, stdout=full, stderr=subprocess.PIPE, text=True
        )
    assert done.returncode == 1
    assert done.stderr.startswith("imgurer: the answer cannot be written")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.long
@pytest.mark.skipif(os.name != "posix", reason="needs a shell")
def test_files_do_not_get_the_descriptors_of_closed_streams(tmp_path):
    # What is opened first would get their numbers, and what is said would be written into it.
    tell = "import os, sys, imgurer_kernel.apps.cli.parser as cli\n"
    tell += "sys.argv = ['imgurer', '--help']\ntry: cli.main()\nexcept SystemExit: pass\n"
    tell += "print('x'); print('y', file=sys.stderr); assert sys.stdin.read() == ''\n"
    tell += "child = 'import os, sys; sys.exit(os.open(\".\", os.O_RDONLY) < 3)'\n"
    tell += "import subprocess; subprocess.run([sys.executable, '-c', child], check=True)\n"
    tell += "sys.exit(os.open('.', os.O_RDONLY) < 3)"
    closed = 'exec "$0" -c "$1" <&- >&- 2>&-'
    done = subprocess.run(["sh", "-c", closed, sys.executable, tell], check=False, cwd=tmp_path)
    assert done.returncode == 0


def test_explain_says_why_two_pictures_are_the_same(run, folder, ingested, tmp_path):
    out = tmp_path / "why.png"
    status, said, _ = run("explain", folder / "a.jpg", folder / "a small.jpg", "--out", out)
    assert status == 0
    assert said.startswith("The same picture: ")
    assert out.read_bytes().startswith(b"\x89PNG")
    [row] = answer(run, "explain", folder / "a.jpg", folder / "b.jpg")[1]
    assert not row["duplicate"]
    assert row["words"].startswith("Not the same picture")


def test_calibrate_measures_how_sure_a_search_is(run, ingested, tmp_path, monkeypatch):
    monkeypatch.setattr(calibrate, "TRANSFORMS", TRANSFORMS[::8])
    said = run("calibrate", "--sample", 2)[1]
    assert "planted copies" in said
    rows = answer(run, "calibrate", "--sample", 2, "--seed", 1)[1]
    assert {row["method"] for row in rows} == {"plain", "verified"}
    with Workbench(Settings(root=tmp_path / "other")) as wb:
        wb.statistics()
    status, _, complaint = run("calibrate", root=tmp_path / "other")
    assert (status, complaint.count("\n")) == (1, 1)
