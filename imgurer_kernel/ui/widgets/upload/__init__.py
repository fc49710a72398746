"""Uploads in pieces: the control in the page, and the receiver in the kernel."""
