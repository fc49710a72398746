"""Copies that were saved again at a higher quality are not kept over what they were saved from."""

import io

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from imgurer_kernel.fingerprint.original import OriginalFacts
from imgurer_kernel.review.generations import has_steps, made_with_loss, saved_again
from tests.support.pictures import encode, scene


def decoded(data):
    return Image.open(io.BytesIO(data)).convert("RGB")


ORIGINAL = encode(scene(3, 629, 443), quality=75)
COPIES = {
    "a again.jpg": encode(decoded(ORIGINAL), quality=95),
    "b turned.jpg": encode(decoded(ORIGINAL).transpose(Image.Transpose.ROTATE_90), quality=92),
    "c mirrored.jpg": encode(
        decoded(ORIGINAL).transpose(Image.Transpose.FLIP_LEFT_RIGHT), quality=90
    ),
    "d lossless.png": encode(decoded(ORIGINAL), "PNG"),
    "e few rows less.jpg": encode(decoded(ORIGINAL).crop((3, 2, 629, 443)), quality=95),
}


def kept(queue):
    return queue.loc[queue["is_keeper"], "filename"].tolist()


@pytest.mark.long
def test_the_original_is_kept_and_the_reason_is_reported(new_store):
    wb = new_store()
    for name, data in COPIES.items():
        wb.upload(name, data)
    wb.upload("original.jpg", ORIGINAL)
    queue = wb.queue(progress=False)
    assert set(queue["filename"]) == {*COPIES, "original.jpg"}
    assert kept(queue) == ["original.jpg"]
    rows = queue.set_index("filename")
    assert rows["is_resaved"].to_dict() == {**dict.fromkeys(COPIES, True), "original.jpg": False}
    assert set(rows["keeper_rule"]) == {"generation"}
    assert rows.loc["original.jpg", "keeper_reason"] == "kept: as it was first saved"
    assert rows.loc["a again.jpg", "keeper_reason"] == (
        "a copy saved again from it at a higher quality; kept: as it was first saved"
    )
    assert rows.loc["a again.jpg", "saved_quality"] > rows.loc["original.jpg", "quality"]
    assert wb.queue(progress=False).equals(queue), "from what was remembered"


@pytest.mark.long
def test_of_a_fine_original_and_an_export_the_original_is_kept(new_store):
    wb = new_store()
    fine = encode(scene(4, 629, 443), quality=95)
    export = encode(decoded(fine), quality=75)
    # Saved again from the export, it is no better than that, and worse than the original.
    wb.upload("a.jpg", encode(decoded(export), quality=98))
    wb.upload("b.jpg", export)
    wb.upload("c.jpg", fine)
    queue = wb.queue(progress=False).set_index("filename")
    assert queue.index[queue["is_keeper"]].tolist() == ["c.jpg"]
    assert queue["is_resaved"].to_dict() == {"a.jpg": True, "b.jpg": False, "c.jpg": False}


STEPS = (8, 6, 6, 7, 6, 5, 8, 7, 7, 7)
FIRST = OriginalFacts(quality=75.0, steps=STEPS)
AGAIN = OriginalFacts(quality=95.0, steps=(2,) * 10, earlier_quality=75.0, earlier_steps=STEPS)


@pytest.mark.parametrize(
    ("first", "expected"),
    [
        ({}, True),
        ({"width": 100}, False),  # it is no smaller picture that was saved again
        ({"width": 99, "height": 101}, True),
        ({"state": "missing"}, False),
        ({"damaged": 1.0}, False),
        ({"cluster_id": 1}, False),
        ({"digest": "unknown"}, False),
        ({"digest": "again"}, False),
    ],
)
def test_a_copy_is_one_of_a_file_that_is_there_and_as_good(first, expected):
    row = {"cluster_id": 0, "state": "present", "damaged": 0.0, "width": 100, "height": 100}
    if "width" in first and "height" not in first:
        row["width"] = 200
    rows = [{**row, "digest": "again"}, {**row, "digest": "first", **first}]
    found = saved_again(pd.DataFrame(rows), {"first": FIRST, "again": AGAIN})
    assert found[0] == expected
    assert found[1:].tolist() == [False] * (len(rows) - 1)


LOSSLESS = OriginalFacts(quality=100.0)


@pytest.mark.parametrize(
    ("master", "made", "expected"),
    [
        ({}, {}, True),
        ({"width": 500, "height": 400}, {}, True),  # turned
        ({"width": 401}, {}, False),
        ({"height": 501}, {}, False),
        ({"cluster_id": 1}, {}, False),
        ({"state": "missing"}, {}, False),
        ({"damaged": 1.0}, {}, False),
        ({"label": "edited"}, {}, False),
        ({"digest": "first"}, {}, False),  # a JPEG
        ({"digest": "unknown"}, {}, False),
        ({}, {"label": "edited"}, False),
        ({}, {"digest": "fine"}, False),
        ({}, {"digest": "unknown"}, False),
        ({}, {"camera": "Nikon"}, False),
        ({"camera": "Canon"}, {"camera": "Nikon"}, True),
        ({"width": 300, "height": 400}, {"width": 300, "height": 400}, False),  # too small
    ],
)
def test_a_file_is_made_with_loss_if_the_same_picture_is_there_without(master, made, expected):
    """The one row beside them, of another picture and without loss, never counts."""
    row = {"cluster_id": 0, "state": "present", "damaged": 0.0, "width": 400, "height": 500}
    row |= {"label": "identical", "camera": None}
    other = {**row, "digest": "master", "width": 1000, "height": 900, "cluster_id": 2}
    rows = [{**row, "digest": "first", **made}, {**row, "digest": "master", **master}, other]
    measured = {
        "first": FIRST,
        "fine": OriginalFacts(quality=93.0, steps=STEPS),
        "master": LOSSLESS,
    }
    found = made_with_loss(pd.DataFrame(rows), measured)
    assert found.tolist() == [expected, False, False]


def test_steps_are_compared_where_they_are_known_and_after_a_turn():
    turned = (8, 6, 6, 5, 6, 7, 7, 7, 7, 8)
    assert has_steps(turned, STEPS)
    assert has_steps((0, 0, 6, 7, 6, 0, 0, 0, 0, 7), STEPS)
    assert not has_steps((0,) * 10, STEPS)
    assert not has_steps((13, 9, 10, 11, 10, 8, 13, 11, 10, 11), STEPS)
    assert not has_steps(tuple(np.array(STEPS) - 2), STEPS)
    assert [has_steps((step,) * 10, (100,) * 10) for step in (91, 93, 107, 109)] == [
        *(False, True, True, False)
    ]
