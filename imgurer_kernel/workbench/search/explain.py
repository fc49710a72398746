"""Load the pictures of an explanation: originals if they can be read, else thumbnails."""

import os
from pathlib import Path

import numpy as np

from imgurer_kernel.errors import ImageRejected, StorageError
from imgurer_kernel.fingerprint import decode
from imgurer_kernel.fingerprint.rendition import THUMBNAIL
from imgurer_kernel.matching.evidence import Evidence
from imgurer_kernel.matching.local_agreement import BlockMap, block_map
from imgurer_kernel.matching.regions import content_boxes
from imgurer_kernel.report.explain.explanation import Explanation, Side
from imgurer_kernel.report.explain.overlay import lay_over
from imgurer_kernel.store.catalog import Connection, queries
from imgurer_kernel.store.store import Store
from imgurer_kernel.workbench.pictures.image_loader import in_colour
from imgurer_kernel.workbench.pictures.query import Query, bytes_of, is_image_id

SHOWN = 420
"""Longest side in pixels of the pictures shown; a JPEG is decoded no larger than needed."""


def name_of(connection: Connection, given: object, otherwise: str) -> str:
    """Return the file name of a given picture, or the alternative if it has none."""
    if is_image_id(given):
        return str(queries.images(connection, [int(given)], ["filename"])["filename"].iloc[0])
    return Path(given).name if isinstance(given, str | os.PathLike) else otherwise


class Explainer:
    """Makes explanations of pairs of pictures with known evidence."""

    def __init__(self, store: Store, shown: int = SHOWN) -> None:
        self._blobs = store.blobs
        self._decoders = store.decoders
        self._settings = store.settings
        self._frame = (shown, shown)

    def explain(
        self,
        given: tuple[object, object],
        queries: tuple[Query, Query],
        names: tuple[str, str],
        evidence: Evidence,
    ) -> Explanation:
        """Make the explanation of two pictures."""
        first, second = (
            self._side(picture, query, name)
            for picture, query, name in zip(given, queries, names, strict=True)
        )
        laid = lay_over(
            first.pixels,
            second.pixels,
            evidence.transform,
            same=evidence.duplicate,
            blocks=_blocks(queries, evidence),
        )
        return Explanation(evidence=evidence, first=first, second=second, overlay=laid)

    def _side(self, given: object, query: Query, name: str) -> Side:
        found = query.fingerprint
        frame, note = self._frame, ""
        try:
            # A thumbnail at full size serves as well, and is faster to load.
            small = found.width <= THUMBNAIL[0] and found.height <= THUMBNAIL[1]
            kept = small or not isinstance(given, Query)
            note = "" if kept else "its thumbnail: the original is not kept"
            pixels = (
                decode.read(found.thumbnail, self._settings, frame=frame).view().rgb(frame)
                if small or not kept
                else self._decoders.pixels(
                    self._original(given, query), frame, limits=self._settings
                )
            )
        except (StorageError, ImageRejected):
            note = "its thumbnail: the original cannot be read"
            pixels = decode.read(found.thumbnail, self._settings, frame=frame).view().rgb(frame)
        return Side(
            name=name,
            width=found.width,
            height=found.height,
            pixels=pixels,
            informative=found.informative,
            note=note,
        )

    def _original(self, given: object, query: Query) -> bytes:
        if is_image_id(given):
            with self._blobs.open(query.digest) as file:
                return file.read()
        return bytes_of(given, self._settings)


def _blocks(pair: tuple[Query, Query], evidence: Evidence) -> BlockMap | None:
    """Map where two pictures agree; None for unrelated pictures, for which it means nothing."""
    if evidence.label in {"exact", "same pixels", "different"}:
        return None
    grays = [np.frombuffer(each.fingerprint.verification, np.uint8) for each in pair]
    content = content_boxes(np.stack(grays).reshape(-1, 64, 64))
    first, second = (in_colour(each.fingerprint.thumbnail) for each in pair)
    return block_map(first, second, np.array(evidence.transform), content)
