"""Pages of the dashboard as a visitor opens them."""

import contextlib

from playwright.sync_api import expect

NASTY = "<img src=x onerror=window.pwned=1>"
"""A name that would be noticed if it were ever taken for a part of the page."""


def watched(page):
    """Collect errors of the page's scripts in ``page.faults``; return the page."""
    page.faults = []
    page.on("pageerror", lambda fault: page.faults.append(str(fault)))
    return page


@contextlib.contextmanager
def dashboard_page(new_page, server, place="", **options):
    """A page of the dashboard, opened at a URL fragment; an error of its scripts fails the test."""
    page = watched(new_page(**options))
    page.server = server
    page.goto(server.url + place)
    is_open(page)
    yield page
    assert page.faults == []
    assert page.evaluate("window.pwned") is None


def is_open(page):
    """Wait until the dashboard is there; a busy machine takes its time to start a kernel."""
    expect(page.get_by_role("tab", name="Browse")).to_be_visible(timeout=60_000)
