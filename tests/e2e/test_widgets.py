"""The widgets alone, in a browser, behind the real server."""

import hashlib
import re
from pathlib import Path

import nbformat
import pytest
from playwright.sync_api import expect

from imgurer_kernel.common.text import human_bytes
from tests.e2e.pages import watched
from tests.e2e.servers import serving
from tests.e2e.test_http import eventually
from tests.support.forms import rounds

pytestmark = pytest.mark.e2e

NASTY = "<img src=x onerror=window.pwned=1>.png"
COUNT_URLS = """
window.urls = new Set();
const make = URL.createObjectURL.bind(URL), drop = URL.revokeObjectURL.bind(URL);
URL.createObjectURL = (blob) => {
  const url = make(blob);
  if (blob.type === "image/jpeg") window.urls.add(url);
  return url;
};
URL.revokeObjectURL = (url) => { window.urls.delete(url); drop(url); };
"""


def notebook(folder, arrivals):
    source = (Path(__file__).parent / "widgets_notebook.py").read_text(encoding="utf-8")
    cell = nbformat.v4.new_code_cell(source.replace("@FOLDER@", str(arrivals)))
    path = folder / "widgets.ipynb"
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(nbformat.v4.new_notebook(cells=[cell], metadata={"kernelspec": kernel}), path)
    return path


@pytest.fixture(scope="module")
def arrivals(tmp_path_factory):
    return tmp_path_factory.mktemp("arrivals")


@pytest.fixture(scope="module")
def server(browser, tmp_path_factory, arrivals):
    folder = tmp_path_factory.mktemp("widgets")
    with serving(folder / "store", notebook=notebook(folder, arrivals), preheat=0) as running:
        yield running


def opened(new_page, server):
    """The notebook as another visitor sees it."""
    page = watched(new_page())
    page.add_init_script(COUNT_URLS)
    page.goto(server.url)
    said(page, "ready", timeout=60_000)
    return page


@pytest.fixture(scope="module")
def shared(new_shared_page, server):
    return opened(new_shared_page, server)


@pytest.fixture(scope="module")
def other(new_shared_page, server):
    """The page of a second visitor."""
    return opened(new_shared_page, server)


@pytest.fixture
def at(shared):
    """One page shared by tests that restore its state."""
    shared.set_viewport_size({"width": 1280, "height": 800})
    press(shared, "Reset")
    said(shared, "reset")
    yield shared
    # Of this test: the tests after it share the page.
    faults, shared.faults[:] = list(shared.faults), []
    assert faults == []
    assert shared.evaluate("window.pwned") is None


def press(page, name):
    page.get_by_role("button", name=name, exact=True).click()


def tiles(page, part="gallery"):
    return page.locator(f".part-{part} [role=option]")


def said(page, text, timeout=60_000):
    expect(page.locator(".log")).to_have_text(text, timeout=timeout)


def focused(page):
    return page.evaluate("document.activeElement.dataset.imageId")


# Galleries


def test_a_gallery_shows_names_as_text_and_pictures_whole(at):
    names = tiles(at).locator(".imgurer-name")
    expect(names).to_have_count(12)
    expect(names.nth(1)).to_have_attribute("title", NASTY)
    expect(names.nth(1)).to_have_text(NASTY)
    image = tiles(at).nth(0).locator("img")
    expect(image).to_have_attribute("alt", "picture 0.jpg, 4032 by 3024")
    assert image.evaluate("i => getComputedStyle(i).objectFit") == "contain"
    at.wait_for_function("""() => Array.from(
        document.querySelectorAll('.part-gallery img'), (i) => i.naturalWidth).every(Boolean)""")
    expect(at.locator(".part-gallery .imgurer-divider")).to_have_text("unverified")
    boxes = [tiles(at).nth(n).bounding_box() for n in (8, 9)]
    line = at.locator(".part-gallery .imgurer-divider").bounding_box()
    assert boxes[0]["y"] < line["y"] < boxes[1]["y"]


def test_a_long_name_keeps_its_end_and_its_tile(at):
    tile = tiles(at).nth(2)
    tail = tile.locator(".imgurer-name-tail")
    expect(tail).to_have_text("xxxxé.jpg")
    outer, inner = tile.bounding_box(), tail.bounding_box()
    assert inner["x"] + inner["width"] <= outer["x"] + outer["width"]
    assert "\u202e" not in tiles(at).nth(3).locator(".imgurer-name").inner_text()


def test_a_long_folder_loses_its_middle_and_is_whole_on_demand(at):
    tile = tiles(at, "folders").nth(1)
    folder = tile.locator(".imgurer-folder")
    expect(folder).to_have_text("/home/ann/Pictures/2019/holidays in Brittany/Camera/100CANON")
    tail = folder.locator(".imgurer-name-tail")
    expect(tail).to_have_text("/100CANON")
    head, end, outer = (part.bounding_box() for part in (
        folder.locator(".imgurer-name-head"), tail, tile.locator(".imgurer-picture")
    ))  # fmt: skip
    assert head["x"] == outer["x"], "the beginning stays"
    assert 10 < head["width"] < 80, "and gives way"
    assert end["x"] + end["width"] <= outer["x"] + outer["width"] + 1, "the end is whole"
    path = "/home/ann/Pictures/2019/holidays in Brittany/Camera/100CANON/a.jpg"
    expect(tile).to_have_attribute("title", path)
    assert tile.locator("[title]").count() == 0, "nothing in it hides the path"
    short = tiles(at, "folders").nth(0).locator(".imgurer-folder")
    expect(short).to_have_text("/a/b")


def test_a_click_selects_and_a_double_click_opens(at):
    tiles(at).nth(4).click()
    said(at, "selected 4")
    expect(tiles(at).nth(4)).to_have_attribute("aria-selected", "true")
    tiles(at).nth(5).dblclick()
    said(at, "opened 5")
    expect(at.locator(".part-gallery [aria-selected=true]")).to_have_count(1)


def test_the_keys_move_select_and_open(at):
    assert at.locator(".part-gallery [role=option][tabindex='0']").count() == 1
    tiles(at).nth(0).focus()
    at.keyboard.press("ArrowRight")
    said(at, "selected 1")
    at.keyboard.press("End")
    said(at, "selected 11")
    at.keyboard.press("ArrowRight")
    assert focused(at) == "11"
    at.keyboard.press("ArrowUp")
    across = [tiles(at).nth(n).bounding_box()["x"] for n in (int(focused(at)), 11)]
    assert across[0] == pytest.approx(across[1], abs=1)
    at.keyboard.press("Home")
    said(at, "selected 0")
    at.keyboard.press("ArrowDown")
    below = int(focused(at))
    assert tiles(at).nth(below).bounding_box()["y"] > tiles(at).nth(0).bounding_box()["y"]
    at.keyboard.press("Enter")
    said(at, f"opened {below}")
    at.keyboard.press("Escape")
    said(at, "selected -1")
    expect(at.locator(".part-gallery [aria-selected=true]")).to_have_count(0)
    assert focused(at) == str(below)


def test_a_held_arrow_key_asks_for_the_last_picture_only(at):
    tiles(at).nth(0).focus()
    at.evaluate("""() => {
        window.said = [];
        const log = document.querySelector('.log');
        const write = () => window.said.push(log.textContent.trim());
        new MutationObserver(write).observe(log, {subtree: true, childList: true});
    }""")
    for _ in range(8):
        at.keyboard.press("ArrowRight")
    said(at, "selected 8")
    assert 1 <= len(set(at.evaluate("window.said"))) < 8


def test_two_views_of_one_gallery_select_together(at):
    tiles(at, "second").nth(6).click()
    expect(tiles(at, "gallery").nth(6)).to_have_attribute("aria-selected", "true")
    press(at, "Next")
    expect(tiles(at, "gallery")).to_have_count(3)
    expect(tiles(at, "second")).to_have_count(3)


def test_old_results_stay_until_the_new_ones_are_there(at):
    tiles(at).nth(5).click()
    said(at, "selected 5")
    press(at, "Wait")
    expect(at.locator(".part-gallery .imgurer-board")).to_have_attribute("aria-busy", "true")
    expect(tiles(at)).to_have_count(12)
    press(at, "Next")
    expect(tiles(at)).to_have_count(3)
    expect(at.locator(".part-gallery .imgurer-board")).to_have_attribute("aria-busy", "false")
    expect(tiles(at).nth(0)).to_have_attribute("aria-selected", "true")


def test_an_empty_gallery_says_so_and_waits_with_placeholders(at):
    press(at, "None")
    expect(at.locator(".part-gallery .imgurer-empty")).to_have_text("No pictures here yet.")
    press(at, "Wait")
    expect(at.locator(".part-gallery .imgurer-placeholder")).to_have_count(12)
    press(at, "Next")
    expect(tiles(at)).to_have_count(3)
    expect(at.locator(".part-gallery .imgurer-placeholder")).to_have_count(0)


def test_the_addresses_of_old_pictures_are_given_back(at):
    expect(tiles(at)).to_have_count(12)
    expect(at.locator(".part-facts .imgurer-empty")).to_be_visible()
    for name, count in (("Many", 200), ("Next", 3), ("Many", 200), ("Next", 3)):
        press(at, name)
        expect(tiles(at)).to_have_count(count)
        expect(tiles(at, "second")).to_have_count(count)
    # 3 tiles in 2 views, 4 with folders, 1 that is no picture
    at.wait_for_function("() => window.urls.size <= 11")
    press(at, "None")
    at.wait_for_function("() => window.urls.size === 5")


def test_a_picture_that_cannot_be_shown_is_replaced_by_a_sign(at):
    expect(tiles(at, "broken").locator("svg.imgurer-missing")).to_be_visible()
    expect(tiles(at, "broken").locator("img")).to_have_count(0)


def test_facts_are_text(at):
    expect(at.locator(".part-facts .imgurer-empty")).to_be_visible()
    press(at, "Facts")
    expect(at.locator(".part-facts dd")).to_have_text(NASTY)
    expect(at.locator(".part-facts img")).to_have_attribute("alt", NASTY)


@pytest.mark.parametrize("width", [390, 720, 1280, 1920])
def test_nothing_is_wider_than_the_window(at, width):
    at.set_viewport_size({"width": width, "height": 800})
    page = at.locator(".imgurer-page")
    # The layout follows the window a moment later.
    expect(page).to_have_js_property("offsetWidth", min(width, 2608))
    expect(page).to_have_js_property("scrollWidth", page.evaluate("n => n.clientWidth"))
    box = page.bounding_box()
    inside = at.locator(".part-gallery").bounding_box()
    assert inside["x"] - box["x"] == (16 if width < 720 else 24)


@pytest.mark.parametrize(("scheme", "ground"), [("dark", 20), ("light", 255)])
def test_the_page_follows_the_system(at, scheme, ground):
    at.emulate_media(color_scheme=scheme)
    for place in ("body", ".imgurer-page"):
        colour = at.locator(place).evaluate("n => getComputedStyle(n).backgroundColor")
        assert int(re.findall(r"\d+", colour)[0]) == ground, (place, colour)


@pytest.mark.parametrize(("motion", "sweeps"), [("reduce", False), ("no-preference", True)])
def test_nothing_moves_for_those_who_want_it_still(at, motion, sweeps):
    at.emulate_media(reduced_motion=motion)
    press(at, "Wait")
    expect(at.locator(".part-gallery .imgurer-busy")).to_have_count(1)
    # The page hears of the other medium a moment later.
    at.wait_for_function(
        """sweeps => {
            const busy = document.querySelector(".part-gallery .imgurer-busy");
            const names = busy ? getComputedStyle(busy, "::before").animationName : "";
            return names.includes("imgurer-appear") && names.includes("imgurer-sweep") === sweeps;
        }""",
        arg=sweeps,
    )


# Upload


def rows(page, part="upload"):
    return page.locator(f".part-{part} .imgurer-upload-row")


def choose(page, *files, part="upload"):
    page.locator(f".part-{part} input[type=file]").first.set_input_files(list(files))


def payload(name, data, kind="image/jpeg"):
    return {"name": name, "mimeType": kind, "buffer": data}


def parts(folder):
    return list(folder.glob("upload-*"))


def test_many_megabytes_arrive_whole(at, arrivals, tmp_path):
    path = tmp_path / "large.jpg"
    block = bytes(range(256)) * 4096
    megabytes = rounds(12, 30)  # more than are on their way at once
    path.write_bytes(b"".join(bytes([n]) + block[1:] for n in range(megabytes)))
    choose(at, path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    expect(rows(at)).to_contain_text(f"took {megabytes << 20} bytes {digest}", timeout=60_000)
    expect(rows(at)).to_contain_text(human_bytes(megabytes << 20))
    said(at, "idle")
    expect(at.locator(".part-upload .imgurer-total-words")).to_have_text("1 of 1 file · 1 added")
    assert parts(arrivals) == []


def test_messages_lost_by_a_broken_connection_are_sent_again(at, arrivals):
    at.evaluate("""() => {
        const send = WebSocket.prototype.send;
        let large = 0;
        WebSocket.prototype.send = function (data) {
            const size = data.byteLength ?? data.length;
            if (size > 1e6 && [2, 3].includes(++large)) return;
            if (large >= 3) WebSocket.prototype.send = send;
            return send.call(this, data);
        };
    }""")
    data = bytes(range(256)) * 24_000
    choose(at, payload("a.jpg", data))
    digest = hashlib.sha256(data).hexdigest()
    expect(rows(at)).to_contain_text(f"took {len(data)} bytes {digest}", timeout=60_000)
    assert parts(arrivals) == []


def test_each_file_gets_its_own_verdict(at, arrivals):
    choose(
        at,
        payload("a.jpg", b"first"),
        payload("match.jpg", b"second"),
        payload("empty.jpg", b""),
        payload("fault.jpg", b"x"),
        payload(NASTY, b"y"),
        payload("🏖️" + "x" * 240 + ".jpg", b"z"),
        payload("a.jpg", b"first"),
    )
    expect(rows(at)).to_have_count(7)
    digest = hashlib.sha256(b"first").hexdigest()
    expect(at.locator(".part-upload .imgurer-total-words")).to_have_text(
        "7 of 7 files · 4 added · 1 already here · 1 rejected · 1 failed"
    )
    # What went wrong is on top; all else stays in its order.
    expect(rows(at).nth(0)).to_contain_text("rejected: the file is empty")
    expect(rows(at).nth(0).locator("svg.imgurer-icon").last).to_be_visible()
    expect(rows(at).nth(1)).to_contain_text("Something went wrong inside")
    expect(rows(at).nth(1).get_by_role("button", name="Retry")).to_be_visible()
    expect(rows(at).nth(2)).to_contain_text(f"took 5 bytes {digest}")
    expect(rows(at).nth(6)).to_contain_text(f"took 5 bytes {digest}")
    expect(rows(at).nth(3).locator("img")).to_have_count(2)
    expect(rows(at).nth(3)).to_contain_text(f"{NASTY}, added by ann")
    expect(rows(at).nth(4).locator(".imgurer-name")).to_have_text(NASTY)
    rows(at).nth(3).get_by_role("button").last.click()
    said(at, "opened 2")
    at.get_by_role("button", name="Clear list").click()
    expect(rows(at)).to_have_count(0)
    assert parts(arrivals) == []


@pytest.fixture
def held(at, arrivals, tmp_path):
    """Seventy files of which the last ones wait for their turn until `release` is there.

    At most 32 wait for their verdict while 8 MB of others are on their way: 28 files of 300 kB.
    """
    release = arrivals / "release"
    release.unlink(missing_ok=True)
    paths = [tmp_path / f"held {n}.jpg" for n in range(70)]
    for n, path in enumerate(paths):
        path.write_bytes(bytes([n]) * 300_000)
    choose(at, *paths)
    expect(rows(at)).to_have_count(70)
    yield release
    release.touch()


def test_one_and_all_can_be_cancelled_and_tried_again(at, arrivals, held):
    last = rows(at).nth(69)
    last.get_by_role("button", name="Cancel held 69.jpg").click()
    expect(last).to_contain_text("Cancelled")
    expect(rows(at).nth(68)).to_contain_text("Waiting")
    at.get_by_role("button", name="Cancel all").click()
    expect(rows(at).nth(68)).to_contain_text("Cancelled")
    last.get_by_role("button", name="Retry").click()
    held.touch()
    expect(last).to_contain_text("took 300000 bytes", timeout=60_000)
    said(at, "idle")
    assert parts(arrivals) == []


def test_a_cancel_button_stays_the_same_while_its_file_goes_on(at, held):
    """A button that is replaced when its file is sent would lose the click."""
    at.evaluate("""() => {
        const row = document.querySelectorAll(".part-upload .imgurer-upload-row")[69];
        const first = row.querySelector(".imgurer-upload-actions button");
        window.seen = {};
        new MutationObserver(() => {
            const same = row.querySelector(".imgurer-upload-actions button") === first;
            window.seen[row.dataset.state] ??= same;
        }).observe(row, {attributes: true, childList: true, subtree: true});
    }""")
    held.touch()
    expect(rows(at).nth(69)).to_contain_text("took 300000 bytes", timeout=60_000)
    assert at.evaluate("window.seen.sending") is True
    said(at, "idle")


def test_a_file_that_is_too_large_is_refused_before_it_is_sent(at):
    choose(at, payload("b.jpg", b"x" * 1_000_001), part="single")
    expect(rows(at, "single")).to_contain_text("The file has 1.0 MB; the limit is 1.0 MB.")
    expect(rows(at, "single").get_by_role("button")).to_have_count(0)
    choose(at, payload("c.jpg", b"x"), part="single")
    expect(rows(at, "single")).to_have_count(1)
    expect(rows(at, "single")).to_contain_text("took 1 bytes")


def test_files_can_be_dropped(at):
    at.evaluate("""() => {
        const transfer = new DataTransfer();
        transfer.items.add(new File(['one'], 'dropped.jpg', {type: 'image/jpeg'}));
        transfer.items.add(new File(['second'], 'another.jpg', {type: 'image/jpeg'}));
        const area = document.querySelector('.part-upload .imgurer-drop');
        for (const kind of ['dragenter', 'dragover', 'drop'])
            area.dispatchEvent(new DragEvent(kind, {
                dataTransfer: transfer, bubbles: true, cancelable: true}));
    }""")
    expect(rows(at)).to_have_count(2)
    expect(rows(at).nth(0)).to_contain_text("took 3 bytes")
    expect(rows(at).nth(1)).to_contain_text("took 6 bytes")
    expect(rows(at, "single")).to_have_count(0)


def test_a_silent_kernel_is_reported_and_the_file_can_be_retried(at, arrivals):
    press(at, "Impatient")
    press(at, "Stall")
    choose(at, payload("a.jpg", b"x" * 5))
    expect(rows(at)).to_contain_text("No answer for 2 seconds", timeout=15_000)
    said(at, re.compile("awake|idle"))
    rows(at).get_by_role("button", name="Retry").click()
    expect(rows(at)).to_contain_text("took 5 bytes")
    assert parts(arrivals) == []


def test_a_vanished_file_is_reported(at, tmp_path):
    path = tmp_path / "gone.jpg"
    path.write_bytes(b"x" * 9_000_000)
    press(at, "Stall")  # the window is full before the end of the file is read
    choose(at, path)
    path.write_bytes(b"other")
    expect(rows(at)).to_contain_text("can no longer read", timeout=15_000)


@pytest.mark.long
def test_two_visitors_do_not_see_each_other(at, other):
    one = at
    choose(one, payload("first.jpg", b"1" * 3_000_000))
    choose(other, payload("second.jpg", b"2" * 5_000_000))
    # A test before may have left a row that failed.
    expect(rows(one).filter(has_text="first.jpg")).to_contain_text("took 3000000 bytes")
    expect(rows(other)).to_contain_text("took 5000000 bytes")
    expect(rows(one).filter(has_text="second.jpg")).to_have_count(0)
    assert other.faults == []


def test_a_reload_in_the_middle_leaves_nothing_behind(other, arrivals, tmp_path):
    large = tmp_path / "large.jpg"
    with large.open("wb") as file:
        file.truncate(200_000_000)
    page = other
    press(page, "Reset")
    said(page, "reset")
    choose(page, large)
    expect(page.locator(".part-upload .imgurer-bar[aria-valuenow]:not([aria-valuenow='0'])")
           ).to_be_visible(timeout=60_000)  # fmt: skip
    assert len(parts(arrivals)) == 1
    page.reload()
    choose(page, payload("a.jpg", b"12345"))
    expect(rows(page)).to_contain_text("took 5 bytes", timeout=60_000)
    eventually(lambda: parts(arrivals) == [])
