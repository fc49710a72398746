"""The review in a browser, behind the real server: by keys and by buttons, files on a real disk."""

import re

import pytest
from playwright.sync_api import expect

from imgurer_kernel import Settings, Workbench
from tests.e2e.pages import NASTY, dashboard_page
from tests.e2e.servers import serving
from tests.e2e.test_http import eventually
from tests.support.pictures import encode, resized, scene

pytestmark = pytest.mark.e2e
expect.set_options(timeout=60_000)  # a machine may be busy

SCENES = 4
SIZE = {"width": 1280, "height": 800}


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """Four pictures with two copies each, one of them with the same bytes, and one alone."""
    folder = tmp_path_factory.mktemp("pictures")
    (folder / "copies").mkdir()
    for seed in range(SCENES):
        picture = scene(2000 + seed, 400, 300)
        name = f"{NASTY}.jpg" if seed == 0 else f"beach {seed}.jpg"
        (folder / name).write_bytes(encode(picture, quality=95))
        (folder / "copies" / f"{seed} again.jpg").write_bytes(encode(picture, quality=95))
        (folder / "copies" / f"{seed} small.png").write_bytes(
            encode(resized(picture, 200, 150), "PNG")
        )
    (folder / "alone.jpg").write_bytes(encode(scene(2900, 400, 300)))
    return folder


@pytest.fixture(scope="module")
def before(pictures):
    """The bytes of the files when they were ingested."""
    return contents(pictures)


@pytest.fixture(scope="module")
def shared(browser, new_shared_page, tmp_path_factory, pictures, before):
    """The review of a store that refers to these pictures, as the last test has left it."""
    root = tmp_path_factory.mktemp("review") / "store"
    with Workbench(Settings(root=root)) as workbench:
        workbench.ingest(pictures, store="reference", progress=False)
    with (
        serving(root, preheat=0) as running,
        dashboard_page(new_shared_page, running, "#review") as page,
    ):
        expect(clusters(page)).to_have_count(SCENES)
        eventually(lambda: focused(page) == 0)  # so that keys work at once
        page.root = root
        yield page


@pytest.fixture
def review(shared, pictures, before):
    """The same with nothing decided; what a test does is undone after it."""
    expect(clusters(shared)).to_have_count(SCENES)
    expect(decided(shared)).to_have_count(0)
    assert contents(pictures) == before
    clusters(shared).first.locator(".imgurer-file").first.focus()
    yield shared
    while left := decided(shared).count():
        shared.keyboard.press("u")
        expect(decided(shared)).not_to_have_count(left)
    shared.set_viewport_size(SIZE)


def clusters(page):
    return page.locator(".imgurer-cluster:visible")


def focused(page):
    """The cluster that has the focus, by its place."""
    return page.evaluate(
        "[...document.querySelectorAll('.imgurer-cluster')]"
        ".indexOf(document.activeElement.closest('.imgurer-cluster'))"
    )


def decided(page):
    return page.locator(".imgurer-cluster.imgurer-decided")


def settled(page, count):
    """Wait until so many clusters are decided and nothing is pending."""
    expect(decided(page)).to_have_count(count)
    expect(page.locator(".imgurer-done-line svg")).to_have_count(count)


def contents(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and ".imgurer-trash" not in path.parts
    }


def test_a_sitting_by_keys_alone_and_its_undo(review, pictures, before):
    page = review
    for pressed in range(SCENES):
        assert focused(page) == pressed, "the focus goes on to the next one by itself"
        page.keyboard.press("x")
    settled(page, SCENES)
    left = contents(pictures)
    assert len(left) == SCENES + 1
    assert left.items() <= before.items()
    expect(page.get_by_text(f"{SCENES} of {SCENES} clusters decided")).to_be_visible()
    for remaining in reversed(range(SCENES)):
        page.locator(".imgurer-review").get_by_role("button", name="Undo").first.press("u")
        expect(decided(page)).to_have_count(remaining)
    assert contents(pictures) == before


def test_keys_work_wherever_the_focus_is_but_not_in_fields(review):
    page = review
    page.get_by_role("tab", name="Review").focus()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_contain_text("not the same")
    page.keyboard.press("Escape")
    page.get_by_label("Part of a name or folder").press("d")
    page.wait_for_timeout(300)
    expect(decided(page)).to_have_count(0)
    page.get_by_label("Part of a name or folder").fill("")
    page.get_by_role("tab", name="Review").focus()
    page.keyboard.press("d")
    settled(page, 1)


def test_keys_work_at_once_when_the_tab_is_clicked(review):
    page = review
    page.get_by_role("tab", name="Browse").click()
    expect(clusters(page)).to_have_count(0)
    tab = page.get_by_role("tab", name="Review")
    tab.click()
    eventually(lambda: focused(page) == 0)
    tab.focus()
    page.keyboard.press("ArrowDown")
    assert focused(page) == 0
    page.keyboard.press("d")
    settled(page, 1)
    assert focused(page) == 1
    tab.focus()
    page.keyboard.press("ArrowLeft")
    expect(clusters(page)).to_have_count(0)
    page.keyboard.press("ArrowRight")
    expect(clusters(page)).to_have_count(SCENES)
    page.wait_for_timeout(100)
    assert focused(page) == -1, "who goes from tab to tab by keys stays there"
    page.keyboard.press("ArrowDown")
    assert focused(page) == 1


def test_everything_that_a_filter_shows_in_three_steps(review, pictures, before):
    page = review
    chip = page.get_by_role("button", name=re.compile("^Resized"))
    expect(chip).to_have_text("Resized")  # their exact copies are of another kind
    chip.click()
    expect(chip).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_text("No cluster has copies of the chosen kinds only")).to_be_visible()
    page.get_by_role("button", name=re.compile("^Identical")).click()
    expect(clusters(page)).to_have_count(SCENES)
    page.get_by_role("button", name=re.compile("Preview")).click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text(f"Remove {2 * SCENES} files?")
    expect(dialog).to_contain_text("to the folder .imgurer-trash there")
    assert contents(pictures) == before
    dialog.get_by_role("button", name=f"Remove {2 * SCENES} files").click()
    settled(page, SCENES)
    assert len(contents(pictures)) == SCENES + 1
    page.keyboard.press("u")
    expect(decided(page)).to_have_count(0)
    assert contents(pictures) == before
    for each in (chip, page.get_by_role("button", name=re.compile("^Identical"))):
        each.click()
        expect(each).to_have_attribute("aria-pressed", "false")


def test_a_click_counts_if_the_page_changes_while_the_button_is_pressed(review):
    page = review
    page.set_viewport_size({"width": 1280, "height": 2400})  # nothing scrolls
    page.evaluate("new Promise(done => requestAnimationFrame(() => setTimeout(done)))")
    chip = page.get_by_role("button", name=re.compile("^Resized"))
    box = chip.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.keyboard.press("d")
    page.wait_for_timeout(500)  # for the answer, which may not show yet
    page.mouse.up()
    expect(chip).to_have_attribute("aria-pressed", "true")
    chip.click()
    expect(chip).to_have_attribute("aria-pressed", "false")
    settled(page, 1)


def test_what_is_typed_stays_when_the_page_changes(review):
    page = review
    field = page.get_by_label("Part of a name or folder")
    field.press_sequentially("beach")
    expect(clusters(page)).to_have_count(SCENES - 1)
    expect(field).to_be_focused()
    field.press("ArrowLeft")
    field.press("!")
    expect(clusters(page)).to_have_count(0)
    expect(field).to_have_value("beac!h")
    field.press("Backspace")
    expect(field).to_have_value("beach")
    expect(clusters(page)).to_have_count(SCENES - 1)
    field.fill("")
    expect(clusters(page)).to_have_count(SCENES)


def test_what_is_open_stays_open_when_the_page_changes(review):
    page = review
    chosen = page.get_by_text("Kept: you chose it")
    clusters(page).nth(2).get_by_text("How was this found?").click()
    clusters(page).nth(0).get_by_role("button", name="Later").click()
    settled(page, 1)
    clusters(page).nth(0).get_by_role("button", name="Show").click()
    clusters(page).nth(1).locator(".imgurer-file").nth(1).click()
    page.keyboard.press("k")
    expect(chosen).to_have_count(1)
    assert [
        clusters(page).nth(k).locator("details").evaluate("(it) => it.open") for k in (1, 2)
    ] == [
        False,
        True,
    ]
    expect(decided(page)).to_have_count(0)
    order = page.get_by_label("Order", exact=True)
    order.click()
    clusters(page).nth(2).locator(".imgurer-file").nth(1).dispatch_event(
        "keydown", {"key": "k", "bubbles": True}
    )
    page.wait_for_timeout(500)  # for the answer, which may not show yet
    assert order.evaluate("(list) => list.matches(':open')")
    order.press("Escape")
    expect(chosen).to_have_count(2)
    page.locator(".imgurer-file").first.focus()
    page.keyboard.press("u")  # of the cluster that has the focus
    expect(page.get_by_text("For later")).to_have_count(0)
    page.mouse.wheel(0, 5000)
    expect(page.get_by_text("Undone.")).to_be_in_viewport()
    for left in (1, 0):
        page.keyboard.press("u")
        expect(chosen).to_have_count(left)


def test_a_preview_is_left_by_escape_and_nothing_has_happened(review, pictures, before):
    page = review
    page.get_by_role("button", name=re.compile("Preview")).click()
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert contents(pictures) == before


def test_a_selection_goes_and_comes_back(review, pictures):
    page = review
    files = clusters(page).first.locator(".imgurer-file")
    files.nth(1).click(modifiers=["Control"])
    files.nth(2).click(modifiers=["Shift"])
    expect(page.get_by_text("2 selected")).to_be_visible()
    page.locator(".imgurer-review-bottom").get_by_role("button", name="Remove").click()
    settled(page, 1)
    assert len(contents(pictures)) == 3 * SCENES + 1 - 2
    decided(page).get_by_role("button", name="Undo").click()
    expect(decided(page)).to_have_count(0)
    assert len(contents(pictures)) == 3 * SCENES + 1


def test_nothing_is_cut_off_or_hidden_on_any_screen(review):
    page = review
    for width in (390, 1920):
        page.set_viewport_size({"width": width, "height": 844})
        page.evaluate("new Promise(done => requestAnimationFrame(() => setTimeout(done)))")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        boxes = page.locator(".imgurer-review button:visible").evaluate_all(
            "all => all.map(one => one.getBoundingClientRect()).map(box => [box.left, box.right])"
        )
        assert boxes
        assert all(left >= 0 and right <= width for left, right in boxes)


def test_who_comes_back_from_a_shell_is_told_of_what_was_done_there(review):
    page = review
    told = page.get_by_text("The store has changed since. Sort again")
    with Workbench(Settings(root=page.root)) as other:
        pair = other.clusters(progress=False)["image_id"].unique()[:2].tolist()
        made = other.decide(pair, "same")
    page.evaluate("dispatchEvent(new Event('focus'))")
    expect(told).to_be_visible()
    with Workbench(Settings(root=page.root)) as other:
        other.undecide(made["decision_id"].tolist())
    page.get_by_role("button", name="Sort again").click()
    expect(told).to_have_count(0)
    expect(clusters(page)).to_have_count(SCENES)


def test_work_is_shown_in_one_line_above_what_there_is(review):
    page = review
    for width in (390, 1280):
        page.set_viewport_size({"width": width, "height": 844})
        # As in the midst of work, whose time is no test's business.
        low, high, right = page.locator(
            ".imgurer-panel:has(.imgurer-review) > .imgurer-progress"
        ).evaluate("""(line) => {
            const running = line.querySelector(".imgurer-progress-running");
            const [, label, bar, count, cancel] = running.children;
            const before = [running.hidden, bar.hidden, cancel.hidden];
            label.textContent = "Looking at originals …";
            count.textContent = "1,052 of 9,114";
            running.hidden = bar.hidden = cancel.hidden = false;
            const below = line.nextElementSibling.getBoundingClientRect().top;
            const ends = [...running.children].map((one) => one.getBoundingClientRect());
            [running.hidden, bar.hidden, cancel.hidden] = before;
            const most = (name) => Math.max(...ends.map((end) => end[name]));
            return [most("bottom"), below, most("right")];
        }""")
        assert low <= high
        assert right <= width


def test_undo_goes_to_what_comes_back_also_in_a_new_sitting(review):
    page = review
    page.keyboard.press("d")
    settled(page, 1)
    assert focused(page) == 1
    page.keyboard.press("u")
    expect(decided(page)).to_have_count(0)
    # By no script of the page: its own policy forbids those of `wait_for_function`.
    has_focus = page.locator(":focus-within")
    expect(page.locator(".imgurer-cluster").first.and_(has_focus)).to_be_visible()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("d")
    settled(page, 1)
    name = decided(page).locator(".imgurer-file").first.get_attribute("data-file-id")
    page.reload()
    # The exact copies of it are still to be decided; the smaller one is not of them any more.
    files = page.locator(".imgurer-file:visible")
    expect(files).to_have_count(3 * SCENES - 1, timeout=60_000)
    same = page.locator('.imgurer-cluster:has(button[data-act="different"]:disabled)')
    same.locator(".imgurer-file").first.press("d")
    expect(same).to_contain_text("the same bytes")
    expect(decided(page)).to_have_count(0)
    files.first.press("u")
    expect(files).to_have_count(3 * SCENES, timeout=60_000)
    back = page.locator(".imgurer-cluster:focus-within .imgurer-file").first
    expect(back).to_have_attribute("data-file-id", name)


def test_an_undo_does_not_take_the_focus_from_who_has_moved_on(review):
    page = review
    for done in range(2):
        page.keyboard.press("d")
        settled(page, done + 1)
    for moved_on in "ArrowDown", "l":
        clusters(page).nth(2).locator(".imgurer-file").first.focus()
        # Before anything can be answered.
        page.evaluate(
            """keys => keys.forEach(key => document.activeElement.dispatchEvent(
                new KeyboardEvent("keydown", { key, bubbles: true })))""",
            ["u", moved_on],
        )
        expect(page.get_by_text("Undone.")).to_be_visible()
        page.wait_for_timeout(300)
        assert focused(page) == 3


# The last ones: what they do to the page or to the files is not undone.


def test_another_file_is_kept_and_what_is_said_of_others_follows(review, pictures):
    page = review
    first = clusters(page).first
    page.keyboard.press("ArrowRight")
    name = page.evaluate("document.activeElement.querySelector('.imgurer-name').title")
    page.keyboard.press("k")
    expect(first.locator(".imgurer-file").first.locator(".imgurer-name").first).to_have_attribute(
        "title", name
    )
    expect(first).to_contain_text("you chose it")
    page.keyboard.press("x")
    settled(page, 1)
    assert any(path.endswith(name) for path in contents(pictures))


def test_not_the_same_does_not_come_back_and_later_does(review):
    page = review
    page.keyboard.press("d")
    page.keyboard.press("l")
    settled(page, 2)
    page.get_by_role("button", name="Sort again").click()
    expect(decided(page)).to_have_count(0)
    expect(clusters(page)).to_have_count(SCENES - 1)
    page.get_by_label("Show", exact=True).select_option("later")
    expect(clusters(page)).to_have_count(1)
    expect(page).to_have_url(re.compile("show=later"))
    page.reload()
    expect(clusters(page)).to_have_count(1, timeout=60_000)


def test_a_file_that_changed_meanwhile_stays_and_it_is_reported(shared, pictures):
    page = shared
    page.evaluate("location.hash = '#review'")
    expect(clusters(page).nth(1)).to_be_visible()
    for path in (pictures / "copies").iterdir():
        path.write_bytes(path.read_bytes() + b"edited")
    before = contents(pictures)
    clusters(page).first.locator(".imgurer-file").first.focus()
    page.keyboard.press("x")
    expect(page.locator(".imgurer-done-line svg.imgurer-failed")).to_have_count(1)
    assert contents(pictures) == before
