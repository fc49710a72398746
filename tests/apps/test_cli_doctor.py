"""``imgurer doctor`` reports on sound and damaged stores, and on unfinished acts."""

import io
import json

from imgurer_kernel.apps.cli.parser import main
from imgurer_kernel.common.event_log import path_of
from imgurer_kernel.store.catalog import Catalog
from imgurer_kernel.store.sessions import Sessions
from imgurer_kernel.store.users import Users

PASSWORD = "correct horse"


def run(capfd, *words):
    status = main([str(word) for word in words])
    return status, capfd.readouterr()


def made(root):
    with Catalog(root) as catalog:
        Users(catalog).create("ada", PASSWORD, "admin")
    return root


def test_a_store_that_is_well(tmp_path, capfd, monkeypatch):
    monkeypatch.setattr("imgurer_kernel.apps.cli.commands.doctor._LITTLE", 0)
    root = made(tmp_path / "store")
    status, said = run(capfd, "--root", root, "doctor")
    assert status == 0
    for word in ("duckdb: ", f"folder: {root}", "images: 0", "accounts: 1", "free: ", "radius: 10"):
        assert word in said.out
    status, said = run(capfd, "--root", root, "doctor", "--json")
    rows = json.loads(said.out)
    assert status == 0
    assert {row["section"] for row in rows} == {
        *("versions", "store", "locks", "space", "index", "log", "settings")
    }
    assert all(row["well"] for row in rows)


def test_a_store_that_is_not_well_and_one_that_is_none(tmp_path, capfd):
    root = made(tmp_path / "store")
    (root / "catalog.duckdb").write_bytes(b"nothing of the kind")
    status, said = run(capfd, "--root", root, "doctor")
    assert status == 1
    assert "PROBLEM problem: the catalog" in said.out
    assert "free: " in said.out, "the rest is told all the same"
    status, said = run(capfd, "--root", tmp_path / "nothing", "doctor")
    assert status == 1
    assert "PROBLEM" in said.out


def test_acts_on_accounts_are_in_the_log_and_passwords_are_not(tmp_path, capfd, monkeypatch):
    root = made(tmp_path / "store")
    for words in (
        ["users", "add", "ben", "--password-stdin"],
        ["users", "passwd", "ben", "--password-stdin"],
        ["users", "disable", "ben"],
        ["users", "enable", "ben"],
        ["users", "adopt", "ben", "--from", "ada"],
    ):
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"another secret\n")))
        assert run(capfd, "--root", root, *words)[0] == 0, words
    text = path_of(root).read_text()
    events = [json.loads(line) for line in text.splitlines()]
    assert [event["event"] for event in events] == [
        *("account-made", "password-set", "account-disabled", "account-enabled"),
        "files-handed-over",
    ]
    assert {event["user"] for event in events} == {"ben"}
    assert {event["process"] for event in events} == {"command"}
    assert "another secret" not in text
    assert "$argon2" not in text


def test_logins_are_listed_and_ended(tmp_path, capfd):
    root = made(tmp_path / "store")
    with Catalog(root) as catalog:
        session = Sessions(catalog).begin("ada", browser="curl/8", address="192.0.2.1")
    assert "192.0.2.1" in run(capfd, "--root", root, "users", "sessions", "ada")[1].out
    status, said = run(capfd, "--root", root, "users", "logout", "ada")
    assert (status, "logged out of 1 browser" in said.out) == (0, True)
    with Catalog(root) as catalog:
        assert Sessions(catalog).holding([session]) == set()
