from datetime import UTC, datetime, timedelta

from imgurer_kernel.store.catalog.holdings import merge
from tests.support.catalog_records import arrival

START = datetime(2024, 1, 1, tzinfo=UTC)


def holding_after(*batches):
    """Merge batches of (arrival, image_id), a day apart; all holdings, and the last changes."""
    holdings, changed = {}, {}
    for day, batch in enumerate(batches):
        changed = merge(holdings, batch, START + timedelta(days=day))
        holdings = holdings | changed
    return holdings, changed


def test_a_first_arrival():
    holdings, _ = holding_after([(arrival(1, source="/a"), 7)])
    it = holdings["ann", "/a", 7]
    assert (it.filename, it.bytes, it.brought_at) == ("picture 1.jpg", 1001, START)
    assert it.replaced_at is None


def test_the_same_again_changes_nothing():
    batch = [(arrival(1, source="/a"), 7), (arrival(2, source="/a"), 8), (arrival(3), 9)]
    _, changed = holding_after(batch, batch)
    assert changed == {}


def test_a_touched_file_keeps_the_day_it_was_brought():
    holdings, changed = holding_after(
        [(arrival(1, source="/a", modified_ns=5), 7)], [(arrival(1, source="/a", modified_ns=6), 7)]
    )
    assert list(changed) == [("ann", "/a", 7)]
    it = holdings["ann", "/a", 7]
    assert (it.modified_ns, it.brought_at) == (6, START)


def test_a_changed_file_and_back():
    first, second = (arrival(1, source="/a"), 7), (arrival(2, source="/a"), 8)
    holdings, _ = holding_after([first], [second])
    assert holdings["ann", "/a", 7].replaced_at == START + timedelta(days=1)
    assert holdings["ann", "/a", 8].replaced_at is None
    holdings, _ = holding_after([first], [second], [first])
    assert holdings["ann", "/a", 7].replaced_at is None
    assert holdings["ann", "/a", 7].brought_at == START
    assert holdings["ann", "/a", 8].replaced_at == START + timedelta(days=2)


def test_the_day_of_a_replacement_stays():
    batches = [[(arrival(number, source="/a"), number)] for number in (1, 2, 3)]
    holdings, _ = holding_after(*batches)
    assert holdings["ann", "/a", 1].replaced_at == START + timedelta(days=1)
    assert holdings["ann", "/a", 2].replaced_at == START + timedelta(days=2)


def test_uploads_and_files_of_others_are_left_alone():
    holdings, _ = holding_after(
        [(arrival(1, source="/a", modified_ns=0), 1), (arrival(2, "bob", source="/a"), 2)],
        [(arrival(3, source="/a"), 3), (arrival(4, source="/a", modified_ns=0), 4)],
    )
    assert all(it.replaced_at is None for it in holdings.values())
    assert len(holdings) == 4
