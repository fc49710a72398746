"""Searching with a look at the pictures: what a store feeds the pure comparison with."""

from dataclasses import replace

import numpy as np
import pandas as pd

from imgurer_kernel.common.types import Int64s, UInt8s
from imgurer_kernel.fingerprint.decode import to_gray
from imgurer_kernel.fingerprint.hashes.dhash import ORIENTATIONS
from imgurer_kernel.index import BKTree
from imgurer_kernel.matching.candidates import Candidates
from imgurer_kernel.matching.image_cache import ImageCache
from imgurer_kernel.matching.labels import (
    Appearance,
    Evidence,
    appearance_of,
    label_for,
    measure_pairs,
)
from imgurer_kernel.matching.pair_table import DIFFERENT, Pairs
from imgurer_kernel.matching.pair_verifier import verify_candidates
from imgurer_kernel.matching.query_candidates import query_candidates
from imgurer_kernel.matching.verify import PreparedPictures
from imgurer_kernel.store.catalog import Catalog
from imgurer_kernel.workbench.image_loader import StoredPictures
from imgurer_kernel.workbench.live_index import LiveIndex
from imgurer_kernel.workbench.query import Query

CANDIDATE_RADIUS = 24
"""Bits within which nearly all duplicates lie; measured, see benchmarks/accuracy.md."""
QUERY = 0
"""The id of a picture that is searched for; images of a catalog are numbered from 1."""


class SimilarSearch:
    """Compares a picture with those of a store, or two pictures with each other."""

    def __init__(self, catalog: Catalog, pictures: StoredPictures, index: LiveIndex) -> None:
        self._catalog = catalog
        self._pictures = pictures
        self._index = index

    def similar(self, asked: Query, radius: int, lookalike_radius: int) -> pd.DataFrame:
        """What a query is the same picture as, and what is merely near.

        Parameters
        ----------
        radius
            Bits between hashes of pictures that are compared.
        lookalike_radius
            Bits up to which a picture is kept although the comparison says that it is another.

        Returns
        -------
        DataFrame
            image_id, distance, orientation, score (agreement, -1..1), verdict.
        """
        if not asked.fingerprint.informative:
            return _verdicts(np.empty(0, np.int64), Pairs.of(Candidates.none()), [])
        with self._index.trees() as (whole, contents):
            rows = query_candidates(
                _grays(asked),
                asked.fingerprint.trimmed_dhash,
                whole.search_many,
                contents.search_many,
                radius,
            )
        ids, place = np.unique(rows.second, return_inverse=True)
        rows = replace(rows, second=place + 1)
        gallery = self._gallery(np.concatenate(([QUERY], ids)), asked)
        found = verify_candidates(rows, gallery)
        kept = (found.status != DIFFERENT) | (found.distance <= lookalike_radius)
        found = found.take(kept)
        ids = ids[found.second - 1]
        return _verdicts(ids, found, self._labels(asked, ids, found, gallery))

    def evidence(self, one: Query, other: Query) -> Evidence:
        """What speaks for two pictures being the same, however far their hashes are apart.

        The one with the smaller digest is always laid on the other, so that both directions give
        the same verdict.
        """
        if one.digest > other.digest:
            return replace(self.evidence(other, one).reversed(), first=0, second=1)
        whole, contents = BKTree(), BKTree()
        whole.add(1, other.fingerprint.dhash)
        if other.fingerprint.trimmed_dhash != other.fingerprint.dhash:
            contents.add(1, other.fingerprint.trimmed_dhash)
        rows = query_candidates(
            _grays(one),
            one.fingerprint.trimmed_dhash,
            whole.search_many,
            contents.search_many,
            128,
        )
        pictures = np.frombuffer(
            one.fingerprint.verification + other.fingerprint.verification, np.uint8
        ).reshape(2, 64, 64)
        gallery = ImageCache(
            np.arange(2), lambda ids: pictures[ids], lambda ids: _fine(one, other, ids)
        )
        found = verify_candidates(rows, gallery)
        seen = gallery.read(np.arange(2))
        sides = [_appearance(each, seen, k) for k, each in enumerate((one, other))]
        close = measure_pairs(found, seen, np.arange(1), np.arange(1, 2))[0]
        correlation, score, overlap = (float(value) for value in found.measures[0])
        flat = not (one.fingerprint.informative and other.fingerprint.informative)
        word = label_for(found, 0, sides[0], sides[1], close)
        pixels = one.fingerprint.pixels
        if one.digest == other.digest or (pixels and pixels == other.fingerprint.pixels):
            word = "exact"
        elif word == "unverified" or flat:
            word = "different"
        return Evidence(
            first=0,
            second=1,
            distance=int(found.distance[0]),
            orientation=ORIENTATIONS[int(found.orientation[0])],
            score=score,
            correlation=correlation,
            overlap=overlap,
            transform=close.transform,
            label=word,
        )

    def _gallery(self, ids: Int64s, asked: Query) -> ImageCache:
        """Pictures of images, the first of which is the query."""

        def pictures(wanted: Int64s) -> UInt8s:
            found = np.empty((len(wanted), 64, 64), np.uint8)
            own = wanted == QUERY
            found[own] = np.frombuffer(asked.fingerprint.verification, np.uint8).reshape(64, 64)
            if not own.all():
                found[~own] = self._pictures.verification(wanted[~own])
            return found

        def thumbnails(wanted: Int64s) -> UInt8s:
            found = np.empty((len(wanted), 256, 256), np.uint8)
            own = wanted == QUERY
            found[own] = to_gray(asked.fingerprint.thumbnail, 256) if own.any() else 0
            if not own.all():
                found[~own] = self._pictures.thumbnails(wanted[~own])
            return found

        return ImageCache(ids, pictures, thumbnails)

    def _labels(self, asked: Query, ids: Int64s, found: Pairs, gallery: ImageCache) -> list[str]:
        rows = self._catalog.images(ids).set_index("image_id")
        grays = self._catalog.grays(ids)
        seen = gallery.read(np.concatenate(([0], found.second)))
        here = _appearance(asked, seen, 0)
        closeups = measure_pairs(found, seen, found.first, found.second)
        words: list[str] = []
        for k, image_id in enumerate(ids.tolist()):
            row = rows.loc[image_id]
            width, height = int(row["width"]), int(row["height"])
            there = appearance_of(width, height, grays[k], seen, found.second[k])
            words.append(label_for(found, k, here, there, closeups[k]))
            if row["digest"] == asked.digest:
                words[-1] = "exact"
        return words


def _grays(asked: Query) -> UInt8s:
    return np.frombuffer(asked.fingerprint.grays, np.uint8).reshape(9, 9)


def _appearance(asked: Query, seen: PreparedPictures, position: int) -> Appearance:
    found = asked.fingerprint
    return appearance_of(found.width, found.height, _grays(asked), seen, position)


def _fine(one: Query, other: Query, ids: Int64s) -> UInt8s:
    both = [to_gray(each.fingerprint.thumbnail, 256) for each in (one, other)]
    return np.stack(both)[ids]


def _verdicts(ids: Int64s, found: Pairs, words: list[str]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "image_id": ids,
            "distance": found.distance.astype(np.int64),
            "orientation": pd.Series([ORIENTATIONS[k] for k in found.orientation], dtype="str"),
            "score": found.measures[:, 1].astype(np.float64),
            "verdict": pd.Series(words, dtype="str"),
        }
    )
