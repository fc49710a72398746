"""What `imgurer find` says of files and folders that cannot be read."""

import pytest

from imgurer_kernel.apps.cli.commands import find
from imgurer_kernel.apps.cli.parser import main


@pytest.fixture
def complaints(tmp_path, monkeypatch, capsys):
    """Look through a folder with some files that are no pictures: the lines of standard error."""
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
