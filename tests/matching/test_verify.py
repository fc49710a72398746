"""Verification: starts, maps, and that both engines and all threads give one answer."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgurer_kernel.fingerprint.hashes.dhash import ORIENTATIONS
from imgurer_kernel.matching import verify
from imgurer_kernel.matching.regions import CONTENT, WHOLE
from tests.support.copies import cropped, framed, gray, picture, recoded

WHOLES = np.array([[-1.0, -1.0, 1.0, 1.0]])
NONE = np.zeros(1, np.int64)

number = st.floats(-0.3, 0.3)
maps = st.tuples(*(st.floats(0.5, 1.5), number, number, number, st.floats(0.5, 1.5), number))


def oriented(image, index):
    """A square picture as `dhash.orientations` does it: mirrored and turned, pixel for pixel."""
    mirrored, flipped = image[:, ::-1], image[::-1]
    turned = mirrored[::-1]
    ways = image, mirrored, turned, flipped, image.T, flipped.T, turned.T, mirrored.T
    return np.ascontiguousarray(ways[index])


@pytest.mark.parametrize("index", range(8), ids=ORIENTATIONS)
def test_a_start_lays_an_oriented_picture_on_its_original(index):
    original = gray(picture(1))
    one, other = (verify.prepare(p[None]) for p in (original, oriented(original, index)))
    start = verify.starts(np.array([index]), WHOLES, WHOLES)
    measures, _ = verify.compare(one, NONE, other, NONE, start, align=False)
    assert measures[0, 0] > 0.999
    assert verify.nearest_orientation(start).tolist() == [index]
    for wrong in {*range(8)} - {index}:
        start = verify.starts(np.array([wrong]), WHOLES, WHOLES)
        assert verify.compare(one, NONE, other, NONE, start, align=False)[0][0, 0] < 0.6


def test_a_start_lays_boxes_on_each_other():
    start = verify.starts(NONE, np.array([[-0.5, -1, 0.5, 1.0]]), np.array([[-1, 0, 1, 1.0]]))[0]
    for (u, v), expected in {(-0.5, -1): (-1, 0), (0.5, 1): (1, 1), (0, 0): (0, 0.5)}.items():
        a, b, c, d, e, f = start
        assert (a * u + b * v + c, d * u + e * v + f) == pytest.approx(expected)


@given(maps, maps)
def test_maps_compose_and_invert(inner, outer):
    one, other = np.array([inner]), np.array([outer])
    both = verify.compose(one, other)
    assert verify.compose(both, verify.invert(other)) == pytest.approx(one, abs=1e-9)
    assert verify.compose(verify.invert(one), both) == pytest.approx(other, abs=1e-9)


def test_composing_does_the_inner_map_first():
    shift, stretch = np.array([[1, 0, 0.5, 0, 1, 0.0]]), np.array([[2, 0, 0, 0, 1, 0.0]])
    assert verify.compose(shift, stretch).tolist() == [[2, 0, 1, 0, 1, 0]]


def test_borders_are_found_and_left_out():
    plain, bordered = picture(2), framed(picture(2), 0.1, 0.2, 0.1, 0)
    seen = verify.prepare(np.stack([gray(plain), gray(bordered)]))
    assert seen.content[0].tolist() == [0, 0, 64, 64]
    assert seen.content[1] == pytest.approx([5, 11, 59, 64], abs=1)
    first, second = np.array([0, 0]), np.array([1, 1])
    views = np.array([WHOLE, WHOLE]), np.array([WHOLE, CONTENT])
    start = verify.start_of_views(seen, first, seen, second, (np.zeros(2, int), *views))
    measures, _ = verify.compare(seen, first, seen, second, start, align=False)
    assert measures[0, 0] < 0.6
    assert measures[1, 0] > 0.95
    measures, _ = verify.compare(seen, first, seen, second, start)
    assert verify.same(measures[1:]).all()


@pytest.mark.parametrize("shift", [0.1, 0.15, 0.35, 0.9])
def test_pictures_that_meet_at_the_edge_only_do_not_agree(shift):
    """Two frames of a camera that moves to the right, laid on each other as they should be."""
    wide = np.asarray(picture(7).resize((128, 64)).convert("L"))
    step = round(64 * shift)
    seen = verify.prepare(np.stack([wide[:, :64], wide[:, step : step + 64]]))
    start = np.array([[1.0, 0, -step / 32, 0, 1, 0]])
    measures, _ = verify.compare(seen, NONE, seen, NONE + 1, start, align=False)
    assert measures[0, 0] > 0.99
    assert measures[0, 2] == pytest.approx(1 - shift, abs=0.03)
    assert verify.same(measures).tolist() == [shift < 0.25]


@pytest.mark.parametrize("swap", [False, True])
def test_a_small_part_of_a_picture_lies_within_it(swap):
    """What it is not the same for is that the part cannot be aligned, not that it is small."""
    whole, part = picture(8), cropped(picture(8), 0.2, 0.2, 0.2, 0.2)
    seen = verify.prepare(
        np.stack([gray(part), gray(whole)] if swap else [gray(whole), gray(part)])
    )
    scale = 0.6 if swap else 1 / 0.6
    start = np.array([[scale, 0, 0, 0, scale, 0.0]])
    measures, _ = verify.compare(seen, NONE, seen, NONE + 1, start, align=False)
    assert measures[0, 2] == pytest.approx(1 if swap else 0.36, abs=0.05)
    assert verify.same(measures).all()


@pytest.fixture
def mixture():
    """Pictures, and pairs of them in the hundreds: some the same, most not."""
    wholes = [picture(seed) for seed in range(20)]
    copies = [cropped(recoded(p), 0.02, 0.03, 0.01, 0) for p in wholes]
    seen = verify.prepare(np.stack([gray(p) for p in (*wholes, *copies)]))
    first, second = np.triu_indices(40, 1)
    start = np.tile(np.array([1.0, 0, 0, 0, 1, 0]), (len(first), 1))
    return seen, first, second, start


def test_numpy_and_machine_code_in_threads_agree(mixture, monkeypatch):
    seen, first, second, start = mixture
    monkeypatch.setattr(verify, "is_warm", lambda: False)
    slow, slow_maps = verify.compare(seen, first, seen, second, start)
    verify.warm()
    monkeypatch.setattr(verify, "is_warm", lambda: True)
    monkeypatch.setattr(verify, "_KERNEL_CHUNK", 50)
    fast, fast_maps = verify.compare(seen, first, seen, second, start)
    assert fast == pytest.approx(slow, abs=2e-3)
    assert fast_maps == pytest.approx(slow_maps, abs=5e-3)
    assert (verify.same(fast) == verify.same(slow)).all()
    same = set(
        zip(first[verify.same(fast)].tolist(), second[verify.same(fast)].tolist(), strict=True)
    )
    assert same == {(k, k + 20) for k in range(20)}


def test_warming_makes_it_warm():
    verify.warm()
    assert verify.is_warm()


@pytest.mark.parametrize("warm", [False, True])
def test_progress_is_told_and_may_stop_the_work(mixture, monkeypatch, warm):
    seen, first, second, start = mixture
    monkeypatch.setattr(verify, "is_warm", lambda: warm)
    done = []
    verify.compare(seen, first, seen, second, start, align=False, progress=done.append)
    assert sum(done) == len(first)

    def stop(count):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        verify.compare(seen, first, seen, second, start, align=False, progress=stop)


def test_no_pairs():
    seen = verify.prepare(np.empty((0, 64, 64), np.uint8))
    measures, maps = verify.compare(seen, NONE[:0], seen, NONE[:0], np.empty((0, 6)))
    assert (len(seen), measures.shape, maps.shape) == (0, (0, 3), (0, 6))
