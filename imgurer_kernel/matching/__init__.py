"""Are these two the same picture? Candidates, comparison, labels and clusters.

Pure: arrays in, arrays and records out. Reading pictures and hashes from a store is for
`imgurer_kernel.workbench`, which hands them in.
"""
