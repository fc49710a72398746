"""Quotas limit how much users may upload."""

import io
import json
import os

import pytest
from argon2 import PasswordHasher
from argon2.profiles import CHEAPEST

from imgurer_kernel import Settings, Workbench
from imgurer_kernel.apps.cli.parser import main
from imgurer_kernel.errors import InvalidUserName, StorageFull, UnknownUser
from imgurer_kernel.store.quotas import EVERYBODY, Quotas, size_of
from imgurer_kernel.store.users import Users
from tests.support.pictures import encode, scene


@pytest.fixture(scope="module")
def pictures():
    return [encode(scene(seed, 160, 120)) for seed in range(4)]


@pytest.fixture
def wb(tmp_path):
    with Workbench(Settings(root=tmp_path / "store")) as wb:
        users = Users(wb.accounts.catalog, PasswordHasher.from_parameters(CHEAPEST))
        for name in ("ben", "cleo"):
            users.create(name, "correct horse")
        yield wb


def test_an_upload_beyond_a_quota_is_refused_and_says_why(wb, pictures):
    quotas = Quotas(wb.accounts.catalog)
    wb.upload("a.jpg", pictures[0], "ben")
    quotas.set("ben", len(pictures[0]) + len(pictures[1]))
    wb.upload("b.jpg", pictures[1], "ben")
    for data in (pictures[2], io.BytesIO(pictures[2])):
        with pytest.raises(StorageFull, match=r"You may have .* are used, .* ask an administrator"):
            wb.upload("c.jpg", data, "ben")
    assert wb.statistics().images == 2
    wb.upload("c.jpg", pictures[2], "cleo")
    quotas.set("ben", None)
    wb.upload("d.jpg", pictures[3], "ben")


def test_uploads_that_are_asked_for_together_count_together(wb):
    quotas = Quotas(wb.accounts.catalog)
    quotas.set("ben", 100)
    quotas.set(EVERYBODY, 150)
    assert quotas.admit([("ben", 50), ("Ben", 50), ("cleo", 50)]) == ["ben", "ben", "cleo"]
    for uploads in ([("ben", 50), ("cleo", 1), ("ben", 51)], [("ben", 100), ("cleo", 51)]):
        with pytest.raises(StorageFull):
            quotas.admit(uploads)


def test_a_picture_counts_once_for_each_and_once_for_all(wb, pictures):
    quotas = Quotas(wb.accounts.catalog)
    for name in ("ben", "cleo"):
        for number in range(2):
            wb.upload(f"{number}.jpg", pictures[0], name)
    quotas.set(EVERYBODY, 10**9)
    quotas.set("Ben", 10**6)
    assert quotas.list().to_dict("list") == {
        "name": ["", "ben"],
        "bytes": [10**9, 10**6],
        "used": [len(pictures[0])] * 2,
    }
    quotas.set(EVERYBODY, len(pictures[0]) + 1)
    with pytest.raises(StorageFull, match="All together may have"):
        wb.upload("b.jpg", pictures[1], "cleo")


def test_quotas_are_of_accounts_that_there_are(wb):
    for name, error in (("nobody", UnknownUser), ("../ben", InvalidUserName)):
        with pytest.raises(error):
            Quotas(wb.accounts.catalog).set(name, 5)


def test_the_size_of_a_file_is_known_without_reading_it(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"12345")
    with path.open("rb") as file:
        assert size_of(file) == 5
        assert file.tell() == 0
    assert size_of(memoryview(b"123")) == 3
    assert size_of(io.BytesIO(b"123")) == 3
    reading, writing = os.pipe()
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        assert size_of(pipe) == 0, "nobody knows"


def test_the_command_sets_lists_and_removes(wb, capfd):
    root = str(wb.settings.root)
    wb.close()

    def run(*words):
        assert main(["--root", root, "users", "quota", *words, "--json"]) == 0
        return [(row["name"], row["bytes"]) for row in json.loads(capfd.readouterr().out)]

    assert run() == []
    assert run("ben", "--set", "20M") == [("ben", 20_000_000)]
    assert run("--set", "1G") == [("", 10**9), ("ben", 20_000_000)]
    assert run("ben", "--unset") == [("", 10**9)]
