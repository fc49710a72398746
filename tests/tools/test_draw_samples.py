"""The tool that draws the sample pictures reproduces the tracked ones."""

import hashlib
import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import tools.draw_samples.__main__
from imgurer_kernel.report.evaluation.samples import find_pictures, read_index
from tests.support.forms import thinned
from tools import draw_samples
from tools.draw_samples import SCENES, draw, files
from tools.draw_samples.files import FLATS, SECOND_TAKES, flat_picture, photo
from tools.draw_samples.light import develop

PICTURES = find_pictures()
INDEX = read_index(PICTURES)
SMALL = tuple(replace(scene, width=64, height=48) for scene in SCENES[:2])


def pixels(data):
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image.convert("RGB"), np.float64)


def test_the_index_lists_what_is_tracked():
    names = {path.name for path in PICTURES.iterdir()}
    assert names == {"index.csv", *(picture.file for picture in INDEX)}
    for picture in INDEX:
        assert hashlib.sha256((PICTURES / picture.file).read_bytes()).hexdigest() == picture.sha256
    kinds = [picture.kind for picture in INDEX]
    wanted = (len(SCENES), len(SECOND_TAKES), len(FLATS))
    assert tuple(kinds.count(kind) for kind in ("original", "near-miss", "flat")) == wanted


@pytest.mark.long
@pytest.mark.parametrize("name", ["moonrise", "sunset-sea"])
def test_a_scene_is_still_drawn_as_it_is_tracked(name):
    # Not to the byte: another numpy or Pillow may round otherwise.
    [scene] = [scene for scene in SCENES if scene.name == name]
    tracked = (PICTURES / f"{name}.jpg").read_bytes()
    drawn = photo(scene)
    assert np.abs(pixels(drawn) - pixels(tracked)).mean() < 1
    with Image.open(io.BytesIO(drawn)) as one, Image.open(io.BytesIO(tracked)) as other:
        assert dict(one.getexif().get_ifd(0x8769)) == dict(other.getexif().get_ifd(0x8769))
        assert dict(one.getexif().get_ifd(0x8825)) == dict(other.getexif().get_ifd(0x8825))


@pytest.mark.parametrize("name", FLATS)
def test_a_flat_picture_is_still_drawn_as_it_is_tracked(name):
    tracked = (PICTURES / f"{name.replace(' ', '-')}.png").read_bytes()
    assert np.array_equal(pixels(flat_picture(name)), pixels(tracked))


@pytest.mark.parametrize("scene", thinned(SCENES, 4), ids=lambda scene: scene.name)
def test_a_scene_is_the_same_each_time_and_another_for_another_take(scene, monkeypatch):
    seen = []

    def developed(light, rng, **options):
        seen.append(light)
        return develop(light, rng, **options)

    monkeypatch.setattr(draw_samples, "develop", developed)
    small = replace(scene, width=96, height=72)
    picture = draw(small)
    assert (picture.shape, picture.dtype) == ((72, 96, 3), np.uint8)
    np.testing.assert_array_equal(draw(small), picture)
    assert (draw(small, take=1) != picture).mean() > 0.5
    assert all(np.isfinite(light).all() and light.min() > -0.5 for light in seen)


def test_another_seed_draws_other_scenes():
    small = replace(SCENES[0], width=96, height=72)
    assert (draw(small, seed=1) != draw(small)).mean() > 0.5


@pytest.mark.parametrize("workers", [1, 4])
def test_the_command_writes_an_index_that_the_package_reads(workers, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(files, "SCENES", SMALL)
    monkeypatch.setattr("os.cpu_count", lambda: workers)
    folder = tmp_path / "new" / "pictures"
    assert tools.draw_samples.__main__.main([str(folder)]) == 0
    assert "10 pictures" in capsys.readouterr().out
    rows = read_index(folder)
    assert {row.file for row in rows} == {path.name for path in folder.glob("*.*g")}
    # As the tracked ones, but for the scenes that are not drawn here, and for their pixels.
    same = [(row.file, row.scene, row.kind, row.taken) for row in rows]
    scenes = {row.scene for row in rows}
    assert same == [(p.file, p.scene, p.kind, p.taken) for p in INDEX if p.scene in scenes]
    for row in rows:
        assert hashlib.sha256(Path(folder, row.file).read_bytes()).hexdigest() == row.sha256
