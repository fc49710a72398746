"""Derived arrays in files: complete or absent, whatever happens to files or writers."""

import json
import os
import shutil
import threading
from pathlib import Path

import numpy as np
import pytest

from imgurer_kernel.errors import StorageDenied, StorageFull
from imgurer_kernel.store import derived
from imgurer_kernel.store.derived import DerivedData, exclusive

ARRAYS = {
    "long": np.arange(50_000),
    "codes": np.arange(7, dtype=np.uint8),
    "none": np.empty((0, 3)),
}


@pytest.fixture
def data(tmp_path):
    data = DerivedData(tmp_path / "derived" / "thing")
    data.save({"generation": 1}, ARRAYS)
    return data


def files(data):
    return sorted(path for path in data.folder.rglob("*") if path.is_file())


def test_saved_arrays_are_loaded(data):
    found = DerivedData(data.folder).load()
    assert found.facts == {"generation": 1} == data.facts()
    assert {name: array.tolist() for name, array in found.arrays.items()} == {
        name: array.tolist() for name, array in ARRAYS.items()
    }
    assert found.arrays["none"].shape == (0, 3)
    assert isinstance(found.arrays["long"], np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        found.arrays["long"][0] = 1


def test_a_later_version_takes_the_place_of_the_one_before(data):
    before = data.load()
    data.save({"generation": 2}, {"long": np.zeros(50_000)})
    assert data.load().facts == {"generation": 2}
    assert len(list(data.folder.iterdir())) == 1
    # Whoever has the earlier one goes on reading it.
    assert before.arrays["long"].sum() == ARRAYS["long"].sum()


def test_there_may_be_nothing(tmp_path):
    data = DerivedData(tmp_path / "nothing")
    assert data.load() is None
    assert data.facts() is None


def cut_in_half(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def empty(path):
    path.write_bytes(b"")


def change_one_byte(path):
    content = bytearray(path.read_bytes())
    content[len(content) * 2 // 3] ^= 1
    path.write_bytes(content)


def overwrite(path):
    path.write_bytes(b"x" * path.stat().st_size)


def replace_by_folder(path):
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize(
    "damage", [cut_in_half, empty, change_one_byte, overwrite, replace_by_folder, Path.unlink]
)
@pytest.mark.parametrize("file", ["meta.json", "long.npy", "codes.npy", "none.npy"])
def test_damaged_data_are_ignored(data, damage, file):
    [path] = [path for path in files(data) if path.name == file]
    damage(path)
    assert data.load() is None
    data.save({"generation": 2}, ARRAYS)
    assert data.load().facts == {"generation": 2}
    assert len(list(data.folder.iterdir())) == 1


@pytest.mark.parametrize(
    "content", [b"[]", b"null", b"7", b'{"content": 3, "sha256": ""}', b"\xff", b"[" * 100_000]
)
def test_data_of_another_format_are_ignored(data, content):
    files(data)[[path.name for path in files(data)].index("meta.json")].write_bytes(content)
    assert data.load() is None
    assert data.facts() is None


def test_another_format_is_not_there(data, monkeypatch):
    monkeypatch.setattr(derived, "FORMAT", derived.FORMAT + 1)
    assert data.load() is None


def test_a_damaged_version_leaves_the_one_before(data, monkeypatch):
    """If it still exists: the writer was killed before deleting it."""
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "rmtree", lambda *_, **__: None)
        data.save({"generation": 2}, ARRAYS)
    assert data.load().facts == {"generation": 2}
    cut_in_half(next(path for path in files(data)[::-1] if path.name == "long.npy"))
    assert data.load().facts == {"generation": 1}


def test_a_version_may_go_while_it_is_read(data, monkeypatch):
    real = np.load

    def late(path, **options):
        monkeypatch.setattr(np, "load", real)
        data.save({"generation": 2}, ARRAYS)
        return real(path, **options)

    monkeypatch.setattr(np, "load", late)
    assert data.load().facts == {"generation": 2}


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
@pytest.mark.parametrize("step", range(8))
def test_a_writer_that_ends_anywhere_leaves_the_version_before(data, monkeypatch, error, step):
    left, real = [step], {name: getattr(os, name) for name in ("fsync", "mkdir", "rename")}

    def ending(name):
        def call(*args, **options):
            if not left[0]:
                raise error
            left[0] -= 1
            return real[name](*args, **options)

        return call

    with monkeypatch.context() as patch:
        for name in real:
            patch.setattr(os, name, ending(name))
        with pytest.raises((StorageFull, KeyboardInterrupt)):
            data.save({"generation": 2}, ARRAYS)
    assert data.load().facts["generation"] in ((1,) if step < 7 else (1, 2))
    data.save({"generation": 3}, ARRAYS)
    assert data.load().facts == {"generation": 3}
    assert len(list(data.folder.iterdir())) == 1


def test_a_folder_that_cannot_be_made_is_an_error_of_ours(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StorageDenied):
        DerivedData(tmp_path / "file" / "thing").save({}, {})
    with pytest.raises(StorageDenied), exclusive(tmp_path / "file" / "lock", lambda: None):
        pass


def test_one_at_a_time(tmp_path):
    lock, waited, inside = tmp_path / "made" / "lock", threading.Event(), []

    def second():
        with exclusive(lock, waited.set):
            inside.append("second")

    with exclusive(lock, waited.set):
        thread = threading.Thread(target=second)
        thread.start()
        assert waited.wait(60)
        inside.append("first")
    thread.join(60)
    assert inside == ["first", "second"]


def test_waiting_can_be_stopped(tmp_path):
    def stop():
        raise KeyboardInterrupt

    lock = tmp_path / "lock"
    with exclusive(lock, stop), pytest.raises(KeyboardInterrupt), exclusive(lock, stop):
        pass
    with exclusive(lock, stop):
        pass  # nobody has it any more


def test_the_description_is_readable(data):
    meta = json.loads(next(path for path in files(data) if path.suffix == ".json").read_bytes())
    assert json.loads(meta["content"])["facts"] == {"generation": 1}
