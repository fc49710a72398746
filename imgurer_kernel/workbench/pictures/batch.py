"""Answer queries for several pictures at once: similar ones, and which are new."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt
import pandas as pd

from imgurer_kernel.common.paths import given_path
from imgurer_kernel.common.progress import ProgressOption, reporting
from imgurer_kernel.errors import ImageRejected, ImgurerError, QueryError, SourceError
from imgurer_kernel.matching.relation import NO_DUPLICATE
from imgurer_kernel.store.ingest.sources import Unreadable, find_files
from imgurer_kernel.workbench.pictures.query import is_image_id

Search = Callable[[object], pd.DataFrame]
"""Function that answers one query with a frame as from `Workbench.similar`."""

Answer = TypeVar("Answer")

Several: TypeAlias = (
    "list[Any] | tuple[Any, ...] | set[Any] | frozenset[Any] | range | Iterator[Any]"
    " | pd.Series[Any] | pd.Index[Any] | npt.NDArray[Any]"
)
"""Types that hold several queries rather than one; see `is_batch`."""

_SEVERAL = (
    *(list, tuple, set, frozenset, range, Iterator, pd.Series, pd.Index),
    pd.api.extensions.ExtensionArray,
)

LOOKUP = [
    *("query", "name", "path", "status", "image_id", "filename", "verdict", "distance", "score"),
    "reason",
]
"""Columns of the answer of `looked_up`."""


def is_batch(given: object) -> bool:
    """Return whether the argument is several queries rather than one.

    Examples
    --------
    >>> is_batch([1, 2]), is_batch(range(3)), is_batch("a.jpg"), is_batch(b"bytes"), is_batch(7)
    (True, True, False, False, False)
    """
    return isinstance(given, _SEVERAL) or (isinstance(given, np.ndarray) and given.ndim == 1)


def paired(one: object, other: object) -> list[tuple[object, object]]:
    """Pair two batches of equal length, or one picture with each of a batch.

    Raises
    ------
    QueryError
        If both are batches, and differ in length.

    Examples
    --------
    >>> paired(7, [1, 2]), paired([1, 2], ["a.jpg", "b.jpg"])
    ([(7, 1), (7, 2)], [(1, 'a.jpg'), (2, 'b.jpg')])
    """
    if not is_batch(one):
        return [(one, each) for each in queries_of(other)]
    if not is_batch(other):
        return [(each, other) for each in queries_of(one)]
    first, second = queries_of(one), queries_of(other)
    if len(first) != len(second):
        message = (
            f"{len(first)} pictures cannot be paired with {len(second)}; give as many of both, "
            "or one picture beside several"
        )
        raise QueryError(message)
    return list(zip(first, second, strict=True))


def each_of(
    answer: Callable[..., Answer], given: Sequence[tuple[object, ...]], progress: ProgressOption
) -> list[Answer]:
    """Answer several queries, each a tuple of arguments.

    Raises
    ------
    ImgurerError
        As raised for one of them; a note gives its number.
    """
    found = []
    with reporting(progress, len(given), "pictures") as advance:
        for number, arguments in enumerate(given):
            try:
                found.append(answer(*arguments))
            except ImgurerError as error:
                shown = ", ".join(f"{each!r:.200}" for each in arguments)
                error.add_note(f"that was number {number} of {len(given)}: {shown}")
                raise
            advance(1)
    return found


def queries_of(given: object) -> list[Any]:
    """List the queries of a batch; float ids of a column with gaps become integers."""
    several: Iterable[object] = given  # type: ignore[assignment]
    return [
        int(each) if isinstance(each, float | np.floating) and float(each).is_integer() else each
        for each in several
    ]


def ids_of(given: object, what: str = "image_id") -> list[int]:
    """List the ids of one image or a batch.

    Raises
    ------
    QueryError
        If one of them is not an id, for example a missing value.

    Examples
    --------
    >>> ids_of(7), ids_of(pd.Series([1.0, 2.0]))
    ([7], [1, 2])
    """
    several = queries_of(given) if is_batch(given) else [given]
    ids = [int(each) for each in several if is_image_id(each)]
    if len(ids) < len(several):
        number, each = next((n, it) for n, it in enumerate(several) if not is_image_id(it))
        message = f"number {number} of {len(several)} is {each!r:.200}, which is not a valid {what}"
        raise QueryError(message)
    return ids


def answer_each(
    search: Search, queries: object, columns: Sequence[str], progress: ProgressOption
) -> pd.DataFrame:
    """Answer each query, and concatenate the frames; column `query` is its number, from 0.

    Parameters
    ----------
    columns
        Of an answer, for an empty batch.

    Raises
    ------
    ImgurerError
        As raised for one of the queries; the message gives its number.
    """
    answers = each_of(search, [(query,) for query in queries_of(queries)], progress)
    parts = [found.assign(query=number) for number, found in enumerate(answers)]
    if not parts:
        return pd.DataFrame(columns=["query", *columns]).astype({"query": "int64"})
    together = pd.concat(parts, ignore_index=True)
    return together[["query", *[name for name in together if name != "query"]]]


def looked_up(search: Search, given: object, progress: ProgressOption) -> pd.DataFrame:
    """Look pictures up in the store; return a row for each.

    Parameters
    ----------
    search
        Searches for one picture.
    given
        A file, a folder with all below it, bytes, an image, or several of these.

    Returns
    -------
    DataFrame
        query (the position in the input, from 0), name, path (absolute; missing for anything but a
        file), status: ``exact``, ``near duplicate``, ``new`` or ``rejected``; image_id, filename,
        verdict, distance and score of the nearest duplicate; reason of a rejection.
    """
    queries = list(_named(queries_of(given) if is_batch(given) else [given]))
    rows = []
    with reporting(progress, len(queries), "pictures") as advance:
        for number, name, query in queries:
            answer = _answer(search, query)
            rows.append({"query": number, "name": name, "path": _path(query), **answer})
            advance(1)
    return lookup_frame(rows)


def lookup_frame(rows: Sequence[Mapping[str, object]]) -> pd.DataFrame:
    """Make a frame from rows of `looked_up`; absent values are missing."""
    frame = pd.DataFrame(rows, columns=LOOKUP)
    kinds = dict.fromkeys(("name", "path", "status", "filename", "verdict", "reason"), "str")
    numbers = {"query": "int64", "image_id": "Int64", "distance": "Int64", "score": "float64"}
    return frame.astype({**kinds, **numbers})


def _path(query: object) -> str | None:
    given = query.path if isinstance(query, Unreadable) else query
    if not isinstance(given, str | os.PathLike):
        return None
    try:
        path = given_path(given)
    except SourceError:  # not a valid path
        return None
    return os.fsdecode(os.path.abspath(path))  # noqa: PTH100 - links stay links


def _answer(search: Search, query: object) -> dict[str, object]:
    try:
        if isinstance(query, Unreadable):
            return {"status": "rejected", "reason": query.reason}
        found = search(query)
    except (ImageRejected, SourceError, QueryError) as error:
        return {"status": "rejected", "reason": str(error)}
    return answer_of(found, int(query) if is_image_id(query) else None)


def answer_of(found: pd.DataFrame, image_id: int | None = None) -> dict[str, Any]:
    """Answer whether a picture is in the store already, from the answer of `Workbench.similar`.

    Parameters
    ----------
    image_id
        Id of the picture itself if it is in the store: it is not its own duplicate.

    Returns
    -------
    dict
        status and reason as in `looked_up`; image_id, filename, verdict, distance, score and
        orientation of the nearest duplicate, if any.
    """
    others = found if image_id is None else found[found["image_id"] != image_id]
    same = others[~others["verdict"].isin([*NO_DUPLICATE, "unverified"])]
    if same.empty:
        return {"status": "new", "reason": ""}
    exact = same[same["verdict"].isin(("exact", "same pixels"))].sort_values(
        "verdict", kind="stable"
    )
    best = (exact if len(exact) else same.sort_values("score", ascending=False)).iloc[0]
    columns = ("image_id", "filename", "verdict", "distance", "score", "orientation")
    status = "exact" if len(exact) else "near duplicate"
    return {"status": status, "reason": "", **{name: best[name] for name in columns}}


def _named(given: Sequence[object]) -> Iterator[tuple[int, str, object]]:
    """Yield each picture with its position and a name; folders become the files below them."""
    for number, each in enumerate(given):
        if isinstance(each, str | os.PathLike):
            try:
                path = given_path(each)
                is_folder = path.is_dir()
            except (OSError, SourceError):  # reported in the answer for this picture
                yield number, str(each), each
                continue
            if is_folder:
                for found in find_files(path):
                    below = found if isinstance(found, Unreadable) else found.path
                    name = os.path.basename(os.fsdecode(found.path))  # noqa: PTH119 - of bytes
                    yield number, name, below
                continue
            yield number, path.name or os.fsdecode(path), each
        elif is_image_id(each):
            yield number, f"image {each}", each
        else:
            yield number, f"{type(each).__name__} {number}", each
