"""dHash against the PyPI package, plain Python, and its algebraic properties."""

import dhash as oracle
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image, ImageOps

from imgurer_kernel.errors import QueryError
from imgurer_kernel.fingerprint.hashes import dhash as subject
from tests.support.forms import rounds
from tests.support.pictures import gradient, scene, solid

any_grays = arrays(np.uint8, (9, 9))
flat_grays = arrays(np.uint8, (9, 9), elements=st.integers(126, 129))
halves = st.integers(0, 2**64 - 1)


def reduce(pixels):
    image = Image.fromarray(pixels).convert("L").resize((9, 9), Image.Resampling.LANCZOS)
    return np.asarray(image)


@given(any_grays | flat_grays)
def test_equals_the_package_on_any_grays(grays):
    assert subject.dhash(grays) == oracle.dhash_row_col(grays.ravel().tolist())


@given(arrays(np.uint8, st.tuples(st.integers(0, 5), st.just(9), st.just(9))))
def test_many_equals_one_by_one(grays):
    hashes = subject.dhash_many(grays)
    assert hashes.dtype == np.uint64
    assert hashes.shape == (len(grays), 2)
    assert [tuple(map(int, row)) for row in hashes] == [subject.dhash(one) for one in grays]


def test_many_reads_views_that_are_not_contiguous():
    grays = np.stack([reduce(scene(seed, 160, 120)) for seed in range(3)])
    mirrored = grays[:, :, ::-1]
    assert subject.dhash_many(mirrored).tolist() == subject.dhash_many(mirrored.copy()).tolist()


@pytest.mark.parametrize("shape", [(8, 9), (9, 8), (81,), (1, 9, 9)])
def test_one_picture_has_9x9_grays(shape):
    with pytest.raises(QueryError, match="9"):
        subject.dhash(np.zeros(shape, np.uint8))


@pytest.mark.parametrize("shape", [(9, 9), (3, 8, 8), (2, 2, 9, 9)])
def test_many_pictures_have_n_9x9_grays(shape):
    with pytest.raises(QueryError, match="9"):
        subject.dhash_many(np.zeros(shape, np.uint8))


@given(halves, halves)
def test_hex_is_the_packages_and_comes_back(row, column):
    text = subject.format_hex(row, column)
    assert text == oracle.format_hex(row, column)
    assert subject.parse_hex(text) == (row, column)
    assert subject.parse_hex(text.upper()) == (row, column)


@pytest.mark.parametrize(
    "text", ["", "0" * 31, "0" * 33, "g" * 32, " " + "0" * 31, "0x" + "0" * 30]
)
def test_other_text_is_not_a_hash(text):
    with pytest.raises(QueryError, match="32 hex digits"):
        subject.parse_hex(text)


@given(st.lists(st.tuples(halves, halves), max_size=20), st.tuples(halves, halves))
def test_distances_by_counting(hashes, query):
    expected = [
        oracle.get_num_bits_different(row << 64 | column, query[0] << 64 | query[1])
        for row, column in hashes
    ]
    assert [subject.hamming(one, query) for one in hashes] == expected


def test_distance_reaches_128():
    assert subject.hamming((2**64 - 1, 2**64 - 1), (0, 0)) == 128


@given(halves, halves)
def test_planes_are_the_packages_matrix(row, column):
    planes = subject.bit_planes(row, column)
    assert planes.dtype == np.bool_
    for plane, half in zip(planes, (row, column), strict=True):
        text = "\n".join("".join("01"[int(bit)] for bit in line) for line in plane)
        assert text == oracle.format_matrix(half)


def test_orientations_are_those_of_exif():
    grays = np.arange(81, dtype=np.uint8).reshape(9, 9)
    found = subject.orientations(grays)
    for index in range(8):
        image = Image.fromarray(grays)
        image.getexif()[0x0112] = index + 1
        assert np.array_equal(found[index], np.asarray(ImageOps.exif_transpose(image))), index
    assert len(subject.ORIENTATIONS) == len(set(subject.ORIENTATIONS)) == 8


def test_orientations_of_many():
    grays = np.random.default_rng(0).integers(0, 256, (5, 9, 9), dtype=np.uint8)
    found = subject.orientations(grays)
    assert found.shape == (8, 5, 9, 9)
    for index in range(5):
        assert np.array_equal(found[:, index], subject.orientations(grays[index]))


def test_hashes_of_turned_pictures_are_those_of_their_orientations():
    grays = np.random.default_rng(3).integers(0, 4, (5, 9, 9), np.uint8)  # with many equal levels
    found = subject.turned_hashes(grays)
    for k, o in np.ndindex(5, 8):
        assert tuple(found[k, o].tolist()) == subject.dhash(subject.orientations(grays[k])[o])
    assert subject.turned_hashes(grays[:0]).shape == (0, 8, 2)


@given(any_grays)
@settings(max_examples=rounds(15, 120))
def test_orientations_are_a_group(grays):
    all_ways = {one.tobytes() for one in subject.orientations(grays)}
    for one in subject.orientations(grays):
        assert {other.tobytes() for other in subject.orientations(one)} == all_ways


def test_orientations_of_a_picture_reduced_before_or_after():
    for seed in range(6):
        pixels = scene(seed, 400, 300)
        from_grays = subject.orientations(reduce(pixels))
        gray = np.asarray(Image.fromarray(pixels).convert("L"))
        ways = (gray, gray[:, ::-1], gray[::-1, ::-1], gray[::-1], gray.T)
        turns = (np.rot90(gray, -1), gray[::-1, ::-1].T, np.rot90(gray))
        for index, turned in enumerate(ways + turns):
            after = reduce(np.ascontiguousarray(turned))
            distance = subject.hamming(subject.dhash(from_grays[index]), subject.dhash(after))
            assert distance <= (0 if index < 4 else 3)


def brute_informative(grays):
    grays = grays.astype(int).tolist()
    steps = [
        [[grays[y][x + 1] - grays[y][x] for x in range(8)] for y in range(8)],
        [[grays[y + 1][x] - grays[y][x] for x in range(8)] for y in range(8)],
    ]
    clear = sum(abs(step) >= 2 for plane in steps for line in plane for step in line)
    bits = [[[step > 0 for step in line] for line in plane] for plane in steps]
    changes = 0
    for plane in bits:
        changes += sum(plane[y][x] != plane[y][x + 1] for y in range(8) for x in range(7))
        changes += sum(plane[y][x] != plane[y + 1][x] for y in range(7) for x in range(8))
    return clear >= 24 and changes >= 24


@given(any_grays | flat_grays | arrays(np.uint8, (9, 9), elements=st.sampled_from([100, 102])))
def test_flat_rule_by_counting(grays):
    assert subject.informative(grays) == brute_informative(grays)


def test_flat_rule_at_its_edges():
    rows = np.zeros((9, 9), np.uint8)
    rows[::2] = 1
    assert not subject.informative(rows), "steps of one level"
    rows[::2] = 2
    assert subject.informative(rows), "64 clear differences, 56 changes of bits"


def test_photos_are_informative_and_flat_pictures_are_not():
    assert all(subject.informative(reduce(scene(seed, 320, 240))) for seed in range(20))
    assert not any(subject.informative(reduce(solid(gray))) for gray in (0, 7, 128, 255))
    assert not any(subject.informative(reduce(gradient(angle))) for angle in (0, 0.5, 1.0, 1.6))


@given(any_grays | flat_grays)
def test_near_ties_by_counting(grays):
    levels = grays.astype(int)
    expected = sum(
        abs(levels[y, x] - levels[y + down, x + right]) <= 1
        for y in range(8)
        for x in range(8)
        for down, right in ((0, 1), (1, 0))
    )
    assert subject.near_ties(grays) == expected


def test_inputs_are_left_alone():
    grays = np.random.default_rng(1).integers(0, 256, (9, 9), dtype=np.uint8)
    before = grays.copy()
    grays.setflags(write=False)
    subject.dhash(grays)
    subject.informative(grays)
    subject.orientations(grays)[:] = 0
    assert np.array_equal(grays, before)
