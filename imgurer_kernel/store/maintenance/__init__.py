"""Maintain a store: check, repair, recover, renew fingerprints, export and import.

Code that every search or ingest needs does not belong here.
"""
