"""Search a store: pictures similar to one, the evidence about two, and the accuracy of both.

`service.SearchService` answers all of these; clusters of a whole store are computed in `clusters`.
"""
