"""Clusters as tables and files: what there is to gain, and reports to hand on."""

import json
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from imgurer_kernel.common.atomic_files import atomic_write
from imgurer_kernel.common.text import human_bytes
from imgurer_kernel.errors import SourceError
from imgurer_kernel.report.html import Thumbnail, page

SUFFIXES = (".csv", ".json", ".html", ".htm")

# What makes a spreadsheet take a text for a program: https://owasp.org/www-community/attacks/CSV_Injection
FORMULA_STARTS = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def freed_bytes(clusters: pd.DataFrame) -> pd.DataFrame:
    """What removing each row would free: frees_disk and frees_store, in bytes.

    Of a frame by image, which has no such columns, all that is not kept counts as in the store.

    Examples
    --------
    >>> freed_bytes(pd.DataFrame({"bytes": [9, 5], "is_keeper": [True, False]}))
       frees_disk  frees_store
    0           0            0
    1           0            5
    """
    columns = ["frees_disk", "frees_store"]
    if set(columns) <= set(clusters):
        return clusters[columns].astype("int64")
    kept = clusters["is_keeper"].astype(bool)
    return pd.DataFrame({"frees_disk": 0, "frees_store": clusters["bytes"].mask(kept, 0)})


def extra_copies(clusters: pd.DataFrame) -> "pd.Series[bool]":
    """Which rows could be removed: those that are neither kept nor of a reference folder."""
    kept = clusters["is_keeper"].astype(bool)
    return ~(kept | clusters["is_reference"].astype(bool) if "is_reference" in clusters else kept)


def places(clusters: pd.DataFrame) -> "pd.Series[str]":
    """Where each row is: its path, or its file name where it has none.

    Examples
    --------
    >>> frame = pd.DataFrame({"path": ["/a/x.jpg", None], "filename": ["x.jpg", "y.jpg"]})
    >>> places(frame).tolist()
    ['/a/x.jpg', 'y.jpg']
    """
    names = clusters["filename"]
    if "path" not in clusters:
        return names
    return clusters["path"].where(clusters["path"].notna(), names).rename("path")


def summary(clusters: pd.DataFrame) -> pd.Series:
    """Six figures of a frame of clusters, by file or by image.

    Examples
    --------
    >>> frame = pd.DataFrame({"cluster_id": [0, 0, 0, 1, 1], "is_reference": False,
    ...                       "is_keeper": [True, False, False, True, False],
    ...                       "frees_disk": [0, 5, 0, 0, 7], "frees_store": [0, 0, 4, 0, 0]})
    >>> summary(frame)
    clusters                     2
    files in clusters            5
    extra copies                 3
    bytes freed on disk         12
    bytes freed in the store     4
    largest cluster              3
    dtype: int64
    """
    sizes = clusters.groupby("cluster_id").size()
    frees = freed_bytes(clusters)
    return pd.Series(
        {
            "clusters": len(sizes),
            "files in clusters": len(clusters),
            "extra copies": int(extra_copies(clusters).sum()),
            "bytes freed on disk": int(frees["frees_disk"].sum()),
            "bytes freed in the store": int(frees["frees_store"].sum()),
            "largest cluster": int(sizes.max()) if len(sizes) else 0,
        }
    )


def cluster_table(clusters: pd.DataFrame) -> pd.DataFrame:
    """One row for each cluster.

    Returns
    -------
    DataFrame
        Indexed by cluster_id: files, medoid and keeper (file names), keeper_path (missing for an
        upload), largest_distance (bits from the medoid), diameter (bits that no two members
        exceed), weakest_link (file name of the member that belongs least) and its score
        weakest_score, frees_disk and frees_store (bytes).
    """
    groups = clusters.groupby("cluster_id")
    others = clusters[~clusters["is_medoid"].astype(bool)]
    # Of equal scores the farthest, then the newest: the order of the rows must not decide.
    loosest = others.sort_values(
        ["score", "distance_to_medoid", "image_id"], ascending=[True, False, False]
    )
    keepers = clusters[clusters["is_keeper"].astype(bool)].set_index("cluster_id")
    medoids = clusters[clusters["is_medoid"].astype(bool)].set_index("cluster_id")
    frees = freed_bytes(clusters).groupby(clusters["cluster_id"]).sum()
    return pd.DataFrame(
        {
            "files": groups.size(),
            "medoid": medoids["filename"],
            "keeper": keepers["filename"],
            "keeper_path": keepers.get("path"),
            "largest_distance": groups["distance_to_medoid"].max(),
            "diameter": groups["diameter"].first(),
            "weakest_link": loosest.groupby("cluster_id")["filename"].first(),
            "weakest_score": groups["score"].min(),
            "frees_disk": frees["frees_disk"],
            "frees_store": frees["frees_store"],
        }
    )


def export(
    clusters: pd.DataFrame,
    path: str | Path,
    thumbnail: Thumbnail | None = None,
    limit: int | None = 500,
) -> Path:
    """Write clusters to a file, by its suffix: ``.csv``, ``.json`` or ``.html``.

    The file appears only when it is whole. In CSV a text that a spreadsheet would run as a
    formula gets an apostrophe in front. HTML is one file that needs nothing else, in which every
    name is escaped.

    Parameters
    ----------
    clusters
        As from `Workbench.clusters`.
    thumbnail
        From an image_id to a JPEG, such as `Workbench.thumbnail`; with it HTML shows pictures.
    limit
        Most clusters that HTML shows; None for all. CSV and JSON always have all.

    Raises
    ------
    SourceError
        If the suffix is none of these.
    StorageDenied, StorageFull
        If the file cannot be written.
    """
    target = Path(path).expanduser()
    kind = target.suffix.lower()
    if kind == ".csv":
        parts = iter([to_csv(clusters)])
    elif kind == ".json":
        parts = iter([to_json(clusters)])
    elif kind in SUFFIXES:
        parts = _html(clusters, thumbnail, limit)
    else:
        message = f"{target.name!r} ends in {kind or 'nothing'!r}; name a .csv, .json or .html file"
        raise SourceError(message)
    # Excel takes CSV for UTF-8 only if it starts with the byte order mark.
    encoding = "utf-8-sig" if kind == ".csv" else "utf-8"
    with atomic_write(target) as file:
        for number, part in enumerate(parts):
            # The mark stands before the first part alone. Half of a surrogate pair in a name has no
            # UTF-8: it is written as an escape, since a report must not fail by a name.
            file.write(part.encode("utf-8" if number else encoding, "backslashreplace"))
    return target


def to_csv(frame: pd.DataFrame) -> str:
    r"""A frame as CSV that no spreadsheet takes for a program.

    Examples
    --------
    >>> to_csv(pd.DataFrame({"filename": ["=1+1.jpg", "a.jpg"], "bytes": [-1, 2]}))
    "filename,bytes\r\n'=1+1.jpg,-1\r\na.jpg,2\r\n"
    """
    safe = frame.copy()
    # Texts alone: a negative number begins like a formula and is none.
    for name in frame.select_dtypes(include=["str", "object"]):
        safe[name] = pd.Series([_defuse(value) for value in frame[name]], frame.index)
    return safe.to_csv(index=False, lineterminator="\r\n")


def _defuse(value: object) -> object:
    """Put an apostrophe before a formula; spreadsheets skip spaces and tabs in front of one."""
    if isinstance(value, str) and (
        value.lstrip().startswith(FORMULA_STARTS) or value[:1] in {"\t", "\r", "\n"}
    ):
        return f"'{value}"
    return value


def to_json(frame: pd.DataFrame) -> str:
    """A frame as a list of JSON objects: missing values are null, ids are integers, times ISO.

    Examples
    --------
    >>> frame = pd.DataFrame({"id": pd.array([1, None], "Int64"), "score": [0.5, None]})
    >>> print(to_json(frame))
    [
     {"id": 1, "score": 0.5},
     {"id": null, "score": null}
    ]
    """
    # pandas knows the nulls of every type, but escapes what is not ASCII; Python's writer does not.
    records = json.loads(frame.to_json(orient="records", date_format="iso", double_precision=15))
    lines = ",\n ".join(json.dumps(record, ensure_ascii=False) for record in records)
    return f"[\n {lines}\n]" if lines else "[]"


def to_html(
    clusters: pd.DataFrame, thumbnail: Thumbnail | None = None, limit: int | None = 500
) -> str:
    """Clusters as one page of HTML; every name is escaped."""
    return "".join(_html(clusters, thumbnail, limit))


def _html(clusters: pd.DataFrame, thumbnail: Thumbnail | None, limit: int | None) -> Iterator[str]:
    figures = summary(clusters)
    shown = {
        "clusters": f"{figures['clusters']:,}",
        "extra copies": f"{figures['extra copies']:,}",
        "could be freed on disk": human_bytes(int(figures["bytes freed on disk"])),
        "could be freed in the store": human_bytes(int(figures["bytes freed in the store"])),
        "files in the largest cluster": f"{figures['largest cluster']:,}",
    }
    if not figures["bytes freed in the store"]:  # nothing is kept there, mostly
        del shown["could be freed in the store"]
    frees = freed_bytes(clusters)
    rows = clusters.assign(frees_disk=frees["frees_disk"], frees_store=frees["frees_store"])
    return page(rows, shown, thumbnail, limit)
