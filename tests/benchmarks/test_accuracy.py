"""The accuracy benchmark: which pictures take part, what is planted, what its parts exchange."""

import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imgurer_kernel.matching import image_cache
from imgurer_kernel.matching.clusters import pipeline
from imgurer_kernel.report.evaluation.transforms import TRANSFORMS

FOLDER = str(Path(__file__).parents[2] / "benchmarks")
sys.path.append(FOLDER)
try:
    import accuracy_ablation
    import accuracy_corpus as corpus
    import accuracy_peers as peers
finally:
    sys.path.remove(FOLDER)


@pytest.fixture
def folder(tmp_path):
    """Five pictures in two folders, one of them twice."""
    root = tmp_path / "photos"
    for k, name in enumerate(("a/1.png", "a/2.png", "a/3.png", "b/4.png", "b/5.png")):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (40, 30), (50 * k, 9, 9)).save(root / name)
    (root / "b/again.png").write_bytes((root / "a/2.png").read_bytes())
    (root / "b/notes.txt").write_text("no picture")
    return root


def names(originals):
    return [original.name for original in originals]


def test_files_of_equal_bytes_are_one_picture(folder):
    originals, left_out = corpus.gather(folder, [], None)
    assert names(originals) == ["a/1.png", "a/2.png", "a/3.png", "b/4.png", "b/5.png"]
    assert left_out == ["b/again.png"]


def test_of_pictures_known_to_be_the_same_the_first_takes_part(folder, tmp_path):
    known = tmp_path / "known.csv"
    known.write_text("name,group\na/3.png,x\nb/4.png,x\nb/5.png,y\n")
    originals, left_out = corpus.gather(folder, [], known)
    assert names(originals) == ["a/1.png", "a/2.png", "a/3.png", "b/5.png"]
    assert left_out == ["b/4.png", "b/again.png"]


def test_hard_negatives_take_part_but_get_no_copies(folder, tmp_path):
    hard = tmp_path / "screens"
    hard.mkdir()
    Image.new("RGB", (40, 30), "white").save(hard / "page.png")
    originals, _ = corpus.gather(folder, [hard], None)
    assert originals[-1].name == "screens/page.png"
    assert corpus.choose(originals, 99, seed=1) == [0, 1, 2, 3, 4]


def test_folders_give_equal_numbers(folder):
    originals, _ = corpus.gather(folder, [], None)
    for seed in range(5):
        chosen = corpus.choose(originals, 4, seed)
        assert Counter(originals[k].group for k in chosen) == {"a": 2, "b": 2}
        assert chosen == corpus.choose(originals, 4, seed)
    assert len({tuple(corpus.choose(originals, 2, seed)) for seed in range(9)}) > 1


@pytest.mark.long
def test_copies_are_planted_once(folder, tmp_path):
    originals, _ = corpus.gather(folder, [], None)
    items = corpus.plant(originals, [3], seed=1, work=tmp_path)
    copies = items[5:]
    assert [item.transform for item in copies] == [each.name for each in TRANSFORMS]
    assert all(item.origin == 3 and item.path.exists() for item in copies)
    stamps = [item.path.stat().st_mtime_ns for item in copies]
    again = corpus.plant(originals, [3], seed=1, work=tmp_path)[5:]
    assert [item.path.stat().st_mtime_ns for item in again] == stamps
    other = corpus.plant(originals, [3], seed=2, work=tmp_path)[5:]
    assert not {item.path for item in other} & {item.path for item in copies}


def test_stars_of_peers_are_those_of_all_near_pairs():
    random = np.random.default_rng(4)
    hashes = random.integers(0, 1 << 63, (150, 4), np.uint64)
    hashes[100:] = hashes[:50]
    hashes[100:, 0] ^= random.integers(0, 8, 50, np.uint64)
    labels = peers.star_labels(hashes, 3)
    assert (labels[100:] == labels[:50]).all()
    assert len(set(labels.tolist())) == 100


@pytest.mark.parametrize("part", accuracy_ablation.PARTS)
def test_a_part_is_taken_out_and_put_back(part):
    def current():
        return (
            pipeline.find_clusters,
            pipeline.StarSolver,
            pipeline.turned_hashes,
            image_cache.content_boxes,
        )

    before = current()
    with accuracy_ablation.without(part):
        assert current() != before
    assert current() == before
