"""How good a clustering is, against the truth: pairs, B-cubed and the adjusted Rand index.

>>> scores = compare(np.array([0, 0, 1, 1, 2]), np.array([0, 0, 0, 1, 2]))
>>> round(scores.precision, 3), round(scores.recall, 3)
(0.333, 0.5)
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Scores:
    """Measures of a clustering, each 0..1 but for `rand`, which may be negative.

    Attributes
    ----------
    precision, recall
        Of pairs that are in one cluster; 1 where there are no such pairs.
    f1
        Their harmonic mean: the cluster F1.
    bcubed
        F1 of B-cubed precision and recall, means over the items (Bagga and Baldwin, 1998).
    rand
        Adjusted Rand index (Hubert and Arabie, 1985).
    false_merges
        Pairs of classes that have members in one cluster.
    """

    precision: float
    recall: float
    f1: float
    bcubed: float
    rand: float
    false_merges: int


def compare(truth, labels):
    """Measure labels (n,), n >= 1, against true classes (n,); the values mean nothing."""
    n = len(truth)
    row, column, overlap = _overlaps(truth, labels)
    of_class = np.bincount(row, overlap).astype(np.int64)
    of_cluster = np.bincount(column, overlap).astype(np.int64)
    both, real, claimed = (_pairs(counts) for counts in (overlap, of_class, of_cluster))
    precision, recall = _ratio(both, claimed), _ratio(both, real)
    squares = overlap.astype(float) ** 2
    b_precision = (squares / of_cluster[column]).sum() / n
    b_recall = (squares / of_class[row]).sum() / n
    chance = real * claimed / max(n * (n - 1) / 2, 1)
    return Scores(
        precision=precision,
        recall=recall,
        f1=harmonic_mean(precision, recall),
        bcubed=harmonic_mean(b_precision, b_recall),
        rand=_ratio(both - chance, (real + claimed) / 2 - chance),
        false_merges=_merged_classes(row, column),
    )


def compare_pairs(truth, first, second):
    """Precision, recall and F1 of claims that item ``first[k]`` is item ``second[k]``.

    For answers that are no clustering: a may be b, and b be c, without a being c. Pairs count once
    however often they are claimed, and not at all with themselves.
    """
    truth = np.asarray(truth)
    low, high = np.minimum(first, second), np.maximum(first, second)
    low, high = np.unique(np.stack((low, high))[:, low < high], axis=1)
    both = float((truth[low] == truth[high]).sum())
    real = _pairs(np.unique(truth, return_counts=True)[1])
    precision, recall = _ratio(both, len(low)), _ratio(both, real)
    return precision, recall, harmonic_mean(precision, recall)


def at_home(truth, labels):
    """Whether each item is in the largest cluster of its class, bool (n,).

    Of clusters that hold equally many, it is the one that holds the earliest item.
    """
    truth, labels = _numbered(truth), _numbered(labels)
    _, first, cell, overlap = np.unique(
        truth * len(truth) + labels, return_index=True, return_inverse=True, return_counts=True
    )
    order = np.lexsort((first, -overlap, truth[first]))
    homes = order[np.unique(truth[first][order], return_index=True)[1]]
    return np.isin(cell, homes)


def harmonic_mean(one, other):
    """F1 of a precision and a recall; 0 where both are."""
    return float(2 * one * other / (one + other)) if one + other else 0.0


def _overlaps(truth, labels):
    """Class, cluster and number of items of each cell of the contingency table that has any."""
    n = max(len(truth), 1)
    cells, overlap = np.unique(_numbered(truth) * n + _numbered(labels), return_counts=True)
    return *np.divmod(cells, n), overlap


def _numbered(values):
    return np.unique(values, return_inverse=True)[1]


def _pairs(counts):
    return float((counts.astype(float) * (counts - 1) / 2).sum())


def _ratio(part, whole):
    return float(part / whole) if whole else 1.0


def _merged_classes(row, column):
    """In how many ways two different classes share a cluster."""
    order = np.argsort(column, kind="stable")
    groups = np.split(row[order], np.flatnonzero(np.diff(column[order])) + 1)
    ends = [np.stack(np.triu_indices(len(group), 1)) for group in groups]
    met = np.concatenate([np.sort(g[e], axis=0) for g, e in zip(groups, ends, strict=True)], 1)
    return np.unique(met, axis=1).shape[1]
