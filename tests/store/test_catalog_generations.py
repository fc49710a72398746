"""Keys of animations among those of stills."""

import numpy as np

from imgurer_kernel.store.catalog.generations import FrameKeys


def keys_of(*image_ids):
    """Keys that are four times the number of their image."""
    ids = np.array(image_ids, np.int64)
    return FrameKeys(ids, np.repeat(ids.astype(np.uint64)[:, None], 4, axis=1))


def test_keys_of_images_before_between_and_behind_the_animations():
    asked = np.array([9, 1, 2, 3, 5, 8, 99])
    found = keys_of(2, 5, 9).of(asked)
    assert found[:, 0].tolist() == [9, 0, 2, 0, 5, 0, 0]
    assert (found == found[:, :1]).all()
    assert found.dtype == np.uint64
    assert keys_of(2, 5).of(asked)[:, 1].tolist() == [0, 0, 2, 0, 5, 0, 0]
    assert keys_of(2).of(asked)[:, 3].tolist() == [0, 0, 2, 0, 0, 0, 0]
    assert FrameKeys.none().of(asked).tolist() == [[0] * 4] * 7


def test_keys_without_some_images_and_with_others():
    found = keys_of(2, 5, 9).after(np.array([5, 7]), keys_of(1, 6))
    assert found.image_ids.tolist() == [1, 2, 6, 9]
    assert found.keys[:, 0].tolist() == [1, 2, 6, 9]
    same = found.after(np.array([3]), FrameKeys.none())
    assert same.keys.tolist() == found.keys.tolist()
