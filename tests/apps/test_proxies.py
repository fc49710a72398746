"""The client of a request behind a proxy, and the origin that a browser reports."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tornado.httputil import HTTPHeaders

from imgurer_kernel.apps.server.fetch_metadata import is_foreign, is_top_level
from imgurer_kernel.apps.server.proxies import read_networks, sent_by

TRUSTED = read_networks(["127.0.0.1", "10.0.0.0/8", "::1"])


def sent(peer="127.0.0.1", **named):
    headers = HTTPHeaders({name.replace("_", "-"): value for name, value in named.items()})
    return sent_by(peer, "http", headers, TRUSTED)


@pytest.mark.parametrize("peer", ["192.0.2.1", "2001:db8::1", "11.0.0.1", "", "unix"])
def test_headers_of_an_untrusted_proxy_are_ignored(peer):
    assert sent(peer, X_Forwarded_For="10.9.9.9", X_Forwarded_Proto="https") == (peer, "http")
    assert sent(peer, X_Real_Ip="10.9.9.9", X_Scheme="https") == (peer, "http")


@pytest.mark.parametrize(
    ("said", "sender"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("203.0.113.1, 192.0.2.7", "192.0.2.7"),
        ("203.0.113.1,192.0.2.7,10.1.1.1", "192.0.2.7"),
        ("127.0.0.1, 192.0.2.7", "192.0.2.7"),
        ("10.0.0.9", "10.0.0.9"),
        ("10.0.0.9, 10.0.0.8", "10.0.0.9"),
        ("192.0.2.7, nonsense", "127.0.0.1"),
        ("nonsense, 10.0.0.8", "10.0.0.8"),
        ("", "127.0.0.1"),
        ("2001:db8::7", "2001:db8::7"),
    ],
)
def test_the_last_address_that_is_no_proxys_counts(said, sender):
    assert sent(X_Forwarded_For=said) == (sender, "http")
    assert sent("::ffff:127.0.0.1", X_Forwarded_For=said)[0] in {sender, "::ffff:127.0.0.1"}


@pytest.mark.parametrize(
    ("said", "protocol"),
    [
        ("https", "https"),
        ("HTTPS", "https"),
        ("http, https", "https"),
        ("https,http", "http"),
        ("ftp", "http"),
        ("", "http"),
    ],
)
def test_the_protocol_is_what_the_nearest_proxy_says(said, protocol):
    assert sent(X_Forwarded_For="192.0.2.7", X_Forwarded_Proto=said) == ("192.0.2.7", protocol)


@given(st.text(max_size=60))
def test_no_header_makes_up_more_than_an_address(text):
    sender, protocol = sent(X_Forwarded_For=text, X_Forwarded_Proto=text)
    assert protocol in {"http", "https"}
    assert len(sender) <= 60


SITES = ["same-origin", "same-site", "cross-site", "none"]


@pytest.mark.parametrize("site", SITES)
@pytest.mark.parametrize("method", ["GET", "POST", "HEAD"])
@pytest.mark.parametrize("dest", ["document", "iframe", "image", "script", "empty", "websocket"])
def test_foreign_pages_may_only_link_here(site, method, dest):
    mode = {"document": "navigate", "iframe": "navigate", "empty": "cors"}.get(dest, "no-cors")
    headers = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": mode, "Sec-Fetch-Dest": dest}
    welcome = site in {"same-origin", "none"} or (method, dest) == ("GET", "document")
    assert is_foreign(headers, method) is not welcome
    assert is_top_level(headers) is (dest == "document")


@pytest.mark.parametrize("mode", ["no-cors", "same-origin", "websocket", "cors", ""])
def test_only_who_navigates_opens_a_page(mode):
    assert not is_top_level({"Sec-Fetch-Mode": mode, "Sec-Fetch-Dest": "document"})


def test_a_prefetched_page_is_not_opened():
    assert not is_top_level({"Sec-Purpose": "prefetch;prerender"})
    assert not is_top_level({"Purpose": "prefetch"})
    assert is_foreign({"Sec-Fetch-Site": "cross-site"}, "GET"), "no browser leaves the mode out"
