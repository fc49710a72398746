"""The text of an error for a visitor."""

from types import SimpleNamespace

import pytest

from imgurer_kernel.errors import StorageDenied
from imgurer_kernel.ui.jobs import error_text
from imgurer_kernel.ui.shown_error import COOKIE_VARIABLE, shown_error
from imgurer_kernel.ui.widgets.upload.receiver import UploadReceiver


@pytest.fixture
def broken(tmp_path):
    """An error that names a file of the store."""
    root = tmp_path / "store"
    root.mkdir()
    (root / "tmp").write_text("")
    with pytest.raises(StorageDenied) as caught:
        UploadReceiver(root / "tmp", max_bytes=9).chunk("k", name="a", size=1, sequence=0, data=b"")
    return SimpleNamespace(root=root, error=caught.value)


def test_a_member_is_not_told_where_the_store_lies(broken, monkeypatch):
    monkeypatch.setenv(COOKIE_VARIABLE, "imgurer-1")
    monkeypatch.setenv("IMGURER_ROOT", str(broken.root))
    for text in (shown_error(broken.error), error_text(broken.error)):
        assert str(broken.root.parent) not in text
        assert "he store's folder/tmp (" in text


def test_who_runs_it_for_themselves_is_reported(broken, monkeypatch):
    monkeypatch.setenv(COOKIE_VARIABLE, "")
    assert str(broken.root / "tmp") in shown_error(broken.error)
