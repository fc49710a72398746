"""Measures originals of clusters once, and compares what only a comparison can tell."""

import json
from collections.abc import Iterable, Mapping
from itertools import islice

import numpy as np
import pandas as pd

from imgurer_kernel.common.progress import Progress
from imgurer_kernel.common.types import BoolMask, Float64s
from imgurer_kernel.errors import BlobDamaged, BlobMissing, ImageRejected, StorageError
from imgurer_kernel.fingerprint.original import VERSION, OriginalFacts, measure_original
from imgurer_kernel.store.catalog import original_facts
from imgurer_kernel.store.store import Store

CAMERA_FORMATS = ("HEIF", "DNG")
"""Formats that cameras write and programs hardly ever convert to."""

_SAME_PLACE = frozenset({"medoid", "exact", "identical", "re-encoded", "resized", "edited"})
"""Labels of pictures that show the same things in the same places as the medoid."""

# Watermarks of 1 to 6 % opacity and captions have 3 to 22 levels a pixel more in their 20 steepest
# blocks than the same picture without; recompression, resizing and sharpening below 1.
_WRITTEN = 1.5
_BLOCKS_OF_WRITING = 20
_TEXTURED = 2.0  # levels a pixel: in smoother blocks there is nothing to compare steepness by
_MEASURED_TOGETHER = 32


def measure(
    store: Store, digests: Iterable[str], progress: Progress | None = None
) -> dict[str, OriginalFacts]:
    """Measure originals that were not measured yet, and remember it.

    What cannot be read has no facts, and is tried again another time.
    """
    digests = sorted(set(digests))
    known = recall(store, digests)
    missing = [digest for digest in digests if digest not in known]
    waiting = iter(missing)
    done = 0
    while some := list(islice(waiting, _MEASURED_TOGETHER)):
        fresh = {}
        for digest in some:
            if progress is not None:
                progress("measuring", done, len(missing))
            done += 1
            try:
                with store.blobs.open(digest) as blob:
                    data = blob.read()
                fresh[digest] = measure_original(data, store.settings)
            except (BlobMissing, BlobDamaged, StorageError, ImageRejected, OSError):
                continue  # to be chosen among others, what is known of it must do
        remembered = {digest: json.dumps(each.as_dict()) for digest, each in fresh.items()}
        store.catalog.run(original_facts.remember, VERSION, remembered)
        known |= fresh
    return known


def recall(store: Store, digests: Iterable[str]) -> dict[str, OriginalFacts]:
    """What was measured of originals before, by digest."""
    found = store.catalog.run(original_facts.recall, VERSION, digests)
    return {digest: OriginalFacts.from_dict(json.loads(facts)) for digest, facts in found.items()}


def marked(view: pd.DataFrame, measured: Mapping[str, OriginalFacts]) -> BoolMask:
    """Which files of clusters have something written on them that others have not, bool (n,).

    Writing adds edges in places where the same picture without it has none. How much steeper each
    block is than the least of the cluster is compared, beyond what sharpness does everywhere.

    Parameters
    ----------
    view
        cluster_id, digest, label.
    """
    found = np.zeros(len(view), np.bool_)
    comparable = view["label"].isin(_SAME_PLACE).to_numpy(bool)
    digests = view["digest"].to_numpy(object)
    seen = np.array([bool(_relief(measured, digest)) for digest in digests], np.bool_)
    # Only of those: there may be a hundred thousand clusters of which nothing was measured.
    rows_seen = np.flatnonzero(comparable & seen)
    numbers = view["cluster_id"].to_numpy()[rows_seen]
    order = np.argsort(numbers, kind="stable")
    begins = np.flatnonzero(np.diff(numbers[order])) + 1
    for some in np.split(rows_seen[order], begins):
        part = some.tolist()
        reliefs = {digests[row]: measured[digests[row]].relief for row in part}
        if len(reliefs) < 2:
            continue
        names = list(reliefs)
        steep = np.array([reliefs[name] for name in names], np.float64) / 4
        written = dict(zip(names, _is_written(steep), strict=True))
        found[part] = [written[digests[row]] for row in part]
    return found


def _relief(measured: Mapping[str, OriginalFacts], digest: str) -> tuple[int, ...]:
    facts = measured.get(digest)
    return () if facts is None else facts.relief


def _is_written(steep: Float64s) -> list[bool]:
    least = steep.min(axis=0)
    answers = []
    for own in steep:
        textured = least > _TEXTURED
        # A sharper picture is steeper by one factor, wherever there is something to be sharp.
        gain = float(np.median(own[textured] / least[textured])) if textured.any() else 1.0
        excess = own - max(gain, 1.0) * least
        top = np.sort(excess)[-_BLOCKS_OF_WRITING:]
        answers.append(bool(top.mean() > _WRITTEN))
    return answers
