"""Recall and precision of searches on planted copies, with intervals and a recommendation.

Pure: `Trials` in, `Calibration` out. `imgurer_kernel.workbench.search.calibrate` makes the trials.
"""

import html
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from imgurer_kernel.common.text import count
from imgurer_kernel.common.types import BoolMask, Float64s, Int64s
from imgurer_kernel.matching.alignment import AGREEMENT

if TYPE_CHECKING:
    from imgurer_kernel.report.figures import NotebookFigure


PLAIN_RADII = (0, 4, 8, 10, 12, 16, 20, 24)
VERIFIED_RADII = (16, 24, 32)
THRESHOLDS = (0.65, 0.7, 0.75, AGREEMENT, 0.85, 0.9)
TIERS = (1, 2, 3, 4)
DEFAULT_RADIUS = 24

# 95 % of a normal distribution are within this many standard deviations of its mean.
_Z_95 = 1.959964
# Precision that a recommended search must reach, if any search does.
_MIN_PRECISION = 0.997
# Gain in recall that does not justify a larger radius, which takes about ten times the comparisons.
_RECALL_TOLERANCE = 0.005


def wilson(successes: float, trials: float) -> tuple[float, float]:
    """Compute the Wilson interval of a share with 95 % confidence; 0..1 without trials.

    Wilson, "Probable Inference, the Law of Succession, and Statistical Inference", Journal of the
    American Statistical Association 22(158), 1927: sound near 0 and 1, where most shares are.

    Examples
    --------
    >>> low, high = wilson(10, 10)
    >>> round(low, 3), high
    (0.722, 1.0)
    """
    if not trials:
        return 0.0, 1.0
    share, spread = successes / trials, _Z_95**2 / trials
    middle = (share + spread / 2) / (1 + spread)
    reach = _Z_95 * math.sqrt(share * (1 - share) / trials + spread / trials / 4) / (1 + spread)
    # Exactly 0 and 1 at the ends, where the formula has a rounding error.
    low = 0.0 if successes == 0 else max(middle - reach, 0.0)
    return low, 1.0 if successes == trials else min(middle + reach, 1.0)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Hits:
    """Pairs returned by one kind of search.

    Attributes
    ----------
    transform
        int64 (k,): number of the transform of the trial, -1 for a pair of originals.
    is_copy
        bool (k,): whether the pair is a picture and its copy.
    value
        float64 (k,): agreement 0..1 of a verified pair, or bits between plain hashes.
    """

    transform: Int64s
    is_copy: BoolMask
    value: Float64s


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Trials:
    """The results of searches for planted copies.

    Attributes
    ----------
    names, tiers
        Names and tiers of the transforms, in order.
    planted, distinct
        int64 (transforms,): copies, and pairs of distinct pictures among them and the originals.
    originals
        Number of pairs of distinct originals.
    plain
        Hits of plain hashes, up to the largest of `PLAIN_RADII`.
    verified
        Hits by radius: compared pairs with their agreement, without pairs of one layout.
    """

    names: Sequence[str]
    tiers: Sequence[int]
    planted: Int64s
    distinct: Int64s
    originals: int
    plain: Hits
    verified: Mapping[int, Hits]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Calibration:
    """How well copies of this store's pictures are found, and recommended settings.

    Attributes
    ----------
    frame
        One row for each kind of search, radius, threshold and tier (0: all): method (``plain`` or
        ``verified``), radius, threshold (NaN for plain), tier, planted, found, recall,
        recall_low, recall_high, wrong, precision, precision_low, precision_high, distinct,
        wrong_per_million (of distinct pairs). Bounds are those of Wilson, with 95 % confidence.
    transforms
        One row for each transform, with the recommended search: transform, tier, planted, found,
        recall, recall_low, recall_high; lowest recall first.
    recommendation
        The recommendation as text.
    radius, threshold
        Recommended settings: bits, and the agreement from which two pictures count as the same.
    sample, copies
        Number of pictures with planted copies, and of copies.
    notes
        Further remarks.
    """

    frame: pd.DataFrame
    transforms: pd.DataFrame
    recommendation: str
    radius: int
    threshold: float
    sample: int
    copies: int
    notes: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return " ".join((self.recommendation, *self.notes))

    @property
    def summary(self) -> pd.DataFrame:
        """Summarize recall by tier and precision of each search, in percent."""
        usual = self.frame["threshold"].isna() | (self.frame["threshold"] == AGREEMENT)
        rows = self.frame[usual]
        keys = ["method", "radius"]
        tiers = rows.pivot_table("recall", keys, "tier", sort=False).rename(
            columns={0: "recall", **{tier: f"tier {tier}" for tier in TIERS}}
        )
        whole = rows[rows["tier"] == 0].set_index(keys)[["precision", "precision_low"]]
        names = ["recall", *(f"tier {tier}" for tier in TIERS)]
        shares: pd.DataFrame = 100 * tiers[names].join(whole)
        return shares.round(2)

    def figure(self) -> "NotebookFigure":
        """Plot recall and precision against radius and threshold."""
        from imgurer_kernel.report.figures import calibration_figure

        return calibration_figure(self.frame, self.radius, self.threshold)

    def _repr_html_(self) -> str:
        words = "".join(
            f"<p>{html.escape(text)}</p>" for text in (self.recommendation, *self.notes)
        )
        return f"<div>{words}{self.summary.to_html(na_rep='', border=0)}</div>"


def evaluate(trials: Trials, *, sample: int, images: int, notes: Sequence[str] = ()) -> Calibration:
    """Count hits and misses, and recommend settings.

    Parameters
    ----------
    trials
        The results of the trials.
    sample
        Number of pictures with planted copies.
    images
        Number of pictures in the store that are not flat.
    notes
        Further remarks.
    """
    frame = _count_searches(trials)
    radius, threshold = _choose_search(frame)
    transforms = _count_by_transform(trials, radius, threshold)
    return Calibration(
        frame=frame,
        transforms=transforms,
        recommendation=_describe(frame, transforms, radius, threshold, images),
        radius=radius,
        threshold=threshold,
        sample=sample,
        copies=int(trials.planted.sum()),
        notes=tuple(notes),
    )


def _count_searches(trials: Trials) -> pd.DataFrame:
    """Count the hits of each kind of search; the columns are those of `Calibration.frame`."""
    searches = [("plain", r, math.nan, trials.plain, trials.plain.value <= r) for r in PLAIN_RADII]
    for radius, hits in trials.verified.items():
        searches += [("verified", radius, least, hits, hits.value >= least) for least in THRESHOLDS]
    tiers = np.asarray(trials.tiers)
    rows = []
    for method, radius, threshold, hits, accepted in searches:
        # For -1 this indexes the last tier, which `where` discards.
        tier_of_hit = np.where(hits.transform < 0, 0, tiers[hits.transform])
        for tier in (0, *TIERS):
            counted = accepted & ((tier == 0) | (tier_of_hit == tier))
            in_tier = (tier == 0) | (tiers == tier)
            # Pairs of two originals have no tier.
            distinct = int(trials.distinct[in_tier].sum()) + (trials.originals if tier == 0 else 0)
            facts = {"method": method, "radius": radius, "threshold": threshold, "tier": tier}
            rows.append(
                facts
                | _rates(
                    int(trials.planted[in_tier].sum()),
                    int((counted & hits.is_copy).sum()),
                    int((counted & ~hits.is_copy).sum()),
                    distinct,
                )
            )
    return pd.DataFrame(rows)


def _rates(planted: int, found: int, wrong: int, distinct: int) -> dict[str, float]:
    """Compute recall, precision and false positives, with confidence intervals."""
    recall_low, recall_high = wilson(found, planted)
    precision_low, precision_high = wilson(found, found + wrong)
    return {
        "planted": planted,
        "found": found,
        "recall": found / planted if planted else math.nan,
        "recall_low": recall_low,
        "recall_high": recall_high,
        "wrong": wrong,
        "precision": found / (found + wrong) if found + wrong else math.nan,
        "precision_low": precision_low,
        "precision_high": precision_high,
        "distinct": distinct,
        "wrong_per_million": 1e6 * wrong / distinct if distinct else math.nan,
    }


def _choose_search(frame: pd.DataFrame) -> tuple[int, float]:
    """Choose the smallest radius with nearly the best recall and few false pairs."""
    rows = frame[(frame["tier"] == 0) & (frame["method"] == "verified")]
    # If no search reaches the precision, choose among the most precise ones.
    precise = rows[rows["precision"] >= min(_MIN_PRECISION, float(rows["precision"].max()))]
    # Change the threshold only if the default one does not suffice.
    at_default = precise[precise["threshold"] == AGREEMENT]
    precise = precise if at_default.empty else at_default
    good = precise[precise["recall"] >= float(precise["recall"].max()) - _RECALL_TOLERANCE]
    away = (good["threshold"] - AGREEMENT).abs()
    best = good.assign(away=away).sort_values(["radius", "away", "threshold"]).iloc[0]
    return int(best["radius"]), float(best["threshold"])


def _count_by_transform(trials: Trials, radius: int, threshold: float) -> pd.DataFrame:
    """Count the hits of each transform; the columns are those of `Calibration.transforms`."""
    hits = trials.verified[radius]
    accepted = hits.is_copy & (hits.value >= threshold)
    found = np.bincount(hits.transform[accepted], minlength=len(trials.names))
    bounds = [wilson(f, n) for f, n in zip(found, trials.planted, strict=True)]
    frame = pd.DataFrame(
        {
            "transform": list(trials.names),
            "tier": list(trials.tiers),
            "planted": trials.planted,
            "found": found,
            "recall": found / np.maximum(trials.planted, 1),
            "recall_low": [low for low, _ in bounds],
            "recall_high": [high for _, high in bounds],
        }
    )
    return frame.sort_values(["recall", "transform"], ignore_index=True)


def _describe(
    frame: pd.DataFrame, transforms: pd.DataFrame, radius: int, threshold: float, images: int
) -> str:
    """Describe the recommendation and the reasons for it."""
    rows = frame[(frame["tier"] == 0) & (frame["method"] == "verified")]
    best = rows[(rows["radius"] == radius) & (rows["threshold"] == threshold)].iloc[0]
    if radius == DEFAULT_RADIUS and threshold == AGREEMENT:
        advice = "Keep the default, a verified search within 24 bits"
    else:
        advice = f"Search verified within {radius} bits: clusters(radius={radius})"
        if threshold != AGREEMENT:
            advice += f", and keep what has a score of at least {threshold:.2f}"
    pairs = images * (images - 1) / 2
    wrong, worst = (
        share * pairs
        for share in (best["wrong"] / best["distinct"], wilson(best["wrong"], best["distinct"])[1])
    )
    found = (
        f"{advice}: it finds {_interval(best, 'recall')} of {int(best['planted']):,} planted "
        f"copies, and {_interval(best, 'precision')} of what it considers the same is right."
    )
    scale = (
        f"In this store of {count(images, 'picture')} that are not flat, about {wrong:,.0f} of all "
        f"pairs would be wrong, hardly more than {max(worst, 1):,.0f}."
    )
    least = transforms[transforms["recall"] < _MIN_PRECISION].head(3)
    named = [
        f"{name} ({_percent(share)})"
        for name, share in zip(least["transform"], least["recall"], strict=True)
    ]
    usual = rows[(rows["threshold"] == AGREEMENT) & (rows["radius"] != radius)]
    others = [
        f"{_percent(share)} within {other} bits"
        for other, share in zip(usual["radius"], usual["recall"], strict=True)
    ]
    plain = frame[(frame["tier"] == 0) & (frame["method"] == "plain") & (frame["radius"] == 10)]
    rest = (
        f"It would find {' and '.join(others)}; plain hashes within 10 bits find "
        f"{_percent(plain['recall'].iloc[0])}, with {_percent(plain['precision'].iloc[0])} right."
    )
    weak = [f"Found least: {', '.join(named)}."] if named else []
    return " ".join([found, scale, *weak, rest])


def _interval(row: pd.Series, name: str) -> str:
    low, high = row[f"{name}_low"], row[f"{name}_high"]
    return f"{_percent(row[name])} ({_percent(low)} to {_percent(high)})"


def _percent(share: float) -> str:
    """Format a share with enough digits that 100 % means all."""
    if math.isnan(share):
        return "none"
    percent = 100 * share
    digits = 1 if percent < 99.9 or percent == 100 else 2
    text = f"{percent:.{digits}f}".removesuffix(".0")
    return f"{'99.99' if text.startswith('100') and share < 1 else text} %"
