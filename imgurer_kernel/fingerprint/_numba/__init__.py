"""Loops over all pixels of originals in machine code; tests compare each with plain Python."""
