"""Sets of 128-bit hashes for the search benchmarks, the same for the same arguments.

>>> photo_like(3, seed=1).shape
(3, 2)
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]

_BLOCK = 1 << 14

# How fast the power of a drawn picture falls with frequency, one for each block in turn: pictures
# are of different smoothness.
_FALLS = (2.5, 3.0, 3.5, 4.0)

# A share of the pictures resembles one of a few, as photos of a shop do: that makes the thick lower
# tail that distances between photos have.
_KINDS = 24
_SHARE = 0.3
_PULL = 0.96


def uniform(n: int, seed: int = 0) -> Hashes:
    """Hashes of independent random bits: distances have mean 64 and deviation 5.7."""
    return np.random.default_rng(seed).integers(0, 1 << 64, (n, 2), dtype=np.uint64)


def photo_like(n: int, seed: int = 0) -> Hashes:
    """Hashes of drawn 9x9 pictures, whose distances are those of photos.

    Of 1,324 photos the distances have mean 62.8 and deviation 9.3, and 16, 86 and 280 of a million
    are within 16, 20 and 24; of these hashes 63.2 and 8.9, and 20, 75 and 230.
    """
    hashes = np.empty((n, 2), np.uint64)
    for start, grays in _photo_like_grays(n, seed):
        hashes[start : start + len(grays)] = _hashed(grays)
    return hashes


def photo_like_turned(n: int, seed: int = 0) -> NDArray[np.uint64]:
    """The same pictures hashed in all eight orientations, (n, 8, 2), upright first.

    In the order of ``imgurer_kernel.fingerprint.hashes.dhash.ORIENTATIONS``.
    """
    hashes = np.empty((n, 8, 2), np.uint64)
    for start, flat in _photo_like_grays(n, seed):
        grays = flat.reshape(-1, 9, 9)
        mirrored, flipped = grays[..., ::-1], grays[..., ::-1, :]
        turned = mirrored[..., ::-1, :]
        plain = (grays, mirrored, turned, flipped)
        crossed = (one.swapaxes(-1, -2) for one in (grays, flipped, turned, mirrored))
        for k, one in enumerate((*plain, *crossed)):
            hashes[start : start + len(grays), k] = _hashed(one)
    return hashes


def _photo_like_grays(n: int, seed: int) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """Blocks of pictures, (k, 81), each with the number of its first one."""
    rng = np.random.default_rng(seed)
    roots = [_root(fall) for fall in _FALLS]
    kinds = np.random.default_rng(12345).standard_normal((_KINDS, 81), dtype=np.float32)
    kinds = kinds @ roots[-2].T
    ramp = np.repeat(np.linspace(1, -1, 9), 9).astype(np.float32) * np.float32(0.3)
    for number, start in enumerate(range(0, n, _BLOCK)):
        size = min(_BLOCK, n - start)
        grays = rng.standard_normal((size, 81), dtype=np.float32)
        grays = grays @ roots[number % len(roots)].T + ramp
        pull = np.sqrt(rng.random(size)) * _PULL * (rng.random(size) < _SHARE)
        weight = pull.astype(np.float32)[:, None]
        alike = kinds[rng.integers(0, _KINDS, size)]
        yield start, np.sqrt(1 - weight**2) * grays + weight * alike


def near(hashes: Hashes, n: int, most: int, seed: int = 0) -> Hashes:
    """Copies of some of the hashes with 0 to `most` bits flipped."""
    rng = np.random.default_rng(seed)
    copies = hashes[rng.integers(0, len(hashes), n)].copy()
    flips = rng.integers(0, most + 1, n)
    for flip in range(most):
        which = np.flatnonzero(flips > flip)
        bit = rng.integers(0, 128, len(which))
        copies[which, bit // 64] ^= np.uint64(1) << (bit % 64).astype(np.uint64)
    return copies


def with_copies(hashes: Hashes, seed: int = 0) -> Hashes:
    """The same set with a tenth of it replaced by near copies of the others, and 1 % by equal ones.

    So there are pairs and clusters to be found at any radius.
    """
    copied = hashes.copy()
    tenth = len(hashes) // 10
    copied[:tenth] = near(hashes[tenth:], tenth, 8, seed)
    copied[tenth : tenth + tenth // 10] = near(hashes[tenth:], tenth // 10, 0, seed + 1)
    return np.random.default_rng(seed).permutation(copied)


def with_dense_zone(hashes: Hashes, n: int, seed: int = 0) -> Hashes:
    """The same set with n of it replaced by hashes within 4 bits of one."""
    dense = hashes.copy()
    dense[:n] = near(hashes[:1], n, 4, seed)
    return np.random.default_rng(seed).permutation(dense)


def distances(hashes: Hashes, pairs: int = 1_000_000) -> NDArray[np.int64]:
    """Distances of random pairs."""
    i, j = np.random.default_rng(0).integers(0, len(hashes), (2, pairs))
    return np.bitwise_count(hashes[i] ^ hashes[j]).sum(axis=1, dtype=np.int64)[i != j]


def _root(fall: float) -> NDArray[np.float32]:
    """A matrix that turns white noise into 9x9 grays cut from a random field on a torus."""
    side = 32
    frequency = np.fft.fftfreq(side) * side
    power = frequency[:, None] ** 2 + frequency**2
    power[0, 0] = np.inf
    covariance = np.fft.ifft2(power ** (-fall / 2)).real
    y, x = np.divmod(np.arange(81), 9)
    cut = covariance[(y[:, None] - y) % side, (x[:, None] - x) % side]
    values, vectors = np.linalg.eigh(cut / covariance[0, 0])
    return (vectors * np.sqrt(np.maximum(values, 0))).astype(np.float32)


def _hashed(grays: NDArray[np.float32]) -> Hashes:
    grays = grays.reshape(-1, 9, 9)
    left = grays[:, :8, :8] < grays[:, :8, 1:]
    up = grays[:, :8, :8] < grays[:, 1:, :8]
    words = [np.packbits(bits.reshape(-1, 64), axis=1).view(">u8")[:, 0] for bits in (left, up)]
    return np.stack(words, axis=1).astype(np.uint64)
