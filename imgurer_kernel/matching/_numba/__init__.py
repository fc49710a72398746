"""Loops of comparing and clustering in machine code; tests compare each with its Python twin."""
