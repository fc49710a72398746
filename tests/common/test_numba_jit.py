"""Functions are compiled even if numba's cache cannot be written."""

import errno
import subprocess
import sys

import pytest
from numba.core import caching

from imgurer_kernel.common import compile_notice, numba_jit
from imgurer_kernel.common.numba_jit import compiled


def triple(x):
    return 3 * x


def test_it_is_cached_where_that_works(tmp_path, monkeypatch):
    monkeypatch.setattr("numba.core.config.CACHE_DIR", str(tmp_path))
    assert compiled("int64(int64)")(triple)(5) == 15
    assert list(tmp_path.rglob("*.nbi"))
    again = compiled("int64(int64)")(triple)
    assert again(5) == 15
    assert sum(again.stats.cache_hits.values()) == 1


def test_the_cache_is_invalid_after_any_change_of_compiled_code(tmp_path, monkeypatch):
    monkeypatch.setattr("numba.core.config.CACHE_DIR", str(tmp_path / "cache"))
    package = tmp_path / "package"
    (package / "room" / "_numba").mkdir(parents=True)
    callee = package / "room" / "_numba" / "callee.py"
    callee.write_text("one")
    monkeypatch.setattr(numba_jit, "_PACKAGE", package)
    for content, hits in (("one", 0), ("one", 1), ("two", 0), ("two", 1)):
        callee.write_text(content)
        numba_jit._sources.cache_clear()
        found = compiled("int64(int64)")(triple)
        assert found(5) == 15
        assert sum(found.stats.cache_hits.values()) == hits, content
    monkeypatch.undo()
    numba_jit._sources.cache_clear()


def test_the_first_compilation_is_notified_and_cached_code_is_not(tmp_path, monkeypatch):
    monkeypatch.setattr("numba.core.config.CACHE_DIR", str(tmp_path))
    told = []
    for expected in (1, 0, 0):
        compile_notice.notify_once(told.append)
        compiled("int64(int64)")(triple)
        assert len(told) == expected
        told.clear()
    compile_notice.notify()
    assert told == [compile_notice.TEXT]
    compiled("int64(int64)", cache=False)(triple)
    assert len(told) == 1, "once in a process"


def test_no_folder_for_the_cache(monkeypatch):
    monkeypatch.setattr(caching.CacheImpl, "_locator_classes", [])
    assert compiled("int64(int64)")(triple)(5) == 15


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EACCES, errno.EROFS])
def test_a_folder_that_cannot_be_written_after_all(code, tmp_path, monkeypatch):
    def save(self, key, data):
        raise OSError(code, "not here")

    monkeypatch.setattr("numba.core.config.CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(caching.IndexDataCacheFile, "save", save)
    assert compiled("int64(int64)")(triple)(5) == 15


def test_other_types_are_refused_instead_of_compiled_for():
    with pytest.raises(TypeError, match="No matching definition"):
        compiled("int64(int64)")(triple)("text")


WITHOUT_A_CACHE = """
import numpy as np
from numba.core import caching

caching.CacheImpl._locator_classes = []  # numba finds no folder that it may write

from imgurer_kernel.index import bulk
from imgurer_kernel.index import hash_arrays as hashes

some = hashes.group_equal(*np.random.default_rng(0).integers(0, 2**64, (2, 3000), dtype=np.uint64))
compiled = sum(len(found[0]) for found in bulk.scan(some, None, 45))
words = np.column_stack((some.row, some.column))
by_numpy = hashes.scan_many(some.row, some.column, words, 45, later=True)
assert compiled == sum(len(found[0]) for found in by_numpy) > 100
"""


@pytest.mark.long
def test_a_search_without_a_cache_finds_the_same():
    subprocess.run([sys.executable, "-c", WITHOUT_A_CACHE], check=True, timeout=300)
