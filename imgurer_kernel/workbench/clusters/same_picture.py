"""Check that two files show the same picture, before one is removed for the other."""

from functools import cached_property

from imgurer_kernel.review.decisions import Verdicts
from imgurer_kernel.store.catalog.journal import FileOfImage
from imgurer_kernel.workbench.clusters.file_selection import FileSelection
from imgurer_kernel.workbench.search.service import SearchService

# Two pictures are compared in some milliseconds; all clusters of a large store take seconds.
_MOST_COMPARED = 32


class SamePictureCheck:
    """Returns why two files are not known to show the same picture; None if they are.

    Equal bytes, a decision, a common cluster or a comparison show that they do.

    Parameters
    ----------
    search
        Finds clusters and compares pictures.
    verdicts
        The decisions; one that two pictures differ overrides everything else.
    pairs
        How many pairs will be checked: a few are compared before clusters are searched.
    """

    def __init__(self, search: SearchService, verdicts: Verdicts, pairs: int) -> None:
        self._search = search
        self._verdicts = verdicts
        self._compare_first = pairs <= _MOST_COMPARED

    def __call__(self, one: FileOfImage, other: FileOfImage) -> str | None:
        """Return why they are not known to be the same, in words; None if they are."""
        if one.digest == other.digest:
            return None
        refused = self._verdicts.refusal(one.digest, other.digest)
        if refused is not None or frozenset((one.digest, other.digest)) in self._verdicts.same:
            return refused
        checks = [self._compare, self._share_cluster]
        if any(
            check(one, other) for check in (checks if self._compare_first else reversed(checks))
        ):
            return None
        return (
            f"it is not known to be the same picture as {other.path or other.filename}; "
            "decide that they are the same, or choose another one to keep"
        )

    def _compare(self, one: FileOfImage, other: FileOfImage) -> bool:
        found = self._search.evidence(one.image_id, other.image_id)
        # Evidence through a third picture comes from the clusters of an earlier search; only a new
        # search knows the decisions since then, and which pictures still exist.
        return found.duplicate and found.via is None

    def _share_cluster(self, one: FileOfImage, other: FileOfImage) -> bool:
        cluster = self._clusters.get(one.image_id)
        return cluster is not None and cluster == self._clusters.get(other.image_id)

    @cached_property
    def _clusters(self) -> dict[int, int]:
        """Return the cluster of each image that is in one."""
        frame = self._search.clusters(
            None, FileSelection(), "file", verify=True, thorough=False, progress=False
        )
        return dict(zip(frame["image_id"].tolist(), frame["cluster_id"].tolist(), strict=True))
