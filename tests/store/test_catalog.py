from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imgurer_kernel.common.records import Facts
from imgurer_kernel.errors import (
    CatalogError,
    CatalogTooNew,
    NotAllowed,
    QueryError,
    UnknownImage,
    UnknownUser,
    UserExists,
)
from imgurer_kernel.store.catalog import (
    Catalog,
    Statistics,
    commands,
    files,
    fingerprints,
    generations,
    known_files,
    queries,
    users,
)
from imgurer_kernel.store.catalog.queries import shuffled
from tests.support.catalog_records import arrival, digest, fingerprint
from tests.support.forms import rounds

pytestmark = pytest.mark.opens_catalogs

IMAGES = [
    *("image_id", "digest", "dhash", "filename", "width", "height", "format", "frames", "bytes"),
    *("informative", "taken_at", "camera", "latitude", "longitude", "added_at", "holders"),
    *("algorithm", "duration_ms", "damaged", "damage", "profile"),
    "is_gray",
]


def fill(wb):
    wb.catalog.run(users.add_user, "ann", "admin", None)
    wb.catalog.run(users.add_user, "bob", "member", "hash of bob")


@pytest.fixture
def catalog(new_store):
    return new_store(fill).catalog


def ids(frame):
    return frame["image_id"].tolist()


def add(catalog, batch):
    """Return image and newness of each arrival; changes of files are tested elsewhere."""
    return [(it.image_id, it.added) for it in catalog.run(commands.add, batch)]


# Adding -------------------------------------------------------------------------------------


def test_ids_are_given_in_order_of_arrival_and_never_again(catalog):
    receipts = add(catalog, [arrival(number) for number in (5, 3, 9)])
    assert receipts == [(1, True), (2, True), (3, True)]
    assert catalog.run(queries.images)["digest"].tolist() == [digest(5), digest(3), digest(9)]
    assert catalog.run(commands.forget, 3, "ann") == digest(9)
    assert add(catalog, [arrival(9), arrival(10)]) == [
        (4, True),
        (5, True),
    ]


def test_adding_the_same_again_changes_nothing(catalog):
    batch = [arrival(number) for number in range(4)]
    catalog.run(commands.add, batch)
    before = (
        catalog.run(generations.current),
        catalog.run(queries.images),
        catalog.run(queries.holdings),
    )
    assert add(catalog, batch) == [(image_id, False) for image_id in (1, 2, 3, 4)]
    after = (
        catalog.run(generations.current),
        catalog.run(queries.images),
        catalog.run(queries.holdings),
    )
    assert before[0] == after[0]
    pd.testing.assert_frame_equal(before[1], after[1])
    pd.testing.assert_frame_equal(before[2], after[2])


def test_the_first_of_equal_arrivals_in_a_batch_is_the_new_one(catalog):
    bare = arrival(1, "bob", fingerprint=None)
    receipts = add(catalog, [bare, arrival(2), arrival(1), arrival(1, source="/elsewhere/1.jpg")])
    assert receipts == [
        (1, True),
        (2, True),
        (1, False),
        (1, False),
    ]
    assert Counter(ids(catalog.run(queries.holdings))) == {1: 3, 2: 1}
    assert catalog.run(queries.images)["holders"].tolist() == [2, 1]


def test_nothing_to_add(catalog):
    assert add(catalog, []) == []
    assert catalog.run(generations.current) == 0


@pytest.mark.parametrize(
    ("count", "shown"), [(1, "1"), (5, "1, 2, 3, 4, 5"), (6, "1, 2, 3, 4, 5, ...")]
)
def test_of_many_unknown_images_the_first_are_named(count, shown):
    message = str(queries.unknown_image(range(1, count + 1)))
    assert message.startswith(f"there is no image {shown};")


def test_a_digest_without_fingerprint_must_be_known(catalog):
    catalog.run(commands.add, [arrival(1)])
    assert add(catalog, [arrival(1, "bob", fingerprint=None)]) == [(1, False)]
    with pytest.raises(UnknownImage, match=r"picture 2\.jpg came without a fingerprint"):
        catalog.run(commands.add, [arrival(3), arrival(2, fingerprint=None)])
    assert ids(catalog.run(queries.images)) == [1], "part of a batch was entered"


def test_the_user_must_exist(catalog):
    with pytest.raises(UnknownUser, match="no user 'eve'"):
        catalog.run(commands.add, [arrival(1), arrival(2, "eve")])
    assert catalog.run(queries.statistics).images == 0


def test_confirm_runs_before_the_commit(catalog):
    seen = []
    batch = [arrival(1), arrival(2)]
    catalog.run(commands.add, batch, confirm=seen.extend)
    assert seen == batch

    def refuse(_):
        message = "the blob is not there"
        raise KeyError(message)

    with pytest.raises(KeyError, match="not there"):
        catalog.run(commands.add, [arrival(3)], confirm=refuse)
    assert ids(catalog.run(queries.images)) == [1, 2]
    assert add(catalog, [arrival(4)]) == [(3, True)]


@pytest.mark.parametrize("changed", [{"grays": b"short"}, {"verification": b"x" * 4095}])
def test_grays_of_another_size_are_refused(catalog, changed):
    with pytest.raises(CatalogError, match="CHECK"):
        catalog.run(commands.add, [arrival(1, fingerprint=fingerprint(1, **changed))])
    assert catalog.run(queries.statistics).images == 0


# Reading ------------------------------------------------------------------------------------


@pytest.mark.parametrize("few", [0, 500], ids=["in one pass", "one by one"])
def test_hashes_and_grays_come_back_exactly(catalog, monkeypatch, few):
    monkeypatch.setattr(queries, "_FEW", few)
    extremes = [0, 1, 2**53 + 1, 2**63 - 1, 2**63, 2**64 - 1]
    prints = [
        fingerprint(number, dhash=(value, extremes[-1 - number]), trimmed_dhash=(value, value))
        for number, value in enumerate(extremes)
    ]
    catalog.run(commands.add, [arrival(number, fingerprint=it) for number, it in enumerate(prints)])
    changes = catalog.run(generations.changes, 0)
    assert [tuple(map(int, row)) for row in changes.hashes] == [it.dhash for it in prints]
    assert [tuple(map(int, row)) for row in changes.trimmed] == [it.trimmed_dhash for it in prints]
    assert changes.hashes.dtype == changes.trimmed.dtype == np.uint64
    assert changes.informative.tolist() == [it.informative for it in prints]
    assert catalog.run(queries.images)["dhash"].tolist() == [it.dhash_hex for it in prints]
    for image_id, it in enumerate(prints, 1):
        assert catalog.run(fingerprints.load, image_id) == (digest(image_id - 1), it)
    wanted = [4, 1, 4, 6]
    grays, checks = (
        catalog.run(queries.grays, wanted),
        catalog.run(queries.verification, np.array(wanted)),
    )
    assert grays.shape == (4, 9, 9)
    assert checks.shape == (4, 64, 64)
    assert grays.dtype == checks.dtype == np.uint8
    for place, image_id in enumerate(wanted):
        assert grays[place].tobytes() == prints[image_id - 1].grays
        assert checks[place].tobytes() == prints[image_id - 1].verification


@pytest.mark.parametrize("few", [0, 500], ids=["in one pass", "one by one"])
def test_grays_of_an_unknown_image(catalog, monkeypatch, few):
    monkeypatch.setattr(queries, "_FEW", few)
    catalog.run(commands.add, [arrival(1)])
    for read in (queries.grays, queries.verification):
        with pytest.raises(UnknownImage, match="no image 7, 8;"):
            catalog.run(read, [8, 1, 7])
        assert catalog.run(read, []).shape[0] == 0
    with pytest.raises(UnknownImage, match="no image 7;"):
        catalog.run(fingerprints.load, 7)


def test_columns_of_images(catalog):
    kinds = {
        "image_id": "int64",
        "width": "int64",
        "frames": "int64",
        "bytes": "int64",
        "holders": "int64",
        "informative": "bool",
        "taken_at": "datetime64[us]",
        "added_at": "datetime64[us, UTC]",
        "latitude": "float64",
        "camera": "str",
        "filename": "str",
        "digest": "str",
        "dhash": "str",
    }
    empty = catalog.run(queries.images)
    # One without any facts of its own, and all of them together.
    catalog.run(commands.add, [arrival(1, fingerprint=fingerprint(1, facts=Facts()))])
    single = catalog.run(queries.images)
    catalog.run(commands.add, [arrival(number) for number in range(6)])
    everything = catalog.run(queries.images)
    for frame in (
        empty,
        single,
        everything,
        catalog.run(queries.browse, 3),
        catalog.run(queries.images, []),
    ):
        assert frame.columns.tolist() == IMAGES
        assert {name: str(frame[name].dtype) for name in kinds} == kinds
    assert single["camera"].isna().all()
    for columns in (["image_id", "filename"], ["width", "added_at"], ["holders"]):
        assert catalog.run(queries.images, columns=columns).equals(everything[columns])
        some = catalog.run(queries.images, [2, 5], columns)
        assert some.equals(catalog.run(queries.images, [2, 5])[columns])


def test_rows_of_images(catalog):
    before = datetime.now(UTC)
    catalog.run(commands.add, [arrival(2, "bob", filename="first.jpg")])
    catalog.run(commands.add, [arrival(2, filename="second.jpg"), arrival(3)])
    row = catalog.run(queries.images).iloc[0]
    it = fingerprint(2)
    assert row["filename"] == "first.jpg"
    assert row["holders"] == 2
    assert row["bytes"] == 1002
    assert (row["width"], row["height"], row["frames"]) == (it.width, it.height, it.frames)
    assert (row["format"], row["algorithm"]) == ("JPEG", "test-1")
    assert row["taken_at"] == it.facts.taken_at
    assert (row["camera"], row["latitude"]) == (it.facts.camera, it.facts.latitude)
    assert before <= row["added_at"] <= datetime.now(UTC)
    other = catalog.run(queries.images).iloc[1]
    assert pd.isna(other["taken_at"])
    assert pd.isna(other["longitude"])


def test_some_images_by_id(catalog):
    catalog.run(commands.add, [arrival(number) for number in range(5)])
    assert ids(catalog.run(queries.images, [4, 2, 99, 2])) == [2, 4]
    assert ids(catalog.run(queries.images, np.array([5], np.int64))) == [5]
    assert ids(catalog.run(queries.images)) == [1, 2, 3, 4, 5]


def test_known(catalog):
    catalog.run(commands.add, [arrival(number) for number in range(3)])
    wanted = [digest(2), digest(7), digest(0), digest(2), "not a digest"]
    assert catalog.run(queries.ids_by_digest, wanted) == {digest(2): 3, digest(0): 1}
    assert catalog.run(queries.ids_by_digest, []) == {}


def test_names_of_all_kinds_survive(catalog):
    names = ["quote'\"", "line\nbreak", "emoji 🦊", "<img onerror=alert(1)>", "ä" * 120, "%s;--"]
    catalog.run(
        commands.add,
        [arrival(number, filename=name, source=f"/in/{name}") for number, name in enumerate(names)],
    )
    assert catalog.run(queries.images)["filename"].tolist() == names
    assert sorted(
        catalog.run(known_files.known, "ann", [f"/in/{name}".encode() for name in names])
    ) == sorted(f"/in/{name}".encode() for name in names)


def test_statistics(catalog):
    assert catalog.run(queries.statistics) == Statistics(
        images=0, files=0, users=2, bytes=0, uninformative=0
    )
    catalog.run(commands.add, [arrival(number) for number in range(6)] + [arrival(0, "bob")])
    assert catalog.run(queries.statistics) == Statistics(
        images=6, files=7, users=2, bytes=6015, uninformative=2
    )


# Browsing -----------------------------------------------------------------------------------


def test_browse_orders(catalog):
    sizes = [30, 10, 30, 20]
    catalog.run(commands.add, [arrival(number, bytes=size) for number, size in enumerate(sizes)])
    assert ids(catalog.run(queries.browse, 3, order="newest")) == [4, 3, 2]
    assert ids(catalog.run(queries.browse, 9, order="largest")) == [1, 3, 4, 2]
    assert ids(catalog.run(queries.browse, 0)) == []
    with pytest.raises(QueryError, match="order is 'oldest'; it must be one of random, newest"):
        catalog.run(queries.browse, 1, order="oldest")
    with pytest.raises(QueryError, match="-1 images"):
        catalog.run(queries.browse, -1)


def test_random_browsing_is_repeatable_by_seed(catalog):
    catalog.run(commands.add, [arrival(number) for number in range(40)])
    first = ids(catalog.run(queries.browse, 40, seed=3))
    assert sorted(first) == list(range(1, 41))
    assert ids(catalog.run(queries.browse, 12, seed=3)) == first[:12]
    assert ids(catalog.run(queries.browse, 40, seed=4)) != first
    assert len({tuple(ids(catalog.run(queries.browse, 40))) for _ in range(3)}) == 3
    # Removing and adding moves rows about in the file, but never the others in this order.
    for image_id in first[:5]:
        catalog.run(commands.forget, image_id, "ann")
    catalog.run(commands.add, [arrival(number) for number in range(100, 110)])
    again = [
        image_id for image_id in ids(catalog.run(queries.browse, 99, seed=3)) if image_id <= 40
    ]
    assert again == first[5:]


def test_the_pseudo_random_order_is_fair():
    """Each of 40 ids comes first about equally often: chi-squared far below its 0.001 limit."""
    counts = Counter(int(shuffled(np.arange(1, 41), seed, 1)[0]) for seed in range(4000))
    chi_squared = sum((counts[image_id] - 100) ** 2 / 100 for image_id in range(1, 41))
    assert chi_squared < 72.1


# Changes ------------------------------------------------------------------------------------


def test_changes_since_a_generation(catalog):
    catalog.run(commands.add, [arrival(0), arrival(1)])
    first = catalog.run(generations.changes, 0)
    assert (first.generation, first.image_ids.tolist()) == (
        catalog.run(generations.current),
        [1, 2],
    )
    assert first.removed.tolist() == []
    nothing = catalog.run(generations.changes, first.generation)
    assert len(nothing.image_ids) == len(nothing.removed) == 0
    assert nothing.hashes.shape == nothing.trimmed.shape == (0, 2)
    catalog.run(commands.add, [arrival(2)])
    catalog.run(commands.forget, 1, "ann")
    second = catalog.run(generations.changes, first.generation)
    assert second.image_ids.tolist() == [3]
    assert second.removed.tolist() == [1]
    assert second.generation == catalog.run(generations.current) > first.generation
    assert catalog.run(generations.changes, 0).image_ids.tolist() == [2, 3]
    catalog.run(commands.forget, 3, "ann")
    assert catalog.run(generations.changes, second.generation).removed.tolist() == [3]


@pytest.mark.parametrize("since", [-1, 5])
def test_changes_since_a_generation_that_never_was(catalog, since):
    with pytest.raises(QueryError, match="read everything again"):
        catalog.run(generations.changes, since)


def test_the_generation_grows_with_images_and_holdings_only(catalog):
    seen = [catalog.run(generations.current)]

    def grew():
        seen.append(catalog.run(generations.current))
        return seen[-1] > seen[-2]

    catalog.run(commands.add, [arrival(1)])
    assert grew()
    catalog.run(commands.add, [arrival(1, "bob")])
    assert grew()
    catalog.run(commands.add, [arrival(1, "bob")])
    assert not grew()
    catalog.run(users.touch_user, "bob")
    catalog.run(queries.images)
    assert not grew()
    catalog.run(commands.forget, 1, "bob")
    assert grew()
    catalog.run(commands.forget, 1, "ann")
    assert grew()


# Holdings -----------------------------------------------------------------------------------


def test_holdings(catalog):
    catalog.run(
        commands.add,
        [arrival(1), arrival(2), arrival(1, "bob", source="upload:x.jpg", modified_ns=0)],
    )
    frame = catalog.run(queries.holdings)
    assert frame.columns.tolist() == [
        *("user", "image_id", "filename", "source", "bytes", "modified_ns", "brought_at"),
        "replaced_at",
    ]
    assert list(zip(frame["user"], frame["image_id"], strict=True)) == [
        ("ann", 1),
        ("bob", 1),
        ("ann", 2),
    ]
    assert frame["modified_ns"].tolist() == [
        1_700_000_000_000_000_001,
        0,
        1_700_000_000_000_000_001,
    ]
    assert frame["replaced_at"].isna().all()
    assert ids(catalog.run(queries.holdings, user="bob")) == [1]
    assert catalog.run(queries.holdings, image_ids=[1])["user"].tolist() == ["ann", "bob"]
    assert len(catalog.run(queries.holdings, image_ids=[2], user="bob")) == 0
    assert (
        str(catalog.run(queries.holdings, user="nobody")["brought_at"].dtype)
        == "datetime64[us, UTC]"
    )


def test_a_changed_source_replaces_what_it_held_and_loses_nothing(catalog):
    catalog.run(commands.add, [arrival(1, source="/a.jpg", modified_ns=10)])
    catalog.run(commands.add, [arrival(2, source="/a.jpg", modified_ns=20)])
    known = catalog.run(known_files.known, "ann", [b"/a.jpg"])
    assert list(known) == [b"/a.jpg"]
    it = known[b"/a.jpg"]
    assert (it.file_id, it.bytes, it.modified_ns, it.image_id) == (1, 1002, 20, 2)
    assert (it.digest, it.dhash) == (digest(2), fingerprint(2).dhash_hex)
    frame = catalog.run(queries.holdings).set_index("image_id")
    assert pd.notna(frame.loc[1, "replaced_at"])
    assert pd.isna(frame.loc[2, "replaced_at"])
    assert catalog.run(queries.images)["holders"].tolist() == [1, 1]
    # Back to the first bytes: they stand again, under their own time.
    catalog.run(commands.add, [arrival(1, source="/a.jpg", modified_ns=30)])
    frame = catalog.run(queries.holdings).set_index("image_id")
    assert frame.loc[1, "modified_ns"] == 30
    assert pd.isna(frame.loc[1, "replaced_at"])
    assert pd.notna(frame.loc[2, "replaced_at"])
    assert catalog.run(commands.forget, 2, "ann") == digest(2)


def test_the_last_of_a_source_in_one_batch_stands(catalog):
    catalog.run(
        commands.add,
        [arrival(number, source="/a.jpg", modified_ns=10 + number) for number in range(3)],
    )
    assert catalog.run(known_files.known, "ann", [b"/a.jpg"])[b"/a.jpg"].image_id == 3
    assert catalog.run(queries.holdings)["replaced_at"].notna().tolist() == [True, True, False]


def test_uploads_of_one_name_do_not_replace_each_other(catalog):
    for number in (1, 2):
        catalog.run(commands.add, [arrival(number, source="upload:IMG_1.jpg", modified_ns=0)])
    assert ids(catalog.run(files.files, user="ann")) == [1, 2]
    assert catalog.run(queries.holdings)["replaced_at"].isna().all()


def test_one_users_sources_are_not_anothers(catalog):
    catalog.run(
        commands.add, [arrival(1, "ann", source="/a.jpg"), arrival(2, "bob", source="/a.jpg")]
    )
    for user, image_id in (("ann", 1), ("bob", 2)):
        known = catalog.run(known_files.known, user, [b"/a.jpg", b"/b.jpg"])
        assert {key: it.image_id for key, it in known.items()} == {b"/a.jpg": image_id}
    assert catalog.run(known_files.known, "bob", []) == {}
    assert catalog.run(queries.holdings)["replaced_at"].isna().all()


def test_each_removal_of_files_is_a_change_of_its_own(catalog):
    """Whether the generation before it is even or odd."""
    receipts = catalog.run(commands.add, [arrival(number) for number in range(4)])
    for number, receipt in enumerate(receipts):
        before = catalog.run(generations.current)
        catalog.run(commands.forget_files, [receipt.file_id])
        changes = catalog.run(generations.changes, before)
        assert changes.generation == before + 1
        assert changes.removed.tolist() == [number + 1]


def test_forgetting(catalog):
    catalog.run(
        commands.add, [arrival(1), arrival(1, source="/copy.jpg"), arrival(1, "bob"), arrival(2)]
    )
    assert catalog.run(commands.forget, 1, "ann") is None
    assert catalog.run(queries.holdings, image_ids=[1])["user"].tolist() == ["bob"]
    with pytest.raises(NotAllowed, match="'ann' does not hold image 1"):
        catalog.run(commands.forget, 1, "ann")
    assert catalog.run(commands.forget, 1, "bob") == digest(1)
    with pytest.raises(UnknownImage, match="no image 1;"):
        catalog.run(commands.forget, 1, "bob")
    assert ids(catalog.run(queries.images)) == [2]
    assert catalog.run(queries.ids_by_digest, [digest(1)]) == {}
    with pytest.raises(UnknownImage):
        catalog.run(queries.verification, [1])


def test_an_act_that_needs_an_image_unreferenced(catalog):
    catalog.run(commands.add, [arrival(1)])
    called = []
    assert catalog.run(commands.if_unreferenced, digest(1), lambda: called.append(1)) is False
    assert catalog.run(commands.if_unreferenced, digest(2), lambda: called.append(2)) is True
    assert called == [2]


# Users --------------------------------------------------------------------------------------


def test_accounts(catalog):
    before = datetime.now(UTC) - timedelta(seconds=60)
    account = catalog.run(users.account, "ann")
    assert (account.name, account.role, account.enabled) == ("ann", "admin", True)
    assert before < account.created_at <= datetime.now(UTC)
    assert account.last_seen is None
    catalog.run(users.touch_user, "ann")
    seen = catalog.run(users.account, "ann").last_seen
    assert account.created_at <= seen <= datetime.now(UTC)
    assert catalog.run(users.password_hash, "ann") is None
    assert catalog.run(users.password_hash, "bob") == "hash of bob"
    catalog.run(users.set_password_hash, "ann", "other")
    assert catalog.run(users.password_hash, "ann") == "other"
    catalog.run(users.set_role, "bob", "admin")
    catalog.run(users.set_enabled, "bob", False)
    bob = catalog.run(users.account, "bob")
    assert (bob.role, bob.enabled) == ("admin", False)
    assert catalog.run(users.account, "ann").enabled


def test_unknown_and_taken_names(catalog):
    with pytest.raises(UserExists, match="'ann'"):
        catalog.run(users.add_user, "ann", "member", None)
    calls = [
        lambda: catalog.run(users.account, "eve"),
        lambda: catalog.run(users.password_hash, "eve"),
        lambda: catalog.run(users.set_password_hash, "eve", "x"),
        lambda: catalog.run(users.set_role, "eve", "admin"),
        lambda: catalog.run(users.set_enabled, "eve", False),
        lambda: catalog.run(users.touch_user, "eve"),
    ]
    for call in calls:
        with pytest.raises(UnknownUser, match="'eve'"):
            call()
    with pytest.raises(CatalogError, match="CHECK"):
        catalog.run(users.set_role, "bob", "owner")


def test_table_of_accounts(catalog):
    catalog.run(
        commands.add, [arrival(1), arrival(1, source="/again.jpg"), arrival(2), arrival(2, "bob")]
    )
    frame = catalog.run(users.accounts)
    assert frame.columns.tolist() == [
        *("name", "role", "enabled", "created_at", "last_seen", "pictures", "bytes")
    ]
    assert frame[["name", "pictures", "bytes"]].to_numpy().tolist() == [
        ["ann", 2, 2003],
        ["bob", 1, 1002],
    ]
    assert str(frame["last_seen"].dtype) == "datetime64[us, UTC]"
    assert frame["enabled"].dtype == bool


# Transactions -------------------------------------------------------------------------------


def note(number):
    return lambda connection: connection.execute("INSERT INTO removals VALUES (?, 1)", [number])


def noted(catalog):
    query = "SELECT image_id FROM removals ORDER BY image_id"
    return [number for (number,) in catalog.run(lambda inner: inner.execute(query).fetchall())]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_a_transaction_is_all_or_nothing(catalog, error):
    def work(connection):
        note(1)(connection)
        raise error

    with pytest.raises(error):
        catalog.run(work)
    assert noted(catalog) == []
    catalog.run(note(2))
    assert noted(catalog) == [2]


def test_a_nested_transaction_joins_the_outer_one(catalog):
    def work(connection):
        note(1)(connection)
        catalog.run(note(2))
        return catalog.run(queries.statistics).users

    assert catalog.run(work) == 2
    assert noted(catalog) == [1, 2]


def test_a_nested_failure_that_is_hushed_up_is_not_committed(catalog):
    def work(connection):
        note(1)(connection)
        with pytest.raises(UnknownUser):
            catalog.run(users.account, "eve")

    with pytest.raises(CatalogError, match="inside of this one failed"):
        catalog.run(work)
    assert noted(catalog) == []
    catalog.run(note(3))
    assert noted(catalog) == [3]


def test_a_statement_that_failed_and_was_hushed_up_is_not_committed(catalog):
    """DuckDB itself would report success, and store nothing."""

    def work(connection):
        note(1)(connection)
        with pytest.raises(Exception, match="Constraint"):
            connection.execute("INSERT INTO users VALUES ('ann', 'admin', NULL, true, now(), NULL)")

    with pytest.raises(CatalogError, match="aborted"):
        catalog.run(work)
    assert noted(catalog) == []


def test_an_unread_answer_does_not_block_others(catalog):
    catalog.run(lambda connection: connection.execute("SELECT range FROM range(9999)"))
    catalog.run(commands.add, [arrival(1)])
    assert ids(catalog.run(queries.images)) == [1]


def test_a_closed_catalog_opens_again(catalog):
    catalog.close()
    catalog.close()
    assert catalog.run(queries.statistics).users == 2


def test_reopening_finds_everything(tmp_path):
    with Catalog(tmp_path) as catalog:
        catalog.run(users.add_user, "ann", "admin", None)
        catalog.run(commands.add, [arrival(number) for number in range(3)])
        before = catalog.run(queries.images)
    with Catalog(tmp_path) as catalog:
        pd.testing.assert_frame_equal(catalog.run(queries.images), before)
        assert add(catalog, [arrival(7)]) == [(4, True)]


# Migrations ---------------------------------------------------------------------------------


def test_a_catalog_of_a_later_version_is_refused(catalog):
    catalog.run(
        lambda connection: connection.execute(
            "INSERT INTO schema_version VALUES (9999, 'later', now())"
        )
    )
    catalog.close()
    with pytest.raises(CatalogTooNew, match=r"schema version 9999.*update imgurer"):
        catalog.run(queries.statistics)


def test_migrations_are_numbered_without_gaps_and_noted():
    from imgurer_kernel.store.catalog.schema import migrations

    assert [step.version for step in migrations()] == list(range(1, len(migrations()) + 1))


def test_each_migration_is_applied_once_and_whole(tmp_path):
    import duckdb

    from imgurer_kernel.store.catalog.schema import Migration, migrate, version_of

    connection = duckdb.connect(tmp_path / "one.duckdb")
    first = Migration(1, "first", "CREATE TABLE a (n INTEGER); INSERT INTO a VALUES (1);")
    broken = Migration(2, "second", "CREATE TABLE b (n INTEGER); INSERT INTO nowhere VALUES (1);")
    mended = replace(broken, sql="CREATE TABLE b (n INTEGER);")
    migrate(connection, [first], tmp_path)
    with pytest.raises(duckdb.CatalogException):
        migrate(connection, [first, broken], tmp_path)
    assert version_of(connection) == 1
    migrate(connection, [first, mended], tmp_path)
    assert version_of(connection) == 2
    assert connection.execute("SELECT count(*) FROM a, b").fetchall() == [(0,)]
    assert connection.execute("SELECT name FROM schema_version ORDER BY 1").fetchall() == [
        ("first",),
        ("second",),
    ]
    connection.close()


# Against a model ----------------------------------------------------------------------------

USERS = ("ann", "bob")
STEP = st.one_of(
    st.tuples(
        st.just("add"),
        st.lists(
            st.tuples(
                st.integers(0, 5), st.sampled_from(USERS), st.integers(0, 2), st.integers(0, 2)
            ),
            max_size=4,
        ),
    ),
    st.tuples(st.just("forget"), st.integers(1, 8), st.sampled_from(USERS)),
)


class Model:
    """What the catalog should hold, as plain sets of (number, user, place)."""

    def __init__(self):
        self.images = {}
        self.live = {}
        self.past = {}
        self.imported = set()
        self.next_id = 1

    def add(self, batch):
        receipts = []
        for number, user, place, time in batch:
            receipts.append((self.images.setdefault(number, self.next_id), False))
            if self.images[number] == self.next_id:
                self.next_id += 1
                receipts[-1] = (receipts[-1][0], True)
            before, old = self.live.get((user, place), (None, 0))
            if time == 0:  # without a path that means anything here
                if before != number:
                    self.imported.add((number, user, place))
                continue
            if before is None:
                self.imported.discard((number, user, place))
            elif before != number:
                self.past.pop((number, user, place), None)
                self.past[before, user, place] = old
            self.live[user, place] = (number, time)
        return receipts

    def rows(self):
        """(number, user, place), whether it is what the file has now, and its time."""
        return [
            *((number, *place, True, time) for place, (number, time) in self.live.items()),
            *((*key, False, time) for key, time in self.past.items()),
            *((*key, True, 0) for key in self.imported),
        ]

    def active(self):
        return {number for number, _, _, current, _ in self.rows() if current}

    def forget(self, image_id, user):
        number = next((it for it, known in self.images.items() if known == image_id), None)
        if number is None:
            return UnknownImage
        if not any(row[:2] == (number, user) for row in self.rows()):
            return NotAllowed
        self.live = {key: it for key, it in self.live.items() if (it[0], key[0]) != (number, user)}
        self.past = {key: it for key, it in self.past.items() if key[:2] != (number, user)}
        self.imported = {key for key in self.imported if key[:2] != (number, user)}
        if any(row[0] == number for row in self.rows()):
            return None
        del self.images[number]
        return digest(number)


@settings(max_examples=rounds(6, 60), deadline=None)
@given(steps=st.lists(STEP, max_size=12))
def test_any_sequence_does_what_a_model_does(tmp_path_factory, steps):
    model, follower, at = Model(), {}, 0
    with Catalog(tmp_path_factory.mktemp("model")) as catalog:
        for user in USERS:
            catalog.run(users.add_user, user, "member", None)
        for kind, *values in steps:
            if kind == "add":
                batch = [
                    arrival(number, user, source=f"/{place}", modified_ns=time)
                    for number, user, place, time in values[0]
                ]
                assert add(catalog, batch) == model.add(values[0])
            else:
                expected = model.forget(*values)
                if expected in {UnknownImage, NotAllowed}:
                    with pytest.raises(expected):
                        catalog.run(commands.forget, *values)
                else:
                    assert catalog.run(commands.forget, *values) == expected
            at = follow(catalog, follower, at)
            assert follower == {
                model.images[number]: fingerprint(number).dhash for number in model.active()
            }
        check_against(catalog, model)


def follow(catalog, follower, at):
    """Bring a copy of the hashes up to date in the way that an index does."""
    changes = catalog.run(generations.changes, at)
    for image_id in changes.removed.tolist():
        follower.pop(image_id, None)
    for image_id, (row, col) in zip(changes.image_ids, changes.hashes, strict=True):
        follower[int(image_id)] = (int(row), int(col))
    return changes.generation


def check_against(catalog, model):
    images = catalog.run(queries.images)
    assert dict(zip(images["digest"], images["image_id"], strict=True)) == {
        digest(number): image_id for number, image_id in model.images.items()
    }
    frame = catalog.run(queries.holdings)
    assert sorted(
        (row.image_id, row.user, row.source, pd.isna(row.replaced_at), row.modified_ns)
        for row in frame.itertuples()
    ) == sorted(
        (model.images[number], user, f"/{place}", *state)
        for number, user, place, *state in model.rows()
    )
    assert catalog.run(generations.changes, 0).image_ids.tolist() == sorted(
        model.images[number] for number in model.active()
    )
    holders = {}
    for number, user, *_ in model.rows():
        holders.setdefault(number, set()).add(user)
    assert images["holders"].tolist() == [
        len(holders[number]) for number in sorted(model.images, key=model.images.get)
    ]


def test_bulk_reads_of_many(catalog):
    """More rows than one of DuckDB's vectors, which has 2,048."""
    batch = [arrival(number) for number in range(2500)]
    assert add(catalog, batch)[-1] == (2500, True)
    wanted = np.random.default_rng(0).permutation(np.arange(1, 2501))
    grays = catalog.run(queries.grays, wanted)
    for place in range(0, 2500, 97):
        assert grays[place].tobytes() == batch[wanted[place] - 1].fingerprint.grays
    assert len(catalog.run(queries.images)) == 2500
    changes = catalog.run(generations.changes, 0)
    assert [tuple(map(int, row)) for row in changes.hashes] == [
        it.fingerprint.dhash for it in batch
    ]


@pytest.mark.parametrize(
    "setting",
    ["autoload_known_extensions", "autoinstall_known_extensions", "python_enable_replacements"],
)
def test_no_extension_is_loaded_and_no_variable_of_the_program_is_a_table(catalog, setting):
    def value(connection):
        return connection.execute("SELECT current_setting(?)", [setting]).fetchone()[0]

    assert catalog.run(value) is False
