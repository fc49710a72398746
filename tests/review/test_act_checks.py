"""The checks of one row of a plan, without a store."""

from dataclasses import replace

import pytest

from imgurer_kernel.errors import ActRefused
from imgurer_kernel.review.acts import ActCheck, PlannedRow
from imgurer_kernel.store.catalog.journal import FileOfImage

FILE = FileOfImage(
    file_id=1001, image_id=1, user_name="ann", path="/in/copy.jpg", path_key=b"/in/copy.jpg",
    filename="copy.jpg", kept="reference", bytes=9, modified_ns=0, device=None, inode=None,
    state="present", digest="d",
)  # fmt: skip
KEEPER = replace(FILE, file_id=1002, path="/in/a.jpg", path_key=b"/in/a.jpg", filename="a.jpg")


def trashed(file=FILE, others=(), *, is_admin=False):
    check = ActCheck(
        user="ann", is_admin=is_admin, folder="now", files={1001: file, 1002: KEEPER}, removed={},
        at_path=lambda _: [(int("1001"), "ann"), *others], going=frozenset({1001}),
        same=lambda *_: None, roots=[b"/in"],
    )  # fmt: skip
    return check.act(PlannedRow(1001, "trash", 1002))


def test_further_rows_of_a_file_are_those_of_other_numbers():
    assert trashed().others == ()
    assert trashed(others=[(1003, "ann")]).others == ((1003, "ann"),)
    assert trashed(others=[(1003, "ben")], is_admin=True).others == ((1003, "ben"),)
    with pytest.raises(ActRefused, match="it also belongs to ben"):
        trashed(others=[(1003, "ben")])


@pytest.mark.parametrize("facts", [{"path_key": None}, {"kept": "upload"}])
def test_what_is_in_the_store_only_is_not_moved_on_disk(facts):
    with pytest.raises(ActRefused, match="choose forget"):
        trashed(replace(FILE, **facts))
