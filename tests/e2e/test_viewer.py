"""The viewer and the comparison in a browser, behind the real server over a real store."""

import re

import pytest
from playwright.sync_api import expect

from imgurer_kernel import Settings, Workbench
from tests.e2e.pages import NASTY, dashboard_page
from tests.e2e.servers import serving
from tests.support.pictures import encode, resized, scene

pytestmark = pytest.mark.e2e
expect.set_options(timeout=60_000)  # a machine may be busy


@pytest.fixture(scope="module")
def server(browser, tmp_path_factory):
    root = tmp_path_factory.mktemp("viewer") / "store"
    picture = scene(1000, 1280, 960)
    with Workbench(Settings(root=root)) as workbench:
        workbench.upload("beach.jpg", encode(picture, quality=95))
        workbench.upload(f"{NASTY}.tif", encode(resized(picture, 640, 480), "TIFF"))
        workbench.upload("hill.png", encode(scene(1001, 300, 400), "PNG"))
    with serving(root, preheat=0) as running:
        yield running


@pytest.fixture(scope="module")
def shared(new_shared_page, server):
    with dashboard_page(new_shared_page, server) as page:
        yield page


@pytest.fixture
def at(shared):
    """Function that opens a tab and returns the page; overlays are closed."""

    def go(tab):
        shared.evaluate("place => { location.hash = place; }", f"#{tab}")
        expect(tiles(shared).first).to_be_visible()
        return shared

    yield go
    if shared.locator("dialog[open]").count():
        shared.keyboard.press("Escape")
    expect(shared.locator("dialog[open]")).to_have_count(0)


def tiles(page):
    return page.locator(".imgurer-file:visible")


def overlay(page):
    return page.locator("dialog[open]")


def compare(page):
    """Compare the small copy with the best one, side by side whatever was chosen before."""
    tiles(page).filter(has_text=".tif").first.click()
    page.keyboard.press("c")
    expect(overlay(page)).to_be_visible()
    page.keyboard.press("s")
    expect(overlay(page).locator(".imgurer-stage")).to_have_count(2, timeout=60_000)


def eventually(page, condition, seconds=20):
    """Wait for a condition; the page's own policy forbids the scripts of `wait_for_function`."""
    for _ in range(seconds * 20):
        if condition():
            return
        page.wait_for_timeout(50)
    assert condition()


def natural(page):
    """Width and height of the picture on the stage, as the browser has decoded it."""
    # It is refused if another source is set meanwhile, as the original after the thumbnail.
    script = """image => image.decode().then(
        () => [image.naturalWidth, image.naturalHeight], () => [0, 0])"""
    return page.locator("dialog[open] .imgurer-stage img").first.evaluate(script)


def shown_width(page, stage=0):
    image = page.locator("dialog[open] .imgurer-stage img").nth(stage)
    return image.evaluate("image => image.getBoundingClientRect().width")


def test_space_shows_the_original_and_escape_gives_the_focus_back(at):
    page = at("review")
    tile = tiles(page).filter(has_text="beach").first
    tile.click()
    page.keyboard.press("Space")
    expect(overlay(page)).to_be_visible()
    expect(overlay(page).get_by_text(re.compile("Loading the original"))).to_have_count(0)
    eventually(page, lambda: natural(page)[0] == 1280)
    page.keyboard.press("Escape")
    expect(overlay(page)).to_have_count(0)
    expect(tile).to_be_focused()


def test_a_format_that_browsers_do_not_know_is_shown_in_full(at):
    page = at("review")
    tiles(page).filter(has_text=".tif").first.click()
    page.keyboard.press("Space")
    eventually(page, lambda: natural(page)[0] == 640)


def test_the_arrows_go_on_and_move_what_is_zoomed(at):
    page = at("review")
    tiles(page).first.click()
    page.keyboard.press("Space")
    place = overlay(page).locator(".imgurer-overlay-place")
    expect(place).to_have_text("1 of 2")
    fitted = shown_width(page)
    page.keyboard.press("+")
    assert shown_width(page) > 1.2 * fitted
    page.keyboard.press("ArrowRight")
    expect(place).to_have_text("1 of 2")  # it was moved, not left
    page.keyboard.press("0")
    page.keyboard.press("ArrowRight")
    expect(place).to_have_text("2 of 2")
    expect(overlay(page).get_by_role("button", name=re.compile("Next picture"))).to_be_disabled()


def test_the_wheel_zooms_where_the_pointer_is(at):
    page = at("review")
    tiles(page).first.click()
    page.keyboard.press("Space")
    stage = overlay(page).locator(".imgurer-stage")
    box = stage.bounding_box()
    left = "image => image.getBoundingClientRect().left"
    image = overlay(page).locator(".imgurer-stage img").first
    before, width = image.evaluate(left), shown_width(page)
    x, y = before + width / 4, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.wheel(0, -600)
    eventually(page, lambda: shown_width(page) > 1.5 * width)
    share = (x - image.evaluate(left)) / shown_width(page)
    assert share == pytest.approx(0.25, abs=0.01)


def test_c_compares_with_the_best_copy_and_zooms_both_alike(at):
    page = at("review")
    compare(page)
    expect(overlay(page)).to_contain_text("The same picture")
    differing = overlay(page).locator("tr.imgurer-differs")
    expect(differing.filter(has_text="Format")).to_have_count(1)
    first, second = shown_width(page, 0), shown_width(page, 1)
    overlay(page).locator(".imgurer-stage").first.focus()
    page.keyboard.press("+")
    assert shown_width(page, 0) / first == pytest.approx(1.4, abs=0.05)
    assert shown_width(page, 1) / second == pytest.approx(1.4, abs=0.05)


def test_two_pictures_lie_on_each_other(at):
    page = at("review")
    page.emulate_media(reduced_motion="no-preference")
    compare(page)
    page.keyboard.press("l")
    slider = overlay(page).get_by_role("slider")
    expect(slider).to_be_visible()
    layers = overlay(page).locator(".imgurer-stage img")
    expect(layers).to_have_count(2)
    slider.fill("20")
    assert "80%" in layers.nth(1).evaluate("image => image.style.clipPath")
    page.keyboard.press("Tab")
    overlay(page).get_by_role("button", name=re.compile("Blink")).click()
    expect(slider).to_be_hidden()
    caption = overlay(page).locator("figcaption")
    expect(caption).to_contain_text("beach.jpg")
    expect(caption).to_contain_text(".tif")  # it turns by itself
    overlay(page).get_by_role("button", name=re.compile("Difference")).click()
    expect(caption).to_contain_text(re.compile("differs"))
    page.emulate_media(reduced_motion="reduce")


@pytest.mark.long
def test_without_motion_it_turns_on_request(at):
    page = at("review")
    compare(page)
    page.keyboard.press("b")
    caption = overlay(page).locator("figcaption")
    expect(caption).to_contain_text("beach.jpg")
    page.wait_for_timeout(1500)
    expect(caption).to_contain_text("beach.jpg")
    overlay(page).locator(".imgurer-stage").focus()
    page.keyboard.press("Space")
    expect(caption).to_contain_text(".tif")
    page.keyboard.press("Escape")
    expect(overlay(page)).to_have_count(0)


def test_nothing_is_cut_off(at):
    page = at("review")
    page.emulate_media(color_scheme="dark")
    for width in (390, 1920):
        page.set_viewport_size({"width": width, "height": 844})
        compare(page)
        assert overlay(page).evaluate("dialog => dialog.scrollWidth <= dialog.clientWidth")
        boxes = [button.bounding_box() for button in overlay(page).get_by_role("button").all()]
        assert boxes
        assert all(box is None or box["x"] + box["width"] <= width for box in boxes)
        page.keyboard.press("Escape")
        expect(overlay(page)).to_have_count(0)
    page.set_viewport_size({"width": 1280, "height": 800})
    page.emulate_media(color_scheme="light")
