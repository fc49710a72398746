"""Compiled loops of comparing pictures; each has a twin in numpy that the tests compare it with."""
