"""The page of a report in a browser without a network: search, sort, compare, save a plan."""

import os

import pytest
from playwright.sync_api import expect

from imgurer_kernel import Settings, Workbench
from imgurer_kernel.apps.cli.parser import main
from imgurer_kernel.report import Report
from imgurer_kernel.review.plan import read_plan
from tests.support.pictures import encode, jpeg, resized, scene
from tests.support.reports import many_clusters

pytestmark = pytest.mark.e2e

NAME = '=two <b>東京, "x".jpg'


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """A store over five files in two clusters: its folder, that of the files, and a report."""
    base = tmp_path_factory.mktemp("report")
    folder = base / "in"
    folder.mkdir()
    files = {
        "one.jpg": jpeg(0),
        "one small.jpg": encode(resized(scene(0), 320, 240)),
        "one again.jpg": jpeg(0),
        "two.jpg": jpeg(1),
        NAME: encode(resized(scene(1), 320, 240)),
    }
    for name, data in files.items():
        (folder / name).write_bytes(data)
        os.utime(folder / name, (1_700_000_000, 1_700_000_000))
    # A sidecar of a file that goes, one of two files of which one stays, and a video.
    for name in ("one small.jpg.xmp", "one small.mov", "one again.xmp", "one again.cr2"):
        (folder / name).write_bytes(b"not a picture")
    with Workbench(Settings(root=base / "store", store="reference")) as wb:
        wb.ingest(folder, progress=False)
        report = wb.report(progress=False).save(base / "report.html")
    return base / "store", folder, report


@pytest.fixture(scope="module")
def shared(new_shared_page):
    page = new_shared_page(offline=True, accept_downloads=True)
    page.said = []
    page.on("console", lambda message: page.said.append(message.text))
    page.on("pageerror", lambda error: page.said.append(str(error)))
    return page


@pytest.fixture
def opened(shared):
    """Function that loads a report into the page, which forgets all about the one before."""
    shared.said.clear()

    def load(path):
        shared.goto("about:blank")
        shared.goto(path.as_uri())
        shared.wait_for_selector("html[data-ready]")
        assert shared.said == []
        return shared

    yield load
    assert shared.said == []


def test_each_copy_says_what_it_is_to_what_is_kept(opened, store):
    """Also the one that the others were compared with, where another one is kept."""
    page = opened(store[2])
    page.locator("section").nth(1).wait_for()
    with Workbench(Settings(root=store[0])) as wb:
        rows = wb.report(progress=False).files
    assert (rows["is_medoid"] & ~rows["is_keeper"]).any()
    for name, label in zip(rows["filename"], rows["label"], strict=True):
        tile = page.locator("li", has=page.locator(".name").get_by_text(name, exact=True))
        expect(tile.locator("b")).to_have_text([] if label == "kept" else [label])


def test_a_name_like_a_formula_comes_through_the_plan(opened, store, tmp_path):
    page = opened(store[2])
    # A filter by what no copy is would show nothing.
    kinds = page.get_by_label("Kind").locator("option").evaluate_all("all => all.map(o => o.value)")
    assert not {"kept", "medoid"} & set(kinds)
    page.get_by_role("button", name="Tick the copies").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Save the plan").click()
    download.value.save_as(tmp_path / "plan.csv")
    assert f"'{NAME}".replace('"', '""').encode() in (tmp_path / "plan.csv").read_bytes()
    with Workbench(Settings(root=store[0])) as wb:
        plan = wb.plan(progress=False).drop(columns="digest")
    assert plan.set_index("filename").loc["one small.jpg", ["along", "left"]].tolist() == [
        "one small.jpg.xmp",
        "one small.mov",
    ]
    wanted = plan.astype("str")
    found = read_plan(tmp_path / "plan.csv")
    assert wanted.assign(act="auto").fillna("").equals(found[list(wanted)].fillna(""))


def test_pictures_are_compared_as_they_lie_on_each_other(opened, store):
    page = opened(store[2])
    page.get_by_role("button", name="compare").first.click()
    assert page.get_by_role("dialog").is_visible()
    assert "bits differ" in page.locator("#evidence").inner_text()
    page.get_by_label("difference").check()
    assert page.locator("#stage").get_attribute("class") == "difference"
    page.get_by_role("button", name="Close").click()
    assert not page.get_by_role("dialog").is_visible()


def test_a_plan_that_is_ticked_in_the_page_is_carried_out(opened, store, tmp_path, capsys):
    """After the tests that read the store, which has fewer files from here on."""
    root, folder, report = store
    page = opened(report)
    expect(page.locator("section")).to_have_count(2)
    assert page.locator("img[src^='data:image/jpeg']").count() == 5
    page.get_by_role("searchbox").fill("東京")
    expect(page.locator("section")).to_have_count(1)
    assert set(page.locator(".name").all_inner_texts()) == {"two.jpg", NAME}
    # Kept is what somebody wants to keep, and what was proposed goes.
    page.locator("li", has_text="東京").get_by_role("button", name="keep").click()
    page.locator("li", has_text="two.jpg").get_by_role("checkbox").check()
    page.get_by_role("searchbox").fill("")
    expect(page.locator("section")).to_have_count(2)
    page.locator("li", has_text="one small").get_by_role("checkbox").check()
    expect(page.locator("#planned")).to_contain_text("2 files of ")
    expect(page.locator("#planned")).to_contain_text("; 1 sidecar along with them; 1 raw file, ")
    with page.expect_download() as download:
        page.get_by_role("button", name="Save the plan").click()
    plan = tmp_path / "plan.csv"
    download.value.save_as(plan)

    rows = read_plan(plan).set_index("filename")
    assert set(rows.index) == {"two.jpg", "one small.jpg"}
    assert rows.loc["two.jpg", "keeper_path"] == str(folder / NAME)
    assert rows.loc["two.jpg", "reason"] == "chosen by hand"
    apply = ["--root", str(root), "review", "apply", str(plan)]
    assert main([*apply, "--dry-run"]) == 0
    assert len(list(folder.glob("*.jpg"))) == 5
    assert main(apply) == 0, capsys.readouterr()
    assert {path.name for path in folder.glob("*.jpg")} == {"one.jpg", "one again.jpg", NAME}


def test_many_clusters_are_paged_sorted_and_filtered(opened, tmp_path):
    path = Report.of(many_clusters(250, 3)).save(tmp_path / "many.html")
    page = opened(path)
    expect(page.locator("section")).to_have_count(100)
    page.get_by_role("button", name="Next").first.click()
    page.get_by_role("button", name="Next").first.click()
    expect(page.locator("section")).to_have_count(50)
    assert page.get_by_role("button", name="Next").first.is_disabled()
    page.get_by_label("Sort by").select_option("newest")
    expect(page.locator("section")).to_have_count(100)
    first = page.locator(".name").first.inner_text()
    assert first.startswith("IMG_00249")
    page.get_by_label("Kind").select_option("resized")
    page.get_by_role("searchbox").fill("img_0001")
    expect(page.locator("section")).to_have_count(10)
    assert page.locator("#count").inner_text() == "10 of 250 clusters"
    page.get_by_role("searchbox").fill("no such thing")
    expect(page.locator("section")).to_have_count(0)
    expect(page.locator("#clusters")).to_contain_text("No cluster has what is searched for")
    page.get_by_role("button", name="Show all clusters").click()
    assert page.locator("#count").inner_text() == "250 clusters"
    assert page.locator("#search").input_value() == page.locator("#kind").input_value() == ""
    # Narrow and dark: nothing is cut off at the side.
    page.set_viewport_size({"width": 390, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
