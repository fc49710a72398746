"""Plans as shell scripts: comparisons before a move, files that stay, and ``--back``."""

import hashlib
import os
import shutil
import subprocess
from dataclasses import replace

import pytest

from imgurer_kernel.review.acts import Act
from imgurer_kernel.review.script import script
from imgurer_kernel.store.catalog.journal import FileOfImage
from imgurer_kernel.store.ingest.left_out import TRASH_FOLDER
from tests.review.folders import bytes_below

SHELLS = [shell for shell in ("sh", "bash", "dash") if shutil.which(shell)]


def known(path, file_id):
    data = path.read_bytes()
    return FileOfImage(
        file_id=file_id, image_id=file_id, user_name="ann", path=str(path), filename=path.name,
        path_key=os.fsencode(path), bytes=len(data), modified_ns=0, device=None, inode=None,
        state="present", kept="reference", digest=hashlib.sha256(data).hexdigest(),
    )  # fmt: skip


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    for name, data in {
        "a.jpg": b"large", "it's $(touch x) copy.jpg": b"large", "small.jpg": b"small",
        "small.jpg.xmp": b"four stars",
    }.items():  # fmt: skip
        (folder / name).write_bytes(data)
    return folder


@pytest.fixture
def acts(folder):
    keeper, root = known(folder / "a.jpg", 1), os.fsencode(folder)
    gone = [folder / "it's $(touch x) copy.jpg", folder / "small.jpg"]
    return [
        Act("trash", known(path, number), keeper, "", (), root, root,
            os.fsencode(folder / TRASH_FOLDER / "now" / path.name))
        for number, path in enumerate(gone, 2)
    ]  # fmt: skip


def run_script(text, folder, *options, shell="sh", path=None):
    (folder.parent / "plan.sh").write_bytes(text)
    return subprocess.run(
        [shutil.which(shell), folder.parent / "plan.sh", *options], check=False,
        capture_output=True, cwd=folder.parent, env=None if path is None else {"PATH": str(path)},
    )  # fmt: skip


def run(*args, **options):
    done = run_script(*args, **options)
    return done.returncode, done.stderr.decode()


def test_it_says_how_many_files_it_moved_and_how_they_come_back(acts, folder):
    text = script(acts)
    plan = folder.parent / "plan.sh"
    line = f"to move them back: sh {plan} --back\n"
    assert run_script(text, folder).stdout.decode() == f"files moved: 3; {line}", "a sidecar, too"
    assert run_script(text, folder).stdout.decode() == f"files moved: 0; {line}"
    assert run_script(text, folder, "--back").stdout.decode() == "files moved back: 3\n"


def test_other_files_in_the_trash_stay(acts, folder):
    """Also an empty folder of the user to which files were moved."""
    other = folder / TRASH_FOLDER / "last year" / "b.jpg"
    mine = folder.parent / "empty"
    for each in (other.parent, mine):
        each.mkdir(parents=True)
    other.write_bytes(b"older")
    acts = [acts[0], replace(acts[1], target=os.fsencode(mine / "small.jpg"))]
    text = script(acts)
    assert run(text, folder) == (0, "")
    assert run(text, folder, "--back") == (0, "")
    assert [path.name for path in (folder / TRASH_FOLDER).iterdir()] == ["last year"]
    assert other.read_bytes() == b"older"
    assert mine.is_dir()


@pytest.mark.parametrize("shell", SHELLS)
def test_all_files_are_removed_and_restored(acts, folder, shell):
    before, text = bytes_below(folder), script(acts)
    for _ in range(2):  # what an earlier run has moved is no failure
        assert run(text, folder, shell=shell) == (0, "")
        assert sorted(bytes_below(folder, trash=False)) == ["a.jpg"]
        assert len(bytes_below(folder)) == len(before)
    for _ in range(2):
        assert run(text, folder, "--back", shell=shell) == (0, "")
        assert bytes_below(folder) == before
        assert not (folder / TRASH_FOLDER).exists(), "no empty folders are left"
    assert run(text, folder, "--bakc", shell=shell)[0] == 2
    assert bytes_below(folder) == before


def overwrite_keeper(folder):
    (folder / "a.jpg").write_bytes(b"trash")


def remove_keeper(folder):
    (folder / "a.jpg").unlink()


def link_keeper(folder):
    (folder / "a.jpg").rename(folder.parent / "a.jpg")
    (folder / "a.jpg").symlink_to(folder.parent / "a.jpg")


def overwrite_copies(folder):
    for path in folder.glob("[!a]*.jpg"):
        path.write_bytes(b"trash")


def take_places(folder):
    (folder / ".imgurer-trash" / "now").mkdir(parents=True)
    for path in folder.glob("[!a]*.jpg"):
        (folder / ".imgurer-trash" / "now" / path.name).symlink_to(folder / "nowhere")


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (overwrite_keeper, "file that is kept was changed"),
        (remove_keeper, "file that is kept is no longer there"),
        (link_keeper, "file that is kept is no longer there"),
        (overwrite_copies, "it was changed since the plan"),
        (take_places, "something is there already"),
    ],
)
def test_files_changed_since_the_plan_stay(acts, folder, change, why):
    text = script(acts)
    change(folder)
    before = bytes_below(folder)
    status, said = run(text, folder)
    assert bytes_below(folder) == before
    assert status == 1
    assert why in said
    assert said.count("stays: ") == 2


def test_one_that_stays_keeps_its_sidecar_and_no_other_file(acts, folder):
    text = script(acts)
    (folder / "small.jpg").write_bytes(b"edited")
    status, said = run(text, folder)
    assert status == 1
    assert said.count("stays: ") == 1
    assert sorted(bytes_below(folder, trash=False)) == ["a.jpg", "small.jpg", "small.jpg.xmp"]


def test_without_a_program_for_digests_only_exact_copies_go(acts, folder, tmp_path):
    (tmp_path / "bin").mkdir()
    for name in ("cmp", "cut", "mkdir", "mv"):
        (tmp_path / "bin" / name).symlink_to(shutil.which(name))
    status, said = run(script(acts), folder, path=tmp_path / "bin")
    assert status == 1
    assert "no sha256sum" in said
    assert sorted(bytes_below(folder, trash=False)) == ["a.jpg", "small.jpg", "small.jpg.xmp"]


def test_it_says_what_it_checks_and_the_way_back():
    head = script([]).decode().partition("set -u")[0]
    assert all(word in head for word in ("SHA-256", "`imgurer review undo` does not", "--back"))
