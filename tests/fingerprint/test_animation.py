"""Frames and pages: different ones are distinguished, re-encoded ones are the same."""

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from imgurer_kernel.fingerprint import animation, fingerprint
from imgurer_kernel.fingerprint.hashes.frame_hash import STILL, frame_key, frames_differ, key_arrays
from imgurer_kernel.settings import Settings
from tests.support.forms import thinned
from tests.support.pictures import encode, scene

ANIMATED = ["GIF", "WEBP", "PNG", "AVIF", "TIFF"]


def scenes(*seeds, size=(160, 120)):
    return [Image.fromarray(scene(seed, *size)) for seed in seeds]


def saved(frames, kind="GIF", **options):
    if kind in {"GIF", "WEBP", "PNG", "AVIF"}:
        options.setdefault("duration", 100)
    return encode(frames[0], kind, save_all=True, append_images=frames[1:], **options)


def key(data):
    return key_arrays([fingerprint(data).frame_key])


NO_KEY = key_arrays([STILL])


def differ(one, other):
    answers = {bool(frames_differ(a, b)[0]) for a, b in ((one, other), (other, one))}
    assert len(answers) == 1
    return answers.pop()


@pytest.mark.parametrize("kind", ANIMATED)
def test_count_duration_and_digest_of_all_frames(kind):
    found = fingerprint(saved(scenes(1, 2, 3), kind))
    assert found.frames == 3
    assert found.duration_ms == (0 if kind == "TIFF" else 300)
    assert len(found.frames_digest) == 64
    assert found.frames_digest == fingerprint(saved(scenes(1, 2, 3), kind)).frames_digest
    assert found.frames_digest != fingerprint(saved(scenes(1, 2, 4), kind)).frames_digest
    assert found.damage is None


@pytest.mark.parametrize("kind", thinned(ANIMATED, 2))
def test_animations_with_other_later_frames_differ(kind):
    one, same, other, begin = (
        key(saved(scenes(*seeds), kind)) for seeds in ((1, 2, 3), (1, 2, 3), (1, 4, 5), (1, 2, 9))
    )
    assert one.any()
    assert not differ(one, same)
    assert differ(one, other)
    assert differ(one, begin)


def test_a_copy_in_another_format_or_size_is_the_same():
    frames = scenes(1, 2, 3, 4, size=(320, 240))
    half = [frame.resize((160, 120)) for frame in frames]
    keys = [
        key(data)
        for data in (
            saved(frames),
            saved(half),
            saved(frames, "WEBP", quality=70),
            saved(half, "WEBP", quality=70),
        )
    ]
    assert not any(differ(one, other) for one in keys for other in keys)


@pytest.mark.long
def test_a_small_object_that_moves_differently_is_recognized():
    ground = Image.fromarray(scene(8, 320, 240))

    def film(places):
        frames = []
        for place in places:
            frame = ground.copy()
            frame.paste((240, 30, 30), (*place, place[0] + 24, place[1] + 24))
            frames.append(frame)
        return saved(frames)

    right, left = ([(150 + sign * 18 * k, 20 + 22 * k) for k in range(8)] for sign in (1, -1))
    assert differ(key(film(right)), key(film(left)))
    assert not differ(key(film(right)), key(film(right)))


def test_an_animation_of_equal_frames_is_a_still():
    still = Image.fromarray(scene(1, 160, 120))
    for kind in ("GIF", "TIFF", "WEBP"):
        data = saved([still, still.copy(), still.copy()], kind)
        assert fingerprint(data).frame_key == STILL
    assert differ(key(saved(scenes(1, 2))), NO_KEY)


def test_a_png_is_its_first_picture_too():
    one, other = key(saved(scenes(1, 2, 3), "PNG")), key(saved(scenes(1, 7, 8), "PNG"))
    assert differ(one, other)
    assert not differ(one, NO_KEY)
    hidden = saved(scenes(1, 2, 3), "PNG", default_image=True)
    assert fingerprint(hidden).frames == 3
    assert not key(hidden).any()


def test_views_of_one_scene_are_a_still():
    found = fingerprint(encode(scenes(1)[0], "MPO", save_all=True, append_images=scenes(2)))
    assert (found.format, found.frame_key, found.frames_digest) == ("MPO", STILL, None)


def test_a_preview_in_a_tiff_is_not_a_page():
    pages = [Image.fromarray(scene(1, 160, 120)), Image.fromarray(scene(1, 40, 30))]
    file = io.BytesIO()
    pages[0].save(file, "TIFF", save_all=True, append_images=pages[1:])
    assert fingerprint(file.getvalue()).frame_key != STILL
    pages[1].encoderinfo = {"tiffinfo": {254: 1}}
    file = io.BytesIO()
    pages[0].save(file, "TIFF", save_all=True, append_images=pages[1:])
    assert fingerprint(file.getvalue()).frame_key == STILL


def test_pages_of_other_sizes():
    def pages(*seeds):
        return [
            Image.fromarray(scene(seed, 100 + 20 * k, 90)).convert(mode)
            for k, (seed, mode) in enumerate(zip(seeds, ("RGB", "L", "CMYK"), strict=True))
        ]

    assert differ(key(saved(pages(1, 2, 3), "TIFF")), key(saved(pages(1, 4, 5), "TIFF")))


def test_a_damaged_later_frame_is_reported_but_not_rejected():
    frames = scenes(1, 2, 3, 4)
    gif, tiff = saved(frames), saved(frames, "TIFF")
    with Image.open(io.BytesIO(tiff)) as image:
        image.seek(2)
        strip = image.tag_v2[273][0]
    # The codes of a later frame are cut off, or its pixels are said to be beyond the end.
    for data in (gif[: len(gif) * 2 // 3], tiff[: strip + 100]):
        found = fingerprint(data)
        assert found.damage is not None
        assert "cannot be decoded" in found.damage
        assert found.frames_digest is None


def test_frames_beyond_the_limits_are_not_decoded(monkeypatch):
    frames = scenes(1, 2, 3, 4)
    whole = fingerprint(saved(frames))
    monkeypatch.setattr(animation, "_USUAL_MOST_PIXELS", 160 * 120 * 2)
    part = fingerprint(saved(frames))
    assert part.frames == 4
    assert whole.frames_digest is not None
    assert part.frames_digest is None
    assert part.frame_key == fingerprint(saved(frames[:2])).frame_key != whole.frame_key


def test_pages_over_a_limit_are_not_decoded():
    small, large = scenes(1, size=(40, 30))[0], scenes(2, size=(160, 120))[0]
    found = fingerprint(saved([small, large], "TIFF"), limits=Settings(max_pixels=40 * 30 * 2))
    assert (found.frames, found.frames_digest) == (2, None)
    assert "frame 2 of 2" in found.damage


def test_flat_animations_match_by_all_frames():
    white = Image.new("RGB", (160, 120), "white")
    one, same, other = (fingerprint(saved([white, *scenes(k)])) for k in (1, 1, 2))
    assert not one.informative
    assert one.pixels == same.pixels is not None
    assert one.pixels != other.pixels


grays = st.integers(0, 2**32 - 1).map(
    lambda seed: np.random.default_rng(seed).integers(0, 256, (32, 32), np.uint8)
)


@given(st.lists(grays, min_size=2, max_size=5), st.booleans())
def test_keys_are_of_one_kind_and_tell_what_they_are(frames, also_still):
    found = frame_key(frames, [100] * len(frames), also_still=also_still)
    assert len(found) == 32
    assert key_arrays([found]).any()
    assert (found[0] & 1) == also_still
    assert differ(key_arrays([found]), NO_KEY) != also_still
    # In another unit, and with each frame shown twice for half as long.
    twice = [frame for frame in frames for _ in range(2)]
    again = frame_key(twice, [0.05] * len(twice), also_still=also_still)
    assert not differ(key_arrays([found]), key_arrays([again]))


@given(grays, grays, grays)
def test_different_noise_is_distinguished(first, second, third):
    keys = (frame_key([first, each], [1, 1], also_still=False) for each in (second, third))
    one, other = (key_arrays([each]) for each in keys)
    assert differ(one, other) == (second != third).any()
