import numpy as np
import pandas as pd
import pytest

from imgurer_kernel.errors import BlobMissing
from imgurer_kernel.report.figures import plot_map
from imgurer_kernel.report.likeness_map import LikenessMap, spread
from tests.support.pictures import jpeg


@pytest.mark.parametrize("dark", [False, True])
def test_a_map_is_drawn_with_thumbnails_that_are_there(dark):
    frame = pd.DataFrame({"image_id": [1, 2, 3], "x": [0.0, 0.5, 1.0], "y": [0.2, 0.9, 0.1]})
    frame["cluster_id"] = pd.array([None, 0, 0], "Int64")

    def thumbnail(image_id):
        if image_id == 2:
            message = "gone"
            raise BlobMissing(message)
        return jpeg(image_id, 60, 40)

    drawn = LikenessMap(frame=frame, thumbnail=thumbnail).figure(dark=dark)
    assert drawn.jpeg().startswith(b"\xff\xd8")
    assert len(drawn.axes[0].artists) == 2
    assert plot_map(frame.iloc[:0], {}, dark=dark).jpeg().startswith(b"\xff\xd8")


def test_pictures_are_spread_over_the_map():
    random = np.random.default_rng(0)
    frame = pd.DataFrame({"image_id": range(500), "x": random.random(500), "y": random.random(500)})
    chosen = spread(frame, 50)
    assert 30 < len(chosen) <= 50
    assert len(set(chosen)) == len(chosen)
