"""The catalog: one DuckDB file of images, files, owners, accounts and decisions.

All SQL of the package is in this folder, one module for each concern: `queries` reads images,
`files` the users' files, `generations` the changes since a generation, `fingerprints` fingerprints;
`commands` adds and forgets; `trash` has the forgotten files, `decisions` the users' decisions,
`journal` the acts; `users` keeps accounts, `sessions` logins, `password_tries` wrong passwords,
`quotas` the limits of users in bytes. Their functions take a connection, which `Catalog` provides
for one transaction.
"""

from imgurer_kernel.store.catalog import (
    commands,
    decisions,
    files,
    fingerprints,
    generations,
    journal,
    known_files,
    queries,
    quotas,
    sessions,
    trash,
    users,
)
from imgurer_kernel.store.catalog.catalog import Catalog
from imgurer_kernel.store.catalog.connection import Connection
from imgurer_kernel.store.catalog.generations import Changes
from imgurer_kernel.store.catalog.queries import Statistics

__all__ = [
    "Catalog",
    "Changes",
    "Connection",
    "Statistics",
    "commands",
    "decisions",
    "files",
    "fingerprints",
    "generations",
    "journal",
    "known_files",
    "queries",
    "quotas",
    "sessions",
    "trash",
    "users",
]
