import os

import pytest

from imgurer_kernel.common.globs import Exclusion
from imgurer_kernel.common.records import SourceFile
from imgurer_kernel.errors import SourceError
from imgurer_kernel.store.ingest.sources import FileFilter, Unreadable, WalkCoverage, find_files


@pytest.fixture
def tree(tmp_path):
    for name in ("b/2.jpg", "b/1.jpg", "a.jpg", "c/deep/3.jpg", "[odd].jpg"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    return tmp_path


def names(tree, *args, **kwargs):
    return [str(item.path.relative_to(tree)) for item in find_files(*args, **kwargs)]


def test_a_folder_is_walked_in_order_of_names(tree):
    assert names(tree, tree) == ["[odd].jpg", "a.jpg", "b/1.jpg", "b/2.jpg", "c/deep/3.jpg"]


def test_a_file_says_its_size_and_time(tree):
    [file] = find_files(tree / "a.jpg")
    facts = (tree / "a.jpg").stat()
    assert file == SourceFile(
        name=str(tree / "a.jpg"),
        bytes=facts.st_size,
        modified_ns=facts.st_mtime_ns,
        device=facts.st_dev,
        inode=facts.st_ino,
    )


def test_a_file_without_a_byte_is_named_unless_a_least_size_is_asked_for(tree):
    """Ingesting says that it is empty; without a word it would seem never to have been there."""
    (tree / "b" / "0.jpg").touch()
    assert names(tree, tree / "b") == ["b/0.jpg", "b/1.jpg", "b/2.jpg"]
    assert names(tree, tree / "b", FileFilter(min_size=1)) == ["b/1.jpg", "b/2.jpg"]


def test_a_glob_a_list_and_a_uri(tree):
    assert names(tree, str(tree / "b" / "*.jpg")) == ["b/1.jpg", "b/2.jpg"]
    assert names(tree, f"{tree}/**/3.jpg") == ["c/deep/3.jpg"]
    assert names(tree, [tree / "b", tree / "a.jpg"]) == ["b/1.jpg", "b/2.jpg", "a.jpg"]
    assert names(tree, (tree / "a.jpg").as_uri()) == ["a.jpg"]


def test_a_relative_path_becomes_absolute(tree, monkeypatch):
    monkeypatch.chdir(tree)
    assert [item.path for item in find_files("a.jpg")] == [tree / "a.jpg"]


def test_a_file_of_that_very_name_wins_over_a_glob(tree):
    assert names(tree, str(tree / "[odd].jpg")) == ["[odd].jpg"]


def test_a_file_that_is_named_twice_comes_once(tree):
    assert names(tree, [tree / "b", str(tree / "b" / "*")]) == ["b/1.jpg", "b/2.jpg"]


def test_a_source_that_is_not_there_is_an_error_before_the_first_file(tree):
    with pytest.raises(SourceError, match="nowhere"):
        find_files([tree, tree / "nowhere"])


def test_the_store_itself_is_left_out(tree):
    assert names(tree, tree, FileFilter(outside=str(tree / "c"))) == [
        "[odd].jpg",
        "a.jpg",
        "b/1.jpg",
        "b/2.jpg",
    ]


@pytest.mark.parametrize("source", ["nowhere", "nowhere/*.jpg", "s3://bucket/key", "http://x/y"])
def test_a_source_that_names_nothing_is_an_error(tree, monkeypatch, source):
    monkeypatch.chdir(tree)
    with pytest.raises(SourceError, match=source.split("*")[0]):
        list(find_files(source))


def test_broken_links_pipes_and_looping_folders(tree):
    (tree / "broken").symlink_to(tree / "gone")
    (tree / "loop").symlink_to(tree)
    (tree / "link.jpg").symlink_to(tree / "a.jpg")
    os.mkfifo(tree / "pipe")
    found = {item.path.name: item for item in find_files(tree)}
    assert isinstance(found["link.jpg"], SourceFile)
    assert "broken link" in found["broken"].reason
    assert "pipe" in found["pipe"].reason
    assert len(found) == 8


def test_a_folder_without_permission_is_handed_on(tree, monkeypatch):
    real = os.scandir

    def scandir(path):
        if str(path).endswith("b"):
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    found = {item.path.name: item for item in find_files(tree)}
    assert found["b"] == Unreadable(tree / "b", "cannot be read: no permission to list this folder")
    assert "a.jpg" in found


@pytest.mark.parametrize(
    "name", ['quo"te.jpg', "new\nline.jpg", "🏔.jpg", "<img onerror=x>", "é" * 127]
)
def test_odd_names(tmp_path, name):
    (tmp_path / name).write_bytes(b"x")
    assert names(tmp_path, tmp_path) == [name]


def test_a_name_that_is_not_utf8(tmp_path):
    path = os.fsencode(tmp_path) + b"/\xff.jpg"
    with open(path, "wb") as file:  # noqa: PTH123 - a path of bytes
        file.write(b"x")
    assert names(tmp_path, tmp_path) == ["\udcff.jpg"]


@pytest.mark.parametrize(
    ("pattern", "left"),
    [
        ("*.jpg", []),
        ("b", ["[odd].jpg", "a.jpg", "c/deep/3.jpg"]),
        ("[12].jpg", ["[odd].jpg", "a.jpg", "c/deep/3.jpg"]),
        ("*/c/deep/*", ["[odd].jpg", "a.jpg", "b/1.jpg", "b/2.jpg"]),
        ("deep/3.jpg", ["[odd].jpg", "a.jpg", "b/1.jpg", "b/2.jpg", "c/deep/3.jpg"]),
    ],
)
def test_excluded_files_and_folders(tree, pattern, left):
    assert names(tree, tree, FileFilter(exclude=Exclusion((pattern,)))) == left


def test_small_files_are_left_out(tree):
    assert names(tree, tree, FileFilter(min_size=9)) == ["[odd].jpg", "c/deep/3.jpg"]
    with pytest.raises(SourceError, match=r"min_size is 1\.5"):
        FileFilter(min_size=1.5)


@pytest.mark.parametrize(
    "source", ["~nosuchuser/x", "a\0b", "half \ud800", b"~nosuchuser/x", 5, ["a.jpg", None]]
)
def test_impossible_paths_are_errors_of_the_package(tree, monkeypatch, source):
    monkeypatch.chdir(tree)
    with pytest.raises(SourceError, match=r"cannot be read|no file can be called"):
        list(find_files([source] if isinstance(source, int) else source))


def test_a_survey_says_what_was_walked(tree):
    (tree / "nothing").mkdir()
    survey = WalkCoverage(known=lambda path: path.endswith("gone"))
    list(find_files([tree / "b", tree / "a.jpg", tree / "nothing", tree / "gone"], survey=survey))
    assert [(root.path, root.is_folder) for root in survey.roots] == [
        (str(tree / "b"), True),
        (str(tree / "a.jpg"), False),
        (str(tree / "nothing"), True),
    ]
    assert survey.empty == {str(tree / "nothing")}
    assert survey.absent == [str(tree / "gone")]
    assert all(root.is_still_there() for root in survey.roots)
    (tree / "b").rename(tree / "moved")
    (tree / "b").mkdir()
    assert not survey.roots[0].is_still_there()


@pytest.mark.parametrize(
    "left_out",
    [
        *(".local/share/Trash/files/a.jpg", ".Trash/a.jpg", ".Trash-1000/files/a.jpg"),
        *("$RECYCLE.BIN/S-1/a.jpg", "#recycle/a.jpg", ".dtrash/files/a.jpg", "b/.trashed-17-a.jpg"),
        *(".cache/thumbnails/large/a.png", ".git/lfs/objects/a", ".dvc/cache/files/md5/a/b"),
        *("@eaDir/a.jpg/SYNOPHOTO_THUMB_M.jpg", ".imgurer-trash/now/a.jpg"),
    ],
)
def test_trash_caches_and_repositories_are_left_out_unless_named(tmp_path, left_out):
    path = tmp_path / "home" / left_out
    path.parent.mkdir(parents=True)
    path.write_bytes(b"a")
    (tmp_path / "home/Trash.jpg").write_bytes(b"b")
    (tmp_path / "home/trash").mkdir()
    (tmp_path / "home/trash/c.jpg").write_bytes(b"c")
    survey = WalkCoverage()
    assert names(tmp_path, tmp_path, survey=survey) == ["home/Trash.jpg", "home/trash/c.jpg"]
    own = ".imgurer-trash" in left_out
    assert [str(path).startswith(place) for place in survey.not_named()] == ([] if own else [True])
    named = [] if ".imgurer-trash" in left_out else [f"home/{left_out}"]
    assert names(tmp_path, path) == named
    both = WalkCoverage()
    assert set(names(tmp_path, [tmp_path, path], survey=both)) >= set(named)
    assert both.not_named() == []
    if path.parent.name != "b":  # the others are left out by the name of a folder
        assert names(tmp_path, path.parent) == named


@pytest.mark.parametrize("entries", [("catalog.duckdb",), ("snapshots/a", "blobs/00/11/a")])
def test_another_store_is_left_out(tree, entries):
    before = names(tree, tree)
    for name in ("thumbs/00/11/a", *entries):
        path = tree / "data/store" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"a")
    survey = WalkCoverage()
    assert names(tree, tree, survey=survey) == before
    assert survey.not_named() == [str(tree / "data/store")]
    assert "data/store/thumbs/00/11/a" in names(tree, tree / "data/store")
