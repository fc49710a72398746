"""Searching and clustering with a look at the pictures: what a store feeds the pure search with."""

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from imgurer_kernel import duplicates
from imgurer_kernel.blobs import BlobStore
from imgurer_kernel.candidates import Candidates
from imgurer_kernel.catalog import Catalog
from imgurer_kernel.closeup import Closeup, look_closely, plain_sides
from imgurer_kernel.dhash import ORIENTATIONS
from imgurer_kernel.evidence import Appearance, Evidence, Label, label
from imgurer_kernel.gallery import Gallery
from imgurer_kernel.images import to_gray
from imgurer_kernel.live import LiveIndex
from imgurer_kernel.lookup import ways_to
from imgurer_kernel.pairs import DIFFERENT, SAME, SAME_LAYOUT, Pairs
from imgurer_kernel.plan import Plan
from imgurer_kernel.query import Query
from imgurer_kernel.results import Grouped
from imgurer_kernel.settling import Settling
from imgurer_kernel.verify import Prepared, prepare

Ints = npt.NDArray[np.int64]
Tell = Callable[[str, int, int], None]

CANDIDATE_RADIUS = 24
"""Bits within which nearly all duplicates lie; measured, see benchmarks/accuracy.md."""
QUERY = 0
"""The id of a picture that is searched for; images of a catalog are numbered from 1."""


class Matching:
    """Verified search over a store; keeps what it has found out for the next call.

    Safe to use from several threads, one at a time.
    """

    def __init__(self, catalog: Catalog, blobs: BlobStore, index: LiveIndex) -> None:
        self._catalog = catalog
        self._blobs = blobs
        self._index = index
        self._lock = threading.Lock()
        self._known: dict[tuple[int | None, bool], duplicates.Found] = {}

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
        hashes = self._index.hashes()
        some = np.flatnonzero(hashes.informative)
        if not asked.fingerprint.informative or not len(some):
            return _verdicts(np.empty(0, np.int64), Pairs.of(Candidates.none()), [])
        rows = ways_to(
            _grays(asked),
            asked.fingerprint.trimmed_dhash,
            hashes.plain[some],
            hashes.trimmed[some],
            radius,
        )
        near, place = np.unique(rows.second - 1, return_inverse=True)
        ids = hashes.image_ids[some][near]
        rows = replace(rows, second=place + 1)
        gallery = self._gallery(np.concatenate(([QUERY], ids)), asked)
        pairs = Pairs.of(rows)
        grays = np.concatenate((_grays(asked)[None], self._catalog.grays(ids)))
        settling = Settling(rows, pairs, gallery.prepared, grays, gallery.share_layout)
        settling.test(np.arange(len(pairs)))
        found = settling.pairs
        kept = (found.status != DIFFERENT) | (found.distance <= lookalike_radius)
        found = found.take(kept)
        ids = ids[found.second - 1]
        return _verdicts(ids, found, self._labels(asked, ids, found, gallery))

    def clusters(
        self, radius: int | None = None, *, thorough: bool = False, tell: Tell | None = None
    ) -> Grouped:
        """Star clusters over verified edges; a second call costs in proportion to what is new.

        Parameters
        ----------
        radius
            Bits between hashes of pictures that are compared; None for what is affordable.
        """
        with self._lock:
            hashes = self._index.hashes()
            rows = self._catalog.images(hashes.image_ids)
            plan = None if radius is None else Plan(radius=radius)
            # The latest answer of the same kind; another plan's answer is no use to this one.
            kind = radius, thorough
            known = self._known.get(kind)
            found = duplicates.find(
                duplicates.Images(
                    image_ids=hashes.image_ids,
                    digests=rows["digest"].tolist(),
                    whole=hashes.plain,
                    content=hashes.trimmed,
                    grays=self._catalog.grays(hashes.image_ids),
                    informative=hashes.informative,
                ),
                self._catalog.verification,
                self._thumbnails,
                thorough=thorough,
                plan=plan,
                known=known,
                tell=tell,
            )
            self._known[kind] = found
        return Grouped(
            clusters=found.clusters,
            labels=self._cluster_labels(found, rows),
            content=self._content([cluster.members for cluster in found.clusters]),
            plan=str(found.plan),
            uninformative=found.uninformative,
        )

    def evidence(self, one: Query, other: Query) -> Evidence:
        """What speaks for two pictures being the same, however far their hashes are apart."""
        whole, contents = (
            np.array([pair], np.uint64)
            for pair in (other.fingerprint.dhash, other.fingerprint.trimmed_dhash)
        )
        rows = ways_to(_grays(one), one.fingerprint.trimmed_dhash, whole, contents, 128)
        pictures = np.frombuffer(
            one.fingerprint.verification + other.fingerprint.verification, np.uint8
        ).reshape(2, 64, 64)
        seen = prepare(pictures)
        gallery = Gallery(
            np.arange(2), lambda ids: pictures[ids], lambda ids: _fine(one, other, ids)
        )
        grays = np.stack((_grays(one), _grays(other)))
        settling = Settling(
            rows, Pairs.of(rows), lambda _: seen, grays, gallery.share_layout
        )  # fmt: skip
        settling.test(np.arange(1))
        found = settling.pairs
        sides = [_appearance(each, seen, k) for k, each in enumerate((one, other))]
        close = _look(found, seen, np.arange(1), np.arange(1, 2))[0]
        correlation, score, overlap = (float(value) for value in found.measures[0])
        flat = not (one.fingerprint.informative and other.fingerprint.informative)
        word = _word(found, 0, sides[0], sides[1], close)
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

    def _gallery(self, ids: Ints, asked: Query) -> Gallery:
        """Pictures of images, the first of which is the query."""

        def pictures(wanted: Ints) -> npt.NDArray[np.uint8]:
            found = np.empty((len(wanted), 64, 64), np.uint8)
            own = wanted == QUERY
            found[own] = np.frombuffer(asked.fingerprint.verification, np.uint8).reshape(64, 64)
            if not own.all():
                found[~own] = self._catalog.verification(wanted[~own])
            return found

        def thumbnails(wanted: Ints) -> npt.NDArray[np.uint8]:
            found = np.empty((len(wanted), 256, 256), np.uint8)
            own = wanted == QUERY
            found[own] = to_gray(asked.fingerprint.thumbnail, 256) if own.any() else 0
            if not own.all():
                found[~own] = self._thumbnails(wanted[~own])
            return found

        return Gallery(ids, pictures, thumbnails)

    def _thumbnails(self, image_ids: Ints) -> npt.NDArray[np.uint8]:
        rows = self._catalog.images(image_ids).set_index("image_id")["digest"]
        return np.stack(
            [to_gray(self._blobs.thumbnail(rows[image_id]), 256) for image_id in image_ids.tolist()]
        )

    def _labels(self, asked: Query, ids: Ints, found: Pairs, gallery: Gallery) -> list[str]:
        rows = self._catalog.images(ids).set_index("image_id")
        grays = self._catalog.grays(ids)
        seen = gallery.prepared(np.concatenate(([0], found.second)))
        here = _appearance(asked, seen, 0)
        closeups = _look(found, seen, found.first, found.second)
        words: list[str] = []
        for k, image_id in enumerate(ids.tolist()):
            row = rows.loc[image_id]
            there = _side(int(row["width"]), int(row["height"]), grays[k], seen, found.second[k])
            words.append(_word(found, k, here, there, closeups[k]))
            if row["digest"] == asked.digest:
                words[-1] = "exact"
        return words

    def _content(self, members: list[Ints]) -> npt.NDArray[np.float64]:
        """Share of each picture within its uniform borders."""
        ids = np.concatenate([np.empty(0, np.int64), *members])
        boxes = prepare(self._catalog.verification(ids)).content
        shares: npt.NDArray[np.float64] = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1) / 64**2
        return shares

    def _cluster_labels(self, found: duplicates.Found, rows: pd.DataFrame) -> list[list[str]]:
        edges = [cluster.edges[1:] for cluster in found.clusters]
        if not edges:
            return []
        pairs = found.pairs.take(np.concatenate(edges))
        ids = np.unique(np.concatenate((pairs.first, pairs.second)))
        sizes = rows.set_index("image_id").loc[ids]
        grays = self._catalog.grays(ids)
        seen = prepare(self._catalog.verification(ids))
        sides = [
            _side(width, height, grays[k], seen, k)
            for k, (width, height) in enumerate(zip(sizes["width"], sizes["height"], strict=True))
        ]
        first, second = (np.searchsorted(ids, end) for end in (pairs.first, pairs.second))
        closeups = _look(pairs, seen, first, second)
        words = iter(
            [
                _word(pairs, k, sides[first[k]], sides[second[k]], closeups[k])
                for k in range(len(pairs))
            ]
        )
        return [["medoid", *(next(words) for _ in part)] for part in edges]


def _grays(asked: Query) -> npt.NDArray[np.uint8]:
    return np.frombuffer(asked.fingerprint.grays, np.uint8).reshape(9, 9)


def _side(
    width: int, height: int, grays: npt.NDArray[np.uint8], seen: Prepared, position: int
) -> Appearance:
    left, top, right, bottom = seen.content[position].tolist()
    return Appearance(
        width=width,
        height=height,
        grays=grays,
        content=(left, top, right, bottom),
        plain_sides=plain_sides(seen.pictures[position]),
    )


def _appearance(asked: Query, seen: Prepared, position: int) -> Appearance:
    found = asked.fingerprint
    return _side(found.width, found.height, _grays(asked), seen, position)


def _look(pairs: Pairs, seen: Prepared, first: Ints, second: Ints) -> list[Closeup]:
    content = np.stack((seen.content[first], seen.content[second]), axis=1)
    pictures = seen.pictures[first], seen.pictures[second]
    return look_closely(*pictures, content, pairs.maps, pairs.measures[:, 0])


def _fine(one: Query, other: Query, ids: Ints) -> npt.NDArray[np.uint8]:
    both = [to_gray(each.fingerprint.thumbnail, 256) for each in (one, other)]
    return np.stack(both)[ids]


def _word(
    pairs: Pairs, row: int, one: Appearance, other: Appearance, close: Closeup
) -> Label | Literal["unverified"]:
    if pairs.status[row] == SAME_LAYOUT:
        return "same layout"
    if pairs.status[row] != SAME:
        return "unverified"
    return label(one, other, int(pairs.orientation[row]), close)


def _verdicts(ids: Ints, found: Pairs, words: list[str]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "image_id": ids,
            "distance": found.distance.astype(np.int64),
            "orientation": pd.Series([ORIENTATIONS[k] for k in found.orientation], dtype="str"),
            "score": found.measures[:, 1].astype(np.float64),
            "verdict": pd.Series(words, dtype="str"),
        }
    )
