"""Our own side of the accuracy benchmark: a store to fill and ask, and what it gets wrong."""

import resource
import time
from collections import Counter
from pathlib import Path

import metrics
import numpy as np
from accuracy_corpus import Item, progress

from imgurer_kernel import Settings, Workbench

_EXAMPLES = 24


class Store:
    """A workbench's store that is filled tier by tier and asked anew each time."""

    def __init__(self, root: Path, items: list[Item]) -> None:
        self._settings = Settings(root=root, store="link")
        self.items = items
        self.image_ids = np.zeros(len(items), np.int64)

    def add(self, chosen: list[int]) -> float:
        """Take in items that are not there yet; the processor seconds that took."""
        chosen = [k for k in chosen if not self.image_ids[k]]
        used = processor_seconds()
        with Workbench(self._settings) as workbench:
            frame = workbench.ingest([self.items[k].path for k in chosen], progress=False)
        used = processor_seconds() - used
        for k, image_id, reason in zip(
            chosen, frame["image_id"].fillna(0).tolist(), frame["reason"], strict=True
        ):
            if not image_id:
                progress(f"left out by our own: {self.items[k]}: {reason}")
            self.image_ids[k] = image_id or -1 - k
        return used

    def clusters(self, how: dict) -> tuple[np.ndarray, dict[str, object]]:
        """Labels of all items that are there, how they were found, and what that took."""
        begun, used = time.perf_counter(), processor_seconds()
        with Workbench(self._settings) as workbench:
            frame = workbench.clusters(**how, progress=False)
        seconds, used = time.perf_counter() - begun, processor_seconds() - used
        # A cluster is called by its medoid, and so is a picture that is in none.
        medoid = frame["image_id"].where(frame["is_medoid"]).ffill().astype("int64")
        names = dict(zip(frame["image_id"], medoid, strict=True))
        labels = np.array([names.get(image_id, image_id) for image_id in self.image_ids.tolist()])
        return labels, {"how": frame.attrs["plan"], "grouping": used, "clock": seconds}

    def explain(self, pairs: list[tuple[int, int]]) -> list[str]:
        """What the package says of pairs of items, in words."""
        with Workbench(self._settings) as workbench:
            return [self._explain(workbench, one, other) for one, other in pairs]

    def _explain(self, workbench: Workbench, one: int, other: int) -> str:
        ids = [int(self.image_ids[k]) for k in (one, other)]
        if min(ids) < 0:
            return "not ingested"
        found = workbench.evidence(*ids)
        return f"{found.distance} bits, {found.orientation}, agreement {found.score:.2f}"

    def medoid(self, label: int) -> int:
        """The item that a cluster is called by."""
        return int(np.flatnonzero(self.image_ids == label)[0])


def lost(store: Store, labels: np.ndarray) -> list[str]:
    """Items that are outside of the largest cluster of their picture, in words."""
    items = store.items
    truth = np.array([item.origin for item in items])
    home = metrics.at_home(truth, labels)
    size = Counter(labels.tolist())
    pairs = []
    for k in np.flatnonzero(~home).tolist():
        origin = items[k].origin
        inside = labels[(truth == origin) & home][0]
        pairs.append((k, origin if home[origin] else store.medoid(inside)))
    words = store.explain(pairs[:_EXAMPLES])
    told = [
        f"{items[k]}: {_company(size[labels[k]])}; with {items[other]}: {said}"
        for (k, other), said in zip(pairs, words, strict=False)
    ]
    return _with_rest(told, len(pairs))


def merged(store: Store, labels: np.ndarray) -> list[str]:
    """Different pictures that share a cluster: its medoid and one of each other, in words."""
    items = store.items
    members: dict[int, list[int]] = {}
    for k, label in enumerate(labels.tolist()):
        members.setdefault(label, []).append(k)
    pairs = []
    for label, kin in members.items():
        centre = store.medoid(label)
        strangers = {items[k].origin: k for k in kin if items[k].origin != items[centre].origin}
        pairs += [(centre, k) for k in strangers.values()]
    words = store.explain(pairs[:_EXAMPLES])
    told = [
        f"{items[one]} and {items[other]}: {said}"
        for (one, other), said in zip(pairs, words, strict=False)
    ]
    return _with_rest(told, len(pairs))


def _company(size: int) -> str:
    return "alone" if size == 1 else f"in another cluster of {size}"


def _with_rest(told: list[str], total: int) -> list[str]:
    more = total - len(told)
    return [*told, f"and {more} more"] if more else told


def processor_seconds() -> float:
    """Processor time of this process and of those that it waited for."""
    usages = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)
