"""Read a store's pictures for searches: queries, loaded pictures, the live index, cached features.

This is what every search reads; the searches themselves are in `search` and `clusters`.
"""
