"""Similarity over a whole store: a map of its pictures, and distances to their neighbors."""

import numpy as np
import pandas as pd

from imgurer_kernel.common.progress import ProgressOption, staged
from imgurer_kernel.common.types import Int64s, UInt64s
from imgurer_kernel.report.cluster_rows import cluster_rows
from imgurer_kernel.report.layout_process import lay_out_apart
from imgurer_kernel.report.likeness_map import LikenessMap
from imgurer_kernel.store.catalog import queries
from imgurer_kernel.workbench.methods.pairs import PairMethods
from imgurer_kernel.workbench.pictures.batch import Several, ids_of

# Rows of the distance matrix at a time: 20 MB with 10,000 pictures.
_BLOCK = 128


class LikenessMethods(PairMethods):
    """Compares all pictures of a store with each other."""

    def likeness_map(
        self,
        clusters: pd.DataFrame | None = None,
        *,
        image_ids: "Several | None" = None,
        seed: int = 0,
        progress: ProgressOption = True,
    ) -> LikenessMap:
        """Lay pictures out on a map on which similar ones are near each other, with scikit-learn.

        The map displays as a figure; `Workbench.map` shows it as a widget to move in and select.

        Parameters
        ----------
        clusters
            As from `clusters`: shows which pictures have duplicates.
        image_ids
            Pictures on the map; by default all that have a file.
        seed
            The same seed and pictures give the same map.
        progress
            As in `clusters`; laying out 4,000 pictures takes 20 s. Ctrl-C, or the stop button of a
            notebook, ends it immediately.

        Raises
        ------
        ImgurerError
            If scikit-learn is not installed.
        UnknownImage
            If an image does not exist.

        Examples
        --------
        >>> wb.likeness_map(wb.clusters()).figure()  # doctest: +SKIP
        """
        if clusters is not None:
            clusters = cluster_rows(clusters, ["cluster_id", "image_id"])
        hashes = self._search.index.hashes()
        ids = np.asarray(hashes.ids if image_ids is None else ids_of(image_ids), np.int64)
        with self.catalog.transaction() as connection:
            if image_ids is None:  # leave out what was forgotten since
                ids = queries.images(connection, ids, ["image_id"])["image_id"].to_numpy(np.int64)
            grays = queries.grays(connection, ids)
            names = queries.images(connection, ids, ["image_id", "filename"])
        with staged(progress) as report:
            places = lay_out_apart(grays, seed, report)
        frame = pd.DataFrame({"image_id": ids, "x": places[:, 0], "y": places[:, 1]})
        frame = frame.merge(names, on="image_id", how="left")
        found = pd.Series(dtype="Int64")
        if clusters is not None:
            found = clusters.drop_duplicates("image_id").set_index("image_id")["cluster_id"]
        frame["cluster_id"] = frame["image_id"].map(found).astype("Int64")
        return LikenessMap(frame=frame, thumbnail=self.thumbnail)

    def neighbor_distances(
        self, sample: int = 2000, seed: int = 0
    ) -> tuple["pd.Series[int]", "pd.Series[int]"]:
        """Measure distances of pictures to their nearest neighbor, and of random pairs.

        Distances are those of plain upright dHashes, without flat pictures; for
        `imgurer_kernel.report.figures.plot_nearest`.

        Parameters
        ----------
        sample
            Most pictures whose nearest neighbor is computed, among all pictures.
        seed
            Seed of the sample.

        Returns
        -------
        nearest, random_pairs
            Bits of 128: for each picture of the sample, by image_id, and for as many random pairs.
        """
        hashes = self._search.index.hashes()
        usable = np.flatnonzero(hashes.informative)
        ids = np.asarray(hashes.image_ids, np.int64)[usable]
        return distances(ids, hashes.plain[usable], sample, seed)


def distances(
    image_ids: Int64s, hashes: UInt64s, sample: int, seed: int
) -> tuple["pd.Series[int]", "pd.Series[int]"]:
    """Compute distances of a sample to the nearest other picture, and between random pairs.

    Parameters
    ----------
    image_ids, hashes
        int64 (n,), uint64 (n, 2).

    Examples
    --------
    >>> hashes = np.array([[0, 0], [0, 1], [0, 7]], np.uint64)
    >>> distances(np.array([4, 5, 6]), hashes, 9, 0)[0].to_dict()
    {4: 1, 5: 1, 6: 2}
    """
    number = len(hashes)
    empty = pd.Series(dtype="int64")
    if number < 2:
        return empty, empty
    random = np.random.default_rng(seed)
    chosen = np.sort(random.permutation(number)[:sample])
    nearest = np.empty(len(chosen), np.int64)
    for start in range(0, len(chosen), _BLOCK):
        rows = chosen[start : start + _BLOCK]
        bits = np.bitwise_count(hashes[rows, None] ^ hashes[None]).sum(axis=2, dtype=np.int64)
        bits[np.arange(len(rows)), rows] = 129  # a picture is not a neighbor of itself
        nearest[start : start + _BLOCK] = bits.min(axis=1)
    one = random.integers(0, number, len(chosen))
    other = (one + random.integers(1, number, len(chosen))) % number
    random_pairs = np.bitwise_count(hashes[one] ^ hashes[other]).sum(axis=1, dtype=np.int64)
    return pd.Series(nearest, image_ids[chosen]), pd.Series(random_pairs)
