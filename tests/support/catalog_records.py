"""Arrivals for the tests of the catalog: made-up fingerprints, the same for the same number."""

import hashlib
from datetime import datetime, timedelta

import numpy as np

from imgurer_kernel.common.records import Arrival, Facts, Fingerprint

TAKEN = datetime.fromisoformat("2021-05-01T12:30:00.123456")


def digest(number):
    return hashlib.sha256(str(number).encode()).hexdigest()


def fingerprint(number, **changed):
    rng = np.random.default_rng(number)
    row, col, trimmed_row, trimmed_col = (
        int(word) for word in rng.integers(0, 2**64, 4, dtype=np.uint64)
    )
    known = number % 2 == 0
    values = {
        "dhash": (row, col),
        "trimmed_dhash": (trimmed_row, trimmed_col),
        "grays": rng.bytes(81),
        "verification": rng.bytes(4096),
        "thumbnail": b"",
        "width": 640 + number,
        "height": 480 + number,
        "format": "JPEG" if known else "PNG",
        "frames": 1 + number % 3,
        "informative": number % 5 != 0,
        "near_ties": number % 129,
        "algorithm": "test-1",
        "facts": Facts(
            orientation=1 + number % 8,
            taken_at=TAKEN + timedelta(seconds=number) if known else None,
            camera=f"Maker Model {number}" if known else None,
            latitude=-12.25 if known else None,
            longitude=151.5 if known else None,
        ),
    }
    return Fingerprint(**(values | changed))


def arrival(number, user="ann", *, source=None, modified_ns=1_700_000_000_000_000_001, **changed):
    source = source or f"/pictures/picture {number}.jpg"
    path = source if source.startswith("/") else None
    values = {
        "digest": digest(number),
        "bytes": 1000 + number,
        "fingerprint": fingerprint(number),
        "user": user,
        "filename": f"picture {number}.jpg",
        "source": source,
        "modified_ns": modified_ns,
        "path": path,
        "path_key": path.encode() if path and modified_ns else None,
        "kept": "copy" if path else "upload",
    }
    return Arrival(**(values | changed))
