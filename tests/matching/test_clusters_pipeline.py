"""Duplicates in synthetic catalogs: complete clusters, in any order, also incrementally."""

from dataclasses import fields, replace
from functools import cache
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import ImageOps

from imgurer_kernel.matching import candidates, representatives, spot_lookup
from imgurer_kernel.matching.clusters import incremental, pipeline
from imgurer_kernel.matching.clusters.budget import SearchScope
from imgurer_kernel.matching.pair_table import SAME, UNTESTED
from tests.support.catalogs import TURNS, Shelf, families, pan, parts, with_other_pixels
from tests.support.copies import cropped, picture
from tests.support.forms import long_only, rounds

SCOPE = SearchScope(radius=24)
COLUMNS = [*[field.name for field in fields(candidates.Candidates)][:6], "are_negative"]


def find(shelf, order=None, **options):
    options = {"scope": SCOPE} | options
    return pipeline.find_clusters(shelf.images(order), shelf.loaders(), **options)


def summary(shelf, found):
    """Clusters by name: medoid, members with distances, scores and the diameter."""
    return [
        (
            shelf.name(c.medoid),
            [shelf.name(k) for k in c.members],
            c.distances.tolist(),
            c.scores.tolist(),
            c.diameter,
        )
        for c in found.clusters
    ]


def compared(found):
    """Number of pairs that were compared."""
    return int((found.pairs.status != UNTESTED).sum())


def groups(shelf, found):
    return {frozenset(shelf.name(k) for k in c.members) for c in found.clusters}


def planted(shelf):
    by_letter = {}
    for name in shelf.names:
        by_letter.setdefault(name[0], set()).add(name)
    return {frozenset(names) for names in by_letter.values() if len(names) > 1}


def test_families_are_found_whole():
    found = find(families())
    assert groups(families(), found) == planted(families())
    assert found.uninformative == 0


def test_a_picture_is_found_in_all_its_orientations():
    whole = picture(60)
    turned = {
        f"t{k}": whole if turn is None else whole.transpose(turn) for k, turn in enumerate(TURNS)
    }
    shelf = Shelf(turned | {"stranger": picture(61)})
    [cluster] = find(shelf).clusters
    assert cluster.size == 8


def test_negatives_are_found_and_lead_on_to_what_is_near_them():
    """The crop is near the negative only by way of the picture, and the other way round."""
    whole = picture(60)
    shelf = Shelf(
        {
            "whole": whole,
            "small": whole.resize((180, 135)),
            "negative": ImageOps.invert(whole),
            "part of the negative": cropped(ImageOps.invert(whole), 0, 0, 0.2, 0),
            "stranger": picture(61),
        }
    )
    found = find(shelf)
    [cluster] = found.clusters
    assert cluster.size == 4
    edges = found.pairs.take(cluster.edges[1:])
    inverted = {
        shelf.name(cluster.medoid): "negative" in shelf.name(cluster.medoid),
        **{shelf.name(k): "negative" in shelf.name(k) for k in cluster.members[1:]},
    }
    for first, second, negative in zip(edges.first, edges.second, edges.negative, strict=True):
        assert negative == (inverted[shelf.name(first)] != inverted[shelf.name(second)])
    again = find(shelf, previous=find(shelf, [0, 3, 4]))
    assert summary(shelf, again) == summary(shelf, found)


@pytest.mark.parametrize("shelf", [families, *long_only(pan)])
def test_every_member_has_a_verified_edge_with_its_medoid(shelf):
    found = find(shelf())
    assert found.clusters
    seen = set()
    for cluster in found.clusters:
        assert cluster.edges[0] == -1
        edges = found.pairs.take(cluster.edges[1:])
        assert (edges.status == SAME).all()
        ends = np.sort(np.stack((edges.first, edges.second)), axis=0).T.tolist()
        assert ends == [sorted((cluster.medoid, member)) for member in cluster.members[1:].tolist()]
        assert edges.distance.tolist() == cluster.distances[1:].tolist()
        assert edges.measures[:, 1].tolist() == pytest.approx(cluster.scores[1:].tolist())
        assert not seen & set(cluster.members.tolist())
        seen |= set(cluster.members.tolist())


def test_a_panning_clip_is_not_one_cluster():
    found = find(pan())
    assert len(found.clusters) >= 4
    for cluster in found.clusters:
        frames = [int(pan().name(k)) for k in cluster.members]
        # The frames are 360 wide and move by 9: three quarters of it are left after 10 frames.
        assert max(abs(frame - frames[0]) for frame in frames) <= 10


def find_by_spots(shelf, order=None, **options):
    """With a scope that is chosen, as for a store."""
    return find(shelf, order, **{"scope": None, "spots": shelf.spots} | options)


def test_spots_find_what_hashes_do_not():
    shelf = parts()
    plain, found = find(shelf), find_by_spots(shelf)
    assert found.scope.spot_radius == 20
    assert "2 spots within 20" in str(found.scope)
    rows = found.candidates
    kin = [
        {shelf.name(i), shelf.name(j)}
        for i, j in zip(rows.first, rows.second, strict=True)
        if shelf.name(i)[0] == shelf.name(j)[0]
    ]
    assert {"a", "a part"} in kin
    assert {"b", "b turned"} in kin
    assert len(found.candidates) > len(plain.candidates)
    assert {"a", "a part", "a turned"} in groups(shelf, found)
    assert {"a", "a part", "a turned"} not in groups(shelf, plain)


@pytest.mark.long
@settings(max_examples=rounds(4, 30))
@given(st.deferred(lambda: st.permutations(range(len(parts())))))
def test_the_order_of_arrival_does_not_matter_to_spots(order):
    assert summary(parts(), find_by_spots(parts(), order)) == summary(
        parts(), find_by_spots(parts())
    )


@pytest.mark.long
@settings(max_examples=rounds(4, 30))
@given(
    st.deferred(lambda: st.lists(st.booleans(), min_size=len(parts()), max_size=len(parts()))),
    st.integers(1, 16),
)
def test_spots_of_images_that_come_and_go(present, neighbors):
    """With any earlier result the answer equals that of a first search."""
    shelf = parts()
    with (
        patch.object(candidates, "MAX_SPOT_NEIGHBORS", neighbors),
        patch.object(incremental, "MAX_SPOT_NEIGHBORS", neighbors),
    ):
        expected = find_by_spots(shelf)
        images = shelf.images()
        chosen = np.flatnonzero(present)
        some = replace(
            images,
            digests=[images.digests[k] for k in chosen],
            **{
                name: getattr(images, name)[chosen]
                for name in ("image_ids", "whole", "content", "informative")
            },
        )
        options = {"spots": shelf.spots}
        few = pipeline.find_clusters(some, shelf.loaders(), **options)
        grown = find_by_spots(shelf, previous=few)
        shrunk = pipeline.find_clusters(some, shelf.loaders(), previous=expected, **options)
        assert matches(grown) == matches(expected)
        assert summary(shelf, grown) == summary(shelf, expected)
        assert matches(shrunk) == matches(few)
        assert summary(shelf, shrunk) == summary(shelf, few)


SPOT_STEPS = st.lists(st.sets(st.integers(0, len(parts()) - 1)), min_size=2, max_size=4)


@pytest.mark.long
@pytest.mark.parametrize("by_lookup", [False, True])
@settings(max_examples=rounds(2, 20))
@given(SPOT_STEPS)
def test_batches_come_and_go_and_spots_find_what_a_first_search_finds(by_lookup, steps):
    """By both ways in which new spots are searched for."""
    shelf, known = parts(), None
    with patch.object(spot_lookup, "_SORTED", 1.0 if by_lookup else 0.0):
        for away in steps:
            chosen = np.array(sorted(set(range(len(shelf))) - away), np.int64)
            images = shelf.images()
            some = replace(
                images,
                digests=[images.digests[k] for k in chosen],
                **{
                    name: getattr(images, name)[chosen]
                    for name in ("image_ids", "whole", "content", "informative")
                },
            )
            how = some, shelf.loaders()
            known = pipeline.find_clusters(*how, spots=shelf.spots, previous=known)
            alone = pipeline.find_clusters(*how, spots=shelf.spots)
            assert summary(shelf, known) == summary(shelf, alone)
            assert edges(shelf, known) == edges(shelf, alone)
            assert matches(known) == matches(alone)


def test_a_scope_without_spots_asks_for_none():
    def spots(_image_ids):
        raise AssertionError

    found = find(families(), spots=spots)
    assert "no spots" in str(found.scope)


@settings(max_examples=rounds(6, 50))
@given(st.deferred(lambda: st.permutations(range(len(families())))))
def test_the_order_of_arrival_never_matters(order):
    expected = summary(families(), find(families()))
    assert summary(families(), find(families(), order)) == expected


@settings(max_examples=rounds(1, 10))
@given(st.permutations(range(72)))
def test_the_order_of_arrival_never_matters_for_a_clip(order):
    expected = summary(pan(), find(pan()))
    assert summary(pan(), find(pan(), order)) == expected


@pytest.mark.parametrize("first", [1, 4, 8, 11])
def test_one_after_the_other_gives_what_all_at_once_gives(first):
    shelf = families()
    known = find(shelf, range(first))
    shelf.asked.clear()
    found = find(shelf, previous=known)
    assert groups(shelf, found) == planted(shelf)
    assert summary(shelf, found) == summary(shelf, find(shelf))
    assert (found.images.windows == find(shelf).images.windows).all()


def test_known_pictures_are_not_read_again():
    shelf = families()
    known = find(shelf)
    shelf.asked.clear()
    again = find(shelf, previous=known)
    assert shelf.asked == []
    assert summary(shelf, again) == summary(shelf, known)
    assert compared(again) == compared(known)
    assert (again.images.windows == known.images.windows).all()
    assert (again.images.content == known.images.content).all()


def test_of_known_images_only_those_near_a_new_one_are_read():
    shelf = families()
    known = find(shelf, range(11))
    shelf.asked.clear()
    find(shelf, previous=known)
    assert 120 in shelf.asked
    assert len(set(shelf.asked)) < 6


def find_among(shelf, chosen, known=None):
    """Find among some of the pictures, which keep the ids that they have among all."""
    everything, chosen = shelf.images(), sorted(chosen)
    columns = ("image_ids", "whole", "content", "informative")
    images = replace(
        everything,
        digests=[everything.digests[k] for k in chosen],
        **{name: getattr(everything, name)[chosen] for name in columns},
    )
    return pipeline.find_clusters(images, shelf.loaders(), scope=SCOPE, previous=known)


def matches(found):
    """The matches between images, by their ids."""
    rows = found.candidates
    columns = [getattr(rows, name).tolist() for name in COLUMNS]
    starts = np.zeros((len(rows), 6)) if rows.start is None else np.nan_to_num(rows.start)
    return sorted(zip(*columns, starts.tolist(), strict=True))


def edges(shelf, found):
    """What is known of the pairs that clusters stand on, cluster by cluster."""
    rows = [found.pairs.take(c.edges[1:]) for c in found.clusters]
    return [
        (
            r.first.tolist(),
            r.second.tolist(),
            r.status.tolist(),
            r.measures.tolist(),
            r.maps.tolist(),
        )
        for r in rows
    ]


AWAY = st.lists(st.sets(st.integers(0, 71), max_size=30), min_size=2, max_size=4)


@pytest.mark.long
@pytest.mark.parametrize("make", [families, pan])
@settings(max_examples=rounds(2, 20))
@given(AWAY)
def test_images_may_come_and_go(make, steps):
    shelf, known = make(), None
    for away in steps:
        chosen = set(range(len(shelf))) - away
        known = find_among(shelf, chosen, known)
        alone = find_among(shelf, chosen)
        assert summary(shelf, known) == summary(shelf, alone)
        assert edges(shelf, known) == edges(shelf, alone)
        assert matches(known) == matches(alone)
        assert (known.images.windows == alone.images.windows).all()


@pytest.mark.long
@settings(max_examples=rounds(2, 20))
@given(AWAY)
def test_images_may_come_and_go_where_not_all_neighbors_are_kept(steps):
    shelf, known = pan(), None
    with (
        patch.object(candidates, "MAX_NEIGHBORS", 1),
        patch.object(incremental, "MAX_NEIGHBORS", 1),
    ):
        for away in steps:
            chosen = set(range(len(shelf))) - away
            known = find_among(shelf, chosen, known)
            alone = find_among(shelf, chosen)
            assert {match[:2] for match in matches(known)} == {
                match[:2] for match in matches(alone)
            }
            for cluster in known.clusters:
                spanning = known.pairs.take(cluster.edges[1:])
                assert (spanning.status == SAME).all()
                assert (
                    (spanning.first == cluster.medoid) | (spanning.second == cluster.medoid)
                ).all()


def test_only_what_a_new_image_may_change_is_solved_again(monkeypatch):
    shelf, solved = families(), []

    class Recorded(pipeline.StarSolver):
        def __init__(self, verifier, turned, *rest):
            solved.append([names[tuple(hashes)] for hashes in turned[:, 0].tolist()])
            super().__init__(verifier, turned, *rest)

    late = shelf.names.index("d tilted")
    everybody = set(range(len(shelf)))
    names = dict(zip(map(tuple, shelf.images().whole.tolist()), shelf.names, strict=True))
    known = find_among(shelf, everybody - {late})
    monkeypatch.setattr(pipeline, "StarSolver", Recorded)
    grown = find_among(shelf, everybody, known)
    # The others are not even in the arrays that each round goes through.
    assert sorted(solved[0]) == ["d", "d tilted"]
    find_among(shelf, everybody - {late}, grown)
    assert len(solved[1]) == 0
    assert groups(shelf, grown) == planted(shelf)


def test_images_that_are_gone_leave_nothing_behind():
    shelf = families()
    known = find(shelf)
    order = [0, 1, 3, 4, 5]
    found = find_among(shelf, order, known)
    ids = [k * 10 + 10 for k in order]
    assert groups(shelf, found) == {
        frozenset({"a", "a re-encoded", "a small"}),
        frozenset({"b", "b framed"}),
    }
    assert np.isin(found.pairs.first, ids).all()
    assert np.isin(found.candidates.second, ids).all()
    assert found.images.image_ids.tolist() == ids


def test_an_image_with_another_fingerprint_is_another_image():
    shelf = Shelf({"a": picture(40), "a again": picture(40), "b": picture(41)})
    known = find(shelf)
    assert len(known.clusters) == 1
    shelf.prints[1] = with_other_pixels(shelf.prints[1], 3)
    shelf.asked.clear()
    assert list(find(shelf, previous=known).clusters) == []
    assert set(shelf.asked) >= {20}


def test_flat_images_take_no_part_and_are_counted():
    shelf = families()
    flat = np.arange(len(shelf)) < 2
    images = shelf.images(informative=~flat)
    found = pipeline.find_clusters(images, shelf.loaders(), scope=SCOPE)
    assert found.uninformative == 2
    assert not np.isin([10, 20], [k for c in found.clusters for k in c.members]).any()
    assert not np.isin([10, 20], np.stack((found.pairs.first, found.pairs.second))).any()
    # One that was flat and no longer is counts as new.
    again = pipeline.find_clusters(shelf.images(), shelf.loaders(), scope=SCOPE, previous=found)
    assert groups(shelf, again) == planted(shelf)
    assert (again.images.windows == find(shelf).images.windows).all()
    once_more = pipeline.find_clusters(images, shelf.loaders(), scope=SCOPE, previous=again)
    assert (once_more.images.windows == found.images.windows).all()


@pytest.mark.parametrize("n", [0, 1])
def test_next_to_nothing(n):
    shelf = families()
    found = find(shelf, range(n))
    assert list(found.clusters) == []
    assert (len(found.pairs), len(found.images.image_ids)) == (0, n)
    assert list(find(shelf, range(n), previous=found, scope=None).clusters) == []


def test_an_earlier_scope_has_no_influence():
    shelf = families()
    for first in (6, 11, 12):
        # A scope that nobody would choose today, to tell it by.
        known = find(shelf, range(first), scope=SearchScope(radius=23))
        found = find(shelf, previous=known, scope=None)
        alone = find(shelf, scope=None)
        assert found.scope == alone.scope
        assert summary(shelf, found) == summary(shelf, alone)


@cache
def equal_hashes():
    """30 pictures of two hashes, six of the one and 24 of the other."""
    shelf = Shelf({"0": picture(40)})
    [one] = shelf.prints
    other = with_other_pixels(one, 0)
    shelf.names = [f"{k}" for k in range(20)]
    shelf.prints = [other if k % 5 else one for k in range(20)]
    return shelf


@settings(max_examples=rounds(3, 25))
@given(st.lists(st.integers(1, 20), min_size=2, max_size=3), st.permutations(range(20)))
def test_equal_hashes_may_become_too_many_and_few_again(sizes, order):
    """Representatives depend on the present images, not on the order of arrival."""
    shelf, known = equal_hashes(), None
    with (
        patch.object(representatives, "MAX_DUPLICATES", 8),
        patch.object(candidates, "MAX_NEIGHBORS", 12),
        patch.object(incremental, "MAX_NEIGHBORS", 12),
    ):
        for size in sizes:
            known = find_among(shelf, order[:size], known)
            alone = find_among(shelf, order[:size])
            assert matches(known) == matches(alone)
            assert summary(shelf, known) == summary(shelf, alone)
            assert (known.images.represented == alone.images.represented).all()


def test_a_result_in_another_scope_is_not_reused():
    shelf = families()
    known = find(shelf, scope=SearchScope(radius=2, windows=False))
    assert known.images.windows is None
    found = find(shelf, previous=known)
    assert summary(shelf, found) == summary(shelf, find(shelf))
    narrow = find(shelf, scope=SearchScope(radius=2, windows=False), previous=found)
    assert compared(narrow) <= compared(known)


def test_progress_is_reported_in_stages_and_may_stop_the_work():
    reports = []
    find(families(), progress=lambda *what: reports.append(what))
    assert {what for what, _, _ in reports} >= {"reading", "searching", "comparing"}
    assert all(done <= total for _, done, total in reports)
    for stage in ("reading", "searching", "comparing"):

        def stop(what, done, total, stage=stage):
            if what == stage:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            find(families(), progress=stop)
