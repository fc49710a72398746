import numpy as np
import pytest
from PIL import Image

from imgurer_kernel.errors import ImageTooLarge, InvalidRadius, QueryError, SourceError
from imgurer_kernel.settings import Settings
from imgurer_kernel.workbench.query import check_radius, parse_query
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
