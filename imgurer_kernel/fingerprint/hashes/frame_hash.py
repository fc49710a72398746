"""Hash all frames of an animation, or all pages, to distinguish those with the same first one.

Two animations that begin with the same frame are compared by their later frames. Each is divided
into eight parts of equal duration; a part is the mean of its frames at 32x32 grays. Two vectors of
each part enter the hash, both high-pass filtered by local means of 7x7: its difference from the
first frame, which shows a small object that moves on a large background, and the part itself, which
distinguishes pages of text behind one cover. Each bit is the side of one of 255 random planes on
which the vector lies (Charikar 2002, "Similarity estimation techniques from rounding algorithms"),
so that the number of different bits grows with the angle between two vectors.
"""

from collections.abc import Sequence
from functools import cache

import numpy as np

from imgurer_kernel.common.arrays import splitmix64
from imgurer_kernel.common.types import BoolMask, Float32s, Float64s, UInt8s, UInt64s

SIDE = 32
"""Pixels on either side of the grays of a frame."""

KEY_BYTES = 32

STILL = b""
"""The key of a picture with one frame, or with equal frames only."""

_ALSO_STILL = np.uint64(1)
"""The lowest bit of the key of a file that also equals a still of its first frame, as a PNG."""

_PARTS = 8
# Most different bits, of 256, of equal animations. Measured on 40 animations of scenes and of a
# small moving object: copies scaled by half or coded as WebP differ in 3 to 31 bits, 38 of 40 in at
# most 21; animations with one of eight frames replaced in 26 or more, a quarter of these in 40.
# Pages of text that were scaled by half differ in 31 to 42, and are not matched: a missed match is
# less harmful than a wrong one.
_MAX_BITS = 24
# Levels of gray: smaller differences are coding noise.
_LEAST_MOTION = 0.5


def frame_key(frames: Sequence[UInt8s], durations: Sequence[float], *, also_still: bool) -> bytes:
    """Compute the hash, 32 bytes.

    Parameters
    ----------
    frames
        Grays of all frames, uint8 (32, 32), in their order; at least two.
    durations
        The duration of each, in any unit; if the sum is 0, all count equally.
    also_still
        Whether a still that equals the first frame counts as equal to this file.
    """
    grays = np.stack(frames).astype(np.float32)
    parts = _weights(durations) @ grays.reshape(len(grays), -1)
    shown = _high_pass(parts.reshape(-1, SIDE, SIDE))
    moved = _high_pass((parts - grays[0].ravel()).reshape(-1, SIDE, SIDE))
    shown /= np.maximum(np.linalg.norm(shown, axis=1, keepdims=True), 1e-6)
    length = np.linalg.norm(moved)
    still = length < _LEAST_MOTION * np.sqrt(moved.size)
    moved *= 0 if still else np.sqrt(_PARTS) / length
    sides = np.concatenate((shown, moved)).ravel() @ _planes() > 0
    sides[0] = also_still
    key = np.packbits(sides, bitorder="little").tobytes()
    return key if any(key) else b"\2" + key[1:]  # all zeros mean a still in `key_arrays`


def key_arrays(keys: Sequence[bytes]) -> UInt64s:
    r"""Convert keys to uint64 (n, 4), zeros for stills.

    Examples
    --------
    >>> key_arrays([STILL, b"\2" + bytes(31)])[:, 0].tolist()
    [0, 2]
    """
    joined = b"".join(key or bytes(KEY_BYTES) for key in keys)
    words: UInt64s = np.frombuffer(joined, "<u8").astype(np.uint64).reshape(-1, 4)
    return words


def frames_differ(one: UInt64s, other: UInt64s) -> BoolMask:
    r"""Return which pairs differ in their later frames, by their keys, uint64 (k, 4); bool (k,).

    Examples
    --------
    >>> still, shown, png = key_arrays([b"", b"\4" + bytes(31), b"\5" + bytes(31)])[:, None]
    >>> [frames_differ(still, each).tolist() for each in (still, shown, png)]
    [[False], [True], [False]]
    """
    # The lowest bit, which all keys of PNGs have, is counted, too: one of 256.
    far = np.bitwise_count(one ^ other).sum(axis=1) > _MAX_BITS
    stills = ~one.any(axis=1), ~other.any(axis=1)
    against_still = (stills[0] != stills[1]) & ((one | other)[:, 0] & _ALSO_STILL == 0)
    differ: BoolMask = np.where(stills[0] | stills[1], against_still, far)
    return differ


def _weights(durations: Sequence[float]) -> Float32s:
    """Compute the share of each frame in each part, float32 (parts, frames); rows sum up to 1."""
    lengths = np.asarray(durations, float)
    if lengths.sum() <= 0:
        lengths = np.ones(len(lengths))
    ends = np.cumsum(lengths) / lengths.sum() * _PARTS
    begins = np.concatenate(([0.0], ends[:-1]))
    part = np.arange(_PARTS)[:, None]
    shares: Float64s = np.maximum(np.minimum(ends, part + 1) - np.maximum(begins, part), 0)
    return shares.astype(np.float32)


def _high_pass(grays: Float32s) -> Float32s:
    """Subtract local means of 7x7 from pictures (n, 32, 32); (n, 1024)."""
    reach = 3
    padded = np.pad(grays, ((0, 0), (reach, reach), (reach, reach)), mode="edge")
    means = np.zeros_like(grays)
    width = 2 * reach + 1
    for row in range(width):
        for column in range(width):
            means += padded[:, row : row + SIDE, column : column + SIDE]
    fine: Float32s = grays - means / np.float32(width * width)
    return fine.reshape(len(grays), -1)


@cache
def _planes() -> Float32s:
    """Make 256 random vectors of plus and minus ones, float32 (2 * parts * 1024, 256): 16 MB."""
    words = splitmix64(np.arange(4 * 2 * _PARTS * SIDE * SIDE, dtype=np.uint64))
    bits = np.unpackbits(words.astype("<u8").view(np.uint8).reshape(-1, KEY_BYTES), axis=1)
    return bits.astype(np.float32) * 2 - 1
