"""Ingest: find files, read, fingerprint and store them, commit in batches."""
