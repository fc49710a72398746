"""Read a store's pictures for searches: queries, loaded pictures, the live index, cached features.

Here is what every search reads. What it concludes from that is in `search` and `clusters`.
"""
