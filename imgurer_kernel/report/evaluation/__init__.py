"""Copies of pictures with known truth, and how well they are found: recall, precision."""
