"""Find out which pictures are gray, once, where the version that ingested them did not."""

from collections.abc import Mapping

from imgurer_kernel.common.threads import in_order
from imgurer_kernel.errors import ImageRejected, StorageDenied, StorageError
from imgurer_kernel.fingerprint.decode import read
from imgurer_kernel.store.catalog import fingerprints
from imgurer_kernel.store.store import Store


def look_for_colours(store: Store, digests: Mapping[int, str]) -> dict[int, bool]:
    """Find out by thumbnails which images are gray, digests by image_id, and store the answers.

    Images whose thumbnail cannot be read are left out.
    """
    answers = in_order(lambda digest: _is_gray(store, digest), list(digests.values()))
    results = zip(digests, answers, strict=True)
    found = {image_id: is_gray for image_id, is_gray in results if is_gray is not None}
    try:
        store.catalog.run(fingerprints.note_grays, found)
    except StorageDenied:
        return found  # a read-only store: nothing is saved
    return found


def _is_gray(store: Store, digest: str) -> bool | None:
    try:
        return read(store.blobs.thumbnail(digest)).view().is_gray()
    except (ImageRejected, StorageError):
        return None
