"""Frames, files and figures about clusters, pairs and accuracy, for people to read.

Gets its data handed in as frames; it knows no widget and no server, and no store.
"""

from imgurer_kernel.report.clusters import cluster_table, summary
from imgurer_kernel.report.leakage import Leakage, leakage
from imgurer_kernel.report.report import Report

__all__ = ["Leakage", "Report", "cluster_table", "leakage", "summary"]
