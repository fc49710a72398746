"""Compiled loops of searching hashes; numba is imported here and nowhere else in this room."""
