"""In IPython: frames with their pictures, and the line magic; with a shell, without a browser."""

import re
from types import SimpleNamespace

import pandas as pd
import pytest
from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell

from imgurer_kernel import find_duplicates
from imgurer_kernel.ui import inline_pictures
from tests.support.pictures import encode, jpeg, scene
from tests.support.stores import break_thumbnail, open_store

NASTY = "<img src=x onerror=pwned()>.jpg"


def fill(wb):
    wb.upload(NASTY, encode(scene(1, 160, 120)))
    for seed in range(30):
        wb.upload(f"{seed}.jpg", jpeg(seed, 64, 48))


@pytest.fixture(scope="module")
def ipython():
    shell = InteractiveShell.instance()
    shell.run_line_magic("load_ext", "imgurer_kernel")
    yield shell
    shell.history_manager.end_session()
    InteractiveShell.clear_instance()


@pytest.fixture
def wb(new_store, ipython, monkeypatch):
    monkeypatch.setattr(inline_pictures, "_known", {})
    return new_store(fill)


def shown(ipython, frame):
    formats, _ = ipython.display_formatter.format(frame)
    return formats.get("text/html", "")


def pictures(html):
    return html.count('src="data:image/jpeg;base64,')


def test_a_frame_of_ours_shows_its_pictures(wb, ipython):
    assert pictures(shown(ipython, wb.similar(1))) == 1
    html = shown(ipython, wb.images())
    assert pictures(html) == 20
    assert "the first 20 of 31 rows" in html
    assert NASTY not in html
    assert "&lt;img src=x" in html


def test_changed_frames_still_show_their_pictures(wb, ipython):
    images = wb.images()
    for frame in (
        images[images["width"] < 100].sort_values("filename").head(3),
        images.head(3).merge(wb.files()[["image_id", "path"]], on="image_id"),
        pd.concat([images.head(1), images.tail(2)]),
        images.head(3).reset_index(drop=True).assign(picture=1),
    ):
        assert pictures(shown(ipython, frame)) == 3


def test_frames_of_others_look_as_ever(wb, ipython):
    images = wb.images()
    two = pd.DataFrame([["a", "b"]], columns=["digest", "digest"])
    for frame in (
        images[["image_id"]],
        images.iloc[:0],
        pd.DataFrame({"digest": ["0" * 64, "../../etc", None, 7]}),
        two,
        pd.DataFrame(),
        images.set_index("digest")[["width"]],
        images.groupby("format")[["digest"]].agg(["count"]),
    ):
        assert shown(ipython, frame) == frame._repr_html_()


def test_a_missing_thumbnail_is_an_empty_cell(wb, ipython):
    break_thumbnail(wb, 2)
    assert pictures(shown(ipython, wb.images([1, 2, 3]))) == 2


def test_a_setting_turns_it_off_or_up(wb, ipython, templates):
    images = wb.images()
    for rows in (0, 50):
        open_store(wb.settings.root, inline_pictures=rows).close()
        assert pictures(shown(ipython, images)) == min(rows, len(images))


def test_pandas_own_switch_holds(wb, ipython):
    with pd.option_context("display.notebook_repr_html", False):
        assert shown(ipython, wb.images()) == ""


def test_a_closed_store_still_has_its_pictures_and_few_are_remembered(wb, ipython, new_store):
    images = wb.images()
    wb.close()
    assert pictures(shown(ipython, images)) == 20
    blobs = wb.blobs
    for number in range(inline_pictures.MAX_STORES):
        settings = SimpleNamespace(root=number, inline_pictures=20)
        inline_pictures.follow(SimpleNamespace(settings=settings, blobs=blobs))
    assert len(inline_pictures._known) == inline_pictures.MAX_STORES
    assert wb.settings.root not in inline_pictures._known


# The magic


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("IMGURER_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "my pictures"
    for name, quality in (("one/a.jpg", 95), ("two/a again.jpg", 50), ("one/a copy.jpg", 60)):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(encode(scene(1, 160, 120), quality=quality))
    return folder


@pytest.mark.long
def test_the_magic_answers_as_the_function_does(ipython, folder):
    found = ipython.run_line_magic("duplicates", f"--quiet '{folder}'")
    assert sorted(found["filename"]) == ["a again.jpg", "a copy.jpg", "a.jpg"]
    pd.testing.assert_frame_equal(found, find_duplicates(folder, progress=False))
    assert pictures(shown(ipython, found)) == 3


@pytest.mark.long
def test_the_magic_takes_the_options(ipython, folder):
    line = f"--quiet '{folder}/one' '{folder}/two' --between --reference '{folder}/one'"
    found = ipython.run_line_magic("duplicates", line)
    expected = find_duplicates(
        folder / "one", folder / "two", between=True, reference=folder / "one", progress=False
    )
    pd.testing.assert_frame_equal(found, expected)
    line = f"--quiet '{folder}' --exclude '*again*' --min-size 1"
    assert len(ipython.run_line_magic("duplicates", line)) == 2


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("", "required: FOLDER"),
        ("--quiet /no/such/folder", "/no/such/folder"),
        ("'never closed", "quotation"),
        ("--nothing /tmp", "unrecognized arguments: --nothing"),
        ("/tmp --min-size much", "min-size"),
    ],
)
def test_invalid_arguments_are_an_error_in_one_line(ipython, folder, line, says):
    with pytest.raises(UsageError, match=re.escape(says)):
        ipython.run_line_magic("duplicates", line)
