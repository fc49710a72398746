import pandas as pd
import pytest

from imgurer_kernel.errors import NotAllowed, UnknownImage, UnknownUser
from imgurer_kernel.ui.session import VisitorSession
from tests.support.pictures import jpeg
from tests.support.stores import break_thumbnail, open_store


def fill(wb):
    for seed in range(3):
        wb.upload(f"{seed}.jpg", jpeg(seed, 160, 120))


@pytest.fixture
def wb(new_store):
    return new_store(fill)


def test_a_session_reads_nothing_when_it_is_made(tmp_path):
    wb = open_store(tmp_path / "store")
    session = VisitorSession(wb, "nobody")
    assert not wb.catalog.path.exists()  # it is made when it is first asked
    with pytest.raises(UnknownUser):
        session.account()
    wb.close()


def test_one_missing_thumbnail_does_not_hide_the_others(wb):
    session = VisitorSession(wb)
    break_thumbnail(wb, 2)
    first, second, third = session.thumbnails([1, 2, 3])
    assert first
    assert second == b""
    assert third
    assert session.thumbnails([]) == ()


def test_an_image_that_is_gone_says_so_in_words_for_people(wb):
    with pytest.raises(UnknownImage, match="not here any more"):
        VisitorSession(wb).image(99)


def test_a_demoted_admin_may_no_longer(wb):
    wb.accounts.create("root", "correct horse", "admin")
    wb.accounts.create("ann", "correct horse", "admin")
    session = VisitorSession(wb, "ann")
    session.require_admin()
    assert session.is_admin
    wb.accounts.set_role("ann", "member")
    with pytest.raises(NotAllowed):
        session.require_admin()
    assert not session.is_admin
    wb.accounts.set_role("ann", "admin")
    wb.accounts.disable("ann")
    with pytest.raises(NotAllowed):
        session.require_admin()


def test_a_listing_keeps_rows_and_thumbnails_together(wb):
    frame = wb.images()
    listing = VisitorSession(wb).listing(frame.iloc[[2, 0]])
    assert listing.frame["image_id"].tolist() == [3, 1]
    assert listing.thumbnails == (wb.thumbnail(3), wb.thumbnail(1))
    assert isinstance(listing.frame.index, pd.RangeIndex)
    assert len(listing) == 2
