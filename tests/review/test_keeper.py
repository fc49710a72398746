import pandas as pd

from imgurer_kernel.review.keeper import keepers

IMAGES = pd.DataFrame(
    {
        "image_id": [1, 2, 3, 4, 5],
        "width": [100, 200, 100, 50, 50],
        "height": [100, 100, 200, 50, 50],
        "bytes": [9, 7, 8, 6, 5],
    }
)


def keeper(images):
    """The one that is kept where all are one cluster."""
    [kept] = images.loc[keepers(images.assign(cluster_id=0)), "image_id"]
    return kept


def test_the_keeper_has_the_most_pixels_then_bytes_then_age():
    images = IMAGES.assign(within_frame=1.0)
    assert keeper(images) == 3
    assert keeper(images.iloc[3:]) == 4
    assert keeper(images.iloc[3:].assign(bytes=5)) == 4


def test_a_frame_around_a_picture_does_not_count():
    assert keeper(IMAGES.assign(within_frame=[1, 1, 0.97, 1, 1])) == 2
    assert keeper(IMAGES.assign(within_frame=[1, 0.96, 0.97, 1, 1])) == 3
    assert keeper(IMAGES.assign(width=[100, 200, 300, 50, 50], within_frame=0.5)) == 3


def test_no_members_have_no_keepers():
    assert keepers(IMAGES.iloc[:0].assign(cluster_id=0, within_frame=1.0)).tolist() == []
