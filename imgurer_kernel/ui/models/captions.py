"""Make tiles and facts from rows of the workbench's frames: all texts about a picture."""

import os
from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from imgurer_kernel.common.text import (
    degrees,
    human_bytes,
    moment,
    pixels,
)
from imgurer_kernel.matching.relation import NO_DUPLICATE
from imgurer_kernel.ui.session import ImageListing, row_dicts
from imgurer_kernel.ui.theme.theme import Meaning
from imgurer_kernel.ui.widgets.tile_data import Tile

Fact = tuple[str, str]
"""A label and its value, as `FactsView` shows them."""

Row = Mapping[str, Any]
"""An image as `Workbench.images` describes it."""

NON_DUPLICATE_VERDICTS = NO_DUPLICATE | {"unverified"}
"""Verdicts on pictures near by dHash that were not verified as the same picture."""

_ORIENTATION_TEXTS = {
    "mirrored": "mirrored",
    "flipped": "upside down, mirrored",
    "rotated 180": "upside down",
    "rotated 90": "turned right",
    "rotated 270": "turned left",
    "transposed": "turned and mirrored",
    "transversed": "turned and mirrored",
}
_VERDICT_TEXTS = {
    "exact": "exact duplicate",
    "same pixels": "same pixels in another file",
    "unverified": "alike, not verified",
    "same layout": "same layout, other content",
    "same cover": "same first frame or page, others after it",
}
# Labels that imply another aspect ratio, which "narrower" or "wider" would repeat.
_RESHAPED = {"cropped", "bordered", "rotated"}
# Labels that only say that a picture is in the cluster, and need no text.
_PLAIN_LABELS = {"", "medoid", "kept", "near by dHash"}
_LABEL_TEXTS = {
    "indirect": "like this one by way of another copy",
}
# Relative: rounding to whole pixels alone changes the aspect ratio of small copies.
_SHAPE_TOLERANCE = 0.02


def size_text(row: Row) -> str:
    """Format pixels and bytes for a tile, such as ``"4032 x 3024 · 2.1 MB"``."""
    return f"{pixels(row['width'], row['height'])} · {human_bytes(int(row['bytes']))}"


def alt_text(row: Row, *more: str) -> str:
    """Describe a picture for screen readers.

    Examples
    --------
    >>> alt_text({"filename": "beach.jpg", "width": 40, "height": 30}, "same picture")
    'beach.jpg, 40 by 30, same picture'
    """
    size = f"{row['width']} by {row['height']}"
    return ", ".join((str(row["filename"]), size, *filter(None, more)))


def make_tile(
    row: Row,
    thumbnail: bytes,
    *,
    badge: str = "",
    meaning: Meaning = "",
    note: str = "",
    alt_parts: Iterable[str] = (),
) -> Tile:
    """Make a tile of one image or file; `alt_parts` are appended to its alt text."""
    path = row.get("path")
    path = path if isinstance(path, str) else ""
    return Tile(
        image_id=int(row["image_id"]),
        name=str(row["filename"]),
        folder=os.path.dirname(path),  # noqa: PTH120  a text of any system
        path=path,
        detail=size_text(row),
        alt=alt_text(row, *alt_parts),
        thumbnail=thumbnail,
        badge=badge,
        meaning=meaning,
        note=note,
    )


def image_tiles(pictures: ImageListing) -> list[Tile]:
    """Make tiles of images, with name and size only."""
    rows = zip(row_dicts(pictures.frame), pictures.thumbnails, strict=True)
    return [make_tile(row, thumbnail) for row, thumbnail in rows]


def verdict_text(verdict: str) -> str:
    """Describe a verdict of `Workbench.similar`.

    Examples
    --------
    >>> verdict_text("exact"), verdict_text("cropped"), verdict_text("unverified")
    ('exact duplicate', 'near duplicate, cropped', 'alike, not verified')
    """
    return _VERDICT_TEXTS.get(verdict, f"near duplicate, {verdict}")


def search_tiles(pictures: ImageListing) -> list[Tile]:
    """Make tiles of search results: a badge for the verdict, a note for the edits."""
    tiles = []
    for row, thumbnail in zip(row_dicts(pictures.frame), pictures.thumbnails, strict=True):
        verdict = str(row["verdict"])
        is_duplicate = verdict not in NON_DUPLICATE_VERDICTS
        same = "Exact copy" if verdict == "exact" else "Same picture"
        badge = same if is_duplicate else "Looks alike"
        meaning: Meaning = "done" if is_duplicate else ""
        turned = orientation_text(str(row["orientation"]))
        edited = "" if verdict in {"exact", "unverified"} else verdict
        note = ", ".join(filter(None, (edited, turned)))  # the script appends it to the alt text
        alt_parts = (badge.lower(),)
        tiles.append(
            make_tile(row, thumbnail, badge=badge, meaning=meaning, note=note, alt_parts=alt_parts)
        )
    return tiles


def result_facts(row: Row) -> list[Fact]:
    """List how a search result differs from the query.

    Examples
    --------
    >>> row = {"distance": 4, "verdict": "cropped", "orientation": "mirrored", "score": 0.913}
    >>> result_facts(row)[0]
    ('Found as', 'near duplicate, cropped, mirrored')
    """
    turned = orientation_text(str(row["orientation"]))
    facts = [
        ("Found as", ", ".join(filter(None, (verdict_text(str(row["verdict"])), turned)))),
        ("Distance", f"{row['distance']} of 128 bits"),
    ]
    return facts + ([("Score", f"{row['score']:.2f}")] if pd.notna(row["score"]) else [])


def orientation_text(orientation: str) -> str:
    """Describe how a picture is turned compared with another one; empty for upright.

    Examples
    --------
    >>> orientation_text("rotated 90"), orientation_text("upright")
    ('turned right', '')
    """
    return "" if orientation == "upright" else _ORIENTATION_TEXTS.get(orientation, orientation)


def differences(member: Row, medoid: Row) -> list[str]:
    """List the differences between two pictures: size, shape, format, age, edits.

    Both are rows of a clusters frame joined with `Workbench.images`.

    Examples
    --------
    >>> medoid = {"width": 800, "height": 600, "bytes": 9000, "format": "JPEG", "label": "medoid"}
    >>> member = medoid | {"width": 400, "height": 300, "format": "PNG", "label": "mirrored"}
    >>> differences(member, medoid)
    ['smaller', 'PNG', 'mirrored']
    """
    label = str(member["label"])
    if label == "identical":
        return [label]
    label = _LABEL_TEXTS.get(label, label)
    parts = []
    size, other = member["width"] * member["height"], medoid["width"] * medoid["height"]
    if size != other:
        parts.append("smaller" if size < other else "larger")
    elif member["bytes"] != medoid["bytes"]:
        parts.append("fewer bytes" if member["bytes"] < medoid["bytes"] else "more bytes")
    shape = member["width"] * medoid["height"] / (member["height"] * medoid["width"])
    if abs(shape - 1) > _SHAPE_TOLERANCE and label not in _RESHAPED:
        parts.append("narrower" if shape < 1 else "wider")
    if member["format"] != medoid["format"]:
        parts.append(str(member["format"]))
    parts += _age(member.get("taken_at"), medoid.get("taken_at"))
    redundant = label in _PLAIN_LABELS or (label == "resized" and size != other)
    return parts if redundant else [*parts, label]


def _age(taken: Any, other: Any) -> list[str]:  # noqa: ANN401 - a timestamp or one of pandas' nulls
    if pd.isna(taken) or pd.isna(other) or taken == other:
        return []
    return ["older" if taken < other else "newer"]


def image_facts(row: Row) -> list[Fact]:
    """List the facts of one image from `Workbench.images`; unknown values are left out.

    Examples
    --------
    >>> row = {"width": 4000, "height": 3000, "bytes": 2_100_000, "format": "JPEG", "frames": 1}
    >>> image_facts(row)[1:]
    [('Size', '2.1 MB'), ('Format', 'JPEG')]
    """
    facts = [
        ("Pixels", pixels(row["width"], row["height"])),
        ("Size", human_bytes(int(row["bytes"]))),
        ("Format", _format(row)),
    ]
    if pd.notna(row.get("taken_at")):
        facts.append(("Taken", moment(row["taken_at"])))
    if pd.notna(row.get("camera")):
        facts.append(("Camera", str(row["camera"])))
    if pd.notna(row.get("latitude")) and pd.notna(row.get("longitude")):
        facts.append(("Place", degrees(float(row["latitude"]), float(row["longitude"]))))
    if pd.notna(row.get("added_at")):
        facts.append(("Added", moment(row["added_at"])))
    if not row.get("informative", True):
        facts.append(("Note", "too flat to be compared: found by equal pixels only"))
    return facts


def _format(row: Row) -> str:
    frames = int(row.get("frames", 1))
    return str(row["format"]) + (f", {frames} frames" if frames > 1 else "")
