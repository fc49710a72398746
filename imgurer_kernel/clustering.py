"""Clusters of a store: what feeds the pure search, and what is kept for the next call."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np
import numpy.typing as npt

from imgurer_kernel import duplicates
from imgurer_kernel.catalog import Catalog
from imgurer_kernel.errors import UnknownImage
from imgurer_kernel.found import Found
from imgurer_kernel.live import Hashes, LiveIndex
from imgurer_kernel.naming import appearance, look, word_for
from imgurer_kernel.pairs import Pairs
from imgurer_kernel.plan import Plan
from imgurer_kernel.progress import Tell
from imgurer_kernel.results import Grouped
from imgurer_kernel.stored import StoredPictures
from imgurer_kernel.verify import Prepared

Ints = npt.NDArray[np.int64]
# Pairs whose pictures are read together, and pairs that are named until somebody is told.
_READ = 2048
_CHUNK = 128

Words = dict[tuple[int, int, bytes], str]


@dataclass(frozen=True, slots=True, eq=False)
class _Answer:
    """The latest answer of a kind: for which hashes it is, and what the next one can use of it."""

    hashes: Hashes
    found: Found
    words: Words
    grouped: Grouped


class Clustering:
    """Star clusters over verified edges; a second call compares only what is new.

    Safe to use from several threads, one at a time.
    """

    def __init__(self, catalog: Catalog, pictures: StoredPictures, index: LiveIndex) -> None:
        self._catalog = catalog
        self._pictures = pictures
        self._index = index
        self._lock = threading.Lock()
        self._latest: dict[tuple[int | None, bool], _Answer] = {}

    def run(self, radius: int | None, *, thorough: bool, tell: Tell) -> Grouped:
        """The clusters as of now.

        Parameters
        ----------
        radius
            Bits between hashes of pictures that are compared; None for what is affordable.
        thorough
            Search as far as is of any use.
        tell
            Told of the progress; may raise to stop.
        """
        with self._lock:
            kind = radius, thorough  # another plan's answer is no use to this one
            while True:
                latest, hashes = self._latest.get(kind), self._index.hashes()
                if latest is not None and _same(latest.hashes, hashes):
                    return latest.grouped
                try:
                    self._latest[kind] = self._renewed(latest, hashes, kind, tell)
                except UnknownImage:
                    if self._index.hashes().generation == hashes.generation:
                        raise
                    # Somebody has forgotten an image meanwhile: once more, without it.

    def _renewed(
        self, latest: _Answer | None, hashes: Hashes, kind: tuple[int | None, bool], tell: Tell
    ) -> _Answer:
        radius, thorough = kind
        tell("reading", 0, 0)
        images = duplicates.Images(
            image_ids=hashes.image_ids,
            digests=self._catalog.digest_ranks(hashes.image_ids),
            whole=hashes.plain,
            content=hashes.trimmed,
            grays=self._catalog.grays,
            informative=hashes.informative,
        )
        found = duplicates.find(
            images,
            self._pictures.verification,
            self._pictures.thumbnails,
            thorough=thorough,
            plan=None if radius is None else Plan(radius=radius),
            known=None if latest is None else latest.found,
            tell=tell,
        )
        spokes = found.pairs.take(_spokes(found))
        words = self._words(found, spokes, {} if latest is None else latest.words, tell)
        named = (words[key] for key in _keys(spokes))
        members = np.concatenate([np.empty(0, np.int64), *(c.members for c in found.clusters)])
        grouped = Grouped(
            clusters=found.clusters,
            labels=[["medoid", *islice(named, cluster.size - 1)] for cluster in found.clusters],
            within_frame=found.seen.shares(members),
            plan=str(found.plan),
            uninformative=found.uninformative,
        )
        return _Answer(hashes, found, words, grouped)

    def _words(self, found: Found, pairs: Pairs, known: Words, tell: Tell) -> Words:
        """A word for each of some pairs that hold."""
        keys = _keys(pairs)
        words = {key: known[key] for key in keys if key in known}
        new = np.array([k for k, key in enumerate(keys) if key not in words], np.int64)
        named = self._named(found, pairs.take(new))
        for done, (row, word) in enumerate(zip(new.tolist(), named, strict=True), 1):
            words[keys[row]] = word
            if done % _CHUNK == 0 or done == len(new):
                tell("naming", done, len(new))
        return words

    def _named(self, found: Found, pairs: Pairs) -> Iterator[str]:
        for start in range(0, len(pairs), _READ):
            part = pairs.take(slice(start, start + _READ))
            ids = np.unique(np.concatenate((part.first, part.second)))
            rows = self._catalog.images(ids)
            widths, heights = rows["width"].tolist(), rows["height"].tolist()
            grays = self._catalog.grays(ids)
            seen = Prepared(self._pictures.verification(ids), found.seen.boxes(ids))
            for begin in range(0, len(part), _CHUNK):
                some = part.take(slice(begin, begin + _CHUNK))
                first, second = (np.searchsorted(ids, end) for end in (some.first, some.second))
                close = look(some, seen, first, second)
                for row, ends in enumerate(zip(first.tolist(), second.tolist(), strict=True)):
                    one, other = (
                        appearance(widths[k], heights[k], grays[k], seen, k) for k in ends
                    )
                    yield word_for(some, row, one, other, close[row])


def _spokes(found: Found) -> Ints:
    """Rows of the pairs of a medoid and a member, cluster by cluster."""
    return np.concatenate([np.empty(0, np.int64), *(c.edges[1:] for c in found.clusters)])


def _keys(pairs: Pairs) -> list[tuple[int, int, bytes]]:
    """What the word of each pair depends on, as long as its two images are the same."""
    ends = zip(pairs.first.tolist(), pairs.second.tolist(), strict=True)
    return [(*both, found.tobytes()) for both, found in zip(ends, pairs.maps, strict=True)]


def _same(one: Hashes, other: Hashes) -> bool:
    """Whether nothing has changed that clusters depend on; holdings may have."""
    if one.generation == other.generation:
        return True
    columns = ("image_ids", "plain", "trimmed", "informative")
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in columns)
