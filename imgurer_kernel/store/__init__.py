"""The store on disk: originals, thumbnails and the catalog; and ingesting pictures into it.

All code that reads or writes the store's folder is here; comparing pictures is not.
"""
