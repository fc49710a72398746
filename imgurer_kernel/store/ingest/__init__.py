"""Ingest: find files, read, fingerprint and store them, commit in batches.

`ingest_files` is one call of `Workbench.ingest`: `sources` finds the files, `scan` compares them
with the catalog, `pipeline` and `worker` process those to be read, `intake` stores them. Uploads
and archives go through `intake` and `originals`, too: there is no other way into a store.
"""
