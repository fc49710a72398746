"""The layout of a map: similar pictures are near, reproducible, and can be stopped."""

import sys
import threading
import time

import numpy as np
import pytest

from imgurer_kernel.errors import ImgurerError
from imgurer_kernel.report import layout_process
from imgurer_kernel.report.layout import STEPS, lay_out
from imgurer_kernel.report.layout_process import lay_out_apart
from tests.support.forms import long_only


def families(number, each, seed=0):
    """Grays of so many pictures, each with so many slightly changed copies after each other."""
    random = np.random.default_rng(seed)
    bases = random.integers(40, 200, (number, 1, 9, 9))
    noise = random.integers(-6, 7, (number, each, 9, 9))
    return (bases + noise).reshape(-1, 9, 9).astype(np.uint8)


@pytest.mark.parametrize("sample", [60, *long_only(4000)])
def test_copies_lie_nearer_than_unrelated_pictures(sample):
    places = lay_out(families(30, 4), sample=sample)
    assert places.shape == (120, 2)
    assert places.min() >= 0
    assert places.max() <= 1
    bits = np.linalg.norm(places[:, None] - places[None], axis=2)
    np.fill_diagonal(bits, np.inf)
    assert (bits.argmin(axis=1) // 4 == np.arange(120) // 4).mean() > 0.9


def test_the_same_seed_gives_the_same_map_and_equal_pictures_one_place():
    grays = families(12, 2)
    grays[5] = grays[0]
    assert np.array_equal(lay_out(grays, 3), lay_out(grays, 3))
    places = lay_out(grays, 3)
    assert np.array_equal(places[5], places[0])
    # Brightness and contrast say nothing of what a picture shows.
    assert np.allclose(lay_out(np.stack([grays[1] // 2 * 2, grays[1] // 2 * 2 + 1]))[:, 1], 0.5)


@pytest.mark.parametrize("number", [0, 1, 2, 3, 4, 5])
def test_few_or_equal_pictures_have_a_map(number):
    assert lay_out(families(max(number, 1), 1)[:number]).shape == (number, 2)
    assert np.isfinite(lay_out(np.full((number, 9, 9), 7, np.uint8))).all()


def test_without_its_library_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.manifold", None)
    with pytest.raises(ImgurerError, match=r"imgurer\[map\]"):
        lay_out(families(4, 1))


@pytest.fixture
def children(monkeypatch):
    """The processes that are started."""
    before, started = layout_process._started, []

    def start(words):
        started.append(before(words))
        return started[-1]

    monkeypatch.setattr(layout_process, "_started", start)
    return started


def test_a_process_of_its_own_says_the_same_and_how_far_it_is(children, capsys):
    grays, told = families(12, 2), []
    places = lay_out_apart(grays, 3, lambda *at: told.append(at))
    assert np.array_equal(places, lay_out(grays, 3))
    steps = [step for _, step, _ in told]
    assert steps == sorted(steps)
    assert {0, STEPS} < set(steps)
    assert {(stage, total) for stage, _, total in told} == {("laying out 24 pictures", STEPS)}
    assert children[0].poll() is not None
    assert capsys.readouterr() == ("", "")


@pytest.mark.long
def test_an_exception_of_progress_ends_the_process_within_a_step(children):
    begun = threading.Event()

    def stop(_stage, step, _total):
        if step > 0:
            begun.set()
            raise KeyboardInterrupt

    before = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        lay_out_apart(families(600, 4), 0, stop)
    assert begun.is_set()
    assert children[0].wait(10) < 0
    assert time.monotonic() - before < 60


def test_a_process_that_ends_before_its_time_is_an_error(children):
    def kill(_stage, step, _total):
        if children:
            children[0].kill()

    with pytest.raises(ImgurerError, match="the map could not be laid out: it ended with"):
        lay_out_apart(families(12, 2), 0, kill)


def test_the_process_says_what_to_install(tmp_path, monkeypatch):
    (tmp_path / "sklearn").mkdir()
    (tmp_path / "sklearn" / "__init__.py").write_text("raise ImportError")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(ImgurerError, match=r"^a map needs scikit-learn: .*imgurer\[map\]"):
        lay_out_apart(families(12, 2), 0, lambda *_: None)
