"""Decoder processes shared by all stores of a test process."""

import hashlib
from dataclasses import fields
from functools import cache

from imgurer_kernel.fingerprint.decoder_process import DecoderProcesses
from imgurer_kernel.store import store as module


class SharedDecoders(DecoderProcesses):
    """Decoder processes that stay when a store is closed; they end with the test process.

    What they have found in a file is known from then on: many tests upload the same few pictures.
    """

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self._found = {}

    def fingerprint(self, data, *, limits):
        """Fingerprint a file, in a child if no store had it with these settings."""
        names = [field.name for field in fields(limits) if field.name != "root"]
        key = hashlib.sha256(data).digest(), *(getattr(limits, name) for name in names)
        if key not in self._found:
            self._found[key] = super().fingerprint(data, limits=limits)
        return self._found[key]

    def close(self):
        """Keep the processes for the next store."""


@cache
def of_all_stores(workers):
    """The children of all stores with so many workers."""
    return SharedDecoders(workers)


def install():
    """Make new stores share their decoder processes from now on.

    Each would start one of its own for its first upload: a quarter of a second of processor time,
    in half a thousand tests. What a store does with children of its own is tested in
    tests/store/test_ingest_untrusted.py.
    """
    module.DecoderProcesses = of_all_stores
