"""Names in a blob store: digests, below two levels of folders.

``blobs + abcd12... --2 levels--> blobs/ab/cd/abcd12...``: with a million digests no folder has more
than a few thousand entries. The name is still the whole digest, so that the content of a file can
be checked wherever it is, and names sort in the order of digests.
"""

import re
from collections.abc import Iterable, Iterator

from imgurer_kernel.errors import InvalidDigest

_DIGEST = re.compile(r"[0-9a-f]{64}")


def check_digest(digest: str) -> str:
    """Check that a text is a digest; required before it becomes part of a name or path.

    Raises
    ------
    InvalidDigest
        If it is not 64 lower-case hex digits.

    Examples
    --------
    >>> check_digest("../../etc/passwd")
    Traceback (most recent call last):
    imgurer_kernel.errors.InvalidDigest: '../../etc/passwd' is not a digest; a digest is a SHA-256
    as 64 lower-case hex digits
    """
    if not isinstance(digest, str) or not _DIGEST.fullmatch(digest):
        message = f"{digest!r} is not a digest; a digest is a SHA-256 as 64 lower-case hex digits"
        raise InvalidDigest(message)
    return digest


def nested(area: str, digest: str) -> str:
    """Return the name of a digest in an area.

    Raises
    ------
    InvalidDigest
        As `check_digest`.

    Examples
    --------
    >>> nested("blobs", 32 * "e7")[:20]
    'blobs/e7/e7/e7e7e7e7'
    """
    check_digest(digest)
    return f"{area}/{digest[:2]}/{digest[2:4]}/{digest}"


def is_nested(area: str, name: str) -> bool:
    """Return whether a name is that of a digest in an area.

    Examples
    --------
    >>> is_nested("blobs", "blobs/e7/notes.txt")
    False
    """
    digest = name.rpartition("/")[2]
    return bool(_DIGEST.fullmatch(digest)) and nested(area, digest) == name


def digests_in(area: str, names: Iterable[str]) -> Iterator[str]:
    """Yield the digests among the names in an area; other names are skipped."""
    for name in names:
        if is_nested(area, name):
            yield name.rpartition("/")[2]
