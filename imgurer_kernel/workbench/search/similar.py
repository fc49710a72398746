"""Find similar pictures, verified: read candidates from the store, and compare them.

A search finds what a search for clusters would: by hashes of whole pictures, of contents and of
windows both ways, by spots if the store has them, and via the pictures found, in one step. Pairs
are compared in the order of their digests, as in a search for clusters, so that both give a pair
the same verdict.

`imgurer_kernel.workbench.search.hash_search` searches without comparing pictures.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass

import numpy as np
import pandas as pd

from imgurer_kernel.common.types import Int64s, UInt8s, UInt64s
from imgurer_kernel.errors import UnknownImage
from imgurer_kernel.fingerprint.decode import to_gray
from imgurer_kernel.fingerprint.hashes.dhash import ORIENTATIONS, turned_hashes
from imgurer_kernel.fingerprint.hashes.frame_hash import key_arrays
from imgurer_kernel.matching.affine import INVERSE_ORIENTATION
from imgurer_kernel.matching.candidates import Candidates, sort_matches
from imgurer_kernel.matching.image_cache import ImageCache
from imgurer_kernel.matching.intermediates import (
    choose_intermediates,
    nearest_links,
    others_of,
    verify_by_intermediates,
)
from imgurer_kernel.matching.labels import appearance_of, label_for, may_be_equal, measure_pairs
from imgurer_kernel.matching.pair_table import DIFFERENT, SAME, Pairs
from imgurer_kernel.matching.pair_verifier import verify_candidates
from imgurer_kernel.matching.picture_loaders import PictureLoaders
from imgurer_kernel.store.catalog import Catalog, queries
from imgurer_kernel.workbench.pictures.image_loader import (
    THUMBNAIL_SIDE,
    ImageLoader,
    in_colour,
    seconds_of,
)
from imgurer_kernel.workbench.pictures.live_index import CatalogHashes
from imgurer_kernel.workbench.pictures.query import Query
from imgurer_kernel.workbench.search.evidence import query_appearance, taken_of
from imgurer_kernel.workbench.search.neighbors import NeighborSearch

FACTS = ["image_id", "digest", "filename", "width", "height"]
"""Columns of images in the answer to a search."""
QUERY = 0
"""Position of the query; the images that it is compared with follow."""

MAX_INTERMEDIATES = 8
"""Most pictures whose own neighbors are searched: each takes as long as the first search."""
MAX_INTERMEDIATES_OF_ONE = 3
"""Most intermediates via which the query is compared with one picture."""


@dataclass(frozen=True, slots=True, eq=False)
class _Images:
    """The images to compare with a query, n rows, by image_id.

    Attributes
    ----------
    facts
        `FACTS` and taken_at.
    grays, verification
        uint8 (n, 9, 9) and (n, 64, 64).
    frames
        uint64 (n, 4), see `imgurer_kernel.fingerprint.hashes.frame_hash`.
    """

    facts: pd.DataFrame
    grays: UInt8s
    verification: UInt8s
    frames: UInt64s

    @property
    def image_ids(self) -> Int64s:
        """int64 (n,), ascending."""
        return self.facts["image_id"].to_numpy(np.int64)

    @property
    def digests(self) -> list[str]:
        """Digests of the n images."""
        digests: list[str] = self.facts["digest"].tolist()
        return digests

    def positions(self, image_ids: Int64s) -> Int64s:
        """Return the positions of images, counted from 1; -1 if they are gone."""
        ids = self.image_ids
        if not len(ids):
            return np.full(len(image_ids), -1)
        place = np.minimum(np.searchsorted(ids, image_ids), len(ids) - 1)
        return np.where(ids[place] == image_ids, place + 1, -1)


class SimilarSearch:
    """Finds candidates for a picture in a store, and compares it with each."""

    def __init__(self, catalog: Catalog, loader: ImageLoader, neighbors: NeighborSearch) -> None:
        self._catalog = catalog
        self._loader = loader
        self._neighbors = neighbors

    def search(
        self,
        query: Query,
        hashes: CatalogHashes,
        radius: int,
        lookalike_radius: int,
        exact: Collection[int],
    ) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Find the duplicates of a query, and pictures that are merely near.

        Candidates are read in one transaction, those of intermediates in another, and compared
        after it: 4 KB each. Images forgotten since the update of the index are left out.

        Parameters
        ----------
        hashes
            The snapshot to search.
        radius
            Bits between hashes up to which pictures are compared.
        lookalike_radius
            Bits up to which a picture is kept even if the comparison finds it to be different.
        exact
            Ids of images that need no comparison to be the same; their facts are read, too.

        Returns
        -------
        verdicts : DataFrame
            image_id, distance, orientation, score (agreement, -1..1), verdict.
        facts : DataFrame
            `FACTS` of these images and of the exact ones, if they still exist.
        """
        rows = Candidates.none()
        if query.fingerprint.informative:
            rows = self._neighbors.of_query(query, hashes, radius)
        while True:
            try:
                return self._compare(query, hashes, rows, radius, lookalike_radius, exact)
            except UnknownImage:
                # A thumbnail was missing because its image was just forgotten: the next read leaves
                # it out.
                continue

    def _compare(
        self,
        query: Query,
        hashes: CatalogHashes,
        rows: Candidates,
        radius: int,
        lookalike_radius: int,
        exact: Collection[int],
    ) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Compare the candidates, numbered by their ids; return verdicts and facts."""
        images, facts = self._load(rows.second, exact)
        if not len(images.image_ids):
            return _verdicts(images, Pairs.of(Candidates.none()), []), facts
        found = verify_candidates(
            *self._with_positions(query, images, rows), frames=_frames(query, images)
        )
        intermediates = choose_intermediates(found, QUERY, MAX_INTERMEDIATES)
        intermediates = intermediates[~np.isin(images.image_ids[intermediates - 1], list(exact))]
        chosen = intermediates - 1
        links = self._neighbors.of_images(
            images.image_ids[chosen],
            images.grays[chosen],
            images.verification[chosen],
            hashes,
            radius,
        )
        # Pictures that are the same already need no intermediate.
        same = others_of(found, QUERY)[found.status == SAME]
        links = links.take(~np.isin(links.second, [*exact, *images.image_ids[same - 1].tolist()]))
        links = nearest_links(links, MAX_INTERMEDIATES_OF_ONE)
        if len(links):
            before = images.image_ids
            images, facts = self._load(np.concatenate((before, links.second)), exact)
            # Renumber the pairs to the new positions of their images; drop those that are gone.
            moved = np.append(QUERY, images.positions(before))
            remain = (moved[found.first] >= 0) & (moved[found.second] >= 0)
            found = found.take(remain).with_ids(moved)
            placed, cache = self._with_positions(query, images, links)
            ranks = _ranks(query, images)
            query_grays = np.frombuffer(query.fingerprint.grays, np.uint8).reshape(1, 9, 9)
            turned = turned_hashes(np.concatenate((query_grays, images.grays)))
            linked = verify_candidates(placed, cache, frames=_frames(query, images))
            found = verify_by_intermediates(found, linked, QUERY, cache, turned, ranks)
        else:
            _, cache = self._with_positions(query, images, Candidates.none())
        # Pictures with near hashes are shown even if the comparison rejects them: users may judge.
        found = found.take((found.status != DIFFERENT) | (found.distance <= lookalike_radius))
        found = found.take(np.argsort(others_of(found, QUERY)))
        words = _labels(query, images, found, cache, self._loader.equal_pixels)
        return _verdicts(images, found, words), facts

    def _with_positions(
        self, query: Query, images: _Images, rows: Candidates
    ) -> tuple[Candidates, ImageCache]:
        """Number the images of matches by position instead of id, in the order of digests."""
        first = np.where(rows.first == QUERY, QUERY, images.positions(rows.first))
        second = images.positions(rows.second)
        remaining = np.flatnonzero((first >= 0) & (second >= 0))
        ranks = _ranks(query, images)
        rows = rows.take(remaining).at(first[remaining], second[remaining])
        rows = sort_matches(rows.reversed(ranks[rows.first] > ranks[rows.second]))
        return rows, self._image_cache(query, images)

    def _load(self, image_ids: Int64s, exact: Collection[int]) -> tuple[_Images, pd.DataFrame]:
        """Load the images that still exist, and their facts and those of exact matches."""
        with self._catalog.transaction() as connection:
            wanted = np.union1d(image_ids, np.array(list(exact), np.int64))
            facts = queries.images(connection, wanted, [*FACTS, "taken_at"])
            own = facts[facts["image_id"].isin(image_ids)]
            ids = own["image_id"].to_numpy(np.int64)
            found = _Images(
                own,
                queries.grays(connection, ids),
                queries.verification(connection, ids),
                queries.frame_keys(connection, ids),
            )
            return found, facts[FACTS]

    def _image_cache(self, query: Query, images: _Images) -> ImageCache:
        """Make a cache of the query's picture at position 0, and of the images after it."""
        same = [QUERY, *(np.flatnonzero(images.facts["digest"] == query.digest) + 1)]

        def verification(positions: Int64s) -> UInt8s:
            pictures = np.empty((len(positions), 64, 64), np.uint8)
            own = positions == QUERY
            pictures[own] = np.frombuffer(query.fingerprint.verification, np.uint8).reshape(64, 64)
            pictures[~own] = images.verification[positions[~own] - 1]
            return pictures

        def thumbnails(positions: Int64s) -> UInt8s:
            pictures = np.empty((len(positions), THUMBNAIL_SIDE, THUMBNAIL_SIDE), np.uint8)
            # A query from the store is among the images that it is compared with.
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
            query_picture = in_colour(query.fingerprint.thumbnail) if own.any() else None
            return [
                query_picture if k and query_picture is not None else next(others)
                for k in own.tolist()
            ]

        def taken(positions: Int64s) -> Int64s:
            own = np.isin(positions, same)
            times = np.full(len(positions), taken_of(query), np.int64)
            if not own.all():
                facts = images.facts.iloc[positions[~own] - 1]
                times[~own] = seconds_of(facts["taken_at"])
            return times

        def originals(positions: Int64s) -> list[UInt8s]:
            digests = [query.digest, *images.digests]
            read = [self._loader.original(digests[k]) for k in positions]
            return [picture for picture in read if picture is not None]

        count = len(images.facts) + 1
        loaders = PictureLoaders(verification, thumbnails, colours, taken, originals)
        return ImageCache(np.arange(count), loaders)


def _frames(query: Query, images: _Images) -> UInt64s:
    """Return the keys of all frames of query and images, uint64 (n + 1, 4)."""
    return np.concatenate((key_arrays([query.fingerprint.frame_key]), images.frames))


def _ranks(query: Query, images: _Images) -> Int64s:
    """Rank query and images by digest, int64 (n + 1,)."""
    ranks: Int64s = np.unique([query.digest, *images.digests], return_inverse=True)[1]
    return ranks


def _labels(
    query: Query,
    images: _Images,
    found: Pairs,
    cache: ImageCache,
    equal_pixels: Callable[[str, str], bool],
) -> list[str]:
    """Label the pairs of the query with each image."""
    others = others_of(found, QUERY)
    seen = cache.read(np.concatenate(([QUERY], others)))
    query_side = query_appearance(query, seen, QUERY)
    closeups = measure_pairs(found, seen, found.first, found.second)
    widths, heights = (images.facts[name].tolist() for name in ("width", "height"))
    words: list[str] = []
    for k, row in enumerate((others - 1).tolist()):
        image_side = appearance_of(widths[row], heights[row], images.grays[row], seen, row + 1)
        sides = (query_side, image_side) if found.first[k] == QUERY else (image_side, query_side)
        words.append(label_for(found, k, *sides, closeups[k]))
        if images.digests[row] == query.digest:
            words[-1] = "exact"
        elif may_be_equal(words[-1], *seen.pictures[[QUERY, row + 1]]) and equal_pixels(
            query.digest, images.digests[row]
        ):
            words[-1] = "same pixels"
    return words


def _verdicts(images: _Images, found: Pairs, words: list[str]) -> pd.DataFrame:
    is_reversed = found.first != QUERY
    seen = np.where(is_reversed, INVERSE_ORIENTATION[found.orientation], found.orientation)
    return pd.DataFrame(
        {
            "image_id": images.image_ids[others_of(found, QUERY) - 1],
            "distance": found.distance.astype(np.int64),
            "orientation": pd.Series([ORIENTATIONS[k] for k in seen], dtype="str"),
            "score": found.measures[:, 1].astype(np.float64),
            "verdict": pd.Series(words, dtype="str"),
        }
    )
