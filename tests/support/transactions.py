"""Observe the transactions of catalogs: their number, and what happens between them."""

import threading
from contextlib import contextmanager

from imgurer_kernel.store.catalog import Catalog


class Transactions:
    """Counts transactions; one inside of another is no further one.

    Attributes
    ----------
    count
        How many have ended.
    after
        Called with their number after each of them.
    """

    def __init__(self):
        self.count = 0
        self.after = lambda count: None
        self._lock = threading.Lock()
        self._here = threading.local()

    @property
    def is_open(self):
        """Whether the calling thread is in a transaction."""
        return getattr(self._here, "depth", 0) > 0

    def watch(self, monkeypatch):
        """Watch those of all catalogs from now on."""
        real = Catalog.transaction

        @contextmanager
        def transaction(catalog):
            depth = getattr(self._here, "depth", 0)
            self._here.depth = depth + 1
            try:
                with real(catalog) as connection:
                    yield connection
            finally:
                self._here.depth = depth
            if not depth:
                with self._lock:
                    self.count += 1
                self.after(self.count)

        monkeypatch.setattr(Catalog, "transaction", transaction)
        return self

    def of(self, work):
        """Count the transactions of a function."""
        before = self.count
        work()
        return self.count - before
