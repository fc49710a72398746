"""Uploads in pieces: the control in the page, and what receives them in the kernel."""
