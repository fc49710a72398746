"""Accuracy on copies with known truth: the sample set, transforms, recall and precision.

Nothing in here searches: `imgurer_kernel.workbench.search.calibrate` does, and hands in what was
found.
"""
