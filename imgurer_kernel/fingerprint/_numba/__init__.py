"""Compiled loops over all pixels of originals; tests compare each with plain Python."""
