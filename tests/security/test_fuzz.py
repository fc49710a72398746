"""The short form of the fuzzer, and that it would report a fault."""

import subprocess
import sys

import pytest

from imgurer_kernel import Settings
from imgurer_kernel.fingerprint import decoder_process, fingerprint
from tests.security.fuzz import fuzz
from tests.security.mutations import WAYS, mutated, seeds
from tests.support.decoding import misbehave
from tests.support.processes import ROOT

pytestmark = pytest.mark.skipif(not decoder_process.AVAILABLE, reason="no such processes here")


def test_every_seed_is_a_picture():
    assert len(seeds()) > 25
    formats = {fingerprint(data).format for data in seeds().values()}
    assert formats == {
        *("AVIF", "BMP", "GIF", "HEIF", "ICO", "JPEG", "JPEG2000", "MPO", "PNG", "PPM", "TIFF"),
        "WEBP",
    }


def test_numbers_draw_the_same_file_again():
    drawn = [mutated(0, name, number) for name in seeds() for number in range(5)]
    assert drawn == [mutated(0, name, number) for name in seeds() for number in range(5)]
    assert len(set(drawn)) > 0.9 * len(drawn)
    assert mutated(1, "png", 0) != mutated(0, "png", 0)
    program = [sys.executable, "-m", "tests.security.fuzz", "--draw", "png", "3", "--seed", "0"]
    done = subprocess.run(program, capture_output=True, check=True, cwd=ROOT, timeout=120)
    assert done.stdout == mutated(0, "png", 3)


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_every_way_spoils_and_bears_empty_files(way):
    import random

    chance = random.Random(5)
    changed = 0
    for data in seeds().values():
        spoiled = bytearray(data)
        way(spoiled, chance)
        changed += bytes(spoiled) != data
        way(bytearray(), chance)
    assert changed > len(seeds()) / 2


def test_spoiled_files_of_all_formats_are_answered():
    results = fuzz(mutations=20 * len(seeds()), seed=1)
    assert results.finds == [], results.text()
    assert results.files == 20 * len(seeds())
    assert set(results.tried) == set(seeds())
    assert 0.05 < sum(results.taken.values()) / results.files < 0.95


def test_a_fault_is_reported_with_the_numbers_that_reproduce_it(monkeypatch):
    monkeypatch.setattr("tests.security.fuzz.seeds", lambda: {"bmp": b"", "gif": b"", "ico": b""})
    deeds = {"bmp": b"sleep", "gif": b"crash", "ico": b"grow"}
    monkeypatch.setattr("tests.security.fuzz.mutated", lambda seed, name, number: deeds[name])
    limits = Settings(decode_seconds=4, decode_memory=200_000_000)
    results = fuzz(mutations=3, seed=7, decode=misbehave, limits=limits)
    assert [find[:2] for find in results.finds] == [("bmp", 0), ("gif", 0), ("ico", 0)]
    for reason in ("more than 4 s", "SIGSEGV", "bytes of memory", "--seed 7 --draw gif 0"):
        assert reason in results.text()
