"""Refuse conditions that no file can match because a value in them is misspelled."""

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import get_args

from imgurer_kernel.common.records import FileState
from imgurer_kernel.errors import QueryError
from imgurer_kernel.review.decisions import VERDICTS
from imgurer_kernel.review.labels import OF_FILES
from imgurer_kernel.store.catalog.expressions import compared_texts

_VALUES: Mapping[str, Sequence[str]] = {
    "label": OF_FILES,
    "medoid_label": OF_FILES,
    "state": get_args(FileState),
    "verdict": ("", *VERDICTS),
}
# Words of other tools, and of the review on the screen.
_SYNONYMS = {
    "exact": "identical",
    "duplicate": "identical",
    "turned": "rotated",
    "mirrored": "flipped",
}


def require_known_values(condition: str) -> None:
    """Refuse a condition that compares a column of few values with an unknown value.

    Raises
    ------
    QueryError
        Names the nearest known value.

    Examples
    --------
    >>> require_known_values("label = 'resized' OR label LIKE 're%'")
    >>> require_known_values("label IN ('identicl')")
    Traceback (most recent call last):
    ...
    imgurer_kernel.errors.QueryError: no file has the label 'identicl'; did you mean 'identical'?
    """
    for column, text in compared_texts(condition):
        known = _VALUES.get(column, (text,))
        if text in known:
            continue
        words = {each.casefold(): each for each in known if each} | _SYNONYMS
        near = get_close_matches(text.casefold(), words, 1, 0.5)
        if near:
            remedy = f"did you mean {words[near[0]]!r}?"
        else:
            remedy = f"there are {', '.join(filter(None, known))}"
        message = f"no file has the {column} {text!r}; {remedy}"
        raise QueryError(message)
