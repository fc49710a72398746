"""A kernel continues if its working folder was removed."""

import numba  # noqa: F401 - what it imports on its way asks for the working folder
import numpy as np
import pytest
from PIL import Image

from imgurer_kernel import Settings, Workbench, find_duplicates
from imgurer_kernel.errors import ImgurerError
from tests.support.forms import thinned
from tests.support.pictures import encode, scene

FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF", "PPM", "ICO")


@pytest.fixture
def nowhere(tmp_path, monkeypatch):
    """A process whose working folder is gone, with modules that were found in it."""
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    monkeypatch.syspath_prepend("")
    gone.rmdir()
    return tmp_path


@pytest.fixture
def wb(nowhere):
    with Workbench(Settings(root=nowhere / "store")) as opened:
        yield opened


@pytest.mark.parametrize("form", thinned(FORMATS, 4))
def test_small_and_large_pictures_are_ingested(wb, form):
    for side in (48, 600):
        data = encode(scene(1, side, side), form)
        [taken] = wb.upload(f"{side}.{form.lower()}", data).itertuples()
        assert taken.status == "added", taken.reason
        assert wb.thumbnail(taken.image_id)
        assert wb.browser_view(taken.image_id).data


def test_what_is_not_trusted_is_decoded_by_a_new_process(wb, nowhere):
    (nowhere / "a.png").write_bytes(encode(scene(1, 64, 64), "PNG"))
    frame = wb.ingest(nowhere / "a.png", untrusted=True, progress=False)
    assert list(frame["status"]) == ["added"]


@pytest.mark.long
def test_duplicates_are_found_and_reported(wb, nowhere):
    folder = nowhere / "pictures"
    folder.mkdir()
    for name in ("a.png", "b.png"):
        (folder / name).write_bytes(encode(scene(2, 200, 150), "PNG"))
    wb.ingest(folder, progress=False)
    assert len(wb.clusters(progress=False)) == 2
    assert len(find_duplicates(folder, progress=False)) == 2
    assert len(wb.similar(Image.fromarray(np.zeros((40, 40, 3), np.uint8)))) == 0
    report = wb.report(progress=False)
    for kind in ("csv", "html"):
        report.save(nowhere / f"report.{kind}")
        assert (nowhere / f"report.{kind}").stat().st_size


@pytest.mark.parametrize(
    "use",
    [
        lambda wb: wb.ingest("pictures", progress=False),
        lambda wb: wb.ingest("pictures/*.jpg", progress=False),
        lambda wb: wb.clusters(folders="pictures", progress=False),
        lambda wb: wb.files(folder="pictures"),
        lambda wb: wb.leakage("a", "b", progress=False),
        lambda wb: wb.report(progress=False).save("report.csv"),
        lambda wb: find_duplicates("pictures", progress=False),
        lambda wb: Workbench(Settings(root="store")).images(),
    ],
)
def test_a_relative_path_is_refused_in_words(wb, use):
    with pytest.raises(ImgurerError, match="working folder"):
        use(wb)
