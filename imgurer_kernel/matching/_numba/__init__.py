"""Loops of comparing and clustering in machine code; tests compare each with the same in Python."""
