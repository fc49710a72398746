"""Finds the pictures behind an explanation: originals where they can be had, else thumbnails."""

import os
from pathlib import Path

import numpy as np

from imgurer_kernel.errors import ImageRejected, StorageError
from imgurer_kernel.fingerprint import decode
from imgurer_kernel.fingerprint.rendition import THUMBNAIL
from imgurer_kernel.matching.labels import Evidence
from imgurer_kernel.report.explain.explanation import Explanation, Side
from imgurer_kernel.report.explain.overlay import lay_over
from imgurer_kernel.settings import Settings
from imgurer_kernel.store.blobs import BlobStore
from imgurer_kernel.store.catalog import Catalog
from imgurer_kernel.workbench.query import Query, bytes_of

SHOWN = (420, 420)
"""Pixels within which pictures are shown; a JPEG is decoded no larger than that takes."""


class Explainer:
    """Explains pairs of pictures of which the evidence is known."""

    def __init__(self, catalog: Catalog, blobs: BlobStore, settings: Settings) -> None:
        self._catalog = catalog
        self._blobs = blobs
        self._settings = settings

    def explain(
        self, given: tuple[object, object], asked: tuple[Query, Query], evidence: Evidence
    ) -> Explanation:
        """Show two pictures, as they were given and as they were read."""
        first, second = (
            self._side(picture, query, name)
            for picture, query, name in zip(given, asked, ("the first", "the second"), strict=True)
        )
        laid = lay_over(first.pixels, second.pixels, evidence.transform, same=evidence.duplicate)
        return Explanation(evidence=evidence, first=first, second=second, overlay=laid)

    def _side(self, given: object, asked: Query, name: str) -> Side:
        found = asked.fingerprint
        frame, note = SHOWN, ""
        try:
            # A thumbnail that holds all pixels is as good, and near.
            small = found.width <= THUMBNAIL[0] and found.height <= THUMBNAIL[1]
            data = found.thumbnail if small else self._original(given, asked)
            pixels = decode.read(data, self._settings, frame=frame).view().rgb(frame)
        except (StorageError, ImageRejected):
            note = "its thumbnail: the original cannot be read"
            pixels = decode.read(found.thumbnail, self._settings, frame=frame).view().rgb(frame)
        return Side(
            name=self._name(given, name),
            width=found.width,
            height=found.height,
            pixels=pixels,
            informative=found.informative,
            note=note,
        )

    def _original(self, given: object, asked: Query) -> bytes:
        if _is_id(given):
            with self._blobs.open(asked.digest) as file:
                return file.read()
        return bytes_of(given, self._settings)

    def _name(self, given: object, otherwise: str) -> str:
        if _is_id(given):
            return str(self._catalog.images([int(str(given))])["filename"].iloc[0])
        return Path(given).name if isinstance(given, str | os.PathLike) else otherwise


def _is_id(given: object) -> bool:
    return isinstance(given, int | np.integer)
