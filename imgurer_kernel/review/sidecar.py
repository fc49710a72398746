"""Make XMP sidecars for keepers from facts that only their removed copies have.

A sidecar is a file beside the picture, ``IMG_1.jpg.xmp``, that photo managers read; the picture
itself is never written to.
"""

from collections.abc import Hashable, Mapping
from datetime import datetime
from xml.etree import ElementTree as ET

import numpy as np
import pandas as pd

from imgurer_kernel.errors import ActRefused
from imgurer_kernel.fingerprint.original import OriginalFacts
from imgurer_kernel.store.catalog.journal import FileOfImage

OFFERS = ["keeper_id", "keeper_path", "fact", "value", "file_id"]
"""Columns of the offers: a fact that the keeper lacks, and the copy that has it."""

_SPACES = {
    "x": "adobe:ns:meta/",
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "dc": "http://purl.org/dc/elements/1.1/",
    "exif": "http://ns.adobe.com/exif/1.0/",
    "xmp": "http://ns.adobe.com/xap/1.0/",
}


def offers(
    plan: pd.DataFrame, images: pd.DataFrame, measured: Mapping[str, OriginalFacts]
) -> pd.DataFrame:
    """Collect the facts that would be lost with the files of a plan.

    Parameters
    ----------
    plan
        keeper_id, keeper_path, file_id, and image_id of both as image_id and keeper_image_id.
    images
        image_id, digest, taken_at, latitude, longitude.
    measured
        What was measured of originals, by digest.
    """
    facts = {
        row["image_id"]: _facts(row, measured.get(row["digest"]))
        for row in images.to_dict("records")
    }
    rows: list[dict[str, object]] = []
    offered: set[tuple[int, str]] = set()
    for row in plan.sort_values(["keeper_id", "file_id"]).to_dict("records"):
        known = facts[row["keeper_image_id"]]
        for fact, value in facts[row["image_id"]].items():
            if fact in known or (row["keeper_id"], fact) in offered:
                continue
            offered.add((row["keeper_id"], fact))
            rows.append(
                {
                    "keeper_id": row["keeper_id"],
                    "keeper_path": row["keeper_path"],
                    "fact": fact,
                    "value": value,
                    "file_id": row["file_id"],
                }
            )
    return pd.DataFrame(rows, columns=OFFERS)


def packet(facts: Mapping[str, str]) -> bytes:
    """Encode facts as XMP: taken_at, place, rating, keywords, as given by `offers`.

    Examples
    --------
    >>> b'xmp:Rating="4"' in packet({"rating": "4"})
    True
    """
    for prefix, space in _SPACES.items():
        ET.register_namespace(prefix, space)
    root = ET.Element(_name("x", "xmpmeta"))
    about = {_name("rdf", "about"): ""}
    inner = ET.SubElement(root, _name("rdf", "RDF"))
    inner = ET.SubElement(inner, _name("rdf", "Description"), about)
    if "taken_at" in facts:
        inner.set(_name("exif", "DateTimeOriginal"), facts["taken_at"])
    if "rating" in facts:
        inner.set(_name("xmp", "Rating"), facts["rating"])
    if "place" in facts:
        for name, degrees, sides in zip(
            ("GPSLatitude", "GPSLongitude"), facts["place"].split(), ("NS", "EW"), strict=True
        ):
            inner.set(_name("exif", name), _coordinate(float(degrees), sides))
    if "keywords" in facts:
        bag = ET.SubElement(ET.SubElement(inner, _name("dc", "subject")), _name("rdf", "Bag"))
        for keyword in facts["keywords"].split("\n"):
            ET.SubElement(bag, _name("rdf", "li")).text = keyword
    written: bytes = ET.tostring(root, "utf-8")
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + written + b"\n"


def require_writable(file: FileOfImage | None, user: str, *, is_admin: bool) -> FileOfImage:
    """Return the file if the user may write a sidecar beside it.

    Raises
    ------
    ActRefused
        If the file is gone, in the store, or another user's.
    """
    if file is None or file.state != "present" or file.path_key is None:
        message = "the file that is kept is not on disk; nothing can lie beside it"
        raise ActRefused(message)
    if file.user_name != user and not is_admin:
        message = (
            f"it belongs to {file.user_name}; members write beside their own files, ask an admin"
        )
        raise ActRefused(message)
    return file


def _facts(row: Mapping[Hashable, object], found: OriginalFacts | None) -> dict[str, str]:
    """Return the facts of one picture as text."""
    facts = {}
    taken_at, latitude, longitude = (row[name] for name in ("taken_at", "latitude", "longitude"))
    if isinstance(taken_at, datetime) and not pd.isna(taken_at):
        facts["taken_at"] = taken_at.isoformat(timespec="seconds")
    if isinstance(latitude, float) and isinstance(longitude, float) and not np.isnan(latitude):
        facts["place"] = f"{latitude:.6f} {longitude:.6f}"
    if found is not None and found.rating is not None:
        facts["rating"] = str(found.rating)
    if found is not None and found.keywords:
        facts["keywords"] = "\n".join(found.keywords)
    return facts


def _coordinate(degrees: float, sides: str) -> str:
    """Format degrees and minutes for XMP, such as ``50,4.5000N``."""
    side = sides[0] if degrees >= 0 else sides[1]
    whole, rest = divmod(abs(degrees), 1)
    return f"{int(whole)},{rest * 60:.4f}{side}"


def _name(prefix: str, name: str) -> str:
    return f"{{{_SPACES[prefix]}}}{name}"
