import os

import numpy as np
import pytest
from PIL import Image

from imgurer_kernel.errors import (
    ImageTooLarge,
    InvalidRadius,
    QueryError,
    SettingsError,
    SourceError,
)
from imgurer_kernel.settings import Settings
from imgurer_kernel.workbench.pictures.query import check_radius, parse_query
from tests.support.pictures import jpeg, scene


def test_bytes_paths_and_pictures_give_the_same_fingerprint(tmp_path):
    path = tmp_path / "a.jpg"
    path.write_bytes(jpeg(0))
    hashes = {
        parse_query(given, Settings()).fingerprint.dhash
        for given in (jpeg(0), bytearray(jpeg(0)), memoryview(jpeg(0)), path, str(path))
    }
    assert len(hashes) == 1
    picture = parse_query(Image.fromarray(scene(0)), Settings())
    assert picture.fingerprint.width == 640


def test_what_cannot_be_searched_by(tmp_path):
    for given in ({}, None, 1.5, True, object()):
        with pytest.raises(QueryError, match=type(given).__name__):
            parse_query(given, Settings())
    with pytest.raises(SourceError):
        parse_query(tmp_path, Settings())
    (tmp_path / "large").write_bytes(bytes(50))
    with pytest.raises(ImageTooLarge):
        parse_query(tmp_path / "large", Settings(max_bytes=49))


def test_radius():
    assert check_radius(np.int64(8)) == 8
    for radius in (-1, 129, 1.0, "1", None, True):
        with pytest.raises(InvalidRadius):
            check_radius(radius)


@pytest.mark.parametrize("wrong", [-1, True, False, 10.5, "3", np.int64(-1), np.nan])
def test_a_limit_is_a_whole_number_of_rows(new_store, wrong):
    wb = new_store()
    for verify in (True, False):
        with pytest.raises(QueryError, match="limit is"):
            wb.similar(jpeg(0), limit=wrong, verify=verify)
    with pytest.raises(QueryError, match="asked for"):
        wb.browse(wrong)


@pytest.mark.parametrize("wrong", [10.5, True, False, -1, 129, "3", np.nan])
def test_a_radius_is_a_whole_number_of_bits(new_store, wrong):
    wb = new_store()
    for work in (
        lambda: wb.similar(jpeg(0), wrong),
        lambda: wb.clusters(wrong, progress=False),
        lambda: wb.clusters(wrong, verify=False, progress=False),
    ):
        with pytest.raises(InvalidRadius):
            work()
    with pytest.raises(SettingsError):
        Settings(radius=wrong)


def test_limits_may_be_none_or_numbers(new_store):
    wb = new_store()
    for seed in range(2):
        wb.upload(f"{seed}.jpg", jpeg(0) + bytes([seed]))
    for verify in (True, False):
        sizes = [len(wb.similar(1, limit=n, verify=verify)) for n in (None, 0, 1, np.int64(2), 9)]
        assert sizes == [2, 0, 1, 2, 2]


@pytest.mark.parametrize("path", ["~nosuchuser/x", "a\0b.jpg", "half \ud800.jpg", "/", ""])
def test_a_path_that_can_be_none_is_an_error_of_ours(new_store, path):
    with pytest.raises(SourceError, match="cannot be read"):
        new_store().similar(path)


@pytest.mark.parametrize("kind", ["device", "pipe", "folder"])
def test_what_never_ends_is_refused_and_not_read(new_store, tmp_path, kind):
    path = {"device": "/dev/zero", "pipe": tmp_path / "pipe", "folder": tmp_path}[kind]
    if kind == "pipe":
        os.mkfifo(path)
    wb = new_store()
    with pytest.raises(SourceError, match="regular file"):
        wb.similar(path)
    assert "image_id" in wb.lookup(path, progress=False)  # comes to an end
