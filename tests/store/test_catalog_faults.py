"""Faults around the catalog: kills, many processes, forks, full disks, damaged files."""

import contextlib
import os
import random
import shutil
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path

import duckdb
import pytest

from imgurer_kernel.errors import (
    CatalogBusy,
    CatalogDamaged,
    CatalogError,
    CatalogTooNew,
    StorageDenied,
    StorageFull,
)
from imgurer_kernel.store.catalog import Catalog, commands, generations, queries, users
from imgurer_kernel.store.catalog.connection import translate, translated
from tests.support.catalog_records import arrival, digest
from tests.support.disks import mounted, remount
from tests.support.forms import rounds
from tests.support.processes import python

pytestmark = [
    pytest.mark.opens_catalogs,
    pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning"),
]
needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")


@pytest.fixture
def store(tmp_path):
    """The folder of a store that has one user."""
    folder = tmp_path / "store"
    with Catalog(folder) as catalog:
        catalog.run(users.add_user, "ann", "admin", None)
    return folder


def digests(catalog):
    return set(catalog.run(queries.images)["digest"])


def check_whole(catalog):
    """Check that all tables are consistent."""
    images, holdings = catalog.run(queries.images), catalog.run(queries.holdings)
    image_ids = images["image_id"].tolist()
    assert image_ids == sorted(set(image_ids))
    assert set(holdings["image_id"]) == set(image_ids)
    assert catalog.run(generations.changes, 0).image_ids.tolist() == image_ids
    assert (
        len(catalog.run(queries.verification, image_ids))
        == len(catalog.run(queries.grays, image_ids))
        == len(image_ids)
    )
    assert images["digest"].is_unique


# Kills --------------------------------------------------------------------------------------


def write_pairs(store, start, acknowledge):
    """In a process of its own: two pictures a transaction, until killed."""
    catalog = Catalog(store, lease_timeout=60)
    for first in count(start, 2):
        catalog.run(commands.add, [arrival(first), arrival(first + 1)])
        os.write(acknowledge, first.to_bytes(4, "big"))


def forked(work, *arguments):
    """Run `work` in a child; its return ends the child."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            work(*arguments)
            status = 0
        finally:
            os._exit(status)
    return child


@needs_fork
def test_kill_9_loses_nothing_committed_and_tears_nothing(store):
    """After a kill at a random moment only complete pairs are stored, and all acknowledged ones."""
    rng = random.Random(5)
    told = set()
    catalog = Catalog(store, lease_timeout=60)
    for kill in range(rounds(5, 40)):
        reading, writing = os.pipe()
        child = forked(write_pairs, store, kill * 10_000, writing)
        os.close(writing)
        with os.fdopen(reading, "rb") as pipe:
            told.add(int.from_bytes(pipe.read(4), "big"))
            time.sleep(rng.random() * 0.03)
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            rest = pipe.read()
        told |= {int.from_bytes(rest[at : at + 4], "big") for at in range(0, len(rest), 4)}
        there = digests(catalog)
        assert {digest(first) for first in told} <= there
        for first in range(kill * 10_000, kill * 10_000 + 400, 2):
            assert (digest(first) in there) == (digest(first + 1) in there), "torn"
    check_whole(catalog)
    assert catalog.run(generations.current) == 1 + catalog.run(queries.statistics).images // 2 - 1
    # What was sent again after a kill, for want of an answer, is harmless.
    catalog.run(commands.add, [arrival(first) for first in sorted(told)])
    assert digests(catalog) == there
    catalog.close()


@needs_fork
def test_kill_9_while_the_catalog_is_made(tmp_path):
    def make(folder):
        Catalog(folder).run(queries.statistics)
        time.sleep(60)

    count = rounds(4, 16)
    for kill in range(count):
        folder = tmp_path / str(kill)
        child = forked(make, folder)
        while not (folder / "catalog.lock").exists():
            time.sleep(0.001)
        time.sleep(0.064 * kill / count)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        with Catalog(folder) as catalog:
            assert catalog.run(queries.statistics).images == 0
            catalog.run(users.add_user, "ann", "admin", None)


def test_an_incomplete_new_catalog_is_made_again(tmp_path):
    """As a kill leaves it at whatever moment: a part of the file, with or without its log."""
    (tmp_path / "catalog.duckdb.new").write_bytes(b"\0" * 5000)
    (tmp_path / "catalog.duckdb.new.wal").write_bytes(b"no log")
    with Catalog(tmp_path) as catalog:
        assert catalog.run(queries.statistics).images == 0
    assert sorted(path.name for path in tmp_path.glob("catalog.duckdb*")) == ["catalog.duckdb"]


# Crowds -------------------------------------------------------------------------------------


def take_part(store, number, answer):
    """In a process of its own: hold thirty pictures, in batches of three, with reads between."""
    user, added = f"user{number}", 0
    with Catalog(store, lease_timeout=300) as catalog:
        catalog.run(users.add_user, user, "member", None)
        for step in range(10):
            first = (number + step) % 10 * 3
            receipts = catalog.run(
                commands.add, [arrival(each, user) for each in range(first, first + 3)]
            )
            added += sum(receipt.added for receipt in receipts)
            changes = catalog.run(generations.changes, 0)
            assert {receipt.image_id for receipt in receipts} <= set(changes.image_ids.tolist())
            assert catalog.run(queries.statistics).images >= len(changes.image_ids)
    os.write(answer, f"{added} ".encode())


@needs_fork
def test_several_processes_that_write_and_read_at_once_lose_nothing(store):
    count = rounds(3, 8)
    reading, writing = os.pipe()
    children = [forked(take_part, store, number, writing) for number in range(count)]
    os.close(writing)
    with os.fdopen(reading) as pipe:
        added = pipe.read().split()
    for child in children:
        os.waitpid(child, 0)
    assert len(added) == count, "one of them failed"
    assert sum(map(int, added)) == 30, "each image is new exactly once"
    with Catalog(store) as catalog:
        check_whole(catalog)
        assert digests(catalog) == {digest(number) for number in range(30)}
        assert catalog.run(queries.images)["image_id"].tolist() == list(range(1, 31))
        assert catalog.run(queries.images)["holders"].tolist() == [count] * 30
        assert catalog.run(queries.statistics).files == 30 * count
        assert catalog.run(queries.statistics).users == count + 1


def test_threads_of_one_process(store):
    with Catalog(store) as catalog, ThreadPoolExecutor(8) as pool:
        batches = [[arrival(number), arrival(number + 1)] for number in range(30)]
        receipts = list(pool.map(lambda batch: catalog.run(commands.add, batch), batches))
        images = list(pool.map(lambda _: len(catalog.run(queries.images)), range(8)))
        assert sum(receipt.added for pair in receipts for receipt in pair) == 31
        assert images == [31] * 8
        check_whole(catalog)


def test_two_catalogs_of_one_store_in_one_process(store):
    with Catalog(store) as one, Catalog(store) as other:
        for number in range(0, 6, 2):
            one.run(commands.add, [arrival(number)])
            other.run(commands.add, [arrival(number + 1)])
        assert digests(one) == digests(other) == {digest(number) for number in range(6)}


def test_an_idle_catalog_is_open_to_others(store):
    """A dashboard that waits for its visitor keeps nobody out, not even DuckDB's own shell."""
    catalog = Catalog(store)
    assert catalog.run(queries.statistics).users == 1
    deadline = time.monotonic() + 20
    while True:
        outsider = python("-c", "import duckdb, sys; duckdb.connect(sys.argv[1])", catalog.path)
        outsider.communicate()
        if outsider.returncode == 0:
            break
        assert time.monotonic() < deadline, "still locked"


def test_the_timeout_names_who_holds_the_catalog(store):
    held, done = threading.Event(), threading.Event()

    def linger(_):
        held.set()
        done.wait()

    first = Catalog(store)
    thread = threading.Thread(target=first.run, args=(linger,))
    thread.start()
    held.wait()
    with pytest.raises(CatalogBusy, match=rf"process {os.getpid()} on .*raise lease_timeout"):
        Catalog(store, lease_timeout=0.1).run(queries.statistics)
    done.set()
    thread.join()
    first.close()


OUTSIDER = """
import duckdb, sys
connection = duckdb.connect(sys.argv[1])
print("open", flush=True)
sys.stdin.read()
"""


def test_a_program_that_opened_the_file_by_itself(store):
    outsider = python("-c", OUTSIDER, store / "catalog.duckdb")
    assert outsider.stdout.readline() == "open\n"
    with pytest.raises(CatalogBusy, match=rf"PID {outsider.pid}.*close the program"):
        Catalog(store, lease_timeout=0.2).run(queries.statistics)
    waiting = Catalog(store, lease_timeout=60)
    threading.Timer(0.3, outsider.kill).start()
    assert waiting.run(queries.statistics).users == 1
    waiting.close()
    outsider.communicate()


# Forks --------------------------------------------------------------------------------------


@needs_fork
def test_a_forked_child_and_its_parent_both_write(store):
    catalog = Catalog(store, lease_timeout=60)
    catalog.run(commands.add, [arrival(1)])
    child = forked(lambda: (catalog.run(commands.add, [arrival(2)]), catalog.close()))
    catalog.run(commands.add, [arrival(3)])
    os.waitpid(child, 0)
    assert digests(catalog) == {digest(1), digest(2), digest(3)}
    catalog.close()


@needs_fork
def test_a_child_forked_in_a_transaction_can_do_no_harm(store):
    """It neither commits nor rolls back its parent's transaction, nor closes its file."""
    catalog = Catalog(store, lease_timeout=60)
    reading, writing = os.pipe()

    def work(connection):
        connection.execute("INSERT INTO removals VALUES (77, 1)")
        child = os.fork()
        if child == 0:
            return "child"
        os.waitpid(child, 0)
        return "parent"

    try:
        assert catalog.run(work) == "parent"
    except CatalogError as error:
        os.write(writing, str(error).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        assert "forked in the middle" in pipe.read()
    query = "SELECT image_id FROM removals"
    assert catalog.run(lambda it: it.execute(query).fetchall()) == [(77,)]
    catalog.close()
    assert Catalog(store).run(queries.statistics).users == 1


# Damage -------------------------------------------------------------------------------------


def damaged(store, content):
    (store / "catalog.duckdb").write_bytes(content)
    return Catalog(store)


def test_a_file_that_is_not_a_catalog(store):
    with pytest.raises(CatalogDamaged, match=r"catalog\.duckdb.*imgurer recover") as caught:
        damaged(store, b"this is no database" * 1000).run(queries.statistics)
    assert isinstance(caught.value.__cause__, duckdb.Error)


def test_a_file_that_was_cut_off(store):
    with Catalog(store) as catalog:
        catalog.run(commands.add, [arrival(number) for number in range(50)])
    content = (store / "catalog.duckdb").read_bytes()
    with pytest.raises(CatalogDamaged, match="imgurer recover"):
        damaged(store, content[: len(content) // 2]).run(queries.images)


def test_a_file_with_flipped_bits(store):
    with Catalog(store) as catalog:
        catalog.run(commands.add, [arrival(number) for number in range(50)])
    content = bytearray((store / "catalog.duckdb").read_bytes())
    for at in range(3 * 4096, len(content), 4096):
        content[at + 100] ^= 0xFF
    with pytest.raises(CatalogDamaged, match="imgurer recover"):
        damaged(store, bytes(content)).run(queries.images)


def test_a_damaged_file_does_not_keep_the_lease(store):
    whole = (store / "catalog.duckdb").read_bytes()
    catalog = damaged(store, b"x" * 50_000)
    with pytest.raises(CatalogDamaged):
        catalog.run(queries.statistics)
    (store / "catalog.duckdb").write_bytes(whole)
    assert Catalog(store, lease_timeout=1).run(queries.statistics).users == 1
    assert catalog.run(queries.statistics).users == 1
    catalog.close()


def test_a_folder_in_place_of_the_catalog_is_an_error(tmp_path):
    (tmp_path / "catalog.duckdb").mkdir()
    with pytest.raises(StorageDenied, match=r"catalog\.duckdb.*move the folder"):
        Catalog(tmp_path).run(queries.statistics)
    (tmp_path / "file").touch()
    with pytest.raises(StorageDenied, match=r"file.*stands where the store needs its own"):
        Catalog(tmp_path / "file").run(queries.statistics)


def test_the_folder_vanishes(store):
    catalog = Catalog(store)
    catalog.run(queries.statistics)
    catalog.close()
    shutil.rmtree(store)
    with pytest.raises(StorageDenied, match="bring the store's folder back"):
        catalog.run(queries.statistics)


@pytest.fixture
def tiny_disk(tmp_path):
    with mounted(tmp_path / "tiny") as disk:
        yield disk


def test_a_read_only_disk(tiny_disk):
    with Catalog(tiny_disk) as catalog:
        catalog.run(users.add_user, "ann", "admin", None)
    remount(tiny_disk, "ro")
    with pytest.raises(StorageDenied, match="cannot be written"):
        Catalog(tiny_disk).run(users.add_user, "bob", "member", None)
    with pytest.raises(StorageDenied, match="Read-only file system"):
        Catalog(tiny_disk / "new").run(queries.statistics)


def test_a_full_disk(tiny_disk):
    with Catalog(tiny_disk) as catalog:
        catalog.run(users.add_user, "ann", "admin", None)
        entered = []

        def fill():
            for first in range(0, 4000, 20):
                catalog.run(commands.add, [arrival(number) for number in range(first, first + 20)])
                entered.extend(range(first, first + 20))

        with pytest.raises(StorageFull, match=r"catalog\.duckdb.*make space"):
            fill()
        assert len(entered) >= 40
        assert digests(catalog) == {digest(number) for number in entered}
        check_whole(catalog)
        catalog.close()
        assert digests(catalog) == {digest(number) for number in entered}
        remount(tiny_disk, "size=32m")
        catalog.run(commands.add, [arrival(5000)])
        assert digest(5000) in digests(catalog)


def test_wherever_the_disk_is_full_a_catalog_that_is_begun_says_so(tmp_path):
    """A migration that could not be committed was told as one without a transaction."""
    begun = 0
    for left in range(0, 700, rounds(80, 20)):
        with mounted(tmp_path / f"tiny {left}", f"{max(left, 4)}k") as disk:
            try:
                with Catalog(disk) as catalog:
                    catalog.run(users.add_user, "ann", "admin", None)
            except StorageFull as error:
                assert "make space" in str(error)  # noqa: PT017 - on most of these disks
            else:
                begun += 1
    assert begun < 9, "none of the disks was too small"


def test_a_catalog_is_begun_on_a_full_disk(tiny_disk):
    filler = tiny_disk / "filler"
    with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
        while True:
            file.write(b"0" * 4096)
    with pytest.raises(StorageFull, match="make space"):
        Catalog(tiny_disk).run(users.add_user, "ann", "admin", None)
    assert not (tiny_disk / "catalog.duckdb").exists()
    filler.unlink()
    with Catalog(tiny_disk) as catalog:
        catalog.run(users.add_user, "ann", "admin", None)
        assert catalog.run(users.account, "ann").role == "admin"


# Errors of DuckDB ---------------------------------------------------------------------------


def descendants(kind):
    return {kind}.union(*(descendants(child) for child in kind.__subclasses__()))


KINDS = sorted(descendants(duckdb.Error), key=lambda it: it.__name__)
QUICK_KINDS = (duckdb.Error, duckdb.FatalException, duckdb.IOException, duckdb.ConstraintException)


@pytest.mark.parametrize("kind", KINDS)
def test_every_exception_of_duckdb_has_a_word_of_ours(kind):
    error = translate(kind("of some kind"), Path("store/catalog.duckdb"))
    assert isinstance(error, CatalogError)
    assert "of some kind" in str(error)


@pytest.mark.parametrize(
    "kind",
    [
        pytest.param(kind, marks=() if kind in QUICK_KINDS else pytest.mark.long)
        for kind in KINDS
        if kind is not duckdb.InterruptException  # Ctrl-C, which becomes Python's own
    ],
)
def test_a_catalog_translates_what_duckdb_raises_and_goes_on(store, kind):
    def fail(_):
        message = "of some kind"
        raise kind(message)

    with Catalog(store) as catalog:
        with pytest.raises(CatalogError, match="of some kind") as caught:
            catalog.run(fail)
        assert isinstance(caught.value.__cause__, kind)
        assert str(catalog.path) in str(caught.value)
        # After some errors a connection answers nothing any more, so none outlives an error.
        with Catalog(store, lease_timeout=0) as other:
            assert other.run(queries.statistics).users == 1, "kept the lease"
        assert catalog.run(queries.statistics).users == 1, "unusable after the error"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Failed to commit: Could not write file: No space left on device", StorageFull),
        ("Could not write file: Disk quota exceeded", StorageFull),
        ("Cannot open file: Permission denied", StorageDenied),
        ("Cannot open file: Read-only file system", StorageDenied),
        ("Could not set lock on file: Conflicting lock is held in python (PID 7)", CatalogBusy),
        ("Trying to read a database file with version number 99", CatalogTooNew),
        ("exists, but it is not a valid DuckDB database file!", CatalogDamaged),
        ("Corrupt database file: computed checksum 1 does not match 2", CatalogDamaged),
        ("Could not read enough bytes from file", CatalogDamaged),
    ],
)
def test_errors_that_only_their_text_distinguishes(text, expected):
    error = translate(duckdb.IOException(text), Path("store/catalog.duckdb"))
    assert type(error) is expected
    assert text in str(error)


@pytest.mark.parametrize("name", ["\ud800", "a\udcffb"])
def test_text_that_is_not_unicode_is_refused_whole(store, name):
    with Catalog(store) as catalog:
        with pytest.raises(CatalogError, match="surrogate"):
            catalog.run(commands.add, [arrival(1), arrival(2, filename=name)])
        assert catalog.run(queries.statistics).images == 0


@pytest.mark.parametrize(
    "interruption", [duckdb.InterruptException("INTERRUPT"), RuntimeError("Query interrupted")]
)
def test_an_interrupted_statement_is_an_interrupt(tmp_path, interruption):
    with pytest.raises(KeyboardInterrupt), translated(tmp_path):
        raise interruption
    with pytest.raises(RuntimeError, match="another"), translated(tmp_path):
        raise RuntimeError("another")
