"""Judges for the verifier of pairs, with results that a test chooses, and whole judgements."""

import numpy as np

from imgurer_kernel.matching.judgement import JUDGEMENT_WIDTH, NOT_ASKED, ORIGINALS, judge
from imgurer_kernel.matching.original_judgement import judge_originals
from imgurer_kernel.matching.pair_table import DIFFERENT, SAME, SAME_LAYOUT
from imgurer_kernel.matching.verify import are_same


def judged_by(same_layout):
    """A judge by agreement, and by a function that tells which pairs share their layout only."""

    def judge(first, second, maps, measures, negative=None):
        assert negative is None
        judged = np.zeros((len(first), JUDGEMENT_WIDTH))
        judged[:, 0] = np.where(are_same(measures), SAME, DIFFERENT)
        rows = np.flatnonzero(judged[:, 0] == SAME)
        shared = same_layout(first[rows], second[rows], maps[rows])
        judged[rows[np.asarray(shared, bool)], 0] = SAME_LAYOUT
        return judged

    return judge


def by_agreement(first, second, maps, measures, negative=None):
    """A judge by agreement alone."""
    judged = np.zeros((len(first), JUDGEMENT_WIDTH))
    judged[:, 0] = np.where(are_same(measures), SAME, DIFFERENT)
    return judged


def judge_wholly(images, first, second, maps, measures):
    """Judge pairs by thumbnails, and by originals where these are asked for."""
    judged = judge(images, first, second, maps, measures)
    rows = np.flatnonzero(judged[:, ORIGINALS] != NOT_ASKED)
    judged[rows] = judge_originals(images, first[rows], second[rows], maps[rows], judged[rows])
    return judged
