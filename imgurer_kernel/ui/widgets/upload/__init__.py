"""Uploads in chunks: the control in the page, and the receiver in the kernel.

Files arrive as temporary files with a digest; the panel decides what to do with them.
"""
