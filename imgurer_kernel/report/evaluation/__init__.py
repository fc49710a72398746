"""Accuracy on copies with known truth: the sample set, transforms, recall and precision.

This package does not search: `imgurer_kernel.workbench.search.calibrate` does, and passes the
results in.
"""
