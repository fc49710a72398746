"""Catalogs opened in one DuckDB instance per test process, instead of one instance each.

An instance registers three thousand functions when it begins: 14 ms of processor time, in each of
some thousand tests several times. Attaching a file to one that runs takes a tenth of that, and
locks, replays and writes it the same way. Tests of catalogs themselves open them as programs do:
`pytestmark = pytest.mark.opens_catalogs`.
"""

import os
import threading
from itertools import count

import duckdb

from imgurer_kernel.store.catalog import catalog as module
from imgurer_kernel.store.catalog import schema

enabled = True
"""Whether catalogs are attached; tests/conftest.py sets it before each test."""

_open_migrated, _shut = module.Catalog._open_migrated, module.Catalog._shut
_connect, _migrate = module.connect, schema.migrate
_numbers = count(1)
_guard = threading.Lock()
_names = {}  # of the attached files, by the id of their connection
_parsed = {}  # texts of single statements
_instances = []  # the last one is in use


def open_migrated(catalog, path):
    """Open a catalog as `Catalog._open_migrated` does: attached, or by it where that fails."""
    in_earnest = (module.connect, schema.migrate) != (_connect, _migrate)
    if not enabled or in_earnest or path != catalog.path:
        return _open_migrated(catalog, path)
    try:
        connection = _attach(path)
    except (duckdb.Error, UnicodeError):
        return _open_migrated(catalog, path)
    try:
        schema.migrate(connection, schema.migrations(), path.parent)
    except BaseException:
        connection.close()
        _detach(connection)
        raise
    return connection


def shut(catalog, connection):
    """Close a catalog as `Catalog._shut` does."""
    try:
        _shut(catalog, connection)
    finally:
        _detach(connection)


def install():
    """Open and close catalogs this way from now on."""
    module.Catalog._open_migrated, module.Catalog._shut = open_migrated, shut
    os.register_at_fork(after_in_child=_begin_anew)


def _begin_anew():
    """Leave the instance alone: its threads are not in a forked child, or it failed."""
    _instances.append(None)


def _attach(path):
    with _guard:
        if not _instances or _instances[-1] is None:
            _instances.append(_connect(":memory:", 0.0))
            # Tables of a few rows: two threads wait for each other longer than they compute, and
            # to look for a better plan takes a tenth of all time.
            _instances[-1].execute("SET threads = 1")
            _instances[-1].execute(f"SET disabled_optimizers = '{_optimizers(_instances[-1])}'")
        connection, name = _instances[-1].cursor(), f"catalog_{next(_numbers)}"
    try:
        quoted = str(path).replace("'", "''")
        connection.execute(f"ATTACH '{quoted}' AS {name}")
        connection.execute(f"USE {name}")
    except BaseException:
        connection.close()
        raise
    connection = Connection(connection)
    _names[id(connection)] = name
    return connection


class Connection:
    """A connection that parses each statement once for all: a tenth of the time of a small one."""

    def __init__(self, connection):
        self._connection = connection

    def __getattr__(self, name):
        return getattr(self._connection, name)

    def execute(self, query, parameters=None):
        if query not in _parsed:
            statements = self._connection.extract_statements(query)
            if len(statements) != 1:
                return self._connection.execute(query, parameters)
            _parsed[query] = statements[0]
        return self._connection.execute(_parsed[query], parameters)


def _optimizers(connection):
    names = connection.execute("SELECT name FROM duckdb_optimizers()").fetchall()
    return ",".join(name for (name,) in names)


def _detach(connection):
    name = _names.pop(id(connection), None)
    if name is None or _instances[-1] is None:
        return
    with _guard:
        try:
            _instances[-1].execute(f"DETACH {name}")
        except duckdb.Error:  # after a fatal error an instance refuses everything
            _begin_anew()
