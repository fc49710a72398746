import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgurer_kernel.ui.routing.address import Address, Place, whole_number

names = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=20)


@given(st.sampled_from(["search", "browse"]), st.dictionaries(names, names, max_size=4))
def test_a_place_survives_the_address(tab, details):
    assert Place.parse(Place(tab, details).hash) == Place(tab, details)


@given(st.text(max_size=200))
def test_any_address_can_be_read(text):
    place = Place.parse(text)
    assert isinstance(place.tab, str)
    assert all(isinstance(value, str) for value in place.details.values())


def test_a_hash_holds_no_markup():
    assert "<" not in Place("browse", {"name": '<img src=x onerror="1">'}).hash


@pytest.mark.parametrize("text", ["", "-1", "1.5", "1e3", "٣", "9" * 17, "11", None, " 1"])
def test_what_is_no_number_in_range_is_the_default(text):
    assert whole_number(text, 5, 0, 10) == 5


def test_arrivals_are_heard_and_going_is_told():
    arrived, sent = [], []
    address = Address(arrived.append)
    address.send = sent.append
    address._receive(None, {"kind": "arrived", "hash": "#browse?page=2"}, [])
    assert arrived == [Place("browse", {"page": "2"})]
    address.go(Place("browse", {"page": "2"}))
    assert sent == []  # that is where the page is
    address.go(Place("search"), replace=True)
    assert sent == [{"kind": "go", "hash": "#search", "replace": True, "arrival": 0}]
    address._receive(None, {"kind": "something else"}, [])
    assert len(arrived) == 1
