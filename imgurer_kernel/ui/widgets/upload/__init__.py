"""Uploads in pieces: the control in the page, and the receiver in the kernel.

Files arrive as temporary files with a digest; what is done with them is the panel's choice.
"""
