import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgurer_kernel.matching.alignment import AGREEMENT
from imgurer_kernel.report.evaluation.metrics import (
    PLAIN_RADII,
    THRESHOLDS,
    VERIFIED_RADII,
    Hits,
    Trials,
    evaluate,
    wilson,
)

NAMES, TIERS = ["blur", "crop", "frame", "flip"], [1, 2, 3, 4]
Z2 = Fraction(1.959964) ** 2


@given(st.integers(0, 500), st.integers(1, 500))
def test_wilson_bounds_solve_the_equation_they_are_the_roots_of(successes, trials):
    successes = min(successes, trials)
    low, high = wilson(successes, trials)
    share = successes / trials
    assert 0 <= low <= share <= high <= 1
    for bound in (low, high):
        if 0 < bound < 1:  # (share - p)^2 = z^2 p (1 - p) / n
            assert (share - bound) ** 2 == pytest.approx(
                float(Z2) * bound * (1 - bound) / trials, rel=1e-6, abs=1e-12
            )


@pytest.mark.parametrize(
    ("successes", "trials", "bounds"),
    [  # Newcombe, Statistics in Medicine 17, 1998, table I, method 3
        (81, 263, (0.2553, 0.3662)),
        (15, 148, (0.0624, 0.1605)),
        (0, 20, (0.0, 0.1611)),
        (1, 29, (0.0061, 0.1718)),
    ],
)
def test_wilson_bounds_are_those_that_were_published(successes, trials, bounds):
    assert wilson(successes, trials) == pytest.approx(bounds, abs=1e-4)


def test_nothing_tried_is_nothing_known():
    assert wilson(0, 0) == (0.0, 1.0)


def hits(*rows):
    transform, is_copy, value = zip(*rows, strict=True) if rows else ((), (), ())
    return Hits(
        transform=np.array(transform, np.int64),
        is_copy=np.array(is_copy, bool),
        value=np.array(value, np.float64),
    )


def copies(agreement, per_transform=100, missing=()):
    return [
        (k, True, agreement)
        for k in range(4)
        for number in range(per_transform)
        if (k, number) not in missing
    ]


def trials(verified, plain=()):
    return Trials(
        names=NAMES,
        tiers=TIERS,
        planted=np.full(4, 100),
        distinct=np.full(4, 15_000),
        originals=5_000,
        plain=hits(*plain),
        verified=verified,
    )


def row(frame, **wanted):
    chosen = np.logical_and.reduce([frame[name] == value for name, value in wanted.items()])
    assert chosen.sum() == 1
    return frame[chosen].iloc[0]


def test_found_and_wrong_are_counted_by_tier_threshold_and_radius():
    lost = {(2, number) for number in range(40)}
    verified = {
        16: hits(*copies(0.9, missing=lost)),
        24: hits(*copies(0.9), (1, False, 0.82), (-1, False, 0.67)),
        32: hits(*copies(0.9), (1, False, 0.82), (1, False, 0.95)),
    }
    plain = [(0, True, 3), (0, True, 9), (3, False, 10), (3, False, 11)]
    frame = evaluate(trials(verified, plain), sample=100, images=1000).frame
    assert len(frame) == 5 * (len(PLAIN_RADII) + len(THRESHOLDS) * len(VERIFIED_RADII))
    third = row(frame, method="verified", radius=16, threshold=AGREEMENT, tier=3)
    assert (third["found"], third["recall"]) == (60, 0.6)
    assert (third["recall_low"], third["recall_high"]) == wilson(60, 100)
    second = row(frame, method="verified", radius=24, threshold=AGREEMENT, tier=2)
    assert (second["wrong"], second["precision"]) == (1, 100 / 101)
    assert second["wrong_per_million"] == pytest.approx(1e6 / 15_000)
    assert row(frame, method="verified", radius=24, threshold=0.85, tier=2)["wrong"] == 0
    whole = row(frame, method="verified", radius=24, threshold=0.65, tier=0)
    assert (whole["wrong"], whole["found"], whole["distinct"]) == (2, 400, 65_000)
    for radius, found, wrong in ((0, 0, 0), (4, 1, 0), (8, 1, 0), (10, 2, 1), (12, 2, 2)):
        plainly = row(frame, method="plain", radius=radius, tier=0)
        assert (plainly["found"], plainly["wrong"]) == (found, wrong)


def test_recall_falls_with_the_threshold_and_rises_with_the_radius():
    random = np.random.default_rng(0)
    plain = [(int(k), True, int(d)) for k, d in random.integers(0, (4, 30), (200, 2))]
    scores = [(number % 4, True, score) for number, score in enumerate(random.random(300))]
    frame = evaluate(
        trials(dict.fromkeys(VERIFIED_RADII, hits(*scores)), plain), sample=9, images=9
    ).frame
    for tier in range(5):
        some = frame[frame["tier"] == tier]
        assert (
            some[some["method"] == "plain"].sort_values("radius")["recall"].is_monotonic_increasing
        )
        at = some[some["radius"].eq(24) & some["method"].eq("verified")].sort_values("threshold")
        assert at["recall"].is_monotonic_decreasing


def everywhere(*rows):
    return {radius: hits(*rows) for radius in VERIFIED_RADII}


def test_the_smallest_radius_that_does_is_recommended():
    found = evaluate(trials(everywhere(*copies(0.9))), sample=100, images=1000)
    assert (found.radius, found.threshold) == (16, AGREEMENT)
    assert "clusters(radius=16)" in found.recommendation
    few = {16: hits(*copies(0.9, 90)), 24: hits(*copies(0.9)), 32: hits(*copies(0.9))}
    found = evaluate(trials(few), sample=100, images=1000)
    assert found.radius == 24
    assert found.recommendation.startswith("Keep the default")
    assert "100 % (99 % to 100 %) of 400 planted copies" in found.recommendation


def test_the_threshold_is_raised_if_unrelated_pictures_agree_too_well():
    strangers = [(1, False, 0.82)] * 30
    found = evaluate(trials(everywhere(*copies(0.9), *strangers)), sample=100, images=1000)
    assert found.threshold == 0.85
    assert "a score of at least 0.85" in found.recommendation


def test_it_is_shown_as_words_and_a_table():
    found = evaluate(
        trials(everywhere(*copies(0.9))), sample=100, images=1, notes=["<b>five</b> were lost."]
    )
    assert repr(found).endswith("<b>five</b> were lost.")
    page = found._repr_html_()
    assert "&lt;b&gt;five" in page
    assert "<b>five" not in page
    assert found.summary.loc[("verified", 24), "recall"] == 100
    assert found.summary.loc[("plain", 10), "recall"] == 0
    assert math.isnan(found.summary.loc[("plain", 10), "precision"])
    axes = found.figure().axes
    assert len(axes) == 3
    assert found.figure()._repr_jpeg_().startswith(b"\xff\xd8")


def test_the_least_found_transforms_are_named():
    lost = {(2, number) for number in range(40)}
    found = evaluate(trials(everywhere(*copies(0.9, missing=lost))), sample=100, images=10)
    assert found.transforms["transform"].iloc[0] == "frame"
    assert found.transforms["recall"].iloc[0] == 0.6
    assert "Found least: frame (60 %)." in found.recommendation
