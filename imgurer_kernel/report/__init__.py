"""Frames, files and figures about clusters, pairs and accuracy, for users to read.

Its input is frames; it imports no widget, server or store.
"""

from imgurer_kernel.report.clusters import cluster_table, summary
from imgurer_kernel.report.leakage import Leakage, leakage
from imgurer_kernel.report.report import Report

__all__ = ["Leakage", "Report", "cluster_table", "leakage", "summary"]
