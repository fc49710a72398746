"""Clusters as one page of HTML that needs nothing else: no script, no font, no other address."""

import base64
import html
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pandas as pd

from imgurer_kernel.common.text import count, human_bytes
from imgurer_kernel.errors import StorageError

Thumbnail = Callable[[int], bytes]
"""From an image_id to a JPEG."""

Row = Mapping[str, Any]

TILE = (
    "image_id", "filename", "label", "width", "height", "bytes", "is_medoid", "is_keeper",
    "distance_to_medoid",
)  # fmt: skip


def page(
    clusters: pd.DataFrame,
    figures: Mapping[str, str],
    thumbnail: Thumbnail | None,
    limit: int | None,
) -> Iterator[str]:
    """The page in parts, so that a large one never has to be in memory as a whole.

    Parameters
    ----------
    clusters
        As from `Workbench.clusters`; shown in their order.
    figures
        What stands at the top: words and numbers.
    thumbnail
        Without it the page shows no pictures. One that is missing in the store is left out.
    limit
        Most clusters to show.
    """
    yield HEAD
    for words, number in figures.items():
        yield f"<div><dd>{_text(number)}</dd><dt>{_text(words)}</dt></div>"
    yield "</dl></header>\n<main>\n"
    groups = clusters.groupby("cluster_id", sort=False)
    for shown, (_, members) in enumerate(groups):
        if shown == limit:
            break
        yield _section(shown + 1, members, thumbnail)
    total = groups.ngroups
    if not total:
        yield "<p>No duplicates were found.</p>\n"
    elif limit is not None and total > limit:
        yield (
            f"<p>{limit:,} of {total:,} clusters are shown, the largest first. "
            "A report in CSV or JSON has all of them.</p>\n"
        )
    yield "</main>\n</html>\n"


def _section(number: int, members: pd.DataFrame, thumbnail: Thumbnail | None) -> str:
    """One cluster: a line of figures and its members in a row."""
    rows = [
        dict(zip(TILE, values, strict=True))
        for values in zip(*(members[name].tolist() for name in TILE), strict=True)
    ]
    medoid = next((row for row in rows if row["is_medoid"]), rows[0])
    extra = sum(row["bytes"] for row in rows if not row["is_keeper"])
    heading = f"{count(len(rows), 'picture')} <small>could free {human_bytes(extra)}</small>"
    tiles = "".join(_tile(row, medoid, thumbnail) for row in rows)
    return (
        f'<section aria-label="Cluster {number}"><h2>{heading}</h2>\n<ul>{tiles}</ul></section>\n'
    )


def _tile(row: Row, medoid: Row, thumbnail: Thumbnail | None) -> str:
    size = f"{row['width']} \u00d7 {row['height']}"
    facts = f"{size} \u00b7 {human_bytes(row['bytes'])}"
    if row is medoid:
        note = "<span>the others are compared with it</span>"
    else:
        differences = ", ".join(_differences(row, medoid)) or "looks the same"
        bits = f"{row['distance_to_medoid']} of 128 bits"
        note = f"<b>{_text(differences)}</b> <span>{bits}</span>"
    badge = "<em>\N{CHECK MARK} would be kept</em>" if row["is_keeper"] else ""
    alt = f"{row['filename']}, {row['width']} by {row['height']}, {row['label']}"
    kept = ' class="kept"' if row["is_keeper"] else ""
    return (
        f"<li{kept}><figure><div>{_picture(row['image_id'], alt, thumbnail)}</div>"
        f"<figcaption><bdi>{_text(row['filename'])}</bdi>"
        f'<span class="facts">{facts}</span>{note}{badge}</figcaption></figure></li>'
    )


def _picture(image_id: int, alt: str, thumbnail: Thumbnail | None) -> str:
    if thumbnail is None:
        return ""
    try:
        data = base64.b64encode(thumbnail(image_id)).decode("ascii")
    except StorageError:
        return "<i>its picture is missing in the store</i>"
    return f'<img alt="{_text(alt)}" src="data:image/jpeg;base64,{data}">'


def _differences(row: Row, medoid: Row) -> list[str]:
    """What a person would see when both lie side by side."""
    found = []
    pixels, other = row["width"] * row["height"], medoid["width"] * medoid["height"]
    if pixels != other:
        found.append("smaller" if pixels < other else "larger")
    elif row["bytes"] != medoid["bytes"]:
        found.append("fewer bytes" if row["bytes"] < medoid["bytes"] else "more bytes")
    if row["label"] not in {"medoid", "near by dHash"}:
        found.append(str(row["label"]))
    return found


def _text(text: object) -> str:
    """Text that is nothing but text to a browser, on one line, whatever its characters."""
    shown = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in str(text))
    return html.escape(shown, quote=True)


HEAD = """<!DOCTYPE html>
<html lang="en"><meta charset="utf-8"><title>Duplicates found by imgurer</title>
<meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy"
 content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<style>
:root { color-scheme: light dark; --ink: light-dark(#1a1e24, #e9ebee);
  --soft: light-dark(#545c68, #a6aeb8); --line: light-dark(#dde1e6, #31373f);
  --ground: light-dark(#eceef1, #2a3037); --done: light-dark(#14683a, #6dd09a);
  --canvas: light-dark(#ffffff, #14171b); }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1488px; padding: 32px 24px; color: var(--ink);
  background: var(--canvas); font: 14px/1.45 system-ui, -apple-system, "Segoe UI", sans-serif;
  font-variant-numeric: tabular-nums; }
h1 { font-size: 20px; margin: 0 0 16px; }
dl { display: flex; flex-wrap: wrap; gap: 8px 48px; margin: 0 0 24px; }
dl div { display: flex; flex-direction: column; }
dd { margin: 0; font-size: 28px; line-height: 1.2; }
dt, small, figcaption span { color: var(--soft); }
section { border-top: 1px solid var(--line); padding: 16px 0 24px; }
h2 { font-size: 16px; margin: 0 0 12px; }
small { font-size: 14px; font-weight: normal; margin-left: 12px; }
ul { display: grid; gap: 16px; margin: 0; padding: 0; list-style: none;
  grid-template-columns: repeat(auto-fill, minmax(min(176px, 44%), 1fr)); }
li { break-inside: avoid; min-width: 0; }
figure { margin: 0; }
figure div { height: 192px; padding: 8px; display: flex; border-radius: 8px;
  background: var(--ground); }
figure div:empty { display: none; }
.kept figure div { outline: 2px solid var(--done); outline-offset: -2px; }
img { max-width: 100%; max-height: 100%; margin: auto; }
i { margin: auto; color: var(--soft); font-size: 12px; text-align: center; }
em { flex-basis: 100%; color: var(--done); font-style: normal; font-weight: 600; }
figcaption { display: flex; flex-wrap: wrap; gap: 0 8px; margin-top: 8px; font-size: 12px; }
bdi, .facts { flex-basis: 100%; }
bdi { font-size: 14px; overflow-wrap: anywhere; }
</style>
<header><h1>Duplicates</h1><dl>
"""
