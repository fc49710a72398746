"""The command that reports the state of a store and of the installation."""

import os
import platform
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import fields
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pandas as pd

from imgurer_kernel.apps.cli.command import EXIT_DONE, EXIT_PROBLEMS, Call, command
from imgurer_kernel.common.event_log import path_of
from imgurer_kernel.common.text import count, human_bytes
from imgurer_kernel.errors import ImgurerError
from imgurer_kernel.settings import Settings

Line = tuple[str, str, bool]
"""One line of the report: subject, state, and whether the state is good."""

_LIBRARIES = ("imgurer", "duckdb", "numpy", "pandas", "pillow", "numba", "voila", "tornado")

_LITTLE = 1 << 30
"""Free bytes below which a disk counts as nearly full: an ingest of some hundred pictures."""


@command("doctor")
def doctor(call: Call) -> int:
    """Report on the store and the installation: versions, locks, space, index, log, settings."""
    sections: dict[str, Callable[[Call], Iterator[Line]]] = {
        "versions": _versions,
        "store": _store,
        "locks": _locks,
        "space": _space,
        "index": _index,
        "log": _log,
        "settings": _settings,
    }
    rows = []
    for section, report in sections.items():
        try:
            rows += [(section, *line) for line in report(call)]
        except (ImgurerError, OSError) as error:
            rows.append((section, "problem", str(error), False))
    frame = pd.DataFrame(rows, columns=["section", "what", "how", "well"])
    if call.out.json:
        call.out.write_table(frame)
    shown = ""
    for section, what, how, well in rows:
        call.out.write_line(
            f"{section if section != shown else '':<9} {'' if well else 'PROBLEM '}{what}: {how}"
        )
        shown = section
    return EXIT_DONE if frame["well"].all() else EXIT_PROBLEMS


def _versions(call: Call) -> Iterator[Line]:
    del call
    yield "python", f"{platform.python_version()} at {sys.executable}", True
    yield "system", platform.platform(), True
    for name in _LIBRARIES:
        try:
            yield name, version(name), True
        except PackageNotFoundError:
            yield name, "not installed; install imgurer again", False


def _store(call: Call) -> Iterator[Line]:
    with call.workbench() as wb:
        yield "folder", str(call.settings.root.absolute()), True
        if os.name != "nt" and call.settings.root.stat().st_mode & 0o077:
            yield "access", "other users of this machine, too; `chmod 700` closes the folder", True
        statistics = wb.statistics()
        yield "images", f"{statistics.images:,}", True
        users = wb.users()
        enabled = int(users["enabled"].sum())
        yield "accounts", f"{len(users):,}, of which {enabled:,} may log in or act", True


def _locks(call: Call) -> Iterator[Line]:
    root = call.settings.root
    for name in ("catalog.lock", "catalog.waiting", "review.lock"):
        path = root / name
        yield name, f"there, last used {_time(path)}" if path.exists() else "none", True
    path = root / "review.pending"
    if path.exists():
        yield path.name, f"an act of {_time(path)} is unfinished; the next act resumes it", True


def _space(call: Call) -> Iterator[Line]:
    root = call.settings.root
    usage = shutil.disk_usage(root)
    yield "free", f"{human_bytes(usage.free)} of {human_bytes(usage.total)}", usage.free > _LITTLE
    catalog = [path for path in sorted(root.glob("catalog.duckdb*")) if path.is_file()]
    for path in catalog:
        yield path.name, human_bytes(path.stat().st_size), True


def _index(call: Call) -> Iterator[Line]:
    folders = sorted(path for path in (call.settings.root / "derived").glob("*") if path.is_dir())
    for folder in folders:
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        yield folder.name, f"{human_bytes(size)}, of {_time(folder)}", True
    if not folders:
        yield "derived", "none yet; the first search makes it", True


def _log(call: Call) -> Iterator[Line]:
    path = path_of(call.settings.root)
    if not path.exists():
        yield "events", f"none yet; a server writes {path}", True
        return
    lines = path.read_text(encoding="ascii", errors="replace").splitlines()
    errors = sum('"event": "error"' in it or '"event": "library-error"' in it for it in lines)
    summary = f"{count(len(lines), 'line')} in {path}, of which {count(errors, 'error')}"
    yield "events", summary, True


def _settings(call: Call) -> Iterator[Line]:
    usual = Settings()
    for field in fields(call.settings):
        value = getattr(call.settings, field.name)
        note = "" if value == getattr(usual, field.name) else " (not the default)"
        yield field.name, f"{value}{note}", True


def _time(path: Path) -> str:
    return datetime.fromtimestamp(path.stat().st_mtime, UTC).strftime("%Y-%m-%d %H:%M UTC")
