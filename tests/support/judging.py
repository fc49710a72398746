"""Fake judges for the verifier of pairs, with results that a test chooses."""

import numpy as np

from imgurer_kernel.matching.judgement import JUDGEMENT_WIDTH
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
