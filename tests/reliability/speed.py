"""How fast a check reads: beside a plain SHA-256 of the same files by one thread."""

import hashlib
import os
import time

from tests.reliability import operations
from tests.support.pictures import jpeg

SIZE = 4 << 20


def check_speed(number, base):
    """Seconds of (reading and hashing all originals, a check) of a store of so many of 4 MB."""
    data = jpeg(1)
    with operations.open_store(base) as wb:
        for _ in range(number):
            row = wb.upload("large.jpg", data + os.urandom(SIZE - len(data))).iloc[0]
            assert row["status"] == "added", row["reason"]
        started = time.monotonic()
        for path in sorted((base / "store" / "blobs").glob("??/??/*")):
            with path.open("rb") as file:
                hashlib.file_digest(file, "sha256")
        plain = time.monotonic() - started
        started = time.monotonic()
        assert wb.check(progress=False).empty
        return plain, time.monotonic() - started
