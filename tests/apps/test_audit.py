"""The audit page: admins see acts of others, and nobody else does."""

import json

import pytest
from argon2 import PasswordHasher
from argon2.profiles import CHEAPEST

from imgurer_kernel.apps.server import audit
from imgurer_kernel.apps.server.audit import read_audit
from imgurer_kernel.common.event_log import close_log, note, open_log, path_of
from imgurer_kernel.errors import NotAllowed
from imgurer_kernel.store.catalog import Catalog, decisions
from imgurer_kernel.store.users import Users


@pytest.fixture
def catalog(tmp_path):
    with Catalog(tmp_path) as catalog:
        users = Users(catalog, PasswordHasher.from_parameters(CHEAPEST))
        for name, role in (("ada", "admin"), ("ben", "member")):
            users.create(name, "correct horse", role)
        yield catalog
    close_log()


def test_admins_see_decisions_and_events_the_latest_first(catalog, tmp_path):
    open_log(tmp_path, process="server")
    note("login", user="ben", address="192.0.2.1")
    open_log(tmp_path, process="page", by="ben")
    note("upload", name="a.jpg", bytes=7)
    catalog.run(
        decisions.add,
        "same",
        [["a" * 64, "b" * 64]],
        user="ben",
        is_cluster=False,
        reason="twins",
        batch="sitting",
    )
    rows = read_audit(catalog, "ada", tmp_path)
    assert {(row.user, row.what, row.which) for row in rows} == {
        ("ben", "login", "address 192.0.2.1"),
        ("ben", "upload", "name a.jpg, bytes 7"),
        ("ben", "decided: same", "2 pictures aaaaaaaaaaaa twins"),
    }
    assert rows == sorted(rows, reverse=True)


def test_members_see_nothing_of_it(catalog, tmp_path):
    with pytest.raises(NotAllowed, match="ben is not an admin"):
        read_audit(catalog, "ben", tmp_path)


def test_other_events_are_shown_if_the_log_is_damaged_or_missing(catalog, tmp_path):
    assert read_audit(catalog, "ada", tmp_path) == []
    path = path_of(tmp_path)
    path.parent.mkdir()
    good = json.dumps({"at": "2026-01-01T00:00:00+00:00", "event": "start", "process": "server"})
    odd = [b"\xff\xfe", b"[]", b"{}", b'"at"', b'{"at": 7}', b'{"at": "x"}', b"", good.encode()]
    path.write_bytes(b"\n".join(odd))
    assert [row.what for row in read_audit(catalog, "ada", tmp_path)] == ["start"]


def test_only_so_much_is_read_and_shown(catalog, tmp_path, monkeypatch):
    monkeypatch.setattr(audit, "_LOG_BYTES", 5000)
    monkeypatch.setattr(audit, "MOST", 20)
    open_log(tmp_path, process="server")
    for number in range(1000):
        note("page", user=f"user{number}")
    rows = read_audit(catalog, "ada", tmp_path)
    assert len(rows) == 20
    assert "user999" in {row.user for row in rows}
