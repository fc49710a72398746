"""Candidates by spots: against counting votes, in any order, incrementally, and recall."""

import math
from functools import cache

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageOps

from imgurer_kernel.fingerprint.hashes.dhash import turned_hashes
from imgurer_kernel.matching import candidates, spot_lookup
from imgurer_kernel.matching.affine import invert
from imgurer_kernel.matching.candidates import keep_nearest
from imgurer_kernel.matching.hash_candidates import ImageHashes, find_candidates
from imgurer_kernel.matching.regions import SPOT, window_grays
from imgurer_kernel.matching.spot_candidates import find_spot_candidates, mirrored_radius
from imgurer_kernel.matching.spots import Spots, find_spots, mirrored
from tests.support.copies import cropped, gray, picture
from tests.support.forms import long_only


def thumbnail(image):
    image = image.convert("L")
    image.thumbnail((240, 270), Image.Resampling.HAMMING)
    return np.asarray(image)


def spots_of(images):
    spots = Spots.empty(len(images))
    for k, image in enumerate(images):
        spots.put(np.array([k]), find_spots(thumbnail(image)))
    return spots


def turned_of(images):
    small = [
        np.asarray(each.convert("L").resize((9, 9), Image.Resampling.LANCZOS)) for each in images
    ]
    return turned_hashes(np.stack(small))


@cache
def shelf():
    """Pictures with copies; what follows a whole is made of it."""
    images = []
    for seed in range(5):
        whole = picture(seed + 80)
        images += [
            whole,
            cropped(whole, 0.2, 0.1, 0.05, 0.1),
            ImageOps.mirror(cropped(whole, 0, 0.1, 0.1, 0)),
            whole.rotate(10, Image.Resampling.BICUBIC, expand=True),
        ]
    return spots_of(images), turned_of(images)


def search(order=None, radius=16, votes=2, **options):
    spots, turned = shelf()
    order = np.arange(len(spots)) if order is None else order
    options = {"searched": np.arange(len(order))} | options
    return find_spot_candidates(
        spots.take(order), turned[order], options.pop("searched"), radius, votes, **options
    )


def table(rows):
    return dict(
        zip(
            zip(rows.first.tolist(), rows.second.tolist(), strict=True),
            zip(rows.other_region.tolist(), rows.start.tolist(), strict=True),
            strict=True,
        )
    )


def votes_of(one, other, mirror):
    """The most matches that agree with one of them, each place of both pictures counted once.

    `one` and `other` are lists of x, y, scale, direction, matched row by row.
    """
    side, most = (-1 if mirror else 1), 0
    for p, q in zip(one, other, strict=True):
        scale = q[2] / p[2]
        turn = q[3] - (math.pi - p[3] if mirror else p[3])
        spin = scale * complex(math.cos(turn), math.sin(turn))
        witnesses = []
        for u, v in zip(one, other, strict=True):
            landed = spin * complex(side * (u[0] - p[0]), u[1] - p[1]) + complex(q[0], q[1])
            off = v[3] - (math.pi - u[3] if mirror else u[3]) - turn
            off = (off + math.pi) % (2 * math.pi) - math.pi
            agrees = abs(landed - complex(v[0], v[1])) <= 0.035 * math.sqrt(scale)
            agrees &= abs(off) <= 0.5 and 1 / 1.67 <= v[2] / u[2] / scale <= 1.67
            if agrees and not any(
                abs(u[0] - a[0]) + abs(u[1] - a[1]) < 0.012
                or abs(v[0] - b[0]) + abs(v[1] - b[1]) < 0.012
                for a, b in witnesses
            ):
                witnesses.append((u, v))
        most = max(most, len(witnesses))
    return most


def counted(spots, radius):
    """Votes of each pair by plain counting: upright and mirrored, the better one."""
    found = {}
    for i in range(len(spots)):
        for j in range(i + 1, len(spots)):
            for mirror in (False, True):
                one, other = (spots.hashes[k, : spots.count[k]] for k in (i, j))
                one = mirrored(one) if mirror else one
                near = np.bitwise_count(one[:, None] ^ other[None]).sum(axis=2)
                a, b = np.nonzero(near <= (mirrored_radius(radius) if mirror else radius))
                if len(a) > 60:
                    found[i, j] = 60  # only the nearest vote
                elif len(a):
                    pa, pb = (spots.points[k].astype(float).tolist() for k in (i, j))
                    votes = votes_of([pa[k] for k in a], [pb[k] for k in b], mirror)
                    found[i, j] = max(found.get((i, j), 0), votes)
    return found


@pytest.mark.parametrize(("radius", "votes"), [(9, 2), (16, 3), *long_only((16, 2))])
def test_agrees_with_plain_counting(radius, votes):
    spots, _ = shelf()
    expected = {pair: n for pair, n in counted(spots, radius).items() if n >= votes}
    found = table(search(radius=radius, votes=votes))
    # Of many that agree with one another the search stops at a majority.
    assert found.keys() == expected.keys()
    few = [pair for pair, n in expected.items() if n < 8]
    assert few
    assert all(found[pair][0] == expected[pair] for pair in few)
    assert all(found[pair][0] >= min(8, expected[pair]) for pair in found)
    kin = {(i, j) for i in range(20) for j in range(i + 1, 20) if i // 4 == j // 4}
    assert len(kin & found.keys()) >= (0.9 if radius == 16 else 0.7) * len(kin)


def test_maps_lay_copies_on_each_other():
    found = table(search())
    for family in range(5):
        a, b, c, d, e, f = found[4 * family, 4 * family + 1][1]
        expected = (1 / 0.75, 0, (2 * 0.5 - 0.2 - 0.95) / 0.75, 0, 1 / 0.8, 0)
        assert (a, b, c, d, e, f) == pytest.approx(expected, abs=0.05)
        assert found[4 * family, 4 * family + 2][1][0] < 0


@pytest.mark.parametrize("seed", range(4))
def test_the_order_of_pictures_turns_maps_round_at_most(seed):
    order = np.random.default_rng(seed).permutation(20)
    expected, found = table(search(votes=3)), table(search(order, votes=3))
    common = 0
    for (i, j), (_, start) in found.items():
        one, other = int(order[i]), int(order[j])
        pair = (min(one, other), max(one, other))
        if pair in expected:
            common += 1
            there = start if one < other else invert(np.array([start]))[0]
            assert there == pytest.approx(expected[pair][1], abs=0.12)
    # Which of two witnesses at one place counts is a matter of order.
    assert common >= 0.95 * max(len(expected), len(found))


@pytest.mark.parametrize("by_lookup", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_fresh_pictures_meet_all_others(seed, by_lookup, monkeypatch):
    """Few are looked up, many are searched; in any layout of the stored spots."""
    monkeypatch.setattr(spot_lookup, "_SORTED", 1.0 if by_lookup else 0.0)
    random = np.random.default_rng(seed)
    fresh, place = random.random(20) < 0.4, random.permutation(20)
    everything, part = table(search()), table(search(fresh=fresh))
    spots, turned = shelf()
    there = Spots.empty(20)
    there.put(place, spots)
    moved = find_spot_candidates(there, turned, np.arange(20), 16, 2, place=place, fresh=fresh)
    assert table(moved) == part
    assert part == {pair: row for pair, row in everything.items() if fresh[list(pair)].any()}
    assert not len(search(fresh=np.zeros(20, bool)))


def test_only_those_that_take_part_are_searched():
    searched = np.array([0, 1, 5, 7, 19])
    found = table(search(searched=searched))
    everything = table(search())
    assert found == {
        pair: row for pair, row in everything.items() if np.isin(list(pair), searched).all()
    }
    for few in ([], [3]):
        assert not len(search(searched=np.array(few, np.int64)))


@pytest.mark.parametrize("seed", range(3))
def test_of_pictures_that_all_share_spots_those_that_share_the_most_are_kept(seed, monkeypatch):
    """Also step by step."""
    monkeypatch.setattr(candidates, "MAX_SPOT_NEIGHBORS", 3)
    stamp = picture(90).resize((150, 110))
    images = []
    for k in range(14):
        images.append(picture(100 + k))
        images[-1].paste(stamp, (20 + 8 * k, 30))
    spots, turned = spots_of(images), turned_of(images)
    everybody = np.arange(14)
    found = find_spot_candidates(spots, turned, everybody, 16, 2)
    assert 14 <= len(found) <= 14 * 6
    assert (found.region == SPOT).all()
    late = np.random.default_rng(seed).random(14) < 0.4
    early = find_spot_candidates(spots, turned, np.flatnonzero(~late), 16, 2)
    grown = early.joined(find_spot_candidates(spots, turned, everybody, 16, 2, fresh=late))
    assert table(keep_nearest(grown)) == table(found)


def test_progress_may_stop_the_work():
    def stop(*_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        search(progress=stop)


# ---- recall -------------------------------------------------------------------------------------


def stickered(whole):
    image = whole.copy()
    ImageDraw.Draw(image).ellipse((60, 50, 180, 150), fill="yellow", outline="black", width=4)
    return image


def collage(whole, parts):
    across, down = {2: (2, 1), 4: (2, 2)}[parts]
    image = Image.new("RGB", (across * 240, down * 240))
    for k in range(parts):
        shown = whole if k == parts - 1 else picture(300 + k)
        image.paste(ImageOps.fit(shown, (240, 240)), (k % across * 240, k // across * 240))
    return image


def area(whole, share):
    cut = 1 - share**0.5
    return cropped(whole, 0.3 * cut, 0.6 * cut, 0.7 * cut, 0.4 * cut)


EDITS = {
    "side 20": lambda whole: cropped(whole, 0.2, 0, 0, 0),
    "side 30": lambda whole: cropped(whole, 0, 0, 0, 0.3),
    "square": lambda whole: ImageOps.fit(whole, (270, 270)),
    "area 60": lambda whole: area(whole, 0.6),
    "turned 5": lambda whole: whole.rotate(5, Image.Resampling.BICUBIC, expand=True),
    "turned 10": lambda whole: whole.rotate(10, Image.Resampling.BICUBIC, expand=True),
    "turned 15": lambda whole: whole.rotate(15, Image.Resampling.BICUBIC, expand=True),
    "sticker": stickered,
    "collage of 2": lambda whole: collage(whole, 2),
    "collage of 4": lambda whole: collage(whole, 4),
    "negative": ImageOps.invert,
}
FLOORS = {"turned 15": 0.8, "collage of 2": 0.8, "collage of 4": 0.5}


@pytest.mark.long
def test_edits_are_candidates():
    """By hashes or spots: nearly all copies of every kind, and few unrelated pictures."""
    count = 10
    wholes = [picture(200 + k) for k in range(count)]
    images = wholes + [edit(whole) for edit in EDITS.values() for whole in wholes]
    turned, n = turned_of(images), len(images)
    windows = turned_hashes(
        window_grays(np.stack([gray(each) for each in images])).reshape(-1, 9, 9)
    )
    hashes = ImageHashes(
        turned, turned[:, 0].copy(), np.ones(n, bool), windows[:, 0].reshape(n, -1, 2)
    )
    rows = find_candidates(hashes, 24).joined(
        find_spot_candidates(spots_of(images), turned, np.arange(n), 16, 2)
    )
    pairs = set(zip(rows.first.tolist(), rows.second.tolist(), strict=True))
    for number, name in enumerate(EDITS):
        share = np.mean([(k, count * (number + 1) + k) in pairs for k in range(count)])
        assert share >= FLOORS.get(name, 0.95), name
    collages = range(count * 9, count * 11)
    strangers = [
        pair for pair in pairs if (pair[0] - pair[1]) % count and not set(pair) & set(collages)
    ]
    assert len(strangers) <= n
