"""The interface and the registry of perceptual hashes.

A hash has 128 bits, as two words of 64; pictures that look alike differ in few of them.
`imgurer_kernel.index` requires nothing else, so it can search any hash. Stores keep the dHash:
verified searches and clusters use its orientations, windows and near ties.
"""

from typing import Protocol, runtime_checkable

import numpy as np

from imgurer_kernel.common.types import BoolMask, UInt8s, UInt64s
from imgurer_kernel.errors import QueryError
from imgurer_kernel.fingerprint.hashes import dhash
from imgurer_kernel.settings import Settings


@runtime_checkable
class PerceptualHash(Protocol):
    """A hash of 128 bits, computed from a picture that is reduced to a square of grays.

    Attributes
    ----------
    name
        Short and in lower case, such as ``"dhash"``; unique.
    side
        Pixels of the sides of that square, 1 or more.
    """

    @property
    def name(self) -> str: ...  # noqa: D102 - described above

    @property
    def side(self) -> int: ...  # noqa: D102

    def hash_many(self, grays: UInt8s) -> UInt64s:
        """Hash many pictures: uint8 (n, side, side) to uint64 (n, 2)."""
        ...

    def informative_many(self, grays: UInt8s) -> BoolMask:
        """Return which pictures have enough structure for this hash, bool (n,)."""
        ...


class DHash:
    """The difference hash of `imgurer_kernel.fingerprint.hashes.dhash`."""

    name = "dhash"
    side = dhash.SIDE

    def hash_many(self, grays: UInt8s) -> UInt64s:
        """Hash many pictures; see `imgurer_kernel.fingerprint.hashes.dhash.dhash_many`."""
        return dhash.dhash_many(grays)

    def informative_many(self, grays: UInt8s) -> BoolMask:
        """Return which pictures have enough structure for a dHash, bool (n,)."""
        return dhash.informative_many(grays)


_hashes: dict[str, PerceptualHash] = {}


def register(hash_: object) -> None:
    """Register a `PerceptualHash` under its name.

    It is tested on a few grays first, so that an error is raised here and not in a search.

    Raises
    ------
    QueryError
        If another hash has that name, or it is not such a hash.
    """
    if not isinstance(hash_, PerceptualHash):
        message = f"{hash_!r} is not a perceptual hash; it lacks what `PerceptualHash` names"
        raise QueryError(message)
    if hash_.name in _hashes:
        message = f"there is a hash named {hash_.name!r} already; give this one another name"
        raise QueryError(message)
    ramp = np.arange(2 * hash_.side**2, dtype=np.uint32).reshape(2, hash_.side, hash_.side) % 256
    grays = ramp.astype(np.uint8)
    hashes, known = hash_.hash_many(grays), hash_.informative_many(grays)
    if hashes.dtype != np.uint64 or hashes.shape != (2, 2) or known.shape != (2,):
        message = (
            f"{hash_.name!r} hashes 2 pictures to an array of {hashes.dtype} and shape "
            f"{hashes.shape}; it must be uint64 and (2, 2), and `informative_many` give 2 truths"
        )
        raise QueryError(message)
    _hashes[hash_.name] = hash_


def hash_named(name: str) -> PerceptualHash:
    """Return a hash that was registered.

    Raises
    ------
    QueryError
        If there is none of that name.

    Examples
    --------
    >>> hash_named("dhash").side
    9
    """
    if name not in _hashes:
        message = f"there is no hash named {name!r}; there are: {', '.join(sorted(_hashes))}"
        raise QueryError(message)
    return _hashes[name]


def hash_picture(
    data: bytes, hash_: PerceptualHash, *, exact: bool = False, limits: Settings | None = None
) -> tuple[int, int]:
    """Decode a file and hash its picture, made upright.

    Parameters
    ----------
    data, exact, limits
        As for `imgurer_kernel.fingerprint.fingerprint`.
    hash_
        The hash to compute.

    Returns
    -------
    The two words, each below 2**64; for the dHash, row hash and column hash.

    Raises
    ------
    ImageRejected
        If the file is not a picture, over a limit, or damaged.
    """
    # `decode` uses the dHash to check whether a picture is informative: imported here, to avoid a
    # circular import.
    from imgurer_kernel.fingerprint import decode

    view = decode.read(data, limits, exact=exact, colour=False).view()
    first, second = hash_.hash_many(view.grays(hash_.side)[None])[0]
    return int(first), int(second)


register(DHash())
