"""Check a frame of clusters that the user has filtered, joined or read from a file."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from imgurer_kernel.errors import QueryError
from imgurer_kernel.report.frames import CLUSTERS

_WHOLE = (
    *("cluster_id", "file_id", "image_id", "distance_to_medoid", "diameter", "width", "height"),
    *("bytes", "frees_disk", "frees_store"),
)
_YES_OR_NO = ("is_medoid", "is_keeper", "is_reference")
_WORDS = {"True": True, "False": False}
_SCALARS = (str, int, float, np.number, np.bool_)


def cluster_rows(given: object, columns: Sequence[str]) -> pd.DataFrame:
    """Return a frame of clusters with the types of `clusters`, and with each file once.

    Other columns and ``attrs`` are unchanged.

    Parameters
    ----------
    given
        The candidate frame.
    columns
        Required columns.

    Raises
    ------
    QueryError
        If it is not a frame, lacks a column or has one twice; if a value is invalid; or if a file
        is in two clusters, for example because the answers of two searches were joined.

    Examples
    --------
    >>> texts = pd.DataFrame({"cluster_id": ["0", "0"], "is_medoid": ["True", "False"]})
    >>> cluster_rows(texts, ["cluster_id"]).dtypes.to_dict()
    {'cluster_id': dtype('int64'), 'is_medoid': dtype('bool')}
    """
    if not isinstance(given, pd.DataFrame):
        message = f"clusters are a frame as clusters() gives it, and not a {type(given).__name__}"
        raise QueryError(message)
    names: list[object] = list(given.columns)
    lacking = [name for name in columns if name not in names]
    if "file_id" in lacking and set(CLUSTERS) <= set(names):
        message = 'clusters are by image here; give those of clusters(by="file")'
        raise QueryError(message)
    if lacking:
        more = f" and {len(lacking) - 3} more" if len(lacking) > 3 else ""
        message = (
            f"the frame of clusters has no column {', '.join(lacking[:3])}{more}; give rows of "
            "clusters() with all of their columns"
        )
        raise QueryError(message)
    twice = [str(name) for name in names if names.count(name) > 1]
    if twice:
        message = (
            f"the frame of clusters has {names.count(twice[0])} columns {twice[0]!r}; leave one"
        )
        raise QueryError(message)
    converted = {}
    for name in (*_WHOLE, *_YES_OR_NO, "score"):
        if name in names and given[name].dtype != _type_of(name):
            converted[name] = _converted(given[name], name)
    frame = given.assign(**converted).reset_index(drop=True)
    if "file_id" in names and "cluster_id" in names and not frame["file_id"].is_unique:
        frame = _each_once(frame)
    frame.attrs = dict(given.attrs)
    return frame


def _type_of(name: str) -> np.dtype:
    if name in _YES_OR_NO:
        return np.dtype(np.bool_)
    return np.dtype(np.float64 if name == "score" else np.int64)


def _converted(column: "pd.Series", name: str) -> "pd.Series":
    """Convert a column of another type, for example of texts or whole floats."""
    wanted = _type_of(name)
    plain = column.map(lambda each: each if isinstance(each, _SCALARS) else None)
    if wanted == np.bool_:
        # `astype` would turn every non-empty text into True.
        known = plain.map(lambda each: _WORDS.get(str(each)))
    else:
        known = pd.to_numeric(plain, errors="coerce")
    if wanted == np.int64:
        known = known.where(known % 1 == 0)
    strange = column[known.isna()]
    if len(strange) and name != "score":
        message = (
            f"the column {name} of the frame of clusters must be {wanted}, and has "
            f"{strange.tolist()[0]!r:.200}"
        )
        raise QueryError(message)
    return known.astype(wanted)


def _each_once(frame: pd.DataFrame) -> pd.DataFrame:
    places = frame[["file_id", "cluster_id"]].drop_duplicates()
    in_two = places.loc[places["file_id"].duplicated(), "file_id"]
    if len(in_two):
        message = (
            f"file {in_two.iloc[0]} is in two clusters of the frame; give rows of one answer of "
            "clusters()"
        )
        raise QueryError(message)
    return frame.drop_duplicates("file_id", ignore_index=True)
