"""The verifier of pairs: which match decides, and the resulting table."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgurer_kernel.matching.alignment import AGREEMENT, Comparison
from imgurer_kernel.matching.candidates import Candidates
from imgurer_kernel.matching.image_cache import ImageCache
from imgurer_kernel.matching.judgement import JUDGEMENT_WIDTH
from imgurer_kernel.matching.limited_judge import MAX_CLOSE_LOOKS, LimitedJudge
from imgurer_kernel.matching.pair_table import (
    DIFFERENT,
    NOT_LOOKED_AT,
    PART_OF,
    SAME,
    SAME_COVER,
    SAME_LAYOUT,
    UNTESTED,
    Pairs,
)
from imgurer_kernel.matching.pair_verifier import PairVerifier, verify_candidates
from imgurer_kernel.matching.picture_loaders import PictureLoaders
from imgurer_kernel.matching.regions import SPOT
from imgurer_kernel.matching.relation import DOUBTFUL, LARGE, LIKELY, TONED
from imgurer_kernel.matching.verify import PreparedPictures, compare, prepare, start_maps
from tests.support.copies import cropped, framed, gray, picture, recoded
from tests.support.judging import by_agreement, judged_by

IDENTITY = np.array([1.0, 0, 0, 0, 1, 0])


def candidates(rows):
    """Matches of (first, second, distance, orientation), sorted as a search leaves them."""
    first, second, distance, orientation = np.array(sorted(rows), np.int64).reshape(-1, 4).T
    zeros = np.zeros(len(first), np.int64)
    return Candidates(first, second, distance, orientation, zeros, zeros)


class Scripted:
    """Fake comparisons with given agreements by (first, second, mirrored)."""

    def __init__(self, agreement):
        self.agreement, self.compared = agreement, []

    def boxes(self, positions):
        n = 1 + max(max(key[:2]) for key in self.agreement)
        return PreparedPictures(np.zeros((n, 64, 64), np.uint8), np.tile([0, 0, 64, 64], (n, 1)))

    def measure(self, first, second, starts):
        keys = list(zip(first.tolist(), second.tolist(), (starts[:, 0] < 0).tolist(), strict=True))
        self.compared += keys
        agreement = np.array([self.agreement[key] for key in keys], np.float32)
        measures = np.column_stack((agreement, agreement, np.ones(len(keys)))).astype(np.float32)
        return Comparison(measures, starts + 0.001)


def verified(script, found, same_layout=None):
    verifier = verifier_of(
        script, found, by_agreement if same_layout is None else judged_by(same_layout)
    )
    verifier.verify(np.arange(len(verifier.pairs)))
    return verifier


def verifier_of(script, found, judge=by_agreement, frames=None):
    judges = LimitedJudge(judge, None, frames)
    return PairVerifier(found, Pairs.of(found), script.boxes, script.measure, judges)


@given(
    st.lists(
        st.tuples(st.floats(0, 1, width=32), st.floats(0, 1, width=32)), min_size=1, max_size=6
    )
)
def test_the_first_match_that_is_the_same_decides_else_the_best(pairs):
    """Pair k is of images 2 k and 2 k + 1; upright it is nearer than mirrored."""
    rows = [(2 * k, 2 * k + 1, 3 + o, o) for k in range(len(pairs)) for o in (0, 1)]
    script = Scripted(
        {
            (2 * k, 2 * k + 1, bool(o)): agreement[o]
            for k, agreement in enumerate(pairs)
            for o in (0, 1)
        }
    )
    table = verified(script, candidates(rows)).pairs
    for k, (upright, mirrored) in enumerate(pairs):
        decides = 0 if np.float32(upright) >= AGREEMENT or mirrored <= upright else 1
        agreement = (upright, mirrored)[decides]
        assert table.measures[k, 1] == np.float32(agreement)
        assert (table.orientation[k], table.distance[k]) == (decides, 3 + decides)
        assert (table.maps[k, 0] < 0) == bool(decides)
        assert table.status[k] == (SAME if np.float32(agreement) >= AGREEMENT else DIFFERENT)
        mirrored_too = (2 * k, 2 * k + 1, True) in script.compared
        assert mirrored_too == (np.float32(upright) < AGREEMENT)


def test_only_the_chosen_pairs_are_compared():
    script = Scripted({(0, 1, False): 0.9, (1, 2, False): 0.9})
    found = candidates([(0, 1, 4, 0), (1, 2, 4, 0)])
    verifier = verifier_of(script, found)
    verifier.verify(np.array([1]))
    assert script.compared == [(1, 2, False)]
    assert verifier.pairs.status.tolist() == [UNTESTED, SAME]


def test_pairs_of_one_layout_are_separated_from_the_same():
    script = Scripted({(0, 1, False): 0.9, (0, 2, False): 0.9, (1, 2, False): 0.1})
    asked = []

    def same_layout(first, second, maps):
        asked.extend(zip(first.tolist(), second.tolist(), strict=True))
        assert (maps == IDENTITY + 0.001).all()
        return second == 2

    found = candidates([(0, 1, 1, 0), (0, 2, 1, 0), (1, 2, 1, 0)])
    table = verified(script, found, same_layout).pairs
    assert table.status.tolist() == [SAME, SAME_LAYOUT, DIFFERENT]
    assert asked == [(0, 1), (0, 2)]


def test_agreeing_pairs_with_other_later_frames_have_the_same_cover():
    script = Scripted({(0, k, False): a for k, a in ((1, 0.9), (2, 0.9), (3, 0.9), (4, 0.1))})
    found = candidates([(0, k, 1, 0) for k in range(1, 5)])
    frames = np.zeros((5, 4), np.uint64)
    frames[[0, 1], 2] = 0b110
    frames[2, 2] = 2**64 - 1
    verifier = verifier_of(script, found, frames=frames)
    verifier.verify(np.arange(4))
    assert verifier.pairs.status.tolist() == [SAME, SAME_COVER, SAME_COVER, DIFFERENT]
    # Other starts change nothing where it is known, and are judged alike.
    script.agreement = {(0, k, True): 0.95 for k in range(1, 5)}
    mirrored = np.tile([-1.0, 0, 0, 0, 1, 0], (4, 1))
    verifier.verify_from(np.arange(4), mirrored, np.ones(4, np.int64), np.full(4, 60))
    assert verifier.pairs.status.tolist() == [SAME, SAME_COVER, SAME_COVER, SAME_COVER]


def test_other_starts_help_only_where_nothing_has_held():
    script = Scripted({(k, k + 1, False): a for k, a in enumerate((0.9, 0.3, 0.3, 0.9, 0.9))})
    found = candidates([(k, k + 1, 5, 0) for k in range(5)])
    verifier = verified(script, found, lambda first, _second, _maps: first == 4)
    verifier.append(Pairs.untested(*np.array([[7], [8], [9], [0]])))
    before = verifier.pairs.take(slice(None))
    assert before.status.tolist() == [SAME, DIFFERENT, DIFFERENT, SAME, SAME_LAYOUT, UNTESTED]
    script.agreement = {(k, k + 1, True): 0.95 for k in range(8)} | {(2, 3, True): 0.2}
    script.compared.clear()
    mirrored = np.tile([-1.0, 0, 0, 0, 1, 0], (6, 1))
    verifier.verify_from(np.arange(6), mirrored, np.ones(6, np.int64), np.full(6, 60))
    # The worse start of (2, 3) changes nothing; what held or shares its layout is left alone.
    assert sorted(script.compared) == [(1, 2, True), (2, 3, True), (7, 8, True)]
    table = verifier.pairs
    assert table.status.tolist() == [SAME, SAME, DIFFERENT, SAME, SAME_LAYOUT, SAME]
    assert table.orientation.tolist() == [0, 1, 0, 0, 0, 1]
    assert table.distance.tolist() == [5, 60, 5, 5, 5, 60]
    assert table.measures[2, 1] == np.float32(0.3)


def test_every_pair_of_a_query_is_compared_with_it():
    """Against a plain loop over pairs, one comparison at a time."""
    pictures = np.stack(
        [
            gray(p)
            for p in (
                picture(1),
                recoded(picture(1)),
                picture(2),
                framed(picture(1), 0, 0.25, 0, 0.25),
            )
        ]
    )
    found = Candidates(
        first=np.zeros(4, np.int64),
        second=np.array([1, 2, 3, 3]),
        distance=np.array([2, 20, 18, 21]),
        orientation=np.zeros(4, np.int64),
        region=np.zeros(4, np.int64),
        other_region=np.array([0, 0, 0, 1]),
    )
    done = []
    table = verify_candidates(
        found, ImageCache(np.arange(4), PictureLoaders(lambda ids: pictures[ids])), done.append
    )
    assert table.second.tolist() == [1, 2, 3]
    assert table.status.tolist() == [SAME, DIFFERENT, SAME]
    assert sum(done) == 4
    prepared = prepare(pictures)
    for row, match in ((0, 0), (1, 1), (2, 3)):
        ends = found.take(slice(match, match + 1))
        how = ends.orientation, ends.region, ends.other_region
        starts = start_maps(prepared, ends.first, prepared, ends.second, how)
        alone = compare(prepared, ends.first, prepared, ends.second, starts)
        assert table.measures[row].tolist() == alone.measures[0].tolist()
        assert table.maps[row].tolist() == alone.maps[0].tolist()


def test_negatives_are_compared_inverted():
    shown = gray(picture(1))
    pictures = np.stack([shown, 255 - shown, gray(picture(2))])
    rows = candidates([(0, 1, 5, 0), (1, 2, 5, 0)])
    for negative, verdicts in ((True, [SAME, DIFFERENT]), (False, [DIFFERENT, DIFFERENT])):
        flagged = replace(rows, negative=np.array([negative, False]))
        large = np.repeat(np.repeat(pictures, 4, axis=1), 4, axis=2)
        table = verify_candidates(
            flagged,
            ImageCache(
                np.arange(3),
                PictureLoaders(lambda ids: pictures[ids], lambda ids, large=large: large[ids]),
            ),
        )
        assert table.status.tolist() == verdicts
        assert table.negative.tolist() == [negative, False]


def test_a_match_by_spots_begins_with_its_own_map():
    whole = picture(1)
    pictures = np.stack([gray(whole), gray(cropped(whole, 0.5, 0.5, 0, 0))])
    into = [2.0, 0, -1, 0, 2, -1]  # the lower right quarter is all of the second
    found = replace(
        candidates([(0, 1, 60, 0)]),
        region=np.array([SPOT]),
        other_region=np.array([3]),
        start=np.array([into]),
    )
    begun = []

    def measure(first, second, starts):
        begun.append(starts.tolist())
        return Comparison(np.ones((1, 3), np.float32), starts)

    boxes = prepare(pictures)
    verifier = PairVerifier(
        found, Pairs.of(found), lambda _: boxes, measure, LimitedJudge(by_agreement)
    )
    verifier.verify(np.array([0]))
    assert begun == [[into]]


def test_comparing_may_be_stopped():
    def stop(_count):
        raise KeyboardInterrupt

    pictures = np.stack([gray(picture(seed)) for seed in (1, 2)])
    cache = ImageCache(np.arange(2), PictureLoaders(lambda ids: pictures[ids]))
    with pytest.raises(KeyboardInterrupt):
        verify_candidates(candidates([(0, 1, 9, 0)]), cache, stop)


def test_no_candidates():
    cache = ImageCache(
        np.arange(1), PictureLoaders(lambda ids: np.zeros((len(ids), 64, 64), np.uint8))
    )
    assert len(verify_candidates(Candidates.none(), cache)) == 0


def look_alikes(agreement):
    """A verifier of pairs (first, second): agreement, and what it has looked at closer."""
    found = candidates([(*ends, 5, 0) for ends in agreement])
    script = Scripted({(*ends, False): value for ends, value in agreement.items()})
    looked = []

    def judge(first, second, maps, measures):
        looked.extend(zip(first.tolist(), second.tolist(), strict=True))
        return judged_by(lambda one, *_: np.zeros(len(one), bool))(first, second, maps, measures)

    return verifier_of(script, found, judge), looked


@pytest.mark.parametrize("sharing", [(1, 2), (2, 3), (3,)])
def test_pairs_that_share_spots_are_looked_at_sooner(sharing):
    agreement = {(0, k): LIKELY + 0.02 * k for k in range(1, 4)} | {(1, 2): LIKELY - 0.1}
    assert max(agreement.values()) < DOUBTFUL
    found = candidates([(*ends, 40, 0) for ends in agreement])
    shared = np.isin(found.second, sharing)
    start = np.tile(IDENTITY, (len(found), 1))
    found = replace(found, region=np.where(shared, SPOT, 0), start=start)
    script = Scripted({(*ends, False): value for ends, value in agreement.items()})
    looked = []

    def judge(first, second, maps, measures):
        looked.extend(zip(first.tolist(), second.tolist(), strict=True))
        return judged_by(lambda one, *_: np.zeros(len(one), bool))(first, second, maps, measures)

    verifier = verifier_of(script, found, judge)
    verifier.append(Pairs.untested(np.array([2]), np.array([3]), np.array([50]), np.array([0])))
    verifier.verify(np.arange(len(agreement)))
    assert sorted(looked) == [(0, k) for k in sharing]


def likeness(n, seed):
    """Agreements of all pairs of n pictures that are doubtful, in no order."""
    random = np.random.default_rng(seed)
    ends = [(i, j) for i in range(n) for j in range(i + 1, n)]
    return dict(zip(ends, random.permutation(np.linspace(0.55, 0.75, len(ends))), strict=True))


def test_of_many_look_alikes_each_picture_has_its_likeliest_ones_looked_at():
    n = 3 * MAX_CLOSE_LOOKS
    agreement = likeness(n, 1)
    verifier, looked = look_alikes(agreement)
    verifier.verify(np.arange(len(verifier.pairs)))
    best = set()
    for k in range(n):
        mine = sorted((ends for ends in agreement if k in ends), key=agreement.get)
        best.update(mine[-MAX_CLOSE_LOOKS:])
    assert sorted(looked) == sorted(best)
    assert verifier.pairs.count_not_looked_at() == len(agreement) - len(best)
    left = verifier.pairs.details[:, 0] == NOT_LOOKED_AT
    assert (verifier.pairs.status[left] == DIFFERENT).all()


@pytest.mark.parametrize("seed", range(3))
def test_other_pictures_and_the_order_of_pairs_change_no_closer_look(seed):
    n = 2 * MAX_CLOSE_LOOKS
    agreement = likeness(n, seed)
    moved = {(i + n, j + n): value for (i, j), value in likeness(n, seed + 9).items()}
    alone, looked = look_alikes(agreement)
    alone.verify(np.arange(len(alone.pairs)))
    both, looked_again = look_alikes(agreement | moved)
    both.verify(np.random.default_rng(seed).permutation(len(both.pairs)))
    assert sorted(looked) == sorted(ends for ends in looked_again if ends[1] < n)


def test_few_look_alikes_are_all_looked_at_and_once():
    agreement = likeness(MAX_CLOSE_LOOKS, 4)
    verifier, looked = look_alikes(agreement)
    rows = np.arange(len(verifier.pairs))
    verifier.verify(rows)
    starts = np.tile(IDENTITY, (len(rows), 1))
    # From a start that comes to nothing better the same map need not be looked at again.
    verifier.verify_from(rows, starts, verifier.pairs.orientation, verifier.pairs.distance)
    assert sorted(looked) == sorted(agreement)
    assert verifier.pairs.count_not_looked_at() == 0


def test_a_large_part_is_the_same_by_way_of_a_third_picture():
    """Pair 0 is a large part that is known, pair 1 one that is not, pair 2 a small part."""
    script = Scripted({(2 * k, 2 * k + 1, False): 0.9 for k in range(3)})
    table = Pairs.of(candidates([(2 * k, 2 * k + 1, 4, 0) for k in range(3)]))

    def judge(first, second, maps, measures):
        judged = np.zeros((len(first), JUDGEMENT_WIDTH))
        judged[:, 0], judged[:, 1] = PART_OF, TONED + LARGE * (first < 4)
        return judged

    found = candidates([(2 * k, 2 * k + 1, 4, 0) for k in range(3)])
    judges = LimitedJudge(judge)
    verifier = PairVerifier(found, table, script.boxes, script.measure, judges)
    verifier.verify(np.array([0, 2]))
    assert verifier.pairs.status.tolist() == [PART_OF, UNTESTED, PART_OF]
    starts = np.tile(IDENTITY, (3, 1))
    verifier.verify_from(np.arange(3), starts, np.zeros(3, np.int64), np.full(3, 4))
    assert verifier.pairs.status.tolist() == [SAME, SAME, PART_OF]
    assert verifier.pairs.details[:, 0].tolist() == [TONED] * 3
