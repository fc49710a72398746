"""A folder on the machine is ingested from the Upload tab, in a browser, behind the real server."""

import re

import pytest
from playwright.sync_api import expect

from tests.e2e.pages import NASTY, dashboard_page
from tests.e2e.servers import serving
from tests.support.pictures import encode, resized, scene

pytestmark = pytest.mark.e2e
expect.set_options(timeout=60_000)  # a machine may be busy


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    (folder / "sub").mkdir()
    picture = scene(3000, 320, 240)
    (folder / f"{NASTY}.jpg").write_bytes(encode(picture, quality=95))
    (folder / "sub" / "small.png").write_bytes(encode(resized(picture, 200, 150), "PNG"))
    (folder / "alone.jpg").write_bytes(encode(scene(3001, 320, 240)))
    (folder / "note.jpg").write_text("no picture")
    return folder


@pytest.fixture(scope="module")
def shared(new_shared_page, tmp_path_factory):
    """The Upload tab over a store that is empty at first."""
    with (
        serving(tmp_path_factory.mktemp("folders") / "store", preheat=0) as running,
        dashboard_page(new_shared_page, running, "#upload") as page,
    ):
        expect(field(page)).to_be_visible()
        yield page


def field(page):
    return page.get_by_label("Folder", exact=True)


def rows(page):
    return page.locator(".imgurer-folder-row:visible")


def row(page, name):
    names = page.locator(".imgurer-folder-names").filter(has_text=name)
    return rows(page).filter(has=names)


def title(page):
    return page.locator(".imgurer-folder-title")


def test_the_fault_of_a_path_is_shown_beside_it(shared, folder):
    field(shared).fill(f"{folder}/gone")
    field(shared).press("Enter")
    notice = shared.locator(".imgurer-folder-intake .imgurer-notice-failed")
    expect(notice).to_contain_text("There is no folder")
    field(shared).fill(str(shared.server.root))
    shared.get_by_role("button", name="Ingest", exact=True).click()
    expect(notice).to_contain_text("belongs to the store itself")
    expect(rows(shared)).to_have_count(0)


def test_a_folder_is_ingested_and_ingested_again(shared, folder):
    field(shared).fill(str(folder))
    shared.get_by_role("button", name="Leave in place").click()
    shared.get_by_role("button", name="Ingest", exact=True).click()
    expect(rows(shared)).to_have_count(4)
    expect(title(shared)).to_contain_text("4 files · 1 rejected · 3 added")
    expect(rows(shared).first).to_contain_text("note.jpg")
    expect(rows(shared).first).to_contain_text("text file")
    expect(row(shared, "small.png")).to_contain_text("near duplicate of <img")
    expect(shared.locator(".imgurer-folder-intake .imgurer-notice-failed")).to_have_count(0)
    # The header follows: a number first, when it is known.
    expect(shared.get_by_role("link", name="3 pictures")).to_be_visible()
    expect(shared.get_by_role("link", name="1 cluster to decide")).to_be_visible()
    shared.get_by_role("button", name="3 added").click()
    expect(rows(shared)).to_have_count(3)

    (folder / "alone.jpg").rename(folder / "sub" / "elsewhere.jpg")
    (folder / "sub" / "small.png").unlink()
    shared.get_by_role("button", name="Ingest", exact=True).click()
    expect(title(shared)).to_contain_text("1 rejected · 1 missing · 1 moved · 1 unchanged")
    expect(row(shared, "elsewhere.jpg")).to_contain_text("moved")
    expect(row(shared, "small.png")).to_contain_text("no longer there")

    shared.reload()
    expect(title(shared)).to_contain_text("1 rejected · 1 missing · 1 moved · 1 unchanged")
    expect(row(shared, "elsewhere.jpg")).to_contain_text("moved")
    expect(shared.locator(".imgurer-folder-remark")).to_contain_text("This was on")


@pytest.mark.parametrize("width", [1280, 390])
def test_the_list_fits_the_screen_and_a_name_leads_to_the_search(shared, folder, width):
    shared.set_viewport_size({"width": width, "height": 844})
    field(shared).fill(str(folder))
    if not rows(shared).count():
        shared.get_by_role("button", name="Ingest", exact=True).click()
    expect(rows(shared).first).to_be_visible()
    assert shared.evaluate("document.documentElement.scrollWidth") <= width
    part = shared.locator(".imgurer-folder-intake")
    assert part.evaluate("node => node.scrollWidth - node.clientWidth") <= 0
    (folder / f"new {width}.jpg").write_bytes(encode(scene(3100 + width, 320, 240)))
    shared.get_by_role("button", name="Ingest", exact=True).click()
    shared.get_by_role("button", name=f"new {width}.jpg").click()
    expect(shared).to_have_url(re.compile(r"#search\?.*image="))
    shared.go_back()
    expect(field(shared)).to_be_visible()
