"""Which files are one on disk, and what removing some frees, against looking at each two."""

import numpy as np
import pandas as pd
import pytest

from imgurer_kernel.report.freed import disk_files, freed
from tests.support.forms import rounds


def some_files(seed):
    """Files of which few inodes are known, several have names, and some have no path."""
    random = np.random.default_rng(seed)
    n = int(random.integers(0, 14))
    known = random.random(n) < random.choice([0.0, 0.7, 1.0])
    inode = np.where(known, random.integers(1, 9, n), 0)
    paths = [None if random.random() < 0.2 else f"/{random.integers(0, 6)}" for _ in range(n)]
    return pd.DataFrame(
        {
            "file_id": np.arange(n) + 1,
            "image_id": inode + 100 * ~known + np.where(known, 0, np.arange(n)),
            "path": pd.array(paths, dtype="str"),
            "kept": random.choice(["link", "reference", "copy"], n),
            "bytes": random.integers(1, 100, n),
            "device": pd.array([7 if each else None for each in known], dtype="UInt64"),
            "inode": pd.array([k if k else None for k in inode.tolist()], dtype="UInt64"),
            "links": random.integers(-1, 4, n),
            "is_blob": random.random(n) < 0.2,
        }
    )


def place(file):
    """What tells the file on disk from all others."""
    if not pd.isna(file.inode):
        return "inode", int(file.inode)
    return ("id", file.file_id) if pd.isna(file.path) else ("path", file.path)


@pytest.mark.parametrize("seed", range(rounds(40, 1000)))
def test_files_on_disk_and_what_they_free(seed):
    files = some_files(seed)
    rows = list(files.itertuples())
    numbers = disk_files(files).tolist()
    assert [numbers.index(each) for each in numbers] == [
        [place(row) for row in rows].index(place(row)) for row in rows
    ]
    stays = np.random.default_rng(seed).random(len(files)) < 0.3
    expected, begun = [], set()
    for file in rows:
        same = [k for k, row in enumerate(rows) if place(row) == place(file)]
        names = {
            rows[k].path if rows[k].path == rows[k].path else None
            for k in same
            if rows[k].links >= 0
        }
        needed = [stays[[row.image_id == rows[k].image_id for row in rows]].any() for k in same]
        held = any(
            stays[k] or (rows[k].is_blob and need) or rows[k].links > len(names) + rows[k].is_blob
            for k, need in zip(same, needed, strict=True)
        )
        frees = file.kept != "copy" and file.links >= 0 and not held
        expected.append(file.bytes if frees and place(file) not in begun else 0)
        begun |= {place(file)} if frees else set()
    assert freed(files, stays)[0].tolist() == expected
