"""Find candidates for one picture in a store: by hashes, windows both ways, and spots.

Windows of all images are computed at first use, unless that would take too long for one search.
Spots are those computed by the last search for clusters, and a few newer ones. A search for
clusters computes both, so that `similar` finds the same pairs afterwards.
"""

import numpy as np

from imgurer_kernel.common.types import Int64s, UInt8s, UInt64s
from imgurer_kernel.fingerprint import decode
from imgurer_kernel.fingerprint.hashes.dhash import dhash_many
from imgurer_kernel.fingerprint.rendition import THUMBNAIL
from imgurer_kernel.matching.candidates import Candidates, concatenate
from imgurer_kernel.matching.clusters.budget import SPOT_VOTES, WINDOW_RADIUS, usual_spot_radius
from imgurer_kernel.matching.query_candidates import (
    QueryPicture,
    StoredPictures,
    picture_candidates,
)
from imgurer_kernel.matching.regions import window_grays
from imgurer_kernel.matching.spot_candidates import SpotTable
from imgurer_kernel.matching.spots import Spots, find_spots
from imgurer_kernel.matching.verify import compile_kernel
from imgurer_kernel.workbench.pictures.feature_kinds import Windows
from imgurer_kernel.workbench.pictures.live_index import CatalogHashes, LiveIndex
from imgurer_kernel.workbench.pictures.picture_features import PictureFeatures
from imgurer_kernel.workbench.pictures.query import Query

# Most pictures whose windows or spots one search computes: half a second each.
_MOST_WINDOWS = 4096
_MOST_SPOTS = 256
# Most images in a store for which the spots of intermediates are searched, too.
_MAX_FOR_INTERMEDIATES = 20_000


class NeighborSearch:
    """Searches a store for candidates of one picture at a time; safe to use from several threads.

    Parameters
    ----------
    index
        Trees of hashes.
    windows, spots
        Features of the store's pictures.
    """

    def __init__(
        self,
        index: LiveIndex,
        windows: PictureFeatures[Windows],
        spots: PictureFeatures[Spots],
    ) -> None:
        self._index = index
        self._windows = windows
        self._spots = spots
        # Cache the last spots and their table, which takes as long to build as a search.
        self._table = SpotTable.of(Spots.empty(0))

    def of_query(self, query: Query, hashes: CatalogHashes, radius: int) -> Candidates:
        """Find matches of a query (number 0) with images (numbered by their ids)."""
        found = query.fingerprint
        stored, spots = self._stored(hashes), None
        if len(stored.spotted):
            # Spots load numba anyway, and its kernels compare faster.
            compile_kernel()
            picture = decode.read(found.thumbnail, colour=False, frame=THUMBNAIL)
            spots = find_spots(picture.view().gray())
        windows = _windows_of(np.frombuffer(found.verification, np.uint8))
        query_picture = QueryPicture(query.grays, found.trimmed_dhash, windows, spots)
        return self._search(query_picture, stored, radius)

    def of_images(
        self,
        image_ids: Int64s,
        grays: UInt8s,
        verification: UInt8s,
        hashes: CatalogHashes,
        radius: int,
    ) -> Candidates:
        """Find matches of some images with others; both are numbered by their ids.

        Parameters
        ----------
        image_ids, grays, verification
            int64 (k,), uint8 (k, 9, 9) and (k, 64, 64): the images; those not in the snapshot
            `hashes` are left out.
        """
        stored, parts = self._stored(hashes), [Candidates.none()]
        trimmed, known = hashes.trimmed, np.isin(image_ids, hashes.ids)
        for k in np.flatnonzero(known).tolist():
            image_id = int(image_ids[k])
            spots = None
            at = int(np.searchsorted(stored.spotted, image_id))
            # Spots of more images take longer than the rest of a search.
            spots_are_few = len(stored.spotted) <= _MAX_FOR_INTERMEDIATES
            if spots_are_few and at < len(stored.spotted) and stored.spotted[at] == image_id:
                spots = stored.spots.spots.take(np.array([at]))
            row, column = trimmed[hashes.positions(image_ids[[k]])[0]].tolist()
            picture = QueryPicture(grays[k], (row, column), _windows_of(verification[k]), spots)
            found = self._search(picture, stored, radius)
            found = found.take(found.second != image_id)
            parts.append(found.at(np.full(len(found), image_id), found.second))
        return concatenate(parts)

    def _search(self, picture: QueryPicture, stored: StoredPictures, radius: int) -> Candidates:
        with self._index.trees() as (whole, contents):
            searched = whole.search_many, contents.search_many, stored
            return picture_candidates(picture, *searched, radius, min(radius, WINDOW_RADIUS))

    def _stored(self, hashes: CatalogHashes) -> StoredPictures:
        """Collect the features to search of the images of a snapshot."""
        ids, words = hashes.image_ids, hashes.plain
        if not hashes.informative.all():
            ids, words = ids[hashes.informative], words[hashes.informative]
        windows, have_windows = self._windows.rows(ids, words, most=_MOST_WINDOWS)
        radius = usual_spot_radius(len(ids))
        # A store that was never clustered has none: computing them would load the compiler.
        most = _MOST_SPOTS if radius and self._spots.exist() else -1
        spots, have_spots = self._spots.rows(ids, words, most=most)
        if not have_windows.all():
            windows = windows.take(np.flatnonzero(have_windows))
        if not have_spots.all():
            spots, words = spots.take(np.flatnonzero(have_spots)), words[have_spots]
        table = self._table
        if table.spots is not spots:
            table = self._table = SpotTable.of(spots)
        return StoredPictures(
            windowed=ids[have_windows],
            windows=windows.hashes,
            spotted=ids[have_spots],
            spots=table,
            hashes=words,
            spot_radius=radius,
            spot_votes=SPOT_VOTES,
        )


def _windows_of(verification: UInt8s) -> UInt64s:
    """Hash the windows of one picture of 64x64 grays, uint64 (24, 2)."""
    return dhash_many(window_grays(verification.reshape(1, 64, 64))[0])
