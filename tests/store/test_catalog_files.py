"""Files in the catalog: how arrivals change them, and their migration from earlier versions."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import duckdb
import numpy as np
import pandas as pd
import pytest

from imgurer_kernel.store.catalog import (
    Catalog,
    commands,
    files,
    generations,
    known_files,
    queries,
    users,
)
from imgurer_kernel.store.catalog.file_rows import FileLedger
from imgurer_kernel.store.catalog.schema import migrate, migrations
from tests.support.catalog_records import arrival, digest

pytestmark = pytest.mark.opens_catalogs

START = datetime(2024, 1, 1)  # noqa: DTZ001 (as the catalog keeps it)


@pytest.fixture
def catalog(tmp_path):
    with Catalog(tmp_path / "store") as catalog:
        for user in ("ann", "bob"):
            catalog.run(users.add_user, user, "member", None)
        yield catalog


def after(*batches):
    """The rows once batches of (arrival, image_id) came in, a day apart, and the last ledger."""
    rows, next_id, ledger = [], 1, None
    for day, batch in enumerate(batches):
        ledger = FileLedger(rows, next_id, START + timedelta(days=day))
        events = [ledger.place(it, image_id, added=False) for it, image_id in batch]
        rows, next_id = list(ledger.rows.values()), ledger.next_id
        ledger.events = events
    return {row.file_id: row for row in rows}, ledger


# What arrivals do ---------------------------------------------------------------------------


def test_a_first_arrival():
    rows, ledger = after([(arrival(1, source="/a"), 7)])
    assert ledger.events == [(1, "duplicate")]
    it = rows[1]
    assert (it.path, it.path_key, it.filename, it.bytes) == ("/a", b"/a", "picture 1.jpg", 1001)
    assert (it.state, it.source_state, it.taken_in, it.replaced_at) == (
        *("present", "present", START),
        None,
    )


def test_the_same_again_changes_nothing():
    batch = [(arrival(1, source="/a"), 7), (arrival(3), 9)]
    batch.append((arrival(2, source="upload:x", modified_ns=0), 8))
    _, ledger = after(batch, batch)
    assert ledger.changed() == ([], [], [])
    assert ledger.events == [(1, "unchanged"), (2, "unchanged"), (3, "unchanged")]


def test_a_touched_file_keeps_the_day_it_was_ingested():
    rows, ledger = after(
        [(arrival(1, source="/a", modified_ns=5), 7)], [(arrival(1, source="/a", modified_ns=6), 7)]
    )
    assert ledger.events == [(1, "unchanged")]
    assert (rows[1].modified_ns, rows[1].taken_in) == (6, START)


def test_a_changed_file_stays_one_file_and_its_earlier_content_is_kept():
    first, second = (arrival(1, source="/a"), 7), (arrival(2, source="/a"), 8)
    rows, ledger = after([first], [second])
    assert ledger.events == [(1, "changed")]
    assert (rows[1].image_id, rows[1].state, rows[1].replaced_at) == (8, "present", None)
    assert (rows[2].image_id, rows[2].state, rows[2].path_key) == (7, "changed", b"/a")
    assert rows[2].replaced_at == START + timedelta(days=1)
    assert [(it.file_id, it.event, it.image_id) for it in ledger.history] == [(1, "changed", 7)]


def test_a_file_that_goes_back_and_forth_piles_nothing_up():
    first, second = (arrival(1, source="/a"), 7), (arrival(2, source="/a"), 8)
    rows, _ = after([first], [second], [first], [second], [first])
    assert sorted((it.image_id, it.replaced_at is None) for it in rows.values()) == [
        (7, True),
        (8, False),
    ]
    assert rows[1].taken_in == START


def test_uploads_of_one_name_are_files_of_their_own():
    rows, ledger = after(
        [(arrival(n, source="upload:x", filename="x", modified_ns=0), n) for n in (1, 2)]
    )
    assert ledger.events == [(1, "duplicate"), (2, "duplicate")]
    assert all(it.path_key is None and it.replaced_at is None for it in rows.values())


def test_a_moved_file_keeps_its_row_and_its_history():
    there = arrival(1, source="/b/new.jpg", filename="new.jpg")
    rows, ledger = after([(arrival(1, source="/a"), 7)], [(replace(there, moved_from=1), 7)])
    assert ledger.events == [(1, "moved")]
    assert (rows[1].path, rows[1].path_key, rows[1].filename) == (
        *("/b/new.jpg", b"/b/new.jpg"),
        "new.jpg",
    )
    assert rows[1].taken_in == START
    assert [(it.event, it.path) for it in ledger.history] == [("moved", "/a")]


def test_an_imported_file_found_at_its_path_is_one_file():
    imported = arrival(1, source="/a", path_key=None, kept="upload", modified_ns=0)
    rows, ledger = after([(imported, 7)], [(arrival(1, source="/a"), 7)], [(imported, 7)])
    assert list(rows) == [1]
    assert ledger.events == [(1, "unchanged")]
    assert (rows[1].path_key, rows[1].taken_in) == (b"/a", START)


# In the catalog -----------------------------------------------------------------------------


def test_files_as_a_frame(catalog):
    there = [arrival(1, source="/in/a.jpg", device=2**64 - 1, inode=2**63), arrival(2)]
    catalog.run(commands.add, [*there, arrival(1, "bob", source="upload:x.jpg", modified_ns=0)])
    frame = catalog.run(files.files)
    assert frame.columns.tolist() == [
        *("file_id", "image_id", "user", "path", "filename", "kept", "bytes", "modified_at"),
        *("device", "inode", "taken_in", "last_seen", "state", "source_state"),
        *("damaged", "damage"),
    ]
    assert frame["file_id"].tolist() == [1, 2, 3]
    first = frame.iloc[0]
    assert (first["path"], first["device"], first["inode"]) == ("/in/a.jpg", 2**64 - 1, 2**63)
    assert first["modified_at"] == pd.Timestamp(1_700_000_000_000_000_001, tz="UTC")
    upload = frame.iloc[2]
    assert upload[["path", "modified_at", "device", "inode", "source_state"]].isna().all()
    assert (upload["kept"], upload["state"], upload["user"]) == ("upload", "present", "bob")
    assert catalog.run(files.files, user="bob")["file_id"].tolist() == [3]
    assert catalog.run(files.files, image_ids=[1])["file_id"].tolist() == [1, 3]
    assert catalog.run(files.files, folder="/in")["file_id"].tolist() == [1]
    assert catalog.run(files.files, folder="/i").empty
    assert catalog.run(files.files, folder="/")["file_id"].tolist() == [1, 2]
    assert catalog.run(files.files, state="missing").empty


def test_two_names_that_look_alike_are_two_files(catalog):
    r"""``\xff`` in six characters and a single byte that no text can show."""
    shown = "/in/\\xff.jpg"
    keys = [b"/in/\xff.jpg", shown.encode()]
    catalog.run(commands.add, [arrival(1, source=shown, path_key=key) for key in keys])
    assert len(catalog.run(files.files)) == 2
    assert set(catalog.run(known_files.known, "ann", keys)) == set(keys)


def test_present_files(catalog):
    catalog.run(commands.add, [arrival(1, source="/b"), arrival(2), arrival(1, source="/a")])
    catalog.run(commands.add, [arrival(3, source="/b")])
    frame = catalog.run(files.present_files, [1, 2, 3])
    assert frame.columns.tolist() == [
        *("file_id", "image_id", "path", "path_key", "filename", "user", "kept", "bytes"),
        *("modified_ns", "device", "inode", "taken_in", "state"),
    ]
    assert frame[["file_id", "image_id", "path_key"]].to_numpy().tolist() == [
        [3, 1, b"/a"],
        [2, 2, b"/pictures/picture 2.jpg"],
        [1, 3, b"/b"],
    ]
    assert catalog.run(files.present_files, []).empty


def test_images_are_ranked_by_digest(catalog):
    assert catalog.run(queries.digest_ranks).tolist() == []
    names = [f"{(number * 7919) % 1013:064x}" for number in range(1, 40)]
    catalog.run(
        commands.add,
        [arrival(number, digest=name) for number, name in enumerate(names, 1)],
    )
    catalog.run(commands.add, [arrival(40, source="/pictures/picture 9.jpg")])  # 9 is gone
    there = [name for number, name in enumerate(names, 1) if number != 9]
    there.append(catalog.run(queries.digests_by_id, [40])[40])
    ranks = catalog.run(queries.digest_ranks)
    assert ranks.dtype == np.int64
    assert ranks.tolist() == [sorted(there).index(name) + 1 for name in there]


def test_an_image_without_a_present_file_is_gone_for_readers_and_comes_back(catalog):
    catalog.run(commands.add, [arrival(1, source="/a"), arrival(2)])
    before = catalog.run(generations.current)
    catalog.run(commands.add, [arrival(3, source="/a")])
    changes = catalog.run(generations.changes, before)
    assert (changes.removed.tolist(), changes.image_ids.tolist()) == ([1], [3])
    assert catalog.run(generations.changes, 0).image_ids.tolist() == [2, 3]
    assert catalog.run(queries.browse, 9)["image_id"].tolist().count(1) == 0
    assert len(catalog.run(queries.digest_ranks)) == 2
    catalog.run(commands.add, [arrival(1, source="/a")])
    changes = catalog.run(generations.changes, changes.generation)
    assert (changes.removed.tolist(), changes.image_ids.tolist()) == ([3], [1])


def test_forgetting_the_present_file_leaves_an_image_of_the_past(catalog):
    catalog.run(commands.add, [arrival(1, source="/a"), arrival(1, "bob", source="/b")])
    catalog.run(commands.add, [arrival(2, source="/a")])
    before = catalog.run(generations.current)
    assert catalog.run(commands.forget, 1, "bob") is None
    assert catalog.run(generations.changes, before).removed.tolist() == [1]
    assert catalog.run(commands.forget, 1, "ann") == digest(1)


# Stores of earlier versions -----------------------------------------------------------------


def old_catalog(root, holdings):
    """A catalog as the versions with holdings left it, with images 1 to 3."""
    root.mkdir()
    connection = duckdb.connect(root / "catalog.duckdb")
    migrate(connection, migrations()[:2], root)
    connection.execute("INSERT INTO users VALUES ('ann', 'member', NULL, true, now(), NULL)")
    for number in (1, 2, 3):
        connection.execute(
            """
            INSERT INTO images VALUES (?, ?, 1, 2, 3, 4, repeat('\\x00'::BLOB, 81), true, 0,
                'test-1', 10, 10, 'PNG', 1, 5, 1, NULL, NULL, NULL, NULL, now(), 1)
            """,
            [number, digest(number)],
        )
    connection.executemany("INSERT INTO holdings VALUES (?, ?, ?, ?, ?, ?, ?, ?)", holdings)
    connection.execute("UPDATE generation SET generation = 1, next_image_id = 4")
    connection.close()


def test_the_holdings_of_an_old_store_become_files(tmp_path):
    day = [datetime(2024, 1, n, tzinfo=UTC).replace(tzinfo=None) for n in range(1, 9)]
    old_catalog(
        tmp_path / "store",
        [
            ("ann", 1, "/in/a.jpg", "a.jpg", 5, 77, day[1], day[4]),
            ("ann", 2, "/in/a.jpg", "a.jpg", 6, 88, day[4], None),
            ("ann", 2, "upload:b.jpg", "b.jpg", 6, 0, day[0], None),
            ("ann", 3, "/elsewhere/c.jpg", "c.jpg", 7, 0, day[2], None),
            ("ann", 3, f"recovered:{digest(3)}", "r.png", 7, 0, day[3], None),
        ],
    )
    note = tmp_path / "store" / "references" / digest(2)[:2] / digest(2)[2:4] / digest(2)
    note.parent.mkdir(parents=True)
    note.write_bytes(b"{}")
    with Catalog(tmp_path / "store") as catalog:
        frame = catalog.run(files.files)
        held = catalog.run(queries.holdings)
        known = catalog.run(known_files.known, "ann", [b"/in/a.jpg", b"/elsewhere/c.jpg"])
        assert catalog.run(generations.changes, 0).image_ids.tolist() == [2, 3]
        added = catalog.run(commands.add, [arrival(9)])
    columns = ["file_id", "image_id", "filename", "kept", "state"]
    assert frame[columns].to_numpy().tolist() == [
        [1, 2, "b.jpg", "upload", "present"],
        [2, 1, "a.jpg", "copy", "changed"],
        [3, 3, "c.jpg", "upload", "present"],
        [4, 3, "r.png", "upload", "present"],
        [5, 2, "a.jpg", "reference", "present"],
    ]
    assert frame["path"].fillna("").tolist() == [
        "",
        "/in/a.jpg",
        "/elsewhere/c.jpg",
        "",
        "/in/a.jpg",
    ]
    assert frame["taken_in"].dt.tz_localize(None).tolist() == [day[n] for n in (0, 1, 2, 3, 4)]
    assert held["replaced_at"].notna().tolist() == [True, False, False, False, False]
    assert {key: it.file_id for key, it in known.items()} == {b"/in/a.jpg": 5}
    assert (added[0].image_id, added[0].file_id) == (4, 6)
