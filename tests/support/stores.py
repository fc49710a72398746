"""Real stores for tests: filled once in a test process, copied for each test that uses one."""

import os
import shutil
from pathlib import Path

import pytest
from argon2 import PasswordHasher

from imgurer_kernel import Settings, Workbench
from imgurer_kernel.store.catalog.journal import PlaceOfFiles, set_places
from imgurer_kernel.store.catalog.lock import lease
from imgurer_kernel.store.users import Users

# A tenth of a second a password is the point of argon2; nothing in the tests depends on it.
QUICK = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


def open_store(folder, **options):
    """A workbench whose passwords cost nothing; options are settings."""
    wb = Workbench(Settings(root=folder, **options))
    wb.accounts = Users(wb.catalog, hasher=QUICK)
    return wb


@pytest.fixture(scope="session")
def templates(tmp_path_factory):
    """Folder of the filled stores of this process, and which there are by what filled them."""
    return tmp_path_factory.mktemp("stores"), {}


@pytest.fixture
def new_store(templates, tmp_path):
    """Function that opens a store of this test: an empty one, or one that `fill(wb)` has filled.

    Options are settings of the store of this test, not of the one that is copied.
    """
    folder, filled = templates
    opened = []

    def new(fill=Workbench.statistics, **options):
        root = tmp_path / f"store {len(opened)}"
        if fill not in filled:
            template = folder / str(len(filled))
            with open_store(template) as wb:
                fill(wb)
            filled[fill] = template
        shutil.copytree(filled[fill], root)
        opened.append(open_store(root, **options))
        return opened[-1]

    yield new
    for wb in opened:
        wb.close()


@pytest.fixture
def new_place(templates):
    """Function that opens a store that refers to pictures beside it, as `fill(wb)` has left both.

    Folders of pictures are below the parent of the store's folder. The paths are the same in each
    test of a process, since the catalog has them; so a test has one such place at a time.
    Options are settings, also of the store that is copied.
    """
    folder, filled = templates
    opened = []

    def new(fill, **options):
        for wb in opened:
            wb.close()
        key = (fill, *sorted(options.items()))
        if key not in filled:
            here, template = folder / f"place {len(filled)}", folder / str(len(filled))
            here.mkdir()
            with open_store(here / "store", **options) as wb:
                fill(wb)
            here.rename(template)
            filled[key] = here, template
        here, template = filled[key]
        close_below(here)
        shutil.rmtree(here, ignore_errors=True)
        shutil.copytree(template, here, symlinks=True)
        wb = open_store(here / "store", **options)
        wb.catalog.run(_set_inodes)
        opened.append(wb)
        return wb

    yield new
    for wb in opened:
        wb.close()
        close_below(wb.settings.root)


def _set_inodes(connection):
    """Set the inodes of files in a catalog, since the files are copies."""
    rows = connection.execute("SELECT file_id, path_key FROM files WHERE path_key IS NOT NULL")
    found = {file_id: Path(os.fsdecode(bytes(key))) for file_id, key in rows.fetchall()}
    places = []
    for file_id, path in found.items():
        facts = path.stat()
        places.append(PlaceOfFiles((file_id,), facts.st_dev, facts.st_ino, facts.st_mtime_ns))
    set_places(connection, places)


def close_below(folder):
    """Close the catalogs in a folder that are open still, as at the end of the process."""
    for each in lease._all_leases():
        if each._lock.path.is_relative_to(folder):
            each.at_exit()


def record_calls(wb):
    """Searches and what is forgotten from now on: a list of (method, *arguments)."""
    calls = []

    def recorded(name, method):
        def call(*arguments, **options):
            calls.append((name, *arguments))
            return method(*arguments, **options)

        return call

    for name in ("similar", "clusters", "forget"):
        setattr(wb, name, recorded(name, getattr(wb, name)))
    return calls


def break_thumbnail(wb, image_id):
    """Lose a thumbnail, as a disk may."""
    digest = wb.images([image_id])["digest"].iloc[0]
    [path] = (wb.settings.root / "thumbs").rglob(digest)
    path.unlink()
