"""Compiling goes on where numba's cache cannot be written."""

import errno

import pytest
from numba.core import caching

from imgurer_kernel.kernels.compiling import compiled


def triple(x):
    return 3 * x


def test_it_is_cached_where_that_works(tmp_path, monkeypatch):
    monkeypatch.setattr("numba.core.config.CACHE_DIR", str(tmp_path))
    assert compiled("int64(int64)")(triple)(5) == 15
    assert list(tmp_path.rglob("*.nbi"))
    again = compiled("int64(int64)")(triple)
    assert again(5) == 15
    assert sum(again.stats.cache_hits.values()) == 1


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
