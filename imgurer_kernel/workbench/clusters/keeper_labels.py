"""Label pictures of clusters against the kept one, and store the labels."""

from collections.abc import Iterable

import pandas as pd

from imgurer_kernel.common.progress import Progress
from imgurer_kernel.errors import StorageError, UnknownImage
from imgurer_kernel.fingerprint.extract import ALGORITHM
from imgurer_kernel.matching.clusters.result_arrays import VERSION
from imgurer_kernel.matching.relation import NO_DUPLICATE
from imgurer_kernel.review.labels import INDIRECT, against_keepers
from imgurer_kernel.store.catalog import Catalog, pair_labels, queries
from imgurer_kernel.store.catalog.pair_labels import DigestPair
from imgurer_kernel.workbench.search.service import SearchService

_VERSION = f"{ALGORITHM}/{VERSION}"
# Pairs compared between two checks whether to stop; some 20 ms each.
_CHUNK = 32


def with_labels(
    chosen: pd.DataFrame, search: SearchService, catalog: Catalog, progress: Progress | None
) -> tuple[pd.DataFrame, int]:
    """Label clusters against the kept files, and count the pairs left to compare.

    See `against_keepers`.

    Parameters
    ----------
    progress
        Called with the number of comparisons; None to use stored labels only and compare nothing.
    """
    labelled, needed = against_keepers(chosen, {})
    known = catalog.run(pair_labels.recall, _VERSION, sorted(needed))
    if progress is not None:
        missing = sorted(needed - known.keys())
        for start in range(0, len(missing), _CHUNK):
            progress("comparing", start, len(missing))
            found = _label_pairs(missing[start : start + _CHUNK], search, catalog)
            catalog.run(pair_labels.remember, _VERSION, found)
            known |= found
    if known:
        labelled, needed = against_keepers(chosen, known)
    return labelled, len(needed)


def _label_pairs(
    pairs: Iterable[DigestPair], search: SearchService, catalog: Catalog
) -> dict[DigestPair, str]:
    """Label pairs, without those that cannot be compared now."""
    found = {}
    for pair in pairs:
        ids = catalog.run(queries.ids_by_digest, pair)
        try:
            label = search.evidence(*(ids[digest] for digest in pair)).label
        except (KeyError, UnknownImage, StorageError):
            continue  # removed or lost meanwhile
        found[pair] = INDIRECT if label in NO_DUPLICATE else str(label)
    return found
