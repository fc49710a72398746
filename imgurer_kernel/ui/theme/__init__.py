"""Colours, spacing, icons: the stylesheet that all widgets share.

Rules of a single widget belong in the stylesheet beside that widget.
"""
