"""Calibrate: plant copies of a store's pictures, in memory, and measure how many are found.

Nothing is written. Candidates, comparisons and the test for layouts are those of
`imgurer_kernel.matching.clusters.pipeline`; but every near pair is compared, while a search for
clusters skips those that cannot change the result.
"""

from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from imgurer_kernel.common.progress import Progress
from imgurer_kernel.common.records import Fingerprint
from imgurer_kernel.common.text import count
from imgurer_kernel.common.threads import in_order
from imgurer_kernel.common.types import Int64s, UInt8s
from imgurer_kernel.errors import (
    ImageRejected,
    ImgurerError,
    QueryError,
    StorageError,
    UnknownImage,
)
from imgurer_kernel.fingerprint import decode
from imgurer_kernel.fingerprint.extract import fingerprint
from imgurer_kernel.fingerprint.hashes.dhash import turned_hashes
from imgurer_kernel.index.lookup import neighbors
from imgurer_kernel.matching.candidates import Candidates
from imgurer_kernel.matching.clusters import pipeline
from imgurer_kernel.matching.clusters.budget import (
    THOROUGH_RADIUS,
    THOROUGH_WINDOW_RADIUS,
    WINDOW_RADIUS,
)
from imgurer_kernel.matching.hash_candidates import ImageHashes, find_candidates
from imgurer_kernel.matching.image_cache import ImageCache
from imgurer_kernel.matching.pair_table import SAME_LAYOUT, Pairs
from imgurer_kernel.matching.pair_verifier import verify_candidates
from imgurer_kernel.matching.picture_loaders import PictureLoaders
from imgurer_kernel.matching.regions import WINDOWS
from imgurer_kernel.report.evaluation.metrics import (
    PLAIN_RADII,
    VERIFIED_RADII,
    Calibration,
    Hits,
    Trials,
    evaluate,
)
from imgurer_kernel.report.evaluation.transforms import TRANSFORMS, copy_as_file
from imgurer_kernel.store.catalog import queries
from imgurer_kernel.store.catalog.queries import shuffled
from imgurer_kernel.store.store import Store
from imgurer_kernel.workbench.pictures.image_loader import THUMBNAIL_SIDE, ImageLoader
from imgurer_kernel.workbench.pictures.live_index import CatalogHashes, LiveIndex

SIDE = 512
"""Longest side in pixels of the copies; copying a larger picture would take a second."""

_LEAST = 2


class CalibrationRun:
    """Measures recall and precision on planted copies; the store is only read."""

    def __init__(self, store: Store, index: LiveIndex, loader: ImageLoader) -> None:
        self._store = store
        self._index = index
        self._loader = loader

    def run(self, sample: int, seed: int, progress: Progress) -> Calibration:
        """Plant, search and count; see `Workbench.calibrate`."""
        if isinstance(sample, bool) or not isinstance(sample, int) or sample < _LEAST:
            message = f"sample is {sample!r}; it must be a whole number of pictures, 2 or more"
            raise QueryError(message)
        digests, total = self._choose(sample, seed)
        originals, copies, unreadable = self._plant(digests, seed, progress)
        if len(originals) < _LEAST:
            message = (
                f"of {count(len(digests), 'picture')} that could be copied, the originals of "
                f"{len(originals)} can be read; check() says what is wrong with them"
            )
            raise QueryError(message)
        planted = _PlantedCopies.of(originals, copies)
        done = (
            f"{count(len(originals), 'picture')}, no two of one cluster, had "
            f"{len(TRANSFORMS)} copies each planted, drawn at up to {SIDE} pixels: small copies "
            "are harder to find than large ones."
        )
        unseen = (
            "Of pictures that a verified search considers duplicates only one was used: a person "
            "has to judge whether they are duplicates."
        )
        notes = [done, unseen]
        if len(originals) < sample:
            notes.append(f"{sample:,} were requested; the store has no more.")
        if unreadable:
            notes.append(f"{count(unreadable, 'original')} could not be read.")
        trials = planted.search(progress)
        return evaluate(trials, sample=len(originals), images=total, notes=notes)

    def _choose(self, sample: int, seed: int) -> tuple[list[str], int]:
        """Choose digests of pictures that are not duplicates of each other, and count the rest."""
        while True:
            hashes = self._index.hashes()
            usable = hashes.image_ids[hashes.informative]
            if len(usable) < _LEAST:
                message = (
                    f"there is nothing to measure: of {count(len(hashes), 'picture')} "
                    f"{len(usable)} can be told from others; ingest at least 2 that are not flat"
                )
                raise QueryError(message)
            # Twice as many as requested, since some turn out to be duplicates.
            ids = shuffled(usable, seed, 2 * sample)
            try:
                ids, digests = self._without_duplicates(ids, hashes)
            except UnknownImage:
                if self._index.all_exist(hashes):
                    raise
                continue
            return [digests[image_id] for image_id in ids[:sample].tolist()], len(usable)

    def _without_duplicates(
        self, image_ids: Int64s, hashes: CatalogHashes
    ) -> tuple[Int64s, dict[int, str]]:
        """Return the medoids and all images without a cluster, and the digests of all."""
        digests = self._store.catalog.run(queries.digests_by_id, image_ids)
        image_ids = image_ids[np.isin(image_ids, list(digests))]
        places = hashes.positions(image_ids)
        found = pipeline.find_clusters(
            pipeline.Images(
                image_ids=image_ids,
                digests=[digests[image_id] for image_id in image_ids.tolist()],
                whole=hashes.plain[places],
                content=hashes.trimmed[places],
                grays=self._loader.grays,
                informative=np.ones(len(image_ids), bool),
            ),
            PictureLoaders(self._loader.verification, self._loader.thumbnails),
        )
        # Use only the medoid of a cluster: copies of its other members would count as wrong hits.
        extra = np.setdiff1d(found.clusters.members, found.clusters.medoids)
        return image_ids[~np.isin(image_ids, extra)], digests

    def _plant(
        self, digests: list[str], seed: int, progress: Progress
    ) -> tuple[list[Fingerprint], list[list[Fingerprint]], int]:
        """Fingerprint originals and their copies; count the originals that cannot be read."""
        originals, copies, done, unreadable = [], [], 0, 0
        total = len(digests) * len(TRANSFORMS)
        progress("planting", 0, total)
        copied = in_order(
            partial(self._copies, seed=seed),
            digests,
            lambda: progress("planting", done, total),
            workers=self._store.settings.workers,
        )
        for planted in copied:
            done += len(TRANSFORMS)
            if isinstance(planted, ImgurerError):
                unreadable += 1
            else:
                originals.append(planted[0])
                copies.append(planted[1])
            progress("planting", done, total)
        return originals, copies, unreadable

    def _copies(
        self, digest: str, seed: int
    ) -> tuple[Fingerprint, list[Fingerprint]] | StorageError | ImageRejected:
        """Fingerprint an original and its copies, or return why it cannot be read."""
        try:
            with self._store.blobs.open(digest) as file:
                data = file.read()
            frame = (SIDE, SIDE)
            limits, decoders = self._store.settings, self._store.decoders
            pixels = decoders.pixels(data, frame, limits=limits)
            original = decoders.fingerprint(data, limits=limits)
        except (StorageError, ImageRejected) as error:
            return error
        files = (copy_as_file(pixels, each.name, key=digest, seed=seed) for each in TRANSFORMS)
        return original, [fingerprint(copy) for copy in files]


@dataclass(frozen=True, slots=True, eq=False)
class _PlantedCopies:
    """Originals at positions 0..size-1, then the copies, transform by transform."""

    size: int
    prints: ImageHashes
    images: ImageCache

    @classmethod
    def of(cls, originals: list[Fingerprint], copies: list[list[Fingerprint]]) -> "_PlantedCopies":
        rows = [*originals, *(made[k] for k in range(len(TRANSFORMS)) for made in copies)]
        pictures = np.stack([_grays(row.verification, 64) for row in rows])
        images = ImageCache(
            np.arange(len(rows)),
            PictureLoaders(
                lambda ids: pictures[ids],
                lambda ids: np.stack(
                    [decode.to_gray(rows[k].thumbnail, THUMBNAIL_SIDE) for k in ids.tolist()]
                ),
            ),
        )
        informative = np.array([row.informative for row in rows])
        windows = np.zeros((len(rows), len(WINDOWS), 2), np.uint64)
        windows[informative] = images.windows(np.flatnonzero(informative))
        prints = ImageHashes(
            turned_hashes(np.stack([_grays(row.grays, 9) for row in rows])),
            np.array([row.trimmed_dhash for row in rows], np.uint64),
            informative,
            windows,
        )
        return cls(len(originals), prints, images)

    def search(self, progress: Progress) -> Trials:
        """Search for the copies of one transform after the other, by hash and verified."""
        size, n = self.size, len(TRANSFORMS)
        plain: list[tuple[Int64s, Int64s, Int64s]] = []
        rows: dict[int, list[Candidates]] = {radius: [] for radius in VERIFIED_RADII}
        for transform in range(-1, n):
            # Search the originals among themselves first.
            new = np.arange(size) + size * (transform + 1)
            places = new if transform < 0 else np.concatenate((np.arange(size), new))
            plain.append(self._plain_pairs(places, new))
            for radius in VERIFIED_RADII:
                rows[radius].append(self._near(places, new, radius))
            progress("searching", transform + 2, n + 1)
        first, second, distance = (np.concatenate(part) for part in zip(*plain, strict=True))
        return Trials(
            names=[each.name for each in TRANSFORMS],
            tiers=[each.tier for each in TRANSFORMS],
            planted=np.full(n, size),
            distinct=np.full(n, size * (size - 1) + size * (size - 1) // 2),
            originals=size * (size - 1) // 2,
            plain=self._hits(first, second, distance),
            verified={radius: self._compare(found, progress) for radius, found in rows.items()},
        )

    def _plain_pairs(self, places: Int64s, new: Int64s) -> tuple[Int64s, Int64s, Int64s]:
        """Find pairs whose upright hashes are near, and their distances."""
        informative, whole = self.prints.informative, self.prints.whole
        places, new = places[informative[places]], new[informative[new]]
        query, hit, distance = neighbors(whole[places], whole[new], max(PLAIN_RADII))
        first, second = places[hit], new[query]
        once = first < second
        return first[once], second[once], distance[once].astype(np.int64)

    def _near(self, places: Int64s, new: Int64s, radius: int) -> Candidates:
        """Find the candidate pairs of a verified search."""
        window_radius = THOROUGH_WINDOW_RADIUS if radius >= THOROUGH_RADIUS else WINDOW_RADIUS
        fresh = np.isin(places, new)
        found = find_candidates(
            self.prints.take(places), radius, window_radius=window_radius, fresh=fresh
        )
        return found.with_ids(places)

    def _compare(self, parts: list[Candidates], progress: Progress) -> Hits:
        rows = parts[0]
        for part in parts[1:]:
            rows = rows.joined(part)
        total, done = len(Pairs.of(rows)), 0

        def add(compared: int) -> None:
            nonlocal done
            done += compared
            progress("comparing", min(done, total), total)

        pairs = verify_candidates(rows, self.images, add)
        found = pairs.take(pairs.status != SAME_LAYOUT)
        return self._hits(found.first, found.second, found.measures[:, 1])

    def _hits(self, first: Int64s, second: Int64s, value: NDArray[np.generic]) -> Hits:
        return Hits(
            transform=second // self.size - 1,
            is_copy=first % self.size == second % self.size,
            value=value.astype(np.float64),
        )


def _grays(data: bytes, side: int) -> UInt8s:
    return np.frombuffer(data, np.uint8).reshape(side, side)
