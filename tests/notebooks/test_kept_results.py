"""What kernels of the tested notebooks share in files."""

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.support.kept_results import kept


def test_two_threads_that_find_the_same_at_once_both_have_it(tmp_path, monkeypatch):
    both, replaced = threading.Barrier(2), []

    def find(data, limits=None):
        both.wait(20)
        return len(data)

    def replace_together(source, target):
        both.wait(20)
        os.replace(source, target)
        replaced.append(source)

    monkeypatch.setattr(Path, "replace", replace_together)
    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(kept(find, tmp_path), [b"same", b"same"]))
    assert found == [4, 4]
    assert len(set(replaced)) == 2
    assert len(list(tmp_path.iterdir())) == 1
