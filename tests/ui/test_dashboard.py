import asyncio
import json
import threading

import nbformat
import pytest

from imgurer_kernel.ui.dashboard import TABS, Dashboard
from imgurer_kernel.ui.widgets.upload.control import Verdict
from imgurer_kernel.ui.widgets.upload.receiver import Upload
from tests.support.forms import thinned
from tests.support.pictures import encode, jpeg, scene
from tests.support.stores import open_store


def fill(wb):
    wb.accounts.create("root", "correct horse", "admin")
    wb.accounts.create("ann", "correct horse")
    for seed in range(3):
        wb.upload(f"{seed}.jpg", jpeg(seed, 160, 120))
    wb.upload("0 again.jpg", jpeg(0, 160, 120, quality=60))
    wb.queue(progress=False)  # each of the dashboards would compare and measure all pictures


@pytest.fixture
def wb(new_store):
    return new_store(fill)


class Page:
    """The browser's side of the address."""

    def __init__(self, dashboard):
        self.dashboard, self.history = dashboard, [""]
        dashboard.address.send = self.receive

    def receive(self, message):
        if message["replace"]:
            self.history[-1] = message["hash"]
        else:
            self.history.append(message["hash"])

    def open(self, hash_=""):
        self.history = [hash_]
        self.dashboard.address._receive(None, {"kind": "navigated", "hash": hash_}, [])

    def back(self):
        self.history.pop()
        message = {"kind": "navigated", "hash": self.history[-1]}
        self.dashboard.address._receive(None, message, [])


@pytest.fixture
def dashboard(wb):
    return Dashboard(wb)


@pytest.fixture
def page(dashboard):
    page = Page(dashboard)
    page.open()
    return page


def visible(dashboard):
    return [name for name, panel in dashboard.panels.items() if panel.layout.display is None]


def test_nothing_is_read_before_the_page_is_open(tmp_path):
    wb = open_store(tmp_path / "store")
    dashboard = Dashboard(wb, user="ann")
    assert not wb.catalog.path.exists()  # it is made when it is first asked
    assert dashboard.panels == {}
    assert dashboard.header.user == ""


@pytest.mark.long
def test_figures_are_those_of_the_arrival(wb, dashboard):
    wb.upload("late.jpg", jpeg(77, 160, 120))
    Page(dashboard).open()
    assert dashboard.header.counts[0] == {"text": "5 pictures", "hash": "#browse"}


@pytest.mark.long
def test_the_frame_links_what_it_counts(dashboard, page):
    texts = [link["text"] for link in dashboard.header.counts]
    assert texts[:2] == ["4 pictures", "1 cluster to decide"]
    assert texts[2].endswith("could be freed")
    for link in dashboard.header.counts:
        dashboard.follow_link(link["hash"])
    assert dashboard.current == "review"


@pytest.mark.long
def test_a_store_opens_with_its_pictures_and_an_empty_one_with_upload(new_store, dashboard, page):
    assert visible(dashboard) == ["browse"]
    empty = Dashboard(new_store())
    Page(empty).open()
    assert visible(empty) == ["upload"]
    assert empty.header.counts[0]["text"] == "0 pictures"


@pytest.mark.parametrize("tab", thinned(TABS, 3))
def test_each_tab_can_be_the_first(wb, tab):
    dashboard = Dashboard(wb)
    Page(dashboard).open(f"#{tab}")
    assert visible(dashboard) == [tab]
    assert dashboard.header.current == tab


@pytest.mark.long
def test_panels_are_built_when_they_are_first_shown(dashboard, page):
    assert list(dashboard.panels) == ["browse"]
    dashboard.follow_link("#users")
    dashboard.follow_link("#browse")
    assert list(dashboard.panels) == ["browse", "users"]
    assert visible(dashboard) == ["browse"]


def test_back_returns_through_searches_and_tabs(dashboard, page):
    dashboard.search_for(1)
    dashboard.search_for(2)
    dashboard.follow_link("#review")
    assert [entry.split("?")[0] for entry in page.history] == [
        "#browse",
        "#search",
        "#search",
        "#review",
    ]
    page.back()
    assert dashboard.current == "search"
    assert dashboard.search.query.key == "2"
    page.back()
    assert dashboard.search.query.key == "1"
    page.back()
    assert dashboard.current == "browse"


@pytest.mark.long
def test_refinements_replace_the_address_and_steps_add_to_it(dashboard, page):
    dashboard.search_for(1)
    length = len(page.history)
    dashboard.search.radius = 20
    assert len(page.history) == length
    assert page.history[-1] == "#search?image=1&radius=20"
    dashboard.search_for(3)
    assert len(page.history) == length + 1


@pytest.mark.long
def test_a_reload_shows_the_same(wb, dashboard, page):
    dashboard.search_for(1)
    dashboard.search.radius = 20
    again = Dashboard(wb)
    Page(again).open(page.history[-1])
    assert again.search.results.radius == 20
    assert again.search.query.name == "0.jpg"
    assert visible(again) == ["search"]


@pytest.mark.long
def test_a_tab_remembers_what_it_showed(dashboard, page):
    dashboard.search_for(1)
    dashboard.follow_link("#browse")
    link = next(tab["hash"] for tab in dashboard.header.tabs if tab["id"] == "search")
    assert link == "#search?image=1"


@pytest.mark.parametrize(
    "hash_", thinned(["#search?image=zz", "#", "nonsense", "#nowhere", "#<img src=x>"], 4)
)
def test_nonsense_in_the_address_leaves_a_dashboard(wb, hash_):
    dashboard = Dashboard(wb)
    Page(dashboard).open(hash_)
    assert len(visible(dashboard)) == 1
    dashboard.follow_link("#nowhere")
    assert len(visible(dashboard)) == 1


def test_an_upload_shows_everywhere(wb, dashboard, page):
    dashboard.follow_link("#review")
    dashboard.search_for(1)
    wb.upload("more.jpg", jpeg(0, 160, 120, quality=40))
    dashboard.follow_link("#upload")
    upload = dashboard.panels["upload"]
    upload.model.begin()
    upload._note(
        Upload(name="", path=None, bytes=0, digest=""), Verdict(status="added", image_id=5)
    )
    upload.model.finish()
    assert dashboard.header.counts[0]["text"] == "5 pictures"
    assert dashboard.browse.shown.total == 5
    assert len(dashboard.search.results.frame) == 2
    assert dashboard.review.queue.clusters["goes"].sum() == 2
    assert not dashboard.review.stale


@pytest.mark.long
def test_the_header_shows_the_visitor_and_the_log_out_link(wb):
    dashboard = Dashboard(wb, user="ann", logout="/logout")
    Page(dashboard).open()
    assert (dashboard.header.user, dashboard.header.logout) == ("ann, member", "/logout")
    alone = Dashboard(wb)
    Page(alone).open()
    assert (alone.header.user, alone.header.logout) == ("local user", "")


def test_a_member_does_not_see_the_accounts_of_others(wb):
    dashboard = Dashboard(wb, user="ann")
    Page(dashboard).open("#users")
    assert [row["name"] for row in dashboard.panels["users"].table.rows] == ["ann"]


def test_a_missing_account_is_reported_as_a_sentence(wb):
    dashboard = Dashboard(wb, user="nobody")
    Page(dashboard).open()
    assert "nobody" in dashboard._start_job.failure


@pytest.mark.long
def test_slow_clusters_do_not_hold_up_the_rest(wb):
    release = threading.Event()
    plain = wb.clusters

    def slow(*arguments, **options):
        assert release.wait(20)
        return plain(*arguments, **options)

    wb.clusters = slow

    async def scenario():
        dashboard = Dashboard(wb)
        Page(dashboard).open()
        while dashboard.browse.shown is None:
            await asyncio.sleep(0.01)
        texts = [link["text"] for link in dashboard.header.counts]
        assert texts == ["4 pictures", "looking for duplicates"]
        release.set()
        while dashboard.review.queue is None:
            await asyncio.sleep(0.01)

    asyncio.run(asyncio.wait_for(scenario(), 30))


def test_names_are_never_markup(new_store):
    name = "<img src=x onerror=pwned()>.jpg"
    wb = new_store()
    for quality in (90, 50):
        wb.upload(name, encode(scene(1), quality=quality))
    dashboard = Dashboard(wb)
    Page(dashboard).open()
    for tab in TABS:
        dashboard.follow_link(f"#{tab}")
    dashboard.search_for(1)
    for panel in dashboard.panels.values():
        if hasattr(panel, "details"):
            panel.details.model.image_id = 1
            panel.details.forget.click()
    markup = [text for widget in _all(dashboard) for text in _html(widget)]
    assert any("&lt;img" in text for text in markup)
    assert not any("<img" in text for text in markup)


def _all(widget):
    yield widget
    for child in getattr(widget, "children", ()):
        yield from _all(child)


def _html(widget):
    """Whatever a stock widget would set as HTML."""
    if type(widget).__module__.startswith(("ipywidgets", "imgurer_kernel.ui.panels.base")):
        for trait in ("value", "description", "placeholder", "tooltip"):
            if isinstance(value := getattr(widget, trait, None), str):
                yield value


def test_the_notebook_is_four_cells_and_holds_no_output():
    from pathlib import Path

    path = Path(__file__).parents[2] / "notebooks" / "dashboard.ipynb"
    notebook = nbformat.reads(path.read_text(encoding="utf-8"), 4)
    assert [cell.cell_type for cell in notebook.cells] == ["markdown", "code", "code", "code"]
    assert notebook.cells[-1].source.startswith("Dashboard(")
    assert "widgets" not in json.dumps(notebook.metadata)
