"""What is read of pictures for comparisons, by their ids."""

import numpy as np
from PIL import Image

from tests.support.pictures import encode, scene


def test_times_are_read_in_any_order_and_of_unknown_images_too(new_store):
    wb = new_store()
    expected = {}
    for seed, second in ((1, 5), (2, None), (3, 9)):
        exif = Image.Exif()
        if second is not None:
            exif.get_ifd(0x8769)[0x9003] = f"2021:03:04 05:06:0{second}"
        image_id = int(
            wb.upload(f"{seed}.jpg", encode(scene(seed, 96, 72), exif=exif))["image_id"].iloc[0]
        )
        at = np.datetime64(f"2021-03-04T05:06:0{second or 0}")
        expected[image_id] = 0 if second is None else int(at.astype(np.int64))
    ids = [max(expected) + 7, *sorted(expected, reverse=True), 0, min(expected)]
    taken = wb._search._loader.taken(np.array(ids))
    assert taken.dtype == np.int64
    assert taken.tolist() == [expected.get(image_id, 0) for image_id in ids]
    assert wb._search._loader.taken(np.empty(0, np.int64)).tolist() == []
    assert wb._search._loader.taken(np.array([10**6])).tolist() == [0]
