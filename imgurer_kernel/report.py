"""Clusters as tables and files: what there is to gain, and reports to hand on."""

import base64
import html
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from imgurer_kernel.errors import SourceError, StorageDenied

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")

Thumbnail = Callable[[int], bytes]
"""From an image_id to a JPEG."""


def summary(clusters: pd.DataFrame) -> pd.Series:
    """Five figures of a frame of clusters.

    Examples
    --------
    >>> frame = pd.DataFrame({"cluster_id": [0, 0, 0, 1, 1], "bytes": [9, 5, 4, 7, 7],
    ...                       "is_keeper": [True, False, False, True, False]})
    >>> summary(frame)
    clusters                 2
    pictures in clusters     5
    extra copies             3
    bytes to be freed       16
    largest cluster          3
    dtype: int64
    """
    extra = clusters[~clusters["is_keeper"].astype(bool)]
    sizes = clusters.groupby("cluster_id").size()
    return pd.Series(
        {
            "clusters": len(sizes),
            "pictures in clusters": len(clusters),
            "extra copies": len(extra),
            "bytes to be freed": int(extra["bytes"].sum()),
            "largest cluster": int(sizes.max()) if len(sizes) else 0,
        }
    )


def cluster_table(clusters: pd.DataFrame) -> pd.DataFrame:
    """One row for each cluster.

    Returns
    -------
    DataFrame
        Indexed by cluster_id: pictures, medoid and keeper (file names), largest_distance (bits
        from the medoid), weakest_score, frees (bytes without the keeper).
    """
    groups = clusters.groupby("cluster_id")
    keepers = clusters[clusters["is_keeper"].astype(bool)].set_index("cluster_id")
    medoids = clusters[clusters["is_medoid"].astype(bool)].set_index("cluster_id")
    return pd.DataFrame(
        {
            "pictures": groups.size(),
            "medoid": medoids["filename"],
            "keeper": keepers["filename"],
            "largest_distance": groups["distance_to_medoid"].max(),
            "weakest_score": groups["score"].min(),
            "frees": groups["bytes"].sum() - keepers["bytes"],
        }
    )


def export(clusters: pd.DataFrame, path: str | Path, thumbnail: Thumbnail | None = None) -> Path:
    """Write clusters to a file: CSV, JSON or HTML by its suffix.

    In CSV a text that a spreadsheet would run as a formula gets an apostrophe in front. HTML is
    one file that needs nothing else; with `thumbnail` it shows the pictures.

    Raises
    ------
    SourceError
        If the suffix is none of the three.
    StorageDenied
        If the file cannot be written.
    """
    target = Path(path).expanduser()
    kind = target.suffix.lower()
    if kind == ".csv":
        text = to_csv(clusters)
    elif kind == ".json":
        text = clusters.to_json(orient="records", force_ascii=False, indent=1)
    elif kind in {".html", ".htm"}:
        text = to_html(clusters, thumbnail)
    else:
        message = f"{target.name!r} ends in {kind or 'nothing'!r}; name a .csv, .json or .html file"
        raise SourceError(message)
    try:
        target.write_text(text, encoding="utf-8")
    except OSError as error:
        message = f"{target} cannot be written: {error.strerror}; choose another folder"
        raise StorageDenied(message) from error
    return target


def to_csv(frame: pd.DataFrame) -> str:
    r"""A frame as CSV that no spreadsheet takes for a program.

    Examples
    --------
    >>> to_csv(pd.DataFrame({"filename": ["=1+1.jpg", "a.jpg"], "bytes": [-1, 2]}))
    "filename,bytes\n'=1+1.jpg,-1\na.jpg,2\n"
    """
    texts = frame.select_dtypes(include=["str", "object"])
    safe = texts.map(
        lambda text: (
            f"'{text}" if isinstance(text, str) and text.startswith(FORMULA_STARTS) else text
        )
    )
    return frame.assign(**{str(name): safe[name] for name in safe}).to_csv(index=False)


def to_html(clusters: pd.DataFrame, thumbnail: Thumbnail | None = None) -> str:
    """Clusters as one page of HTML; every name is escaped."""
    figures = "".join(
        f"<div><b>{value:,}</b>{html.escape(str(name))}</div>"
        for name, value in summary(clusters).items()
    )
    sections = "".join(
        f"<section><h2>{len(members)} pictures</h2>{_figures(members, thumbnail)}</section>"
        for _, members in clusters.groupby("cluster_id")
    )
    body = sections or "<p>No duplicates were found.</p>"
    return PAGE.format(figures=figures, body=body)


def _figures(members: pd.DataFrame, thumbnail: Thumbnail | None) -> str:
    columns = ["image_id", "filename", "label", "width", "height", "bytes", "is_keeper"]
    tiles = []
    for image_id, name, label, width, height, size, kept in zip(
        *(members[column].tolist() for column in columns), strict=True
    ):
        picture = ""
        if thumbnail is not None:
            data = base64.b64encode(thumbnail(image_id)).decode("ascii")
            alt = html.escape(f"{name}, {width} by {height}, {label}")
            picture = f'<img alt="{alt}" src="data:image/jpeg;base64,{data}">'
        words = f"{label}, would be kept" if kept else label
        tiles.append(
            f'<figure class="{"kept" if kept else ""}"><div>{picture}</div><figcaption>'
            f"<b>{html.escape(name)}</b>{width} x {height} &middot; {size:,} bytes<br>"
            f"{html.escape(words)}</figcaption></figure>"
        )
    return "".join(tiles)


PAGE = """<!DOCTYPE html>
<html lang="en"><meta charset="utf-8"><title>Duplicates found by imgurer</title>
<meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy"
 content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<style>
:root {{ color-scheme: light dark; --soft: #8883; }}
body {{ font: 14px/1.4 system-ui, sans-serif; max-width: 1392px; margin: 24px auto;
  padding: 0 24px; }}
header {{ display: flex; flex-wrap: wrap; gap: 32px; margin: 16px 0 24px; }}
header div {{ display: grid; }}
header b {{ font-size: 28px; font-variant-numeric: tabular-nums; }}
section {{ border-top: 1px solid var(--soft); padding: 16px 0; display: flex; flex-wrap: wrap;
  gap: 16px; }}
h2 {{ flex-basis: 100%; font-size: 16px; margin: 0; }}
figure {{ margin: 0; width: 168px; }}
figure div {{ height: 168px; background: var(--soft); border-radius: 8px; display: flex;
  overflow: hidden; }}
figure.kept div {{ outline: 3px solid #2f6fde; }}
img {{ max-width: 100%; max-height: 100%; margin: auto; }}
figcaption {{ font-size: 12px; overflow-wrap: anywhere; margin-top: 4px; }}
figcaption b {{ display: block; font-size: 14px; font-weight: 500; }}
</style>
<h1>Duplicates</h1><header>{figures}</header>{body}
</html>
"""
