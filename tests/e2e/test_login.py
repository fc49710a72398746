"""The login and the page around the dashboard, in a browser."""

import os
import re

import psutil
import pytest
from playwright.sync_api import expect

from imgurer_kernel.apps.server.pages import Pages
from imgurer_kernel.store.catalog import Catalog
from imgurer_kernel.store.users import Users
from tests.e2e.servers import REPOSITORY, serving
from tests.e2e.test_http import PASSWORD, ask, eventually, log_in, write_notebook
from tests.support.forms import thinned

pytestmark = pytest.mark.e2e

IMPORTS = """
import os
import ipywidgets
from imgurer_kernel.ui import visitor
"""
DASHBOARD = """
who = visitor.visitor()
button, said = ipywidgets.Button(description="Greet"), ipywidgets.Label("")
button.on_click(lambda _: setattr(said, "value", f"Hello {who} from {os.getpid()}"))
ipywidgets.VBox([button, said])
"""


@pytest.fixture(scope="module")
def notebook(tmp_path_factory):
    path = tmp_path_factory.mktemp("notebook") / "dashboard.ipynb"
    return write_notebook(path, IMPORTS, DASHBOARD)


@pytest.fixture(scope="module")
def accounts(tmp_path_factory):
    """A store with accounts; calling it acts on them as another process would."""
    root = tmp_path_factory.mktemp("login") / "store"
    root.mkdir()
    with Catalog(root) as catalog:
        users = Users(catalog)
        for name in ("alice", "bob"):
            users.create(name, PASSWORD, "admin" if name == "alice" else "member")

    def act(work):
        with Catalog(root) as catalog:
            work(Users(catalog))

    act.root = root
    return act


@pytest.fixture(scope="module")
def server(accounts, notebook):
    """A server with a login and one preheated kernel."""
    with serving(accounts.root, notebook=notebook, login=True) as server:
        yield server


@pytest.fixture(scope="module")
def bobs_page(server, new_shared_page):
    """One page of bob's, who stays logged in; each test leaves it with a dashboard that works."""
    page = watch(new_shared_page())
    page.goto(server.url)
    enter(page, "bob")
    greeting(page)
    return page


@pytest.fixture(scope="module")
def strangers_page(new_shared_page):
    """One page for those who log in."""
    return watch(new_shared_page())


@pytest.fixture
def page_of_nobody(strangers_page):
    """The page where nobody is logged in; its kernel ends with the test."""
    strangers_page.complaints.clear()
    strangers_page.context.clear_cookies()
    yield strangers_page
    strangers_page.goto("about:blank")


def watch(page):
    """Collect refused requests and errors of the browser."""
    page.complaints = []
    page.on("pageerror", lambda fault: page.complaints.append(str(fault)))
    page.on(
        "console",
        lambda said: (
            page.complaints.append(said.text)
            if "Content Security Policy" in said.text or "Refused to" in said.text
            else None
        ),
    )
    return page


def enter(page, name, password=PASSWORD):
    page.get_by_label("User name").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Log in").click()


def greeting(page):
    """Make the kernel print the name of its visitor and its pid."""
    page.get_by_role("button", name="Greet").click(timeout=60_000)
    said = page.get_by_text("Hello ")
    expect(said).to_be_visible()
    return re.fullmatch(r"Hello (\w+) from (\d+)", said.inner_text()).groups()


def test_logging_in_beside_another_user(server, bobs_page, page_of_nobody):
    bob = greeting(bobs_page)
    page = page_of_nobody
    page.goto(server.url + "?tab=browse")
    expect(page).to_have_title("Log in · imgurer")
    expect(page.get_by_label("User name")).to_be_focused()
    page.keyboard.type("Alice")
    page.keyboard.press("Tab")
    page.keyboard.type("a wrong password")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_have_text("The name or the password is wrong.")
    expect(page.get_by_label("User name")).to_have_value("Alice")
    expect(page.get_by_label("Password")).to_have_value("")
    expect(page.get_by_label("Password")).to_be_focused()
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_text("Opening the dashboard")).to_be_visible()
    alice = greeting(page)
    assert [name for name, _ in (alice, bob)] == ["alice", "bob"]
    assert alice[1] != bob[1]
    assert (greeting(page), greeting(bobs_page)) == (alice, bob)
    expect(page.locator("#loading")).to_have_count(0)
    assert page.url == server.url + "?tab=browse"
    expect(page).to_have_title("imgurer")
    assert page.complaints == []


@pytest.mark.long
def test_two_users_at_once_without_preheated_kernels(accounts, notebook, new_page):
    alice, bob = new_page(), new_page()
    with serving(accounts.root, notebook=notebook, login=True, preheat=0) as server:
        for page, name in ((alice, "alice"), (bob, "bob")):
            page.goto(server.url)
            enter(page, name)
        heard = [greeting(page) for page in (alice, bob)]
        assert [name for name, _ in heard] == ["alice", "bob"]
        assert heard[0][1] != heard[1][1]
        assert greeting(alice) == heard[0]


def test_a_disabled_user(server, accounts, bobs_page):
    page = bobs_page
    page.complaints.clear()
    accounts(lambda users: users.disable("bob"))
    lost = page.get_by_text("You are no longer logged in.")
    button = page.get_by_role("button", name="Greet")
    for _ in range(30):  # looked up anew every two seconds
        button.click()
        page.wait_for_timeout(500)
        if lost.is_visible():
            break
    expect(lost).to_be_visible()
    link = page.get_by_role("link", name="Log in")
    ink, ground = link.evaluate(
        "(it) => [getComputedStyle(it).color, getComputedStyle(it).backgroundColor]"
    )
    assert ink != ground
    link.click()
    expect(page).to_have_title("Log in · imgurer")
    enter(page, "bob")
    expect(page.get_by_role("alert")).to_contain_text("The account bob is disabled.")
    accounts(lambda users: users.enable("bob"))
    enter(page, "bob")
    assert greeting(page)[0] == "bob"
    # JupyterLab says in the console that the last click went nowhere.
    assert set(page.complaints) <= {"Cannot send"}


def test_logging_out(server, bobs_page):
    page = bobs_page
    page.goto(server.url + "logout")
    expect(page.get_by_role("status")).to_have_text("You are logged out.")
    page.go_back()
    expect(page).to_have_title("Log in · imgurer")
    page.goto(server.url)
    expect(page).to_have_title("Log in · imgurer")
    enter(page, "bob")
    greeting(page)


def test_ones_logins(server, bobs_page):
    page = bobs_page
    page.complaints.clear()
    _, elsewhere = log_in(server, "bob")
    page.goto(server.url + "account")
    expect(page.get_by_role("heading")).to_have_text("Your logins")
    before = page.get_by_role("listitem").count()
    page.get_by_role("button", name="Log out An unnamed browser").first.click()
    expect(page.get_by_role("status")).to_have_text("That login is over.")
    expect(page.get_by_role("listitem")).to_have_count(before - 1)
    assert ask(server, "/account", cookies=elsewhere).status == 302
    page.get_by_role("link", name="To the dashboard").click()
    greeting(page)
    assert page.complaints == []


def test_an_address_that_leads_nowhere_and_a_kernel_that_goes_with_its_page(server, bobs_page):
    page = bobs_page
    page.complaints.clear()
    _, process = greeting(page)
    with page.expect_request("**/voila/api/shutdown/*"):
        assert page.goto(server.url + "nothing").status == 404
    expect(page.get_by_role("heading")).to_have_text("There is nothing here")
    page.get_by_role("link", name="To the dashboard").click()
    assert greeting(page)[1] != process
    assert page.complaints == []


@pytest.mark.parametrize("killed", ["the kernel", "the process that kernels are forked from"])
def test_a_dead_kernel_is_reported(server, bobs_page, killed):
    """If the process that kernels are forked from dies, the waiting kernel dies too."""
    page = bobs_page
    page.complaints.clear()
    _, process = greeting(page)
    kernel = psutil.Process(int(process))
    parent = kernel.parent()
    assert "fork_server" in " ".join(parent.cmdline())
    (kernel if killed == "the kernel" else parent).kill()
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("This page's session on the server has ended.")
    alert.get_by_role("link", name="Reload").click()
    assert greeting(page)[1] != process
    assert page.complaints == []


@pytest.mark.parametrize("preheat", [pytest.param(0, marks=pytest.mark.long), 1])
def test_a_failed_kernel_and_a_stopped_server_are_reported(tmp_path, notebook, new_page, preheat):
    fault = tmp_path / "fault"
    (tmp_path / "path").mkdir()
    (tmp_path / "path" / "sitecustomize.py").write_text(
        f"import os, sys\n"
        f"def fail():\n"
        f"    if os.path.exists({str(fault)!r}):\n"
        f"        os._exit(1)\n"
        f"if 'ipykernel_launcher' in ' '.join(sys.orig_argv):\n"
        f"    fail()\n"
        f"if 'fork_server' in ' '.join(sys.orig_argv):\n"
        f"    os.register_at_fork(after_in_child=fail)\n",
        encoding="utf-8",
    )
    fault.touch()
    path = os.pathsep.join((str(tmp_path / "path"), str(REPOSITORY)))
    page = watch(new_page())
    with serving(
        tmp_path / "store", notebook=notebook, preheat=preheat, environment={"PYTHONPATH": path}
    ) as server:
        page.goto(server.url)
        alert = page.get_by_role("alert")
        expect(alert).to_contain_text("The dashboard could not be opened")
        expect(page.locator("#loading")).to_have_count(0)
        eventually(lambda: any("no kernel for a page" in line for line in server.lines))
        fault.unlink()
        for _ in range(preheat + 1):  # one that failed may have been started beforehand
            alert.get_by_role("link", name="Try again").click()
            page.wait_for_load_state()
            if not alert.is_visible():
                break
        assert greeting(page)[0] == "None"
    expect(page.get_by_role("alert")).to_contain_text(
        "The server does not answer. It may have been stopped."
    )
    assert page.complaints == []


CONTRASTS = """() => {
    const numbers = (colour) => {
        const canvas = new OffscreenCanvas(1, 1).getContext("2d");
        canvas.fillStyle = colour;
        canvas.fillRect(0, 0, 1, 1);
        return [...canvas.getImageData(0, 0, 1, 1).data];
    };
    const light = (colour) => {
        const [r, g, b] = numbers(colour).map((v) => v / 255)
            .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const ground = (node) => {
        const colour = getComputedStyle(node).backgroundColor;
        return numbers(colour)[3] ? colour : ground(node.parentElement);
    };
    const texts = "h1, .lead, .say, label, input:not([type=hidden]), button, .foot";
    return [...document.querySelectorAll(texts)].map((node) => {
        const pair = [light(getComputedStyle(node).color), light(ground(node))];
        return [node.className || node.tagName,
            (Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05)];
    });
}"""


def test_the_login_can_be_read(server, page_of_nobody):
    """Each text's contrast with its ground is that of WCAG AA."""
    page = page_of_nobody
    page.goto(server.url)
    enter(page, "nobody", "a wrong password")
    expect(page.get_by_role("alert")).to_be_visible()
    inks = set()
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        inks.add(page.locator("h1").evaluate("node => getComputedStyle(node).color"))
        contrasts = page.evaluate(CONTRASTS)
        assert len(contrasts) >= 8
        assert [name for name, contrast in contrasts if contrast < 4.5] == [], scheme
    assert len(inks) == 2


# When all places are taken --------------------------------------------------------------------


@pytest.mark.parametrize("place", thinned(["?tab=search#review", "#browse?seed=3", ""], 3))
def test_a_visitor_without_a_place_is_admitted_when_one_is_free(page, place):
    """If the URL had a fragment, the page once waited forever."""
    address = "http://127.0.0.1:1/"
    asked = []

    def answer(route):
        asked.append(route.request.url)
        pages = Pages(style="", icon="")
        target = "/" + place.partition("#")[0]
        full = pages.render("full.html", seconds=1, target=target)
        route.fulfill(body=full if len(asked) < 3 else "come in", content_type="text/html")

    page.route(f"{address}**", answer)
    page.goto(address + place)
    expect(page.get_by_text("come in")).to_be_visible(timeout=20_000)
    assert len(set(asked)) == 1
