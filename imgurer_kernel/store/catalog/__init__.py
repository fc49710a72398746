"""The catalog: one DuckDB file of images, files, owners, accounts and decisions.

All SQL of the package is in here, one module for each concern: `queries` reads images,
`files` what users have, `generations` what has changed, `fingerprints` fingerprints; `commands`
adds and forgets; `trash` has what was forgotten, `decisions` what people decided, `journal` what
was done; `users` keeps accounts, `sessions` their logins, `password_tries`
guesses of a password, `quotas` how much they may have. Their functions take a connection, which
`Catalog` gives for the length of a transaction.
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
