"""Describe a search index for users: its parts, and the engine of each kind of search."""

import html
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import pandas as pd

from imgurer_kernel.common.text import count, human_bytes
from imgurer_kernel.common.types import UInt64s
from imgurer_kernel.index.bktree import BKTree
from imgurer_kernel.index.engine import EnginePlan, plan_bulk
from imgurer_kernel.index.snapshot import TreeInfo

# Number of searches in the planned batch, and number of hashes in a verified search: those of the
# query in all orientations.
_BATCH = 1_000
_ORIENTATIONS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """One kind of search, and the engine that it uses at present.

    Attributes
    ----------
    name
        A description.
    radius
        In bits.
    plan
        Engine, reason, and estimated seconds on one core.
    """

    name: str
    radius: int
    plan: EnginePlan


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class IndexInfo:
    """The index of a store at one moment; a notebook shows it as a table.

    Every search for one picture uses a BK-tree, in each orientation, with and without borders. If a
    row names a scan, the tree is not compiled or not built yet, or a search would have to compare
    three quarters of the hashes or more, so that a scan is faster. Many searches at once and all
    pairs use multi-index hashing if that pays: its tables are built for each call.

    Attributes
    ----------
    images, informative
        Number of images of the catalog, and of those with a meaningful dHash, which are in the
        index.
    generation
        The generation of the catalog that the index has.
    tree, contents
        The trees of a search for one picture: the hashes of whole pictures, and those of pictures
        without their uniform borders if they differ.
    nbytes
        Bytes of both, and of the hashes that are kept by image_id beside them.
    works
        The plans for one search, many at once and all pairs.

    Examples
    --------
    >>> import numpy as np
    >>> from imgurer_kernel.index.bktree import BKTree
    >>> tree = BKTree.of([1, 2], np.array([[0, 1], [7, 7]], dtype=np.uint64))
    >>> info = IndexInfo.of(np.array([[0, 1], [7, 7]], np.uint64), tree, BKTree(), 10, 24)
    >>> info.frame["engine"].tolist()
    ['scan', 'scan', 'scan', 'scan', 'scan']
    """

    images: int
    informative: int
    generation: int
    tree: TreeInfo
    contents: TreeInfo
    nbytes: int
    works: tuple[Work, ...]

    @classmethod
    def of(
        cls,
        hashes: UInt64s,
        tree: BKTree,
        contents: BKTree,
        radius: int,
        reach: int,
        *,
        images: int | None = None,
        generation: int = 0,
        nbytes: int = 0,
    ) -> Self:
        """Plan each kind of search, as it would be made now.

        Parameters
        ----------
        hashes
            (n, 2) uint64 of the informative images.
        tree, contents
            Trees of these hashes, and of those without borders that differ.
        radius, reach
            In bits, of a plain search, and of the search for candidates of a verified one.
        images
            Number of images of the catalog; None if all are informative.
        nbytes
            Bytes of the hashes that are kept beside the trees.
        """
        sample = hashes[:: max(1, len(hashes) // _BATCH)][:_BATCH]
        bordered = count(len(contents), "bordered picture")
        plans = [
            ("one search", radius, tree.plan(radius)),
            (f"one verified search, {_ORIENTATIONS} orientations", reach,
             tree.plan(reach, _ORIENTATIONS)),
            (f"and for the contents of {bordered}", reach,
             contents.plan(reach, _ORIENTATIONS + 1)),
            (f"{len(sample):,} searches at once", radius, plan_bulk(hashes, sample, radius)),
            ("all pairs", radius, plan_bulk(hashes, None, radius)),
        ]  # fmt: skip
        return cls(
            images=len(hashes) if images is None else images,
            informative=len(hashes),
            generation=generation,
            tree=tree.info(),
            contents=contents.info(),
            nbytes=tree.info().nbytes + contents.info().nbytes + nbytes,
            works=tuple(Work(name=name, radius=bits, plan=plan) for name, bits, plan in plans),
        )

    @property
    def frame(self) -> pd.DataFrame:
        """One row for each kind of work: work, radius, engine, seconds (on one core), reason."""
        columns = ["work", "radius", "engine", "seconds", "reason"]
        rows = [
            (work.name, work.radius, work.plan.engine, work.plan.seconds, work.plan.reason)
            for work in self.works
        ]
        return pd.DataFrame(rows, columns=columns)

    def __repr__(self) -> str:
        cells = self._cells()
        widths = [max(len(row[column]) for row in cells) for column in range(3)]
        lines = [
            "  ".join([*(cell.ljust(w) for cell, w in zip(row, widths, strict=False)), row[3]])
            for row in cells
        ]
        return "\n".join([*self._summary(), "", *lines])

    def _repr_html_(self) -> str:
        head = ("work", "engine", "on one core about", "because")
        rows = [_row(head, "th"), *(_row(cells, "td") for cells in self._cells())]
        summary = "<br>".join(html.escape(line) for line in self._summary())
        return f"<p>{summary}</p><table>{''.join(rows)}</table>"

    def _summary(self) -> list[str]:
        tree = self.tree
        nodes = f"a tree of {count(tree.nodes, 'node')}" if tree.nodes else "no tree"
        compiled = "compiled" if tree.compiled else "not compiled"
        level = f"level with generation {self.generation:,} of the catalog"
        entries = count(tree.distinct, "entry", "entries")
        return [
            f"{count(self.images, 'picture')}, {self.informative:,} of them in the index, {level}",
            f"{entries}, {nodes}, {human_bytes(self.nbytes)}, {compiled}",
        ]

    def _cells(self) -> list[tuple[str, str, str, str]]:
        return [
            (
                f"{work.name}, {count(work.radius, 'bit')}",
                work.plan.engine,
                _duration(work.plan.seconds),
                work.plan.reason,
            )
            for work in self.works
        ]


def _row(cells: Sequence[str], tag: str) -> str:
    inner = "".join(f'<{tag} style="text-align:left">{html.escape(cell)}</{tag}>' for cell in cells)
    return f"<tr>{inner}</tr>"


def _duration(seconds: float) -> str:
    """Format a time to two figures.

    >>> _duration(0), _duration(2.1e-4), _duration(0.0321), _duration(1.25), _duration(95)
    ('under 0.01 ms', '0.21 ms', '32 ms', '1.2 s', '95 s')
    """
    if seconds < 1e-5:
        return "under 0.01 ms"
    size, unit = (seconds, "s") if seconds >= 1 else (1e3 * seconds, "ms")
    return f"{float(f'{size:.2g}'):g} {unit}"
