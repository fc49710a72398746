"""Frames, files and figures about clusters, pairs and accuracy, for people to read.

Gets its data handed in as frames; it knows no store, no widget and no server.
"""

from imgurer_kernel.report.clusters import cluster_table, export, summary

__all__ = ["cluster_table", "export", "summary"]
