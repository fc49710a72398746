"""Are these two the same picture? Candidates, comparison, labels and clusters.

Pure: arrays in, arrays and records out. Reading pictures and hashes from a store is for
`imgurer_kernel.workbench`, which hands them in.

From hashes to a verdict: `candidates` (all pairs) or `query_candidates` (one picture against all)
find pairs whose hashes are near; `pair_verifier` compares their pictures, by `verify` and
`alignment`, and `same_layout` where they may be screens or documents; `clusters` groups what is the
same; `difference` and `labels` say what was done to a copy.
"""
