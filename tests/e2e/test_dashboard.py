"""The five tabs, in a browser, behind the real server over a real store."""

import csv
import io
import re

import numpy as np
import pytest
from playwright.sync_api import expect

from imgurer_kernel import Settings, Workbench
from tests.e2e.pages import dashboard_page, is_open
from tests.e2e.servers import serving
from tests.support.pictures import encode, jpeg, png, resized, scene

pytestmark = pytest.mark.e2e
expect.set_options(timeout=60_000)  # a machine may be busy

NASTY = "<img src=x onerror=window.pwned=1> $x$ & 'a' \"b\".jpg"
STRANGERS = 50


PASTE = """async () => {
  const canvas = document.createElement('canvas');
  canvas.width = canvas.height = 200;
  canvas.getContext('2d').fillRect(20, 20, 90, 90);
  const blob = await new Promise((resolve) => canvas.toBlob(resolve));
  const clipboardData = new DataTransfer();
  clipboardData.items.add(new File([blob], 'image.png', { type: 'image/png' }));
  const options = { clipboardData, bubbles: true, cancelable: true };
  document.body.dispatchEvent(new ClipboardEvent('paste', options));
}"""


def brighter(pixels, step):
    return np.clip(pixels.astype(np.int16) + step, 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def root(browser, tmp_path_factory):
    """A store of 50 unrelated pictures, clusters of four and two, and one hostile name."""
    root = tmp_path_factory.mktemp("dashboard") / "store"
    first, second = scene(1000, 800, 600), scene(1001)
    folder = tmp_path_factory.mktemp("strangers")
    for seed in range(STRANGERS):
        (folder / f"stranger {seed}.jpg").write_bytes(jpeg(seed, 320, 240))
    with Workbench(Settings(root=root)) as workbench:
        workbench.ingest(folder, progress=False)
        workbench.upload("beach.jpg", encode(first, quality=95))
        workbench.upload("beach again.jpg", encode(first, quality=60))
        workbench.upload("beach small.png", encode(resized(first, 400, 300), "PNG"))
        workbench.upload("beach bright.jpg", encode(brighter(first, 12)))
        workbench.upload("hill.jpg", encode(second, quality=95))
        workbench.upload("hill again.jpg", encode(second, quality=55))
        workbench.upload(NASTY, jpeg(1002))
    return root


@pytest.fixture(scope="module")
def server(root):
    with serving(root, preheat=0) as running:
        yield running


@pytest.fixture(scope="module")
def shared(new_shared_page, server):
    with dashboard_page(new_shared_page, server) as page:
        yield page


@pytest.fixture
def at(shared):
    """Function that goes to an address behind the # and returns the page."""

    def go(place):
        shared.evaluate("place => { location.hash = place; }", place)
        is_current(shared, place.strip("#").split("?")[0].capitalize())
        return shared

    return go


@pytest.fixture(scope="module")
def others_page(new_shared_page, server):
    with dashboard_page(new_shared_page, server) as page:
        yield page


@pytest.fixture
def visit(others_page):
    """Function that goes to an address as another visitor, who has done nothing there yet."""

    def go(place):
        others_page.goto("about:blank")
        others_page.goto(others_page.server.url + place)
        is_open(others_page)
        return others_page

    return go


@pytest.fixture(scope="module")
def members_page(new_shared_page):
    """One page for those who log in, one after the other."""
    return new_shared_page()


@pytest.fixture(scope="module")
def members(browser, tmp_path_factory):
    """A server with a login over a store of two members, without a picture at first."""
    root = tmp_path_factory.mktemp("members") / "store"
    with Workbench(Settings(root=root)) as workbench:
        workbench.accounts.create("root", "correct horse", "admin")
        workbench.accounts.create("ann", "correct horse")
    with serving(root, login=True, preheat=0) as server:
        yield server


def log_in(page, server, name):
    page.context.clear_cookies()
    page.goto(server.url)
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill("correct horse")
    page.get_by_role("button", name="Log in").click()
    is_open(page)
    expect(page.get_by_text(f"{name}, ")).to_be_visible()


def counts(page):
    return page.get_by_label("What is in the store")


def panel(page):
    # Of the tab, not one within it, such as that of folders in Upload.
    return page.locator(".imgurer-panel:not(.imgurer-panel *):visible")


def tiles(page):
    return panel(page).locator(".imgurer-gallery .imgurer-tile[role=option]")


def tile(page, name):
    return panel(page).locator(".imgurer-tile[role=option]", has_text=name)


def details(page):
    return panel(page).locator(".imgurer-details")


def is_current(page, tab):
    expect(page.get_by_role("tab", name=tab)).to_have_attribute("aria-selected", "true")


def choose(page, *files):
    control = panel(page).locator("input[type=file]:not([webkitdirectory])")
    control.set_input_files(
        [{"name": name, "mimeType": "image/jpeg", "buffer": data} for name, data in files]
    )


def rows(page):
    return panel(page).locator(".imgurer-upload-row")


def test_the_frame_counts_what_is_there_and_leads_to_it(at):
    page = at("#browse")
    links = counts(page)
    expect(links).to_contain_text(f"{STRANGERS + 7} pictures")
    expect(links).to_contain_text("2 clusters to decide")
    expect(links).to_contain_text("could be freed")
    links.get_by_text("clusters").click()
    expect(panel(page).get_by_text("0 of 2 clusters decided")).to_be_visible()
    is_current(page, "Review")
    links.get_by_text("could be freed").click()
    expect(panel(page).get_by_label("Order")).to_have_value("bytes")
    links.get_by_text("pictures").click()
    expect(tiles(page)).to_have_count(48)


def test_browse_pages_through_everything_once(at):
    page = at("#browse?order=newest")
    expect(panel(page)).to_contain_text(f"1 to 48 of {STRANGERS + 7} pictures")
    expect(tiles(page).first).to_have_attribute("aria-label", re.compile("onerror"))
    # Tiles are replaced one by one: until the last one is, those of the page before are among them.
    expect(tiles(page).nth(47)).to_have_attribute("data-image-id", str(STRANGERS + 7 - 47))
    first = set(tiles(page).evaluate_all("all => all.map(one => one.dataset.imageId)"))
    panel(page).get_by_role("button", name=f"Another {STRANGERS + 7 - 48}").click()
    expect(tiles(page)).to_have_count(STRANGERS + 7 - 48)
    second = set(tiles(page).evaluate_all("all => all.map(one => one.dataset.imageId)"))
    assert not first & second
    assert len(first | second) == STRANGERS + 7
    assert "page=2" in page.url
    page.go_back()
    expect(tiles(page)).to_have_count(48)


@pytest.mark.parametrize(
    "at_once",
    [
        "link.click(); location.hash = '#browse?order=newest'",
        "location.hash = '#browse?order=newest'; history.pushState(null, '', '#users')",
    ],
)
def test_navigation_of_the_visitor_overrides_late_messages(at, at_once):
    page = at("#review")
    expect(panel(page)).to_contain_text("of 2 clusters decided")
    link = counts(page).get_by_text("pictures").element_handle()
    page.evaluate(f"link => {{ {at_once} }}", link)
    expect(tiles(page).first).to_have_attribute("aria-label", re.compile("onerror"))
    expect(page).to_have_url(re.compile("#browse.order=newest$"))
    panel(page).get_by_role("button", name="Largest first").click()
    expect(page).to_have_url(re.compile("#browse.order=largest$"))


def test_a_reload_shows_the_same_random_page(at):
    page = at("#browse?order=newest")
    expect(tiles(page).first).to_have_attribute("aria-label", re.compile("onerror"))
    at("#browse?seed=77")
    expect(tiles(page).first).not_to_have_attribute("aria-label", re.compile("onerror"))
    # The last one, too: tiles are replaced one by one.
    expect(tiles(page).nth(47)).not_to_have_attribute("data-image-id", str(STRANGERS + 7 - 47))
    expect(tiles(page).locator("img")).to_have_count(48)  # no longer those that wait for it
    before = tiles(page).evaluate_all("all => all.map(one => one.dataset.imageId)")
    page.reload()
    expect(tiles(page).locator("img")).to_have_count(48, timeout=60_000)
    assert tiles(page).evaluate_all("all => all.map(one => one.dataset.imageId)") == before


def test_a_click_shows_details_and_a_double_click_searches(at):
    page = at("#browse?order=newest")
    tile(page, "hill.jpg").click()
    expect(details(page)).to_contain_text(re.compile("640 . 480"))
    expect(details(page)).to_contain_text("you, ")
    expect(details(page)).to_contain_text("hill.jpg, uploaded")
    tile(page, "hill.jpg").dblclick()
    expect(panel(page)).to_contain_text("1 duplicate")
    expect(tile(page, "hill again.jpg")).to_be_visible()
    is_current(page, "Search")
    assert "#search?image=" in page.url


def test_the_radius_narrows_and_the_history_and_back_lead_back(at):
    at("#search")
    page = at("#browse?order=newest")
    tile(page, "beach.jpg").dblclick()
    expect(tiles(page)).to_have_count(3)
    tile(page, "beach small.png").focus()
    page.keyboard.press("Enter")
    expect(panel(page).locator(".imgurer-side h3").first).to_have_text(re.compile("beach small"))
    history = panel(page).locator(".imgurer-history")
    expect(history.get_by_role("listitem")).to_have_count(2)
    panel(page).locator(".imgurer-tick", has_text="identical").click()
    page.wait_for_url(re.compile("radius=0"))
    panel(page).locator(".imgurer-tick", has_text="edited").click()
    expect(tiles(page)).to_have_count(3)
    history.get_by_role("button", name="Back to beach.jpg").click()
    expect(history.get_by_role("listitem")).to_have_count(0)
    page.go_back()
    expect(panel(page).locator(".imgurer-side h3").first).to_have_text(re.compile("beach small"))


def test_the_filters_say_what_they_hide(at):
    page = at("#browse?order=newest")
    tile(page, "beach.jpg").dblclick()
    expect(tiles(page)).to_have_count(3)
    panel(page).get_by_label("Format").select_option("PNG")
    expect(tiles(page)).to_have_count(1)
    expect(panel(page)).to_contain_text("2 hidden by the filters")
    panel(page).get_by_label("Size", exact=True).select_option("Larger than this one")
    expect(panel(page)).to_contain_text("The filters hide all 3 pictures")
    panel(page).get_by_label("Size", exact=True).select_option("Any size")
    panel(page).get_by_label("Format").select_option("Any format")
    expect(tiles(page)).to_have_count(3)


def test_a_search_by_a_picture_that_is_not_stored(at):
    page = at("#search")
    expect(counts(page)).to_contain_text("could be freed")
    before = counts(page).inner_text()
    choose(page, ("holiday.jpg", encode(brighter(scene(1000, 800, 600), -15), quality=70)))
    expect(tiles(page)).to_have_count(4)
    expect(panel(page)).to_contain_text("4 duplicates")
    assert counts(page).inner_text() == before
    tiles(page).first.focus()
    page.keyboard.press("c")
    comparison = page.get_by_role("dialog", name="Comparison of pictures")
    expect(comparison).to_contain_text("The same picture")
    expect(comparison).to_contain_text("holiday.jpg")
    page.keyboard.press("Escape")
    expect(comparison).to_have_count(0)
    page.reload()
    expect(panel(page)).to_contain_text("is not kept; drop it here again", timeout=60_000)


def test_a_file_that_is_not_a_picture_is_refused_where_it_was_dropped(at):
    page = at("#search")
    choose(page, ("notes.jpg", b"not a picture at all"))
    expect(rows(page)).to_contain_text("Cannot be searched for")


def test_several_pictures_at_once_are_a_table(visit):
    page = visit("#search")
    choose(
        page,
        ("mine.jpg", encode(scene(1000, 800, 600), quality=95)),
        ("smaller.jpg", encode(resized(scene(1001), 320, 240), quality=80)),
        (NASTY, jpeg(4711)),
        ("broken.jpg", b"no picture"),
    )
    rows_ = page.locator(".imgurer-rows-row")
    expect(rows_).to_have_count(4)
    expect(rows_.nth(0)).to_contain_text("Already here")
    expect(rows_.nth(0)).to_contain_text("beach.jpg, added by you")
    expect(page.locator(".imgurer-rows-totals button")).to_have_text(
        ["All", "1 already here", "1 near copy", "1 new", "1 cannot be read"]
    )
    page.get_by_role("button", name="1 near copy").click()
    expect(rows_).to_have_count(1)
    expect(rows_).to_contain_text("Near copy of hill.jpg: ")
    rows_.locator(".imgurer-rows-middle button").click()
    expect(tiles(page).first).to_be_visible()
    expect(rows_.first).to_be_hidden()
    page.go_back()
    expect(rows_.first).to_be_visible()
    page.get_by_role("button", name="All", exact=True).click()
    expect(rows_).to_have_count(4)
    page.evaluate(PASTE)
    expect(panel(page)).to_contain_text("pasted.png")
    expect(rows_.first).to_be_hidden()
    page.get_by_role("button", name="Back to the table").click()
    expect(rows_).to_have_count(4)
    assert page.evaluate("window.pwned") is None


def test_clusters_say_what_differs_and_are_filtered(at):
    page = at("#review")
    clusters = panel(page).locator(".imgurer-cluster")
    expect(clusters).to_have_count(2)
    expect(clusters.first).to_contain_text("4 files")
    expect(clusters.first).to_contain_text("frees")
    expect(clusters.first.locator(".imgurer-file").first).to_have_attribute("data-fate", "keep")
    field = panel(page).get_by_label("Part of a name or folder")
    field.fill("HILL")
    page.keyboard.press("Enter")
    expect(clusters).to_have_count(1)
    expect(page).to_have_url(re.compile("text=HILL"))
    field.fill("nobody")
    page.keyboard.press("Enter")
    expect(panel(page)).to_contain_text("No cluster passes the filters")
    field.fill("")
    page.keyboard.press("Enter")
    expect(clusters).to_have_count(2)


def test_the_csv_holds_what_is_shown(at):
    page = at("#review?text=beach")
    expect(panel(page).locator(".imgurer-cluster")).to_have_count(1)
    with page.expect_download() as waiting:
        panel(page).get_by_role("button", name="CSV of what is shown").click()
    assert re.fullmatch(r"duplicates \d{4}-\d\d-\d\d\.csv", waiting.value.suggested_filename)
    table = list(csv.DictReader(io.StringIO(waiting.value.path().read_text("utf-8-sig"))))
    shown = (
        panel(page)
        .locator(".imgurer-cluster .imgurer-file")
        .evaluate_all("all => all.map(one => one.dataset.fileId)")
    )
    assert [row["file_id"] for row in table] == shown


def test_an_original_is_saved_whole(at):
    page = at("#browse?order=newest")
    tile(page, "beach small.png").click()
    expect(details(page).get_by_role("heading")).to_have_text("beach small.png")
    with page.expect_download() as waiting:
        details(page).get_by_role("button", name="Save the original").click()
    assert waiting.value.suggested_filename == "beach small.png"
    original = encode(resized(scene(1000, 800, 600), 400, 300), "PNG")
    assert waiting.value.path().read_bytes() == original


def test_names_are_text_everywhere(at):
    page = at("#browse?order=newest")
    tile(page, "onerror").click()
    expect(details(page).get_by_role("heading")).to_contain_text("<img src=x")
    details(page).get_by_role("button", name="Forget my copy").click()
    expect(details(page)).to_contain_text("Forget your copy of <img")
    details(page).get_by_role("button", name="Keep it").click()
    tile(page, "onerror").dblclick()
    expect(panel(page).locator(".imgurer-side h3").first).to_contain_text("<img src=x")
    assert page.evaluate("window.pwned") is None


def test_keys_lead_to_the_search_and_list_themselves(at):
    page = at("#browse?order=newest")
    expect(tiles(page)).to_have_count(48)
    page.keyboard.press("?")
    keys = page.get_by_role("dialog")
    expect(keys).to_contain_text("go to the search")
    page.keyboard.press("Escape")
    expect(keys).to_be_hidden()
    page.keyboard.press("/")
    expect(page.get_by_role("tab", name="Search")).to_have_attribute("aria-selected", "true")
    expect(panel(page).get_by_role("button", name="choose files")).to_be_focused()
    page.get_by_role("tab", name="Search").focus()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("tab", name="Browse")).to_be_focused()
    expect(tiles(page)).to_have_count(48)


def test_a_slash_in_a_field_is_a_slash(at):
    page = at("#review")
    expect(panel(page).locator(".imgurer-cluster")).to_have_count(2)
    field = panel(page).get_by_label("Part of a name or folder")
    field.fill("")
    field.press("/")
    is_current(page, "Review")
    expect(field).to_have_value("/")
    field.fill("")
    field.press("Enter")


def test_accounts_are_made_disabled_and_enabled(at):
    page = at("#users")
    form = panel(page).locator(".imgurer-card:visible")
    expect(panel(page)).to_contain_text("runs without a login")
    form.get_by_label("Name").fill("Ann!")
    form.get_by_label("Password").fill("correct horse")
    panel(page).get_by_role("button", name="Create the account").click()
    expect(panel(page).get_by_role("alert")).to_contain_text("Ann!")
    form.get_by_label("Name").fill("ann")
    panel(page).get_by_role("button", name="Create the account").click()
    expect(panel(page)).to_contain_text("ann can log in now, as a member")
    row = panel(page).get_by_role("row", name=re.compile("ann"))
    # By keys alone: the focus goes to the question, and back to where it was asked.
    row.get_by_role("button", name="Disable: ann").press("Enter")
    expect(panel(page)).to_contain_text("can no longer log in")
    ask = panel(page).get_by_role("button", name="Disable ann")
    expect(ask).to_be_focused()
    panel(page).get_by_role("button", name="Cancel").press("Enter")
    expect(row.get_by_role("button", name="Disable: ann")).to_be_focused()
    page.keyboard.press("Enter")
    expect(ask).to_be_focused()
    page.keyboard.press("Enter")
    expect(row).to_contain_text("disabled")
    expect(row.get_by_role("button", name="Enable: ann")).to_be_focused()
    page.keyboard.press("Enter")
    expect(row).to_contain_text("can log in")
    row.get_by_role("button", name="New password: ann").press("Enter")
    field = panel(page).locator(".imgurer-confirm").get_by_label("New password")
    expect(field).to_be_focused()
    field.fill("another horse")
    panel(page).get_by_role("button", name="Set the password").press("Enter")
    expect(row.get_by_role("button", name="New password: ann")).to_be_focused()


def test_what_is_wrong_is_seen_on_a_small_screen_too(at):
    page = at("#users")
    page.set_viewport_size({"width": 390, "height": 640})
    panel(page).get_by_role("button", name="Create the account").click()
    alert = panel(page).get_by_role("alert")
    expect(alert).to_contain_text("o user name was given")
    expect(alert).to_be_in_viewport(ratio=0.95)  # but for a part of a pixel
    page.set_viewport_size({"width": 1280, "height": 800})


def test_an_old_link_explains_itself(at):
    page = at("#search?image=123456")
    expect(panel(page).get_by_role("alert")).to_contain_text("not here any more")
    expect(page.get_by_text("Traceback")).to_have_count(0)


def test_nonsense_in_the_address_is_harmless(at):
    page = at("#browse?order=<b>&seed=x&page=-1&page=99999999999999999999")
    expect(tiles(page)).to_have_count(48)
    page.evaluate("location.hash = '#search?image=1e9&radius=999'")
    expect(panel(page).get_by_role("alert")).to_be_visible()
    page.evaluate("location.hash = '#nowhere?x'")
    page.get_by_role("tab", name="Review").click()
    expect(panel(page)).to_contain_text("of 2 clusters decided")


def test_nothing_is_wider_than_the_window(at):
    page = at("#browse")
    for tab in ("Upload", "Search", "Browse", "Review", "Users"):
        page.get_by_role("tab", name=tab).click()
        is_current(page, tab)
        expect(page.locator("[aria-busy=true]:visible")).to_have_count(0)
        for width, height in ((390, 844), (720, 900), (1280, 800), (1920, 1080)):
            page.set_viewport_size({"width": width, "height": height})
            page.evaluate("new Promise(done => requestAnimationFrame(() => setTimeout(done)))")
            where = (tab, width)
            assert page.evaluate("document.documentElement.scrollWidth") <= width, where
            if width < 720:  # a second column would be cut off by the page, which hides it
                columns = page.locator(".imgurer-columns:visible").evaluate_all(
                    "all => all.map(one => "
                    "getComputedStyle(one).gridTemplateColumns.split(' ').length)"
                )
                assert set(columns) <= {1}, where
            # A list that scrolls without a bar hides what is beyond its edge.
            tabs = page.get_by_role("tablist")
            assert tabs.evaluate("list => list.scrollWidth - list.clientWidth") == 0, where
    page.set_viewport_size({"width": 1280, "height": 800})


def test_what_is_chosen_is_seen_while_it_cannot_be_changed(at):
    """As while a folder is ingested."""
    page = at("#browse")
    chosen = page.get_by_role("button", name="Random")
    expect(chosen).to_have_class(re.compile("mod-active"))
    colours = chosen.evaluate("""(button) => [false, true].map((disabled) => {
        button.style.transition = "none";
        button.disabled = disabled;
        const { backgroundColor, borderColor } = getComputedStyle(button);
        button.disabled = false;
        return [backgroundColor, borderColor];
    })""")
    assert colours[0] == colours[1]


def test_the_ring_of_the_focus_does_not_cut_the_name_of_a_tab(at):
    page = at("#browse")
    page.get_by_role("tab", name="Browse").focus()
    page.keyboard.press("ArrowRight")
    room, ring = page.evaluate("""() => {
        const style = getComputedStyle(document.activeElement);
        const number = (name) => parseFloat(style.getPropertyValue(name));
        return [number("padding-left"), -number("outline-offset")];
    }""")
    assert 0 < ring <= room


def test_an_empty_store_says_what_to_do(members, members_page):
    page = members_page
    log_in(page, members, "root")
    is_current(page, "Upload")
    expect(panel(page).get_by_role("button", name="choose files")).to_be_visible()
    page.get_by_role("tab", name="Browse").click()
    expect(panel(page)).to_contain_text("There are no pictures here yet")
    panel(page).get_by_role("button", name="Upload pictures").click()
    is_current(page, "Upload")
    page.get_by_role("tab", name="Search").click()
    expect(panel(page)).to_contain_text("no pictures to compare with yet")
    page.get_by_role("tab", name="Review").click()
    expect(panel(page)).to_contain_text("There are no pictures here yet")
    choose_first = png(4000)
    page.get_by_role("tab", name="Upload").click()
    choose(page, ("first.png", choose_first))
    expect(rows(page).first).to_contain_text("Added")
    page.get_by_role("tab", name="Browse").click()
    expect(tiles(page)).to_have_count(1)


def test_forgetting_is_asked_twice_and_done(at):
    page = at("#upload")
    choose(page, ("short stay.jpg", jpeg(3000)))
    expect(rows(page).first).to_contain_text("Added")
    page.get_by_role("tab", name="Browse").click()
    panel(page).get_by_role("button", name="Newest first").click()
    tile(page, "short stay.jpg").click()
    expect(details(page).get_by_role("heading")).to_have_text("short stay.jpg")
    details(page).get_by_role("button", name="Forget my copy").click()
    expect(details(page)).to_contain_text("Nobody else holds it, so the picture leaves the store")
    details(page).get_by_role("button", name="Forget it").click()
    expect(details(page)).to_contain_text("short stay.jpg has left the store")
    expect(tile(page, "short stay.jpg")).to_have_count(0)


def test_uploads_get_their_verdict_and_others_see_them(at, visit):
    other = visit("#browse?order=newest")
    page = at("#upload")
    if rows(page).count():
        panel(page).get_by_role("button", name="Clear list").click()
    expect(rows(page)).to_have_count(0)
    expect(counts(page)).to_contain_text("could be freed")
    before = int(counts(page).inner_text().split()[0])
    new, beach = scene(2000), scene(1000, 800, 600)
    choose(
        page,
        ("new.jpg", encode(new)),
        ("hill.jpg", encode(scene(1001), quality=95)),
        ("beach once more.jpg", encode(brighter(beach, 6), quality=80)),
        ("cut off.jpg", jpeg(2001)[:3000]),
        ("=1+1.jpg", b"no picture"),
    )
    for name, text in (
        ("new.jpg", "Added"),
        ("hill.jpg", "Already here"),
        ("hill.jpg", "added by you"),
        ("beach once more.jpg", "Added; near duplicate, "),
        ("cut off.jpg", "Rejected:"),
        ("=1+1.jpg", "Rejected:"),
    ):
        expect(rows(page).filter(has_text=name)).to_contain_text(text)
    for place in (0, 1):  # on top, whenever they came
        expect(rows(page).nth(place)).to_contain_text("Rejected:")
    page.get_by_role("button", name="Already here", exact=True).click()
    expect(rows(page).filter(visible=True)).to_have_count(1)
    expect(counts(page)).to_contain_text(f"{before + 2} pictures")
    other.get_by_role("tab", name="Users").click()
    other.get_by_role("tab", name="Browse").click()
    expect(tile(other, "new.jpg")).to_be_visible()
    other.get_by_role("tab", name="Search").click()
    choose(other, ("same.jpg", encode(new, quality=75)))
    expect(tile(other, "new.jpg")).to_be_visible()
    page.reload()
    kept = panel(page).locator(".imgurer-rows-row")
    for name in ("cut off.jpg", "=1+1.jpg", "new.jpg", "hill.jpg", "beach once more.jpg"):
        expect(kept.filter(has_text=name)).to_have_count(1, timeout=60_000)
    expect(kept.nth(1)).to_contain_text("Rejected:")
    expect(kept.nth(2)).to_contain_text("beach once more.jpg")


def test_a_member_who_logged_in_sees_what_is_own(members, members_page):
    page = members_page
    with Workbench(Settings(root=members.root)) as workbench:
        workbench.upload("hers.jpg", jpeg(1), "ann")
        workbench.upload("root's own.jpg", jpeg(2), "root")
    log_in(page, members, "ann")
    expect(page.get_by_text("ann, member")).to_be_visible()
    tile(page, "root's own.jpg").click()
    expect(details(page)).to_contain_text("1 other person")
    expect(details(page).get_by_role("button", name="Forget my copy")).to_be_hidden()
    tile(page, "hers.jpg").click()
    expect(details(page)).to_contain_text("you, ")
    expect(details(page).get_by_role("button", name="Forget my copy")).to_be_visible()
    page.get_by_role("tab", name="Users").click()
    expect(panel(page).get_by_role("row")).to_have_count(2)
    expect(panel(page).get_by_text("New account")).to_be_hidden()
    expect(panel(page).get_by_role("heading", name="My password")).to_be_visible()
    page.get_by_role("link", name="Log out").click()
    expect(page.get_by_role("button", name="Log in")).to_be_visible()
