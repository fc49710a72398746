"""Similar pictures, verified: what a store feeds the pure comparison with.

`imgurer_kernel.workbench.hash_search` is the search without a look at the pictures.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from imgurer_kernel.common.types import Int64s, UInt8s
from imgurer_kernel.errors import UnknownImage
from imgurer_kernel.fingerprint.decode import to_gray
from imgurer_kernel.fingerprint.hashes.dhash import ORIENTATIONS
from imgurer_kernel.matching.candidates import Candidates
from imgurer_kernel.matching.image_cache import ImageCache
from imgurer_kernel.matching.labels import appearance_of, label_for, measure_pairs
from imgurer_kernel.matching.pair_table import DIFFERENT, Pairs
from imgurer_kernel.matching.pair_verifier import verify_candidates
from imgurer_kernel.matching.query_candidates import query_candidates
from imgurer_kernel.store.catalog import Catalog, queries
from imgurer_kernel.workbench.evidence import query_appearance, taken_of
from imgurer_kernel.workbench.image_loader import THUMBNAIL_SIDE, ImageLoader, in_colour
from imgurer_kernel.workbench.live_index import LiveIndex
from imgurer_kernel.workbench.query import Query

CANDIDATE_RADIUS = 24
"""Bits within which nearly all duplicates lie; measured, see benchmarks/accuracy.md."""
FACTS = ["image_id", "digest", "filename", "width", "height"]
"""Columns of the catalog's images that the answer to a search has."""
QUERY = 0
"""Position of the picture that is searched for; the images that it is compared with follow."""


@dataclass(frozen=True, slots=True, eq=False)
class _Candidates:
    """Images that are compared with a query, and what that takes; n rows each, by image_id.

    Attributes
    ----------
    facts
        `FACTS`.
    grays, verification
        uint8 (n, 9, 9) and (n, 64, 64).
    """

    facts: pd.DataFrame
    grays: UInt8s
    verification: UInt8s

    @property
    def image_ids(self) -> Int64s:
        """int64 (n,), ascending."""
        return self.facts["image_id"].to_numpy(np.int64)


class SimilarSearch:
    """Finds the pictures of a store that are like one, and compares it with each."""

    def __init__(self, catalog: Catalog, loader: ImageLoader, index: LiveIndex) -> None:
        self._catalog = catalog
        self._loader = loader
        self._index = index

    def search(
        self,
        query: Query,
        radius: int,
        lookalike_radius: int,
        exact: Collection[int],
    ) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Find what a query is the same picture as, and what is merely near.

        All candidates are read in one transaction, and compared after it: 4 KB each. What was
        forgotten since the index was updated is left out.

        Parameters
        ----------
        radius
            Bits between hashes of pictures that are compared.
        lookalike_radius
            Bits up to which a picture is kept although the comparison says that it is another.
        exact
            Ids of images that are the same without a comparison; their facts are read, too.

        Returns
        -------
        verdicts : DataFrame
            image_id, distance, orientation, score (agreement, -1..1), verdict.
        facts : DataFrame
            `FACTS` of these images and of the exact ones, of those that there still are.
        """
        rows, ids = Candidates.none(), np.empty(0, np.int64)
        if query.fingerprint.informative:
            with self._index.trees() as (whole, contents):
                rows = query_candidates(
                    query.grays,
                    query.fingerprint.trimmed_dhash,
                    whole.search_many,
                    contents.search_many,
                    radius,
                )
            ids, place = np.unique(rows.second, return_inverse=True)
            rows = replace(rows, second=place + 1)
        while True:
            images, facts = self._load(ids, exact)
            # Candidates that are gone drop out; the others move up, as their rows in `images` have.
            there = np.isin(ids, images.image_ids)
            rows = rows.take(there[rows.second - 1])
            rows = replace(rows, second=np.cumsum(there, dtype=np.int64)[rows.second - 1])
            ids = images.image_ids
            if not len(rows.second):
                return _verdicts(ids[:0], Pairs.of(rows), []), facts
            try:
                return self._compare(query, rows, images, lookalike_radius), facts
            except UnknownImage:
                # Raised for a thumbnail, after which an image was seen to be forgotten: the next
                # reading comes without it.
                continue

    def _load(self, image_ids: Int64s, exact: Collection[int]) -> tuple[_Candidates, pd.DataFrame]:
        """Those candidates that there still are, and the facts of these and the exact ones."""
        with self._catalog.transaction() as connection:
            wanted = np.union1d(image_ids, np.array(list(exact), np.int64))
            facts = queries.images(connection, wanted, FACTS)
            own = facts[facts["image_id"].isin(image_ids)]
            ids = own["image_id"].to_numpy(np.int64)
            return _Candidates(
                own, queries.grays(connection, ids), queries.verification(connection, ids)
            ), facts

    def _compare(
        self, query: Query, rows: Candidates, images: _Candidates, lookalike_radius: int
    ) -> pd.DataFrame:
        """Verdicts on candidates; image k of `images` is number k + 1 in `rows`, the query 0."""
        gallery = self._gallery(query, images)
        found = verify_candidates(rows, gallery)
        # What is near by its hash is shown even if the comparison denies it: a person may judge.
        kept = (found.status != DIFFERENT) | (found.distance <= lookalike_radius)
        found = found.take(kept)
        ids = images.image_ids[found.second - 1]
        return _verdicts(ids, found, _labels(query, images, found, gallery))

    def _gallery(self, query: Query, images: _Candidates) -> ImageCache:
        """The query's picture at position 0, and those of the images after it."""
        same = [QUERY, *(np.flatnonzero(images.facts["digest"] == query.digest) + 1)]

        def verification(positions: Int64s) -> UInt8s:
            pictures = np.empty((len(positions), 64, 64), np.uint8)
            own = positions == QUERY
            pictures[own] = np.frombuffer(query.fingerprint.verification, np.uint8).reshape(64, 64)
            pictures[~own] = images.verification[positions[~own] - 1]
            return pictures

        def thumbnails(positions: Int64s) -> UInt8s:
            pictures = np.empty((len(positions), THUMBNAIL_SIDE, THUMBNAIL_SIDE), np.uint8)
            # An image of the store is among those that it is compared with.
            own = np.isin(positions, same)
            pictures[own] = to_gray(query.fingerprint.thumbnail, THUMBNAIL_SIDE) if own.any() else 0
            if not own.all():
                facts = images.facts.iloc[positions[~own] - 1]
                ids, digests = facts["image_id"].to_numpy(np.int64), facts["digest"].tolist()
                pictures[~own] = self._loader.thumbnails(ids, digests)
            return pictures

        def colours(positions: Int64s) -> list[UInt8s]:
            own = np.isin(positions, same)
            facts = images.facts.iloc[positions[~own] - 1]
            ids, digests = facts["image_id"].to_numpy(np.int64), facts["digest"].tolist()
            others = iter(self._loader.colours(ids, digests) if digests else [])
            mine = in_colour(query.fingerprint.thumbnail) if own.any() else None
            return [mine if k and mine is not None else next(others) for k in own.tolist()]

        def taken(positions: Int64s) -> Int64s:
            own = np.isin(positions, same)
            times = np.full(len(positions), taken_of(query), np.int64)
            if not own.all():
                facts = images.facts.iloc[positions[~own] - 1]
                times[~own] = self._loader.taken(facts["image_id"].to_numpy(np.int64))
            return times

        def originals(positions: Int64s) -> list[UInt8s]:
            digests = [query.digest, *images.facts["digest"].tolist()]
            read = [self._loader.original(digests[k]) for k in positions]
            return [picture for picture in read if picture is not None]

        count = len(images.facts) + 1
        return ImageCache(np.arange(count), verification, thumbnails, colours=colours, taken=taken)


def _labels(query: Query, images: _Candidates, found: Pairs, gallery: ImageCache) -> list[str]:
    """What each pair is called, of the query and one of the images."""
    seen = gallery.read(np.concatenate(([QUERY], found.second)))
    here = query_appearance(query, seen, QUERY)
    closeups = measure_pairs(found, seen, found.first, found.second)
    widths, heights, digests = (
        images.facts[name].tolist() for name in ("width", "height", "digest")
    )
    words: list[str] = []
    for k, row in enumerate((found.second - 1).tolist()):
        there = appearance_of(widths[row], heights[row], images.grays[row], seen, row + 1)
        words.append(label_for(found, k, here, there, closeups[k]))
        if digests[row] == query.digest:
            words[-1] = "exact"
    return words


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
