"""Rows of the workbench's frames, in the words that stand under and beside pictures."""

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from imgurer_kernel.common.text import count, human_bytes
from imgurer_kernel.ui.formatting import bits, degrees, elide, listing, moment, pixels
from imgurer_kernel.ui.session import Listing, records
from imgurer_kernel.ui.theme.theme import Meaning
from imgurer_kernel.ui.widgets.tile_data import ClusterRow, Tile

Fact = tuple[str, str]

Row = Mapping[str, Any]
"""An image as `Workbench.images` describes it."""

LOOKALIKES = frozenset({"unverified", "same layout"})
"""Verdicts on pictures that are near by dHash, and were not found to be the same picture."""

_ORIENTATION_WORDS = {
    "mirrored": "mirrored",
    "flipped": "upside down, mirrored",
    "rotated 180": "upside down",
    "rotated 90": "turned right",
    "rotated 270": "turned left",
    "transposed": "turned and mirrored",
    "transversed": "turned and mirrored",
}
_KINSHIP = {
    "exact": "exact duplicate",
    "unverified": "alike, not verified",
    "same layout": "same layout, other content",
}
# Labels that explain another shape.
_RESHAPED = {"cropped", "bordered", "rotated"}
# Labels that say no more than that a picture is in the cluster.
_PLAIN_LABELS = {"", "medoid", "near by dHash"}
_SHAPE_TOLERANCE = 0.02


def detail(row: Row) -> str:
    """The second line of a tile: pixels and bytes."""
    return f"{pixels(row['width'], row['height'])} · {human_bytes(int(row['bytes']))}"


def alt(row: Row, *more: str) -> str:
    """What a picture is, for those who cannot see it.

    Examples
    --------
    >>> alt({"filename": "beach.jpg", "width": 40, "height": 30}, "near duplicate", "4 bits")
    'beach.jpg, 40 by 30, near duplicate, 4 bits'
    """
    size = f"{row['width']} by {row['height']}"
    return ", ".join((str(row["filename"]), size, *filter(None, more)))


def tile(
    row: Row,
    thumbnail: bytes,
    *,
    badge: str = "",
    meaning: Meaning = "",
    note: str = "",
    words: Iterable[str] = (),
) -> Tile:
    """One image as a tile; `words` are added to its alt text."""
    return Tile(
        image_id=int(row["image_id"]),
        name=str(row["filename"]),
        detail=detail(row),
        alt=alt(row, *words),
        thumbnail=thumbnail,
        badge=badge,
        meaning=meaning,
        note=note,
    )


def plain_tiles(pictures: Listing) -> list[Tile]:
    """Images as tiles that say nothing more."""
    rows = zip(records(pictures.frame), pictures.thumbnails, strict=True)
    return [tile(row, thumbnail) for row, thumbnail in rows]


def kinship(verdict: str) -> str:
    """What a picture is to the one that was searched for.

    Examples
    --------
    >>> kinship("exact"), kinship("cropped"), kinship("unverified"), kinship("same layout")[:11]
    ('exact duplicate', 'near duplicate, cropped', 'alike, not verified', 'same layout')
    """
    return _KINSHIP.get(verdict, f"near duplicate, {verdict}")


def search_tiles(pictures: Listing) -> list[Tile]:
    """Results of a search as tiles: distance on the corner, what was found below."""
    tiles = []
    for row, thumbnail in zip(records(pictures.frame), pictures.thumbnails, strict=True):
        distance, verdict = bits(int(row["distance"])), str(row["verdict"])
        meaning: Meaning = "" if verdict in LOOKALIKES else "done"
        turned = orientation_words(str(row["orientation"]))
        known = "" if verdict == "unverified" else verdict
        note = ", ".join(filter(None, (known, turned)))  # which is also read out
        words = ("alike" if verdict in LOOKALIKES else "duplicate", distance)
        tiles.append(tile(row, thumbnail, badge=distance, meaning=meaning, note=note, words=words))
    return tiles


def search_evidence(row: Row) -> list[Fact]:
    """How a result of a search compares with the picture that was searched for.

    Examples
    --------
    >>> row = {"distance": 4, "verdict": "cropped", "orientation": "mirrored", "score": 0.913}
    >>> search_evidence(row)[0]
    ('Found as', 'near duplicate, cropped, mirrored')
    """
    turned = orientation_words(str(row["orientation"]))
    found = [
        ("Found as", ", ".join(filter(None, (kinship(str(row["verdict"])), turned)))),
        ("Distance", f"{row['distance']} of 128 bits"),
    ]
    return found + ([("Score", f"{row['score']:.2f}")] if pd.notna(row["score"]) else [])


def cluster_evidence(row: Row) -> list[Fact]:
    """How a member of a cluster compares with its medoid."""
    distance = (
        "this is the medoid" if row["is_medoid"] else f"{row['distance_to_medoid']} of 128 bits"
    )
    found = [("Distance", distance)]
    if str(row["label"]) not in _PLAIN_LABELS:
        found.insert(0, ("Found as", str(row["label"])))
    if row["is_keeper"]:
        found.append(("Best copy", "this one: most pixels, then most bytes"))
    return found


def orientation_words(orientation: str) -> str:
    """How a picture is turned against another one; empty for not at all.

    Examples
    --------
    >>> orientation_words("rotated 90"), orientation_words("upright")
    ('turned right', '')
    """
    return "" if orientation == "upright" else _ORIENTATION_WORDS.get(orientation, orientation)


def differences(member: Row, medoid: Row) -> list[str]:
    """What a person would see when both lie side by side: size, shape, format, age, edits.

    Both are rows of a clusters frame joined with `Workbench.images`.

    Examples
    --------
    >>> medoid = {"width": 800, "height": 600, "bytes": 9000, "format": "JPEG", "label": "medoid"}
    >>> member = medoid | {"width": 400, "height": 300, "format": "PNG", "label": "mirrored"}
    >>> differences(member, medoid)
    ['smaller', 'PNG', 'mirrored']
    """
    label = str(member["label"])
    found = []
    size, other = member["width"] * member["height"], medoid["width"] * medoid["height"]
    if size != other:
        found.append("smaller" if size < other else "larger")
    elif member["bytes"] != medoid["bytes"]:
        found.append("fewer bytes" if member["bytes"] < medoid["bytes"] else "more bytes")
    shape = member["width"] * medoid["height"] / (member["height"] * medoid["width"])
    if abs(shape - 1) > _SHAPE_TOLERANCE and label not in _RESHAPED:
        found.append("narrower" if shape < 1 else "wider")
    if member["format"] != medoid["format"]:
        found.append(str(member["format"]))
    found += _age(member.get("taken_at"), medoid.get("taken_at"))
    said = label in _PLAIN_LABELS or (label == "resized" and size != other)
    return found if said else [*found, label]


def _age(taken: Any, other: Any) -> list[str]:  # noqa: ANN401 - a timestamp or one of pandas' nulls
    if pd.isna(taken) or pd.isna(other) or taken == other:
        return []
    return ["older" if taken < other else "newer"]


def cluster_rows(
    members: pd.DataFrame, thumbnails: Mapping[int, bytes], sizes: Mapping[int, int]
) -> list[ClusterRow]:
    """Clusters as rows: the medoid first, under each other one what differs from it.

    Parameters
    ----------
    members
        Rows of the clusters frame joined with `Workbench.images`, in order; of a large cluster
        only the first ones.
    thumbnails
        By image_id.
    sizes
        By cluster_id, how many members there are.
    """
    grouped: dict[int, list[Row]] = {}
    for record in records(members):
        grouped.setdefault(int(record["cluster_id"]), []).append(record)
    return [
        ClusterRow(
            cluster_id=cluster_id,
            label=count(sizes[cluster_id], "picture"),
            facts=cluster_facts(rows[0]),
            tiles=tuple(
                _member_tile(row, rows[0], thumbnails[int(row["image_id"])]) for row in rows
            ),
            more=sizes[cluster_id] - len(rows),
        )
        for cluster_id, rows in grouped.items()
    ]


def _member_tile(row: Row, medoid: Row, thumbnail: bytes) -> Tile:
    keeper = "best copy" if row["is_keeper"] else ""
    meaning: Meaning = "done" if keeper else ""
    if row is medoid:
        words = ("medoid", keeper)
        return tile(row, thumbnail, badge=keeper, meaning=meaning, words=words)
    distance = bits(int(row["distance_to_medoid"]))
    badge = f"best · {distance}" if keeper else distance  # as much as there is room for
    note = listing(differences(row, medoid)) or "looks the same"
    return tile(row, thumbnail, badge=badge, meaning=meaning, note=note, words=(distance, keeper))


def cluster_facts(record: Row) -> tuple[str, ...]:
    """The lines at a row's end; `record` carries the cluster's freed, best, farthest, labels."""
    freed = f"frees {human_bytes(int(record['freed']))}"
    farthest = int(record["farthest"])
    spread = f"at most {bits(farthest)} from the medoid" if farthest else "all of one dHash"
    labels = [label for label in record["labels"] if label not in _PLAIN_LABELS]
    best = f"best copy: {elide(record['best'], 32)}"
    return (freed, best, spread, *([listing(labels)] if labels else []))


def facts(row: Row) -> list[Fact]:
    """What is known of one image, as `Workbench.images` has it; nothing for what is not known.

    Examples
    --------
    >>> row = {"width": 4000, "height": 3000, "bytes": 2_100_000, "format": "JPEG", "frames": 1}
    >>> facts(row)[1:]
    [('Size', '2.1 MB'), ('Format', 'JPEG')]
    """
    found = [
        ("Pixels", pixels(row["width"], row["height"])),
        ("Size", human_bytes(int(row["bytes"]))),
        ("Format", _format(row)),
    ]
    if pd.notna(row.get("taken_at")):
        found.append(("Taken", moment(row["taken_at"])))
    if pd.notna(row.get("camera")):
        found.append(("Camera", str(row["camera"])))
    if pd.notna(row.get("latitude")) and pd.notna(row.get("longitude")):
        found.append(("Place", degrees(float(row["latitude"]), float(row["longitude"]))))
    if pd.notna(row.get("added_at")):
        found.append(("Added", moment(row["added_at"])))
    if "dhash" in row:
        found.append(("dHash", f"{row['dhash'][:16]} {row['dhash'][16:]}"))
    if not row.get("informative", True):
        found.append(("Note", "too flat to be compared: found by equal pixels only"))
    return found


def _format(row: Row) -> str:
    frames = int(row.get("frames", 1))
    return str(row["format"]) + (f", {frames} frames" if frames > 1 else "")
