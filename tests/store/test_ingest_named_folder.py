"""The folder that a user typed is used exactly as named, or refused with a sentence."""

import os

import pytest

from imgurer_kernel.errors import SourceError
from imgurer_kernel.store.ingest.named_folder import named_folder


@pytest.fixture
def root(tmp_path):
    (tmp_path / "store" / "blobs").mkdir(parents=True)
    return tmp_path / "store"


@pytest.mark.parametrize("name", ["plain", "two words", "[2019]*", "ü", "a\nb"])
def test_a_folder_is_taken_by_its_very_name(tmp_path, root, name):
    (tmp_path / name).mkdir()
    assert named_folder(f"  {tmp_path / name}\t", root) == tmp_path / name


@pytest.mark.parametrize("name", ["plain", "two words", "50%20", "it's", '6" prints', "ü"])
@pytest.mark.parametrize(
    "copied", ["'{path}'", '"{path}"', ' " {path} " ', "{uri}", "'{uri}'", "{local}", "{short}"]
)
def test_a_path_may_be_as_a_file_manager_copies_it(tmp_path, root, name, copied):
    folder = tmp_path / name
    folder.mkdir()
    uri = folder.as_uri()
    local, short = uri.replace("///", "//localhost/"), uri.replace("///", "/")
    text = copied.format(path=folder, uri=uri, local=local, short=short)
    assert named_folder(text, root) == folder


def test_the_home_folder_is_a_tilde(tmp_path, root, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert named_folder("~", root) == tmp_path


def test_the_folder_around_the_store_may_be_named(tmp_path, root):
    assert named_folder(str(tmp_path), root) == tmp_path


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "Type the path"),
        (" \t", "Type the path"),
        ("pictures", "not a whole path"),
        ("../pictures", "not a whole path"),
        ("file://server/pictures", "not a whole path"),
        ("file:////server/pictures", "not a whole path"),
        ("''", "Type the path"),
        ("'/tmp", "not a whole path"),
        ("file:///gone%20away", "There is no folder /gone away"),
        ("file:///gone%00", "cannot be read"),
        ("https://example.org/", "not a whole path"),
        ("~nobody-of-that-name/x", "home of nobody"),
        ("{tmp}/gone", "There is no folder"),
        ("{tmp}/*", "There is no folder"),
        ("{tmp}/file", "is not a folder"),
        ("{tmp}/file/below", "is not a folder"),
        ("{tmp}/" + "x" * 300, "cannot be read"),
        ("{tmp}/\0", "cannot be read"),
        ("{tmp}/\ud800", "cannot be read"),
        ("{tmp}/loop", "cannot be read"),
        ("{tmp}/store", "belongs to the store"),
        ("{tmp}/store/blobs", "belongs to the store"),
        ("{tmp}/link", "belongs to the store"),
        ("{tmp}/x/../store", "belongs to the store"),
        ("{tmp}/x/.imgurer-trash/y", "trash folder"),
    ],
)
def test_texts_that_name_no_folder_are_refused_with_a_sentence(tmp_path, root, text, words):
    (tmp_path / "file").write_text("x")
    (tmp_path / "x" / ".imgurer-trash" / "y").mkdir(parents=True)
    (tmp_path / "link").symlink_to(root)
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with pytest.raises(SourceError, match=words) as refused:
        named_folder(text.replace("{tmp}", str(tmp_path)), root)
    assert str(refused.value).endswith(".")


def test_a_folder_that_may_not_be_listed_is_refused(tmp_path, root, monkeypatch):
    def denied(path):
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr(os, "scandir", denied)  # root may list whatever there is
    with pytest.raises(SourceError, match="may not be read"):
        named_folder(str(tmp_path), root)
