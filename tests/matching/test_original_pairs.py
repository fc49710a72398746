"""Originals of pages: which pairs are compared, and that pages of one layout stay apart."""

import random

import numpy as np
import pytest
from PIL import Image, ImageDraw

from imgurer_kernel import Settings, Workbench
from imgurer_kernel.matching import limited_judge
from imgurer_kernel.matching import local_agreement as local
from imgurer_kernel.matching import original_pairs as module
from imgurer_kernel.matching.original_pairs import OriginalPairs
from tests.support.forms import long_only

IDENTITY = np.array([1.0, 0, 0, 0, 1, 0])
WHOLE = np.array([[0, 0, 64, 64], [0, 0, 64, 64]])
WORDS = ["alpha", "river", "stone", "green", "market", "window", "paper", "engine", "silver"]
IDS = np.arange(6) * 10 + 100


def page(number):
    """A page with writing, of one layout with all others."""
    drawn = Image.new("RGB", (300, 400), "white")
    pen, words = ImageDraw.Draw(drawn), random.Random(number)
    for y in range(20, 380, 30):
        pen.text((30, y), " ".join(words.choices(WORDS, k=3)), "black", font_size=18)
    return np.asarray(drawn).copy()


class Originals:
    """Gives originals by image id, those of `damaged` as None."""

    def __init__(self, damaged=()):
        self.pages = {int(image_id): page(k) for k, image_id in enumerate(IDS)}
        self.pages.update(dict.fromkeys(damaged))
        self.asked = []

    def __call__(self, image_ids):
        self.asked += image_ids.tolist()
        return [self.pages[image_id] for image_id in image_ids.tolist()]


def compared(pairs, ends):
    """Compare pairs of positions."""
    first, second = np.array(ends).T
    n = len(ends)
    return pairs.compare(first, second, np.tile(IDENTITY, (n, 1)), np.tile(WHOLE, (n, 1, 1)))


def test_pages_with_other_writing_disagree_and_each_original_is_read_once():
    load = Originals()
    load.pages[110] = load.pages[100]
    found, readable = compared(OriginalPairs(IDS, load), [(1, 2), (0, 1), (0, 2)])
    assert readable.all()
    assert found[1, local.BAD] == 0 < found[1, local.AGREE]
    assert (found[[0, 2], local.BAD] > 0.1).all()
    assert sorted(load.asked) == [100, 110, 120]


def test_originals_are_read_again_only_if_many_came_between(monkeypatch):
    monkeypatch.setattr(module, "_KEPT", 3)
    load = Originals()
    pairs = OriginalPairs(IDS, load)
    for ends in [(0, 1)], [(0, 2)], [(0, 1)], [(3, 4)], [(0, 4)]:
        compared(pairs, ends)
    assert load.asked == [100, 110, 120, 130, 140, 100]


def test_a_pair_with_a_damaged_original_is_marked_and_the_others_are_compared():
    ends = [(0, 1), (0, 2), (1, 2)]
    found, readable = compared(OriginalPairs(IDS, Originals(damaged=[110])), ends)
    assert readable.tolist() == [False, True, False]
    assert not found[[0, 2]].any()


def test_without_originals_none_can_be_read():
    found, readable = compared(OriginalPairs(IDS, None), [(0, 1)])
    assert readable.tolist() == [False]
    assert found.shape == (1, local.FEATURES)


def form(number):
    """An application form, most fields of which are filled in."""
    drawn = Image.new("RGB", (850, 1100), "white")
    pen, words = ImageDraw.Draw(drawn), random.Random(number)
    pen.text((60, 40), "APPLICATION FOR MEMBERSHIP", "black", font_size=26)
    for place in range(20):
        y = 110 + 46 * place
        pen.text((60, y), f"Question {place}", "black", font_size=14)
        pen.line((200, y + 22, 790, y + 22), "black")
        if words.random() < 0.8:
            answer = " ".join(words.choices(WORDS, k=2))
            pen.text((210, y - 2), answer, "#1a2a8a", font_size=18)
    return drawn


def clusters_of(folder, drawn):
    (folder / "pages").mkdir()
    for name, picture in drawn.items():
        picture.save(folder / "pages" / f"{name}.png")
    with Workbench(Settings(root=folder / "store")) as workbench:
        workbench.ingest(folder / "pages", progress=False)
        found = workbench.clusters(progress=False)
    clusters = {frozenset(names) for _, names in found.groupby("cluster_id")["filename"]}
    return clusters, found.attrs["plan"]


def half(picture):
    return picture.resize((picture.width // 2, picture.height // 2), Image.Resampling.LANCZOS)


@pytest.mark.long
def test_forms_of_half_the_size_are_copies_of_their_own_form_only(tmp_path):
    forms = {f"{number}": form(number) for number in range(4)}
    halves = {f"{name} half": half(picture) for name, picture in list(forms.items())[:2]}
    clusters, _ = clusters_of(tmp_path, forms | halves)
    assert clusters == {frozenset({f"{k}.png", f"{k} half.png"}) for k in range(2)}


def inbox(number):
    """A screenshot of a list of letters: thumbnails of two are as alike as those of copies."""
    drawn = Image.new("RGB", (1280, 800), "white")
    pen, words = ImageDraw.Draw(drawn), random.Random(number)
    pen.rectangle((0, 0, 1280, 56), "#24548a")
    pen.rectangle((0, 56, 220, 800), "#eef2f6")
    for row in range(18):
        y = 70 + 40 * row
        pen.line((220, y + 34, 1280, y + 34), "#dddddd")
        pen.text((240, y), " ".join(words.choices(WORDS, k=2)), "black", font_size=18)
        pen.text((470, y), " ".join(words.choices(WORDS, k=7)), "#444444", font_size=14)
    return drawn


@pytest.mark.parametrize("most", [1, *long_only(0)])
def test_pages_that_are_left_out_are_not_the_same(tmp_path, monkeypatch, most):
    monkeypatch.setattr(limited_judge, "MAX_ORIGINALS", most)
    pages = {f"{number}": inbox(number) for number in range(5)}
    clusters, plan = clusters_of(tmp_path, pages | {"0 half": half(pages["0"])})
    # Without any comparison a copy that agrees all over may still be one.
    assert clusters <= {frozenset({"0.png", "0 half.png"})}
    assert clusters or not most
    assert "pairs of pages of one layout skipped" in plan


@pytest.mark.long
def test_a_page_that_comes_later_gets_the_answer_of_all_at_once(tmp_path, monkeypatch):
    """Pairs compared in an earlier search count against the limit as those of this one do."""
    monkeypatch.setattr(limited_judge, "MAX_ORIGINALS", 1)
    pages = {f"{number}": inbox(number) for number in range(4)} | {"0 half": half(inbox(0))}
    for name, page in pages.items():
        page.save(tmp_path / f"{name}.png")
    paths = [tmp_path / f"{name}.png" for name in pages]
    answers = []
    for store, parts in (("once", [paths]), ("late", [paths[2:], paths[:1], paths[1:2]])):
        with Workbench(Settings(root=tmp_path / store)) as workbench:
            for part in parts:
                workbench.ingest(part, progress=False)
                found = workbench.clusters(progress=False)
            related = workbench.related()[["filename", "other_filename", "relation"]]
            pairs = {(frozenset(row[:2]), row[2]) for row in related.itertuples(index=False)}
            names = {frozenset(it) for _, it in found.groupby("cluster_id")["filename"]}
            answers.append((names, pairs, found.attrs["plan"]))
    assert answers[0] == answers[1]
