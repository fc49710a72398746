from typing import get_args

import pandas as pd
import pytest

from imgurer_kernel.fingerprint.hashes.dhash import ORIENTATIONS
from imgurer_kernel.matching.labels import Label
from imgurer_kernel.ui.models.captions import (
    differences,
    image_facts,
    image_tiles,
    orientation_text,
    search_tiles,
    verdict_text,
)
from imgurer_kernel.ui.session import ImageListing

MEDOID = {
    "image_id": 1,
    "filename": "a.jpg",
    "width": 800,
    "height": 600,
    "bytes": 90_000,
    "format": "JPEG",
    "label": "medoid",
    "taken_at": pd.Timestamp("2020-05-01"),
    "path": "/a/b/a.jpg",
    "state": "present",
    "is_keeper": True,
    "is_reference": False,
    "distance_to_medoid": 0,
    "cluster_id": 4,
    "freed_disk": 3_100_000,
    "freed_store": 0,
    "best": "a.jpg",
    "best_path": "/a/b/a.jpg",
    "farthest": 6,
    "labels": ("medoid", "near by dHash"),
}


def search_frame(*rows):
    columns = ["image_id", "filename", "width", "height", "bytes", "distance", "verdict"]
    return pd.DataFrame(rows, columns=columns).assign(orientation="upright")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({}, []),
        ({"width": 400, "height": 300}, ["smaller"]),
        ({"width": 1600, "height": 1200}, ["larger"]),
        ({"bytes": 50_000}, ["fewer bytes"]),
        ({"bytes": 150_000}, ["more bytes"]),
        ({"width": 600, "height": 600}, ["smaller", "narrower"]),
        ({"width": 800, "height": 500}, ["smaller", "wider"]),
        ({"width": 796}, ["smaller"]),
        ({"format": "PNG"}, ["PNG"]),
        ({"taken_at": pd.Timestamp("2019-05-01")}, ["older"]),
        ({"taken_at": pd.Timestamp("2021-05-01")}, ["newer"]),
        ({"taken_at": pd.NaT}, []),
        ({"label": "cropped"}, ["cropped"]),
        ({"label": "cropped", "width": 600}, ["smaller", "cropped"]),
        ({"label": "resized", "width": 400, "height": 300}, ["smaller"]),
        ({"label": "near by dHash"}, []),
    ],
)
def test_differences_from_the_medoid(change, words):
    assert differences(MEDOID | change, MEDOID) == words


def test_a_search_result_says_how_near_and_how_sure():
    listing = ImageListing(
        search_frame(
            (1, "same.jpg", 40, 30, 900, 0, "exact"),
            (2, "near.jpg", 40, 30, 900, 4, "cropped"),
            (3, "alike.jpg", 40, 30, 900, 9, "unverified"),
        ),
        (b"1", b"2", b"3"),
    )
    same, near, alike = search_tiles(listing)
    assert (same.badge, same.meaning, same.note) == ("Exact copy", "done", "")
    assert (near.badge, near.meaning, near.note) == ("Same picture", "done", "cropped")
    assert (alike.badge, alike.meaning, alike.note) == ("Looks alike", "", "")
    assert near.alt == "near.jpg, 40 by 30, same picture"
    assert alike.alt == "alike.jpg, 40 by 30, looks alike"
    assert [tile.thumbnail for tile in (same, near, alike)] == [b"1", b"2", b"3"]


def test_an_orientation_is_shown_with_the_verdict():
    frame = search_frame((1, "a.jpg", 40, 30, 900, 4, "flipped")).assign(orientation="mirrored")
    [tile] = search_tiles(ImageListing(frame, (b"",)))
    assert tile.note == "flipped, mirrored"
    assert tile.alt == "a.jpg, 40 by 30, same picture"


def test_every_label_is_a_verdict_with_words():
    for label in get_args(Label):
        assert verdict_text(label)


def test_every_orientation_has_words_but_upright():
    words = [orientation_text(name) for name in ORIENTATIONS]
    assert words[0] == ""
    assert all(words[1:])


def test_facts_leave_out_what_is_not_known():
    row = MEDOID | {"taken_at": pd.NaT, "camera": float("nan"), "latitude": float("nan")}
    assert [label for label, _ in image_facts(row)] == ["Pixels", "Size", "Format"]
    rich = row | {
        "camera": "<b>Canon</b>",
        "latitude": 48.9,
        "longitude": 2.3,
        "frames": 12,
        "informative": False,
        "dhash": "0" * 32,
        "added_at": pd.Timestamp("2026-01-01", tz="UTC"),
    }
    shown = dict(image_facts(rich))
    assert shown["Camera"] == "<b>Canon</b>"  # text: the widget sets it as such
    assert shown["Format"] == "JPEG, 12 frames"
    assert "flat" in shown["Note"]
    assert set(shown) >= {"Place", "Added"}
    assert "dHash" not in shown, "wb.images() has it for those who want it"


def test_plain_tiles_keep_order_and_names():
    name = "<img src=x onerror=1>.jpg"
    frame = pd.DataFrame([MEDOID | {"image_id": 7}, MEDOID | {"filename": name}])
    first, second = image_tiles(ImageListing(frame, (b"a", b"")))
    assert (first.image_id, second.image_id) == (7, 1)
    assert second.name == name
    assert second.thumbnail == b""
