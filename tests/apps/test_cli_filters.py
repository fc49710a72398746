"""The options that select files, on every command that lists clusters."""

import inspect
import json

import pandas as pd
import pytest

from imgurer_kernel import Settings, Workbench, find_duplicates
from imgurer_kernel.apps.cli.commands import COMMANDS
from imgurer_kernel.apps.cli.parser import build_parser, main
from tests.support.forms import pairs, thinned
from tests.support.pictures import encode, jpeg, resized, scene


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """A store that references two folders: a picture in both, a copy and a small one of it in b."""
    root = tmp_path_factory.mktemp("filters")
    for name in ("a", "b"):
        (root / name / "raw").mkdir(parents=True)
        (root / name / "one.jpg").write_bytes(jpeg(0))
    (root / "b" / "raw" / "one again.jpg").write_bytes(jpeg(0))
    (root / "b" / "small.jpg").write_bytes(encode(resized(scene(0), 320, 240)))
    for name in ("two.jpg", "two again.jpg"):
        (root / "b" / name).write_bytes(jpeg(1))
    with Workbench(Settings(root=root / "store", store="reference")) as wb:
        wb.ingest([root / "a", root / "b"], progress=False)
    return root


COMMANDS_THAT_LIST = ("find", "clusters", "report")


@pytest.fixture(params=COMMANDS_THAT_LIST)
def listed(request, root, tmp_path, capsys, monkeypatch):
    """Call a command; return the listed files below root, and those marked as reference."""
    monkeypatch.setenv("IMGURER_CACHE", str(root / "cache"))

    def call(*words):
        words = [str(word).format(root=root) for word in words]
        out = tmp_path / "report.json"
        given = [request.param, *words, *(["--out", str(out)] if request.param == "report" else [])]
        assert main(["--root", str(root / "store"), "--json", *given]) == 0
        text = capsys.readouterr().out
        rows = json.loads(out.read_text() if request.param == "report" else text)
        rows = rows if request.param == "clusters" else rows["files"]
        frame = pd.DataFrame(rows, columns=["path", "is_reference"])
        below = frame["path"].str.removeprefix(f"{root}/")
        return set(below), set(below[frame["is_reference"].astype(bool)])

    return call


BOTH = ("{root}/a", "{root}/b")
ONE = {"a/one.jpg", "b/one.jpg", "b/raw/one again.jpg", "b/small.jpg"}
BIG = {"a/one.jpg", "b/one.jpg"}
TWO = {"b/two.jpg", "b/two again.jpg"}


# Words, the files that are listed, and those of reference among them.
FILTERED = [
    (("{root}/b",), (ONE - {"a/one.jpg"}) | TWO, set()),
    ((*BOTH, "--between"), ONE, set()),
    ((*BOTH, "--min-size", "1G"), set(), set()),
    (("{root}/b", "--reference", "{root}/a"), ONE | TWO, {"a/one.jpg"}),
    ((*BOTH, "--exclude", "small*", "--exclude", "raw"), BIG | TWO, set()),
    (BOTH, ONE | TWO, set()),
    ((*BOTH, "--exclude", "*/b/*"), set(), set()),
    (("{root}/b", "--between", "--reference", "{root}/a"), ONE, {"a/one.jpg"}),
    ((*BOTH, "--min-size", "1", "--exclude", "two*"), ONE, set()),
]


@pytest.mark.parametrize(
    ("case", "listed"), pairs(FILTERED, COMMANDS_THAT_LIST), indirect=["listed"]
)
def test_every_command_filters_alike(listed, case):
    words, files, of_reference = case
    assert listed(*words) == (files, of_reference)


@pytest.mark.parametrize("listed", thinned(COMMANDS_THAT_LIST, 3), indirect=True)
def test_a_size_is_read_in_bytes(listed):
    size = len(encode(resized(scene(0), 320, 240)))
    assert "b/small.jpg" in listed(*BOTH, "--min-size", size)[0]
    assert "b/small.jpg" not in listed(*BOTH, "--min-size", size + 1)[0]


def test_without_folders_the_whole_store_takes_part(root, capsys):
    assert main(["--root", str(root / "store"), "--json", "clusters"]) == 0
    everything = json.loads(capsys.readouterr().out)
    assert {row["path"].removeprefix(f"{root}/") for row in everything} == ONE | TWO
    words = ["clusters", "--reference", str(root / "a")]
    assert main(["--root", str(root / "store"), "--json", *words]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert len(rows) == len(everything)
    assert [row["filename"] for row in rows if row["is_reference"]] == ["one.jpg"]


@pytest.mark.parametrize("command", ["clusters", "report"])
@pytest.mark.parametrize("words", [["{root}/bb"], ["--reference", "{root}/Library"]])
def test_a_folder_that_the_store_does_not_know_is_refused(root, tmp_path, capsys, command, words):
    out = tmp_path / "report.csv"
    given = [command, *(word.format(root=root) for word in words)]
    given += ["--out", str(out)] if command == "report" else []
    assert main(["--root", str(root / "store"), *given]) == 1
    said, complaint = capsys.readouterr()
    assert said == ""
    assert words[-1].format(root=root) in complaint
    assert "spelling" in complaint
    assert not out.exists()


def test_one_folder_has_nothing_between(root, capsys):
    assert main(["--root", str(root / "store"), "clusters", str(root / "a"), "--between"]) == 1
    assert "two folders" in capsys.readouterr().err


def test_commands_have_every_filter_of_python():
    filters = set(inspect.signature(find_duplicates).parameters) - {"progress"}
    assert filters <= set(inspect.signature(Workbench.clusters).parameters)
    assert {"find", "clusters", "report"} <= {command.name for command in COMMANDS}
    for words in (["find", "."], ["clusters"], ["report", "--out", "a.csv"]):
        assert filters <= set(vars(build_parser().parse_args(words))), words


def test_ingest_reads_sizes_with_their_unit(root, tmp_path, capsys):
    words = ["ingest", str(root / "a"), "--min-size", "1G"]
    assert main(["--root", str(tmp_path / "other"), *words]) == 0
    assert "0 added" in capsys.readouterr().out
