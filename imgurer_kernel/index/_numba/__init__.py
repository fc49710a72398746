"""Compiled loops for searching hashes; the only folder of `index` that imports numba."""
