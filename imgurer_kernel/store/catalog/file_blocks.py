"""Check the blocks of a catalog's file, as DuckDB lays it out.

DuckDB compares the checksum of a block only when a query reads it; a truncated file shows only at
the next write. So this module reads every block that is in use.

The file has three headers, then blocks. Each begins with eight bytes of checksum of the others
(`Checksum` in DuckDB's src/common/checksum.cpp). The first header has the version; of the other two
the one with the higher iteration counts. It refers to a list of free blocks, which the next
checkpoint may overwrite, or cut off at the end of the file. So a checkpoint that a full disk or a
kill ended leaves free blocks in any state, and that is no damage. Blocks that only the log beside
the file refers to are free here, too: DuckDB reads them when it reads the tables.
"""

import struct
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np

from imgurer_kernel.common.atomic_files import mapped_os_errors

_HEADERS, _HEADER, _BLOCK = 3, 4096, 1 << 18
_FACTOR, _START = np.uint64(0xBF58476D1CE4E5B9), 5381
# A block of metadata has 64 parts. Each begins with a pointer to the next one: the number of
# a block in the lower 56 bits, and that of a part in it above. All bits are set if there is none.
_PARTS, _NUMBER_BITS, _NONE = 64, 56, (1 << 64) - 1
_PART = (_BLOCK - 8) // _PARTS // 8 * 8


def damaged_blocks(path: Path) -> list[str]:
    """Describe damage of a catalog file; call it only while no process has the file open.

    Raises
    ------
    StorageError
        If it cannot be read.
    """
    with mapped_os_errors(path), path.open("rb") as file:
        headers = [file.read(_HEADER) for _ in range(_HEADERS)]
        found = [
            f"header {number} of {path} was overwritten"
            for number, header in enumerate(headers)
            if not _is_sound(header)
        ]
        first_free, known = _list_and_count(headers)
        free = _free_blocks(file, first_free, known)
        for number in range(known):
            if number in free:
                continue
            block = _read_block(file, number)
            if len(block) < _BLOCK:
                words = f"{path} ends within its block {number}, after {len(block):,} bytes"
                found.append(f"{words}: it was cut off")
                break
            if not _is_sound(block):
                found.append(f"block {number} of {path} has another checksum than its bytes")
    return found


def _list_and_count(headers: Sequence[bytes]) -> tuple[int, int]:
    """Return the pointer to the list of free blocks, and the number of blocks; none if unknown."""
    # Checksum, iteration, pointers to the tables and to the list, number of blocks.
    words = [struct.unpack_from("<5Q", each) for each in headers[1:] if _is_sound(each)]
    _, _, _, first_free, known = max(words, key=lambda it: it[1], default=(0, 0, 0, _NONE, 0))
    return first_free, known


def _free_blocks(file: BinaryIO, pointer: int, known: int) -> frozenset[int]:
    """Return the numbers of the free blocks; none if their list is damaged."""
    # A number, and as many numbers of blocks, in parts that refer to each other.
    data = b""
    size = 8
    while len(data) < size:
        part, number = divmod(pointer, 1 << _NUMBER_BITS)
        if number >= known or part >= _PARTS or size > 8 * (known + 1):
            return frozenset()
        block = _read_block(file, number)
        if len(block) < _BLOCK or not _is_sound(block):
            return frozenset()
        start = 8 + part * _PART
        (pointer,) = struct.unpack_from("<Q", block, start)
        data += block[start + 8 : start + _PART]
        size = 8 * (1 + struct.unpack_from("<Q", data)[0])
    return frozenset(struct.unpack_from(f"<{size // 8 - 1}Q", data, 8))


def _read_block(file: BinaryIO, number: int) -> bytes:
    """Read a block; shorter, if the file ends before it does."""
    file.seek(_HEADERS * _HEADER + number * _BLOCK)
    return file.read(_BLOCK)


def _is_sound(block: bytes) -> bool:
    words = np.frombuffer(block, "<u8", len(block) // 8)
    if len(words) < 2:
        return False
    return int(words[0]) == int(np.bitwise_xor.reduce(words[1:] * _FACTOR)) ^ _START
