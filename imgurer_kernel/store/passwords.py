"""Check and normalize passwords before they are hashed."""

import unicodedata

from imgurer_kernel.errors import InvalidPassword

# At most 1,024 characters, so that no client can keep the server busy hashing megabytes.
PASSWORD_LENGTHS = range(8, 1025)
"""Allowed numbers of characters of a password."""


def normalized_password(password: str) -> str:
    """Normalize a password (NFC) to the form that is hashed and compared.

    Keyboards may enter an accent as a separate character or not (RFC 8265, section 4).
    """
    return unicodedata.normalize("NFC", password)


def checked_password(password: str) -> str:
    """Check a new password, and return it normalized.

    Raises
    ------
    InvalidPassword
        If it is too short or too long.
    """
    password = normalized_password(password)
    if len(password) not in PASSWORD_LENGTHS:
        message = (
            f"the password has {len(password)} characters; it must have "
            f"{PASSWORD_LENGTHS.start} to {PASSWORD_LENGTHS.stop - 1}"
        )
        raise InvalidPassword(message)
    return password
