"""Search a store: similar pictures of one, the evidence about two, and how well both are found.

`service.SearchService` is the one object that answers; what it asks about the clusters of a whole
store is in `clusters`.
"""
