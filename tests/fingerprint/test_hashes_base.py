"""A second hash can be registered, hashes files, and is searched like the dHash."""

import numpy as np
import pytest

from imgurer_kernel.errors import ImageRejected, QueryError
from imgurer_kernel.fingerprint.extract import dhash_of
from imgurer_kernel.fingerprint.hashes import base
from imgurer_kernel.fingerprint.hashes.base import hash_named, hash_picture, register
from imgurer_kernel.index import BKTree, neighbors
from tests.support.catalogs import saved
from tests.support.copies import cropped, picture, recoded


class MeanHash:
    """128 bits of a 16x16 picture: whether the mean of two pixels is above the whole one's."""

    name = "mean"
    side = 16

    def hash_many(self, grays):
        pairs = grays.reshape(len(grays), 128, 2).mean(axis=2)
        bits = pairs > pairs.mean(axis=1, keepdims=True)
        return np.packbits(bits, axis=1).view(">u8").astype(np.uint64)

    def informative_many(self, grays):
        return np.ptp(grays.reshape(len(grays), -1), axis=1) > 8


@pytest.fixture
def mean(monkeypatch):
    monkeypatch.setattr(base, "_hashes", dict(base._hashes))
    register(MeanHash())
    return hash_named("mean")


@pytest.mark.parametrize("name", ["dhash", "mean"])
def test_a_plugged_in_hash_is_searched_by_every_engine(mean, name):
    hash_ = hash_named(name)
    originals = [picture(seed) for seed in range(40, 52)]
    hashes = np.array([hash_picture(saved(one), hash_) for one in originals], np.uint64)
    assert (hashes[:, None] != hashes[None]).any(axis=2).sum() == 12 * 11
    tree = BKTree.of(np.arange(12), hashes)
    copies = [recoded(one) for one in originals[:4]]
    copies += [cropped(one, 0.01, 0.01, 0.01, 0.01) for one in originals[:4]]
    queries = np.array([hash_picture(saved(one), hash_) for one in copies], np.uint64)
    for warm in (False, True):
        assert not warm or tree.warm(timeout=300)
        nearest = [int(tree.search(tuple(one), 20)[0][0]) for one in queries.tolist()]
        assert nearest == [0, 1, 2, 3] * 2
    query, position, _ = neighbors(hashes, queries, 20)
    expected = tree.search_many(queries, 20)
    assert (query.tolist(), position.tolist()) == (expected[0].tolist(), expected[1].tolist())


def test_the_dhash_is_that_of_a_fingerprint():
    data = saved(picture(7))
    assert hash_picture(data, hash_named("dhash")) == dhash_of(data)
    assert hash_picture(data, hash_named("dhash"), exact=True) == dhash_of(data, exact=True)
    with pytest.raises(ImageRejected):
        hash_picture(b"no picture", hash_named("dhash"))
    grays = np.zeros((1, 9, 9), np.uint8)
    assert not hash_named("dhash").informative_many(grays).any()


def test_a_name_is_given_once_and_an_unknown_one_is_refused(mean):
    with pytest.raises(QueryError, match="already"):
        register(MeanHash())
    with pytest.raises(QueryError, match="there are: dhash, mean"):
        hash_named("phash")


class Short(MeanHash):
    name = "short"

    def hash_many(self, grays):
        return super().hash_many(grays)[:, :1]


class Signed(MeanHash):
    name = "signed"

    def hash_many(self, grays):
        return super().hash_many(grays).view(np.int64)


class Unsure(MeanHash):
    name = "unsure"

    def informative_many(self, grays):
        return np.bool_(True)


@pytest.mark.parametrize("hash_", [Short(), Signed(), Unsure(), 5, MeanHash.hash_many])
def test_an_object_that_is_not_a_128_bit_hash_is_refused(mean, hash_):
    with pytest.raises(QueryError, match=r"uint64 and|is not a perceptual hash"):
        register(hash_)
    assert len(base._hashes) == 2
