"""Exclusion patterns leave out the same files in a walk and in the catalog."""

import fnmatch
import os
from itertools import product
from pathlib import PurePath

import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from imgurer_kernel.common.globs import Exclusion
from imgurer_kernel.store.ingest.sources import FileFilter, find_files
from imgurer_kernel.workbench.clusters.file_selection import FileSelection

NAMES = ("a", "raw", "b.png", os.fsdecode(b"\xff"), "[x]")


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """Folders of three levels with every name at each; the files are called like folders."""
    root = tmp_path_factory.mktemp("raw")  # which may be named by a pattern, and does not count
    for first, second in product(NAMES, repeat=2):
        (root / f"{first}_" / f"{second}_").mkdir(parents=True)
        (root / f"{first}_" / f"{second}_" / "b.png").touch()
        (root / f"{first}_" / second).touch()
    for name in NAMES:
        (root / name).touch()
    return root


# As the papers have them: "*.png", "thumbs", "@eaDir"; "/home/me/raw", "*/b/*".
pieces = st.sampled_from([*NAMES, "a_", "raw_", "b.png_", "*", "?", "[ab]*", "[!a]", "*_", "[[]x]"])
patterns = st.one_of(
    pieces,
    st.lists(pieces, min_size=2, max_size=3).map("/".join),
    st.lists(pieces, max_size=3).map(lambda parts: "/".join(["{root}", *parts])),
    st.lists(pieces, min_size=1, max_size=2).map(lambda parts: "/".join(["*", *parts, "*"])),
)


def below(path, root):
    """The path and all folders on the way to it from the root, which is left out."""
    return [
        path,
        *(str(each) for each in PurePath(path).parents if str(each).startswith(root + "/")),
    ]


def named(entry, pattern):
    subject = entry if "/" in pattern else PurePath(entry).name
    return fnmatch.fnmatchcase(subject, pattern)


@given(chosen=st.lists(patterns, max_size=3))
@example(chosen=["{root}/raw_"])
@example(chosen=["raw*"])
def test_a_walk_a_known_path_and_a_selection_leave_out_the_same(tree, chosen):
    root = str(tree)
    chosen = tuple(pattern.replace("{root}", root) for pattern in chosen)
    every = [item.name for item in find_files(root)]
    expected = [
        path
        for path in every
        if not any(named(entry, pattern) for entry in below(path, root) for pattern in chosen)
    ]
    exclusion = Exclusion(chosen)
    assert [item.name for item in find_files(root, FileFilter(exclude=exclusion))] == expected
    assert [path for path in every if not exclusion.leaves_out(path, root)] == expected
    selection = FileSelection.parse(
        folders=root, between=False, reference=(), exclude=chosen, min_size=0, states="present"
    )
    files = pd.DataFrame(
        {
            "path_key": pd.Series([os.fsencode(path) for path in every], dtype=object),
            "path": [os.fsencode(path).decode("utf-8", "backslashreplace") for path in every],
            "filename": "elsewhere",
            "bytes": 1,
            "state": "present",
        }
    )
    listed = selection.marked(files)["is_listed"]
    assert [path for path, kept in zip(every, listed, strict=True) if kept] == expected


def test_without_a_root_every_folder_counts():
    out = Exclusion(("raw", "/b/c"))
    assert [out.leaves_out(path) for path in ("/raw/a", "/a/raw", "raw", "/b/c/d", "/b/cd")] == [
        True, True, True, True, False,
    ]  # fmt: skip
    assert out.leaves_out("/b/c/d", root="/b")
    assert not out.leaves_out("/b/c/d", root="/b/c")
    assert not out.leaves_out("/raw/a", root="/raw/")
    assert out.leaves_out("/raw", root="/raw"), "a file that was named itself"
    assert out.leaves_out("/raw/a", root="/")
    assert not Exclusion()
    assert not Exclusion().leaves_out("/a")
