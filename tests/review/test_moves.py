"""Files that are written beside others."""

import os
import stat

import pytest

from imgurer_kernel.errors import ActRefused
from imgurer_kernel.review import disk, moves


@pytest.mark.parametrize(("mask", "mode"), [(0, 0o666), (0o022, 0o644), (0o077, 0o600)])
def test_a_file_is_written_once_with_the_rights_that_others_get(tmp_path, mask, mode):
    root = os.fsencode(tmp_path)
    before = os.umask(mask)
    try:
        with disk.place_of(root, [b"a.jpg.xmp"]) as place:
            moves.write(place, b"a.jpg.xmp", b"words")
            with pytest.raises(ActRefused, match="something is there already"):
                moves.write(place, b"a.jpg.xmp", b"others")
    finally:
        os.umask(before)
    [path] = tmp_path.iterdir()
    assert path.read_bytes() == b"words"
    assert stat.S_IMODE(path.stat().st_mode) == mode
