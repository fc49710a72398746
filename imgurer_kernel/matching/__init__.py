"""Decide whether two images show the same picture: candidates, comparison, labels, clusters.

Pure: arrays in, arrays and records out. Reading pictures and hashes from a store is for
`imgurer_kernel.workbench`, which passes them in.

From hashes to a verdict: `candidates` (all pairs) or `query_candidates` (one picture against all)
find pairs whose hashes are near; `pair_verifier` compares their pictures, by `verify` and
`alignment`, and passes pairs that agree to `judgement`. That uses `local_agreement` (block by block
and by colours), `seams` (collages), `same_layout` (screens and documents), capture times and
`original_pairs` (pages whose thumbnails leave a doubt); `relation` has the rules and the
vocabulary. `clusters` groups pictures that are the same; `difference` and `labels` find out what
was done to a copy.
"""
