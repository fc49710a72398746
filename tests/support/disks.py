"""Mount a small file system, for tests of full and read-only disks."""

import os
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def mounted(folder, size="4m"):
    """Mount one on a new folder, or skip the test where this user may not."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("cannot mount a small disk; that takes root on Linux")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


@contextmanager
def bound(folder, there):
    """Show a folder at a second place, by a mount of the same device number, or skip the test."""
    there.mkdir(exist_ok=True)
    try:
        subprocess.run(["mount", "--bind", folder, there], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("cannot mount a folder at a second place; that takes root on Linux")
    try:
        yield there
    finally:
        subprocess.run(["umount", "-l", there], check=True)


@contextmanager
def other_disk(folder):
    """A new folder on another disk than a folder is on, or skip the test where there is none."""
    for place in (tempfile.gettempdir(), "/tmp", "/var/tmp", "/dev/shm"):
        if os.access(place, os.W_OK) and Path(place).stat().st_dev != folder.stat().st_dev:
            with tempfile.TemporaryDirectory(dir=place) as made:
                yield Path(made)
                return
    pytest.skip("there is one disk only")


def remount(folder, option):
    subprocess.run(["mount", "-o", f"remount,{option}", folder], check=True)


def snapshot(folder):
    """All that lies below a folder: path, kind, bytes and time of the last change."""
    found = {}
    for path in sorted(folder.rglob("*")):
        facts = path.lstat()
        data = path.read_bytes() if path.is_file() else None
        found[str(path.relative_to(folder))] = (facts.st_mode, data, facts.st_mtime_ns)
    return found
