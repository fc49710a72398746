"""Verification: start maps, and equal results of both engines and any number of threads."""

import numpy as np
import pytest

from imgurer_kernel.fingerprint.hashes.dhash import ORIENTATIONS
from imgurer_kernel.matching import relation, verify
from imgurer_kernel.matching.affine import maps_between_boxes
from imgurer_kernel.matching.regions import CONTENT, WHOLE
from tests.support.copies import cropped, framed, gray, picture, recoded

WHOLES = np.array([[-1.0, -1.0, 1.0, 1.0]])
NONE = np.zeros(1, np.int64)


def oriented(image, index):
    """A square picture as `dhash.orientations` does it: mirrored and turned, pixel for pixel."""
    mirrored, flipped = image[:, ::-1], image[::-1]
    turned = mirrored[::-1]
    turns = image, mirrored, turned, flipped, image.T, flipped.T, turned.T, mirrored.T
    return np.ascontiguousarray(turns[index])


@pytest.mark.parametrize("index", range(8), ids=ORIENTATIONS)
def test_a_start_lays_an_oriented_picture_on_its_original(index):
    original = gray(picture(1))
    one, other = (verify.prepare(p[None]) for p in (original, oriented(original, index)))
    start = maps_between_boxes(np.array([index]), WHOLES, WHOLES)
    measures = verify.compare(one, NONE, other, NONE, start, align=False).measures
    assert measures[0, 0] > 0.999
    for wrong in {*range(8)} - {index}:
        start = maps_between_boxes(np.array([wrong]), WHOLES, WHOLES)
        wrongly = verify.compare(one, NONE, other, NONE, start, align=False).measures
        assert wrongly[0, 0] < 0.6


def test_borders_are_found_and_left_out():
    plain, bordered = picture(2), framed(picture(2), 0.1, 0.2, 0.1, 0)
    seen = verify.prepare(np.stack([gray(plain), gray(bordered)]))
    assert seen.content[0].tolist() == [0, 0, 64, 64]
    assert seen.content[1] == pytest.approx([5, 11, 59, 64], abs=1)
    first, second = np.array([0, 0]), np.array([1, 1])
    regions = np.array([WHOLE, WHOLE]), np.array([WHOLE, CONTENT])
    start = verify.start_maps(seen, first, seen, second, (np.zeros(2, int), *regions))
    measures = verify.compare(seen, first, seen, second, start, align=False).measures
    assert measures[0, 0] < 0.6
    assert measures[1, 0] > 0.95
    measures = verify.compare(seen, first, seen, second, start).measures
    assert verify.are_same(measures[1:]).all()


@pytest.mark.parametrize("shift", [0.1, 0.15, 0.35, 0.9])
def test_pictures_that_meet_at_the_edge_only_do_not_agree(shift):
    """Two frames of a camera that moves to the right, laid on each other as they should be."""
    wide = np.asarray(picture(7).resize((128, 64)).convert("L"))
    step = round(64 * shift)
    seen = verify.prepare(np.stack([wide[:, :64], wide[:, step : step + 64]]))
    start = np.array([[1.0, 0, -step / 32, 0, 1, 0]])
    measures = verify.compare(seen, NONE, seen, NONE + 1, start, align=False).measures
    assert measures[0, 0] > 0.99
    assert measures[0, 2] == pytest.approx(1 - shift, abs=0.03)
    assert verify.are_same(measures).tolist() == [shift < 0.25]
    assert verify.lie_apart(measures[:, 2], start, seen.content[:1], seen.content[1:]) == [
        shift > 0.25
    ]
    if shift == 0.35:  # enough for a closer look
        assert relation.DOUBTFUL <= measures[0, 1] <= verify.PARTLY


@pytest.mark.parametrize("swap", [False, True])
def test_a_small_part_of_a_picture_lies_within_it(swap):
    """It is not the same because the part cannot be aligned, not because it is small."""
    whole, part = picture(8), cropped(picture(8), 0.2, 0.2, 0.2, 0.2)
    seen = verify.prepare(
        np.stack([gray(part), gray(whole)] if swap else [gray(whole), gray(part)])
    )
    scale = 0.6 if swap else 1 / 0.6
    start = np.array([[scale, 0, 0, 0, scale, 0.0]])
    measures = verify.compare(seen, NONE, seen, NONE + 1, start, align=False).measures
    assert measures[0, 2] == pytest.approx(1 if swap else 0.36, abs=0.05)
    assert verify.are_same(measures).all()


@pytest.fixture(scope="module")
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
    monkeypatch.setattr(verify, "is_compiled", lambda: False)
    slow = verify.compare(seen, first, seen, second, start)
    verify.compile_kernel()
    monkeypatch.setattr(verify, "is_compiled", lambda: True)
    monkeypatch.setattr(verify, "_KERNEL_CHUNK", 50)
    fast = verify.compare(seen, first, seen, second, start)
    assert fast.measures == pytest.approx(slow.measures, abs=2e-3)
    assert fast.maps == pytest.approx(slow.maps, abs=5e-3)
    verdict = verify.are_same(fast.measures)
    assert (verdict == verify.are_same(slow.measures)).all()
    same = set(zip(first[verdict].tolist(), second[verdict].tolist(), strict=True))
    assert same == {(k, k + 20) for k in range(20)}


def test_compiling_makes_it_compiled():
    verify.compile_kernel()
    assert verify.is_compiled()


@pytest.mark.parametrize("warm", [False, True])
def test_progress_is_reported_and_may_stop_the_work(mixture, monkeypatch, warm):
    seen, first, second, start = mixture
    monkeypatch.setattr(verify, "is_compiled", lambda: warm)
    done = []
    verify.compare(seen, first, seen, second, start, align=False, progress=done.append)
    assert sum(done) == len(first)

    def stop(count):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        verify.compare(seen, first, seen, second, start, align=False, progress=stop)


def test_no_pairs():
    seen = verify.prepare(np.empty((0, 64, 64), np.uint8))
    none = verify.compare(seen, NONE[:0], seen, NONE[:0], np.empty((0, 6)))
    assert (len(seen), len(none), none.measures.shape, none.maps.shape) == (0, 0, (0, 3), (0, 6))
