"""Damage of a catalog's file is found in each block that is in use, and in no other."""

import contextlib
import io
import struct

import duckdb
import numpy as np
import pytest

from imgurer_kernel.store.catalog import file_blocks
from imgurer_kernel.store.catalog.file_blocks import damaged_blocks
from tests.support.disks import mounted
from tests.support.forms import rounds

pytestmark = pytest.mark.opens_catalogs

HEADERS, BLOCK = 3 * 4096, 1 << 18


def write_table(connection, name, rows):
    query = f"SELECT i, sha256(i::VARCHAR) AS s FROM range({rows}) r(i)"
    connection.execute(f"CREATE OR REPLACE TABLE {name} AS {query}")


@pytest.fixture(scope="module")
def some(tmp_path_factory):
    """The bytes of a catalog with free blocks between others, and how many are used and free."""
    path = tmp_path_factory.mktemp("blocks") / "some.duckdb"
    with duckdb.connect(path) as connection:
        for name in "abc":
            write_table(connection, name, 30_000)
            connection.execute("CHECKPOINT")
        write_table(connection, "b", 10)
        connection.execute("CHECKPOINT")
        write_table(connection, "d", 10)
    with duckdb.connect(path, read_only=True) as connection:
        _, _, _, total, used, free, *_ = connection.execute("PRAGMA database_size").fetchone()
    assert used > 5
    assert free > 2
    assert total == used + free
    return path.read_bytes(), total, free


def found_in(path, data):
    path.write_bytes(data)
    return damaged_blocks(path)


def overwritten(data, number, patch, at=0):
    start = HEADERS + number * BLOCK + at
    return data[:start] + patch + data[start + len(patch) :]


@pytest.mark.parametrize(
    "patch", [b"bit rot", bytes(BLOCK - 16), b"x" * (BLOCK // 2)], ids=["few", "zeros", "half"]
)
def test_each_used_block_is_compared_and_no_free_one(some, tmp_path, patch):
    data, total, free = some
    unsound = 0
    for number in range(total):
        found = found_in(tmp_path / "some", overwritten(data, number, patch, at=16))
        # The list of the free blocks may be in the block that was overwritten: then none is known.
        assert len(found) in {0, 1}
        unsound += len(found)
        assert all(f"block {number} " in each for each in found)
    assert unsound == total - free


def test_each_header_is_compared(some, tmp_path):
    data, *_ = some
    for number in range(3):
        patched = data[: number * 4096 + 9] + b"\xff" + data[number * 4096 + 10 :]
        assert f"header {number} " in found_in(tmp_path / "some", patched)[0]


def test_a_file_that_ends_before_a_used_block_or_in_it_was_cut_off(some, tmp_path):
    data, *_ = some
    for size in (len(data) - 1, len(data) - 1024, HEADERS + 5 * BLOCK, HEADERS + 5, HEADERS):
        found = found_in(tmp_path / "some", data[:size])
        assert "cut off" in found[-1], size


def test_any_history_of_writes_leaves_a_sound_file(tmp_path):
    """Among them files whose free blocks DuckDB has cut off, and some with no free block."""
    path = tmp_path / "some.duckdb"
    cut_off, numbers = 0, set()
    for turn in range(rounds(14, 24)):
        with duckdb.connect(path) as connection:
            write_table(connection, "abc"[turn % 3], (30_000, 10, 90_000, 1)[turn % 4])
            if turn % 5 == 0:
                connection.execute("CHECKPOINT")
            if turn % 7 == 6:
                connection.execute("DROP TABLE a")
        assert damaged_blocks(path) == []
        with duckdb.connect(path, read_only=True) as connection:
            _, _, _, total, _, free, *_ = connection.execute("PRAGMA database_size").fetchone()
        with path.open("rb") as file:
            headers = [file.read(4096) for _ in range(3)]
            found = file_blocks._free_blocks(file, *file_blocks._list_and_count(headers))
        assert len(found) == free
        assert max(found, default=0) < total
        numbers.add(free % 2)
        (known,) = struct.unpack_from("<Q", newest_header(path), 32)
        cut_off += path.stat().st_size < HEADERS + known * BLOCK
    assert cut_off
    assert numbers == {0, 1}, "free blocks of odd and even numbers"


def sealed(content):
    """A block with the checksum of its content in front."""
    words = np.frombuffer(content.ljust(BLOCK - 8, b"\0"), "<u8")
    sums = np.bitwise_xor.reduce(words * file_blocks._FACTOR) ^ np.uint64(file_blocks._START)
    return struct.pack("<Q", int(sums)) + words.tobytes()


@pytest.mark.parametrize("free", [0, 1, 598, 599])
def test_all_blocks_may_be_free_but_that_of_their_list(free):
    size = file_blocks._PART
    listed = struct.pack(f"<{1 + free}Q", free, *range(1, 1 + free))
    parts = [listed[at : at + size - 8] for at in range(0, len(listed), size - 8)]
    following = [*(number << 56 for number in range(1, len(parts))), file_blocks._NONE]
    pairs = zip(following, parts, strict=True)
    block = b"".join(struct.pack("<Q", number) + part for number, part in pairs)
    file = io.BytesIO(bytes(HEADERS) + sealed(block))
    assert file_blocks._free_blocks(file, 0, 600) == frozenset(range(1, 1 + free))


def newest_header(path):
    data = path.read_bytes()
    return max((data[at : at + 4096] for at in (4096, 8192)), key=lambda it: it[8:16][::-1])


def test_a_checkpoint_that_a_full_disk_ends_leaves_a_sound_file(tmp_path):
    """It begins blocks that are free, also such as were cut off the file, and ends within one."""
    broken_off = 0
    for left in (0, 200_000, 280_000, 350_000):
        with mounted(tmp_path / f"tiny {left}", "16m") as disk:
            path = disk / "some.duckdb"
            with duckdb.connect(path) as connection:
                for name in "abc":
                    write_table(connection, name, 60_000)
                    connection.execute("CHECKPOINT")
                for name in "cba":
                    connection.execute(f"DROP TABLE {name}")
                connection.execute("CHECKPOINT")
            taken = disk / "filler"
            with contextlib.suppress(OSError), taken.open("wb", buffering=0) as file:
                while True:
                    file.write(bytes(4096))
            with taken.open("rb+") as file:
                file.truncate(taken.stat().st_size - left)
            connection = duckdb.connect(path)
            with contextlib.suppress(duckdb.Error), contextlib.closing(connection):
                write_table(connection, "d", 2_000)
                connection.execute("CHECKPOINT")
            broken_off += (path.stat().st_size - HEADERS) % BLOCK != 0
            assert damaged_blocks(path) == []
    assert broken_off
