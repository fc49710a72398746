"""Where blobs lie: `base` is the interface, `posix` a folder, `reference` files left in place.

Another kind of storage begins here: a module with a `Backend`, and a setting that chooses it.
"""
