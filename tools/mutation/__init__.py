"""Change the core a little, and see whether its tests notice."""
