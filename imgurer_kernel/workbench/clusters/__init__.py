"""Find the clusters of a store, cache them for every process, and choose the file of each to keep.

Which pictures are the same is decided in `matching`; here it is asked about what a store has, and
the answer becomes frames with a row for each file.
"""
