"""A browser and a page that may talk to this machine only."""

import os
import shutil
from urllib.parse import urlsplit

import pytest
from servers import dashboard as dashboard  # noqa: PLC0414 - a fixture

REQUIRED = os.environ.get("IMGURER_E2E") == "required"

ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def chromium():
    """Path of the browser, or an empty text."""
    return os.environ.get("CHROMIUM") or shutil.which("chromium") or ""


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


@pytest.fixture
def new_page(browser):
    """Function that opens a page of a visitor of its own; foreign requests fail the test."""
    contexts, foreign = [], []

    def refuse(route):
        foreign.append(route.request.url)
        route.abort()

    def is_foreign(url):
        parts = urlsplit(url)
        return parts.scheme in {"http", "https", "ws", "wss"} and parts.hostname != "127.0.0.1"

    def make(**options):
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 800}} | options)
        context.route(is_foreign, refuse)
        context.set_default_timeout(30_000)
        contexts.append(context)
        return context.new_page()

    yield make
    for context in contexts:
        context.close()
    assert foreign == [], f"requested from outside this machine: {foreign}"


@pytest.fixture
def page(new_page):
    return new_page()
