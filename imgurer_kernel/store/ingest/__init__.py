"""The way into the store: find files, read, fingerprint and store them, commit in batches."""
