"""Hash all frames of an animation, or all pages, to tell those with one cover apart.

Two animations that begin with the same frame are compared by their later frames. Each is cut into
eight parts of equal length; a part is the mean of its frames at 32x32 grays. Of each part two
things enter the hash, both without detail coarser than a ninth of the picture: its difference from
the first frame, which shows a small thing that moves on a large background, and the part itself,
which distinguishes pages of text behind one cover. The bits are the sides of 255 random planes on
which these lie (Charikar 2002, "Similarity estimation techniques from rounding algorithms"), so
that the number of different bits grows with the angle between two vectors.
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
"""The key of a picture with one frame, or with frames that are all equal."""

_ALSO_STILL = np.uint64(1)
"""The lowest bit of the key of a file that stands for its first picture, too, as a PNG does."""

_PARTS = 8
# Of 256, measured on 40 animations of scenes and of a small thing that moves: copies scaled by
# half or coded as WebP differ in 3 to 31 bits, 38 of 40 in 21 at most; films of which one of eight
# frames is another in 26 and more, of which a quarter are in 40. Pages of text that were scaled by
# half, 31 to 42, are beyond: to keep two apart wrongly costs less than to merge them.
_MAX_BITS = 24
# Grays: below that, differences are noise of the coding.
_LEAST_MOTION = 0.5


def frame_key(frames: Sequence[UInt8s], durations: Sequence[float], *, also_still: bool) -> bytes:
    """Compute the hash, 32 bytes.

    Parameters
    ----------
    frames
        Grays of all frames, uint8 (32, 32), in their order; two at least.
    durations
        How long each is shown, in any unit; where the sum is 0 all are shown equally long.
    also_still
        Whether a picture that equals the first frame is no other than this file.
    """
    grays = np.stack(frames).astype(np.float32)
    parts = _weights(durations) @ grays.reshape(len(grays), -1)
    shown = _fine(parts.reshape(-1, SIDE, SIDE))
    moved = _fine((parts - grays[0].ravel()).reshape(-1, SIDE, SIDE))
    shown /= np.maximum(np.linalg.norm(shown, axis=1, keepdims=True), 1e-6)
    length = np.linalg.norm(moved)
    still = length < _LEAST_MOTION * np.sqrt(moved.size)
    moved *= 0 if still else np.sqrt(_PARTS) / length
    sides = np.concatenate((shown, moved)).ravel() @ _planes() > 0
    sides[0] = also_still
    key = np.packbits(sides, bitorder="little").tobytes()
    return key if any(key) else b"\2" + key[1:]  # zeros are the still among arrays


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
    r"""Tell which pairs differ in their later frames, by their keys, uint64 (k, 4); bool (k,).

    Examples
    --------
    >>> still, shown, png = key_arrays([b"", b"\4" + bytes(31), b"\5" + bytes(31)])[:, None]
    >>> [frames_differ(still, each).tolist() for each in (still, shown, png)]
    [[False], [True], [False]]
    """
    # The lowest bit is in all keys of PNGs, and one among 256.
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


def _fine(grays: Float32s) -> Float32s:
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
