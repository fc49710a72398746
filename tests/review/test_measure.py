"""Which originals are measured, and which are measured again."""

import io
from types import SimpleNamespace

import pandas as pd

from imgurer_kernel.errors import StorageError
from imgurer_kernel.fingerprint.original import OriginalFacts
from imgurer_kernel.review.measure import measure, recall, true_pixels
from tests.support.pictures import jpeg

GOOD, BROKEN, AWAY = ("a" * 64, "b" * 64, "c" * 64)


class Blobs:
    """Fake originals by digest; other digests cannot be read."""

    def __init__(self, **originals):
        self.originals, self.opened = originals, []

    def open(self, digest):
        self.opened.append(digest)
        if digest not in self.originals:
            raise StorageError("the disk is not mounted")
        return io.BytesIO(self.originals[digest])


def test_an_original_is_measured_once_even_if_it_cannot_be_decoded(new_store):
    """Unreadable originals are tried again: their disk may be mounted later."""
    wb = new_store()
    picture = jpeg(1, 320, 240)
    blobs = Blobs(**{GOOD: picture, BROKEN: picture[:20]})
    store = SimpleNamespace(blobs=blobs, settings=wb.settings, catalog=wb.catalog)
    first = measure(store, [BROKEN, AWAY, GOOD, GOOD])
    assert sorted(blobs.opened) == [GOOD, BROKEN, AWAY]
    assert first.keys() == {GOOD, BROKEN}
    assert first[BROKEN] == OriginalFacts() != first[GOOD]
    blobs.opened.clear()
    assert measure(store, [GOOD, BROKEN, AWAY]) == first == recall(store, [GOOD, BROKEN, AWAY])
    assert blobs.opened == [AWAY]
    blobs.originals[AWAY] = picture
    assert measure(store, [AWAY]) == {AWAY: first[GOOD]}


def test_a_format_without_a_quality_is_compared_all_the_same():
    """An enlargement as WebP beside its source: what a compression smooths is not known of it."""
    view = pd.DataFrame(
        {
            "cluster_id": 1, "digest": list("ab"), "label": ["medoid", "resized"],
            "width": [640, 640], "height": [480, 480], "camera": None,
        }
    )  # fmt: skip
    sharp = OriginalFacts(steepness=0.5, measured_pixels=90_000, quality=85, texture=4)
    for quality in (None, 80, 90):
        soft = OriginalFacts(steepness=0.3, measured_pixels=90_000, quality=quality, texture=3)
        pixels = true_pixels(view, {"a": sharp, "b": soft})
        assert pixels[0] == 640 * 480
        # Compressed more than the other one, it is smooth by that.
        assert (pixels[1] < 640 * 480) == (quality != 80)
