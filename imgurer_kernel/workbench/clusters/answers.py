"""Cached results of searches for clusters: in memory, and on disk for other processes.

Each kind of search has an answer and a state. The answer holds the clusters that users see, a few
megabytes; it is written after every search that found a new one. The state holds what the next
search can reuse, 1.2 KB an image; it is written only if recomputing its changes would noticeably
delay other processes, so that adding one picture does not rewrite all of it.
"""

import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeAlias, get_args

import numpy as np
import numpy.typing as npt

from imgurer_kernel.errors import StorageError
from imgurer_kernel.fingerprint.extract import ALGORITHM
from imgurer_kernel.matching.clusters.budget import SearchScope
from imgurer_kernel.matching.clusters.cluster_table import ClusterTable, LabelledClusters
from imgurer_kernel.matching.clusters.incremental import ClusterResult
from imgurer_kernel.matching.clusters.result_arrays import (
    VERSION,
    cache_arrays,
    cache_from,
    record_arrays,
    record_from,
    result_arrays,
    result_from,
)
from imgurer_kernel.matching.labels import Label, PairLabel
from imgurer_kernel.matching.result_cache import ResultCache
from imgurer_kernel.store.derived import DerivedData, exclusive

# Labels are stored as indices into this tuple.
WORDS: tuple[PairLabel, ...] = (*get_args(Label), "unverified")
_MEDOID = len(WORDS)

SearchKind: TypeAlias = tuple[int | None, bool]
"""Parameters of a search: radius, None for what is affordable, and whether it is thorough."""

USUAL: SearchKind = (None, False)

# New or removed images after which the state is written: a store of 100,000 writes 120 MB for each
# 250, and a process that reads it compares at most so many (benchmarks/clusters.md).
_FEW_CHANGES = 64
_CHANGED_SHARE = 400

# Kinds that are kept on disk besides the usual one: those written last.
_KEPT_KINDS = 2


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """The clusters of one snapshot.

    Attributes
    ----------
    generation
        Of the catalog at the time of the search.
    identity
        `imgurer_kernel.workbench.pictures.live_index.CatalogHashes.identity` of the snapshot.
    scope
        Scope of the search.
    clusters
        The clusters and their labels.
    origin
        `imgurer_kernel.store.catalog.generations.origin` at the time of the search.
    """

    generation: int
    identity: str
    scope: SearchScope
    clusters: LabelledClusters
    origin: str


@dataclass(frozen=True, slots=True, eq=False)
class SearchState:
    """The state that the next search can reuse, as of a generation."""

    generation: int
    result: ClusterResult
    labels: ResultCache


class ClusterAnswers:
    """The last answer and state of each kind of search; in memory of two kinds at most.

    Parameters
    ----------
    root
        Folder of the store; all files are in ``derived/clusters`` below it and can be deleted at
        any time.
    """

    def __init__(self, root: Path) -> None:
        self._folder = root / "derived" / "clusters"
        self._answers: dict[SearchKind, Answer] = {}
        self._states: dict[SearchKind, SearchState] = {}
        # The last state that was read from disk, with the version of it there.
        self._written: dict[SearchKind, tuple[str, SearchState]] = {}
        self._writable = True
        # Kinds whose state was found damaged: its facts are not used.
        self._damaged: set[SearchKind] = set()

    @contextmanager
    def turn(self, waiting: Callable[[], None]) -> Iterator[None]:
        """Hold the lock on searching; `waiting` is called while another process holds it."""
        with ExitStack() as stack:
            self._writable = True
            try:
                stack.enter_context(exclusive(self._folder / "lock", waiting))
            except StorageError:  # a full or read-only disk: search without saving
                self._writable = False
            yield

    def latest(self, radius: int | None, thorough: bool) -> Answer | None:
        """Return the last answer that this process has seen."""
        return self._answers.get((radius, thorough))

    def answer(self, kind: SearchKind, identity: str | None = None) -> Answer | None:
        """Return the last answer of any process, or the answer for one snapshot."""
        known = self._answers.get(kind)
        if identity is not None and known is not None and known.identity == identity:
            return known
        # Facts first: reading an answer that is of no use would take longer.
        facts = self._data(kind, "answer").facts()
        if facts is not None and _valid(facts, kind):
            newer = known is None or facts["generation"] > known.generation
            if newer if identity is None else facts["identity"] == identity:
                known = self._load_answer(kind) or known
        return known if identity is None or (known and known.identity == identity) else None

    def state(self, kind: SearchKind) -> SearchState | None:
        """Return the latest state, of any process."""
        known = self._states.get(kind)
        data = self._data(kind, "state")
        facts = data.facts()
        if facts is None or not _valid(facts, kind):
            return known
        if known is not None and known.generation >= facts["generation"]:
            return known
        loaded = self._load_state(kind, trusted=False)
        if loaded is None:
            self._damaged.add(kind)
            return known
        self._states[kind] = loaded
        return loaded

    def remember(self, kind: SearchKind, answer: Answer, state: SearchState | None = None) -> None:
        """Keep an answer in memory, and drop those of other kinds except the default."""
        for others in (self._answers, self._states):
            for other in list(others):  # a copy: other threads may add entries
                if other not in (kind, USUAL):
                    others.pop(other, None)
        self._answers[kind] = answer
        if state is not None:
            self._states[kind] = state

    def save(self, kind: SearchKind, answer: Answer, state: SearchState, generation: int) -> None:
        """Save a new result; call it within `turn`.

        If it cannot be written, it is kept in memory only.

        Parameters
        ----------
        generation
            The present generation of the catalog.
        """
        self.remember(kind, answer, state)
        newest = self._data(kind, "answer").facts()
        if newest is not None and _valid(newest, kind):
            # An answer for an older snapshot must not replace a newer one. A stored answer of a
            # later generation than the catalog's belongs to another catalog.
            superseded = answer.generation < newest["generation"] <= generation
            if superseded and newest["origin"] == answer.origin:
                return
        if not self._writable:
            return
        with suppress(StorageError):
            if self._many_changes(kind, state):
                self._data(kind, "state").save(
                    _facts(kind, answer, state.result.uninformative),
                    {**result_arrays(state.result), **cache_arrays("labels", state.labels)},
                )
                # Use the mapped file from now on: processes share its memory.
                self._damaged.discard(kind)
                shared = self._on_disk(kind)
                if shared is not None:
                    self._states[kind] = shared
            found = answer.clusters
            self._data(kind, "answer").save(
                _facts(kind, answer, found.uninformative),
                {
                    **record_arrays("clusters", found.clusters),
                    "labels": codes_of(found.labels),
                    "within_frame": found.within_frame,
                },
            )
            self._drop_old_kinds(kind)

    def _load_answer(self, kind: SearchKind) -> Answer | None:
        derived = self._data(kind, "answer").load()
        if derived is None or not _valid(derived.facts, kind):
            return None
        facts, arrays = derived.facts, derived.arrays
        scope = SearchScope(**facts["scope"])
        clusters = LabelledClusters(
            clusters=record_from(arrays, "clusters", ClusterTable),
            labels=labels_of(arrays["labels"]),
            within_frame=arrays["within_frame"],
            plan=facts["plan"],
            uninformative=facts["uninformative"],
        )
        answer = Answer(facts["generation"], facts["identity"], scope, clusters, facts["origin"])
        self.remember(kind, answer)
        return answer

    def _load_state(self, kind: SearchKind, *, trusted: bool) -> SearchState | None:
        derived = self._data(kind, "state").load(trusted=trusted)
        if derived is None or not _valid(derived.facts, kind):
            return None
        facts, arrays = derived.facts, derived.arrays
        result = result_from(arrays, SearchScope(**facts["scope"]), facts["uninformative"])
        return SearchState(facts["generation"], result, cache_from(arrays, "labels"))

    def _on_disk(self, kind: SearchKind) -> SearchState | None:
        """Return the state on disk, which is loaded once for each version of it."""
        version = self._data(kind, "state").version()
        last, state = self._written.get(kind, (None, None))
        if version is not None and version == last:
            return state
        self._written.clear()  # an earlier version is no longer on disk
        state = self._load_state(kind, trusted=True)
        if version is not None and state is not None:
            self._written[kind] = version, state
        return state

    def _many_changes(self, kind: SearchKind, state: SearchState) -> bool:
        """Return whether the state on disk differs from this one by many images."""
        facts = self._data(kind, "state").facts()
        if facts is None or not _valid(facts, kind) or kind in self._damaged:
            return True
        written = self._on_disk(kind)
        if written is None or written.result.scope.key != state.result.scope.key:
            return True
        before, now = written.result.images, state.result.images
        changed = np.count_nonzero(before.positions_among(now.image_ids, now.hashes) < 0)
        changed += np.count_nonzero(now.positions_among(before.image_ids, before.hashes) < 0)
        return int(changed) > max(_FEW_CHANGES, len(now.image_ids) // _CHANGED_SHARE)

    def _data(self, kind: SearchKind, part: str) -> DerivedData:
        return DerivedData(self._folder / _name(kind) / part)

    def _drop_old_kinds(self, kind: SearchKind) -> None:
        """Delete all but the latest kinds: every radius that is tried adds one."""
        with suppress(OSError):
            others = [
                path
                for path in self._folder.iterdir()
                if path.is_dir() and path.name not in (_name(kind), _name(USUAL))
            ]
            others.sort(key=lambda path: path.stat().st_mtime_ns, reverse=True)
            for path in others[_KEPT_KINDS - 1 :]:
                shutil.rmtree(path, ignore_errors=True)


def codes_of(labels: npt.NDArray[np.object_]) -> npt.NDArray[np.uint8]:
    """Encode labels as numbers, uint8 (m,)."""
    place = {word: code for code, word in enumerate((*WORDS, "medoid"))}
    return np.array([place[label] for label in labels.tolist()], np.uint8)


def labels_of(codes: npt.NDArray[Any]) -> npt.NDArray[np.object_]:
    """Decode numbers to labels, object (m,)."""
    labels: npt.NDArray[np.object_] = np.array((*WORDS, "medoid"), object)[codes]
    return labels


def _name(kind: SearchKind) -> str:
    radius, thorough = kind
    names = ([] if radius is None else [f"radius-{radius}"]) + (["thorough"] if thorough else [])
    return "-".join(names) or "usual"


def _facts(kind: SearchKind, answer: Answer, uninformative: int) -> dict[str, Any]:
    return {
        "generation": answer.generation,
        "identity": answer.identity,
        "origin": answer.origin,
        "scope": asdict(answer.scope),
        "uninformative": uninformative,
        "plan": answer.clusters.plan,
        **_belongs_to(kind),
    }


_FACTS = {
    *("generation", "identity", "origin", "scope", "uninformative", "plan"),
    *("algorithm", "version", "radius", "thorough"),
}


def _belongs_to(kind: SearchKind) -> dict[str, Any]:
    """Return the facts that must be equal for an answer to be valid."""
    return {"algorithm": ALGORITHM, "version": VERSION, "radius": kind[0], "thorough": kind[1]}


def _valid(facts: Mapping[str, Any], kind: SearchKind) -> bool:
    return facts.keys() >= _FACTS and all(
        facts[name] == value for name, value in _belongs_to(kind).items()
    )
