"""Storage of blobs: `base` is the interface, `posix` a folder, `reference` files left in place.

To add another kind of storage, add a module with a `Backend` here, and a setting that selects it.
"""
