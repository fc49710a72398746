"""Which commands make a store, which never do, and their messages."""

import pytest

from imgurer_kernel.apps.cli.commands import COMMANDS
from imgurer_kernel.apps.cli.parser import main
from imgurer_kernel.store.place import is_store
from tests.support.disks import snapshot
from tests.support.forms import thinned
from tests.support.pictures import jpeg

MAKING = {"ingest", "import", "serve", "users add"}

READING = {
    "similar": ["1"],
    "explain": ["1", "2"],
    "calibrate": [],
    "clusters": [],
    "report": ["--out", "{out}/report.csv"],
    "forget": ["1"],
    "review plan": ["--out", "{out}/plan.csv"],
    "review apply": ["{out}/plan.csv"],
    "review undo": ["--last"],
    "review decide": ["same", "1", "2"],
    "review journal": [],
    "trash list": [],
    "trash restore": ["--all"],
    "trash empty": ["--older-than", "30d"],
    "users list": [],
    "users passwd": ["ada"],
    "lookup": ["picture.jpg"],
    "users adopt": ["ada"],
    "users disable": ["ada"],
    "users enable": ["ada"],
    "users sessions": ["ada"],
    "users logout": ["ada"],
    "users quota": [],
    "check": ["--repair"],
    "recover": [],
    "rebuild-index": [],
    "export": ["--out", "{out}/store.tar"],
}


@pytest.fixture
def photos(tmp_path):
    """A folder of photos beside a store, whose name differs by one letter."""
    folder = tmp_path / "stores"
    folder.mkdir()
    (folder / "IMG_0001.jpg").write_bytes(jpeg(0))
    assert main(["--root", str(tmp_path / "store"), "ingest", str(folder)]) == 0
    return folder


def test_every_command_is_of_one_kind():
    # `find` keeps a store of its own in the user's cache, `compile` knows of none, and that there
    # is none is what `doctor` says.
    others = {"find", "compile", "doctor"}
    assert {command.name for command in COMMANDS} - others == MAKING | READING.keys()


@pytest.mark.parametrize(
    "where", thinned(["among photos", "in a new folder", "in an empty one"], 2)
)
def test_reading_commands_write_nothing_and_name_what_was_meant(
    tmp_path, photos, capsys, monkeypatch, where
):
    monkeypatch.setattr("getpass.getpass", lambda prompt: "a long password")
    root = {"among photos": photos, "in a new folder": tmp_path / "sotre"}.get(where)
    if root is None:
        root = tmp_path / "stoer"
        root.mkdir()
    capsys.readouterr()
    before = snapshot(tmp_path)
    for name, words in READING.items():
        given = [word.format(out=tmp_path) for word in words]
        assert main(["--root", str(root), *name.split(), *given]) == 2, name
        said, complaint = capsys.readouterr()
        assert said == "", name
        assert f"did you mean {tmp_path / 'store'}?" in complaint, name
        assert complaint.count("\n") == 1, name
        assert snapshot(tmp_path) == before, name


def test_a_new_store_is_announced_once(tmp_path, photos, capsys):
    for words in (["ingest", photos], ["users", "list"], ["ingest", photos], ["clusters"]):
        main(["--root", str(tmp_path / "new"), *map(str, words)])
    assert capsys.readouterr().err.count("a new one was made") == 1


@pytest.mark.parametrize(
    "words", [["ingest", "{photos}"], ["serve"], ["users", "add", "ada"], ["import", "{tar}"]]
)
def test_no_store_is_made_among_photos_without_the_option(
    tmp_path, photos, capsys, monkeypatch, words
):
    monkeypatch.setattr("imgurer_kernel.apps.server.serve", lambda *_, **__: None)
    monkeypatch.setattr("getpass.getpass", lambda prompt: "a long password")
    tar = tmp_path / "store.tar"
    assert main(["--root", str(tmp_path / "store"), "export", "--out", str(tar)]) == 0
    before = snapshot(photos)
    words = [word.format(photos=photos, tar=tar) for word in words]
    capsys.readouterr()
    assert main(["--root", str(photos), *words]) == 2
    said, complaint = capsys.readouterr()
    assert said == ""
    assert "IMG_0001.jpg" in complaint
    assert "--create-here" in complaint
    assert snapshot(photos) == before
    assert main(["--root", str(photos), *words, "--create-here"]) == 0
    assert is_store(photos)
    assert "a new one was made" in capsys.readouterr().err


def test_a_command_that_fails_early_makes_no_store(tmp_path, capsys):
    for words in (["ingest", "nowhere.jpg"], ["import", "nowhere.tar"]):
        assert main(["--root", str(tmp_path / "new"), *words]) == 1
        assert capsys.readouterr().err.count("\n") == 1
    assert not (tmp_path / "new").exists()
