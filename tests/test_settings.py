import re
from pathlib import Path

import pytest

from imgurer_kernel.errors import SettingsError
from imgurer_kernel.settings import Settings


def test_the_root_becomes_absolute(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert Settings(root="store").root == tmp_path / "store"
    assert Settings(root="~/store").root == Path.home() / "store"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("radius", -1),
        ("radius", 129),
        ("max_bytes", 0),
        ("max_pixels", 0),
        ("max_frames", 0),
        ("max_scans", 0),
        ("max_segments", 0),
        ("max_entries", 0),
        ("max_tiles", 0),
        ("max_growth", 0),
        ("decode_seconds", 0),
        ("decode_memory", 1000),
        ("workers", -1),
        ("lease_timeout", -0.1),
        ("store", "move"),
    ],
)
def test_a_value_that_cannot_work_is_named(name, value):
    with pytest.raises(SettingsError, match=f"{name} is {value!r}"):
        Settings(**{name: value})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("radius", 10.5),
        ("radius", 10.0),
        ("radius", True),
        ("radius", "8"),
        ("radius", None),
        ("max_bytes", 1e9),
        ("max_frames", False),
        ("decode_memory", 1.5e9),
        ("decode_seconds", "60"),
        ("workers", 1.5),
        ("lease_timeout", True),
        ("lease_timeout", "30"),
        ("lease_timeout", float("nan")),
        ("store", None),
        ("store", ["copy"]),
        ("root", None),
        ("root", 5),
        ("root", b"store"),
        ("root", "~nobody-has-this-name/store"),
    ],
)
def test_a_value_of_another_kind_is_named(name, value):
    with pytest.raises(SettingsError, match=re.escape(f"{name} is {value!r}")):
        Settings(**{name: value})


def test_a_time_may_be_whole():
    assert Settings(lease_timeout=5).lease_timeout == 5


def test_settings_cannot_be_changed():
    with pytest.raises(AttributeError):
        Settings().radius = 3


def test_from_env_converts_each_kind(tmp_path):
    settings = Settings.from_env(
        {
            "IMGURER_ROOT": str(tmp_path),
            "IMGURER_RADIUS": "7",
            "IMGURER_STORE": "link",
            "IMGURER_LEASE_TIMEOUT": "1.5",
            "IMGURER_MAX_SCANS": "20",
            "IMGURER_MAX_SEGMENTS": "300",
            "IMGURER_MAX_ENTRIES": "400",
            "IMGURER_MAX_TILES": "500",
            "IMGURER_MAX_GROWTH": "600",
            "IMGURER_DECODE_SECONDS": "2.5",
            "IMGURER_DECODE_MEMORY": "2000000000",
            "UNRELATED": "x",
        }
    )
    assert settings == Settings(
        root=tmp_path,
        radius=7,
        store="link",
        lease_timeout=1.5,
        max_scans=20,
        max_segments=300,
        max_entries=400,
        max_tiles=500,
        max_growth=600,
        decode_seconds=2.5,
        decode_memory=2_000_000_000,
    )


def test_a_variable_that_is_not_a_number_is_named():
    with pytest.raises(SettingsError, match="IMGURER_RADIUS is 'ten'"):
        Settings.from_env({"IMGURER_RADIUS": "ten"})
