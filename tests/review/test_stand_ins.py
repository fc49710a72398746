"""Which file may replace a removed one: never a picture decided to be different."""

from itertools import combinations
from types import SimpleNamespace

from hypothesis import given
from hypothesis import strategies as st

from imgurer_kernel.review.decisions import Verdicts
from imgurer_kernel.review.trash import _Copies
from imgurer_kernel.store.catalog.decisions import Decision


def copies(went, kept, different):
    """The copies of a store whose files 0, 1, ... were removed for others; each is a picture."""
    made = object.__new__(_Copies)
    made._files = {number: SimpleNamespace(digest=f"{number}") for number in kept}
    made._acts_by_file = {entry.file_id: entry for entry in went}
    made._sound = {f"{number}": number in kept for number in range(10)}
    made._verdicts = Verdicts.of(
        Decision(place, "different", False, (f"{one}", f"{other}"), "ann", None, "")
        for place, (one, other) in enumerate(different)
    )
    return made


def went_for(file_id, keeper_id):
    return SimpleNamespace(
        entry_id=file_id, file_id=file_id, keeper_id=keeper_id, digest=f"{file_id}",
        keeper_path=f"{keeper_id}.jpg",
    )  # fmt: skip


@given(
    keepers=st.lists(st.integers(0, 5), min_size=1, max_size=5),
    different=st.sets(st.sampled_from([*combinations(range(6), 2)])),
)
def test_a_picture_is_deleted_only_if_an_undisputed_copy_remains(keepers, different):
    # Each went for one of a larger number, or for itself: then nothing is known.
    went = [went_for(each, max(each + 1, keeper)) for each, keeper in enumerate(keepers)]
    kept = set(range(len(went), 7))
    found = copies(went, kept, different)
    for entry in went:
        # By brute force: everything that it went for, directly or through others.
        reached, at = [], entry
        while at is not None:
            reached.append(at.keeper_id)
            at = next((each for each in went if each.file_id == at.keeper_id), None)
        remains = any(each in kept and (entry.file_id, each) not in different for each in reached)
        why = found.reason_to_keep(entry)
        assert (why is None) == remains
        assert why is None or "may be the last copy" in why


def test_a_chain_over_a_picture_that_is_like_both():
    went = [went_for(0, 1), went_for(1, 2)]
    assert copies(went, {2}, set()).reason_to_keep(went[0]) is None
    why = copies(went, {2}, {(0, 2)}).reason_to_keep(went[0])
    assert "it went for 1.jpg, and ann decided that the two are different pictures" in why
    # Also where forgetting what was kept would do: that is another picture.
    assert copies(went, {2}, {(0, 2)}).reason_to_keep(went[0], forgotten_is_lost=False)
    assert copies(went, {2}, {(0, 2)}).reason_to_keep(went[1]) is None
