"""The image cache reads each picture once, when it is needed."""

import errno
import mmap
from pathlib import Path

import numpy as np
import pytest

from imgurer_kernel.fingerprint.borders import within_frame
from imgurer_kernel.fingerprint.hashes.dhash import dhash_many
from imgurer_kernel.matching import image_cache as module
from imgurer_kernel.matching.image_cache import ImageCache
from imgurer_kernel.matching.picture_loaders import PictureLoaders
from imgurer_kernel.matching.regions import WINDOWS, content_boxes, window_grays
from tests.support.copies import framed, gray, picture

PICTURES = np.stack(
    [gray(framed(picture(k), 0.1, 0.1 * (k % 2), 0.1, 0.1 * (k % 2))) for k in range(6)]
)
IDS = np.arange(6) * 7 + 100


@pytest.fixture
def shelf():
    class Shelf:
        def __init__(self):
            self.asked = []

        def __call__(self, image_ids):
            self.asked.append(image_ids.tolist())
            return PICTURES[(image_ids - 100) // 7]

    return Shelf()


def test_a_picture_is_read_once(shelf):
    cache = ImageCache(IDS, PictureLoaders(shelf))
    assert shelf.asked == []
    prepared = cache.read(np.array([4, 1, 4]))
    assert (prepared.pictures[[1, 4]] == PICTURES[[1, 4]]).all()
    assert (prepared.content[[1, 4]] == content_boxes(PICTURES[[1, 4]])).all()
    cache.read(np.array([1, 2]))
    assert shelf.asked == [[107, 128], [114]]


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="asks Linux for its memory")
def test_few_pictures_of_many_take_little_memory():
    def resident():
        return int(Path("/proc/self/statm").read_text().split()[1]) * mmap.PAGESIZE

    n = 100_000
    cache = ImageCache(
        np.arange(n), PictureLoaders(lambda ids: np.repeat(PICTURES[:1], len(ids), axis=0))
    )
    cache.read(np.array([0]))
    before = resident()
    cache.read(np.arange(0, n, 1000))
    assert resident() - before < 20_000_000  # a page of 2 MB for each would be 200


def test_a_system_without_huge_pages_will_do(shelf, monkeypatch):
    class Refusing(mmap.mmap):
        def madvise(self, *_):
            raise OSError(errno.EINVAL, "Invalid argument")

    monkeypatch.setattr(module.mmap, "mmap", Refusing)
    prepared = ImageCache(IDS, PictureLoaders(shelf)).read(np.array([2]))
    assert (prepared.pictures[2] == PICTURES[2]).all()


def test_boxes_that_are_known_need_no_picture(shelf):
    cache = ImageCache(IDS, PictureLoaders(shelf))
    boxes = content_boxes(PICTURES[:3]) + np.array([0, 1, 0, 0])
    cache.seed(np.arange(3), boxes, np.array([0.5, 1, 0.7]))
    assert (cache.read_boxes(np.array([0, 2])).content[[0, 2]] == boxes[[0, 2]]).all()
    assert shelf.asked == []
    cache.read_boxes(np.array([0, 5]))
    assert shelf.asked == [[135]]
    # Once the picture is read the box stays what it was said to be.
    assert (cache.read(np.array([0])).content[0] == boxes[0]).all()
    assert cache.within_frame.tolist()[:5] == [0.5, 1, 0.7, 1, 1]


def test_how_many_pictures_have_been_read_is_said_after_each_chunk(shelf, monkeypatch):
    monkeypatch.setattr(module, "_CHUNK", 2)
    reports = []
    cache = ImageCache(IDS, PictureLoaders(shelf), progress=lambda *what: reports.append(what))
    cache.read(np.arange(5))
    assert reports == [("reading", done, 5) for done in (2, 4, 5)]


def test_frames_are_measured_as_pictures_are_read(shelf):
    cache = ImageCache(IDS, PictureLoaders(shelf))
    cache.read(np.array([0, 5]))
    expected = within_frame(PICTURES)
    assert expected[5] < expected[0] < 1
    assert cache.within_frame.tolist() == [expected[0], 1, 1, 1, 1, expected[5]]


def test_windows_are_hashed_in_chunks(shelf, monkeypatch):
    monkeypatch.setattr(module, "_CHUNK", 2)
    reports = []
    cache = ImageCache(IDS, PictureLoaders(shelf), progress=lambda *what: reports.append(what))
    hashes = cache.windows(np.array([5, 0, 3]))
    expected = dhash_many(window_grays(PICTURES[[5, 0, 3]]).reshape(-1, 9, 9)).reshape(3, -1, 2)
    assert (hashes == expected).all()
    assert reports[-1] == ("reading", 3, 3)
    assert cache.windows(np.empty(0, np.int64)).shape == (0, len(WINDOWS), 2)


def test_comparing_reads_both_ends(shelf):
    cache = ImageCache(IDS, PictureLoaders(shelf))
    start = np.array([[1.0, 0, 0, 0, 1, 0]] * 2)
    compared = cache.compare(np.array([0, 1]), np.array([0, 2]), start)
    assert compared.measures[0, 1] > 0.95
    assert compared.measures[1, 1] < 0.5
    assert compared.maps.shape == (2, 6)
    assert shelf.asked == [[100, 107, 114]]


def test_without_thumbnails_no_writing_is_unmatched(shelf):
    cache = ImageCache(IDS, PictureLoaders(shelf))
    lacking = cache.unmatched_writing(np.array([0, 1]), np.array([1, 2]), np.zeros((2, 6)))
    assert lacking.tolist() == [0, 0]
    assert shelf.asked == []


def test_how_many_pairs_have_been_compared_is_said_up_to_the_last(monkeypatch):
    """Thumbnails are read in chunks; all pictures are plain here, so that each pair needs them."""
    monkeypatch.setattr(module, "_THUMBNAIL_CHUNK", 2)
    plain = np.full((6, 64, 64), 200, np.uint8)
    plain[:, 20:30, 20:30] = np.arange(6)[:, None, None] * 20
    loaders = PictureLoaders(
        lambda image_ids: plain[np.searchsorted(IDS, image_ids)],
        thumbnails=lambda image_ids: [np.full((256, 256), 200, np.uint8) for _ in image_ids],
    )
    reports = []
    cache = ImageCache(IDS, loaders, progress=lambda *what: reports.append(what))
    first = np.arange(5)
    cache.unmatched_writing(first, first + 1, np.tile(np.array([1.0, 0, 0, 0, 1, 0]), (5, 1)))
    said = [report for report in reports if report[0] == "comparing layouts" and report[2]]
    assert said == [("comparing layouts", done, 5) for done in (2, 4, 5)]


def test_a_page_has_the_writing_of_its_negative():
    """And no writing of another page's."""
    pages = np.full((3, 256, 256), 220, np.uint8)
    letters = np.random.default_rng(1).random((2, 40, 200)) < 0.5
    pages[:2, 60:100, 20:220] -= 200 * letters[:1].astype(np.uint8)
    pages[2, 60:100, 20:220] -= 200 * letters[1].astype(np.uint8)
    pages[0] = 255 - pages[0]
    loaders = PictureLoaders(
        lambda image_ids: pages[(image_ids - 100) // 7, ::4, ::4],
        thumbnails=lambda image_ids: pages[(image_ids - 100) // 7],
    )
    whole = np.tile(np.array([1.0, 0, 0, 0, 1, 0]), (2, 1))
    ends = np.array([0, 0]), np.array([1, 2])
    same, other = ImageCache(IDS[:3], loaders).unmatched_writing(*ends, whole, np.ones(2, bool))
    assert same == 0
    assert other > 0.1


def test_times_are_asked_for_once_and_of_all(shelf):
    asked = []

    def taken(image_ids):
        asked.extend(image_ids.tolist())
        return np.where(image_ids == IDS[2], 0, image_ids * 10)

    cache = ImageCache(IDS, PictureLoaders(shelf, taken=taken))
    assert cache.times(np.array([], np.int64)).tolist() == []
    assert asked == []
    assert cache.times(np.array([3, 2, 3])).tolist() == [IDS[3] * 10, 0, IDS[3] * 10]
    assert cache.times(np.array([2, 4, 3])).tolist() == [0, IDS[4] * 10, IDS[3] * 10]
    assert asked == IDS.tolist()
    assert ImageCache(IDS, PictureLoaders(shelf)).times(np.array([1])).tolist() == [0]
