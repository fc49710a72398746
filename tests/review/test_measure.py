"""Which originals are measured, and which again."""

import io
from types import SimpleNamespace

from imgurer_kernel.errors import StorageError
from imgurer_kernel.fingerprint.original import OriginalFacts
from imgurer_kernel.review.measure import measure, recall
from tests.support.pictures import jpeg

GOOD, BROKEN, AWAY = ("a" * 64, "b" * 64, "c" * 64)


class Blobs:
    """Originals by digest; what is not there cannot be read now."""

    def __init__(self, **originals):
        self.originals, self.opened = originals, []

    def open(self, digest):
        self.opened.append(digest)
        if digest not in self.originals:
            raise StorageError("the disk is away")
        return io.BytesIO(self.originals[digest])


def test_an_original_is_measured_once_even_if_it_cannot_be_decoded(new_store):
    """What cannot be read now is tried again: its disk may come back."""
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
