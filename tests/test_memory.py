"""The memory of comparisons: computed once, kept as long as it is asked for."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgurer_kernel.memory import Memory, mixed, pair_keys

KEYS = st.lists(st.integers(0, 20), max_size=12)


class Square:
    def __init__(self, keys):
        self.keys, self.asked = keys, []

    def __call__(self, rows):
        self.asked += self.keys[rows].tolist()
        return np.column_stack((self.keys[rows] ** 2, -self.keys[rows].astype(float)))


def ask(memory, keys):
    keys = np.array(keys, np.uint64)
    square = Square(keys)
    values = memory.through(keys, square)
    assert values.tolist() == [[k * k, -k] for k in keys.tolist()]
    return square.asked


@given(st.lists(st.lists(KEYS, max_size=3), max_size=4))
def test_of_what_the_last_run_asked_for_nothing_is_computed_again(runs):
    memory, known = Memory(2), set()
    for run in runs:
        for keys in run:
            assert ask(memory, keys) == [k for k in keys if k not in known]
        memory = memory.kept()
        known = {k for keys in run for k in keys}
        assert len(memory) == len(known)


def test_a_copy_has_not_been_asked():
    memory = Memory(2)
    ask(memory, [1, 2])
    memory = memory.kept()
    ask(memory, [1])
    copy = memory.copied()
    assert ask(copy, [2]) == []
    assert len(copy.kept()) == 1
    assert len(memory.kept()) == 1
    assert len(memory) == 2


def test_what_fails_leaves_nothing():
    memory = Memory(2)

    def fail(rows):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        memory.through(np.array([4], np.uint64), fail)
    assert len(memory.kept()) == 0


def test_keys_differ_where_anything_does():
    tokens = mixed(np.arange(4, dtype=np.uint64)[:, None])
    assert len({*tokens.tolist()}) == 4
    unit = np.array([[1.0, 0, 0, 0, 1, 0]])
    moved = unit + np.array([0, 0, 1e-9, 0, 0, 0])
    cases = [(0, 1, unit), (1, 0, unit), (0, 2, unit), (0, 1, moved)]
    keys = [pair_keys(tokens, np.array([a]), np.array([b]), m)[0] for a, b, m in cases]
    assert len({*keys}) == 4
    assert pair_keys(tokens, np.array([0]), np.array([1]), unit)[0] == keys[0]
