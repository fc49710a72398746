"""Before a file is removed: it must be known to show the same picture as the keeper."""

from types import SimpleNamespace

import pytest
from PIL import Image

from imgurer_kernel.workbench.clusters.same_picture import SamePictureCheck
from tests.matching.test_judgement import IRELAND, ITALY, flag, photo
from tests.support.catalogs import saved


def fill(wb):
    """Two halves of a photo, which only the whole one ties; a flag, its copy, and another one."""
    whole = photo(3)
    width, height = whole.size
    pictures = {
        "whole.png": whole,
        "left.png": whole.crop((0, 0, int(0.7 * width), height)),
        "right.png": whole.crop((int(0.3 * width), 0, width, height)),
        "italy.png": flag(*ITALY),
        "italy_small.png": flag(*ITALY).resize((240, 160), Image.Resampling.BOX),
        "ireland.png": flag(*IRELAND),
    }
    for name in sorted(pictures):
        wb.upload(name, saved(pictures[name]))
    wb.clusters(progress=False)


@pytest.fixture
def wb(new_store):
    return new_store(fill)


def why_not(wb, one, other, pairs=1):
    """Return why two files are not known to be the same, as acts check it; None if they are."""
    files = wb.images().set_index("filename")
    given = (
        SimpleNamespace(
            image_id=int(files.loc[name, "image_id"]),
            digest=str(files.loc[name, "digest"]),
            path=name,
            filename=name,
        )
        for name in (one, other)
    )
    return SamePictureCheck(wb._search, wb._verdicts(), pairs)(*given)


def ids(wb, *names):
    files = wb.images().set_index("filename")["image_id"]
    return [int(files[name]) for name in names]


@pytest.mark.long
@pytest.mark.parametrize("pairs", [1, 1000])
def test_copies_are_the_same_and_what_is_related_is_not(wb, pairs):
    assert why_not(wb, "italy_small.png", "italy.png", pairs) is None
    # Another colour is neither a copy nor a stranger.
    assert wb.evidence(*ids(wb, "ireland.png", "italy.png")).label == "colour variant"
    assert "not known to be the same" in why_not(wb, "ireland.png", "italy.png", pairs)


@pytest.mark.long
def test_two_halves_are_the_same_while_a_cluster_has_both(wb):
    wb.clusters(progress=False)
    found = wb.evidence(*ids(wb, "left.png", "right.png"))
    assert found.duplicate
    assert found.via == ids(wb, "whole.png")[0]
    assert why_not(wb, "left.png", "right.png") is None


@pytest.mark.parametrize("half", ["left.png", "right.png"])
def test_a_half_that_somebody_told_from_the_whole_is_no_longer_tied(wb, half):
    wb.clusters(progress=False)
    wb.decide(ids(wb, half, "whole.png"), "different")
    assert "not known to be the same" in why_not(wb, "left.png", "right.png")


@pytest.mark.long
def test_what_only_a_forgotten_picture_tied_is_no_longer_the_same(wb):
    wb.clusters(progress=False)
    assert wb.forget(ids(wb, "whole.png")[0])
    assert "not known to be the same" in why_not(wb, "left.png", "right.png")
