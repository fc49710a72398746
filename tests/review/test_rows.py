"""Rows of reviewed files: which file the store's reference to an original means."""

import pytest

from imgurer_kernel.review.rows import is_leading
from imgurer_kernel.store.catalog.journal import files_of_images
from tests.support.pictures import jpeg


@pytest.mark.parametrize("mode", ["reference", "link", "copy"])
def test_of_equal_files_one_is_what_the_reference_leads_to(new_store, tmp_path, mode):
    """Which one depends on the thread that is first; none where the store has the bytes itself."""
    wb, folder = new_store(), tmp_path / "in"
    folder.mkdir()
    for name in ("a.jpg", "b.jpg"):
        (folder / name).write_bytes(jpeg(1, 160, 120))
    wb.ingest(folder, store=mode, progress=False)
    files = list(wb.catalog.run(files_of_images).values())
    leading = [str(folder / file.filename) for file in files if is_leading(wb.store, file)]
    noted = wb.store.blobs.noted_path(files[0].digest)
    assert leading == ([noted] if mode == "reference" else [])
