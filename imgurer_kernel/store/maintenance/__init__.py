"""Keep a store sound: check, repair, recover, renew fingerprints, export and import.

What every search or ingest needs does not belong here.
"""
