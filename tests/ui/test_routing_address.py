import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgurer_kernel.ui.routing.address import AddressBar, Route, whole_number

names = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=20)


@given(st.sampled_from(["search", "browse"]), st.dictionaries(names, names, max_size=4))
def test_a_route_survives_the_address(tab, params):
    assert Route.parse(Route(tab, params).hash) == Route(tab, params)


@given(st.text(max_size=200))
def test_any_address_can_be_read(text):
    route = Route.parse(text)
    assert isinstance(route.tab, str)
    assert all(isinstance(value, str) for value in route.params.values())


def test_a_hash_holds_no_markup():
    assert "<" not in Route("browse", {"name": '<img src=x onerror="1">'}).hash


@pytest.mark.parametrize("text", ["", "-1", "1.5", "1e3", "٣", "9" * 17, "11", None, " 1"])
def test_what_is_not_a_number_in_range_is_the_default(text):
    assert whole_number(text, 5, 0, 10) == 5


def test_navigation_is_reported_and_followed():
    navigated, sent = [], []
    address = AddressBar(navigated.append)
    address.send = sent.append
    address._receive(None, {"kind": "navigated", "hash": "#browse?page=2"}, [])
    assert navigated == [Route("browse", {"page": "2"})]
    address.go(Route("browse", {"page": "2"}))
    assert sent == []  # that is where the page is
    address.go(Route("search"), replace=True)
    assert sent == [{"kind": "go", "hash": "#search", "replace": True, "navigation": 0}]
    address._receive(None, {"kind": "something else"}, [])
    assert len(navigated) == 1
