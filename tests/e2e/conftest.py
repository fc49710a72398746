"""A browser and a page that may talk to this machine only."""

import contextlib
import os
import shutil
from urllib.parse import urlsplit

import pytest

from tests.e2e.servers import TOKEN

REQUIRED = os.environ.get("IMGURER_E2E") == "required"

# The list takes the place of Playwright's own, which it repeats, but for its last line: each window
# would load two pages for what drops down from an address bar that nobody sees, in a process of
# their own; two thirds of what a page costs (0.8 s of processor time with Chromium 156).
FEATURES = (
    *("AvoidCorsURLLoaderRestartOnRedirect", "AvoidUnnecessaryBeforeUnloadCheckSync"),
    *("DestroyProfileOnBrowserClose", "HttpsFirstBalancedModeAutoEnable", "HttpsUpgrades"),
    *("LensOverlay", "MediaRouter", "NetworkTimeServiceQuerying", "OptimizationHints"),
    *("PaintHolding", "PreconnectToSearch", "ThirdPartyStoragePartitioning", "AimEnabled"),
    *("WebUIOmniboxAimPopup", "WebUIOmniboxFullPopup", "WebUIOmniboxPopup"),
)

ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    f"--disable-features={','.join(FEATURES)}",
)


def chromium():
    """Path of the browser, or an empty text."""
    # The shell is Chromium without what surrounds a page, which takes an eighth of these tests.
    names = ("chromium-headless-shell", "chromium")
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, names)), "")


@pytest.fixture(scope="session")
def browser():
    executable = chromium()
    if not executable:
        reason = "NO BROWSER: install chromium, or set CHROMIUM to its path, to run these tests"
        if REQUIRED:
            pytest.fail(reason)
        pytest.skip(reason)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=executable, args=list(ARGUMENTS))
        yield running
        running.close()


@contextlib.contextmanager
def visitors(browser):
    """Function that opens a page as a new visitor; foreign requests fail the test at its end."""
    contexts, foreign = [], []

    def refuse(route):
        foreign.append(route.request.url)
        route.abort()

    def watch(page):
        # Routing sockets would send every chunk of an upload through the test's own process.
        page.on("websocket", lambda socket: is_foreign(socket.url) and foreign.append(socket.url))

    def is_foreign(url):
        parts = urlsplit(url)
        return parts.scheme in {"http", "https", "ws", "wss"} and parts.hostname != "127.0.0.1"

    def make(**options):
        usual = {
            "viewport": {"width": 1280, "height": 800},
            # Sixty frames a second while a page waits for its kernel, drawn without a GPU.
            "reduced_motion": "reduce",
            "extra_http_headers": {"Authorization": f"token {TOKEN}"},
        }
        context = browser.new_context(**usual | options)
        context.route(is_foreign, refuse)
        context.on("page", watch)
        context.set_default_timeout(60_000)  # a busy machine starts kernels slowly
        contexts.append(context)
        return context.new_page()

    try:
        yield make
    finally:
        for context in contexts:
            context.close()
    assert foreign == [], f"requested from outside this machine: {foreign}"


@pytest.fixture
def new_page(browser):
    with visitors(browser) as make:
        yield make


@pytest.fixture(scope="module")
def new_shared_page(browser):
    """The same for pages that all tests of a module use."""
    with visitors(browser) as make:
        yield make


@pytest.fixture
def page(new_page):
    return new_page()
