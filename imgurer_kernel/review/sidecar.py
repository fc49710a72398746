"""Make XMP sidecars for keepers from facts that only their removed copies have.

A sidecar is a file beside the picture, ``IMG_1.jpg.xmp``, that photo managers read; the picture
itself is never written to.
"""

import re
from collections.abc import Hashable, Mapping, Sequence
from datetime import datetime
from xml.etree import ElementTree as ET

import numpy as np
import pandas as pd

from imgurer_kernel.common.text import count, join_words
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
    "Iptc4xmpExt": "http://iptc.org/std/Iptc4xmpExt/2008-02-29/",
}
_PROPERTIES = {
    "title": ("dc", "title"),
    "caption": ("dc", "description"),
    "keywords": ("dc", "subject"),
    "persons": ("Iptc4xmpExt", "PersonInImage"),
}
_LISTS = {"keywords", "persons"}
_WORDS = {"taken_at": "time", "persons": "names of persons"}
_NOT_OF_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_LANGUAGE = "{http://www.w3.org/XML/1998/namespace}lang"


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
    offered: dict[tuple[int, str], dict[str, object]] = {}
    known_of: dict[int, dict[str, str]] = {}
    for row in plan.sort_values(["keeper_id", "file_id"]).to_dict("records"):
        keeper_id = row["keeper_id"]
        known = known_of.setdefault(keeper_id, dict(facts[row["keeper_image_id"]]))
        for fact, value in facts[row["image_id"]].items():
            joined = _joined(fact, known.get(fact), value)
            if joined != known.get(fact):
                known[fact] = joined
                offered[keeper_id, fact] = {
                    "keeper_id": keeper_id,
                    "keeper_path": row["keeper_path"],
                    "fact": fact,
                    "value": joined,
                    "file_id": row["file_id"],
                }
    return pd.DataFrame(list(offered.values()), columns=OFFERS)


def _joined(fact: str, known: str | None, value: str) -> str:
    """Join what is known with what a copy knows: lists have all of both, one value stays."""
    if known is None:
        return value
    if fact not in _LISTS:
        return known
    return "\n".join(dict.fromkeys([*known.split("\n"), *value.split("\n")]))


def facts_text(facts: Sequence[str]) -> str:
    """Count facts, and name their kinds.

    Examples
    --------
    >>> facts_text(["title", "taken_at", "title"])
    '3 facts (time and title)'
    """
    kinds = sorted({_WORDS.get(each, each) for each in facts})
    return f"{count(len(facts), 'fact')} ({join_words(kinds)})"


def packet(facts: Mapping[str, str]) -> bytes:
    """Encode facts as XMP: time, place, rating, texts and lists, as given by `offers`.

    Characters that XML does not allow, which EXIF and IPTC may have, are left out.

    Examples
    --------
    >>> b'xmp:Rating="4"' in packet({"rating": "4"})
    True
    """
    facts = {fact: _NOT_OF_XML.sub("", value) for fact, value in facts.items()}
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
    for fact in ("title", "caption"):
        if fact in facts:
            text = ET.SubElement(_list(inner, *_PROPERTIES[fact], "Alt"), _name("rdf", "li"))
            text.set(_LANGUAGE, "x-default")
            text.text = facts[fact]
    for fact in sorted(_LISTS & facts.keys()):
        bag = _list(inner, *_PROPERTIES[fact], "Bag")
        for item in facts[fact].split("\n"):
            ET.SubElement(bag, _name("rdf", "li")).text = item
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
    if found is not None:
        texts = {"title": found.title, "caption": found.caption}
        texts |= {"keywords": "\n".join(found.keywords), "persons": "\n".join(found.persons)}
        facts |= {fact: text for fact, text in texts.items() if text}
    return facts


def _list(inner: ET.Element, prefix: str, name: str, kind: str) -> ET.Element:
    return ET.SubElement(ET.SubElement(inner, _name(prefix, name)), _name("rdf", kind))


def _coordinate(degrees: float, sides: str) -> str:
    """Format degrees and minutes for XMP.

    >>> _coordinate(50.075, "NS"), _coordinate(0.5, "EW"), _coordinate(0.0, "NS")
    ('50,4.5000N', '0,30.0000E', '0,0.0000N')
    >>> _coordinate(-0.5, "EW")
    '0,30.0000W'
    """
    side = sides[0] if degrees >= 0 else sides[1]
    whole, rest = divmod(abs(degrees), 1)
    return f"{int(whole)},{rest * 60:.4f}{side}"


def _name(prefix: str, name: str) -> str:
    return f"{{{_SPACES[prefix]}}}{name}"
