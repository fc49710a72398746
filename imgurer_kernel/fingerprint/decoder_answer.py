"""Read the answers of decoder processes: a compromised child could send anything."""

import io
import pickle
from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeAlias

from imgurer_kernel import errors
from imgurer_kernel.common.records import Facts, Fingerprint
from imgurer_kernel.errors import DecoderFailed, ImageRejected
from imgurer_kernel.fingerprint.browser_view import MIME_TYPES

DecoderAnswer: TypeAlias = (
    Fingerprint | tuple[int, int, bytes] | tuple[str] | tuple[str, bytes, int, int, bool]
)
"""Result of a child: a fingerprint, pixels as bytes, their digest, or a picture for a browser."""

_HEX_DIGITS = 64
_ANSWERS = {
    (kind.__module__, kind.__qualname__): kind for kind in (Fingerprint, Facts, datetime)
} | {
    (kind.__module__, kind.__qualname__): kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, ImageRejected)
}

# Errors of unpickling arbitrary bytes.
_UNPICKLING_ERRORS = (
    *(pickle.UnpicklingError, ValueError, TypeError, LookupError, AttributeError),
    *(EOFError, ImportError, MemoryError, OverflowError),
)


class _AnswerReader(pickle.Unpickler):
    """Unpickles only the classes of answers."""

    def find_class(self, module: str, name: str) -> object:
        found = _ANSWERS.get((module, name))
        if found is None:
            message = f"an answer has {module}.{name} in it"
            raise pickle.UnpicklingError(message)
        return found


def read_answer(
    data: bytes, task: str = "fingerprint"
) -> tuple[DecoderAnswer | ImageRejected, str]:
    """Read an answer of a child: its result, and the messages of its libraries.

    Raises
    ------
    DecoderFailed
        If it is anything else.
    """
    try:
        answer, messages = _AnswerReader(io.BytesIO(data)).load()
    except _UNPICKLING_ERRORS as error:
        message = f"the decoder gave no answer to it ({error}); it may have been made to do so"
        raise DecoderFailed(message) from error
    good = isinstance(answer, ImageRejected) or _CHECKS[task](answer)
    if not good or not isinstance(messages, str):
        message = f"the decoder gave no answer to it, but a {type(answer).__name__}"
        raise DecoderFailed(message)
    return answer, messages


def _is_fingerprint(answer: object) -> bool:
    return isinstance(answer, Fingerprint)


def _is_pixels(answer: Any) -> bool:  # noqa: ANN401 - of any type
    if not _has_kinds(answer, int, int, bytes):
        return False
    height, width, raw = answer
    return bool(height > 0 and width > 0 and len(raw) == 3 * height * width)


def _is_digest(answer: Any) -> bool:  # noqa: ANN401
    return _has_kinds(answer, str) and len(answer[0]) == _HEX_DIGITS


def _is_view(answer: object) -> bool:
    # The MIME type is sent to the browser, so it must not be one that it would execute.
    return _has_kinds(answer, str, bytes, int, int, bool) and answer[0] in MIME_TYPES  # type: ignore[index]


def _has_kinds(answer: object, *kinds: type) -> bool:
    return (
        isinstance(answer, tuple)
        and len(answer) == len(kinds)
        and all(type(each) is kind for each, kind in zip(answer, kinds, strict=True))
    )


_CHECKS: dict[str, Callable[[object], bool]] = {
    "fingerprint": _is_fingerprint,
    "pixels": _is_pixels,
    "digest": _is_digest,
    "view": _is_view,
}
