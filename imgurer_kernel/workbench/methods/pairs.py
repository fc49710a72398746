"""Compare two pictures, or several pairs of them, and explain the result."""

from dataclasses import fields
from typing import TYPE_CHECKING, Any, overload

import pandas as pd

from imgurer_kernel.common.progress import ProgressOption
from imgurer_kernel.matching.evidence import Evidence
from imgurer_kernel.workbench.methods.review import ReviewMethods
from imgurer_kernel.workbench.pictures.batch import Several, each_of, is_batch, paired

if TYPE_CHECKING:
    from imgurer_kernel.report.explain.explanation import Explanation
    from imgurer_kernel.report.explain.explanations import Explanations

_MAP = [f"map_{name}" for name in "abcdef"]
_FACTS = [field.name for field in fields(Evidence) if field.name not in {"first", "second", "via"}]


class PairMethods(ReviewMethods):
    """Compares pictures two by two."""

    @overload
    def evidence(  # type: ignore[overload-overlap]  # one picture may be any object
        self, one: Several, other: object, progress: ProgressOption = True
    ) -> pd.DataFrame: ...

    @overload
    def evidence(  # type: ignore[overload-overlap]
        self, one: object, other: Several, progress: ProgressOption = True
    ) -> pd.DataFrame: ...

    @overload
    def evidence(self, one: object, other: object, progress: ProgressOption = True) -> Evidence: ...

    def evidence(
        self, one: object, other: object, progress: ProgressOption = True
    ) -> Evidence | pd.DataFrame:
        """Compare two pictures, each given as a query of `similar`, and label the difference.

        Two batches are compared pair by pair; one picture is compared with each of a batch.

        Returns
        -------
        Evidence or DataFrame
            For batches a row for each pair: query (its position, from 0), duplicate, label, detail,
            distance, orientation, score, correlation, overlap, map_a to map_f and via (the medoid
            by which both are the same; usually missing), as in
            `imgurer_kernel.matching.evidence.Evidence`.

        Raises
        ------
        UnknownImage, SourceError, ImageRejected, QueryError
            For an invalid picture; or if the batches differ in length.

        Examples
        --------
        >>> wb.evidence(17, [23, "copy.jpg"])[["label", "score"]]  # doctest: +SKIP
        """
        if not is_batch(one) and not is_batch(other):
            return self._search.evidence(one, other)
        return evidence_frame(each_of(self._search.evidence, paired(one, other), progress))

    @overload
    def explain(  # type: ignore[overload-overlap]
        self, one: Several, other: object, shown: int | None = None, progress: ProgressOption = True
    ) -> "Explanations": ...

    @overload
    def explain(  # type: ignore[overload-overlap]
        self, one: object, other: Several, shown: int | None = None, progress: ProgressOption = True
    ) -> "Explanations": ...

    @overload
    def explain(
        self, one: object, other: object, shown: int | None = None, progress: ProgressOption = True
    ) -> "Explanation": ...

    def explain(
        self, one: object, other: object, shown: int | None = None, progress: ProgressOption = True
    ) -> "Explanation | Explanations":
        """Explain in words and by a figure how two pictures compare; each as for `similar`.

        Parameters
        ----------
        one, other
            Pictures, or batches: as for `evidence`.
        shown
            Longest side in pixels at which they are overlaid; default 420.
        progress
            For batches, as in `clusters`.

        Examples
        --------
        >>> wb.explain([17, 18], 23).save("why")  # doctest: +SKIP
        """
        if not is_batch(one) and not is_batch(other):
            return self._search.explain(one, other, shown)
        from imgurer_kernel.report.explain.explanations import Explanations

        pairs = [(*pair, shown) for pair in paired(one, other)]
        return Explanations(each_of(self._search.explain, pairs, progress))


def evidence_frame(found: list[Evidence]) -> pd.DataFrame:
    """Return evidence as rows; the columns are those of `PairMethods.evidence`.

    Examples
    --------
    >>> evidence_frame([])["duplicate"].dtype
    dtype('bool')
    """
    rows: list[dict[str, Any]] = []
    for number, each in enumerate(found):
        facts = {name: getattr(each, name) for name in _FACTS if name != "transform"}
        places = dict(zip(_MAP, each.transform, strict=True))
        rows.append({"query": number, "duplicate": each.duplicate, **facts, **places,
                     "via": each.via})  # fmt: skip
    kinds = {
        "query": "int64",
        "duplicate": "bool",
        "label": "str",
        "detail": "str",
        "distance": "int64",
        "orientation": "str",
        **dict.fromkeys(("score", "correlation", "overlap", *_MAP), "float64"),
        "via": "Int64",
    }
    return pd.DataFrame(rows, columns=list(kinds)).astype(kinds)
