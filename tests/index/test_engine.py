"""The planner: the engine of each search, with its reason."""

import dataclasses
import sys
import types

import pytest

from imgurer_kernel.errors import InvalidRadius, QueryError
from imgurer_kernel.index.engine import plan


@pytest.mark.parametrize(
    ("n", "radius", "queries", "engine"),
    [
        (0, 10, 1, "scan"),
        (1_000, 10, 1, "scan"),
        (1_000_000, 10, 1, "BK-tree"),
        (1_000_000, 10, 16, "BK-tree"),
        (1_000, 10, None, "scan"),
        (100_000, 10, None, "multi-index"),
        (100_000, 24, 1_600_000, "multi-index"),
        (1_000_000, 10, None, "multi-index"),
        (100_000, 128, None, "compiled scan"),
        (100_000, 70, 100_000, "compiled scan"),
    ],
)
def test_the_engine_follows_from_the_sizes(monkeypatch, n, radius, queries, engine):
    # What other tests have compiled already would be used for less.
    monkeypatch.delitem(sys.modules, "imgurer_kernel.index._numba.multi_index", raising=False)
    chosen = plan(n, radius, queries)
    assert chosen.engine == engine
    assert len(chosen.reason) > 20
    assert chosen.seconds >= 0
    assert (chosen.chunking is not None) == (engine == "multi-index")


def test_without_what_is_compiled_single_queries_are_scans():
    assert plan(1_000_000, 10, compiled=False).engine == "scan"


def test_more_work_is_estimated_for_more_hashes_and_wider_radii():
    sizes = [plan(n, 10, None).seconds for n in (100_000, 1_000_000, 10_000_000)]
    radii = [plan(1_000_000, radius, None).seconds for radius in (0, 10, 16, 24)]
    assert sizes == sorted(sizes)
    assert radii == sorted(radii)


def test_a_module_that_another_thread_compiles_is_not_used_yet(monkeypatch):
    name = "imgurer_kernel.index._numba.multi_index"
    monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    assert plan(20_000, 10, None).engine == "scan"
    monkeypatch.setattr(sys.modules[name], "join", print, raising=False)
    assert plan(20_000, 10, None).engine == "compiled scan"


def test_a_wider_radius_takes_a_tree_longer_but_never_longer_than_a_scan():
    seconds = [plan(1_000_000, radius).seconds for radius in (0, 4, 8, 10, 16, 128)]
    assert seconds == sorted(seconds)
    assert seconds[0] < seconds[3] < seconds[4] < plan(1_000_000, 10, compiled=False).seconds


def test_a_plan_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        plan(10, 10).engine = "other"


def test_nonsense_is_refused():
    with pytest.raises(InvalidRadius):
        plan(10, 129)
    with pytest.raises(QueryError, match="-1 hashes"):
        plan(-1, 10)
    with pytest.raises(QueryError, match="-5 queries"):
        plan(10, 10, -5)
